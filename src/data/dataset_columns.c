// dataset_columns.c - names and extra columns into a dataset file, whole or chosen row by row.
//
// Which rows go, and in which order, is a row_source: asked in blocks, from the start as often as
// needed (a ragged column is measured before it is written), so that no list of rows need exist.
#include "data/dataset_format.h"

#include <string.h>

enum { BLOCK_ROWS = 4096 };

habit_status dataset_put_names(dataset_writer *w, const char *name, const names *n,
                               habit_error *err)
{
    static const uint64_t nothing = 0;
    char full[2 * DATASET_NAME];
    const uint64_t *start = n->count ? n->start : &nothing;
    snprintf(full, sizeof full, "%.120s.start", name);
    TRY(dataset_put_all(w, full, SECTION_U64, start, (uint64_t)n->count + 1, err));
    snprintf(full, sizeof full, "%.120s.bytes", name);
    return dataset_put_all(w, full, SECTION_U8, n->bytes, start[n->count], err);
}

// Rows of fixed width.
static habit_status put_rows(dataset_writer *w, const char *name, section_type type,
                             const void *elements, size_t width, const row_source *rows,
                             habit_error *err)
{
    int to;
    uint64_t row[BLOCK_ROWS];
    const size_t bytes = width * section_size(type);
    TRY(dataset_section(w, name, type, rows->count * width, &to, err));
    rows->rewind(rows->ctx);
    for (size_t n; (n = rows->next(rows->ctx, row, BLOCK_ROWS)) > 0;)
        for (size_t k = 0; k < n; k++)
            TRY(dataset_put(w, to, (const char *)elements + row[k] * bytes, width, err));
    return HABIT_OK;
}

// Rows of varying width.
typedef struct ragged {
    const uint64_t *start;
    const void *elements;
    section_type type;
} ragged;

static uint64_t ragged_total(const ragged *r, const row_source *rows)
{
    uint64_t row[BLOCK_ROWS], total = 0;
    rows->rewind(rows->ctx);
    for (size_t n; (n = rows->next(rows->ctx, row, BLOCK_ROWS)) > 0;)
        for (size_t k = 0; k < n; k++) total += r->start[row[k] + 1] - r->start[row[k]];
    return total;
}

// A section of starts, counting from 0, then one of the elements.
static habit_status put_ragged(dataset_writer *w, const char *start_name, const char *name,
                               const ragged *r, const row_source *rows, habit_error *err)
{
    int starts, to;
    uint64_t row[BLOCK_ROWS], at = 0;
    const size_t size = section_size(r->type);
    TRY(dataset_section(w, start_name, SECTION_U64, rows->count + 1, &starts, err));
    TRY(dataset_section(w, name, r->type, ragged_total(r, rows), &to, err));
    TRY(dataset_put(w, starts, &at, 1, err));
    rows->rewind(rows->ctx);
    for (size_t n; (n = rows->next(rows->ctx, row, BLOCK_ROWS)) > 0;)
        for (size_t k = 0; k < n; k++) {
            const uint64_t from = r->start[row[k]], len = r->start[row[k] + 1] - from;
            at += len;
            TRY(dataset_put(w, starts, &at, 1, err));
            TRY(dataset_put(w, to, (const char *)r->elements + from * size, len, err));
        }
    return HABIT_OK;
}

habit_status dataset_put_names_rows(dataset_writer *w, const char *name, const names *all,
                                    const row_source *rows, habit_error *err)
{
    char start[2 * DATASET_NAME], bytes[2 * DATASET_NAME];
    const ragged r = { all->start, all->bytes, SECTION_U8 };
    snprintf(start, sizeof start, "%.120s.start", name);
    snprintf(bytes, sizeof bytes, "%.120s.bytes", name);
    return put_ragged(w, start, bytes, &r, rows, err);
}

habit_status dataset_put_column_rows(dataset_writer *w, const column *c, const row_source *rows,
                                     habit_error *err)
{
    static const char *const owner[] = { "event:", "user:", "item:" };
    char base[2 * DATASET_NAME], a[2 * DATASET_NAME + 16], b[2 * DATASET_NAME + 16];
    if (strlen(c->name) + 20 >= DATASET_NAME) // "event:" and ".name.start" with room to spare
        return fail(err, HABIT_ELIMIT, "column name '%.100s' is longer than %d bytes: rename it",
                    c->name, DATASET_NAME - 21);
    snprintf(base, sizeof base, "%s%s", owner[c->of], c->name);

    switch (c->kind) {
    case COLUMN_NUMBER:
        snprintf(a, sizeof a, "%s.number", base);
        return put_rows(w, a, SECTION_F64, c->number, 1, rows, err);
    case COLUMN_VECTOR:
        snprintf(a, sizeof a, "%s.vector", base);
        return put_rows(w, a, SECTION_F32, c->vector, c->width, rows, err);
    case COLUMN_TEXT:
        snprintf(a, sizeof a, "%s.text", base);
        return dataset_put_names_rows(w, a, &c->names, rows, err);
    case COLUMN_TAG:
        snprintf(a, sizeof a, "%s.tag", base);
        TRY(put_rows(w, a, SECTION_U32, c->tag, 1, rows, err));
        break;
    case COLUMN_TAGS:
        snprintf(a, sizeof a, "%s.list", base);
        snprintf(b, sizeof b, "%s.tag", base);
        TRY(put_ragged(w, a, b, &(ragged){ c->list, c->tag, SECTION_U32 }, rows, err));
        break;
    }
    snprintf(a, sizeof a, "%s.name", base);
    return dataset_put_names(w, a, &c->names, err);
}

// --- rows from a list ----------------------------------------------------------------------------

typedef struct listed {
    const uint64_t *row; // NULL: all rows in order
    uint64_t count, at;
} listed;

static void listed_rewind(void *ctx)
{
    ((listed *)ctx)->at = 0;
}

static size_t listed_next(void *ctx, uint64_t *rows, size_t max)
{
    listed *l = ctx;
    size_t n = 0;
    for (; n < max && l->at < l->count; n++, l->at++) rows[n] = l->row ? l->row[l->at] : l->at;
    return n;
}

habit_status dataset_put_column(dataset_writer *w, const column *c, const uint64_t *keep,
                                uint64_t keep_count, habit_error *err)
{
    listed l = { .row = keep, .count = keep ? keep_count : c->rows };
    const row_source rows = {
        .ctx = &l, .count = l.count, .rewind = listed_rewind, .next = listed_next
    };
    return dataset_put_column_rows(w, c, &rows, err);
}
