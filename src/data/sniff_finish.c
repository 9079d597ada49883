// sniff_finish.c - the last questions about a source: unit of time, what values are, extras.
#include "data/sniff.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static habit_status time_unit_choose(layout *l, const sample *s, const column_stats *c,
                                     const import_options *options, habit_error *err)
{
    const char *name = l->columns.name[l->roles.time];
    const char *asked = options->time_unit ? options->time_unit : "auto";
    if (strcmp(asked, "auto") != 0) {
        if (time_unit_parse(asked, &l->unit)) return HABIT_OK;
        return fail(err, HABIT_EINVAL, "--time-unit: '%s' is not s, ms, us, ns, min, h, d or iso",
                    asked);
    }
    if (c->filled && (c->isos + c->numbers) * 2 < c->filled)
        return fail(err, HABIT_EFORMAT,
                    "%s: column %s holds neither numbers nor moments like 2021-10-24T06:42:20Z: "
                    "convert it, name another with --columns time=NAME, or leave it out with "
                    "--columns time=none",
                    s->name, name);
    const double most = c->numbers ? fmax(fabs(c->low), fabs(c->high)) : 0;
    if (c->isos > c->numbers)
        l->unit = UNIT_ISO;
    else if (most < 1e8 && unit_by_name(name) != UNIT_NONE)
        l->unit = unit_by_name(name);
    else
        l->unit = time_unit_guess(most);
    return HABIT_OK;
}

habit_status sniff_finish(layout *l, const sample *s, const column_stats *stats,
                          const import_options *options, habit_error *err)
{
    schema *c = &l->schema;
    roles *r = &l->roles;
    c->format = l->format;
    c->sessions = l->target;
    c->value_name = "";
    c->time_unit = "";
    if (l->shape == SHAPE_SEQUENCES) return HABIT_OK;

    // a column called "value" that holds words is a tag, unless somebody asked for it
    if (r->value >= 0 && !options->value &&
        !(options->columns && strstr(options->columns, "value=")) &&
        stats[r->value].numbers * 2 < stats[r->value].filled)
        r->value = -1;
    if (r->time >= 0) {
        TRY(time_unit_choose(l, s, &stats[r->time], options, err));
        c->has_time = true;
        c->time_unit = time_unit_name(l->unit);
    }
    if (r->value >= 0) {
        c->has_value = true;
        c->value_name = l->columns.name[r->value];
    }
    c->has_behaviour = r->behaviour >= 0;
    return extras_choose(c, l->extra, r, &l->columns, stats, options, s->name, err);
}

// --- what was chosen, in words --------------------------------------------------------------------------

static void say_role(buffer *b, const layout *l, const char *role, int col)
{
    if (col >= 0) buffer_format(b, "%s %s=%s", b->len ? "," : "", role, l->columns.name[col]);
}

// What column `col` is, in a word.
static const char *role_of(const layout *l, int col)
{
    const roles *r = &l->roles;
    if (col == r->user) return "user";
    if (col == r->item) return "item";
    if (col == r->time) return "time";
    if (col == r->behaviour) return "behaviour";
    return col == r->value ? l->schema.value_name : l->columns.name[col];
}

// "user::item::rating::time": what stands where in lines without a header.
static void say_order(buffer *b, const layout *l)
{
    const char separator[] = { l->dialect.separator, l->dialect.separator == ':' ? ':' : '\0',
                               '\0' };
    buffer_text(b, " ");
    for (size_t i = 0; i < l->columns.n; i++)
        buffer_format(b, "%s%s", i ? (*separator == '\t' ? "<TAB>" : separator) : "",
                      role_of(l, (int)i));
}

static void say_rows(buffer *b, const layout *l)
{
    const roles *r = &l->roles;
    const bool named = l->lines || l->shape == SHAPE_OBJECTS;
    if (!named) say_order(b, l);
    if (named) {
        say_role(b, l, "user", r->user);
        say_role(b, l, "item", r->item);
        say_role(b, l, "time", r->time);
        say_role(b, l, "value", r->value);
        say_role(b, l, "behaviour", r->behaviour);
    }
    for (int i = 0; i < l->schema.extras; i++)
        buffer_format(b, "%s%s", i ? ", " : "; kept: ", l->schema.extra_name[i]);
    if (r->time >= 0) buffer_format(b, "; times in %s", l->schema.time_unit);
    if (r->time < 0) buffer_text(b, "; no times: the order of rows counts");
}

void sniff_describe(const layout *l, const char *name, const run *job)
{
    buffer b = { 0 };
    if (l->shape != SHAPE_SEQUENCES)
        say_rows(&b, l);
    else if (l->users)
        buffer_text(&b, " a user and its items in a line");
    else if (l->target)
        buffer_text(&b, " a test session in a line, its target after the tab; no users");
    else
        buffer_text(&b, " a session's items in a line; no users (else --format sequences)");
    run_log(job, LOG_NOTE, "%s: %s,%s", name, l->format, b.data ? b.data : "");
    buffer_free(&b);
}
