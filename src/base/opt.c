// opt.c - option tables: parsing, checking, suggesting.
#include "base/opt.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- words to values ---------------------------------------------------------------------------

static bool parse_real(const char *text, double *out)
{
    char *end;
    errno = 0;
    const double x = strtod(text, &end);
    if (end == text || *end || errno == ERANGE || !isfinite(x)) return false;
    *out = x;
    return true;
}

// A number followed by one unit out of `units`; the unit's factor from `factor`.
static bool parse_unit(const char *text, const char *units, const double *factor, double *out)
{
    char *end;
    errno = 0;
    const double x = strtod(text, &end);
    if (end == text || errno == ERANGE || !(x >= 0)) return false;
    double scale = factor[0]; // no unit
    if (*end) {
        const char *u = strchr(units, *end);
        if (!u || end[1]) return false;
        scale = factor[1 + (u - units)];
    }
    if (x * scale > 9e18) return false;
    *out = x * scale;
    return true;
}

bool parse_bytes(const char *text, int64_t *out)
{
    static const double factor[] = { 1,    1024,    1048576,    1073741824,     1099511627776.0,
                                     1024, 1048576, 1073741824, 1099511627776.0 };
    double x;
    if (!parse_unit(text, "KMGTkmgt", factor, &x)) return false;
    *out = (int64_t)x;
    return true;
}

bool parse_span(const char *text, int64_t *out)
{
    static const double factor[] = { 1e6, 1e6, 60e6, 3600e6, 86400e6, 604800e6 };
    double x;
    if (!parse_unit(text, "smhdw", factor, &x)) return false;
    *out = (int64_t)x;
    return true;
}

static bool parse_flag(const char *text, bool *out)
{
    static const char *const yes[] = { "true", "yes", "on", "1" };
    static const char *const no[] = { "false", "no", "off", "0" };
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (strcmp(text, yes[i]) == 0) return *out = true, true;
        if (strcmp(text, no[i]) == 0) return *out = false, true;
    }
    return false;
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t len = strlen(text);
    for (const char *c = choices; len && c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strncmp(c, text, len) == 0 && (c[len] == '|' || c[len] == '\0')) return true;
    return false;
}

// --- one row -------------------------------------------------------------------------------------

static bool in_range(const opt *o, double x)
{
    return (o->min == 0 && o->max == 0) || (x >= o->min && x <= o->max);
}

static habit_status bad_value(const opt *o, const char *text, habit_error *err)
{
    static const char *const wants[] = { [OPT_INT] = "a whole number",
                                         [OPT_LONG] = "a whole number",
                                         [OPT_REAL] = "a number",
                                         [OPT_FLAG] = "yes or no",
                                         [OPT_STRING] = "a text",
                                         [OPT_CHOICE] = "one of ",
                                         [OPT_BYTES] = "a size like 512M",
                                         [OPT_SPAN] = "a time span like 30m or 7d",
                                         [OPT_LIST] = "a list" };
    char range[80] = "";
    if (o->min != 0 || o->max != 0) snprintf(range, sizeof range, " in [%g, %g]", o->min, o->max);
    return fail(err, HABIT_EINVAL, "--%s: '%s' is not %s%s%s", o->name, text, wants[o->kind],
                o->choices ? o->choices : "", range);
}

// Writes the value into the struct; `text` must live as long as the struct.
static habit_status store(const opt *o, char *values, const char *text, habit_error *err)
{
    void *field = values + o->at;
    double x = 0;
    int64_t whole = 0;
    switch (o->kind) {
    case OPT_INT:
    case OPT_LONG:
        if (!parse_real(text, &x) || x != floor(x) || fabs(x) > 9e15 || !in_range(o, x)) break;
        if (o->kind == OPT_LONG)
            *(int64_t *)field = (int64_t)x;
        else if (fabs(x) <= 2147483647)
            *(int *)field = (int)x;
        else
            break;
        return HABIT_OK;
    case OPT_REAL:
        if (!parse_real(text, &x) || !in_range(o, x)) break;
        *(double *)field = x;
        return HABIT_OK;
    case OPT_FLAG:
        if (!parse_flag(text, field)) break;
        return HABIT_OK;
    case OPT_CHOICE:
        if (!is_choice(o->choices, text)) break;
        *(const char **)field = text;
        return HABIT_OK;
    case OPT_STRING:
    case OPT_LIST:
        *(const char **)field = *text ? text : NULL;
        return HABIT_OK;
    case OPT_BYTES:
    case OPT_SPAN:
        if (!(o->kind == OPT_BYTES ? parse_bytes(text, &whole) : parse_span(text, &whole)) ||
            !in_range(o, (double)whole))
            break;
        *(int64_t *)field = whole;
        return HABIT_OK;
    }
    return bad_value(o, text, err);
}

// --- a table's values ------------------------------------------------------------------------------

habit_status opt_values_init(opt_values *out, const opt *table, size_t size, habit_error *err)
{
    opt_values v = { .table = table };
    while (table[v.rows].name) v.rows++;
    v.values = mem_zalloc(size ? size : 1, 1);
    v.text = ZNEW(char *, v.rows + 1);
    v.given = ZNEW(bool, v.rows + 1);
    habit_status st = HABIT_OK;
    if (!v.values || !v.text || !v.given) st = fail_memory(err, "options", size);
    for (size_t i = 0; st == HABIT_OK && i < v.rows; i++) {
        v.text[i] = mem_strdup(table[i].fallback ? table[i].fallback : "");
        if (!v.text[i])
            st = fail_memory(err, "options", size);
        else if (*v.text[i])
            st = store(&table[i], v.values, v.text[i], err);
    }
    if (st != HABIT_OK) {
        opt_values_free(&v);
        return st;
    }
    *out = v;
    return HABIT_OK;
}

void opt_values_free(opt_values *v)
{
    for (size_t i = 0; v->text && i < v->rows; i++) mem_free(v->text[i]);
    mem_free(v->text);
    mem_free(v->given);
    mem_free(v->values);
    *v = (opt_values){ 0 };
}

int opt_find(const opt_values *v, const char *name)
{
    for (size_t i = 0; i < v->rows; i++) {
        const opt *o = &v->table[i];
        if (strcmp(o->name, name) == 0) return (int)i;
        if (o->kind == OPT_FLAG && strncmp(name, "no-", 3) == 0 && strcmp(o->name, name + 3) == 0)
            return (int)i;
    }
    return -1;
}

// Row `row` becomes `text`, which is copied.
static habit_status set_row(opt_values *v, size_t row, const char *value, habit_error *err)
{
    char *text = mem_strdup(value);
    if (!text) return fail_memory(err, "options", strlen(value));
    const habit_status st = store(&v->table[row], v->values, text, err);
    if (st != HABIT_OK) {
        mem_free(text);
        return st;
    }
    mem_free(v->text[row]);
    v->text[row] = text;
    return HABIT_OK;
}

// Every row that a preset names and nobody has set; `now`: to its value, else to the default.
static habit_status take_preset(opt_values *v, const opt *preset, bool now, habit_error *err)
{
    char name[64], value[64];
    int used = 0;
    for (const char *s = preset->help; sscanf(s, " %63[^= ]=%63s%n", name, value, &used) == 2;
         s += used) {
        const int row = opt_find(v, name);
        assert(row >= 0);
        if (v->given[row]) continue;
        TRY(set_row(v, (size_t)row, now ? value : v->table[row].fallback, err));
    }
    return HABIT_OK;
}

// What the values of a row bring is taken back; then what all present values bring, of two that name the
// same row the later one in the table, whichever was set first.
static habit_status take_presets(opt_values *v, int row, habit_error *err)
{
    for (const opt *p = v->table + v->rows; p->arg; p++)
        if (strcmp(p->arg, v->table[row].name) == 0 && strcmp(p->fallback, v->text[row]) != 0)
            TRY(take_preset(v, p, false, err));
    for (const opt *p = v->table + v->rows; p->arg; p++)
        if (strcmp(p->fallback, v->text[opt_find(v, p->arg)]) == 0)
            TRY(take_preset(v, p, true, err));
    return HABIT_OK;
}

habit_status opt_set(opt_values *v, int row, const char *value, habit_error *err)
{
    const opt *o = &v->table[row];
    if (!value) {
        if (o->kind != OPT_FLAG)
            return fail(err, HABIT_EINVAL, "--%s: needs a value (%s)", o->name, o->arg);
        value = "true";
    }
    char *text;
    if (o->kind == OPT_LIST && v->given[row] && *v->text[row]) {
        const size_t len = strlen(v->text[row]) + strlen(value) + 2;
        text = NEW(char, len);
        if (text) snprintf(text, len, "%s,%s", v->text[row], value);
    } else {
        text = mem_strdup(value);
    }
    if (!text) return fail_memory(err, "options", strlen(value));
    const habit_status st = store(o, v->values, text, err);
    if (st != HABIT_OK) {
        mem_free(text);
        return st;
    }
    mem_free(v->text[row]);
    v->text[row] = text;
    v->given[row] = true;
    return take_presets(v, row, err);
}

// --- suggestions -----------------------------------------------------------------------------------

// Damerau-Levenshtein with adjacent transpositions, over the first 63 letters.
int edit_distance(const char *a, const char *b)
{
    enum { N = 64 };
    int d[N][N];
    const int n = strlen(a) < N ? (int)strlen(a) : N - 1,
              m = strlen(b) < N ? (int)strlen(b) : N - 1;
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *opt_nearest(const opt_values *const *tables, size_t n, const char *name)
{
    const char *best = NULL;
    int best_distance = 4; // further than three edits is no help
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < tables[t]->rows; i++) {
            const int d = edit_distance(name, tables[t]->table[i].name);
            if (d < best_distance) best = tables[t]->table[i].name, best_distance = d;
        }
    return best;
}
