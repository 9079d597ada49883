// model_file.c - a model's arrays as a safetensors file, and back without copying.
//
// The class lists its arrays (model_class.fields); this file is all that knows they live in a
// file.  One array is added to each model: "model.sizes", u64[3] = users, items, dim.
#include "base/memory.h"
#include "models/network.h"

#include <string.h>

#define SIZES "model.sizes"

// Fields of a model; NULL on failure.  Owned by the caller.
static model_field *list_fields(model *m, size_t *count, habit_error *err)
{
    model_field *field = ZNEW(model_field, MODEL_FIELDS);
    if (!field) {
        fail_memory(err, "model fields", MODEL_FIELDS * sizeof *field);
        return NULL;
    }
    *count = m->class->fields(m, field);
    return field;
}

habit_status model_save(const model *m, const char *file, habit_error *err)
{
    size_t count = 0, n = 0;
    // fields() takes a model it may be asked to fill; listing a fitted one changes nothing
    model_field *field = list_fields((model *)(uintptr_t)m, &count, err);
    if (!field) return HABIT_ENOMEM;
    const uint64_t sizes[3] = { m->users, m->items, (uint64_t)m->dim };
    habit_status st = HABIT_OK;
    tensor_view *view = ZNEW(tensor_view, count + 1);
    if (!view) {
        st = fail_memory(err, "model fields", count * sizeof *view);
        goto out;
    }
    view[n++] = (tensor_view){
        .name = SIZES, .type = TENSOR_U64, .dims = 1, .shape = { 3 }, .data = sizes
    };
    for (size_t i = 0; i < count; i++) {
        const model_field *f = &field[i];
        tensor_view *t = &view[n];
        t->type = f->type;
        t->dims = f->dims;
        t->data = *f->data;
        memcpy(t->shape, f->shape, sizeof t->shape);
        snprintf(t->name, sizeof t->name, "%s", f->name);
        if (!t->data && f->optional) continue;
        if (!t->data && tensor_count(t) > 0) {
            st = fail(err, HABIT_EINTERNAL, "model %s: array '%s' is missing", m->class->name,
                      f->name);
            goto out;
        }
        n++;
    }
    st = safetensors_write(file, view, n, err);
out:
    mem_free(view);
    mem_free(field);
    return st;
}

// --- loading -------------------------------------------------------------------------------------

// Sizes that several arrays share (the number of items, say) must agree.
static habit_status take_shape(const model_field *field, size_t i, const tensor_view *t,
                               const char *file, habit_error *err)
{
    for (int d = 0; d < t->dims; d++) {
        uint64_t *size = field[i].shape_out[d];
        if (!size) continue;
        for (size_t k = 0; k <= i; k++)
            for (int e = 0; e < (k < i ? field[k].dims : d); e++)
                if (field[k].shape_out[e] == size && (k == i || *field[k].data) &&
                    *size != t->shape[d])
                    return fail(err, HABIT_EFORMAT, "%s: arrays '%s' and '%s' differ in size", file,
                                field[k].name, field[i].name);
        *size = t->shape[d];
    }
    return HABIT_OK;
}

static habit_status take_field(const model *m, const model_field *field, size_t i, const char *file,
                               habit_error *err)
{
    const model_field *f = &field[i];
    const tensor_view *t = safetensors_find(&m->file, f->name);
    if (!t && f->optional) return HABIT_OK;
    if (!t)
        return fail(err, HABIT_EFORMAT, "%s: no array '%s', which a model %s has", file, f->name,
                    m->class->name);
    if (t->type != f->type || t->dims != f->dims)
        return fail(err, HABIT_EFORMAT, "%s: array '%s' is %s with %d sizes, not %s with %d", file,
                    f->name, tensor_type_name(t->type), t->dims, tensor_type_name(f->type),
                    f->dims);
    TRY(take_shape(field, i, t, file, err));
    *f->data = t->data;
    return HABIT_OK;
}

static habit_status take_sizes(model *m, const char *file, habit_error *err)
{
    const tensor_view *t = safetensors_find(&m->file, SIZES);
    if (!t || t->type != TENSOR_U64 || t->dims != 1 || t->shape[0] != 3)
        return fail(err, HABIT_EFORMAT, "%s: no array '%s': not a model of habit", file, SIZES);
    const uint64_t *size = t->data;
    if (size[0] >= USER_NONE || size[1] >= ITEM_NONE || size[2] > INT32_MAX)
        return fail(err, HABIT_EFORMAT, "%s: impossible sizes", file);
    m->users = (uint32_t)size[0];
    m->items = (uint32_t)size[1];
    m->dim = (int)size[2];
    return HABIT_OK;
}

static habit_status take_fields(model *m, const char *file, habit_error *err)
{
    size_t count = 0;
    model_field *field = list_fields(m, &count, err);
    if (!field) return HABIT_ENOMEM;
    habit_status st = take_sizes(m, file, err);
    for (size_t i = 0; st == HABIT_OK && i < count; i++) st = take_field(m, field, i, file, err);
    for (size_t i = 0; st == HABIT_OK && i < m->file.count; i++) {
        const char *name = m->file.tensors[i].name;
        bool known = strcmp(name, SIZES) == 0;
        for (size_t k = 0; k < count; k++) known = known || strcmp(name, field[k].name) == 0;
        if (!known)
            st = fail(err, HABIT_EFORMAT, "%s: array '%s', which a model %s does not have", file,
                      name, m->class->name);
    }
    mem_free(field);
    return st;
}

habit_status model_load(model **out, const model_class *c, const char *file, const void *options,
                        habit_error *err)
{
    model *m = NULL;
    TRY(c->network ? network_empty(&m, c, options, err) : c->empty(&m, err));
    m->class = c;
    habit_status st = safetensors_open(&m->file, file, err);
    m->loaded = true;
    if (st == HABIT_OK) st = take_fields(m, file, err);
    if (st == HABIT_OK) st = c->ready(m, options, err);
    if (st != HABIT_OK) {
        model_free(m);
        return st;
    }
    *out = m;
    return HABIT_OK;
}

void model_free(model *m)
{
    if (!m) return;
    safetensors file = m->file; // goes last: the arrays may lie in it
    m->class->free(m);
    safetensors_close(&file);
}
