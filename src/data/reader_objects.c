// reader_objects.c - JSON lines.
#include "data/objects.h"
#include "data/reader_impl.h"

#include <string.h>

// The columns of one object as text.  Numbers live in `number`, strings in the object.
typedef struct object_row {
    field f[FIELDS_MAX];
    char number[FIELDS_MAX][OBJECT_NUMBER];
} object_row;

static void read_column(const reader *r, object_row *row, const json_t *object, int col)
{
    if (col < 0) return;
    const json_t *value = json_object_get(object, r->layout.columns.name[col]);
    size_t len = 0;
    const char *s = value ? object_text(value, row->number[col], &len) : NULL;
    row->f[col] = (field){ s ? s : "", s ? (uint32_t)len : 0, 0 };
}

static void read_columns(const reader *r, object_row *row, const json_t *object)
{
    const roles *k = &r->layout.roles;
    read_column(r, row, object, k->user);
    read_column(r, row, object, k->item);
    read_column(r, row, object, k->time);
    read_column(r, row, object, k->value);
    read_column(r, row, object, k->behaviour);
    for (int i = 0; i < r->schema.extras; i++) read_column(r, row, object, r->layout.extra[i]);
}

// The texts of the row just stored, one after the other.
static size_t list_texts(const reader *r, const piece *p, slice *out[3 + READER_EXTRAS])
{
    const batch *b = &r->batch;
    const size_t at = p->at + p->n;
    size_t n = 0;
    out[n++] = &b->user[at];
    out[n++] = &b->item[at];
    if (b->behaviour) out[n++] = &b->behaviour[at];
    for (int i = 0; i < r->schema.extras; i++)
        if (b->tag[i]) out[n++] = &b->tag[i][at];
    return n;
}

// The object goes, the line stays: its texts move into the line, which has room for them, since
// JSON is never shorter than what it says - but for numbers like 1e9.
static bool move_texts(const reader *r, piece *p, const char *row, const char *end)
{
    slice *text[3 + READER_EXTRAS];
    const size_t n = list_texts(r, p, text);
    size_t need = 0;
    for (size_t i = 0; i < n; i++) need += text[i]->len;
    if (need > (size_t)(end - row)) return false;
    char *to = r->block + (row - r->block);
    for (size_t i = 0; i < n; i++) {
        if (text[i]->len) memcpy(to, text[i]->s, text[i]->len);
        text[i]->s = to;
        to += text[i]->len;
    }
    return true;
}

static bool is_interaction(const json_t *object)
{
    const char *event = json_string_value(json_object_get(object, "event"));
    return event && strcmp(event, "interaction") == 0;
}

// False if the piece should stop.
static bool take_object(const reader *r, piece *p, object_row *fields, const char *row,
                        const char *end)
{
    json_t *object;
    json_error_t bad;
    if (!object_parse(row, (size_t)(end - row), &object, &bad)) {
        const size_t at = bad.column > 0 ? (size_t)bad.column - 1 : 0;
        const size_t len = (size_t)(end - row);
        return piece_flaw(p, row, end, row + (at < len ? at : len), "no JSON object: %s", bad.text);
    }
    if (!object) return true; // an empty line
    bool go_on = true;
    if (r->layout.interactions && !is_interaction(object)) {
        p->passed++;
    } else {
        read_columns(r, fields, object);
        const int col = piece_take(r, p, fields->f);
        if (col >= 0)
            go_on = piece_refuse(r, p, row, end, row, fields->f, col);
        else if (move_texts(r, p, row, end))
            p->n++;
        else
            go_on = piece_flaw(p, row, end, row, "numbers as ids are written in full, or as text");
    }
    json_decref(object);
    return go_on;
}

void piece_parse_objects(const reader *r, piece *p)
{
    object_row fields;
    const char *end;
    uint64_t line = p->line;
    for (const char *row = p->begin; row < p->end; row = end + 1) {
        end = memchr(row, '\n', (size_t)(p->end - row));
        if (!end) end = p->end;
        p->counted = row; // here, since texts moved into lines may hold line breaks
        p->counted_line = line++;
        if (!take_object(r, p, &fields, row, end)) return;
    }
}
