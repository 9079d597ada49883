// text.c - reports for people.
#include "cli/text.h"
#include "base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- tables ------------------------------------------------------------------------------------

enum { TABLE_COLUMNS = 32 };

void text_cell(text_table *t, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?'; // ids may hold anything
    buffer_add(&t->cells, text, strlen(text) + 1);
    t->count++;
}

// Columns on a terminal: code points, which is right for all but wide scripts and combining marks.
static size_t text_width(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

// "-12,345", "0.0123 [0.0100, 0.0146]", "-": what is compared digit by digit.
static bool is_number(const char *s)
{
    return s[strspn(s, "0123456789.,+-e[] %")] == '\0';
}

void text_table_free(text_table *t)
{
    buffer_free(&t->cells);
    *t = (text_table){ 0 };
}

typedef struct placed {
    const char *text;
    size_t width;
    bool right, first, last;
} placed;

static void print_cell(FILE *out, const placed *c)
{
    const size_t w = text_width(c->text), pad = c->width > w ? c->width - w : 0;
    if (!c->last || *c->text) { // no spaces at the end of a line
        if (!c->first) fputs("  ", out);
        if (c->right)
            fprintf(out, "%*s%s", (int)pad, "", c->text);
        else
            fprintf(out, "%s%*s", c->text, c->last ? 0 : (int)pad, "");
    }
    if (c->last) fputc('\n', out);
}

// A column stands on the right if all its cells below the header are numbers.
habit_status text_table_print(text_table *t, FILE *out, habit_error *err)
{
    size_t width[TABLE_COLUMNS] = { 0 };
    bool text[TABLE_COLUMNS] = { false };
    const habit_status st = buffer_check(&t->cells, err);
    const size_t columns = t->columns < TABLE_COLUMNS ? t->columns : TABLE_COLUMNS;
    if (st == HABIT_OK && columns) {
        const char *s = t->cells.data;
        for (size_t i = 0; i < t->count; i++, s += strlen(s) + 1) {
            const size_t c = i % columns;
            if (text_width(s) > width[c]) width[c] = text_width(s);
            if ((i >= columns || t->count == columns) && !is_number(s)) text[c] = true;
        }
        s = t->cells.data;
        for (size_t i = 0; i < t->count; i++, s += strlen(s) + 1) {
            const size_t c = i % columns;
            print_cell(out, &(placed){ s, width[c], !text[c], c == 0, c + 1 == columns });
        }
    }
    text_table_free(t);
    return st;
}

// --- values ------------------------------------------------------------------------------------

void text_count(char out[32], double x)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.0f", fabs(x));
    const size_t n = strlen(digits);
    size_t k = 0;
    if (n > 18) { // not a count of anything
        snprintf(out, 32, "%g", x);
        return;
    }
    if (x < 0) out[k++] = '-';
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = '\0';
}

void text_real(char out[32], double x)
{
    const double a = fabs(x);
    if (!isfinite(x))
        snprintf(out, 32, "-");
    else if (a >= 1e7)
        snprintf(out, 32, "%.3e", x);
    else if (a >= 1000)
        text_count(out, x);
    else
        snprintf(out, 32, a >= 100 ? "%.1f" : a >= 10 ? "%.2f" : a >= 1 ? "%.3f" : "%.4f", x);
}

void text_value(char *out, size_t size, const json_t *value)
{
    char number[32] = "-";
    const char *text = number;
    char *dumped = NULL;
    if (json_is_string(value))
        text = json_string_value(value);
    else if (json_is_integer(value))
        text_count(number, (double)json_integer_value(value));
    else if (json_is_real(value))
        text_real(number, json_real_value(value));
    else if (json_is_boolean(value))
        text = json_is_true(value) ? "yes" : "no";
    else if (json_is_object(value) || json_is_array(value))
        text = dumped = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(4));
    snprintf(out, size, "%s", text ? text : "-");
    if (dumped) {
        json_free_t release; // the allocator that jansson was given
        json_get_alloc_funcs(NULL, &release);
        release(dumped);
    }
}

habit_status text_parse(json_t **out, const char *report, habit_error *err)
{
    json_error_t e;
    json_t *value = json_loads(report, 0, &e);
    if (!value) return fail(err, HABIT_EINTERNAL, "report: %s", e.text);
    *out = value;
    return HABIT_OK;
}

// --- any report --------------------------------------------------------------------------------

static bool is_plain(const json_t *v)
{
    return !json_is_object(v) && !json_is_array(v);
}

// An array whose first element is an object: its names are the header.
static habit_status print_rows(const json_t *rows, FILE *out, habit_error *err)
{
    text_table t = { 0 };
    json_t *first = json_array_get(rows, 0);
    const char *name;
    json_t *value;
    size_t i;
    char cell[256];
    json_object_foreach(first, name, value)
    {
        if (t.columns == TABLE_COLUMNS) break;
        text_cell(&t, "%s", name);
        t.columns++;
    }
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        size_t k = 0;
        json_object_foreach(first, name, value)
        {
            if (k++ == t.columns) break;
            text_value(cell, sizeof cell, json_object_get(row, name));
            text_cell(&t, "%s", cell);
        }
    }
    return text_table_print(&t, out, err);
}

static habit_status print_plain(const json_t *object, FILE *out, habit_error *err)
{
    text_table t = { .columns = 2 };
    const char *name;
    json_t *value;
    char cell[256];
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!is_plain(value)) continue;
        text_value(cell, sizeof cell, value);
        text_cell(&t, "%s", name);
        // a text beside the name: numbers would otherwise stand far to the right of short ones
        text_cell(&t, json_is_string(value) ? "%s" : " %s", cell);
    }
    return text_table_print(&t, out, err);
}

static habit_status print_object(const json_t *object, FILE *out, int depth, habit_error *err)
{
    const char *name;
    json_t *value;
    char cell[256];
    TRY(print_plain(object, out, err));
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (is_plain(value)) continue;
        const bool empty =
            json_is_array(value) ? !json_array_size(value) : !json_object_size(value);
        if (empty) continue;
        if (json_is_array(value) && !json_is_object(json_array_get(value, 0))) {
            text_value(cell, sizeof cell, value);
            fprintf(out, "%s  %s\n", name, cell);
            continue;
        }
        fprintf(out, "\n%s\n", name);
        if (json_is_array(value))
            TRY(print_rows(value, out, err));
        else if (depth < 4)
            TRY(print_object(value, out, depth + 1, err));
    }
    return HABIT_OK;
}

habit_status text_report(const json_t *report, FILE *out, habit_error *err)
{
    return print_object(report, out, 0, err);
}

habit_status text_show(char *report, bool json, habit_error *err)
{
    habit_status st = HABIT_OK;
    json_t *object = NULL;
    if (json)
        puts(report);
    else if ((st = text_parse(&object, report, err)) == HABIT_OK)
        st = text_report(object, stdout, err);
    json_decref(object);
    habit_free(report);
    return st;
}

void text_fold(FILE *out, const char *text, int at, int width)
{
    int column = at;
    while (*text) {
        const size_t word = strcspn(text, " ");
        if (column > at && column + 1 + (int)word > width) {
            fprintf(out, "\n%*s", at, "");
            column = at;
        }
        if (column > at) fputc(' ', out), column++;
        fwrite(text, 1, word, out);
        column += (int)word;
        text += word;
        while (*text == ' ') text++;
    }
    fputc('\n', out);
}

// --- lists and ids ---------------------------------------------------------------------------------

habit_status text_list_split(text_list *out, const char *list, habit_error *err)
{
    const size_t most = list ? strlen(list) : 0;
    text_list l = { .text = mem_strdup(list ? list : ""), .part = NEW(const char *, most) };
    if (!l.text || !l.part) {
        text_list_free(&l);
        return fail_memory(err, "list", most * sizeof *l.part);
    }
    for (char *s = l.text; *s;) {
        const size_t len = strcspn(s, ",");
        const bool last = s[len] == '\0';
        s[len] = '\0';
        if (len) l.part[l.n++] = s;
        s += len + !last;
    }
    *out = l;
    return HABIT_OK;
}

void text_list_free(text_list *l)
{
    mem_free(l->text);
    mem_free((void *)l->part);
    *l = (text_list){ 0 };
}

json_t *text_json(const char *text)
{
    json_t *s = json_string(text);
    return s ? s : json_null();
}
