// safetensors.c - writing named arrays, and reading them without trusting them.
#include "nn/safetensors.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX = 100 << 20, DATA_ALIGN = 64 }; // the format's own limit; a cache line

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [TENSOR_F32] = { "F32", 4 }, [TENSOR_F64] = { "F64", 8 }, [TENSOR_I32] = { "I32", 4 },
    [TENSOR_I64] = { "I64", 8 }, [TENSOR_U8] = { "U8", 1 },   [TENSOR_U32] = { "U32", 4 },
    [TENSOR_U64] = { "U64", 8 },
};

size_t tensor_size(tensor_type type)
{
    return types[type].size;
}

const char *tensor_type_name(tensor_type type)
{
    return types[type].name;
}

uint64_t tensor_count(const tensor_view *t)
{
    uint64_t n = 1;
    for (int i = 0; i < t->dims; i++) n *= t->shape[i];
    return n;
}

// --- writing -------------------------------------------------------------------------------------

static int by_size(const void *a, const void *b)
{
    const tensor_view *x = *(const tensor_view *const *)a, *y = *(const tensor_view *const *)b;
    const size_t p = tensor_size(x->type), q = tensor_size(y->type);
    if (p != q) return p > q ? -1 : 1;
    return strcmp(x->name, y->name);
}

static json_t *entry_json(const tensor_view *t, uint64_t at)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->dims; i++)
        json_array_append_new(shape, json_integer((json_int_t)t->shape[i]));
    const uint64_t end = at + tensor_count(t) * tensor_size(t->type);
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", types[t->type].name, "shape", shape,
                     "data_offsets", (json_int_t)at, (json_int_t)end);
}

// The header as text, owned by the caller (free); NULL when out of memory.
static char *header_text(const tensor_view *const *order, size_t n)
{
    json_t *root = json_object();
    uint64_t at = 0;
    bool whole = root != NULL;
    for (size_t i = 0; whole && i < n; i++) {
        whole = json_object_set_new(root, order[i]->name, entry_json(order[i], at)) == 0;
        at += tensor_count(order[i]) * tensor_size(order[i]->type);
    }
    char *text = whole ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

static habit_status write_all(const char *path, const tensor_view *const *order, size_t n,
                              const char *header, habit_error *err)
{
    file_writer w;
    TRY(file_create(&w, path, err));
    const size_t len = strlen(header);
    const size_t padded = (8 + len + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN - 8;
    for (int i = 0; i < 8; i++) fputc((int)((uint64_t)padded >> 8 * i & 255), w.stream);
    fprintf(w.stream, "%s%*s", header, (int)(padded - len), "");
    for (size_t i = 0; i < n; i++) {
        const uint64_t count = tensor_count(order[i]);
        if (count) fwrite(order[i]->data, tensor_size(order[i]->type), (size_t)count, w.stream);
    }
    return file_commit(&w, err);
}

habit_status safetensors_write(const char *path, const tensor_view *tensors, size_t n,
                               habit_error *err)
{
    const tensor_view **order = NEW(const tensor_view *, n);
    if (!order) return fail_memory(err, "tensor list", n * sizeof *order);
    for (size_t i = 0; i < n; i++) order[i] = &tensors[i];
    if (n) qsort(order, n, sizeof *order, by_size);

    habit_status st = HABIT_OK;
    for (size_t i = 0; st == HABIT_OK && i < n; i++) {
        const char *name = order[i]->name;
        if (!*name || strcmp(name, "__metadata__") == 0 || !memchr(name, 0, sizeof order[i]->name))
            st = fail(err, HABIT_EINVAL, "%s: array %zu has no usable name", path, i);
        for (size_t k = 0; st == HABIT_OK && k < i; k++)
            if (strcmp(name, order[k]->name) == 0)
                st = fail(err, HABIT_EINVAL, "%s: two arrays '%s'", path, name);
    }
    if (st == HABIT_OK) {
        char *header = header_text(order, n);
        st = header ? write_all(path, order, n, header, err) : fail_memory(err, "header", 0);
        free(header);
    }
    mem_free(order);
    return st;
}

// --- reading -------------------------------------------------------------------------------------

static habit_status entry_type(tensor_view *t, const json_t *entry, const char *path,
                               habit_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    for (size_t i = 0; name && i < COUNT_OF(types); i++)
        if (strcmp(name, types[i].name) == 0) return t->type = (tensor_type)i, HABIT_OK;
    return fail(err, HABIT_EFORMAT, "%s: array '%s' is of type %.20s, which habit does not read",
                path, t->name, name ? name : "?");
}

// Sets dims and shape; *bytes is the size they make, checked for overflow.
static habit_status entry_shape(tensor_view *t, const json_t *entry, uint64_t *bytes,
                                const char *path, habit_error *err)
{
    const json_t *shape = json_object_get(entry, "shape");
    const size_t dims = json_array_size(shape);
    if (!json_is_array(shape) || dims > TENSOR_DIMS)
        return fail(err, HABIT_EFORMAT, "%s: array '%s' has no shape of at most %d sizes", path,
                    t->name, TENSOR_DIMS);
    uint64_t n = tensor_size(t->type);
    t->dims = (int)dims;
    for (size_t i = 0; i < dims; i++) {
        const json_t *size = json_array_get(shape, i);
        const json_int_t x = json_integer_value(size);
        if (!json_is_integer(size) || x < 0 || (x > 0 && n > (UINT64_C(1) << 62) / (uint64_t)x))
            return fail(err, HABIT_EFORMAT, "%s: array '%s' has an impossible shape", path,
                        t->name);
        t->shape[i] = (uint64_t)x;
        n *= (uint64_t)x;
    }
    *bytes = n;
    return HABIT_OK;
}

static habit_status entry_read(tensor_view *t, const json_t *entry, const unsigned char *data,
                               uint64_t data_len, const char *path, habit_error *err)
{
    uint64_t bytes = 0;
    TRY(entry_type(t, entry, path, err));
    TRY(entry_shape(t, entry, &bytes, path, err));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to))
        return fail(err, HABIT_EFORMAT, "%s: array '%s' has no data_offsets", path, t->name);
    const json_int_t a = json_integer_value(from), b = json_integer_value(to);
    if (a < 0 || b < a || (uint64_t)b > data_len || (uint64_t)(b - a) != bytes)
        return fail(err, HABIT_EFORMAT, "%s: array '%s' does not lie where its shape says", path,
                    t->name);
    t->data = data + a;
    if ((uintptr_t)t->data % tensor_size(t->type) != 0)
        return fail(err, HABIT_EFORMAT, "%s: array '%s' is not aligned for its type", path,
                    t->name);
    return HABIT_OK;
}

static int by_place(const void *a, const void *b)
{
    const tensor_view *x = a, *y = b;
    if (x->data != y->data) return (uintptr_t)x->data < (uintptr_t)y->data ? -1 : 1;
    const uint64_t p = tensor_count(x), q = tensor_count(y); // the empty ones first
    return (p > q) - (p < q);
}

// The arrays must fill the data, end to end: no overlap, no hole.
static habit_status check_places(const safetensors *s, const unsigned char *data, uint64_t data_len,
                                 const char *path, habit_error *err)
{
    const unsigned char *end = data;
    for (size_t i = 0; i < s->count; i++) {
        const tensor_view *t = &s->tensors[i];
        if ((const unsigned char *)t->data != end)
            return fail(err, HABIT_EFORMAT, "%s: array '%s' overlaps another, or leaves a hole",
                        path, t->name);
        end += tensor_count(t) * tensor_size(t->type);
    }
    if (end != data + data_len)
        return fail(err, HABIT_EFORMAT, "%s: bytes after the last array", path);
    return HABIT_OK;
}

static habit_status read_entries(safetensors *s, json_t *root, const unsigned char *data,
                                 uint64_t data_len, const char *path, habit_error *err)
{
    s->tensors = ZNEW(tensor_view, json_object_size(root) + 1);
    if (!s->tensors) return fail_memory(err, "tensor list", json_object_size(root));
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry)
    {
        tensor_view *t = &s->tensors[s->count];
        if (strcmp(name, "__metadata__") == 0) continue;
        if (!*name || strlen(name) >= sizeof t->name)
            return fail(err, HABIT_EFORMAT, "%s: array name '%.80s': not of 1 to %zu bytes", path,
                        name, sizeof t->name - 1);
        memcpy(t->name, name, strlen(name) + 1);
        TRY(entry_read(t, entry, data, data_len, path, err));
        s->count++;
    }
    if (s->count) qsort(s->tensors, s->count, sizeof *s->tensors, by_place);
    return check_places(s, data, data_len, path, err);
}

habit_status safetensors_open_bytes(safetensors *out, const unsigned char *bytes, size_t len,
                                    const char *path, habit_error *err)
{
    uint64_t header = 0;
    for (size_t i = 0; i < 8 && len >= 8; i++) header |= (uint64_t)bytes[i] << 8 * i;
    if (len < 10 || header > len - 8 || bytes[8] != '{')
        return fail(err, HABIT_EFORMAT, "%s: not a safetensors file", path);
    if (header > HEADER_MAX)
        return fail(err, HABIT_ELIMIT, "%s: a header of %llu bytes", path,
                    (unsigned long long)header);
    json_error_t why;
    json_t *root =
        json_loadb((const char *)bytes + 8, (size_t)header, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return fail(err, HABIT_EFORMAT, "%s: the header is not valid JSON: %s", path, why.text);

    safetensors s = { 0 };
    const unsigned char *data = bytes + 8 + header;
    const habit_status st = read_entries(&s, root, data, len - 8 - header, path, err);
    json_decref(root);
    if (st != HABIT_OK) {
        mem_free(s.tensors);
        return st;
    }
    *out = s;
    return HABIT_OK;
}

habit_status safetensors_open(safetensors *out, const char *path, habit_error *err)
{
    file_map map;
    TRY(file_map_open(&map, path, err));
    const habit_status st = safetensors_open_bytes(out, map.bytes, map.len, path, err);
    if (st != HABIT_OK)
        file_map_close(&map);
    else
        out->map = map;
    return st;
}

void safetensors_close(safetensors *s)
{
    file_map_close(&s->map);
    mem_free(s->tensors);
    *s = (safetensors){ 0 };
}

const tensor_view *safetensors_find(const safetensors *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->tensors[i].name, name) == 0) return &s->tensors[i];
    return NULL;
}
