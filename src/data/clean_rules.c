// clean_rules.c - steps that look at one event at a time: possible times, rules over columns,
// behaviours to keep.
#include "base/clock.h"
#include "base/memory.h"
#include "data/clean_parts.h"

#include <ctype.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

// Trims spaces off both ends of [s, s + *len).
static const char *trim(const char *s, size_t *len)
{
    while (*len && isspace((unsigned char)*s)) s++, --*len;
    while (*len && isspace((unsigned char)s[*len - 1])) --*len;
    return s;
}

// --- times -----------------------------------------------------------------------------------------

typedef struct time_range {
    int64_t from, to; // both included
} time_range;

// One end of the range; "" leaves *out alone.  As an upper end a date means all of that day.
static bool parse_moment(const char *s, size_t len, bool upper, int64_t *out)
{
    s = trim(s, &len);
    if (len == 0) return true;
    if (len == 3 && memcmp(s, "now", 3) == 0) return *out = clock_now(), true;
    if (!time_parse_iso(s, len, out)) return false;
    if (upper && len == 10) *out += INT64_C(86400000000) - 1;
    return true;
}

static habit_status drop_impossible(cleaning *c, void *ctx, uint32_t u, uint64_t begin,
                                    uint64_t end, habit_error *err)
{
    const time_range *r = ctx;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++)
        if (c->d->time[e] < r->from || c->d->time[e] > r->to) clean_drop(c, e);
    return HABIT_OK;
}

habit_status clean_times(cleaning *c, habit_error *err)
{
    const char *text = c->o->times, *dots = strstr(text, "..");
    time_range r = { INT64_MIN, INT64_MAX };
    if (!c->d->time) return fail(err, HABIT_EINVAL, "--times: the log has no time column");
    if (!dots || !parse_moment(text, (size_t)(dots - text), false, &r.from) ||
        !parse_moment(dots + 2, strlen(dots + 2), true, &r.to))
        return fail(err, HABIT_EINVAL,
                    "--times: '%s' is not a range like 2000-01-01..now or 2010-05-01T12:00:00..",
                    text);
    return clean_each_user(c, drop_impossible, &r, err);
}

// --- behaviours ------------------------------------------------------------------------------------

static void suggest_behaviour(const names *all, const char *wrong, char out[120])
{
    int best = 4; // further than three edits is no help
    out[0] = '\0';
    for (uint32_t b = 0; b < all->count; b++) {
        size_t len;
        const char *s = names_at(all, b, &len);
        char known[64];
        snprintf(known, sizeof known, "%.*s", (int)(len < 60 ? len : 60), s);
        const int distance = edit_distance(known, wrong);
        if (distance < best) snprintf(out, 120, "; did you mean '%s'?", known), best = distance;
    }
}

// The code of a behaviour, or an error that names the nearest.
static habit_status behaviour_code(const cleaning *c, const char *s, size_t len, uint32_t *code,
                                   habit_error *err)
{
    const names *all = &c->d->behaviours;
    for (uint32_t b = 0; b < all->count; b++) {
        size_t n;
        const char *name = names_at(all, b, &n);
        if (n == len && memcmp(name, s, n) == 0) return *code = b, HABIT_OK;
    }
    char wrong[64], hint[120];
    snprintf(wrong, sizeof wrong, "%.*s", (int)(len < 60 ? len : 60), s);
    suggest_behaviour(all, wrong, hint);
    return fail(err, HABIT_EINVAL, "--%s: the log has no behaviour '%s'%s", c->step, wrong, hint);
}

static habit_status drop_behaviours(cleaning *c, void *ctx, uint32_t u, uint64_t begin,
                                    uint64_t end, habit_error *err)
{
    const bool *wanted = ctx;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++)
        if (!wanted[c->d->behaviour[e]]) clean_drop(c, e);
    return HABIT_OK;
}

habit_status clean_behaviours(cleaning *c, habit_error *err)
{
    bool wanted[256] = { false };
    if (!c->d->behaviour)
        return fail(err, HABIT_EINVAL, "--behaviours: the log has no behaviour column");
    for (const char *s = c->o->behaviours; s;) {
        const char *comma = strchr(s, ',');
        size_t len = comma ? (size_t)(comma - s) : strlen(s);
        const char *name = trim(s, &len);
        uint32_t code;
        TRY(behaviour_code(c, name, len, &code, err));
        wanted[code] = true;
        s = comma ? comma + 1 : NULL;
    }
    return clean_each_user(c, drop_behaviours, wanted, err);
}

// --- where -----------------------------------------------------------------------------------------

enum relation { GE, LE, EQ, NE, GT, LT };
enum { RULES = 16 };

typedef struct rule {
    enum { ON_VALUE, ON_NUMBER, ON_TAG, ON_BEHAVIOUR } on;
    enum relation relation;
    column_of of;
    const double *number;
    const uint32_t *tag;
    double bound;
    uint32_t code; // of a tag or behaviour; TAG_NONE: a tag that nobody has
} rule;

typedef struct rules {
    rule rule[RULES];
    int count;
} rules;

static bool compare(double x, enum relation r, double bound)
{
    switch (r) {
    case GE:
        return x >= bound;
    case LE:
        return x <= bound;
    case EQ:
        return x >= bound && x <= bound;
    case NE:
        return x < bound || x > bound;
    case GT:
        return x > bound;
    case LT:
        return x < bound;
    }
    return false;
}

// A missing value passes no rule.
static bool passes(const cleaning *c, const rule *r, uint32_t u, uint64_t e)
{
    const uint64_t row = r->of == OF_EVENTS ? e : r->of == OF_USERS ? u : c->d->item[e];
    uint32_t code = 0;
    switch (r->on) {
    case ON_VALUE:
        return compare(clean_value(c, e), r->relation, r->bound);
    case ON_NUMBER:
        return compare(r->number[row], r->relation, r->bound);
    case ON_TAG:
        code = r->tag[row];
        if (code == TAG_NONE) return false;
        break;
    case ON_BEHAVIOUR:
        code = c->d->behaviour[e];
        break;
    }
    return (code == r->code) == (r->relation == EQ);
}

static habit_status drop_failing(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                 habit_error *err)
{
    const rules *all = ctx;
    (void)err;
    for (uint64_t e = begin; e < end; e++) {
        bool pass = true;
        for (int k = 0; pass && k < all->count; k++) pass = passes(c, &all->rule[k], u, e);
        if (!pass) clean_drop(c, e);
    }
    return HABIT_OK;
}

static void suggest_column(const dataset *d, const char *wrong, char out[120])
{
    const char *best = NULL;
    int best_distance = 4; // further than three edits is no help
    for (size_t i = 0; i < d->columns_count + 3; i++) {
        const char *known = i < d->columns_count        ? d->columns[i].name
                            : i == d->columns_count     ? (d->value ? "value" : NULL)
                            : i == d->columns_count + 1 ? (d->value ? d->value_name : NULL)
                                                        : (d->behaviour ? "behaviour" : NULL);
        if (!known || !*known) continue;
        const int distance = edit_distance(known, wrong);
        if (distance < best_distance) best = known, best_distance = distance;
    }
    out[0] = '\0';
    if (best) snprintf(out, 120, "; did you mean '%.80s'?", best);
}

// Finds the column that a rule is about.
static habit_status rule_column(const cleaning *c, const char *name, rule *r, const column **found,
                                habit_error *err)
{
    const dataset *d = c->d;
    *found = NULL;
    r->of = OF_EVENTS;
    if (d->value && (strcmp(name, "value") == 0 || strcmp(name, d->value_name) == 0)) {
        r->on = ON_VALUE;
        return HABIT_OK;
    }
    if (d->behaviour && strcmp(name, "behaviour") == 0) {
        r->on = ON_BEHAVIOUR;
        return HABIT_OK;
    }
    static const column_of order[] = { OF_EVENTS, OF_ITEMS, OF_USERS };
    for (size_t i = 0; !*found && i < COUNT_OF(order); i++)
        *found = dataset_column(d, order[i], name);
    if (!*found) {
        char hint[120];
        suggest_column(d, name, hint);
        return fail(err, HABIT_EINVAL, "--where: the log has no column '%s'%s", name, hint);
    }
    if ((*found)->kind != COLUMN_NUMBER && (*found)->kind != COLUMN_TAG)
        return fail(err, HABIT_EINVAL, "--where: column '%s' holds neither numbers nor tags", name);
    r->on = (*found)->kind == COLUMN_NUMBER ? ON_NUMBER : ON_TAG;
    r->of = (*found)->of;
    r->number = (*found)->number;
    r->tag = (*found)->tag;
    return HABIT_OK;
}

// The right side of a rule.
static habit_status rule_bound(const cleaning *c, const char *name, const char *bound, rule *r,
                               const column *found, habit_error *err)
{
    if (r->on == ON_TAG || r->on == ON_BEHAVIOUR) {
        if (r->relation != EQ && r->relation != NE)
            return fail(err, HABIT_EINVAL, "--where: '%s' holds names: only == and != make sense",
                        name);
        if (r->on == ON_BEHAVIOUR) return behaviour_code(c, bound, strlen(bound), &r->code, err);
        r->code = names_find(&found->names, bound, strlen(bound));
        if (r->code == TAG_NONE) run_log(c->run, LOG_WARN, "--where: no %s is '%s'", name, bound);
        return HABIT_OK;
    }
    char *end;
    r->bound = strtod(bound, &end);
    if (end == bound || *end || isnan(r->bound))
        return fail(err, HABIT_EINVAL, "--where: '%s' is not a number to compare %s with", bound,
                    name);
    // values are floats: 0.7 in the log must pass `>= 0.7`
    if (r->on == ON_VALUE && fabs(r->bound) <= FLT_MAX) r->bound = (float)r->bound;
    return HABIT_OK;
}

static habit_status parse_rule(const cleaning *c, const char *s, size_t len, rule *r,
                               habit_error *err)
{
    static const char *const relations[] = { ">=", "<=", "==", "!=", ">", "<" };
    char name[80], bound[160];
    const size_t at = strcspn(s, "<>=!");
    size_t k = 0;
    while (at < len && k < COUNT_OF(relations) &&
           strncmp(s + at, relations[k], strlen(relations[k])) != 0)
        k++;
    if (at >= len || k == COUNT_OF(relations))
        return fail(err, HABIT_EINVAL,
                    "--where: '%.*s' is not a rule like 'rating >= 3': use one of >= > <= < == !=",
                    (int)(len < 100 ? len : 100), s);
    size_t name_len = at, bound_len = len - at - strlen(relations[k]);
    const char *left = trim(s, &name_len);
    const char *right = trim(s + len - bound_len, &bound_len);
    if (bound_len >= 2 && (*right == '\'' || *right == '"') && right[bound_len - 1] == *right)
        right++, bound_len -= 2;
    if (name_len >= sizeof name || bound_len >= sizeof bound)
        return fail(err, HABIT_EINVAL, "--where: a rule of more than %zu letters", sizeof bound);
    snprintf(name, sizeof name, "%.*s", (int)name_len, left);
    snprintf(bound, sizeof bound, "%.*s", (int)bound_len, right);
    const column *found;
    r->relation = (enum relation)k;
    TRY(rule_column(c, name, r, &found, err));
    return rule_bound(c, name, bound, r, found, err);
}

// Length of the rule at s: up to a comma outside quotes.
static size_t rule_len(const char *s)
{
    char quote = 0;
    size_t n = 0;
    for (; s[n] && (quote || s[n] != ','); n++)
        if (s[n] == '\'' || s[n] == '"') quote = quote == s[n] ? 0 : quote ? quote : s[n];
    return n;
}

habit_status clean_where(cleaning *c, habit_error *err)
{
    rules all = { .count = 0 };
    for (const char *s = c->o->where; s;) {
        const size_t whole = rule_len(s);
        size_t len = whole;
        const char *text = trim(s, &len);
        if (all.count == RULES)
            return fail(err, HABIT_ELIMIT, "--where: more than %d rules", RULES);
        TRY(parse_rule(c, text, len, &all.rule[all.count++], err));
        s = s[whole] ? s + whole + 1 : NULL;
    }
    return clean_each_user(c, drop_failing, &all, err);
}
