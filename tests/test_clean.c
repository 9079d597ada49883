// test_clean.c - every cleaning step against the same step done naively, on random logs.
//
// The log carries an extra column "id" that numbers its rows, so that the rows of the output can
// be told, and compared with those that the naive steps leave.
#include "base/rng.h"
#include "data/clean.h"
#include "tests/make_dataset.h"

#include <math.h>

enum { ROWS = 900 };
#define MINUTE INT64_C(60000000)

typedef struct row {
    uint32_t user, item, tag;
    int64_t time;
    uint8_t behaviour;
    float value;
    double id, ratio;
} row;

typedef struct table {
    row row[ROWS];
    size_t n;
} table;

static const char *const behaviours[] = { "buy", "cart", "view", NULL };

// --- random logs ---------------------------------------------------------------------------------

static void random_table(table *t, rng *r)
{
    const uint32_t users = 30, items = 25;
    t->n = 0;
    for (uint32_t u = 0; u < users; u++) {
        int64_t at = (int64_t)rng_below(r, 1000) * MINUTE;
        const uint64_t n = rng_below(r, 25);
        const bool robot = rng_below(r, 10) == 0, obsessed = rng_below(r, 10) == 0;
        for (uint64_t k = 0; k < n && t->n < ROWS; k++) {
            at += robot ? MINUTE : (int64_t)rng_below(r, 4) * 20 * MINUTE;
            const uint64_t skew = rng_below(r, items) * rng_below(r, items) / items;
            row *x = &t->row[t->n];
            *x = (row){ .user = u,
                        .item = obsessed && k % 4 ? 3 : (uint32_t)skew,
                        .tag = rng_below(r, 5) ? (uint32_t)rng_below(r, 3) : TAG_NONE,
                        .time = at,
                        .behaviour = (uint8_t)rng_below(r, 3),
                        .value = rng_below(r, 8) ? (float)rng_below(r, 50) / 10 : NAN,
                        .id = (double)t->n,
                        .ratio = rng_uniform(r) };
            if (k && rng_below(r, 6) == 0) { // a duplicate, or nearly
                const int64_t now = rng_below(r, 2) ? x[-1].time : x->time;
                *x = x[-1];
                x->id = (double)t->n;
                x->time = at = now;
                x->tag = 1;
            }
            if (rng_below(r, 60) == 0) x->value = rng_below(r, 2) ? 1000 : -1000; // an outlier
            t->n++;
        }
    }
}

static dataset *table_dataset(const table *t)
{
    uint64_t offset[64] = { 0 };
    uint32_t item[ROWS], tag[ROWS];
    int64_t time[ROWS];
    uint8_t behaviour[ROWS];
    float value[ROWS];
    double id[ROWS], ratio[ROWS], price[25];
    uint32_t users = 30;
    for (size_t k = 0; k < t->n; k++) {
        const row *x = &t->row[k];
        item[k] = x->item, tag[k] = x->tag, time[k] = x->time, behaviour[k] = x->behaviour;
        value[k] = x->value, id[k] = x->id, ratio[k] = x->ratio;
        offset[x->user + 1] = k + 1;
    }
    for (uint32_t u = 0; u < users; u++)
        if (offset[u + 1] < offset[u]) offset[u + 1] = offset[u];
    for (int i = 0; i < 25; i++) price[i] = i;
    static const uint64_t starts[] = { 0, 1, 2, 3 };
    const column columns[] = {
        { .name = "id", .of = OF_EVENTS, .kind = COLUMN_NUMBER, .rows = t->n, .number = id },
        { .name = "ratio", .of = OF_EVENTS, .kind = COLUMN_NUMBER, .rows = t->n, .number = ratio },
        { .name = "tag",
          .of = OF_EVENTS,
          .kind = COLUMN_TAG,
          .rows = t->n,
          .tag = tag,
          .names = { 3, starts, "abc" } },
        { .name = "price", .of = OF_ITEMS, .kind = COLUMN_NUMBER, .rows = 25, .number = price },
    };
    return make_dataset(&(made){ .users = users,
                                 .items = 25,
                                 .offset = offset,
                                 .item = item,
                                 .time = time,
                                 .behaviour = behaviour,
                                 .behaviours = behaviours,
                                 .value = value,
                                 .value_name = "stars",
                                 .columns = columns,
                                 .columns_count = COUNT_OF(columns) });
}

// --- the same steps, naively ---------------------------------------------------------------------

static size_t keep_if(table *t, const bool *keep)
{
    size_t n = 0;
    for (size_t k = 0; k < t->n; k++)
        if (keep[k]) t->row[n++] = t->row[k];
    const size_t dropped = t->n - n;
    t->n = n;
    return dropped;
}

static bool same_value(float a, float b)
{
    return (isnan(a) && isnan(b)) || (a >= b && a <= b);
}

static bool duplicate_of(const row *a, const row *b)
{
    return a->user == b->user && a->item == b->item && a->time == b->time &&
           a->behaviour == b->behaviour && same_value(a->value, b->value);
}

static size_t naive_dedupe(table *t)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++) {
        keep[k] = true;
        for (size_t j = 0; j < k; j++) keep[k] = keep[k] && !duplicate_of(&t->row[j], &t->row[k]);
    }
    return keep_if(t, keep);
}

static size_t naive_repeats(table *t, int64_t window)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++) {
        const row *x = &t->row[k];
        keep[k] = true;
        for (size_t j = 0; j < k; j++) {
            const row *y = &t->row[j];
            if (keep[j] && x->user == y->user && x->item == y->item &&
                x->behaviour == y->behaviour && x->time - y->time <= window)
                keep[k] = false;
        }
    }
    return keep_if(t, keep);
}

static size_t naive_robot_rate(table *t, double rate, size_t least)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++) {
        size_t busiest = 0, total = 0;
        for (size_t i = 0; i < t->n; i++) {
            if (t->row[i].user != t->row[k].user) continue;
            size_t within = 0;
            total++;
            for (size_t j = i; j < t->n; j++)
                within += t->row[j].user == t->row[k].user &&
                          t->row[j].time - t->row[i].time < 60 * MINUTE;
            if (within > busiest) busiest = within;
        }
        keep[k] = total < least || (double)busiest <= rate;
    }
    return keep_if(t, keep);
}

static size_t naive_robot_repeat(table *t, double share, size_t least)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++) {
        size_t most = 0, total = 0;
        for (size_t i = 0; i < t->n; i++) {
            size_t same = 0;
            if (t->row[i].user != t->row[k].user) continue;
            total++;
            for (size_t j = 0; j < t->n; j++)
                same += t->row[j].user == t->row[k].user && t->row[j].item == t->row[i].item;
            if (same > most) most = same;
        }
        keep[k] = total < least || (double)most <= share * (double)total;
    }
    return keep_if(t, keep);
}

static size_t naive_core(table *t, size_t users, size_t items)
{
    size_t dropped = 0, now = 1;
    while (now) {
        bool keep[ROWS];
        for (size_t k = 0; k < t->n; k++) {
            size_t u = 0, i = 0;
            for (size_t j = 0; j < t->n; j++) {
                u += t->row[j].user == t->row[k].user;
                i += t->row[j].item == t->row[k].item;
            }
            keep[k] = u >= users && i >= items;
        }
        dropped += now = keep_if(t, keep);
    }
    return dropped;
}

static int by_number(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Sorted values that are not missing.
static size_t values_of(const table *t, double *v)
{
    size_t n = 0;
    for (size_t k = 0; k < t->n; k++)
        if (!isnan(t->row[k].value)) v[n++] = t->row[k].value;
    qsort(v, n, sizeof *v, by_number);
    return n;
}

static double quantile_of(const double *v, size_t n, double p)
{
    const double at = p * (double)(n - 1);
    const size_t low = (size_t)at;
    return low + 1 < n ? v[low] + (at - (double)low) * (v[low + 1] - v[low]) : v[low];
}

static void moments_of(const double *v, size_t n, double *mean, double *deviation)
{
    *mean = *deviation = 0;
    for (size_t k = 0; k < n; k++) *mean += v[k] / (double)n;
    for (size_t k = 0; k < n; k++) *deviation += (v[k] - *mean) * (v[k] - *mean) / (double)n;
    *deviation = sqrt(*deviation);
}

static size_t naive_between(table *t, double low, double high)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++)
        keep[k] = isnan(t->row[k].value) || (t->row[k].value >= low && t->row[k].value <= high);
    return keep_if(t, keep);
}

// --- running a step and comparing ----------------------------------------------------------------

static opt_values options(const char *const *pairs)
{
    opt_values v = { 0 };
    CHECK_OK(opt_values_init(&v, import_table, import_options_size(), err));
    for (; *pairs; pairs++) {
        char name[40];
        const char *value = strchr(*pairs, '=');
        snprintf(name, sizeof name, "%.*s", (int)(value - *pairs), *pairs);
        const int at = opt_find(&v, name);
        CHECK(at >= 0, "no option %s", name);
        CHECK_OK(opt_set(&v, at, value + 1, err));
    }
    return v;
}

// Cleans into a new dataset; the report's row of the step, borrowed from *report.
static dataset *cleaned(const dataset *d, const char *const *pairs, json_t *report)
{
    static int serial;
    char path[64];
    dataset *out = NULL;
    opt_values v = options(pairs);
    snprintf(path, sizeof path, "cleaned-%ld-%d.habit", (long)getpid(), serial++);
    CHECK(clean_needed(v.values), "%s does nothing", pairs[0]);
    CHECK_OK(clean(path, d, v.values, NULL, report, err));
    CHECK_OK(dataset_open(&out, path, err));
    opt_values_free(&v);
    if (!out) abort();
    out->unlink_on_close = true;
    return out;
}

static json_int_t reported(const json_t *report, size_t step, const char *key)
{
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(report, "steps"), step), key));
}

// The name of row k, of one letter; 0 if it has none.
static char tag_letter(const column *tag, size_t k)
{
    size_t len;
    return tag->tag[k] == TAG_NONE ? '\0' : *names_at(&tag->names, tag->tag[k], &len);
}

// Names that no row has any more are gone.
static void check_names_used(const column *tag, const char *what)
{
    for (uint32_t name = 0; name < tag->names.count; name++) {
        bool used = false;
        for (size_t k = 0; k < tag->rows; k++) used = used || tag->tag[k] == name;
        CHECK(used, "%s: no row has tag %u of %u", what, name, tag->names.count);
    }
}

// The output holds exactly the rows of `t`, with ids and columns in place.
static void check_rows(const dataset *d, const table *t, const char *what)
{
    const column *id = dataset_column(d, OF_EVENTS, "id");
    const column *price = dataset_column(d, OF_ITEMS, "price");
    const column *tag = dataset_column(d, OF_EVENTS, "tag");
    CHECK(d->events == t->n, "%s: %llu events, want %zu", what, (unsigned long long)d->events,
          t->n);
    if (d->events != t->n) return;
    uint32_t u = 0;
    for (size_t k = 0; k < t->n; k++) {
        const row *x = &t->row[k];
        char want[16];
        size_t len;
        while (d->offset[u + 1] <= k) u++;
        CHECK(id->number[k] >= x->id && id->number[k] <= x->id, "%s: row %zu is %g, want %g", what,
              k, id->number[k], x->id);
        const char *user = names_at(&d->user_ids, u, &len);
        snprintf(want, sizeof want, "%u", x->user);
        CHECK(strlen(want) == len && !memcmp(user, want, len), "%s: user %.*s, want %s", what,
              (int)len, user, want);
        const char *item = names_at(&d->item_ids, d->item[k], &len);
        snprintf(want, sizeof want, "%u", x->item);
        CHECK(strlen(want) == len && !memcmp(item, want, len), "%s: item %.*s, want %s", what,
              (int)len, item, want);
        CHECK((uint32_t)price->number[d->item[k]] == x->item, "%s: price", what);
        CHECK(d->time[k] == x->time &&
                  tag_letter(tag, k) == (x->tag == TAG_NONE ? 0 : "abc"[x->tag]),
              "%s: time and tag", what);
        const char *kind = names_at(&d->behaviours, d->behaviour[k], &len);
        CHECK(!strncmp(kind, behaviours[x->behaviour], len), "%s: behaviour", what);
        CHECK(isnan(x->value) ? isnan(d->value[k]) : fabsf(d->value[k] - x->value) < 1e-5f,
              "%s: value %g, want %g", what, (double)d->value[k], (double)x->value);
    }
    for (uint32_t k = 0; k < d->users; k++)
        CHECK(d->offset[k + 1] > d->offset[k], "%s: a user without events", what);
    check_names_used(tag, what);
}

typedef size_t naive_fn(table *t); // drops, and returns how many

static void check_step(const dataset *d, const table *t, const char *const *pairs, naive_fn *naive)
{
    table *left = NEW(table, 1);
    *left = *t;
    json_t *report = json_object();
    dataset *out = cleaned(d, pairs, report);
    const size_t dropped = naive(left);
    check_rows(out, left, pairs[0]);
    CHECK(reported(report, 0, "dropped") == (json_int_t)dropped, "%s: %lld reported, %zu dropped",
          pairs[0], (long long)reported(report, 0, "dropped"), dropped);
    CHECK(reported(report, 0, "left") == (json_int_t)left->n, "%s: left", pairs[0]);
    CHECK(reported(report, 0, "users") == out->users, "%s: users", pairs[0]);
    CHECK(reported(report, 0, "items") == out->items, "%s: items", pairs[0]);
    json_decref(report);
    dataset_close(out);
    mem_free(left);
}

// One naive function per case below.
static size_t n_dedupe(table *t)
{
    return naive_dedupe(t);
}
static size_t n_repeats(table *t)
{
    return naive_repeats(t, 20 * MINUTE);
}
static size_t n_rate(table *t)
{
    return naive_robot_rate(t, 8, 5);
}
static size_t n_share(table *t)
{
    return naive_robot_repeat(t, 0.5, 5);
}
static size_t n_core(table *t)
{
    return naive_core(t, 8, 12);
}
static size_t n_user_core(table *t)
{
    return naive_core(t, 10, 0);
}
static size_t n_times(table *t)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++)
        keep[k] = t->row[k].time >= 300 * MINUTE && t->row[k].time <= 900 * MINUTE;
    return keep_if(t, keep);
}
static size_t n_where(table *t)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++)
        keep[k] = t->row[k].value >= 0.7f && t->row[k].ratio < 0.8 && t->row[k].behaviour != 0;
    return keep_if(t, keep);
}
static size_t n_where_tag(table *t)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++)
        keep[k] = t->row[k].tag != TAG_NONE && t->row[k].tag != 1 && t->row[k].item > 2;
    return keep_if(t, keep);
}
static size_t n_behaviours(table *t)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++) keep[k] = t->row[k].behaviour != 1;
    return keep_if(t, keep);
}
static size_t n_missing(table *t)
{
    bool keep[ROWS];
    for (size_t k = 0; k < t->n; k++) keep[k] = !isnan(t->row[k].value);
    return keep_if(t, keep);
}
static void fill(table *t, double x)
{
    for (size_t k = 0; k < t->n; k++)
        if (isnan(t->row[k].value)) t->row[k].value = (float)x;
}
static size_t n_mean(table *t)
{
    double v[ROWS], mean, deviation;
    moments_of(v, values_of(t, v), &mean, &deviation);
    return fill(t, mean), 0;
}
static size_t n_median(table *t)
{
    double v[ROWS];
    const size_t n = values_of(t, v);
    return fill(t, quantile_of(v, n, 0.5)), 0;
}
static size_t n_constant(table *t)
{
    return fill(t, -2.5), 0;
}
static size_t n_zscore(table *t)
{
    double v[ROWS], mean, deviation;
    moments_of(v, values_of(t, v), &mean, &deviation);
    return naive_between(t, mean - 2 * deviation, mean + 2 * deviation);
}
static size_t n_iqr(table *t)
{
    double v[ROWS];
    const size_t n = values_of(t, v);
    const double a = quantile_of(v, n, 0.25), b = quantile_of(v, n, 0.75);
    return naive_between(t, a - 1.5 * (b - a), b + 1.5 * (b - a));
}

static void test_steps(void)
{
    // clang-format off
    static const struct { const char *pairs[5]; naive_fn *naive; } cases[] = {
        { { "dedupe=yes" }, n_dedupe },
        { { "repeat-window=20m" }, n_repeats },
        { { "robot-rate=8", "robot-min=5" }, n_rate },
        { { "robot-repeat=0.5", "robot-min=5" }, n_share },
        { { "user-core=8", "item-core=12" }, n_core },
        { { "user-core=10" }, n_user_core },
        { { "times=1970-01-01T05:00:00..1970-01-01T15:00:00" }, n_times },
        { { "where=stars>=0.7, ratio < 0.8 ,behaviour != 'buy'" }, n_where },
        { { "where=tag != b, price > 2" }, n_where_tag },
        { { "behaviours=buy, view" }, n_behaviours },
        { { "missing=drop" }, n_missing },
        { { "missing=mean" }, n_mean },
        { { "missing=median" }, n_median },
        { { "missing=constant=-2.5" }, n_constant },
        { { "outliers=zscore=2" }, n_zscore },
        { { "outliers=iqr=1.5" }, n_iqr },
    };
    // clang-format on
    rng r = rng_at(11, 0, 0);
    table *t = NEW(table, 1);
    for (int round = 0; round < 25; round++) {
        random_table(t, &r);
        dataset *d = table_dataset(t);
        for (size_t i = 0; i < COUNT_OF(cases); i++)
            check_step(d, t, cases[i].pairs, cases[i].naive);
        dataset_close(d);
    }
    mem_free(t);
}

// All steps one after the other: each works on what the one before left.
static void test_all_steps(void)
{
    static const char *const pairs[] = { "missing=median",
                                         "times=..1970-01-01T16:00:00",
                                         "dedupe=yes",
                                         "repeat-window=20m",
                                         "where=ratio < 0.95",
                                         "behaviours=view,cart",
                                         "outliers=zscore=2",
                                         "robot-rate=9",
                                         "robot-repeat=0.8",
                                         "robot-min=5",
                                         "user-core=2",
                                         "item-core=2",
                                         NULL };
    rng r = rng_at(12, 0, 0);
    table *t = NEW(table, 1);
    for (int round = 0; round < 25; round++) {
        random_table(t, &r);
        dataset *d = table_dataset(t);
        json_t *report = json_object();
        dataset *out = cleaned(d, pairs, report);
        bool keep[ROWS];
        size_t dropped[10] = { 0 };
        n_median(t);
        for (size_t k = 0; k < t->n; k++) keep[k] = t->row[k].time <= 960 * MINUTE;
        dropped[1] = keep_if(t, keep);
        dropped[2] = naive_dedupe(t);
        dropped[3] = naive_repeats(t, 20 * MINUTE);
        for (size_t k = 0; k < t->n; k++) keep[k] = t->row[k].ratio < 0.95;
        dropped[4] = keep_if(t, keep);
        for (size_t k = 0; k < t->n; k++) keep[k] = t->row[k].behaviour != 0;
        dropped[5] = keep_if(t, keep);
        dropped[6] = n_zscore(t);
        dropped[7] = naive_robot_rate(t, 9, 5);
        dropped[8] = naive_robot_repeat(t, 0.8, 5);
        dropped[9] = naive_core(t, 2, 2);
        check_rows(out, t, "all steps");
        for (size_t i = 0; i < COUNT_OF(dropped); i++)
            CHECK(reported(report, i, "dropped") == (json_int_t)dropped[i], "step %zu: %lld, %zu",
                  i, (long long)reported(report, i, "dropped"), dropped[i]);
        CHECK(strstr(out->provenance, "\"steps\""), "%s", out->provenance);
        json_decref(report);
        dataset_close(out);
        dataset_close(d);
    }
    mem_free(t);
}

// --- properties ----------------------------------------------------------------------------------

static void test_idempotent(void)
{
    static const char *const ways[][4] = {
        { "dedupe=yes" },       { "repeat-window=20m" }, { "user-core=6", "item-core=8" },
        { "where=stars >= 2" }, { "session-gap=30m" },   { "robot-rate=8", "robot-min=5" },
        { "normalise=minmax" }
    };
    rng r = rng_at(13, 0, 0);
    table *t = NEW(table, 1);
    for (int round = 0; round < 10; round++) {
        random_table(t, &r);
        dataset *d = table_dataset(t);
        for (size_t i = 0; i < COUNT_OF(ways); i++) {
            dataset *once = cleaned(d, ways[i], NULL), *twice = cleaned(once, ways[i], NULL);
            CHECK(once->fingerprint == twice->fingerprint, "%s twice is not once", ways[i][0]);
            dataset_close(once);
            dataset_close(twice);
        }
        dataset_close(d);
    }
    mem_free(t);
}

static void test_normalise(void)
{
    static const char *const ways[][2] = { { "normalise=minmax" },
                                           { "normalise=minmax11" },
                                           { "normalise=zscore" },
                                           { "normalise=log" } };
    rng r = rng_at(14, 0, 0);
    table *t = NEW(table, 1);
    random_table(t, &r);
    for (size_t k = 0; k < t->n; k++) t->row[k].value = fabsf(t->row[k].value);
    dataset *d = table_dataset(t);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        dataset *out = cleaned(d, ways[i], NULL);
        double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, n = 0;
        for (uint64_t e = 0; e < out->events; e++) {
            const double v = out->value[e];
            CHECK(isnan(v) == isnan(d->value[e]), "missing values stay missing");
            if (isnan(v)) continue;
            low = fmin(low, v), high = fmax(high, v), sum += v, squares += v * v, n++;
            if (i == 3) CHECK(fabs(v - log1p((double)d->value[e])) < 1e-6, "log");
        }
        if (i == 0) CHECK(low >= 0 && low <= 0 && high >= 1 && high <= 1, "%g..%g", low, high);
        if (i == 1) CHECK(low >= -1 && low <= -1 && high >= 1 && high <= 1, "%g..%g", low, high);
        if (i == 2)
            CHECK(fabs(sum / n) < 1e-5 && fabs(squares / n - 1) < 1e-5, "mean %g, variance %g",
                  sum / n, squares / n);
        dataset_close(out);
    }
    dataset_close(d);
    mem_free(t);
}

static void test_sessions(void)
{
    static const uint64_t offset[] = { 0, 5, 7 };
    static const uint32_t item[] = { 0, 1, 0, 2, 1, 2, 0 };
    const int64_t when[] = { 0,           10 * MINUTE, 40 * MINUTE, 71 * MINUTE,
                             72 * MINUTE, 5 * MINUTE,  99 * MINUTE };
    static const char *const users[] = { "7", "x" };
    static const double age[] = { 33, 44 };
    const column ages = {
        .name = "age", .of = OF_USERS, .kind = COLUMN_NUMBER, .rows = 2, .number = age
    };
    dataset *d = make_dataset(&(made){ .users = 2,
                                       .items = 3,
                                       .offset = offset,
                                       .item = item,
                                       .time = when,
                                       .user_ids = users,
                                       .columns = &ages,
                                       .columns_count = 1 });
    json_t *report = json_object();
    dataset *s = cleaned(d, (const char *const[]){ "session-gap=30m", NULL }, report);
    static const uint32_t want[] = { 0, 0, 0, 1, 1, 0, 1 };
    CHECK(s->session && memcmp(s->session, want, sizeof want) == 0, "sessions");
    CHECK(reported(report, 0, "sessions") == 4, "%lld", (long long)reported(report, 0, "sessions"));
    CHECK(s->users == 2, "%u users", s->users);

    // each session a sequence of its own; from the gap, or from the sessions that are there
    static const char *const want_ids[] = { "7#0", "7#1", "x#0", "x#1" };
    for (int from_column = 0; from_column < 2; from_column++) {
        const char *const pairs[] = { "unit=session", from_column ? NULL : "session-gap=30m",
                                      NULL };
        dataset *each = cleaned(from_column ? s : d, pairs, NULL);
        CHECK(each->users == 4 && !each->session, "%u sequences", each->users);
        for (uint32_t k = 0; k < 4 && k < each->users; k++) {
            size_t len;
            const char *id = names_at(&each->user_ids, k, &len);
            CHECK(len == 3 && memcmp(id, want_ids[k], 3) == 0, "%.*s", (int)len, id);
        }
        CHECK(each->offset[1] == 3 && each->offset[2] == 5 && each->offset[3] == 6, "offsets");
        CHECK(each->item[4] == 1 && each->time[4] == 72 * MINUTE, "events");
        CHECK((int)dataset_column(each, OF_USERS, "age")->number[2] == 44, "age");
        dataset_close(each);
    }
    json_decref(report);
    dataset_close(s);
    dataset_close(d);
}

// --- refusals ------------------------------------------------------------------------------------

static void test_refusals(void)
{
    // clang-format off
    static const struct { const char *pair; bool bare; const char *says; } cases[] = {
        { "where=start >= 3", false, "did you mean 'stars'" },
        { "where=stars", false, "is not a rule" },
        { "where=stars = 3", false, "is not a rule" },
        { "where=stars >= much", false, "is not a number" },
        { "where=tag > b", false, "only == and !=" },
        { "where=behaviour == veiw", false, "did you mean 'view'" },
        { "behaviours=bye", false, "did you mean 'buy'" },
        { "missing=magic", false, "median" },
        { "missing=constant=1e300", false, "median" },
        { "outliers=zscore=x", false, "iqr=N" },
        { "outliers=zscore=-1", false, "iqr=N" },
        { "times=yesterday", false, "2000-01-01..now" },
        { "times=2001-01-01..", false, "leaves no event" },
        { "missing=mean", true, "no value column" },
        { "behaviours=view", true, "no behaviour" },
        { "times=..now", true, "no time" },
        { "repeat-window=1m", true, "no time" },
        { "robot-rate=5", true, "no time" },
        { "session-gap=30m", true, "no time" },
        { "unit=session", true, "--session-gap" },
        { "where=value > 3", true, "no column 'value'" },
    };
    // clang-format on
    static const uint64_t offset[] = { 0, 2, 4 };
    static const uint32_t item[] = { 0, 1, 1, 0 };
    rng r = rng_at(15, 0, 0);
    table *t = NEW(table, 1);
    random_table(t, &r);
    dataset *full = table_dataset(t);
    dataset *bare = make_dataset(&(made){ .users = 2, .items = 2, .offset = offset, .item = item });
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        opt_values v = options((const char *const[]){ cases[i].pair, NULL });
        habit_error error = { 0 };
        const habit_status st =
            clean("refused.habit", cases[i].bare ? bare : full, v.values, NULL, NULL, &error);
        CHECK(st == HABIT_EINVAL && strstr(error.message, cases[i].says), "%s: %s", cases[i].pair,
              error.message);
        CHECK(!file_exists("refused.habit"), "%s: a file all the same", cases[i].pair);
        opt_values_free(&v);
    }
    dataset_close(full);
    dataset_close(bare);
    mem_free(t);
}

static void test_memory(void)
{
    static const char *const pairs[] = { "missing=median",   "dedupe=yes",  "repeat-window=20m",
                                         "robot-repeat=0.8", "user-core=2", "session-gap=30m",
                                         "unit=session",     NULL };
    rng r = rng_at(16, 0, 0);
    table *t = NEW(table, 1);
    random_table(t, &r);
    dataset *d = table_dataset(t);
    opt_values v = options(pairs);
    const long live = mem_live();
    habit_status st = HABIT_ENOMEM;
    long n = 0;
    for (; st == HABIT_ENOMEM && n < 2000; n++) {
        mem_fail_after(n);
        st = clean("memory.habit", d, v.values, NULL, NULL, NULL);
        mem_fail_after(-1);
        CHECK(mem_live() == live, "allocation %ld: %ld blocks leaked", n, mem_live() - live);
        CHECK(st == HABIT_OK || !file_exists("memory.habit"), "allocation %ld: half a file", n);
    }
    CHECK(st == HABIT_OK && n > 20, "%ld allocations, then %s", n, habit_status_text(st));
    unlink("memory.habit");
    opt_values_free(&v);
    dataset_close(d);
    mem_free(t);
}

int main(void)
{
    opt_values off = options((const char *const[]){ NULL });
    CHECK(!clean_needed(off.values), "cleaning without options");
    opt_values_free(&off);
    test_steps();
    test_all_steps();
    test_idempotent();
    test_normalise();
    test_sessions();
    test_refusals();
    test_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
