// space.c - the points of a search.
#include "lib/space.h"
#include "base/memory.h"
#include "base/yaml.h"

#include <string.h>

typedef struct reading {
    space *s;
    opt_values *trial; // a scratch copy: values are checked by setting them
    const char *path;
} reading;

static habit_status add_axis(void *ctx, const char *name, const char *const *values, size_t n,
                             size_t line, habit_error *err)
{
    reading *r = ctx;
    space *s = r->s;
    const opt_values *tables[] = { r->trial };
    const int row = opt_find(r->trial, name);
    if (row < 0) {
        const char *near = opt_nearest(tables, 1, name);
        return fail(err, HABIT_EINVAL, "%s:%zu: the model has no option '%s'%s%s%s", r->path, line,
                    name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    for (size_t a = 0; a < s->axes; a++)
        if (s->axis[a].row == row)
            return fail(err, HABIT_EINVAL, "%s:%zu: '%s' is there twice", r->path, line, name);
    if (s->axes == SPACE_AXES || n == 0)
        return fail(err, HABIT_EINVAL, "%s:%zu: '%s': %s", r->path, line, name,
                    n ? "too many options" : "an empty list");
    space_axis *axis = &s->axis[s->axes++];
    *axis = (space_axis){ .row = row, .name = mem_strdup(name), .value = ZNEW(char *, n) };
    if (!axis->name || !axis->value) return fail_memory(err, r->path, n * sizeof(char *));
    for (axis->count = 0; axis->count < n; axis->count++) {
        habit_error inner = { 0 };
        if (opt_set(r->trial, row, values[axis->count], &inner) != HABIT_OK)
            return fail(err, HABIT_EINVAL, "%s:%zu: %s", r->path, line, inner.message);
        if (!(axis->value[axis->count] = mem_strdup(values[axis->count])))
            return fail_memory(err, r->path, n);
    }
    if (s->points > UINT64_MAX / n)
        return fail(err, HABIT_ELIMIT, "%s:%zu: more points than can be counted", r->path, line);
    s->points *= n;
    return HABIT_OK;
}

habit_status space_read(space *out, const char *path, const opt_values *values, size_t options_size,
                        habit_error *err)
{
    opt_values trial;
    *out = (space){ .points = 1 };
    TRY(opt_values_init(&trial, values->table, options_size, err));
    reading r = { out, &trial, path };
    habit_status st = yaml_read(path, add_axis, &r, err);
    opt_values_free(&trial);
    if (st == HABIT_OK && out->axes == 0)
        st = fail(err, HABIT_EFORMAT, "%s: nothing to search; write lines like `dim: [32, 64]`",
                  path);
    return st;
}

void space_free(space *s)
{
    for (size_t a = 0; a < s->axes; a++) {
        for (size_t i = 0; s->axis[a].value && i < s->axis[a].count; i++)
            mem_free(s->axis[a].value[i]);
        mem_free(s->axis[a].value);
        mem_free(s->axis[a].name);
    }
    *s = (space){ 0 };
}

habit_status space_apply(const space *s, uint64_t k, opt_values *values, habit_error *err)
{
    for (size_t a = s->axes; a-- > 0;) { // the last axis turns fastest
        const space_axis *axis = &s->axis[a];
        values->given[axis->row] = false; // a list is replaced, not added to
        TRY(opt_set(values, axis->row, axis->value[k % axis->count], err));
        k /= axis->count;
    }
    return HABIT_OK;
}

// A walk without repeats needs no table: a Feistel network permutes the next power of four, and
// what falls outside is passed through it again (cycle walking; Black & Rogaway, CT-RSA 2002).
uint64_t space_visit(const space *s, uint64_t k, bool shuffled, uint64_t seed)
{
    if (!shuffled) return k;
    unsigned half = 1;
    while (half < 32 && (UINT64_C(1) << 2 * half) < s->points) half++;
    const uint64_t mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = k >> half, right = k & mask;
        for (uint64_t round = 0; round < 4; round++) {
            const uint64_t next = left ^ (rng_mix(rng_mix(seed + round) + right) & mask);
            left = right;
            right = next;
        }
        k = left << half | right;
    } while (k >= s->points);
    return k;
}
