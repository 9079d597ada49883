// inspect.c - what is in a log, and what is wrong with it.
//
// One pass counts everything per event; a second, over the value column alone, fills its
// histogram; duplicates are counted by the cleaning step that would drop them.
#include "base/clock.h"
#include "base/memory.h"
#include "data/import.h"
#include "data/inspect_parts.h"

#include <string.h>

#define DAY INT64_C(86400000000)
#define EARLY INT64_C(631152000000000) // 1990: logs of people before that are wrong units, mostly

// --- the pass --------------------------------------------------------------------------------------

static void survey_time(survey *s, int64_t t)
{
    int64_t day = t / DAY, rest = t % DAY;
    if (rest < 0) rest += DAY, day--;
    s->hour[rest / (DAY / 24)]++;
    s->weekday[((day + 3) % 7 + 7) % 7]++; // 1970-01-01 was a Thursday
    if (t < s->first) s->first = t;
    if (t > s->last) s->last = t;
    s->future += t > s->now + DAY;
    s->early += t < EARLY;
}

static void survey_value(survey *s, double v)
{
    if (isnan(v)) return;
    s->values++;
    const double delta = v - s->mean;
    s->mean += delta / (double)s->values;
    s->squares += delta * (v - s->mean);
    if (v < s->low) s->low = v;
    if (v > s->high) s->high = v;
    for (int k = 0; k < s->distinct_n && k < DISTINCT_MAX; k++)
        if (v >= s->distinct[k] && v <= s->distinct[k]) {
            s->distinct_count[k]++;
            return;
        }
    if (s->distinct_n < DISTINCT_MAX) {
        s->distinct[s->distinct_n] = v;
        s->distinct_count[s->distinct_n++] = 1;
    } else {
        s->distinct_n = DISTINCT_MAX + 1;
    }
}

static habit_status survey_user(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                habit_error *err)
{
    const dataset *d = c->d;
    survey *s = ctx;
    (void)err;
    s->of_user[u] = end - begin;
    for (uint64_t e = begin; e < end; e++) {
        const uint32_t i = d->item[e];
        s->of_item[i]++;
        s->repeats += s->seen_by[i] == u + 1;
        s->seen_by[i] = u + 1;
        if (d->time) survey_time(s, d->time[e]);
        if (d->time) s->ties += e > begin && d->time[e] == d->time[e - 1];
        if (d->behaviour) s->behaviour[d->behaviour[e]]++;
        if (d->value) survey_value(s, d->value[e]);
        if (d->session) s->sessions += e == begin || d->session[e] != d->session[e - 1];
    }
    return HABIT_OK;
}

static habit_status fill_bins(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                              habit_error *err)
{
    survey *s = ctx;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) {
        const double v = c->d->value[e];
        if (isnan(v)) continue;
        const int k = (int)((v - s->low) / (s->high - s->low) * VALUE_BINS);
        s->bin[k < VALUE_BINS ? k : VALUE_BINS - 1]++;
    }
    return HABIT_OK;
}

// --- parts of the report ---------------------------------------------------------------------------

static json_t *numbers(const uint64_t *x, size_t n)
{
    json_t *all = json_array();
    for (size_t k = 0; k < n; k++) json_array_append_new(all, json_integer((json_int_t)x[k]));
    return all;
}

static json_t *span_json(const survey *s)
{
    char from[32], to[32];
    time_format_iso(from, s->first);
    time_format_iso(to, s->last);
    return json_pack("{s:s, s:s, s:f}", "from", from, "to", to, "days",
                     (double)(s->last - s->first) / (double)DAY);
}

static json_t *behaviours_json(const dataset *d, const survey *s)
{
    json_t *all = json_array();
    for (uint32_t b = 0; b < d->behaviours.count; b++) {
        size_t len;
        const char *name = names_at(&d->behaviours, b, &len);
        json_array_append_new(all, json_pack("{s:s%, s:I}", "name", name, len, "events",
                                             (json_int_t)s->behaviour[b]));
    }
    return all;
}

static json_t *value_bins(const survey *s)
{
    json_t *all = json_array();
    if (s->distinct_n <= DISTINCT_MAX) { // few different values: each its own, in order
        bool done[DISTINCT_MAX] = { false };
        for (int k = 0; k < s->distinct_n; k++) {
            int best = -1;
            for (int i = 0; i < s->distinct_n; i++)
                if (!done[i] && (best < 0 || s->distinct[i] < s->distinct[best])) best = i;
            done[best] = true;
            json_array_append_new(all, json_pack("{s:f, s:f, s:I}", "from", s->distinct[best], "to",
                                                 s->distinct[best], "count",
                                                 (json_int_t)s->distinct_count[best]));
        }
        return all;
    }
    const double width = (s->high - s->low) / VALUE_BINS;
    for (int k = 0; k < VALUE_BINS; k++)
        json_array_append_new(all,
                              json_pack("{s:f, s:f, s:I}", "from", s->low + k * width, "to",
                                        s->low + (k + 1) * width, "count", (json_int_t)s->bin[k]));
    return all;
}

static habit_status value_json(json_t **out, cleaning *c, survey *s, habit_error *err)
{
    const dataset *d = c->d;
    const uint64_t missing = d->events - s->values;
    double q[3] = { NAN, NAN, NAN };
    *out = json_pack("{s:s, s:I}", "name", d->value_name, "missing", (json_int_t)missing);
    if (s->values == 0) return HABIT_OK;
    for (int k = 0; k < 3; k++) TRY(clean_quantile(c, s->values, 0.25 * (k + 1), &q[k], err));
    if (s->distinct_n > DISTINCT_MAX) TRY(clean_each_user(c, fill_bins, s, err));
    json_t *more =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o*}", "min", s->low, "p25", q[0], "median",
                  q[1], "p75", q[2], "max", s->high, "mean", s->mean, "deviation",
                  sqrt(s->squares / (double)s->values), "histogram", value_bins(s));
    if (more) json_object_update(*out, more);
    json_decref(more);
    return HABIT_OK;
}

// --- problems --------------------------------------------------------------------------------------

static void problem(json_t *all, const char *name, uint64_t count, uint64_t of, const char *text)
{
    json_array_append_new(all, json_pack("{s:s, s:I, s:f, s:s}", "name", name, "count",
                                         (json_int_t)count, "share",
                                         of ? (double)count / (double)of : 0.0, "text", text));
}

static json_t *problems_json(const dataset *d, const survey *s, uint64_t duplicates)
{
    json_t *all = json_array();
    uint64_t single = 0;
    const uint64_t n = d->events;
    for (uint32_t u = 0; u < d->users; u++) single += s->of_user[u] == 1;
    if (!d->time)
        problem(all, "no-time", n, n,
                "no timestamps: time splits, recency and sessions are not possible");
    if (!d->ordered)
        problem(all, "unordered", n, n,
                "no time, and each user's items stand sorted: the order of events is lost");
    if (s->ties * 100 > n)
        problem(all, "ties", s->ties, n,
                "events at the same time as the user's event before: their order is that of the "
                "file, not of life");
    if (duplicates)
        problem(all, "duplicates", duplicates, n,
                "exact duplicates of an earlier event: --dedupe drops them");
    if (single)
        problem(all, "single-event-users", single, d->users,
                "users with one event: nothing can be held out for them; --user-core drops them");
    if (s->future)
        problem(all, "future-times", s->future, n,
                "times more than a day in the future: --times ..now drops them; if it is all of "
                "them, see --time-unit");
    if (s->early)
        problem(all, "early-times", s->early, n,
                "times before 1990: often a wrong --time-unit, or 0 for unknown");
    if (d->value && s->values < n)
        problem(all, "missing-values", n - s->values, n,
                "events without a value: --missing drops or fills them");
    return all;
}

// --- all of it -------------------------------------------------------------------------------------

static void set(json_t *out, const char *name, json_t *value)
{
    json_object_set_new(out, name, value ? value : json_null());
}

static void set_totals(json_t *out, const dataset *d, const survey *s)
{
    char fingerprint[20];
    const double pairs = (double)(d->events - s->repeats);
    const double cells = (double)d->users * (double)d->items;
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)d->fingerprint);
    set(out, "users", json_integer(d->users));
    set(out, "items", json_integer(d->items));
    set(out, "events", json_integer((json_int_t)d->events));
    set(out, "density", json_real(cells > 0 ? pairs / cells : 0));
    set(out, "repeat_share", json_real(d->events ? (double)s->repeats / (double)d->events : 0));
    set(out, "ordered", json_boolean(d->ordered));
    set(out, "span", d->time && d->events ? span_json(s) : NULL);
    set(out, "fingerprint", json_string(fingerprint));
}

static habit_status describe(json_t *out, cleaning *c, survey *s, habit_error *err)
{
    const dataset *d = c->d;
    const uint64_t events = d->events;
    TRY(clean_each_user(c, survey_user, s, err));
    set_totals(out, d, s);
    set(out, "behaviours", d->behaviour ? behaviours_json(d, s) : NULL);
    json_t *value = NULL;
    if (d->value) {
        const habit_status st = value_json(&value, c, s, err);
        set(out, "value", value);
        if (st != HABIT_OK) return st;
    }
    if (d->time) {
        set(out, "hours", numbers(s->hour, 24));
        set(out, "weekdays", numbers(s->weekday, 7));
    }
    if (d->session) set(out, "sessions", json_integer((json_int_t)s->sessions));
    TRY(clean_dedupe(c, err));
    set(out, "problems", problems_json(d, s, events - c->left));
    set(out, "events_per_user", inspect_counts(s->of_user, d->users));
    set(out, "events_per_item", inspect_counts(s->of_item, d->items));
    set(out, "item_gini", json_real(inspect_gini(s->of_item, d->items)));
    set(out, "columns", inspect_columns(d));
    set(out, "provenance", json_loads(d->provenance ? d->provenance : "", 0, NULL));
    return HABIT_OK;
}

habit_status data_inspect(json_t **report, const dataset *d, const run *r, habit_error *err)
{
    const import_options none = { 0 };
    cleaning c = { .d = d, .o = &none, .run = r, .left = d->events, .fill = NAN };
    survey s = { .first = INT64_MAX, .last = INT64_MIN, .low = INFINITY, .high = -INFINITY };
    json_t *out = json_object();
    c.step = "inspecting";
    c.keep = mem_alloc((size_t)d->events / 64 + 1, sizeof *c.keep);
    s.now = clock_now();
    s.of_item = ZNEW(uint64_t, d->items);
    s.of_user = ZNEW(uint64_t, d->users);
    s.seen_by = ZNEW(uint32_t, d->items);
    habit_status st = HABIT_OK;
    if (!out || !c.keep || !s.of_item || !s.of_user || !s.seen_by) {
        st = fail_memory(err, "counters", (size_t)d->items * 12 + (size_t)d->users * 8);
    } else {
        memset(c.keep, 0xFF, ((size_t)d->events / 64 + 1) * sizeof *c.keep);
        st = describe(out, &c, &s, err);
    }
    mem_free(c.keep);
    mem_free(s.of_item);
    mem_free(s.of_user);
    mem_free(s.seen_by);
    if (st != HABIT_OK)
        json_decref(out);
    else
        *report = out;
    return st;
}
