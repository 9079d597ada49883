// table_build.c - cells of text into typed columns.
#include "base/memory.h"
#include "data/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TEXT_LENGTH = 10, TEXT_LONG = 200 }; // mean bytes of a text; of one that is surely text

habit_status table_column_add(table_builder *b, const char *name, size_t len, int *col,
                              habit_error *err)
{
    for (size_t i = 0; i < b->columns_n; i++)
        if (strlen(b->columns[i].name) == len && memcmp(b->columns[i].name, name, len) == 0) {
            *col = (int)i;
            return HABIT_OK;
        }
    if (b->columns_n == FIELDS_MAX)
        return fail(err, HABIT_ELIMIT, "%s: more than %d columns", b->name, FIELDS_MAX);
    void *columns = b->columns;
    TRY(mem_grow(&columns, &b->columns_cap, b->columns_n + 1, sizeof *b->columns, "table", err));
    b->columns = columns;
    char *own = mem_strndup(name, len);
    if (!own) return fail_memory(err, "table", len);
    b->columns[b->columns_n] = (table_column){ .name = own, .kind = -1 };
    *col = (int)b->columns_n++;
    return HABIT_OK;
}

habit_status table_row(table_builder *b, const char *id, size_t len, uint32_t *row,
                       habit_error *err)
{
    const uint32_t before = b->id.count;
    TRY(ids_add(&b->id, id, len, row, err));
    if (*row == before) return HABIT_OK;
    b->repeated++;
    *row = IDS_NONE;
    return HABIT_OK;
}

habit_status table_cell(table_builder *b, int col, uint32_t row, const char *s, size_t len,
                        cell_form form, habit_error *err)
{
    if (row == IDS_NONE || form == CELL_MISSING || (form == CELL_WORD && is_missing(s, len)))
        return HABIT_OK;
    table_column *c = &b->columns[col];
    void *cells = c->cells;
    TRY(mem_grow(&cells, &c->cells_cap, (size_t)row + 1, sizeof *c->cells, "table", err));
    c->cells = cells;
    while (c->cells_n <= row) c->cells[c->cells_n++] = (cell){ 0 };
    if (len > UINT32_MAX) return fail(err, HABIT_ELIMIT, "%s: a cell of %zu bytes", b->name, len);
    c->cells[row] = (cell){ b->bytes.len, (uint32_t)len, form };
    buffer_add(&b->bytes, s, len);
    buffer_add(&b->bytes, "", 1); // ends in NUL
    return buffer_check(&b->bytes, err);
}

habit_status table_flaw(table_builder *b, uint64_t line, size_t col, const char *why,
                        habit_error *err)
{
    if (b->tolerance-- <= 0)
        return fail(err, HABIT_EFORMAT,
                    "%s:%llu:%zu: %s: mend it, or leave such rows out with --skip-bad-rows N",
                    b->name, (unsigned long long)line, col, why);
    b->bad++;
    return HABIT_OK;
}

void table_builder_free(table_builder *b)
{
    for (size_t i = 0; i < b->columns_n; i++) {
        mem_free(b->columns[i].name);
        mem_free(b->columns[i].cells);
    }
    mem_free(b->columns);
    ids_free(&b->id);
    buffer_free(&b->bytes);
}

// --- kinds -------------------------------------------------------------------------------------------

typedef struct column_view {
    const table_builder *b;
    const table_column *c;
    uint64_t filled, bytes, longest, lists; // cells; of those, lists
    uint64_t numbers, reals;                // lists of numbers; not all of them whole
    uint64_t bars, commas, brackets;        // words with '|'; with ','; in [ ]
    column_stats stats;                     // of the words
} column_view;

static const char *cell_text(const column_view *v, size_t row, size_t *len)
{
    if (row >= v->c->cells_n || v->c->cells[row].form == CELL_MISSING) return NULL;
    *len = v->c->cells[row].len;
    return v->b->bytes.data + v->c->cells[row].at;
}

static column_view view_column(const table_builder *b, const table_column *c)
{
    column_view v = { .b = b, .c = c };
    for (size_t r = 0; r < c->cells_n; r++) {
        size_t len;
        const char *s = cell_text(&v, r, &len);
        if (!s) continue;
        v.filled++;
        v.bytes += len;
        if (len > v.longest) v.longest = len;
        v.lists += c->cells[r].form != CELL_WORD;
        v.numbers += c->cells[r].form == CELL_NUMBERS;
        v.reals += c->cells[r].form == CELL_NUMBERS && (memchr(s, '.', len) || memchr(s, 'e', len));
        if (c->cells[r].form != CELL_WORD) continue;
        v.bars += memchr(s, '|', len) != NULL;
        v.commas += memchr(s, ',', len) != NULL;
        v.brackets += len >= 2 && s[0] == '[' && s[len - 1] == ']';
        column_stats_add(&v.stats, s, len);
    }
    return v;
}

static bool name_has(const char *name, const char *const *words)
{
    for (; *words; words++) {
        const size_t len = strlen(*words);
        for (const char *p = name; *p; p++)
            if (strncasecmp(p, *words, len) == 0) return true;
    }
    return false;
}

static bool named_text(const char *name)
{
    static const char *const words[] = { "title",   "name",     "description", "text", "plot",
                                         "summary", "abstract", "review",      NULL };
    return name_has(name, words);
}

static bool named_tags(const char *name)
{
    static const char *const words[] = { "genre", "categor", "tags", NULL };
    return name_has(name, words);
}

// Different values among the cells, or among the parts of cells cut at `separator`.
static habit_status count_values(const column_view *v, char separator, uint64_t *parts,
                                 uint64_t *different, habit_error *err)
{
    ids seen = { 0 };
    habit_status st = HABIT_OK;
    *parts = 0;
    for (size_t r = 0; r < v->c->cells_n && st == HABIT_OK; r++) {
        size_t len;
        const char *s = cell_text(v, r, &len), *const end = s ? s + len : NULL;
        while (s && st == HABIT_OK) {
            const char *cut = separator ? memchr(s, separator, (size_t)(end - s)) : NULL;
            uint32_t number;
            st = ids_add(&seen, s, (size_t)((cut ? cut : end) - s), &number, err);
            ++*parts;
            s = cut ? cut + 1 : NULL;
        }
    }
    *different = seen.count;
    ids_free(&seen);
    return st;
}

// What a column of words is; *separator is set for tags.
static habit_status kind_of_words(const column_view *v, int *kind, char *separator,
                                  habit_error *err)
{
    uint64_t parts, different;
    const char *name = v->c->name;
    if (column_is_number(&v->stats)) {
        const bool code = v->stats.wholes == v->stats.filled && name_is_code(name);
        return *kind = code ? COLUMN_TAG : COLUMN_NUMBER, HABIT_OK;
    }
    if (v->brackets == v->filled) return *kind = COLUMN_TAGS, *separator = '[', HABIT_OK;
    if (named_tags(name) && (v->bars || v->commas)) {
        *separator = v->bars ? '|' : ',';
        return *kind = COLUMN_TAGS, HABIT_OK;
    }
    if (named_text(name) || v->longest >= TEXT_LONG) return *kind = COLUMN_TEXT, HABIT_OK;
    if (v->bars * 20 >= v->filled && v->bars) { // parts that come again and again are tags
        TRY(count_values(v, '|', &parts, &different, err));
        if (different * 2 <= parts) return *kind = COLUMN_TAGS, *separator = '|', HABIT_OK;
    }
    TRY(count_values(v, '\0', &parts, &different, err));
    const bool text = different * 2 > v->filled && v->bytes >= TEXT_LENGTH * v->filled;
    *kind = text ? COLUMN_TEXT : COLUMN_TAG;
    return HABIT_OK;
}

// --- columns -----------------------------------------------------------------------------------------

static habit_status fill_numbers(side_column *out, const column_view *v, habit_error *err)
{
    const size_t n = v->b->id.count;
    if (!(out->number = NEW(double, n))) return fail_memory(err, "table", n * sizeof(double));
    for (size_t r = 0; r < n; r++) {
        size_t len;
        const char *s = cell_text(v, r, &len);
        out->number[r] = NAN;
        if (s && !parse_number(s, len, &out->number[r])) {
            size_t id_len;
            const char *id = ids_at(&v->b->id, (uint32_t)r, &id_len);
            return fail(err, HABIT_EFORMAT, "%s: %s of '%.*s' is '%.40s', not a number", v->b->name,
                        out->name, (int)id_len, id, s);
        }
    }
    return HABIT_OK;
}

// Texts stay where they are: offsets become pointers into the bytes that the table takes over.
static habit_status fill_text(side_column *out, const column_view *v, habit_error *err)
{
    const size_t n = v->b->id.count;
    if (!(out->text = NEW(char *, n))) return fail_memory(err, "table", n * sizeof(char *));
    for (size_t r = 0; r < n; r++) {
        size_t len;
        out->text[r] = (char *)cell_text(v, r, &len); // in the builder's own buffer
    }
    return HABIT_OK;
}

static bool is_known(const char *list, const char *to, const char *s, size_t len)
{
    while (list < to) {
        const char *cut = memchr(list, TABLE_LIST, (size_t)(to - list));
        const char *end = cut ? cut : to;
        if ((size_t)(end - list) == len && memcmp(list, s, len) == 0) return true;
        list = end + 1;
    }
    return false;
}

// Cuts a cell at `separator` ('[': a list in brackets, elements perhaps quoted) into elements
// between TABLE_LIST, in place: blanks, quotes, empty and repeated ones go.
static void split_tags(char *s, size_t len, char separator)
{
    char *to = s;
    const char *p = s, *end = s + len;
    if (separator == '[') p++, end--;
    const char cut = separator == '[' ? ',' : separator;
    while (p < end) {
        while (p < end && *p == ' ') p++;
        const char quote = separator == '[' && p < end && (*p == '"' || *p == '\'') ? *p++ : '\0';
        const char *from = p;
        while (p < end && *p != (quote ? quote : cut)) p++;
        size_t n = (size_t)(p - from);
        while (!quote && n && from[n - 1] == ' ') n--;
        while (p < end && *p != cut) p++;
        if (p < end) p++;
        if (!n || is_known(s, to, from, n)) continue;
        if (to > s) *to++ = TABLE_LIST;
        memmove(to, from, n);
        to += n;
    }
    *to = '\0';
}

static habit_status fill_tags(side_column *out, const column_view *v, char separator,
                              habit_error *err)
{
    TRY(fill_text(out, v, err));
    for (size_t r = 0; r < v->b->id.count; r++) {
        char *s = out->text[r];
        if (!s) continue;
        const bool list = v->c->cells[r].form != CELL_WORD;
        split_tags(s, v->c->cells[r].len, list ? TABLE_LIST : separator);
        if (!*s) out->text[r] = NULL;
    }
    return HABIT_OK;
}

static habit_status count_elements(const column_view *v, uint32_t *width, habit_error *err)
{
    *width = 0;
    for (size_t r = 0; r < v->c->cells_n; r++) {
        size_t len;
        const char *s = cell_text(v, r, &len);
        if (!s) continue;
        uint32_t n = 1;
        for (size_t i = 0; i < len; i++) n += s[i] == TABLE_LIST;
        if (*width && n != *width) {
            size_t id_len;
            const char *id = ids_at(&v->b->id, (uint32_t)r, &id_len);
            return fail(err, HABIT_EFORMAT,
                        "%s: %s of '%.*s' has %u numbers where others have %u: vectors are of one "
                        "length",
                        v->b->name, v->c->name, (int)id_len, id, n, *width);
        }
        *width = n;
    }
    return HABIT_OK;
}

static habit_status fill_vectors(side_column *out, const column_view *v, habit_error *err)
{
    TRY(count_elements(v, &out->width, err));
    const size_t n = v->b->id.count, width = out->width;
    if (width && n > SIZE_MAX / sizeof(float) / width) return fail_memory(err, "table", SIZE_MAX);
    if (!(out->vector = NEW(float, n *width))) return fail_memory(err, "table", n * width * 4);
    for (size_t r = 0; r < n; r++) {
        size_t len;
        const char *s = cell_text(v, r, &len), *end = s ? s + len : NULL;
        for (size_t k = 0; k < width; k++) {
            const char *cut = s ? memchr(s, TABLE_LIST, (size_t)(end - s)) : NULL;
            double x = NAN;
            if (s && !parse_number(s, (size_t)((cut ? cut : end) - s), &x))
                return fail(err, HABIT_EFORMAT, "%s: %s holds '%.40s', not a number", v->b->name,
                            v->c->name, s);
            out->vector[r * width + k] = (float)x;
            s = cut ? cut + 1 : NULL;
        }
    }
    return HABIT_OK;
}

static habit_status fill_column(side_column *out, const column_view *v, habit_error *err)
{
    char separator = TABLE_LIST;
    int kind = v->c->kind;
    if (kind < 0 && v->lists) // lists of whole numbers are lists of codes
        kind = v->numbers == v->filled && v->reals ? COLUMN_VECTOR : COLUMN_TAGS;
    if (kind < 0) TRY(kind_of_words(v, &kind, &separator, err));
    out->kind = kind;
    switch (kind) {
    case COLUMN_NUMBER:
        return fill_numbers(out, v, err);
    case COLUMN_VECTOR:
        return fill_vectors(out, v, err);
    case COLUMN_TAGS:
        return fill_tags(out, v, separator, err);
    default:
        return fill_text(out, v, err);
    }
}

habit_status table_finish(table_builder *b, side_table *out, habit_error *err)
{
    side_table t = { .columns = ZNEW(side_column, b->columns_n) };
    habit_status st = HABIT_OK;
    if (!t.columns) st = fail_memory(err, "table", b->columns_n * sizeof *t.columns);
    for (size_t i = 0; i < b->columns_n && st == HABIT_OK; i++) {
        const column_view v = view_column(b, &b->columns[i]);
        if (!v.filled) continue; // nothing in it
        side_column *c = &t.columns[t.columns_count++];
        if ((c->name = mem_strdup(b->columns[i].name)))
            st = fill_column(c, &v, err);
        else
            st = fail_memory(err, "table", strlen(b->columns[i].name));
    }
    if (st != HABIT_OK) {
        side_table_free(&t);
        return st;
    }
    t.id = b->id;
    t.bytes = b->bytes.data;
    b->id = (ids){ 0 };
    b->bytes = (buffer){ 0 };
    *out = t;
    return HABIT_OK;
}
