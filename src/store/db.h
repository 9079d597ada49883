// db.h - what a live service knows, kept in a database: events, items, users, and the answers given.
//
// One connection writes, from a thread of its own, and others read.  Writes are put in a queue;
// the writer takes all that wait, makes them one transaction, and tells each when it is as durable
// as was asked for:
//
//     db_submit(d, &write) -> queue -> BEGIN, apply, apply, ..., COMMIT -> write.done(&write)
//
// durability    a write is told after                     survives
//   always      its log has been synced to the disk       a crash of process or system, power loss
//   interval    it is in the system's hands; the log is   a crash of the process; of the system and
//               synced every so often                     power loss all but the last interval
//   none        it is in the system's hands               a crash of the process; of the system and
//                                                         power loss all up to some moment
// Whatever is lost is lost from the end: what survives is a prefix of the writes in their order.
//
// If a sync fails nobody knows what is on the disk: from then on writes are refused with HABIT_EIO
// and reading goes on.  A full disk refuses writes with HABIT_ENOSPACE until there is room again.
#ifndef STORE_DB_H
#define STORE_DB_H
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct db db;               // shared by threads
typedef struct db_reader db_reader; // of one thread

// Bytes of somebody else; ids may hold any.
typedef struct db_text {
    const char *at; // NULL: there is none
    size_t len;
} db_text;

typedef enum db_durability { DB_ALWAYS, DB_INTERVAL, DB_NONE } db_durability;

typedef struct db_options {
    db_durability durability;
    int interval_ms; // of DB_INTERVAL
    const char
        *keep_fields; // "category,lat": of events, other extra columns are dropped; NULL: none is
    int keep_days;    // older events are forgotten; 0: never
    int keep_events;  // of each user, the latest; 0: all
    const char *vfs;  // the file layer of SQLite; NULL: its own
} db_options;

// --- rows -----------------------------------------------------------------------------------------

// What an event with an id that is known already does to the one that is there.
typedef enum db_repeat { DB_KEEP, DB_ADD_VALUE, DB_REPLACE } db_repeat;

typedef struct db_event {
    db_text id; // chosen by the client, so that it may send the event twice; none: it cannot
    db_text user, item, behaviour;
    int64_t time;           // microseconds since 1970
    double value;           // NAN: none
    db_text recommendation; // id of the answer that led to it
    db_text fields;         // a JSON object of everything else
    db_repeat repeat;
} db_event;

typedef struct db_item {
    db_text id, categories /* JSON array */, fields /* JSON object */, comment;
    int64_t time;             // when it was published; TIME_NONE
    bool hidden, keep_hidden; // keep_hidden: DB_PATCH_ITEM leaves it as it is
} db_item;

typedef struct db_user {
    db_text id, fields /* JSON object */, comment;
} db_user;

// An answer that was given.
typedef struct db_answer {
    db_text id, user /* none: a stranger */, model, source;
    int64_t time;
    const db_text *item;
    size_t items;
} db_answer;

// --- writing --------------------------------------------------------------------------------------

typedef enum db_kind {
    DB_PUT_EVENT,
    DB_PUT_ITEM, // in place of the one that is there
    DB_PUT_USER,
    DB_PATCH_ITEM,    // what is given (texts, a time) in place of what is there, the rest stays
    DB_PATCH_USER,    // the same
    DB_ADD_CATEGORY,  // item.categories, a plain UTF-8 text, to those of an item
    DB_DROP_CATEGORY, // away from them; neither makes an item that is not there
    DB_PUT_ANSWER,
    DB_DELETE_EVENTS, // of event.user with event.item, if there is one, and event.behaviour
    DB_DELETE_ITEM,   // and its events
    DB_DELETE_USER,   // every trace
    DB_DELETE_ALL,
} db_kind;

typedef struct db_op {
    db_kind kind;
    union {
        db_event event;
        db_item item;
        db_user user; // DB_DELETE_ITEM and DB_DELETE_USER read `id` of theirs
        db_answer answer;
    };
    uint32_t changed; // out: rows; 0 if it was there already, or was not there
    int64_t place;    // out, of a new event: db_place(); 0 if none is new
} db_op;

// All of it is written, or none.
typedef struct db_write {
    db_op *op;
    size_t ops;
    void (*done)(
        struct db_write *w); // called by the writer's thread; the write is the caller's again
    void *ctx;
    habit_status status; // out
    habit_error err;     // out
    struct db_write *next;
} db_write;

// Creates the database or brings an older one up to date; refuses a newer one.
habit_status db_open(db **out, const char *path, const db_options *o, habit_error *err);
void db_close(db *d); // writes what waits; NULL is fine

void db_submit(db *d, db_write *w); // w and all it points to stay until done()
// The same, and waits.
habit_status db_write_now(db *d, db_op *op, size_t ops, habit_error *err);
// Forgets what is older than keep_days now; the writer does it by itself once an hour.
habit_status db_expire(db *d, int64_t now, habit_error *err);
// A copy of the whole, as of now, while others read and write; whole or not at all, in place of an
// earlier copy.  By any thread.
habit_status db_backup(db *d, const char *path, habit_error *err);
// The database becomes what a copy is.  Whatever anybody remembers of it is then void.
habit_status db_restore(db *d, const char *path, habit_error *err);
// The same for a store that nobody has open; it is made if there is none.
habit_status db_restore_file(const char *path, const char *store, habit_error *err);
// Fails if somebody has the store open.
habit_status db_unused(const char *store, habit_error *err);
// A copy of a store that others may have open.
habit_status db_backup_file(const char *store, const char *path, habit_error *err);

typedef struct db_state {
    uint64_t commits, syncs, writes, ops; // since it was opened
    uint64_t waiting;                     // writes in the queue
    bool refuses;                         // a sync has failed
} db_state;
db_state db_look(db *d);

// --- reading --------------------------------------------------------------------------------------

habit_status db_reader_new(db_reader **out, const db *d, habit_error *err);
// Of a store that nobody here has open; it must be there.
habit_status db_reader_open(db_reader **out, const char *path, habit_error *err);
void db_reader_free(db_reader *r);

// Called for each row, whose texts are valid during the call; false ends the reading.
typedef bool db_event_fn(void *ctx, const db_event *e);
typedef bool db_item_fn(void *ctx, const db_item *i);
typedef bool db_user_fn(void *ctx, const db_user *u);
typedef bool db_answer_fn(void *ctx, const db_answer *a);

typedef struct db_events_of {
    db_text user, item, behaviour; // those that are given
    int64_t since, until;          // [since, until); TIME_NONE: all
    int64_t after; // a place in the order of arrival, from db_place(); 0: the beginning
    size_t most;   // 0: all
    bool latest;   // the latest in time, and those first
} db_events_of;

// Of one user or item in the order of time, then of arrival; of all in the order of arrival.
habit_status db_events(db_reader *r, const db_events_of *which, db_event_fn *fn, void *ctx,
                       habit_error *err);
int64_t db_place(const db_reader *r); // of the event that was read last

// HABIT_ENOTFOUND if there is none.
habit_status db_item_get(db_reader *r, db_text id, db_item_fn *fn, void *ctx, habit_error *err);
habit_status db_user_get(db_reader *r, db_text id, db_user_fn *fn, void *ctx, habit_error *err);
// In the order of ids, after one of them; most 0: all.
habit_status db_items(db_reader *r, db_text after, size_t most, db_item_fn *fn, void *ctx,
                      habit_error *err);
habit_status db_users(db_reader *r, db_text after, size_t most, db_user_fn *fn, void *ctx,
                      habit_error *err);

// ids_hash() of every item that was deleted and has not come back.
typedef bool db_gone_fn(void *ctx, uint64_t hash);
habit_status db_gone(db_reader *r, db_gone_fn *fn, void *ctx, habit_error *err);
// All, in the order in which they were given.
habit_status db_answers(db_reader *r, db_answer_fn *fn, void *ctx, habit_error *err);

typedef struct db_counts {
    uint64_t events, items, users, answers;
} db_counts;
habit_status db_count(db_reader *r, db_counts *out, habit_error *err);

#endif
