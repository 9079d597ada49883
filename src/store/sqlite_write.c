// sqlite_write.c - the connection that writes.
#include "base/buffer.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/memory.h"
#include "store/sqlite_parts.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum statement {
    BEGIN,
    COMMIT,
    SAVE,
    RELEASE,
    UNDO,
    USER_OF,
    USER_NEW,
    ITEM_OF,
    ITEM_NEW,
    BEHAVIOUR_OF,
    BEHAVIOUR_NEW,
    EVENT_NEW,
    EVENT_ADD,
    EVENT_REPLACE,
    EVENTS_TRIM,
    ITEM_PUT,
    USER_PUT,
    ITEM_PATCH,
    USER_PATCH,
    CATEGORY_ADD,
    CATEGORY_DROP,
    ANSWER_NEW,
    EVENTS_DELETE,
    ITEM_EVENTS_DELETE,
    ITEM_DELETE,
    GONE_ADD,
    GONE_DELETE,
    USER_EVENTS_DELETE,
    USER_ANSWERS_DELETE,
    USER_DELETE,
    EVENTS_EXPIRE,
    ANSWERS_EXPIRE,
    STATEMENTS
};

// clang-format off
static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [SAVE] = "SAVEPOINT w",
    [RELEASE] = "RELEASE w",
    [UNDO] = "ROLLBACK TO w",
    [USER_OF] = "SELECT id FROM users WHERE name = ?1",
    [USER_NEW] = "INSERT INTO users(name) VALUES(?1)",
    [ITEM_OF] = "SELECT id FROM items WHERE name = ?1",
    [ITEM_NEW] = "INSERT INTO items(name) VALUES(?1)",
    [BEHAVIOUR_OF] = "SELECT id FROM behaviours WHERE name = ?1",
    [BEHAVIOUR_NEW] = "INSERT INTO behaviours(name) VALUES(?1)",
    [EVENT_NEW] = "INSERT INTO events(user, item, behaviour, time, value, key, answer, fields)"
                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(key) WHERE key IS NOT NULL DO NOTHING",
    [EVENT_ADD] = "INSERT INTO events(user, item, behaviour, time, value, key, answer, fields)"
                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(key) WHERE key IS NOT NULL"
                  " DO UPDATE SET value = coalesce(value + excluded.value, value, excluded.value), time = excluded.time,"
                  " fields = coalesce(excluded.fields, fields)",
    [EVENT_REPLACE] = "INSERT INTO events(user, item, behaviour, time, value, key, answer, fields)"
                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(key) WHERE key IS NOT NULL"
                  " DO UPDATE SET user = excluded.user, item = excluded.item, behaviour = excluded.behaviour,"
                  " time = excluded.time, value = excluded.value, answer = excluded.answer, fields = excluded.fields",
    [EVENTS_TRIM] = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE user = ?1"
                    " ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?2)",
    [ITEM_PUT] = "INSERT INTO items(name, hidden, time, categories, fields, comment) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
                 " ON CONFLICT(name) DO UPDATE SET hidden = excluded.hidden, time = excluded.time,"
                 " categories = excluded.categories, fields = excluded.fields, comment = excluded.comment",
    [USER_PUT] = "INSERT INTO users(name, fields, comment) VALUES(?1, ?2, ?3)"
                 " ON CONFLICT(name) DO UPDATE SET fields = excluded.fields, comment = excluded.comment",
    [ITEM_PATCH] = "INSERT INTO items(name, hidden, time, categories, fields, comment)"
                   " VALUES(?1, coalesce(?2, 0), ?3, ?4, ?5, ?6) ON CONFLICT(name) DO UPDATE SET"
                   " hidden = coalesce(?2, hidden), time = coalesce(?3, time), categories = coalesce(?4, categories),"
                   " fields = coalesce(?5, fields), comment = coalesce(?6, comment)",
    [USER_PATCH] = "INSERT INTO users(name, fields, comment) VALUES(?1, ?2, ?3) ON CONFLICT(name)"
                   " DO UPDATE SET fields = coalesce(?2, fields), comment = coalesce(?3, comment)",
    // Texts are bound as BLOBs, and JSON functions read text.
    [CATEGORY_ADD] = "UPDATE items SET categories = CASE WHEN EXISTS (SELECT 1 FROM json_each(CAST(categories AS TEXT))"
                     " WHERE value = CAST(?2 AS TEXT)) THEN categories"
                     " ELSE json_insert(coalesce(CAST(categories AS TEXT), '[]'), '$[#]', CAST(?2 AS TEXT)) END WHERE name = ?1",
    [CATEGORY_DROP] = "UPDATE items SET categories = CASE WHEN categories IS NOT NULL THEN (SELECT json_group_array(value)"
                      " FROM json_each(CAST(categories AS TEXT)) WHERE value <> CAST(?2 AS TEXT)) END WHERE name = ?1",
    [ANSWER_NEW] = "INSERT INTO answers(name, user, time, model, source, items) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
                   " ON CONFLICT(name) DO NOTHING",
    [EVENTS_DELETE] = "DELETE FROM events WHERE user = ?1 AND (?2 IS NULL OR item = ?2)"
                      " AND (?3 IS NULL OR behaviour = ?3)",
    [ITEM_EVENTS_DELETE] = "DELETE FROM events WHERE item = ?1",
    [ITEM_DELETE] = "DELETE FROM items WHERE id = ?1",
    [GONE_ADD] = "INSERT INTO gone(hash) VALUES(?1) ON CONFLICT DO NOTHING",
    [GONE_DELETE] = "DELETE FROM gone WHERE hash = ?1",
    [USER_EVENTS_DELETE] = "DELETE FROM events WHERE user = ?1",
    [USER_ANSWERS_DELETE] = "DELETE FROM answers WHERE user = ?1",
    [USER_DELETE] = "DELETE FROM users WHERE id = ?1",
    [EVENTS_EXPIRE] = "DELETE FROM events WHERE time < ?1",
    [ANSWERS_EXPIRE] = "DELETE FROM answers WHERE time < ?1",
};
// clang-format on

typedef struct writer {
    sqlite3 *c;
    sqlite3_stmt *statement[STATEMENTS];
    db_options options;
    json_t *keep;   // names of the fields that are kept, or NULL
    buffer fields;  // those of the event being written
    buffer answer;  // the items of the answer being written
    bool any_gone;  // perhaps
    int log_frames; // pages in the log that are not folded into the tables
} writer;

static int on_log(void *ctx, sqlite3 *c, const char *name, int frames)
{
    (void)c, (void)name;
    ((writer *)ctx)->log_frames = frames;
    return SQLITE_OK;
}

static habit_status keep_list(writer *w, habit_error *err)
{
    if (!w->options.keep_fields) return HABIT_OK;
    if (!(w->keep = json_object())) return fail_memory(err, "fields", 0);
    for (const char *s = w->options.keep_fields; *s;) {
        const size_t n = strcspn(s, ",");
        if (n && json_object_setn_new(w->keep, s, n, json_true()))
            return fail(err, HABIT_EINVAL, "fields to keep: '%s' is not UTF-8", s);
        s += n + (s[n] == ',');
    }
    return HABIT_OK;
}

static void writer_close(void *state)
{
    writer *w = state;
    for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(w->statement[i]);
    sqlite3_close(w->c);
    json_decref(w->keep);
    buffer_free(&w->fields);
    buffer_free(&w->answer);
    mem_free(w);
}

static habit_status writer_open(void **out, const char *path, const db_options *o, habit_error *err)
{
    writer *w = ZNEW(writer, 1);
    if (!w) return fail_memory(err, "database", sizeof *w);
    w->options = *o;
    habit_status st = keep_list(w, err);
    if (st == HABIT_OK) st = sqlite_connect(&w->c, path, o, true, err);
    if (st == HABIT_OK) st = sqlite_migrate(w->c, path, err);
    for (int i = 0; i < STATEMENTS && st == HABIT_OK; i++)
        st = sqlite_prepare(w->c, &w->statement[i], sql[i], err);
    if (st != HABIT_OK) {
        writer_close(w);
        return st;
    }
    w->any_gone = true;
    sqlite3_wal_hook(w->c, on_log, w);
    *out = w;
    return HABIT_OK;
}

// --- statements -------------------------------------------------------------------------------------

static habit_status run(writer *w, enum statement which, habit_error *err)
{
    sqlite3_stmt *s = w->statement[which];
    const int code = sqlite3_step(s);
    const habit_status st =
        code == SQLITE_DONE || code == SQLITE_ROW ? HABIT_OK : sqlite_fail(w->c, "write", err);
    sqlite3_reset(s);
    return st;
}

// The number of a name; 0 if it has none.
static habit_status number_of(writer *w, enum statement which, db_text name, int64_t *id,
                              habit_error *err)
{
    sqlite3_stmt *s = w->statement[which];
    sqlite_bind_text(s, 1, name);
    const int code = sqlite3_step(s);
    *id = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    const habit_status st =
        code == SQLITE_ROW || code == SQLITE_DONE ? HABIT_OK : sqlite_fail(w->c, "look up", err);
    sqlite3_reset(s);
    return st;
}

// Whether an item is deleted, for those who know of it from elsewhere.
static habit_status set_gone(writer *w, db_text item, bool gone, habit_error *err)
{
    if (!gone && !w->any_gone) return HABIT_OK;
    const enum statement how = gone ? GONE_ADD : GONE_DELETE;
    w->any_gone |= gone;
    sqlite3_bind_int64(w->statement[how], 1, (int64_t)ids_hash(item.at, item.len));
    return run(w, how, err);
}

// The same of one that gets a number if it has none: `which` is followed by its insertion.
static habit_status number_for(writer *w, enum statement which, db_text name, int64_t *id,
                               habit_error *err)
{
    TRY(number_of(w, which, name, id, err));
    if (*id) return HABIT_OK;
    sqlite_bind_text(w->statement[which + 1], 1, name);
    TRY(run(w, which + 1, err));
    *id = sqlite3_last_insert_rowid(w->c);
    return which == ITEM_OF ? set_gone(w, name, false, err) : HABIT_OK;
}

// --- operations -------------------------------------------------------------------------------------

// The fields that are kept, in w->fields.
static habit_status minimise(writer *w, db_text fields, db_text *out, habit_error *err)
{
    *out = fields;
    if (!fields.at || !w->keep) return HABIT_OK;
    json_t *all = json_loadb(fields.at, fields.len, 0, NULL);
    if (!json_is_object(all)) {
        json_decref(all);
        return fail(err, HABIT_EINVAL, "the fields of an event are not a JSON object");
    }
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(all, next, key, value) if (!json_object_get(w->keep, key))
        json_object_del(all, key);
    char *text = json_object_size(all) ? json_dumps(all, JSON_COMPACT) : NULL;
    buffer_clear(&w->fields);
    if (text) buffer_text(&w->fields, text);
    *out = text ? (db_text){ w->fields.data, w->fields.len } : (db_text){ 0 };
    const habit_status st = buffer_check(&w->fields, err);
    free(text);
    json_decref(all);
    return st;
}

static habit_status put_event(writer *w, db_op *op, habit_error *err)
{
    static const enum statement how[] = { EVENT_NEW, EVENT_ADD, EVENT_REPLACE };
    const db_event *e = &op->event;
    sqlite3_stmt *s = w->statement[how[e->repeat]];
    int64_t user, item, behaviour;
    db_text fields;
    TRY(number_for(w, USER_OF, e->user, &user, err));
    TRY(number_for(w, ITEM_OF, e->item, &item, err));
    TRY(number_for(w, BEHAVIOUR_OF, e->behaviour, &behaviour, err));
    TRY(minimise(w, e->fields, &fields, err));
    sqlite3_bind_int64(s, 1, user);
    sqlite3_bind_int64(s, 2, item);
    sqlite3_bind_int64(s, 3, behaviour);
    sqlite3_bind_int64(s, 4, e->time);
    if (isnan(e->value))
        sqlite3_bind_null(s, 5);
    else
        sqlite3_bind_double(s, 5, e->value);
    sqlite_bind_text(s, 6, e->id);
    sqlite_bind_text(s, 7, e->recommendation);
    sqlite_bind_text(s, 8, fields);
    sqlite3_set_last_insert_rowid(w->c, 0); // stays so if the event is there already
    TRY(run(w, how[e->repeat], err));
    op->changed = (uint32_t)sqlite3_changes(w->c);
    op->place = sqlite3_last_insert_rowid(w->c);
    if (!op->changed || !w->options.keep_events) return HABIT_OK;
    sqlite3_bind_int64(w->statement[EVENTS_TRIM], 1, user);
    sqlite3_bind_int(w->statement[EVENTS_TRIM], 2, w->options.keep_events);
    return run(w, EVENTS_TRIM, err);
}

static habit_status put_item(writer *w, db_op *op, habit_error *err)
{
    const db_item *i = &op->item;
    const enum statement how = op->kind == DB_PATCH_ITEM ? ITEM_PATCH : ITEM_PUT;
    sqlite3_stmt *s = w->statement[how];
    sqlite_bind_text(s, 1, i->id);
    if (how == ITEM_PATCH && i->keep_hidden)
        sqlite3_bind_null(s, 2);
    else
        sqlite3_bind_int(s, 2, i->hidden);
    if (i->time == TIME_NONE)
        sqlite3_bind_null(s, 3);
    else
        sqlite3_bind_int64(s, 3, i->time);
    sqlite_bind_text(s, 4, i->categories);
    sqlite_bind_text(s, 5, i->fields);
    sqlite_bind_text(s, 6, i->comment);
    TRY(run(w, how, err));
    op->changed = 1;
    return set_gone(w, i->id, false, err);
}

static habit_status put_user(writer *w, db_op *op, habit_error *err)
{
    const enum statement how = op->kind == DB_PATCH_USER ? USER_PATCH : USER_PUT;
    sqlite3_stmt *s = w->statement[how];
    sqlite_bind_text(s, 1, op->user.id);
    sqlite_bind_text(s, 2, op->user.fields);
    sqlite_bind_text(s, 3, op->user.comment);
    TRY(run(w, how, err));
    op->changed = 1;
    return HABIT_OK;
}

static habit_status change_category(writer *w, db_op *op, habit_error *err)
{
    const enum statement how = op->kind == DB_ADD_CATEGORY ? CATEGORY_ADD : CATEGORY_DROP;
    sqlite_bind_text(w->statement[how], 1, op->item.id);
    sqlite_bind_text(w->statement[how], 2, op->item.categories);
    TRY(run(w, how, err));
    op->changed = (uint32_t)sqlite3_changes(w->c);
    return HABIT_OK;
}

static habit_status put_answer(writer *w, db_op *op, habit_error *err)
{
    const db_answer *a = &op->answer;
    int64_t user = 0;
    if (a->user.at) TRY(number_for(w, USER_OF, a->user, &user, err));
    buffer_clear(&w->answer);
    for (size_t k = 0; k < a->items; k++) {
        int64_t item;
        TRY(number_for(w, ITEM_OF, a->item[k], &item, err));
        const unsigned char bytes[4] = { (unsigned char)item, (unsigned char)(item >> 8),
                                         (unsigned char)(item >> 16), (unsigned char)(item >> 24) };
        buffer_add(&w->answer, bytes, sizeof bytes);
    }
    TRY(buffer_check(&w->answer, err));
    sqlite3_stmt *s = w->statement[ANSWER_NEW];
    sqlite_bind_text(s, 1, a->id);
    if (a->user.at)
        sqlite3_bind_int64(s, 2, user);
    else
        sqlite3_bind_null(s, 2);
    sqlite3_bind_int64(s, 3, a->time);
    sqlite_bind_text(s, 4, a->model);
    sqlite_bind_text(s, 5, a->source);
    sqlite_bind_text(s, 6, (db_text){ w->answer.len ? w->answer.data : "", w->answer.len });
    TRY(run(w, ANSWER_NEW, err));
    op->changed = (uint32_t)sqlite3_changes(w->c);
    return HABIT_OK;
}

static habit_status delete_events(writer *w, db_op *op, habit_error *err)
{
    sqlite3_stmt *s = w->statement[EVENTS_DELETE];
    const db_event *e = &op->event;
    int64_t user, item = 0, behaviour = 0;
    TRY(number_of(w, USER_OF, e->user, &user, err));
    if (e->item.at) TRY(number_of(w, ITEM_OF, e->item, &item, err));
    if (e->behaviour.at) TRY(number_of(w, BEHAVIOUR_OF, e->behaviour, &behaviour, err));
    if (!user || (e->item.at && !item) || (e->behaviour.at && !behaviour)) return HABIT_OK;
    sqlite3_clear_bindings(s);
    sqlite3_bind_int64(s, 1, user);
    if (item) sqlite3_bind_int64(s, 2, item);
    if (behaviour) sqlite3_bind_int64(s, 3, behaviour);
    TRY(run(w, EVENTS_DELETE, err));
    op->changed = (uint32_t)sqlite3_changes(w->c);
    return HABIT_OK;
}

// A user or an item, and all that points to it.
static habit_status delete_named(writer *w, db_op *op, habit_error *err)
{
    static const enum statement of_item[] = { ITEM_EVENTS_DELETE, ITEM_DELETE };
    static const enum statement of_user[] = { USER_EVENTS_DELETE, USER_ANSWERS_DELETE,
                                              USER_DELETE };
    const bool item = op->kind == DB_DELETE_ITEM;
    const enum statement *how = item ? of_item : of_user;
    int64_t id;
    if (item) TRY(set_gone(w, op->item.id, true, err));
    TRY(number_of(w, item ? ITEM_OF : USER_OF, item ? op->item.id : op->user.id, &id, err));
    if (!id) return HABIT_OK;
    for (size_t i = 0; i < (item ? COUNT_OF(of_item) : COUNT_OF(of_user)); i++) {
        sqlite3_bind_int64(w->statement[how[i]], 1, id);
        TRY(run(w, how[i], err));
        op->changed += (uint32_t)sqlite3_changes(w->c);
    }
    return HABIT_OK;
}

static habit_status apply_one(writer *w, db_op *op, habit_error *err)
{
    op->changed = 0, op->place = 0;
    switch (op->kind) {
    case DB_PUT_EVENT:
        return put_event(w, op, err);
    case DB_PUT_ITEM:
    case DB_PATCH_ITEM:
        return put_item(w, op, err);
    case DB_ADD_CATEGORY:
    case DB_DROP_CATEGORY:
        return change_category(w, op, err);
    case DB_PUT_USER:
    case DB_PATCH_USER:
        return put_user(w, op, err);
    case DB_PUT_ANSWER:
        return put_answer(w, op, err);
    case DB_DELETE_EVENTS:
        return delete_events(w, op, err);
    case DB_DELETE_ITEM:
    case DB_DELETE_USER:
        return delete_named(w, op, err);
    case DB_DELETE_ALL:
        op->changed = 1;
        return sqlite_run(w->c,
                          "DELETE FROM events; DELETE FROM answers; DELETE FROM items;"
                          "DELETE FROM users; DELETE FROM behaviours; DELETE FROM gone",
                          err);
    }
    return fail(err, HABIT_EINTERNAL, "no such operation");
}

// --- transactions -----------------------------------------------------------------------------------

static habit_status writer_begin(void *state, habit_error *err)
{
    return run(state, BEGIN, err);
}

static void writer_rollback(void *state)
{
    writer *w = state;
    if (!sqlite3_get_autocommit(w->c)) sqlite3_exec(w->c, "ROLLBACK", NULL, NULL, NULL);
}

static habit_status writer_apply(void *state, db_write *write, bool *lost, habit_error *err)
{
    writer *w = state;
    habit_status st = run(w, SAVE, err);
    for (size_t i = 0; i < write->ops && st == HABIT_OK; i++) st = apply_one(w, &write->op[i], err);
    *lost = sqlite3_get_autocommit(w->c) != 0; // a full disk undoes it all
    if (*lost) return st;
    if (st != HABIT_OK) *lost = run(w, UNDO, NULL) != HABIT_OK;
    if (!*lost && run(w, RELEASE, NULL) != HABIT_OK) *lost = true;
    return st;
}

static habit_status writer_commit(void *state, habit_error *err)
{
    const habit_status st = run(state, COMMIT, err);
    if (st != HABIT_OK) writer_rollback(state);
    return st;
}

static habit_status writer_sync(void *state, habit_error *err)
{
    writer *w = state;
    sqlite3_file *log = NULL;
    const int code = sqlite3_file_control(w->c, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&log);
    if (code != SQLITE_OK || !log || !log->pMethods) return HABIT_OK; // nothing was written yet
    if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
        return fail(err, HABIT_EIO, "cannot sync the database's log");
    return HABIT_OK;
}

static habit_status writer_fold(void *state, bool all, habit_error *err)
{
    enum { MOST_FRAMES = 4000 }; // 16 MB
    writer *w = state;
    if (!all && w->log_frames < MOST_FRAMES) return HABIT_OK;
    int code = sqlite3_wal_checkpoint_v2(
        w->c, NULL, all ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code == SQLITE_BUSY && !all) return HABIT_OK; // a reader looks at it: next time
    if (code == SQLITE_BUSY)
        return fail(err, HABIT_EIO,
                    "deleted, but the database's log could not be cleared of it: "
                    "somebody reads it; delete once more");
    if (code != SQLITE_OK) return sqlite_fail(w->c, "fold the log", err);
    w->log_frames = 0;
    return HABIT_OK;
}

static habit_status writer_expire(void *state, int64_t before, habit_error *err)
{
    writer *w = state;
    sqlite3_bind_int64(w->statement[EVENTS_EXPIRE], 1, before);
    TRY(run(w, EVENTS_EXPIRE, err));
    sqlite3_bind_int64(w->statement[ANSWERS_EXPIRE], 1, before);
    return run(w, ANSWERS_EXPIRE, err);
}

static habit_status writer_restore(void *state, const char *path, habit_error *err)
{
    writer *w = state;
    TRY(sqlite_restore(w->c, path, w->options.vfs, err));
    TRY(sqlite_migrate(w->c, path, err)); // an old copy
    w->any_gone = true;
    return writer_fold(w, true, err);
}

static bool writer_mine(const char *path)
{
    return strncmp(path, "postgres://", 11) != 0 && strncmp(path, "postgresql://", 13) != 0;
}

const db_backend db_sqlite = {
    .name = "sqlite",
    .mine = writer_mine,
    .open = writer_open,
    .close = writer_close,
    .begin = writer_begin,
    .apply = writer_apply,
    .commit = writer_commit,
    .rollback = writer_rollback,
    .sync = writer_sync,
    .fold = writer_fold,
    .expire = writer_expire,
    .backup = sqlite_backup,
    .restore = writer_restore,
    .reader_open = sqlite_reader_open,
    .reader_close = sqlite_reader_close,
    .events = sqlite_events,
    .place = sqlite_place,
    .items = sqlite_items,
    .users = sqlite_users,
    .gone = sqlite_gone,
    .answers = sqlite_answers,
    .count = sqlite_count,
};
