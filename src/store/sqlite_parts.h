// sqlite_parts.h - what the files of the SQLite backend share.
#ifndef STORE_SQLITE_PARTS_H
#define STORE_SQLITE_PARTS_H
#include "store/backend.h"

#include <sqlite3.h>

// Opens a connection with the settings all of them have.
habit_status sqlite_connect(sqlite3 **out, const char *path, const db_options *o, bool write,
                            habit_error *err);
// Makes the tables, or brings those of an older version up to date.
habit_status sqlite_migrate(sqlite3 *c, const char *path, habit_error *err);
enum { SQLITE_OWNER = 0x68616274 }; // "habt", PRAGMA application_id: whose file it is, for file(1)
int64_t sqlite_newest(void);        // version of the schema

// sqlite_copy.c.  The copy appears whole or not at all, in place of one that is there.
habit_status sqlite_backup(const char *store, const db_options *o, const char *path,
                           habit_error *err);
habit_status sqlite_restore(sqlite3 *c, const char *path, const char *vfs, habit_error *err);
habit_status sqlite_restore_file(const char *path, const char *store, habit_error *err);
habit_status sqlite_unused(const char *store, habit_error *err);
habit_status sqlite_ours(const char *path, const char *vfs, habit_error *err);
// What went wrong last: HABIT_ENOSPACE for a full disk, HABIT_ENOMEM, else HABIT_EIO.
habit_status sqlite_fail(sqlite3 *c, const char *what, habit_error *err);
habit_status sqlite_run(sqlite3 *c, const char *sql, habit_error *err);
habit_status sqlite_prepare(sqlite3 *c, sqlite3_stmt **out, const char *sql, habit_error *err);

// Parameters count from 1.  Texts must live until the statement has run.
static inline void sqlite_bind_text(sqlite3_stmt *s, int at, db_text t)
{
    if (t.at)
        sqlite3_bind_blob64(s, at, t.len ? t.at : "", t.len, SQLITE_STATIC);
    else
        sqlite3_bind_null(s, at);
}

static inline db_text sqlite_text(sqlite3_stmt *s, int column)
{
    if (sqlite3_column_type(s, column) == SQLITE_NULL) return (db_text){ 0 };
    const void *at = sqlite3_column_blob(s, column); // NULL for no bytes
    return (db_text){ at ? at : "", (size_t)sqlite3_column_bytes(s, column) };
}

// Of the reader; declared here for the table of functions.
habit_status sqlite_reader_open(void **out, const char *path, const db_options *o,
                                habit_error *err);
void sqlite_reader_close(void *reader);
habit_status sqlite_events(void *reader, const db_events_of *which, db_event_fn *fn, void *ctx,
                           habit_error *err);
int64_t sqlite_place(const void *reader);
habit_status sqlite_items(void *reader, db_text one, db_text after, size_t most, db_item_fn *fn,
                          void *ctx, habit_error *err);
habit_status sqlite_users(void *reader, db_text one, db_text after, size_t most, db_user_fn *fn,
                          void *ctx, habit_error *err);
habit_status sqlite_gone(void *reader, db_gone_fn *fn, void *ctx, habit_error *err);
habit_status sqlite_answers(void *reader, db_answer_fn *fn, void *ctx, habit_error *err);
habit_status sqlite_count(void *reader, db_counts *out, habit_error *err);

#endif
