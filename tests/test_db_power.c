// test_db_power.c - what is left of the store after the power was cut, at every durability.
//
// A cycle: writers put numbered events, the power goes at some moment, the disk comes back as it
// may look, and the store is opened again.  What is there must be a prefix of what was put in, and
// hold all that the durability promised.  HABIT_CUTS=20000 runs more than the 2,000 of every day.
#include "tests/check.h"
#include "base/clock.h"
#include "store/db.h"

#include <config.h>
#include <stdio.h>
#include <time.h>

#ifdef HAVE_SQLITE
#include "tests/power_vfs.h"

enum { EVENTS = 160, USERS = 8, FOLDS = 4, INTERVAL_MS = 2 };

typedef struct cycle {
    db_write write[EVENTS];
    db_op op[EVENTS];
    db_write fold[FOLDS]; // now and then a user is forgotten, which folds the log into the tables
    db_op fold_op[FOLDS];
    char id[EVENTS][16], user[EVENTS][8];
    pthread_mutex_t lock;
    double told[EVENTS]; // when, by clock_wall(); 0: not yet
    int most_told;
} cycle;

static db_text text(const char *s)
{
    return (db_text){ s, strlen(s) };
}

static void on_done(db_write *w)
{
    cycle *c = w->ctx;
    const int i = (int)(w - c->write);
    pthread_mutex_lock(&c->lock);
    if (w->status == HABIT_OK) c->told[i] = clock_wall();
    pthread_mutex_unlock(&c->lock);
}

static void on_folded(db_write *w)
{
    (void)w;
}

static void fill(cycle *c)
{
    memset(c, 0, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    for (int i = 0; i < EVENTS; i++) {
        snprintf(c->id[i], sizeof c->id[i], "event-%d", i);
        snprintf(c->user[i], sizeof c->user[i], "u%d", i * 7 % USERS);
        c->op[i] = (db_op){ .kind = DB_PUT_EVENT,
                            .event = { .id = text(c->id[i]),
                                       .user = text(c->user[i]),
                                       .item = text("item"),
                                       .behaviour = text("view"),
                                       .time = 1000000 + i,
                                       .value = i } };
        c->write[i] = (db_write){ .op = &c->op[i], .ops = 1, .done = on_done, .ctx = c };
    }
    for (int i = 0; i < FOLDS; i++) {
        c->fold_op[i] = (db_op){ .kind = DB_DELETE_USER, .user = { .id = text("nobody") } };
        c->fold[i] = (db_write){ .op = &c->fold_op[i], .ops = 1, .done = on_folded, .ctx = c };
    }
}

typedef struct found {
    bool there[EVENTS];
    int64_t last[USERS];
    int count, twice, disorder;
} found;

static bool see(void *ctx, const db_event *e)
{
    found *f = ctx;
    const int i = (int)e->value, user = e->user.at[1] - '0';
    f->count++;
    f->twice += f->there[i];
    f->there[i] = true;
    f->disorder += e->time < f->last[user];
    f->last[user] = e->time;
    return true;
}

// False if it cannot be read.
static bool look(found *f, const db *d)
{
    *f = (found){ 0 };
    db_reader *r = NULL;
    CHECK_OK(db_reader_new(&r, d, err));
    const db_events_of all = { .since = TIME_NONE, .until = TIME_NONE };
    const bool read = r && db_events(r, &all, see, f, NULL) == HABIT_OK;
    db_reader_free(r);
    return read;
}

static const char *integrity(void)
{
    static char answer[200];
    sqlite3 *c = NULL;
    sqlite3_stmt *s = NULL;
    snprintf(answer, sizeof answer, "cannot be asked");
    if (sqlite3_open_v2("live.db", &c, SQLITE_OPEN_READWRITE, "power") == SQLITE_OK &&
        sqlite3_prepare_v2(c, "PRAGMA integrity_check", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        snprintf(answer, sizeof answer, "%s", (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(c);
    return answer;
}

// Returns how many promises were broken; with `lies` the disk does not sync when it says so.
static int run_cycle(uint64_t seed, db_durability durability, bool lies)
{
    static cycle c;
    static found f;
    const db_options o = { .durability = durability, .interval_ms = INTERVAL_MS, .vfs = "power" };
    rng r = rng_at(seed, 1, 1);
    db *d = NULL;
    int broken = 0;
    power_new_disk(seed);
    fill(&c);
    CHECK_OK(db_open(&d, "live.db", &o, err));
    if (!d) return 1;
    power.syncs_lie = lies;
    const int stop = (int)rng_below(&r, EVENTS), pace = (int)rng_below(&r, 40) + 1;
    for (int i = 0; i < EVENTS; i++) {
        db_submit(d, &c.write[i]);
        if (i % (EVENTS / FOLDS) == 17) db_submit(d, &c.fold[i / (EVENTS / FOLDS)]);
        if (i == stop) break;
        if (i % pace == 0)
            nanosleep(&(struct timespec){ .tv_nsec = (long)rng_below(&r, 60000) }, NULL);
    }
    nanosleep(&(struct timespec){ .tv_nsec = (long)rng_below(&r, 200000) }, NULL);
    pthread_mutex_lock(&c.lock); // nobody is told between these two
    const double cut = clock_wall();
    power_cut();
    double told[EVENTS];
    memcpy(told, c.told, sizeof told);
    pthread_mutex_unlock(&c.lock);
    db_close(d);
    power_back();
    d = NULL;
    habit_error err = { 0 };
    const db_options again = { .durability = durability,
                               .interval_ms = INTERVAL_MS,
                               .vfs = "power" };
    if (db_open(&d, "live.db", &again, &err) != HABIT_OK) {
        if (!lies) fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, err.message);
        return 1;
    }
    broken += !look(&f, d);
    db_close(d);
    broken += f.twice + f.disorder;
    for (int i = 0; i < EVENTS; i++) {
        if (f.there[i] && i >= f.count) broken++; // not a prefix
        if (f.there[i] || told[i] == 0) continue;
        if (durability == DB_ALWAYS) broken++;
        // the sync that follows an interval takes its time, too
        if (durability == DB_INTERVAL && told[i] < cut - 4 * INTERVAL_MS * 1e-3 - 0.1) broken++;
    }
    if (strcmp(integrity(), "ok") != 0) broken++;
    return broken;
}

static bool all_told(cycle *c, int n)
{
    bool all = true;
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < n; i++) all = all && c->told[i] > 0;
    pthread_mutex_unlock(&c->lock);
    return all;
}

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

// What an interval promises is seen only where one has passed: writes, waits for the sync that
// covers them, and cuts.  Returns how many events were lost.
static int run_interval(uint64_t seed, int events)
{
    static cycle c;
    static found f;
    const db_options o = { .durability = DB_INTERVAL, .interval_ms = INTERVAL_MS, .vfs = "power" };
    db *d = NULL;
    power_new_disk(seed);
    fill(&c);
    CHECK_OK(db_open(&d, "live.db", &o, err));
    if (!d) return events;
    for (int i = 0; i < events; i++) db_submit(d, &c.write[i]);
    while (!all_told(&c, events)) nap();
    const uint64_t before = db_look(d).syncs;
    const double until = clock_wall() + 0.5; // or it was over before we looked
    while (db_look(d).syncs == before && clock_wall() < until) nap();
    power_cut();
    db_close(d);
    power_back();
    d = NULL;
    CHECK_OK(db_open(&d, "live.db", &o, err));
    if (!d) return events;
    CHECK(look(&f, d), "the events cannot be read");
    db_close(d);
    int lost = 0;
    for (int i = 0; i < events; i++) lost += !f.there[i];
    return lost;
}

static void test_intervals(void)
{
    int lost = 0;
    for (int i = 0; i < 40; i++) lost += run_interval((uint64_t)(800000 + i), 5 + i % 30);
    CHECK(lost == 0, "%d events lost that an interval had passed over", lost);
}

static void test_cuts(int cuts)
{
    static const char *const name[] = { "always", "interval", "none" };
    for (int mode = 0; mode < 3; mode++) {
        int broken = 0;
        for (int i = 0; i < cuts / 3 + 1; i++)
            broken += run_cycle((uint64_t)(i * 3 + mode), (db_durability)mode, false);
        printf("%-8s %5d power cuts, %d promises broken\n", name[mode], cuts / 3 + 1, broken);
        CHECK(broken == 0, "%s: %d promises broken in %d power cuts", name[mode], broken,
              cuts / 3 + 1);
    }
}

// Disks that lie must be noticed, or this test sees nothing; not all are: what was told last may
// have been lucky, or nothing was told before the cut.
static void test_lies(void)
{
    int broken = 0;
    for (int i = 0; i < 40; i++) broken += run_cycle((uint64_t)(900000 + i), DB_ALWAYS, true) > 0;
    CHECK(broken >= 5, "only %d of 40 disks that lie were noticed", broken);
}
#endif

int main(void)
{
#ifdef HAVE_SQLITE
    const char *cuts = getenv("HABIT_CUTS");
    power_install(1);
    test_cuts(cuts ? (int)strtol(cuts, NULL, 10) : 2000);
    test_intervals();
    test_lies();
    return CHECK_DONE();
#else
    puts("built without SQLite");
    return CHECK_SKIPPED;
#endif
}
