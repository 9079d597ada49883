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

enum { EVENTS = 160, USERS = 8, INTERVAL_MS = 2 };

typedef struct cycle {
    db_write write[EVENTS];
    db_op op[EVENTS];
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

static void look(found *f, const db *d)
{
    *f = (found){ 0 };
    db_reader *r = NULL;
    CHECK_OK(db_reader_new(&r, d, err));
    const db_events_of all = { .since = TIME_NONE, .until = TIME_NONE };
    if (r) CHECK_OK(db_events(r, &all, see, f, err));
    db_reader_free(r);
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
    look(&f, d);
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

static void test_cuts(int cuts)
{
    static const char *const name[] = { "always", "interval", "none" };
    for (int mode = 0; mode < 3; mode++) {
        int broken = 0;
        for (int i = 0; i < cuts / 3 + 1; i++)
            broken += run_cycle((uint64_t)(i * 3 + mode), (db_durability)mode, false);
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
    test_lies();
    return CHECK_DONE();
#else
    puts("built without SQLite");
    return CHECK_SKIPPED;
#endif
}
