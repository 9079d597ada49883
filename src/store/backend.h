// backend.h - what a database must be able to do to keep a store; db.c does the rest.
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H
#include "store/db.h"

// Of the writer: all functions are called by one thread at a time, for one transaction at a time.
typedef struct db_backend {
    const char *name;
    bool (*mine)(const char *path);
    habit_status (*open)(void **out, const char *path, const db_options *o, habit_error *err);
    void (*close)(void *state);

    habit_status (*begin)(void *state, habit_error *err);
    // All operations of a write, or none.  If the whole transaction is lost by this, *lost is set.
    habit_status (*apply)(void *state, db_write *w, bool *lost, habit_error *err);
    // Durable if the options say so.  A failure has undone the transaction.
    habit_status (*commit)(void *state, habit_error *err);
    void (*rollback)(void *state);
    // What was committed becomes durable.
    habit_status (*sync)(void *state, habit_error *err);
    // Between transactions: the log is folded into the tables if it has grown, or, `all`, whatever
    // its length, and then holds nothing any more.
    habit_status (*fold)(void *state, bool all, habit_error *err);
    habit_status (*expire)(void *state, int64_t before, habit_error *err);
    habit_status (*restore)(void *state, const char *path, habit_error *err);
    // By any thread, while others read and write.
    habit_status (*backup)(const char *store, const db_options *o, const char *to,
                           habit_error *err);

    habit_status (*reader_open)(void **out, const char *path, const db_options *o,
                                habit_error *err);
    void (*reader_close)(void *reader);
    habit_status (*events)(void *reader, const db_events_of *which, db_event_fn *fn, void *ctx,
                           habit_error *err);
    int64_t (*place)(const void *reader);
    habit_status (*items)(void *reader, db_text one, db_text after, size_t most, db_item_fn *fn,
                          void *ctx, habit_error *err);
    habit_status (*users)(void *reader, db_text one, db_text after, size_t most, db_user_fn *fn,
                          void *ctx, habit_error *err);
    habit_status (*gone)(void *reader, db_gone_fn *fn, void *ctx, habit_error *err);
    habit_status (*answers)(void *reader, db_answer_fn *fn, void *ctx, habit_error *err);
    habit_status (*count)(void *reader, db_counts *out, habit_error *err);
} db_backend;

extern const db_backend db_sqlite;

#endif
