// test_simulate.c - the simulator keeps its promises: counts, order, bits, births, dirt.
#include "tests/simulated.h"

#include <math.h>

// What the truth writer is shown, kept for the test: the world itself goes with simulate().
typedef struct glimpse {
    uint32_t people, users, items;
    int days;
    int64_t start;
    int32_t *born;
    uint8_t *platform;
    float *share;
} glimpse;

static habit_status look(void *ctx, const world *w, const char *dir, habit_error *err)
{
    glimpse *g = ctx;
    (void)dir, (void)err;
    *g = (glimpse){ .people = w->people,
                    .users = w->users,
                    .items = w->items,
                    .days = w->days,
                    .start = w->start };
    g->born = NEW(int32_t, w->items);
    g->platform = NEW(uint8_t, w->items);
    g->share = NEW(float, w->users);
    memcpy(g->born, w->item_born, w->items * sizeof *g->born);
    memcpy(g->platform, w->item_platform, w->items);
    memcpy(g->share, w->user_share, w->users * sizeof *g->share);
    return HABIT_OK;
}

static void glimpse_free(glimpse *g)
{
    mem_free(g->born);
    mem_free(g->platform);
    mem_free(g->share);
}

static seen_log simulate_with(const simulate_options *o, uint64_t seed, int threads, glimpse *g,
                              json_t **report)
{
    char dir[64];
    pool *p = NULL;
    simulated_folder(dir, "log");
    CHECK_OK(pool_new(&p, threads, err));
    const run r = { .pool = p, .seed = seed };
    const truth_writer writer = { look, g };
    CHECK_OK(simulate(dir, o, g ? &writer : NULL, &r, report, err));
    const seen_log log = simulated_read(dir);
    simulated_remove(dir);
    pool_free(p);
    return log;
}

// --- the same bits -----------------------------------------------------------------------------

static void test_bits(void)
{
    simulate_options o = simulated_small;
    o.robots = 0.02, o.dirt = 0.05, o.malformed = 0.01;
    seen_log first = simulate_with(&o, 7, 1, NULL, NULL);
    for (int threads = 2; threads <= 4; threads++) {
        seen_log again = simulate_with(&o, 7, threads, NULL, NULL);
        CHECK(again.hash == first.hash && again.n == first.n, "%d threads write other bytes",
              threads);
        mem_free(again.event);
    }
    seen_log other = simulate_with(&o, 8, 2, NULL, NULL);
    CHECK(other.hash != first.hash, "another seed, the same log");
    mem_free(other.event);
    mem_free(first.event);
}

// --- a clean log ---------------------------------------------------------------------------------

static void test_clean(void)
{
    glimpse g = { 0 };
    json_t *report = NULL;
    const simulate_options *o = &simulated_small;
    seen_log log = simulate_with(o, 3, 2, &g, &report);
    CHECK(log.n == (size_t)o->events, "%zu rows", log.n);
    CHECK(json_integer_value(json_object_get(report, "events")) == o->events, "report");
    CHECK(abs(g.days - o->days) <= 6, "%d days", g.days);

    seen_event *last = ZNEW(seen_event, g.users);
    for (size_t k = 0; k < log.n; k++) {
        const seen_event *e = &log.event[k], *before = &last[e->user];
        CHECK(e->user < g.people && e->item < g.items, "row %zu: unknown id", k);
        CHECK(k == 0 || e->time >= log.event[k - 1].time, "row %zu is out of order", k);
        CHECK(e->time >= g.start + (int64_t)g.born[e->item] * WORLD_DAY,
              "row %zu: item %u is not born", k, e->item);
        const double share = (double)g.share[e->user];
        CHECK(g.platform[e->item] == 0 ? share > 0 : share < 1, "row %zu: wrong platform", k);

        // the funnel: an item again within the session is the next stage, all else is a view
        const bool inside = before->time && e->time - before->time <= WORLD_SILENCE;
        const bool again = inside && before->item == e->item;
        CHECK(e->stage == (again ? before->stage + 1 : FUNNEL_VIEW), "row %zu: stage %d", k,
              e->stage);
        CHECK(!inside || e->time > before->time, "row %zu: two events at one second", k);
        CHECK(!inside || g.platform[e->item] == g.platform[before->item],
              "row %zu: the platform changes within a session", k);
        CHECK((e->stage == FUNNEL_RATE) == (e->rating >= 1 && e->rating <= 5), "row %zu: rating %d",
              k, e->rating);
        last[e->user] = *e;
    }
    size_t came = 0, youngest = 0;
    for (uint32_t u = 0; u < g.people; u++) came += last[u].time != 0;
    for (uint32_t i = 0; i < g.items; i++) youngest += g.born[i] > 0;
    CHECK(came > g.people * 17 / 20, "only %zu people came", came);
    CHECK(youngest > g.items / 8, "only %zu items are born during the log", youngest);
    mem_free(last);
    mem_free(log.event);
    glimpse_free(&g);
    json_decref(report);
}

// --- dirt ----------------------------------------------------------------------------------------

static int64_t counted(const json_t *report, const char *what)
{
    return json_integer_value(json_object_get(json_object_get(report, "dirt"), what));
}

// Dirt is added, never put in place of what people did: taken out again, the clean log is left.
static void test_dirt(void)
{
    simulate_options o = simulated_small;
    seen_log clean = simulate_with(&o, 3, 2, NULL, NULL);
    json_t *report = NULL;
    glimpse g = { 0 };
    o.robots = 0.03, o.dirt = 0.1, o.malformed = 0.02;
    seen_log dirty = simulate_with(&o, 3, 2, &g, &report);
    int64_t robots = 0, duplicates = 0, times = 0, ratings = 0, malformed = 0;
    size_t k = 0;
    for (size_t i = 0; i < dirty.n; i++) {
        const seen_event *e = &dirty.event[i], *before = &dirty.event[i ? i - 1 : 0];
        const int64_t after = e->time - g.start;
        if (e->user == UINT32_MAX || e->item == UINT32_MAX || e->time < 0)
            malformed++;
        else if (e->user >= g.people)
            robots++;
        else if (after < 0 || after > 366 * WORLD_DAY)
            times++;
        else if (e->rating < 0 || e->rating > 5 || (e->stage == FUNNEL_RATE && e->rating == 0))
            ratings++;
        else if (i > 0 && memcmp(e, before, sizeof *e) == 0)
            duplicates++;
        else if (k < clean.n && memcmp(e, &clean.event[k], sizeof *e) == 0)
            k++;
        else
            CHECK(false, "row %zu is neither clean nor dirt", i);
    }
    CHECK(k == clean.n, "%zu of %zu clean rows are left", k, clean.n);
    CHECK(robots == counted(report, "robot_rows") && robots > 100, "robots %lld",
          (long long)robots);
    CHECK(duplicates == counted(report, "duplicates") && duplicates > 1000, "duplicates %lld",
          (long long)duplicates);
    CHECK(times == counted(report, "impossible_times") && times > 300, "times %lld",
          (long long)times);
    CHECK(ratings == counted(report, "impossible_ratings") && ratings > 300, "ratings %lld",
          (long long)ratings);
    CHECK(malformed == counted(report, "malformed") && malformed > 300, "malformed %lld",
          (long long)malformed);
    json_int_t behaviours = 0;
    const char *name;
    json_t *count;
    json_object_foreach(json_object_get(report, "behaviours"), name, count) behaviours +=
        json_integer_value(count);
    CHECK(behaviours == o.events, "behaviours add up to %lld", (long long)behaviours);
    mem_free(clean.event);
    mem_free(dirty.event);
    glimpse_free(&g);
    json_decref(report);
}

// --- side tables -----------------------------------------------------------------------------------

// Field k of a line of CSV without quotes, as "text,": good for strncmp.
static const char *field_at(const char *line, int k)
{
    for (; k > 0; k--) line = strchr(line, ',') + 1;
    return line;
}

static bool same_field(const char *a, int k, const char *b, int j)
{
    const char *x = field_at(a, k), *y = field_at(b, j);
    const size_t n = strcspn(x, ",\n");
    return n == strcspn(y, ",\n") && strncmp(x, y, n) == 0;
}

static char *read_text(const char *dir, const char *name, size_t *lines)
{
    char *path = path_join(dir, name), *text = NULL;
    size_t len;
    CHECK_OK(file_read(&text, &len, path, 1 << 26, err));
    *lines = 0;
    for (const char *p = text; p && (p = strchr(p, '\n')); p++) ++*lines;
    mem_free(path);
    return text;
}

// The item's columns in events.csv say what items.csv says.
static void test_tables(void)
{
    char dir[64];
    simulate_options o = simulated_small;
    o.events = 2000, o.robots = 0.05;
    simulated_folder(dir, "tables");
    json_t *report = NULL;
    CHECK_OK(simulate(dir, &o, NULL, NULL, &report, err));
    size_t events, items, users;
    char *event = read_text(dir, "events.csv", &events);
    char *item = read_text(dir, "items.csv", &items), *user = read_text(dir, "users.csv", &users);
    CHECK(items == (size_t)o.items + 1, "%zu lines of items", items);
    CHECK(users ==
              1 + (size_t)o.users + (size_t)json_integer_value(json_object_get(report, "robots")),
          "%zu lines of users", users);
    CHECK(strncmp(user, "user_id,", 8) == 0 && strncmp(item, "item_id,", 8) == 0, "headers");

    const char **row = NEW(const char *, items + 1);
    size_t n = 0;
    for (const char *p = item; p && *p && n < items; p = strchr(p, '\n') + 1) row[n++] = p;
    for (const char *p = strchr(event, '\n') + 1; *p; p = strchr(p, '\n') + 1) {
        const size_t number = strtoul(field_at(p, 1) + 1, NULL, 10);
        const char *card = row[number <= (size_t)o.items ? number : 0];
        CHECK(same_field(p, 1, card, 0) && same_field(p, 6, card, 3) && same_field(p, 7, card, 4) &&
                  same_field(p, 8, card, 5) && same_field(p, 9, card, 2),
              "item %zu differs: %.60s", number, p);
    }
    mem_free(row);
    mem_free(event);
    mem_free(item);
    mem_free(user);
    json_decref(report);
    simulated_remove(dir);
}

// --- sizes and refusals ----------------------------------------------------------------------------

static void test_sizes(void)
{
    // clang-format off
    static const struct { const char *name; int64_t users, items, events; int days, categories; } cases[] = {
        { "one event",       5,   24,     1,   1, 12 },
        { "one user",        1,   24,   900,  60, 12 },
        { "few categories", 50,    4,  2000,  30,  2 },
        { "one day",      2000,  100, 10000,   1, 12 },
        { "many users",  30000,  100, 10000,  30, 12 },
        { "crowded",       100, 3000, 80000,  60, 48 },
        { "windows",    100000, 1000, 1000000, 1, 12 },
    };
    // clang-format on
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        simulate_options o = simulated_small;
        o.users = cases[k].users, o.items = cases[k].items, o.events = cases[k].events;
        o.days = cases[k].days, o.categories = cases[k].categories, o.columns = "lean";
        seen_log log = simulate_with(&o, 1, 2, NULL, NULL);
        CHECK((int64_t)log.n == o.events, "%s: %zu rows", cases[k].name, log.n);
        for (size_t i = 1; i < log.n; i++)
            CHECK(log.event[i].time >= log.event[i - 1].time, "%s: row %zu", cases[k].name, i);
        mem_free(log.event);
    }
}

static void test_refusals(void)
{
    char dir[64];
    simulated_folder(dir, "refused");
    simulate_options o[4];
    for (int k = 0; k < 4; k++) o[k] = simulated_small;
    o[0].start = "yesterday";
    o[1].start = "2024-01-01T12:00:00Z";
    o[2].items = 20;
    o[3].users = 1;
    static const char *const says[] = { "--start", "--start", "--items", "--events" };
    for (int k = 0; k < 4; k++) {
        habit_error err = { 0 };
        CHECK(simulate(dir, &o[k], NULL, NULL, NULL, &err) == HABIT_EINVAL, "case %d", k);
        CHECK(strstr(err.message, says[k]), "%s", err.message);
        CHECK(!file_is_folder(dir), "a refused simulation left a folder");
    }
}

// Whatever allocation fails: an error, and nothing left behind.
static void test_memory(void)
{
    char dir[64];
    simulated_folder(dir, "memory");
    simulate_options o = simulated_small;
    o.events = 300, o.days = 5;
    const long before = mem_live();
    bool done = false;
    for (long n = 0; n < 100000 && !done; n += 1 + n / 16) {
        mem_fail_after(n);
        habit_error err = { 0 };
        const habit_status st = simulate(dir, &o, NULL, NULL, NULL, &err);
        mem_fail_after(-1);
        CHECK(st == HABIT_OK || st == HABIT_ENOMEM, "allocation %ld: %s", n, err.message);
        CHECK(mem_live() == before, "allocation %ld: %ld blocks leaked", n, mem_live() - before);
        CHECK((st == HABIT_OK) == file_is_folder(dir), "allocation %ld: a folder is left", n);
        done = st == HABIT_OK;
    }
    CHECK(done, "it never came through");
    simulated_remove(dir);
}

int main(void)
{
    test_bits();
    test_clean();
    test_dirt();
    test_tables();
    test_sizes();
    test_refusals();
    test_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
