// table.c - item and user tables.
#include "data/table.h"
#include "base/memory.h"
#include "data/source.h"

#include <string.h>

void side_table_free(side_table *t)
{
    for (size_t i = 0; i < t->columns_count; i++) {
        mem_free(t->columns[i].name);
        mem_free(t->columns[i].number);
        mem_free(t->columns[i].text);
        mem_free(t->columns[i].vector);
    }
    mem_free(t->columns);
    mem_free(t->bytes);
    ids_free(&t->id);
    *t = (side_table){ 0 };
}

// --- the text ----------------------------------------------------------------------------------------

static habit_status read_all(buffer *out, source *s, habit_error *err)
{
    enum { PART = 1 << 20 };
    for (;;) {
        void *data = out->data;
        TRY(mem_grow(&data, &out->cap, out->len + PART + 1, 1, "table", err));
        out->data = data;
        size_t got;
        TRY(source_read(s, out->data + out->len, PART, &got, err));
        out->len += got;
        out->data[out->len] = '\0';
        if (got < PART) return HABIT_OK;
    }
}

// Bytes of the UTF-8 sequence at p, or 0 if it is none.
static size_t utf8_length(const unsigned char *p, const unsigned char *end)
{
    const size_t n = p[0] < 0x80                   ? 1
                     : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
                     : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
                     : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                                   : 0;
    if (!n || (size_t)(end - p) < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return n;
}

static bool is_utf8(const buffer *b)
{
    const unsigned char *p = (const unsigned char *)b->data, *end = p + b->len;
    while (p < end) {
        const size_t n = utf8_length(p, end);
        if (!n) return false;
        p += n;
    }
    return true;
}

// Old files, ml-100k and ml-1m among them, are Latin-1: every byte is its code point.
static habit_status from_latin1(buffer *b, habit_error *err)
{
    buffer out = { 0 };
    for (size_t i = 0; i < b->len; i++) {
        const unsigned char c = (unsigned char)b->data[i];
        const char two[] = { (char)(0xC0 | c >> 6), (char)(0x80 | (c & 0x3F)) };
        buffer_add(&out, c < 0x80 ? &b->data[i] : two, c < 0x80 ? 1 : 2);
    }
    buffer_free(b);
    *b = out;
    return buffer_check(b, err);
}

static habit_status read_text(buffer *out, source *s, const run *job, habit_error *err)
{
    TRY(read_all(out, s, err));
    if (!is_utf8(out)) {
        run_log(job, LOG_NOTE, "%s: not UTF-8: read as Latin-1", s->name);
        TRY(from_latin1(out, err));
    }
    return HABIT_OK;
}

// --- reading -----------------------------------------------------------------------------------------

int table_id_column(const column_names *header, bool of_items, const import_options *options)
{
    roles r = ROLES_NONE;
    if (options->columns && roles_override(&r, header, options, "", NULL) == HABIT_OK) {
        const int given = of_items ? r.item : r.user;
        if (given >= 0 && !roles_by_position(header, options)) return given;
    }
    const int k = of_items ? column_of_item(header) : column_of_user(header);
    return k >= 0 ? k : column_names_find(header, "id");
}

static habit_status build(table_builder *b, const table_text *t, const import_options *options,
                          habit_error *err)
{
    const char *p = t->bytes + strspn(t->bytes, " \t\r\n");
    if (!*p) return fail(err, HABIT_EFORMAT, "%s: empty", t->name);
    const sample head = { t->name, t->bytes, t->len, true };
    TRY(sniff_magic(&head, err));
    if (*p == '{' || *p == '[') return table_read_json(b, t, options, err);
    return table_read_lines(b, t, options, err);
}

static const char *kind_name(int kind)
{
    static const char *const words[] = { "number", "tag", "tags", "text", "vector" };
    return words[kind];
}

static void describe(const side_table *t, const table_builder *b, const char *name, const run *job)
{
    buffer text = { 0 };
    for (size_t i = 0; i < t->columns_count; i++)
        buffer_format(&text, "%s%s (%s)", i ? ", " : "", t->columns[i].name,
                      kind_name(t->columns[i].kind));
    run_log(job, LOG_NOTE, "%s: %u rows: %s", name, t->id.count,
            text.len ? text.data : "no columns");
    if (b->repeated)
        run_log(job, LOG_WARN, "%s: %llu ids again: the first row of each counts", name,
                (unsigned long long)b->repeated);
    if (b->bad)
        run_log(job, LOG_WARN, "%s: %llu bad rows left out", name, (unsigned long long)b->bad);
    buffer_free(&text);
}

habit_status side_table_from(side_table *out, source *s, bool of_items,
                             const import_options *options, const run *job, habit_error *err)
{
    buffer text = { 0 };
    side_table t = { 0 };
    table_builder b = { .name = s->name, .tolerance = options->skip_bad_rows };
    habit_status st = read_text(&text, s, job, err);
    if (st == HABIT_OK) {
        size_t skip = text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        const table_text whole = {
            .name = s->name, .bytes = text.data + skip, .len = text.len - skip, .of_items = of_items
        };
        st = build(&b, &whole, options, err);
    }
    buffer_free(&text);
    if (st == HABIT_OK) st = table_finish(&b, &t, err);
    if (st == HABIT_OK) {
        describe(&t, &b, s->name, job);
        *out = t;
    }
    table_builder_free(&b);
    source_close(s);
    return st;
}

habit_status side_table_read(side_table *out, const char *path, bool of_items,
                             const import_options *options, const run *job, habit_error *err)
{
    source *s = NULL;
    TRY(source_open(&s, path, err));
    return side_table_from(out, s, of_items, options, job, err);
}
