// objects.c - JSON values as text.
#include "data/objects.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool object_parse(const char *line, size_t len, json_t **out, json_error_t *bad)
{
    *out = NULL;
    while (len && strchr(" \t\r", line[len - 1]) && line[len - 1]) len--;
    if (!len) return true;
    json_t *value = json_loadb(line, len, JSON_REJECT_DUPLICATES, bad);
    if (value && !json_is_object(value)) {
        json_decref(value);
        *bad = (json_error_t){ .column = 1, .text = "not an object" };
        return false;
    }
    *out = value;
    return value != NULL;
}

const char *object_text(const json_t *value, char text[OBJECT_NUMBER], size_t *len)
{
    int n = 0;
    switch (json_typeof(value)) {
    case JSON_STRING:
        *len = json_string_length(value);
        return json_string_value(value);
    case JSON_INTEGER:
        n = snprintf(text, OBJECT_NUMBER, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL: {
        const double x = json_real_value(value);
        const bool whole = fabs(x) < 1e15 && x == floor(x); // 17.0: an id that met a data frame
        n = snprintf(text, OBJECT_NUMBER, whole ? "%.0f" : "%.17g", x);
        break;
    }
    case JSON_TRUE:
    case JSON_FALSE:
        text[n++] = json_is_true(value) ? '1' : '0';
        break;
    case JSON_NULL:
        break;
    default:
        return NULL;
    }
    *len = (size_t)n;
    return text;
}
