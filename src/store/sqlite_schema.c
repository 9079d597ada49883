// sqlite_schema.c - connections, and the tables of every version.
//
//     users       a name each, and what is known of them
//     items       the same
//     behaviours  "view", "buy", ...
//     events      who, what, how, when; `key` is the client's id of it
//     gone        items that were deleted
//     answers     what was recommended, under the id that was given with it
//     log         a view of the events with names, for whoever reads the file: habit import does
//
// Names and keys are BLOBs: ids hold any byte.  The version is PRAGMA user_version; a migration is
// a step of the list below, and every step runs in the transaction that raises the version.
#include "store/sqlite_parts.h"

#include <stdio.h>

// clang-format off
static const char *const step[] = {
    "CREATE TABLE users(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, fields TEXT, comment TEXT);"
    "CREATE TABLE items(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, hidden INTEGER NOT NULL DEFAULT 0,"
    "  time INTEGER, categories TEXT, fields TEXT, comment TEXT);"
    "CREATE TABLE behaviours(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);"
    "CREATE TABLE events(id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, item INTEGER NOT NULL,"
    "  behaviour INTEGER NOT NULL, time INTEGER NOT NULL, value REAL, key BLOB, answer BLOB, fields TEXT);"
    "CREATE INDEX events_user ON events(user, time, id);"
    "CREATE INDEX events_item ON events(item, time, id);"
    "CREATE INDEX events_time ON events(time);"
    "CREATE UNIQUE INDEX events_key ON events(key) WHERE key IS NOT NULL;"
    "CREATE TABLE answers(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, user INTEGER, time INTEGER NOT NULL,"
    "  model BLOB, source BLOB, items BLOB);" // little-endian u32 of items.id, best first
    "CREATE INDEX answers_user ON answers(user);"
    "CREATE INDEX answers_time ON answers(time);"
    "CREATE VIEW log AS SELECT CAST(u.name AS TEXT) AS user, CAST(i.name AS TEXT) AS item,"
    "  CAST(b.name AS TEXT) AS behaviour, e.time AS time, e.value AS value FROM events e"
    "  JOIN users u ON u.id = e.user JOIN items i ON i.id = e.item JOIN behaviours b ON b.id = e.behaviour;",
    // 2: ids_hash() of items that were deleted, since models may know them still; no trace of the id itself
    "CREATE TABLE gone(hash INTEGER PRIMARY KEY);",
};
// clang-format on

int64_t sqlite_newest(void)
{
    return (int64_t)COUNT_OF(step);
}

habit_status sqlite_fail(sqlite3 *c, const char *what, habit_error *err)
{
    const int code = c ? sqlite3_errcode(c) : SQLITE_NOMEM;
    const habit_status st = code == SQLITE_FULL    ? HABIT_ENOSPACE
                            : code == SQLITE_NOMEM ? HABIT_ENOMEM
                                                   : HABIT_EIO;
    return fail(err, st, "cannot %s: %s", what, c ? sqlite3_errmsg(c) : "out of memory");
}

habit_status sqlite_run(sqlite3 *c, const char *sql, habit_error *err)
{
    if (sqlite3_exec(c, sql, NULL, NULL, NULL) != SQLITE_OK) return sqlite_fail(c, sql, err);
    return HABIT_OK;
}

habit_status sqlite_prepare(sqlite3 *c, sqlite3_stmt **out, const char *sql, habit_error *err)
{
    if (sqlite3_prepare_v3(c, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
        return sqlite_fail(c, sql, err);
    return HABIT_OK;
}

habit_status sqlite_connect(sqlite3 **out, const char *path, const db_options *o, bool write,
                            habit_error *err)
{
    enum { WAIT_MS = 10000 };
    const int flags = SQLITE_OPEN_NOMUTEX |
                      (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
    habit_status st = HABIT_OK;
    sqlite3 *c = NULL;
    if (sqlite3_open_v2(path, &c, flags, o->vfs) != SQLITE_OK) {
        st = fail(err, HABIT_EIO, "cannot open %s: %s", path,
                  c ? sqlite3_errmsg(c) : "out of memory");
        goto out;
    }
    sqlite3_extended_result_codes(c, 0);
    sqlite3_busy_timeout(c, WAIT_MS);
    // What is deleted is overwritten; the writer folds its log by itself; nothing goes elsewhere.
    st = sqlite_run(c,
                    "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0;"
                    "PRAGMA temp_store = MEMORY",
                    err);
    if (st == HABIT_OK && write)
        st = sqlite_run(c, "PRAGMA journal_mode = WAL; PRAGMA cache_size = -32768", err);
    // NORMAL: the log is synced before it is folded, so that the tables are whole whatever happens.
    if (st == HABIT_OK)
        st = sqlite_run(c,
                        write && o->durability == DB_ALWAYS ? "PRAGMA synchronous = FULL"
                                                            : "PRAGMA synchronous = NORMAL",
                        err);
    if (st == HABIT_OK && !write) st = sqlite_run(c, "PRAGMA query_only = ON", err);
out:
    if (st == HABIT_OK)
        *out = c;
    else
        sqlite3_close(c);
    return st;
}

static habit_status pragma(sqlite3 *c, const char *sql, int64_t *value, habit_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(sqlite_prepare(c, &s, sql, err));
    habit_status st = HABIT_OK;
    if (sqlite3_step(s) == SQLITE_ROW)
        *value = sqlite3_column_int64(s, 0);
    else
        st = sqlite_fail(c, sql, err);
    sqlite3_finalize(s);
    return st;
}

habit_status sqlite_migrate(sqlite3 *c, const char *path, habit_error *err)
{
    const int64_t newest = (int64_t)COUNT_OF(step);
    int64_t version = 0, owner = 0, tables = 0;
    TRY(pragma(c, "PRAGMA user_version", &version, err));
    TRY(pragma(c, "PRAGMA application_id", &owner, err));
    TRY(pragma(c, "SELECT count(*) FROM sqlite_schema", &tables, err));
    if (owner != SQLITE_OWNER && tables)
        return fail(err, HABIT_EFORMAT, "%s: a database of something else; name another file",
                    path);
    if (version > newest)
        return fail(err, HABIT_EFORMAT,
                    "%s: written by a newer habit (version %lld, this one knows %lld)", path,
                    (long long)version, (long long)newest);
    for (; version < newest; version++) {
        char raise[96];
        snprintf(raise, sizeof raise, "PRAGMA application_id = %d; PRAGMA user_version = %lld",
                 SQLITE_OWNER, (long long)version + 1);
        TRY(sqlite_run(c, "BEGIN IMMEDIATE", err));
        habit_status st = sqlite_run(c, step[version], err);
        if (st == HABIT_OK) st = sqlite_run(c, raise, err);
        if (st == HABIT_OK) st = sqlite_run(c, "COMMIT", err);
        if (st == HABIT_OK) continue;
        sqlite3_exec(c, "ROLLBACK", NULL, NULL, NULL);
        return st;
    }
    return HABIT_OK;
}
