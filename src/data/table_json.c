// table_json.c - item and user tables in JSON: an object a line, an array of objects, or one
// object that maps ids to what they have.
//
//     {"item_id": "7", "title": "Tea", "categories": ["food", "drink"]}
//     {"7": {"title": "Tea"}, ...}      {"7": ["food", "drink"], ...}      {"7": "Tea", ...}
#include "base/memory.h"
#include "data/objects.h"
#include "data/table.h"

#include <stdio.h>
#include <string.h>

// The text of one element of a list; reals keep a point, so that vectors are told from codes.
static const char *element_text(const json_t *value, char text[OBJECT_NUMBER], size_t *len)
{
    if (!json_is_real(value)) return object_text(value, text, len);
    int n = snprintf(text, OBJECT_NUMBER, "%.9g", json_real_value(value));
    if (n > 0 && !strpbrk(text, ".,e"))
        n = snprintf(text, OBJECT_NUMBER, "%.1f", json_real_value(value));
    for (char *p = text; *p; p++)
        if (*p == ',') *p = '.'; // a locale's decimal point
    *len = (size_t)n;
    return text;
}

static habit_status add_array(table_builder *b, int col, uint32_t row, const json_t *array,
                              habit_error *err)
{
    buffer list = { 0 };
    bool numbers = true;
    size_t i;
    json_t *value;
    json_array_foreach(array, i, value)
    {
        char text[OBJECT_NUMBER];
        size_t len;
        const char *s = element_text(value, text, &len);
        if (!s) continue;
        numbers &= json_is_number(value);
        if (list.len) buffer_add(&list, (char[]){ TABLE_LIST }, 1);
        buffer_add(&list, s, len);
    }
    habit_status st = buffer_check(&list, err);
    if (st == HABIT_OK && list.len)
        st = table_cell(b, col, row, list.data, list.len, numbers ? CELL_NUMBERS : CELL_LIST, err);
    buffer_free(&list);
    return st;
}

static habit_status add_value(table_builder *b, const char *name, uint32_t row, const json_t *value,
                              habit_error *err)
{
    int col;
    if (json_is_object(value)) return HABIT_OK; // no place for it
    TRY(table_column_add(b, name, strlen(name), &col, err));
    if (json_is_array(value)) return add_array(b, col, row, value, err);
    char text[OBJECT_NUMBER];
    size_t len;
    const char *s = object_text(value, text, &len);
    return table_cell(b, col, row, s, len, CELL_WORD, err);
}

static habit_status add_members(table_builder *b, uint32_t row, const json_t *object,
                                const char *id_key, habit_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (id_key && strcmp(key, id_key) == 0) continue;
        TRY(add_value(b, key, row, value, err));
    }
    return HABIT_OK;
}

// --- an object a row -----------------------------------------------------------------------------------

enum { KEY = 256 };

// The key of ids in this object; "" if it has none.
static habit_status find_id_key(const json_t *object, bool of_items, const import_options *options,
                                char key[KEY], habit_error *err)
{
    column_names keys = { 0 };
    const char *name;
    json_t *value;
    habit_status st = HABIT_OK;
    json_object_foreach((json_t *)object, name, value)
    {
        if (st == HABIT_OK && !json_is_object(value) && !json_is_array(value))
            st = column_names_add(&keys, name, strlen(name), err);
    }
    const int k = st == HABIT_OK ? table_id_column(&keys, of_items, options) : -1;
    snprintf(key, KEY, "%s", k >= 0 ? keys.name[k] : "");
    column_names_free(&keys);
    return st;
}

static habit_status add_object(table_builder *b, const json_t *object, const char *id_key,
                               uint64_t line, habit_error *err)
{
    char text[OBJECT_NUMBER];
    size_t len = 0;
    uint32_t row;
    const json_t *value = json_object_get(object, id_key);
    const char *id = value ? object_text(value, text, &len) : NULL;
    if (!id || !len) return table_flaw(b, line, 1, "id is empty", err);
    TRY(table_row(b, id, len, &row, err));
    return add_members(b, row, object, id_key, err);
}

static habit_status read_lines(table_builder *b, const table_text *t, const char *id_key,
                               habit_error *err)
{
    const char *end = t->bytes + t->len, *next;
    uint64_t line = 1;
    for (const char *p = t->bytes; p < end; p = next, line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        json_error_t bad;
        json_t *object;
        next = nl ? nl + 1 : end;
        habit_status st = HABIT_OK;
        if (!object_parse(p, (size_t)((nl ? nl : end) - p), &object, &bad)) {
            char why[200];
            snprintf(why, sizeof why, "no JSON object: %.150s", bad.text);
            st = table_flaw(b, line, bad.column > 0 ? (size_t)bad.column : 1, why, err);
        } else if (object)
            st = add_object(b, object, id_key, line, err);
        json_decref(object);
        if (st != HABIT_OK) return st;
    }
    return HABIT_OK;
}

// --- one document ----------------------------------------------------------------------------------------

static habit_status read_array(table_builder *b, const table_text *t, const json_t *array,
                               const import_options *options, habit_error *err)
{
    char key[KEY] = "";
    const char *role = t->of_items ? "item" : "user";
    size_t i;
    json_t *object;
    json_array_foreach(array, i, object)
    {
        if (i == 0) TRY(find_id_key(object, t->of_items, options, key, err));
        if (!*key)
            return fail(err, HABIT_EFORMAT,
                        "%s: the objects have no %s key: name it with --columns %s=NAME", t->name,
                        role, role);
        TRY(add_object(b, object, key, i + 1, err));
    }
    return HABIT_OK;
}

static habit_status read_map(table_builder *b, const json_t *map, habit_error *err)
{
    const char *id;
    json_t *value;
    json_object_foreach((json_t *)map, id, value)
    {
        uint32_t row;
        TRY(table_row(b, id, strlen(id), &row, err));
        if (json_is_object(value)) {
            TRY(add_members(b, row, value, NULL, err));
            continue;
        }
        const char *name = json_is_array(value)    ? "attributes"
                           : json_is_string(value) ? "text"
                                                   : "value";
        TRY(add_value(b, name, row, value, err));
    }
    return HABIT_OK;
}

// The key of ids if the first line alone is an object that has one, else "".
static habit_status json_lines_key(const table_text *t, const import_options *options,
                                   char key[KEY], habit_error *err)
{
    json_error_t bad;
    json_t *first = NULL;
    const char *p = t->bytes + strspn(t->bytes, " \t\r\n");
    *key = '\0';
    object_parse(p, strcspn(p, "\n"), &first, &bad);
    const habit_status st = first ? find_id_key(first, t->of_items, options, key, err) : HABIT_OK;
    json_decref(first);
    return st;
}

habit_status table_read_json(table_builder *b, const table_text *t, const import_options *options,
                             habit_error *err)
{
    char key[KEY];
    TRY(json_lines_key(t, options, key, err));
    if (*key) return read_lines(b, t, key, err);
    json_error_t bad;
    json_t *whole = json_loadb(t->bytes, t->len, 0, &bad);
    if (!whole)
        return fail(err, HABIT_EFORMAT, "%s:%d:%d: broken JSON: %s", t->name, bad.line, bad.column,
                    bad.text);
    const habit_status st =
        json_is_array(whole) ? read_array(b, t, whole, options, err) : read_map(b, whole, err);
    json_decref(whole);
    return st;
}
