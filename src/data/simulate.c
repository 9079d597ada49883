// simulate.c - a behaviour log whose truth is known, window of time by window of time.
//
// In each window all users walk (in shards, in parallel), the rows are put in the order of their
// seconds by counting, their lines are formatted (in pieces, in parallel) and written.  Memory is
// the world, a walker per user, and one window, however long the log.
#include "data/simulate.h"
#include "data/simulate_write.h"
#include "base/clock.h"
#include "base/memory.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(simulate_options, field)
// clang-format off
const opt simulate_table[] = {
    { "users", "N", OPT_LONG, AT(users), "2000", 1, 1e8, NULL, "people" },
    { "items", "N", OPT_LONG, AT(items), "1000", 4, 2e7, NULL, "things to find" },
    { "events", "N", OPT_LONG, AT(events), "100000", 1, 1e11, NULL, "rows of people's behaviour; robots and dirt come on top" },
    { "days", "N", OPT_INT, AT(days), "90", 1, 3650, NULL, "span of the log; the last event may fall some days before or after" },
    { "start", "DATE", OPT_STRING, AT(start), "2024-01-01", 0, 0, NULL, "first day, 1990 to 2080" },
    { "states", "N", OPT_INT, AT(states), "32", 2, 256, NULL, "tastes a person may have" },
    { "categories", "N", OPT_INT, AT(categories), "24", 2, WORLD_CATEGORIES, NULL, "categories of items" },
    { "follow", "P", OPT_REAL, AT(follow), "0.3", 0, 1, NULL, "probability that a step leads to a sequel or complement" },
    { "drift", "P", OPT_REAL, AT(drift), "0.15", 0, 1, NULL, "probability that a session begins with another taste" },
    { "robots", "SHARE", OPT_REAL, AT(robots), "0.01", 0, 1, NULL, "rows of robots, as a share of events" },
    { "dirt", "SHARE", OPT_REAL, AT(dirt), "0.01", 0, 0.5, NULL, "added duplicates, impossible times and ratings, as a share of events" },
    { "malformed", "SHARE", OPT_REAL, AT(malformed), "0", 0, 0.5, NULL, "added rows that do not parse, as a share of events" },
    { "columns", "SET", OPT_CHOICE, AT(columns), "full", 0, 0, "full|lean", "lean leaves out dwell, platform, place and category" },
    OPT_END,
};
// clang-format on
#undef AT

size_t simulate_options_size(void)
{
    return sizeof(simulate_options);
}

enum {
    SHARDS = 64,          // of users: fixed, so that threads change nothing
    PIECE_ROWS = 8192,    // rows formatted in one go
    PIECES = 32,          // formatted, then written, together
    WINDOW_ROWS = 400000, // expected in a window of time, at most
    ROBOT_BURST = 400,    // mean rows of a robot's visit
    USERS_PER_ROBOT = 1000,
    CALIBRATION = 1 << 16, // people looked at to choose the pace
};

// One simulation at work.
typedef struct town {
    const simulate_options *opt;
    const run *run;
    world w;
    walk_plan plan;
    market market;
    walker *walkers; // [users]
    log_lines lines;
    file_writer events;

    // one window of time
    int64_t from, until;
    log_rows shard[SHARDS];
    habit_status shard_status[SHARDS];
    uint32_t *place; // [window seconds + 1]
    log_rows sorted;
    buffer text[PIECES];
    size_t text_from; // first row of the pieces being formatted

    // so far
    uint64_t kinds[ROW_KINDS], stages[FUNNEL_STAGES], bytes;
    int64_t last; // second of the last row
} town;

// --- options ---------------------------------------------------------------------------------------

static habit_status plan_world(world_plan *out, const simulate_options *o, const run *r,
                               habit_error *err)
{
    int64_t start = 0;
    if (!o->start || !time_parse_iso(o->start, strlen(o->start), &start) ||
        start % (WORLD_DAY * INT64_C(1000000)) != 0 ||
        start < days_from_civil(1990, 1, 1) * 86400000000 ||
        start > days_from_civil(2080, 1, 1) * 86400000000)
        return fail(err, HABIT_EINVAL, "--start: '%s' is not a date from 1990-01-01 to 2080-01-01",
                    o->start ? o->start : "");
    if (o->items < WORLD_PLATFORMS * o->categories)
        return fail(err, HABIT_EINVAL,
                    "--items %lld: too few to fill %d categories on %d platforms; give %d items "
                    "or more, or --categories %lld or fewer",
                    (long long)o->items, o->categories, WORLD_PLATFORMS,
                    WORLD_PLATFORMS * o->categories, (long long)o->items / WORLD_PLATFORMS);

    const double rows = o->robots * (double)o->events;
    double robots = (double)(o->users / USERS_PER_ROBOT);
    if (robots > rows / ROBOT_BURST) robots = rows / ROBOT_BURST;
    *out = (world_plan){
        .seed = r ? r->seed : 0,
        .start = start / 1000000,
        .days = o->days,
        .people = (uint32_t)o->users,
        .robots = rows < 1     ? 0
                  : robots < 1 ? 1
                               : (uint32_t)robots,
        .items = (uint32_t)o->items,
        .states = (uint32_t)o->states,
        .categories = (uint32_t)o->categories,
        .follow = o->follow,
        .drift = o->drift,
    };
    return HABIT_OK;
}

// --- pace --------------------------------------------------------------------------------------------

// Rows expected within the span if a person of activity 1 begins `activity` sessions a day.  A
// session takes its time, and the silence after it: nobody begins more than one at once.
static double expected_rows(const world *w, double activity)
{
    const uint32_t stride = w->people / CALIBRATION + 1;
    const double busy = (walk_session_seconds(w) + WORLD_SILENCE) / WORLD_DAY;
    double sessions = 0, people = 0;
    for (uint32_t u = 0; u < w->people; u += stride, people++)
        sessions +=
            (w->days - w->user_joined[u]) / (1 / (activity * (double)w->user_activity[u]) + busy);
    return sessions / people * w->people * walk_session_rows(w);
}

static habit_status choose_pace(town *t, habit_error *err)
{
    const double events = (double)t->opt->events, most = 0.5 * expected_rows(&t->w, 1e9);
    if (events > most)
        return fail(err, HABIT_EINVAL,
                    "--events %.0f is more than %u people can do in %d days (about %.0f): raise "
                    "--users or --days",
                    events, (unsigned)t->w.people, t->w.days, most);
    double low = 1e-9, high = 1e6;
    for (int k = 0; k < 80; k++) { // bisection on a rising function, in ratios
        const double middle = sqrt(low * high);
        if (expected_rows(&t->w, middle) < events)
            low = middle;
        else
            high = middle;
    }
    const double robots = t->w.users - t->w.people;
    t->plan = (walk_plan){ .activity = high, .dirt = t->opt->dirt, .malformed = t->opt->malformed };
    if (robots > 0) {
        const double rows = t->opt->robots * events / robots;
        t->plan.burst = rows < ROBOT_BURST ? rows : ROBOT_BURST;
        t->plan.burst_wait = (double)t->w.days * WORLD_DAY * t->plan.burst / rows;
    }
    return HABIT_OK;
}

// Windows divide the day evenly, so that the market is the same all through one.
static int64_t window_seconds(const town *t)
{
    static const int parts[] = { 1, 2, 4, 6, 12, 24, 48, 96, 288, 1440 };
    const double daily = (double)t->opt->events / t->w.days;
    size_t k = 0;
    while (k + 1 < COUNT_OF(parts) && daily / parts[k] > WINDOW_ROWS) k++;
    return WORLD_DAY / parts[k];
}

// --- one window of time ------------------------------------------------------------------------------

static void walk_shard(void *ctx, size_t k, int worker)
{
    town *t = ctx;
    (void)worker;
    t->shard[k].n = 0;
    const size_t end = pool_cut(t->w.users, SHARDS, k + 1);
    for (size_t u = pool_cut(t->w.users, SHARDS, k); u < end && t->shard_status[k] == HABIT_OK; u++)
        if (t->walkers[u].next < t->until)
            t->shard_status[k] = walk_until(&t->walkers[u], &t->market, &t->plan, (uint32_t)u,
                                            t->until, &t->shard[k]);
}

// Counting sort by second: stable, so that rows of one second stay in the order of users.
static habit_status sort_window(town *t, habit_error *err)
{
    const size_t seconds = (size_t)(t->until - t->from);
    size_t n = 0;
    memset(t->place, 0, (seconds + 1) * sizeof *t->place);
    for (int k = 0; k < SHARDS; k++) {
        n += t->shard[k].n;
        for (size_t i = 0; i < t->shard[k].n; i++)
            t->place[t->shard[k].row[i].time - t->from + 1]++;
    }
    void *rows = t->sorted.row;
    TRY(mem_grow(&rows, &t->sorted.cap, n, sizeof(log_row), "rows", err));
    t->sorted.row = rows;
    t->sorted.n = n;
    for (size_t s = 0; s < seconds; s++) t->place[s + 1] += t->place[s];
    for (int k = 0; k < SHARDS; k++)
        for (size_t i = 0; i < t->shard[k].n; i++) {
            const log_row row = t->shard[k].row[i];
            t->sorted.row[t->place[row.time - t->from]++] = row;
        }
    return HABIT_OK;
}

// Counts the rows, and ends the log with the last of the events that were asked for.
static void count_window(town *t)
{
    for (size_t i = 0; i < t->sorted.n; i++) {
        const log_row *row = t->sorted.row + i;
        t->kinds[row->kind]++;
        t->last = row->time;
        if (row->kind != ROW_PEOPLE) continue;
        t->stages[row->stage]++;
        if (t->kinds[ROW_PEOPLE] == (uint64_t)t->opt->events) t->sorted.n = i + 1;
    }
}

static void format_piece(void *ctx, size_t k, int worker)
{
    town *t = ctx;
    (void)worker;
    const size_t from = t->text_from + k * PIECE_ROWS, left = t->sorted.n - from;
    buffer_clear(&t->text[k]);
    log_lines_format(&t->text[k], &t->lines, t->sorted.row + from,
                     left < PIECE_ROWS ? left : PIECE_ROWS);
}

static habit_status write_window(town *t, habit_error *err)
{
    size_t pieces = 0;
    for (t->text_from = 0; t->text_from < t->sorted.n; t->text_from += pieces * PIECE_ROWS) {
        pieces = (t->sorted.n - t->text_from + PIECE_ROWS - 1) / PIECE_ROWS;
        if (pieces > PIECES) pieces = PIECES;
        pool_run(run_pool(t->run), pieces, format_piece, t);
        for (size_t k = 0; k < pieces; k++) {
            TRY(buffer_check(&t->text[k], err));
            if (fwrite(t->text[k].data, 1, t->text[k].len, t->events.stream) != t->text[k].len)
                return fail_io(err, "write", t->events.path);
            t->bytes += t->text[k].len;
        }
    }
    return HABIT_OK;
}

static habit_status run_window(town *t, habit_error *err)
{
    market_open(&t->market, (int)(t->from / WORLD_DAY), run_pool(t->run));
    pool_run(run_pool(t->run), SHARDS, walk_shard, t);
    for (int k = 0; k < SHARDS; k++)
        if (t->shard_status[k] != HABIT_OK) return fail_memory(err, "rows", sizeof(log_row));
    TRY(sort_window(t, err));
    count_window(t);
    TRY(write_window(t, err));
    return run_progress(t->run, "simulate", t->kinds[ROW_PEOPLE], (uint64_t)t->opt->events, err);
}

// --- the whole log -------------------------------------------------------------------------------------

static habit_status write_events(town *t, const char *path, habit_error *err)
{
    const uint64_t events = (uint64_t)t->opt->events;
    const int most_days = 2 * t->w.days + 60; // chance may need some days more than planned
    const int64_t window = window_seconds(t);
    TRY(market_new(&t->market, &t->w, most_days, err));
    TRY(log_lines_new(&t->lines, &t->w, strcmp(t->opt->columns, "full") == 0, err));
    t->walkers = NEW(walker, t->w.users);
    t->place = NEW(uint32_t, (size_t)window + 1);
    if (!t->walkers || !t->place) return fail_memory(err, "people", sizeof(walker) * t->w.users);
    for (uint32_t u = 0; u < t->w.users; u++) walk_begin(&t->walkers[u], &t->w, &t->plan, u);

    TRY(file_create(&t->events, path, err));
    const char *header = log_lines_header(&t->lines);
    fwrite(header, 1, strlen(header), t->events.stream);
    t->bytes = strlen(header);
    for (; t->kinds[ROW_PEOPLE] < events && t->from < most_days * (int64_t)WORLD_DAY;
         t->from = t->until) {
        t->until = t->from + window;
        TRY(run_window(t, err));
    }
    if (t->kinds[ROW_PEOPLE] < events)
        run_log(t->run, LOG_WARN, "only %llu of %llu events came about in %d days",
                (unsigned long long)t->kinds[ROW_PEOPLE], (unsigned long long)events, most_days);
    t->w.days = (int)(t->last / WORLD_DAY) + 1;
    return file_commit(&t->events, err);
}

static void town_free(town *t)
{
    file_abandon(&t->events);
    for (int k = 0; k < SHARDS; k++) mem_free(t->shard[k].row);
    for (int k = 0; k < PIECES; k++) buffer_free(&t->text[k]);
    mem_free(t->sorted.row);
    mem_free(t->place);
    mem_free(t->walkers);
    log_lines_free(&t->lines);
    market_free(&t->market);
    world_free(&t->w);
}

static habit_status make_report(json_t **out, const town *t, double seconds, habit_error *err)
{
    uint64_t rows = 0;
    char first[32], last[32];
    for (int k = 0; k < ROW_KINDS; k++) rows += t->kinds[k];
    time_format_iso(first, t->w.start * 1000000);
    time_format_iso(last, (t->w.start + t->last) * 1000000);
    json_t *report = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:i, s:s, s:s, s:{s:I, s:I, s:I, s:I, s:I}, "
        "s:{s:I, s:I, s:I, s:I}, s:I, s:f}",
        "events", (json_int_t)t->kinds[ROW_PEOPLE], "rows", (json_int_t)rows, "users",
        (json_int_t)t->w.people, "robots", (json_int_t)(t->w.users - t->w.people), "items",
        (json_int_t)t->w.items, "days", t->w.days, "start", first, "last", last, "dirt",
        "robot_rows", (json_int_t)t->kinds[ROW_ROBOT], "duplicates",
        (json_int_t)t->kinds[ROW_DUPLICATE], "impossible_times", (json_int_t)t->kinds[ROW_BAD_TIME],
        "impossible_ratings", (json_int_t)t->kinds[ROW_BAD_RATING], "malformed",
        (json_int_t)t->kinds[ROW_MALFORMED], "behaviours", funnel_names[0],
        (json_int_t)t->stages[0], funnel_names[1], (json_int_t)t->stages[1], funnel_names[2],
        (json_int_t)t->stages[2], funnel_names[3], (json_int_t)t->stages[3], "bytes",
        (json_int_t)t->bytes, "seconds", seconds);
    if (!report) return fail_memory(err, "report", 0);
    *out = report;
    return HABIT_OK;
}

// Calls `write` with the path of `name` in the folder.
typedef habit_status write_fn(void *ctx, const char *path, habit_error *err);

static habit_status in_folder(const folder_writer *f, const char *name, write_fn *write, void *ctx,
                              habit_error *err)
{
    char *path = path_join(f->temporary, name);
    if (!path) return fail_memory(err, "path", strlen(name));
    const habit_status st = write(ctx, path, err);
    mem_free(path);
    return st;
}

static habit_status put_events(void *ctx, const char *path, habit_error *err)
{
    return write_events(ctx, path, err);
}
static habit_status put_items(void *ctx, const char *path, habit_error *err)
{
    return write_items(&((town *)ctx)->w, path, err);
}
static habit_status put_users(void *ctx, const char *path, habit_error *err)
{
    return write_users(&((town *)ctx)->w, path, err);
}

habit_status simulate(const char *dir, const simulate_options *o, const truth_writer *truth,
                      const run *r, json_t **report, habit_error *err)
{
    const double began = clock_wall();
    town t = { .opt = o, .run = r };
    folder_writer folder = { 0 };
    char *truth_dir = NULL;
    world_plan plan;
    TRY(plan_world(&plan, o, r, err));
    habit_status st = world_build(&t.w, &plan, err);
    if (st == HABIT_OK) st = choose_pace(&t, err);
    if (st == HABIT_OK) st = folder_create(&folder, dir, err);
    if (st == HABIT_OK) st = in_folder(&folder, "events.csv", put_events, &t, err);
    if (st == HABIT_OK) st = in_folder(&folder, "items.csv", put_items, &t, err);
    if (st == HABIT_OK) st = in_folder(&folder, "users.csv", put_users, &t, err);
    if (st != HABIT_OK) goto out;
    if (truth) {
        truth_dir = path_join(folder.temporary, "truth");
        st = truth_dir ? truth->write(truth->ctx, &t.w, truth_dir, err)
                       : fail_memory(err, "path", strlen(dir));
        if (st != HABIT_OK) goto out;
    }
    st = folder_commit(&folder, "events.csv", err);
    if (st == HABIT_OK && report) st = make_report(report, &t, clock_wall() - began, err);
out:
    mem_free(truth_dir);
    folder_abandon(&folder);
    town_free(&t);
    return st;
}
