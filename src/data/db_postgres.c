// db_postgres.c - a PostgreSQL table or query as a source of CSV, by COPY ... TO STDOUT.
//
// COPY streams: neither side holds more than a few rows.  The session is read-only, in UTC, and
// writes times as ISO-8601.
#include "base/memory.h"
#include "data/database.h"

#include <config.h>
#include <stdio.h>
#include <string.h>

bool postgres_recognise(const char *address)
{
    return strncmp(address, "postgres://", 11) == 0 || strncmp(address, "postgresql://", 13) == 0;
}

#ifdef HAVE_POSTGRES
#include "base/buffer.h"

#include <libpq-fe.h>

typedef struct postgres_state {
    PGconn *server;
    char name[200]; // for messages: without the password
    char *row;      // the piece of CSV being read, from `at`
    size_t at, len;
    bool ended;
} postgres_state;

static void postgres_close(void *state)
{
    postgres_state *s = state;
    if (s->row) PQfreemem(s->row);
    PQfinish(s->server);
    mem_free(s);
}

static habit_status postgres_failed(const postgres_state *s, habit_status st, habit_error *err)
{
    char text[300];
    snprintf(text, sizeof text, "%s", s->server ? PQerrorMessage(s->server) : "out of memory");
    for (char *p = text; *p; p++)
        if (*p == '\n') *p = p[1] ? ' ' : '\0';
    return fail(err, st, "%s: %s", s->name, text);
}

static habit_status postgres_read(source *src, char *to, size_t want, size_t *got, habit_error *err)
{
    postgres_state *s = src->state;
    *got = 0;
    if (s->at == s->len && !s->ended) {
        if (s->row) PQfreemem(s->row);
        s->row = NULL;
        s->at = s->len = 0;
        const int n = PQgetCopyData(s->server, &s->row, 0);
        if (n == -2) return postgres_failed(s, HABIT_EIO, err);
        if (n == -1) {
            s->ended = true;
            PGresult *result = PQgetResult(s->server);
            const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
            PQclear(result);
            if (!good) return postgres_failed(s, HABIT_EIO, err);
        } else
            s->len = (size_t)n;
    }
    *got = s->len - s->at < want ? s->len - s->at : want;
    if (*got) memcpy(to, s->row + s->at, *got);
    s->at += *got;
    src->done += *got;
    return HABIT_OK;
}

static habit_status run_command(postgres_state *s, const char *sql, habit_error *err)
{
    PGresult *result = PQexec(s->server, sql);
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return good ? HABIT_OK : postgres_failed(s, HABIT_EIO, err);
}

static habit_status choose_table(postgres_state *s, table_choice *choice, habit_error *err)
{
    static const char sql[] =
        "SELECT CASE table_schema WHEN 'public' THEN table_name "
        "ELSE table_schema || '.' || table_name END, column_name FROM information_schema.columns "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') "
        "ORDER BY table_schema, table_name, ordinal_position";
    PGresult *result = PQexec(s->server, sql);
    habit_status st = HABIT_OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) st = postgres_failed(s, HABIT_EIO, err);
    const int n = st == HABIT_OK ? PQntuples(result) : 0;
    for (int i = 0; i < n && st == HABIT_OK; i++) {
        const char *table = PQgetvalue(result, i, 0);
        if (i == 0 || strcmp(table, PQgetvalue(result, i - 1, 0)) != 0)
            table_choice_begin(choice, table);
        st = table_choice_column(choice, PQgetvalue(result, i, 1), err);
    }
    PQclear(result);
    return st == HABIT_OK ? table_choice_end(choice, s->name, err) : st;
}

// "shop.events" -> "shop"."events"
static habit_status add_table(postgres_state *s, buffer *sql, const char *table, habit_error *err)
{
    for (const char *part = table; part;) {
        const char *dot = strchr(part, '.');
        char *quoted =
            PQescapeIdentifier(s->server, part, dot ? (size_t)(dot - part) : strlen(part));
        if (!quoted) return postgres_failed(s, HABIT_EINVAL, err);
        buffer_format(sql, "%s%s", part == table ? "" : ".", quoted);
        PQfreemem(quoted);
        part = dot ? dot + 1 : NULL;
    }
    return HABIT_OK;
}

static habit_status start_copy(postgres_state *s, const char *query, habit_error *err)
{
    buffer sql = { 0 };
    habit_status st = HABIT_OK;
    buffer_text(&sql, "COPY (");
    if (query_is_statement(query)) {
        size_t len = strlen(query);
        while (len && strchr(" \t\r\n;", query[len - 1])) len--;
        buffer_add(&sql, query, len);
    } else {
        buffer_text(&sql, "SELECT * FROM ");
        st = add_table(s, &sql, query, err);
    }
    buffer_text(&sql, ") TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')");
    if (st == HABIT_OK) st = buffer_check(&sql, err);
    if (st == HABIT_OK) {
        PGresult *result = PQexec(s->server, sql.data);
        if (PQresultStatus(result) != PGRES_COPY_OUT) st = postgres_failed(s, HABIT_EFORMAT, err);
        PQclear(result);
    }
    buffer_free(&sql);
    return st;
}

static habit_status connect_server(postgres_state *s, const char *address, habit_error *err)
{
    snprintf(s->name, sizeof s->name, "postgres");
    s->server = PQconnectdb(address);
    if (!s->server || PQstatus(s->server) != CONNECTION_OK)
        return postgres_failed(s, HABIT_EIO, err);
    const char *host = PQhost(s->server), *db = PQdb(s->server);
    snprintf(s->name, sizeof s->name, "postgres://%s/%s", host ? host : "", db ? db : "");
    return run_command(
        s, "BEGIN READ ONLY; SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'", err);
}

static habit_status open_copy(postgres_state *s, const char *address, const import_options *options,
                              const run *job, habit_error *err)
{
    TRY(connect_server(s, address, err));
    if (options->query) return start_copy(s, options->query, err);
    table_choice choice = { .options = options };
    habit_status st = choose_table(s, &choice, err);
    if (st == HABIT_OK) {
        run_log(job, LOG_NOTE, "%s: table %s", s->name, choice.fitting);
        st = start_copy(s, choice.fitting, err);
    }
    table_choice_free(&choice);
    return st;
}

habit_status postgres_source(source **out, const char *address, const import_options *options,
                             const run *job, habit_error *err)
{
    static const source_ops ops = { postgres_read, postgres_close };
    postgres_state *s = ZNEW(postgres_state, 1);
    if (!s) return fail_memory(err, "database", sizeof *s);
    const habit_status st = open_copy(s, address, options, job, err);
    if (st != HABIT_OK) {
        postgres_close(s);
        return st;
    }
    TRY(source_new(out, s->name, &ops, s, err));
    (*out)->format = "postgres";
    return HABIT_OK;
}

#else

habit_status postgres_source(source **out, const char *address, const import_options *options,
                             const run *job, habit_error *err)
{
    (void)out, (void)address, (void)options, (void)job;
    return fail(err, HABIT_EFORMAT,
                "postgres: this build has no PostgreSQL: install libpq-dev and build again, or "
                "export the table as CSV");
}
#endif
