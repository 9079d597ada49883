// db.c - the queue of writes, and the thread that makes transactions of them.
#include "store/db.h"
#include "base/clock.h"
#include "base/memory.h"
#include "store/backend.h"

#include <config.h>
#ifdef HAVE_SQLITE
#include "store/sqlite_parts.h"
#endif
#include <pthread.h>
#include <string.h>
#include <time.h>

enum {
    GROUP_OPS = 8192, // most of one transaction, so that nobody waits long
    EXPIRE_SECONDS = 3600,
};

// What the writer is asked to do beside writing.
typedef enum chore_kind { CHORE_EXPIRE, CHORE_RESTORE } chore_kind;

typedef struct chore {
    chore_kind kind;
    int64_t before;
    const char *path;
    bool done;
    habit_status status;
    habit_error err;
    struct chore *next;
} chore;

struct db {
    const db_backend *backend;
    void *state; // of the backend: the writer's
    char *path;
    db_options options;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; // of all below
    pthread_cond_t wake;  // the writer: there is something to do
    pthread_cond_t told;  // whoever waits for a chore or a write
    db_write *first, **last;
    chore *chores;
    bool closing;
    db_state seen;
};

static const db_backend *const backends[] = {
#ifdef HAVE_SQLITE
    &db_sqlite,
#endif
    NULL,
};

// --- the writer's thread ----------------------------------------------------------------------------

static void refuse_from_now(db *d)
{
    pthread_mutex_lock(&d->lock);
    d->seen.refuses = true;
    pthread_mutex_unlock(&d->lock);
}

static bool refuses(db *d)
{
    pthread_mutex_lock(&d->lock);
    const bool r = d->seen.refuses;
    pthread_mutex_unlock(&d->lock);
    return r;
}

static habit_status refusal(habit_error *err)
{
    return fail(
        err, HABIT_EIO,
        "the database takes no more writes since a sync failed; look at the disk and restart");
}

static void set_result(db_write *group, habit_status st, const habit_error *err)
{
    for (db_write *w = group; w; w = w->next) {
        if (w->status != HABIT_OK) continue; // has failed by itself
        w->status = st;
        if (st != HABIT_OK && err) w->err = *err;
    }
}

// Everything of the group in one transaction.  *clear: something was deleted that must leave the
// log, too.  A commit that failed has left the disk in a state that nobody knows.
static habit_status apply_group(db *d, db_write *group, bool *clear, habit_error *err)
{
    void *state = d->state;
    bool lost = false;
    *clear = false;
    TRY(d->backend->begin(state, err));
    for (db_write *w = group; w; w = w->next) {
        w->status = d->backend->apply(state, w, &lost, &w->err);
        if (lost) {
            d->backend->rollback(state);
            *err = w->err;
            return w->status == HABIT_OK ? HABIT_EIO : w->status;
        }
        if (w->status != HABIT_OK) continue;
        for (size_t i = 0; i < w->ops; i++)
            *clear |= w->op[i].kind == DB_DELETE_USER || w->op[i].kind == DB_DELETE_ALL;
    }
    const habit_status st = d->backend->commit(state, err);
    if (st == HABIT_EIO) refuse_from_now(d);
    return st;
}

static void tell(db *d, db_write *group, uint64_t ops)
{
    pthread_mutex_lock(&d->lock);
    d->seen.commits++;
    d->seen.ops += ops;
    for (db_write *w = group; w; w = w->next) d->seen.writes++, d->seen.waiting--;
    pthread_mutex_unlock(&d->lock);
    while (group) {
        db_write *w = group;
        group = w->next; // done() may give w back
        w->done(w);
    }
}

static void write_group(db *d, db_write *group, uint64_t ops)
{
    habit_error err = { 0 };
    bool clear = false;
    for (db_write *w = group; w; w = w->next) w->status = HABIT_OK;
    habit_status st = refuses(d) ? refusal(&err) : apply_group(d, group, &clear, &err);
    if (st != HABIT_OK)
        for (db_write *w = group; w; w = w->next) w->status = HABIT_OK; // all share one fate
    if (st == HABIT_OK && clear) st = d->backend->fold(d->state, true, &err);
    set_result(group, st, &err);
    tell(d, group, ops);
    if (refuses(d)) return;
    if (d->backend->fold(d->state, false, NULL) == HABIT_EIO) refuse_from_now(d);
}

static void do_chore(db *d, chore *c)
{
    void *state = d->state;
    switch (c->kind) {
    case CHORE_EXPIRE:
        c->status = refuses(d) ? refusal(&c->err) : d->backend->begin(state, &c->err);
        if (c->status != HABIT_OK) break;
        c->status = d->backend->expire(state, c->before, &c->err);
        if (c->status == HABIT_OK)
            c->status = d->backend->commit(state, &c->err);
        else
            d->backend->rollback(state);
        if (c->status == HABIT_OK) c->status = d->backend->fold(state, true, &c->err);
        break;
    case CHORE_RESTORE:
        c->status = refuses(d) ? refusal(&c->err) : d->backend->restore(state, c->path, &c->err);
        break;
    }
    pthread_mutex_lock(&d->lock);
    c->done = true;
    pthread_cond_broadcast(&d->told);
    pthread_mutex_unlock(&d->lock);
}

// Up to GROUP_OPS operations of the queue; a write is never cut.  Called under the lock.
static db_write *take_group(db *d, uint64_t *ops)
{
    db_write *group = d->first, *end = group;
    *ops = 0;
    if (!group) return NULL;
    for (*ops = end->ops; end->next && *ops + end->next->ops <= GROUP_OPS; *ops += end->ops)
        end = end->next;
    d->first = end->next;
    if (!d->first) d->last = &d->first;
    end->next = NULL;
    return group;
}

// Sleeps until there is something to do or `at` (of clock_wall) has come.  Called under the lock.
static void sleep_until(db *d, double at)
{
    struct timespec t;
    const double left = at - clock_wall();
    if (left <= 0) return;
    clock_gettime(CLOCK_REALTIME, &t);
    const double end = (double)t.tv_sec + (double)t.tv_nsec * 1e-9 + left;
    t.tv_sec = (time_t)end;
    t.tv_nsec = (long)((end - (double)t.tv_sec) * 1e9);
    pthread_cond_timedwait(&d->wake, &d->lock, &t);
}

static void *writer_run(void *ctx)
{
    db *d = ctx;
    const double every = d->options.interval_ms * 1e-3;
    const bool interval = d->options.durability == DB_INTERVAL;
    double expire_at = clock_wall() + EXPIRE_SECONDS, sync_at = 0;
    bool unsynced = false;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        const bool expires = d->options.keep_days && clock_wall() >= expire_at;
        const bool syncs = unsynced && (clock_wall() >= sync_at || (d->closing && !d->first));
        if (!d->first && !d->chores && !expires && !syncs) {
            if (d->closing) break;
            const double at = clock_wall() + EXPIRE_SECONDS;
            sleep_until(d, unsynced && sync_at < at ? sync_at : at);
            continue;
        }
        uint64_t ops;
        db_write *group = syncs ? NULL : take_group(d, &ops);
        chore *c = group || syncs ? NULL : d->chores;
        if (c) d->chores = c->next;
        pthread_mutex_unlock(&d->lock);
        if (group) write_group(d, group, ops);
        if (group && interval && !unsynced) unsynced = true, sync_at = clock_wall() + every;
        if (c) do_chore(d, c);
        if (syncs) {
            unsynced = false;
            if (!refuses(d) && d->backend->sync(d->state, NULL) != HABIT_OK) refuse_from_now(d);
        } else if (expires && !group && !c) {
            chore own = { .kind = CHORE_EXPIRE,
                          .before = clock_now() - d->options.keep_days * INT64_C(86400000000) };
            do_chore(d, &own);
            expire_at = clock_wall() + EXPIRE_SECONDS;
        }
        pthread_mutex_lock(&d->lock);
        d->seen.syncs += syncs;
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

// --- the door ---------------------------------------------------------------------------------------

static habit_status find_backend(const db_backend **out, const char *path, habit_error *err)
{
    for (size_t i = 0; backends[i]; i++)
        if (backends[i]->mine(path)) return *out = backends[i], HABIT_OK;
    return fail(err, HABIT_EINVAL, "%s: no such kind of database is built in", path);
}

habit_status db_open(db **out, const char *path, const db_options *o, habit_error *err)
{
    db *d = ZNEW(db, 1);
    if (!d) return fail_memory(err, "database", sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    pthread_cond_init(&d->told, NULL);
    d->last = &d->first;
    d->options = *o;
    habit_status st = find_backend(&d->backend, path, err);
    if (st != HABIT_OK)
        d->backend = NULL;
    else if (!(d->path = mem_strdup(path)))
        st = fail_memory(err, "database", strlen(path));
    else
        st = d->backend->open(&d->state, path, o, err);
    if (st == HABIT_OK && pthread_create(&d->thread, NULL, writer_run, d))
        st = fail(err, HABIT_EIO, "cannot start a thread for %s", path);
    d->started = st == HABIT_OK;
    if (st == HABIT_OK)
        *out = d;
    else
        db_close(d);
    return st;
}

void db_close(db *d)
{
    if (!d) return;
    if (d->started) {
        pthread_mutex_lock(&d->lock);
        d->closing = true;
        pthread_cond_signal(&d->wake);
        pthread_mutex_unlock(&d->lock);
        pthread_join(d->thread, NULL);
    }
    if (d->state) d->backend->close(d->state);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
    pthread_cond_destroy(&d->told);
    mem_free(d->path);
    mem_free(d);
}

void db_submit(db *d, db_write *w)
{
    w->next = NULL;
    pthread_mutex_lock(&d->lock);
    *d->last = w;
    d->last = &w->next;
    d->seen.waiting++;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

typedef struct waiting {
    db *d;
    bool done;
} waiting;

static void wake_waiting(db_write *w)
{
    waiting *x = w->ctx;
    pthread_mutex_lock(&x->d->lock);
    x->done = true;
    pthread_cond_broadcast(&x->d->told);
    pthread_mutex_unlock(&x->d->lock);
}

habit_status db_write_now(db *d, db_op *op, size_t ops, habit_error *err)
{
    waiting x = { .d = d };
    db_write w = { .op = op, .ops = ops, .done = wake_waiting, .ctx = &x };
    db_submit(d, &w);
    pthread_mutex_lock(&d->lock);
    while (!x.done) pthread_cond_wait(&d->told, &d->lock);
    pthread_mutex_unlock(&d->lock);
    if (w.status != HABIT_OK && err) *err = w.err;
    return w.status;
}

static habit_status run_chore(db *d, chore *c, habit_error *err)
{
    pthread_mutex_lock(&d->lock);
    chore **end = &d->chores;
    while (*end) end = &(*end)->next;
    *end = c;
    pthread_cond_signal(&d->wake);
    while (!c->done) pthread_cond_wait(&d->told, &d->lock);
    pthread_mutex_unlock(&d->lock);
    if (c->status != HABIT_OK && err) *err = c->err;
    return c->status;
}

habit_status db_expire(db *d, int64_t now, habit_error *err)
{
    if (!d->options.keep_days) return HABIT_OK;
    chore c = { .kind = CHORE_EXPIRE, .before = now - d->options.keep_days * INT64_C(86400000000) };
    return run_chore(d, &c, err);
}

habit_status db_backup(db *d, const char *path, habit_error *err)
{
    return d->backend->backup(d->path, &d->options, path, err);
}

habit_status db_restore(db *d, const char *path, habit_error *err)
{
    chore c = { .kind = CHORE_RESTORE, .path = path };
    return run_chore(d, &c, err);
}

#ifdef HAVE_SQLITE
habit_status db_restore_file(const char *path, const char *store, habit_error *err)
{
    return sqlite_restore_file(path, store, err);
}

habit_status db_unused(const char *store, habit_error *err)
{
    return sqlite_unused(store, err);
}

habit_status db_backup_file(const char *store, const char *path, habit_error *err)
{
    TRY(sqlite_ours(store, NULL, err));
    return sqlite_backup(store, &(db_options){ 0 }, path, err);
}
#else
habit_status db_unused(const char *store, habit_error *err)
{
    return fail(err, HABIT_EINVAL, "%s: no such kind of database is built in", store);
}

habit_status db_backup_file(const char *store, const char *path, habit_error *err)
{
    (void)path;
    return fail(err, HABIT_EINVAL, "%s: no such kind of database is built in", store);
}

habit_status db_restore_file(const char *path, const char *store, habit_error *err)
{
    (void)path;
    return fail(err, HABIT_EINVAL, "%s: no such kind of database is built in", store);
}
#endif

db_state db_look(db *d)
{
    pthread_mutex_lock(&d->lock);
    const db_state s = d->seen;
    pthread_mutex_unlock(&d->lock);
    return s;
}

// --- reading ----------------------------------------------------------------------------------------

struct db_reader {
    const db_backend *backend;
    void *state;
};

habit_status db_reader_new(db_reader **out, const db *d, habit_error *err)
{
    db_reader *r = ZNEW(db_reader, 1);
    if (!r) return fail_memory(err, "database", sizeof *r);
    r->backend = d->backend;
    const habit_status st = d->backend->reader_open(&r->state, d->path, &d->options, err);
    if (st == HABIT_OK)
        *out = r;
    else
        mem_free(r);
    return st;
}

habit_status db_reader_open(db_reader **out, const char *path, habit_error *err)
{
#ifdef HAVE_SQLITE
    TRY(sqlite_ours(path, NULL, err));
#endif
    db_reader *r = ZNEW(db_reader, 1);
    if (!r) return fail_memory(err, "database", sizeof *r);
    habit_status st = find_backend(&r->backend, path, err);
    if (st == HABIT_OK) st = r->backend->reader_open(&r->state, path, &(db_options){ 0 }, err);
    if (st == HABIT_OK)
        *out = r;
    else
        mem_free(r);
    return st;
}

void db_reader_free(db_reader *r)
{
    if (!r) return;
    r->backend->reader_close(r->state);
    mem_free(r);
}

habit_status db_events(db_reader *r, const db_events_of *which, db_event_fn *fn, void *ctx,
                       habit_error *err)
{
    return r->backend->events(r->state, which, fn, ctx, err);
}

int64_t db_place(const db_reader *r)
{
    return r->backend->place(r->state);
}

habit_status db_item_get(db_reader *r, db_text id, db_item_fn *fn, void *ctx, habit_error *err)
{
    return r->backend->items(r->state, id, (db_text){ 0 }, 0, fn, ctx, err);
}

habit_status db_user_get(db_reader *r, db_text id, db_user_fn *fn, void *ctx, habit_error *err)
{
    return r->backend->users(r->state, id, (db_text){ 0 }, 0, fn, ctx, err);
}

habit_status db_items(db_reader *r, db_text after, size_t most, db_item_fn *fn, void *ctx,
                      habit_error *err)
{
    return r->backend->items(r->state, (db_text){ 0 }, after, most, fn, ctx, err);
}

habit_status db_users(db_reader *r, db_text after, size_t most, db_user_fn *fn, void *ctx,
                      habit_error *err)
{
    return r->backend->users(r->state, (db_text){ 0 }, after, most, fn, ctx, err);
}

habit_status db_gone(db_reader *r, db_gone_fn *fn, void *ctx, habit_error *err)
{
    return r->backend->gone(r->state, fn, ctx, err);
}

habit_status db_answers(db_reader *r, db_answer_fn *fn, void *ctx, habit_error *err)
{
    return r->backend->answers(r->state, fn, ctx, err);
}

habit_status db_count(db_reader *r, db_counts *out, habit_error *err)
{
    return r->backend->count(r->state, out, err);
}
