// clean.c - the cleaning steps in their order, and the count of each.
#include "base/memory.h"
#include "data/clean_parts.h"

#include <stdlib.h>
#include <string.h>

// --- which steps are on --------------------------------------------------------------------------

enum { SAID = 200 };

// Whether an option of text is on; copies it for the report.
static bool said(char out[SAID], const char *text, const char *off)
{
    if (!text || !*text || strcmp(text, off) == 0) return false;
    snprintf(out, SAID, "%.190s", text);
    return true;
}

// Each says whether its step is on, and with what.
static bool missing_on(const import_options *o, char out[SAID])
{
    return said(out, o->missing, "keep");
}
static bool times_on(const import_options *o, char out[SAID])
{
    return said(out, o->times, "");
}
static bool dedupe_on(const import_options *o, char out[SAID])
{
    return said(out, o->dedupe ? "yes" : "", "");
}
static bool repeats_on(const import_options *o, char out[SAID])
{
    snprintf(out, SAID, "%gs", (double)o->repeat_window / 1e6);
    return o->repeat_window > 0;
}
static bool where_on(const import_options *o, char out[SAID])
{
    return said(out, o->where, "");
}
static bool behaviours_on(const import_options *o, char out[SAID])
{
    return said(out, o->behaviours, "");
}
static bool outliers_on(const import_options *o, char out[SAID])
{
    return said(out, o->outliers, "none");
}
static bool robot_rate_on(const import_options *o, char out[SAID])
{
    snprintf(out, SAID, "%g in an hour, of at least %d", o->robot_rate, o->robot_min);
    return o->robot_rate > 0;
}
static bool robot_repeat_on(const import_options *o, char out[SAID])
{
    snprintf(out, SAID, "%g on one item, of at least %d", o->robot_repeat, o->robot_min);
    return o->robot_repeat > 0;
}
static bool normalise_on(const import_options *o, char out[SAID])
{
    return said(out, o->normalise, "none");
}
static bool core_on(const import_options *o, char out[SAID])
{
    snprintf(out, SAID, "users %d, items %d", o->user_core, o->item_core);
    return o->user_core > 0 || o->item_core > 0;
}
static bool sessions_on(const import_options *o, char out[SAID])
{
    char unit[SAID] = "user";
    const bool by_session = said(unit, o->unit, "user");
    snprintf(out, SAID, "%gs, unit %.20s", (double)o->session_gap / 1e6, unit);
    return o->session_gap > 0 || by_session;
}

static const struct step {
    const char *name; // of the option
    bool (*on)(const import_options *o, char out[SAID]);
    clean_step_fn *fn; // NULL: cut while writing
} steps[] = {
    { "missing", missing_on, clean_missing },
    { "times", times_on, clean_times },
    { "dedupe", dedupe_on, clean_dedupe },
    { "repeat-window", repeats_on, clean_repeats },
    { "where", where_on, clean_where },
    { "behaviours", behaviours_on, clean_behaviours },
    { "outliers", outliers_on, clean_outliers },
    { "robot-rate", robot_rate_on, clean_robot_rate },
    { "robot-repeat", robot_repeat_on, clean_robot_repeat },
    { "normalise", normalise_on, clean_normalise },
    { "k-core", core_on, clean_core },
    { "session-gap", sessions_on, NULL },
};

bool clean_needed(const import_options *o)
{
    char out[SAID];
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        if (steps[i].on(o, out)) return true;
    return o->k_core > 0;
}

// --- passes over the log ---------------------------------------------------------------------------

void clean_forget(const dataset *d, uint64_t from, uint64_t to)
{
    const size_t n = (size_t)(to - from);
    dataset_forget(d, d->item + from, n * sizeof *d->item);
    if (d->time) dataset_forget(d, d->time + from, n * sizeof *d->time);
    if (d->behaviour) dataset_forget(d, d->behaviour + from, n);
    if (d->value) dataset_forget(d, d->value + from, n * sizeof *d->value);
    if (d->session) dataset_forget(d, d->session + from, n * sizeof *d->session);
    for (size_t i = 0; i < d->columns_count; i++) {
        const column *c = &d->columns[i];
        if (c->of != OF_EVENTS) continue;
        if (c->number) dataset_forget(d, c->number + from, n * sizeof *c->number);
        if (c->tag && !c->list) dataset_forget(d, c->tag + from, n * sizeof *c->tag);
    }
}

habit_status clean_each_user(cleaning *c, clean_user_fn *fn, void *ctx, habit_error *err)
{
    enum { STRIDE = 4 << 20 };
    const dataset *d = c->d;
    uint64_t forgotten = 0;
    for (uint32_t u = 0; u < d->users; u++) {
        const uint64_t begin = d->offset[u], end = d->offset[u + 1];
        if (begin < end) TRY(fn(c, ctx, u, begin, end, err));
        if (end - forgotten < STRIDE) continue;
        clean_forget(d, forgotten, end);
        forgotten = end;
        TRY(run_progress(c->run, c->step, end, d->events, err));
    }
    return HABIT_OK;
}

// --- counting --------------------------------------------------------------------------------------

typedef struct survivors {
    uint64_t *item; // one bit each
    uint32_t users, items;
} survivors;

static habit_status mark_survivors(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                   habit_error *err)
{
    survivors *s = ctx;
    bool any = false;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) {
        if (!clean_kept(c, e)) continue;
        const uint32_t i = c->d->item[e];
        const uint64_t bit = UINT64_C(1) << (i & 63);
        any = true;
        s->items += !(s->item[i >> 6] & bit);
        s->item[i >> 6] |= bit;
    }
    s->users += any;
    return HABIT_OK;
}

static habit_status report_step(cleaning *c, const char *option, habit_error *err)
{
    survivors s = { .item = ZNEW(uint64_t, c->d->items / 64 + 1) };
    if (!s.item) return fail_memory(err, "item marks", c->d->items / 8);
    const habit_status st = clean_each_user(c, mark_survivors, &s, err);
    mem_free(s.item);
    if (st != HABIT_OK) return st;
    json_t *row =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "step", c->step, "option", option,
                  "dropped", (json_int_t)c->dropped, "changed", (json_int_t)c->changed, "left",
                  (json_int_t)c->left, "users", (json_int_t)s.users, "items", (json_int_t)s.items);
    if (!row || json_array_append_new(c->steps, row) != 0) return fail_memory(err, "report", 0);
    run_log(c->run, LOG_NOTE,
            "cleaning: %s (%s) dropped %llu and changed %llu events; %llu left, of %u users and "
            "%u items",
            c->step, option, (unsigned long long)c->dropped, (unsigned long long)c->changed,
            (unsigned long long)c->left, s.users, s.items);
    return HABIT_OK;
}

static habit_status run_step(cleaning *c, const struct step *step, const char *option,
                             habit_error *err)
{
    c->step = step->name;
    c->dropped = c->changed = 0;
    TRY(step->fn(c, err));
    TRY(report_step(c, option, err));
    if (c->left == 0)
        return fail(err, HABIT_EINVAL, "--%s %s leaves no event (it dropped the last %llu)",
                    step->name, option, (unsigned long long)c->dropped);
    return HABIT_OK;
}

// --- all of it -------------------------------------------------------------------------------------

// What the dataset was made from, with the steps added; owned by the caller (free).
static char *provenance_with(const dataset *d, json_t *done)
{
    json_t *all = json_loads(d->provenance ? d->provenance : "{}", 0, NULL);
    if (!json_is_object(all)) {
        json_decref(all);
        all = json_object();
    }
    char *text = NULL;
    if (all && json_object_set(all, "steps", done) == 0) text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

static habit_status write_cleaned(cleaning *c, const char *to, habit_error *err)
{
    char option[SAID];
    uint64_t sessions = 0;
    uint32_t users = 0;
    char *provenance = provenance_with(c->d, c->steps);
    if (!provenance) return fail_memory(err, "provenance", 0);
    c->step = "writing";
    const habit_status st = clean_write(c, to, provenance, &sessions, &users, err);
    free(provenance);
    if (st != HABIT_OK || !sessions_on(c->o, option)) return st;

    json_t *row = json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I}", "step", "session-gap", "option",
                            option, "dropped", 0, "changed", 0, "left", (json_int_t)c->left,
                            "users", (json_int_t)users, "sessions", (json_int_t)sessions);
    if (!row || json_array_append_new(c->steps, row) != 0) return fail_memory(err, "report", 0);
    run_log(c->run, LOG_NOTE, "cleaning: %llu sessions; %u sequences", (unsigned long long)sessions,
            users);
    return HABIT_OK;
}

habit_status clean(const char *to, const dataset *d, const import_options *o, const run *r,
                   json_t *report, habit_error *err)
{
    char option[SAID];
    cleaning c = { .d = d, .o = o, .run = r, .left = d->events, .fill = NAN };
    c.keep = mem_alloc((size_t)d->events / 64 + 1, sizeof *c.keep);
    c.steps = json_array();
    habit_status st = HABIT_OK;
    if (!c.keep || !c.steps) {
        st = fail_memory(err, "event marks", (size_t)d->events / 8);
        goto out;
    }
    memset(c.keep, 0xFF, ((size_t)d->events / 64 + 1) * sizeof *c.keep);
    for (size_t i = 0; st == HABIT_OK && i < COUNT_OF(steps); i++)
        if (steps[i].fn && steps[i].on(o, option)) st = run_step(&c, &steps[i], option, err);
    if (st == HABIT_OK) st = write_cleaned(&c, to, err);
    if (st == HABIT_OK && report && json_object_set(report, "steps", c.steps) != 0)
        st = fail_memory(err, "report", 0);
out:
    json_decref(c.steps);
    mem_free(c.keep);
    return st;
}
