// json.c - reports as JSON, by jansson.
#include "base/json.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_text(const char *bytes, size_t len, void *ctx)
{
    buffer_add(ctx, bytes, len);
    return ((buffer *)ctx)->failed ? -1 : 0;
}

// 15 digits: any decimal that a person wrote comes back as it was, and 0.1 reads as 0.1.
enum { DUMP_FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(15) };

static habit_status dump(buffer *out, const json_t *value, habit_error *err)
{
    if (!value || json_dump_callback(value, add_text, out, DUMP_FLAGS) != 0)
        return fail_memory(err, "report", out->len);
    return HABIT_OK;
}

habit_status json_hand_over(char **text, json_t *report, habit_error *err)
{
    buffer out = { 0 };
    habit_status st = HABIT_OK;
    if (text) st = dump(&out, report, err);
    json_decref(report);
    if (st != HABIT_OK)
        buffer_free(&out);
    else if (text)
        *text = out.data;
    return st;
}

habit_status json_write(const char *path, const json_t *value, habit_error *err)
{
    buffer out = { 0 };
    habit_status st = dump(&out, value, err);
    buffer_add(&out, "\n", 1);
    if (st == HABIT_OK) st = buffer_check(&out, err);
    if (st == HABIT_OK) st = file_write(path, out.data, out.len, err);
    buffer_free(&out);
    return st;
}

static json_t *json_of_row(const opt *o, const void *values, const char *text)
{
    const char *field = (const char *)values + o->at;
    switch (o->kind) {
    case OPT_INT:
        return json_integer(*(const int *)(const void *)field);
    case OPT_LONG:
        return json_integer(*(const int64_t *)(const void *)field);
    case OPT_REAL:
        return json_real(*(const double *)(const void *)field);
    case OPT_FLAG:
        return json_boolean(*(const bool *)(const void *)field);
    default:
        break; // sizes and spans read best as they were written
    }
    return json_stringn_nocheck(text, strlen(text));
}

json_t *json_of_options(const opt_values *v, bool given_only)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < v->rows; i++) {
        if (given_only && !v->given[i]) continue;
        if (json_object_set_new(object, v->table[i].name,
                                json_of_row(&v->table[i], v->values, v->text[i])) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static habit_status set_row(opt_values *v, int row, const json_t *value, habit_error *err)
{
    char number[40];
    const char *text = number;
    if (json_is_string(value))
        text = json_string_value(value);
    else if (json_is_integer(value))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof number, "%.17g", json_real_value(value));
    else if (json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    else
        return fail(err, HABIT_EFORMAT, "not a plain value");
    if (!*text && v->table[row].kind != OPT_STRING && v->table[row].kind != OPT_LIST)
        return HABIT_OK; // a row whose default is nothing
    return opt_set(v, row, text, err);
}

habit_status json_to_options(opt_values *v, const json_t *object, const char *where,
                             habit_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const int row = opt_find(v, name);
        if (row < 0)
            return fail(err, HABIT_EFORMAT, "%s: no option '%s' in this version", where, name);
        habit_error inner = { 0 };
        const habit_status st = set_row(v, row, value, &inner);
        if (st == HABIT_ENOMEM) return fail_memory(err, where, 0);
        if (st != HABIT_OK)
            return fail(err, HABIT_EFORMAT, "%s: option '%s': %s", where, name, inner.message);
    }
    return HABIT_OK;
}

json_t *json_fingerprint(uint64_t x)
{
    char text[24];
    snprintf(text, sizeof text, "0x%016llx", (unsigned long long)x);
    return json_string(text);
}

bool json_fingerprint_of(const json_t *text, uint64_t *out)
{
    const char *s = json_string_value(text);
    char *end;
    if (!s || strlen(s) != 18 || strncmp(s, "0x", 2) != 0) return false;
    errno = 0;
    const unsigned long long x = strtoull(s + 2, &end, 16);
    if (*end || errno) return false;
    *out = x;
    return true;
}
