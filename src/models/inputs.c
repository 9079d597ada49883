// inputs.c - what a network is told of an event beside its item.
#include "models/inputs.h"
#include "base/clock.h"
#include "kernels/attention.h"
#include "nn/ops.h"

#include <math.h>
#include <string.h>

enum { GAPS = 64, BEHAVIOURS = 256 };

// --- declaring ----------------------------------------------------------------------------------------

static habit_status declare_one(inputs *in, store *s, const char *name, size_t dim, double spread,
                                const log_view *log, habit_error *err)
{
    static const char *const known[] = { "behaviour", "value", "time-gap" };
    static const char *const stored[] = { "input.behaviour", "input.value", "input.time_gap" };
    static const size_t rows[] = { BEHAVIOURS, 2, GAPS };
    param **const to[] = { &in->behaviour, &in->value, &in->gap };
    const bool has[] = { !log || log->behaviour, !log || log->value, !log || log->time };
    const features_plan of_items = { "--inputs item:", "input.item", OF_ITEMS, dim, spread };
    if (strncmp(name, "item:", 5) == 0 && name[5])
        return features_declare_one(&in->items, s, &of_items, name + 5, log, err);
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
    features_free(&in->items, loaded);
}

// --- files --------------------------------------------------------------------------------------------

size_t inputs_fields(inputs *in, model_field *out)
{
    return features_fields(&in->items, out);
}

habit_status inputs_check(const inputs *in, uint32_t items, habit_error *err)
{
    return features_check(&in->items, items, err);
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

tensor *inputs_add(tape *t, const inputs *in, const batch *b, tensor *x)
{
    if (in->behaviour) x = add_behaviour(t, in, b, x);
    if (in->value) x = add_value(t, in, b, x);
    if (in->gap) x = add_gap(t, in, b, x);
    return features_add(t, &in->items, b->item, b->events, x);
}
