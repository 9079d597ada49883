// db_sqlite.c - an SQLite table or query as a source of CSV.
#include "base/memory.h"
#include "data/database.h"

#include <config.h>
#include <stdio.h>
#include <string.h>

bool sqlite_recognise(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    char head[sizeof magic] = { 0 };
    FILE *f = fopen(path, "rbe");
    if (!f) return false;
    const size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    return n == sizeof head && memcmp(head, magic, sizeof magic) == 0;
}

#ifdef HAVE_SQLITE
#include "base/buffer.h"

#include <sqlite3.h>

typedef struct sqlite_state {
    sqlite3 *db;
    sqlite3_stmt *statement;
    buffer text; // rows not yet read, from `at`
    size_t at;
    bool header_done, ended;
} sqlite_state;

static void sqlite_close(void *state)
{
    sqlite_state *s = state;
    sqlite3_finalize(s->statement);
    sqlite3_close(s->db);
    buffer_free(&s->text);
    mem_free(s);
}

static void add_field(buffer *b, const char *text, size_t len, bool first)
{
    if (!first) buffer_text(b, ",");
    bool quote = false;
    for (size_t i = 0; i < len && !quote; i++) quote = text[i] && strchr(",\"\r\n", text[i]);
    if (!quote) {
        buffer_add(b, text, len);
        return;
    }
    buffer_text(b, "\"");
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') buffer_text(b, "\"");
        buffer_add(b, text + i, 1);
    }
    buffer_text(b, "\"");
}

static void add_header(sqlite_state *s)
{
    const int n = sqlite3_column_count(s->statement);
    for (int i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(s->statement, i);
        add_field(&s->text, name ? name : "", name ? strlen(name) : 0, i == 0);
    }
    buffer_text(&s->text, "\n");
    s->header_done = true;
}

static void add_row(sqlite_state *s)
{
    const int n = sqlite3_column_count(s->statement);
    for (int i = 0; i < n; i++) {
        const char *text = (const char *)sqlite3_column_text(s->statement, i);
        const int len = sqlite3_column_bytes(s->statement, i);
        add_field(&s->text, text ? text : "", text ? (size_t)len : 0, i == 0);
    }
    buffer_text(&s->text, "\n");
}

static habit_status sqlite_failed(const sqlite_state *s, const char *name, habit_error *err)
{
    const int code = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;
    return fail(err, code == SQLITE_NOMEM ? HABIT_ENOMEM : HABIT_EFORMAT, "%s: SQLite: %s", name,
                s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static habit_status sqlite_read(source *src, char *to, size_t want, size_t *got, habit_error *err)
{
    enum { FILL = 256 << 10 };
    sqlite_state *s = src->state;
    if (s->at == s->text.len) {
        s->at = 0;
        buffer_clear(&s->text);
        if (!s->header_done) add_header(s);
        while (!s->ended && s->text.len < FILL) {
            const int step = sqlite3_step(s->statement);
            if (step == SQLITE_ROW)
                add_row(s);
            else if (step == SQLITE_DONE)
                s->ended = true;
            else
                return sqlite_failed(s, src->name, err);
        }
        TRY(buffer_check(&s->text, err));
    }
    *got = s->text.len - s->at < want ? s->text.len - s->at : want;
    if (*got) memcpy(to, s->text.data + s->at, *got);
    s->at += *got;
    src->done += *got;
    return HABIT_OK;
}

static habit_status choose_table(sqlite_state *s, const char *path, table_choice *choice,
                                 habit_error *err)
{
    static const char sql[] =
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
        "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY m.name, c.cid";
    sqlite3_stmt *list = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &list, NULL) != SQLITE_OK)
        return sqlite_failed(s, path, err);
    habit_status st = HABIT_OK;
    char last[256] = "";
    while (st == HABIT_OK && sqlite3_step(list) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(list, 0);
        const char *name = (const char *)sqlite3_column_text(list, 1);
        if (!table || !name) continue;
        if (strncmp(table, last, sizeof last - 1) != 0) table_choice_begin(choice, table);
        snprintf(last, sizeof last, "%s", table);
        st = table_choice_column(choice, name, err);
    }
    if (sqlite3_finalize(list) != SQLITE_OK && st == HABIT_OK) st = sqlite_failed(s, path, err);
    return st == HABIT_OK ? table_choice_end(choice, path, err) : st;
}

static habit_status prepare_statement(sqlite_state *s, const char *path, const char *query,
                                      habit_error *err)
{
    const char *rest = "";
    char *sql = query_is_statement(query) ? sqlite3_mprintf("%s", query)
                                          : sqlite3_mprintf("SELECT * FROM \"%w\"", query);
    if (!sql) return fail_memory(err, "query", strlen(query));
    const int code = sqlite3_prepare_v2(s->db, sql, -1, &s->statement, &rest);
    const bool one = code != SQLITE_OK || rest[strspn(rest, " \t\r\n;")] == '\0';
    sqlite3_free(sql);
    if (code != SQLITE_OK) return sqlite_failed(s, path, err);
    if (!one || !s->statement || !sqlite3_stmt_readonly(s->statement) ||
        sqlite3_column_count(s->statement) == 0)
        return fail(err, HABIT_EINVAL, "--query: '%s' is not one SELECT statement", query);
    return HABIT_OK;
}

// The store of a service (src/store) says so in its header; its view `log` is what it knows of events.
static bool is_store(sqlite_state *s)
{
    enum { STORE = 0x68616274 };
    sqlite3_stmt *id = NULL;
    const bool ours =
        sqlite3_prepare_v2(s->db, "PRAGMA application_id", -1, &id, NULL) == SQLITE_OK &&
        sqlite3_step(id) == SQLITE_ROW && sqlite3_column_int(id, 0) == STORE;
    sqlite3_finalize(id);
    return ours;
}

static habit_status open_statement(sqlite_state *s, const char *path, const import_options *options,
                                   const run *job, habit_error *err)
{
    if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return sqlite_failed(s, path, err);
    sqlite3_busy_timeout(s->db, 10000); // a writer may hold the file for a moment
    if (options->query) return prepare_statement(s, path, options->query, err);
    if (is_store(s)) return prepare_statement(s, path, "log", err);
    table_choice choice = { .options = options };
    habit_status st = choose_table(s, path, &choice, err);
    if (st == HABIT_OK) {
        run_log(job, LOG_NOTE, "%s: table %s", path, choice.fitting);
        st = prepare_statement(s, path, choice.fitting, err);
    }
    table_choice_free(&choice);
    return st;
}

habit_status sqlite_source(source **out, const char *path, const import_options *options,
                           const run *job, habit_error *err)
{
    static const source_ops ops = { sqlite_read, sqlite_close };
    sqlite_state *s = ZNEW(sqlite_state, 1);
    if (!s) return fail_memory(err, "database", sizeof *s);
    const habit_status st = open_statement(s, path, options, job, err);
    if (st != HABIT_OK) {
        sqlite_close(s);
        return st;
    }
    TRY(source_new(out, path, &ops, s, err));
    (*out)->format = "sqlite";
    return HABIT_OK;
}

#else

habit_status sqlite_source(source **out, const char *path, const import_options *options,
                           const run *job, habit_error *err)
{
    (void)out, (void)options, (void)job;
    return fail(
        err, HABIT_EFORMAT,
        "%s is an SQLite database, and this build has no SQLite: install libsqlite3-dev and "
        "build again, or export the table as CSV",
        path);
}
#endif
