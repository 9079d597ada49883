// features.c - what is known of items or people beside the log.
#include "models/features.h"
#include "base/memory.h"
#include "nn/ops.h"

#include <math.h>
#include <string.h>

#define DEVIATIONS 4.0 // what is further from the mean counts as this far

// --- from the log -----------------------------------------------------------------------------------

// Tags of row i: a column holds one, or a list.
static const uint32_t *tags_at(const column *c, uint64_t i, size_t *n)
{
    if (c->kind == COLUMN_TAGS) {
        *n = (size_t)(c->list[i + 1] - c->list[i]);
        return c->tag + c->list[i];
    }
    *n = c->tag[i] != TAG_NONE;
    return c->tag + i;
}

static habit_status fill_tags(feature *f, const column *c, habit_error *err)
{
    size_t n;
    f->each = 1;
    for (uint64_t i = 0; i < f->rows; i++) {
        tags_at(c, i, &n);
        if (n > f->each) f->each = n < FEATURE_TAGS ? n : FEATURE_TAGS;
    }
    int32_t *of = NEW(int32_t, f->rows * f->each);
    if (!of) return fail_memory(err, "tags", f->rows * f->each * sizeof *of);
    for (uint64_t i = 0; i < f->rows; i++) {
        const uint32_t *tag = tags_at(c, i, &n);
        for (size_t k = 0; k < f->each; k++) of[i * f->each + k] = k < n ? (int32_t)tag[k] : -1;
    }
    f->of = of;
    return HABIT_OK;
}

static habit_status copy_names(feature *f, const names *of, habit_error *err)
{
    f->starts = (uint64_t)of->count + 1;
    f->length = of->start[of->count] - of->start[0];
    uint64_t *start = NEW(uint64_t, f->starts);
    uint8_t *bytes = NEW(uint8_t, f->length);
    f->start = start, f->bytes = bytes;
    if (!start || !bytes) return fail_memory(err, "names of tags", f->starts * 8 + f->length);
    for (uint64_t k = 0; k < f->starts; k++) start[k] = of->start[k] - of->start[0];
    memcpy(bytes, of->bytes + of->start[0], f->length);
    return HABIT_OK;
}

static float standardised(const float *scale, double x)
{
    const double z = (x - (double)scale[0]) / (double)scale[1];
    return isfinite(x) ? (float)fmin(fmax(z, -DEVIATIONS), DEVIATIONS) : NAN;
}

static habit_status fill_numbers(feature *f, const column *c, habit_error *err)
{
    double sum = 0, square = 0, known = 0;
    float *number = NEW(float, f->rows), *scale = NEW(float, 2);
    f->number = number, f->scale = scale;
    if (!number || !scale) return fail_memory(err, "numbers", f->rows * sizeof *number);
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t i = 0; i < f->rows; i++) {
            const double x = c->number[i];
            if (!isfinite(x)) continue;
            if (pass == 0)
                sum += x, known++;
            else
                square += (x - sum / known) * (x - sum / known);
        }
    scale[0] = known > 0 ? (float)(sum / known) : 0;
    scale[1] = square > 0 ? (float)sqrt(square / known) : 1;
    for (uint64_t i = 0; i < f->rows; i++) number[i] = standardised(scale, c->number[i]);
    return HABIT_OK;
}

static habit_status fill(feature *f, const features_plan *p, const char *name, const log_view *log,
                         habit_error *err)
{
    const bool items = p->of == OF_ITEMS;
    const column *c = log->data ? dataset_column(log->data, p->of, name) : NULL;
    if (!c || (c->kind != COLUMN_TAG && c->kind != COLUMN_TAGS && c->kind != COLUMN_NUMBER))
        return fail(err, HABIT_EINVAL,
                    "%s%s: %s have no such column of tags or numbers; see 'habit inspect'",
                    p->option, name, items ? "items" : "users");
    // those of a test file alone come after those of the log, and nothing is known of them
    const uint64_t all = items ? log->items : log->users;
    f->rows = c->rows < all ? c->rows : all;
    if (c->kind == COLUMN_NUMBER) return fill_numbers(f, c, err);
    f->table->rows = c->names.count;
    TRY(fill_tags(f, c, err));
    return copy_names(f, &c->names, err);
}

// --- declaring ----------------------------------------------------------------------------------------

enum { OF, NUMBER, SCALE, START, BYTES };

habit_status features_declare_one(features *fs, store *s, const features_plan *p, const char *name,
                                  const log_view *log, habit_error *err)
{
    static const char *const parts[] = { "of", "number", "scale", "start", "names" };
    if (fs->count == FEATURES_MOST)
        return fail(err, HABIT_EINVAL, "%s%s: more than %d columns", p->option, name,
                    FEATURES_MOST);
    if (strlen(p->prefix) + 1 + strlen(name) >= FEATURE_NAME)
        return fail(err, HABIT_EINVAL, "%s: the name '%.20s...' is too long", p->option, name);
    feature *f = &fs->list[fs->count++];
    f->column = strlen(p->prefix) + 1;
    snprintf(f->name, sizeof f->name, "%s.%s", p->prefix, name);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        snprintf(f->part[i], sizeof f->part[i], "%s.%s", f->name, parts[i]);
    f->table = store_add(s, f->name, log ? 2 : 0, p->dim, INIT_NORMAL, p->spread);
    f->table->open = !log;
    return log ? fill(f, p, name, log, err) : HABIT_OK;
}

habit_status features_declare(features *f, store *s, const features_plan *p, const char *list,
                              const log_view *log, habit_error *err)
{
    for (const char *at = list ? list : ""; *at;) {
        char name[FEATURE_NAME];
        const size_t len = strcspn(at, ",");
        if (len >= sizeof name)
            return fail(err, HABIT_EINVAL, "%s: the name '%.20s...' is too long", p->option, at);
        memcpy(name, at, len);
        name[len] = '\0';
        if (len) TRY(features_declare_one(f, s, p, name, log, err));
        at += at[len] ? len + 1 : len;
    }
    return HABIT_OK;
}

void features_free(features *fs, bool loaded)
{
    for (size_t i = 0; !loaded && i < fs->count; i++) {
        feature *f = &fs->list[i];
        mem_free((void *)(uintptr_t)f->of);
        mem_free((void *)(uintptr_t)f->number);
        mem_free((void *)(uintptr_t)f->scale);
        mem_free((void *)(uintptr_t)f->start);
        mem_free((void *)(uintptr_t)f->bytes);
    }
    fs->count = 0;
}

// --- files --------------------------------------------------------------------------------------------

size_t features_fields(features *fs, model_field *out)
{
    size_t n = 0;
    for (size_t i = 0; i < fs->count; i++) {
        feature *f = &fs->list[i];
        if (!f->two) f->two = 2;
#define ARRAY(which, kind, pointer, ...)                                                           \
    out[n++] = (model_field){ .name = f->part[which],                                              \
                              .type = kind,                                                        \
                              .data = (const void **)&f->pointer,                                  \
                              .optional = true,                                                    \
                              __VA_ARGS__ }
        ARRAY(OF, TENSOR_I32, of, .dims = 2, .shape = { f->rows, f->each },
              .shape_out = { &f->rows, &f->each });
        ARRAY(NUMBER, TENSOR_F32, number, .dims = 1, .shape = { f->rows },
              .shape_out = { &f->rows });
        ARRAY(SCALE, TENSOR_F32, scale, .dims = 1, .shape = { f->two }, .shape_out = { &f->two });
        ARRAY(START, TENSOR_U64, start, .dims = 1, .shape = { f->starts },
              .shape_out = { &f->starts });
        ARRAY(BYTES, TENSOR_U8, bytes, .dims = 1, .shape = { f->length },
              .shape_out = { &f->length });
#undef ARRAY
    }
    return n;
}

static bool names_fit(const feature *f)
{
    if (f->starts != (uint64_t)f->table->rows + 1 || f->start[0] != 0) return false;
    for (uint64_t k = 1; k < f->starts; k++)
        if (f->start[k] < f->start[k - 1]) return false;
    return f->start[f->starts - 1] == f->length;
}

static bool fits(const feature *f, uint64_t rows)
{
    if (f->rows > rows || f->table->rows > INT32_MAX) return false;
    if (f->number)
        return !f->of && f->scale && f->two == 2 && f->table->rows == 2 && f->scale[1] > 0;
    if (!f->of || !f->start || !f->bytes || f->each > FEATURE_TAGS || !names_fit(f)) return false;
    for (uint64_t k = 0; k < f->rows * f->each; k++)
        if (f->of[k] < -1 || f->of[k] >= (int32_t)f->table->rows) return false;
    return true;
}

habit_status features_check(const features *f, uint64_t rows, habit_error *err)
{
    for (size_t i = 0; i < f->count; i++)
        if (!fits(&f->list[i], rows))
            return fail(err, HABIT_EFORMAT, "arrays '%s.*' do not fit the model", f->list[i].name);
    return HABIT_OK;
}

// --- the text -----------------------------------------------------------------------------------------

static tensor *add_tags(tape *t, const feature *f, const int32_t *row, size_t n)
{
    int32_t *tag = tape_memory(t, n * f->each, sizeof *tag);
    for (size_t i = 0; tag && i < n; i++) {
        const bool known = row[i] >= 0 && (uint64_t)row[i] < f->rows;
        for (size_t k = 0; k < f->each; k++)
            tag[i * f->each + k] = known ? f->of[(size_t)row[i] * f->each + k] : -1;
    }
    return op_embed_sum(t, f->table, tag, f->each, n);
}

static tensor *add_numbers(tape *t, const feature *f, const int32_t *row, size_t n)
{
    float *v = tape_memory(t, 2 * n, sizeof *v);
    for (size_t i = 0; v && i < n; i++) {
        const bool there = row[i] >= 0 && (uint64_t)row[i] < f->rows;
        const float of = there ? f->number[row[i]] : NAN;
        v[2 * i] = isnan(of) ? 0 : of;
        v[2 * i + 1] = isnan(of) ? 0.0f : 1.0f;
    }
    return op_linear(t, tape_input(t, v, n, 2), f->table, NULL, ACT_NONE);
}

tensor *features_add(tape *t, const features *fs, const int32_t *row, size_t n, tensor *x)
{
    for (size_t i = 0; i < fs->count; i++) {
        const feature *f = &fs->list[i];
        tensor *y = f->number ? add_numbers(t, f, row, n) : add_tags(t, f, row, n);
        x = x ? op_add(t, x, y) : y;
    }
    return x;
}

// --- newcomers ------------------------------------------------------------------------------------------

static int32_t find_tag(const feature *f, const char *tag)
{
    const names known = { (uint32_t)(f->starts - 1), f->start, (const char *)f->bytes };
    const uint32_t k = names_find(&known, tag, strlen(tag));
    return k == TAG_NONE ? -1 : (int32_t)k;
}

static void put_value(feature *to, const feature *f, const feature_value *v)
{
    const int32_t tag = !to->number && v->tag ? find_tag(f, v->tag) : -1;
    int32_t *of = (int32_t *)(uintptr_t)to->of;
    if (to->number) {
        *(float *)(uintptr_t)to->number = standardised(f->scale, v->number);
        return;
    }
    for (size_t k = 0; tag >= 0 && k < FEATURE_TAGS; k++)
        if (of[k] < 0) {
            of[k] = tag;
            return;
        }
}

habit_status features_of(features *out, const features *fs, const feature_value *value,
                         size_t count, habit_error *err)
{
    for (size_t v = 0; v < count; v++) {
        size_t i = 0;
        while (i < fs->count && strcmp(fs->list[i].name + fs->list[i].column, value[v].column) != 0)
            i++;
        if (i == fs->count)
            return fail(err, HABIT_EINVAL, "the model knows no column '%.40s'", value[v].column);
        if (!fs->list[i].number != (value[v].tag != NULL))
            return fail(err, HABIT_EINVAL, "column '%.40s' holds %s", value[v].column,
                        value[v].tag ? "numbers" : "tags");
    }
    *out = (features){ .count = fs->count };
    for (size_t i = 0; i < fs->count; i++) {
        const feature *f = &fs->list[i];
        feature *to = &out->list[i];
        float *number = f->number ? NEW(float, 1) : NULL;
        int32_t *of = f->number ? NULL : NEW(int32_t, FEATURE_TAGS);
        *to = (feature){ .table = f->table, .number = number, .of = of, .rows = 1 };
        to->each = FEATURE_TAGS;
        if (!number && !of) {
            features_free(out, false);
            return fail_memory(err, "features", FEATURE_TAGS * sizeof *of);
        }
        if (number) *number = NAN;
        for (size_t k = 0; of && k < FEATURE_TAGS; k++) of[k] = -1;
        for (size_t v = 0; v < count; v++)
            if (strcmp(f->name + f->column, value[v].column) == 0) put_value(to, f, &value[v]);
    }
    return HABIT_OK;
}
