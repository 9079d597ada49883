// json.c - reports as JSON, by jansson.
#include "base/json.h"
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

// Length of the well-formed UTF-8 sequence at s, or 0: Unicode 15, table 3-7.
static size_t utf8_length(const unsigned char *s, size_t len)
{
    // clang-format off
    static const struct { unsigned char first, last, lo, hi, len; } rows[] = {
        { 0x00, 0x7F, 0,    0,    1 },
        { 0xC2, 0xDF, 0x80, 0xBF, 2 },
        { 0xE0, 0xE0, 0xA0, 0xBF, 3 }, // no overlong forms
        { 0xE1, 0xEC, 0x80, 0xBF, 3 },
        { 0xED, 0xED, 0x80, 0x9F, 3 }, // no surrogates
        { 0xEE, 0xEF, 0x80, 0xBF, 3 },
        { 0xF0, 0xF0, 0x90, 0xBF, 4 },
        { 0xF1, 0xF3, 0x80, 0xBF, 4 },
        { 0xF4, 0xF4, 0x80, 0x8F, 4 },
    };
    // clang-format on
    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        if (s[0] < rows[r].first || s[0] > rows[r].last) continue;
        if (rows[r].len > len) return 0;
        if (rows[r].len > 1 && (s[1] < rows[r].lo || s[1] > rows[r].hi)) return 0;
        for (size_t i = 2; i < rows[r].len; i++)
            if ((s[i] & 0xC0) != 0x80) return 0;
        return rows[r].len;
    }
    return 0;
}

void json_quote(buffer *out, const char *bytes, size_t len)
{
    buffer_add(out, "\"", 1);
    for (size_t i = 0; i < len;) {
        const unsigned char *s = (const unsigned char *)bytes + i;
        const size_t n = utf8_length(s, len - i);
        if (n == 0)
            buffer_format(out, "\\udc%02x", s[0]);
        else if (*s == '"' || *s == '\\')
            buffer_format(out, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7F)
            buffer_format(out, "\\u%04x", *s);
        else
            buffer_add(out, s, n);
        i += n ? n : 1;
    }
    buffer_add(out, "\"", 1);
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
