// inputs.c - what a network is told of an event beside its item.
#include "models/inputs.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kernels/attention.h"
#include "nn/ops.h"

#include <math.h>
#include <string.h>

enum { GAPS = 64, BEHAVIOURS = 256 };

// --- tags of items ----------------------------------------------------------------------------------

// Tags of item i: a column holds one, or a list.
static const uint32_t *tags_at(const column *c, uint32_t i, size_t *n)
{
    if (c->kind == COLUMN_TAGS) {
        *n = (size_t)(c->list[i + 1] - c->list[i]);
        return c->tag + c->list[i];
    }
    *n = c->tag[i] != TAG_NONE;
    return c->tag + i;
}

static habit_status tags_fill(input_tags *g, const column *c, uint32_t items, habit_error *err)
{
    size_t n;
    g->items = items;
    g->each = 1;
    for (uint32_t i = 0; i < items; i++) {
        tags_at(c, i, &n);
        if (n > g->each) g->each = n < INPUT_TAGS ? n : INPUT_TAGS;
    }
    int32_t *of = NEW(int32_t, items * g->each);
    if (!of) return fail_memory(err, "tags of items", items * g->each * sizeof *of);
    for (uint32_t i = 0; i < items; i++) {
        const uint32_t *tag = tags_at(c, i, &n);
        for (size_t k = 0; k < g->each; k++) of[i * g->each + k] = k < n ? (int32_t)tag[k] : -1;
    }
    g->of = of;
    return HABIT_OK;
}

static habit_status tags_declare(inputs *in, store *s, const char *name, size_t dim, double spread,
                                 const log_view *log, habit_error *err)
{
    if (in->tags_count == INPUT_TAGS)
        return fail(err, HABIT_EINVAL, "--inputs: more than %d columns of items", INPUT_TAGS);
    input_tags *g = &in->tags[in->tags_count++];
    const column *c = NULL;
    if (strlen(name) > 24)
        return fail(err, HABIT_EINVAL, "--inputs: the name '%s' is too long", name);
    snprintf(g->name, sizeof g->name, "input.item.%.24s", name);
    snprintf(g->of_name, sizeof g->of_name, "input.item.%.24s.of", name);
    if (log) {
        c = log->data ? dataset_column(log->data, OF_ITEMS, name) : NULL;
        if (!c || (c->kind != COLUMN_TAG && c->kind != COLUMN_TAGS))
            return fail(err, HABIT_EINVAL,
                        "--inputs item:%s: items have no such column of tags; see 'habit inspect'",
                        name);
        // items of a test file alone come after those of the log and have no tags
        TRY(tags_fill(g, c, c->rows < log->items ? (uint32_t)c->rows : log->items, err));
    }
    g->table = store_add(s, g->name, c ? c->names.count : 0, dim, INIT_NORMAL, spread);
    return HABIT_OK;
}

// --- declaring ----------------------------------------------------------------------------------------

static habit_status declare_one(inputs *in, store *s, const char *name, size_t dim, double spread,
                                const log_view *log, habit_error *err)
{
    static const char *const known[] = { "behaviour", "value", "time-gap" };
    static const char *const stored[] = { "input.behaviour", "input.value", "input.time_gap" };
    static const size_t rows[] = { BEHAVIOURS, 2, GAPS };
    param **const to[] = { &in->behaviour, &in->value, &in->gap };
    const bool has[] = { !log || log->behaviour, !log || log->value, !log || log->time };
    if (strncmp(name, "item:", 5) == 0 && name[5])
        return tags_declare(in, s, name + 5, dim, spread, log, err);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(name, known[i]) != 0) continue;
        if (!has[i]) return fail(err, HABIT_EINVAL, "--inputs %s: the log has none", name);
        if (!*to[i]) *to[i] = store_add(s, stored[i], rows[i], dim, INIT_NORMAL, spread);
        return HABIT_OK;
    }
    return fail(err, HABIT_EINVAL,
                "--inputs: '%s' is none of behaviour, value, time-gap, item:COLUMN", name);
}

habit_status inputs_declare(inputs *in, store *s, const char *list, size_t dim, double spread,
                            const log_view *log, habit_error *err)
{
    for (const char *at = list ? list : ""; *at;) {
        char name[64];
        const size_t len = strcspn(at, ",");
        if (len >= sizeof name)
            return fail(err, HABIT_EINVAL, "--inputs: the name '%.20s...' is too long", at);
        memcpy(name, at, len);
        name[len] = '\0';
        TRY(declare_one(in, s, name, dim, spread, log, err));
        at += at[len] ? len + 1 : len;
    }
    return HABIT_OK;
}

void inputs_free(inputs *in, bool loaded)
{
    for (size_t i = 0; !loaded && i < in->tags_count; i++) mem_free((void *)in->tags[i].of);
}

// --- files --------------------------------------------------------------------------------------------

size_t inputs_fields(inputs *in, model_field *out)
{
    for (size_t i = 0; i < in->tags_count; i++) {
        input_tags *g = &in->tags[i];
        out[i] = (model_field){ .name = g->of_name,
                                .type = TENSOR_I32,
                                .dims = 2,
                                .shape = { g->items, g->each },
                                .data = (const void **)&g->of,
                                .shape_out = { &g->items, &g->each } };
    }
    return in->tags_count;
}

bool inputs_sizes(const inputs *in, const param *p)
{
    for (size_t i = 0; i < in->tags_count; i++)
        if (in->tags[i].table == p) return true;
    return false;
}

habit_status inputs_check(const inputs *in, uint32_t items, habit_error *err)
{
    for (size_t i = 0; i < in->tags_count; i++) {
        const input_tags *g = &in->tags[i];
        bool fits = g->items <= items && g->each <= INPUT_TAGS && g->table->rows <= INT32_MAX;
        for (uint64_t k = 0; fits && k < g->items * g->each; k++)
            fits = g->of[k] >= -1 && g->of[k] < (int32_t)g->table->rows;
        if (!fits) return fail(err, HABIT_EFORMAT, "array '%s' does not fit the model", g->of_name);
    }
    return HABIT_OK;
}

// --- the text -----------------------------------------------------------------------------------------

static int32_t *make_rows(tape *t, const batch *b)
{
    return tape_memory(t, b->events, sizeof(int32_t));
}

static tensor *add_behaviour(tape *t, const inputs *in, const batch *b, tensor *x)
{
    int32_t *row = make_rows(t, b);
    for (size_t e = 0; row && e < b->events; e++) {
        const bool known = b->item[e] >= 0 && b->behaviour && b->behaviour[e] != BEHAVIOUR_NONE;
        row[e] = known ? b->behaviour[e] : -1;
    }
    return op_add(t, x, op_embed(t, in->behaviour, row, b->events));
}

static tensor *add_value(tape *t, const inputs *in, const batch *b, tensor *x)
{
    float *v = tape_memory(t, 2 * b->events, sizeof *v);
    for (size_t e = 0; v && e < b->events; e++) {
        const float of = b->item[e] >= 0 && b->value ? b->value[e] : NAN;
        v[2 * e] = isnan(of) ? 0 : copysignf(log1pf(fabsf(of)), of);
        v[2 * e + 1] = isnan(of) ? 0.0f : 1.0f;
    }
    return op_add(t, x, op_linear(t, tape_input(t, v, b->events, 2), in->value, NULL, ACT_NONE));
}

// The row for the time since the event before.
static int32_t gap_row(int64_t before, int64_t time)
{
    if (before == TIME_NONE || time == TIME_NONE) return -1;
    return (int32_t)attention_bucket((time - before) / 1000000, GAPS);
}

static tensor *add_gap(tape *t, const inputs *in, const batch *b, tensor *x)
{
    int32_t *row = make_rows(t, b);
    for (size_t s = 0; row && s < b->sequences; s++) {
        int64_t before = b->before ? b->before[s] : TIME_NONE;
        for (int32_t e = b->offset[s]; e < b->offset[s + 1]; e++) {
            const int64_t time = b->time ? b->time[e] : TIME_NONE;
            row[e] = gap_row(before, time);
            before = time;
        }
    }
    return op_add(t, x, op_embed(t, in->gap, row, b->events));
}

static tensor *add_tags(tape *t, const input_tags *g, const batch *b, tensor *x)
{
    for (size_t k = 0; k < g->each; k++) {
        int32_t *row = make_rows(t, b);
        for (size_t e = 0; row && e < b->events; e++) {
            const bool known = b->item[e] >= 0 && (uint64_t)b->item[e] < g->items;
            row[e] = known ? g->of[(size_t)b->item[e] * g->each + k] : -1;
        }
        x = op_add(t, x, op_embed(t, g->table, row, b->events));
    }
    return x;
}

tensor *inputs_add(tape *t, const inputs *in, const batch *b, tensor *x)
{
    if (in->behaviour) x = add_behaviour(t, in, b, x);
    if (in->value) x = add_value(t, in, b, x);
    if (in->gap) x = add_gap(t, in, b, x);
    for (size_t i = 0; i < in->tags_count; i++) x = add_tags(t, &in->tags[i], b, x);
    return x;
}
