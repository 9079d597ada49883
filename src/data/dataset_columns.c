// dataset_columns.c - names and extra columns into a dataset file, whole or chosen row by row.
//
// Which rows go, and in which order, is a row_source: asked in blocks, from the start as often as
// needed (a ragged column is measured before it is written), so that no list of rows need exist.
// Of a tag column's names only those go that a row still has.
#include "base/memory.h"
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

// Starts, counting from 0.
static habit_status put_starts(dataset_writer *w, const char *name, const uint64_t *start,
                               const row_source *rows, habit_error *err)
{
    int to;
    uint64_t row[BLOCK_ROWS], at = 0;
    TRY(dataset_section(w, name, SECTION_U64, rows->count + 1, &to, err));
    TRY(dataset_put(w, to, &at, 1, err));
    rows->rewind(rows->ctx);
    for (size_t n; (n = rows->next(rows->ctx, row, BLOCK_ROWS)) > 0;)
        for (size_t k = 0; k < n; k++) {
            at += start[row[k] + 1] - start[row[k]];
            TRY(dataset_put(w, to, &at, 1, err));
        }
    return HABIT_OK;
}

static habit_status put_ragged(dataset_writer *w, const char *name, const ragged *r,
                               const row_source *rows, habit_error *err)
{
    int to;
    uint64_t row[BLOCK_ROWS];
    const size_t size = section_size(r->type);
    TRY(dataset_section(w, name, r->type, ragged_total(r, rows), &to, err));
    rows->rewind(rows->ctx);
    for (size_t n; (n = rows->next(rows->ctx, row, BLOCK_ROWS)) > 0;)
        for (size_t k = 0; k < n; k++) {
            const uint64_t from = r->start[row[k]], len = r->start[row[k] + 1] - from;
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
    TRY(put_starts(w, start, all->start, rows, err));
    return put_ragged(w, bytes, &r, rows, err);
}

// --- tags ----------------------------------------------------------------------------------------

// The names that the rows have, in their order; at most `count` of them.
typedef struct used_names {
    uint32_t *to; // [count] new number of each name, TAG_NONE if no row has it
    uint32_t count, used;
    uint32_t at; // of a walk over the names that are used
} used_names;

static void used_rewind(void *ctx)
{
    ((used_names *)ctx)->at = 0;
}

static size_t used_next(void *ctx, uint64_t *rows, size_t max)
{
    used_names *u = ctx;
    size_t n = 0;
    for (; n < max && u->at < u->count; u->at++)
        if (u->to[u->at] != TAG_NONE) rows[n++] = u->at;
    return n;
}

// Tags of a row: [*from, *to).
static void tags_of(const column *c, uint64_t row, uint64_t *from, uint64_t *to)
{
    *from = c->kind == COLUMN_TAGS ? c->list[row] : row;
    *to = c->kind == COLUMN_TAGS ? c->list[row + 1] : row + 1;
}

// Marks the names in use and numbers them; returns how many tags there are in all.
static uint64_t number_names(used_names *u, const column *c, const row_source *rows)
{
    uint64_t row[BLOCK_ROWS], from, to, total = 0;
    for (uint32_t k = 0; k < u->count; k++) u->to[k] = TAG_NONE;
    rows->rewind(rows->ctx);
    for (size_t n; (n = rows->next(rows->ctx, row, BLOCK_ROWS)) > 0;)
        for (size_t k = 0; k < n; k++) {
            tags_of(c, row[k], &from, &to);
            total += to - from;
            for (; from < to; from++)
                if (c->tag[from] < u->count) u->to[c->tag[from]] = 0; // not TAG_NONE
        }
    for (uint32_t k = 0; k < u->count; k++)
        if (u->to[k] != TAG_NONE) u->to[k] = u->used++;
    return total;
}

static habit_status put_numbers(dataset_writer *w, const char *name, const column *c,
                                const row_source *rows, used_names *u, habit_error *err)
{
    int section;
    uint64_t row[BLOCK_ROWS], from, to;
    TRY(dataset_section(w, name, SECTION_U32, number_names(u, c, rows), &section, err));
    rows->rewind(rows->ctx);
    for (size_t n; (n = rows->next(rows->ctx, row, BLOCK_ROWS)) > 0;)
        for (size_t k = 0; k < n; k++)
            for (tags_of(c, row[k], &from, &to); from < to; from++) {
                const uint32_t old = c->tag[from], tag = old < u->count ? u->to[old] : old;
                TRY(dataset_put(w, section, &tag, 1, err));
            }
    return HABIT_OK;
}

// The sections of a tag column: lists, if it has them, tags and names.
static habit_status put_tags(dataset_writer *w, const char *base, const column *c,
                             const row_source *rows, habit_error *err)
{
    char name[2 * DATASET_NAME + 16];
    if (c->kind == COLUMN_TAGS) {
        snprintf(name, sizeof name, "%s.list", base);
        TRY(put_starts(w, name, c->list, rows, err));
    }
    used_names u = { .to = NEW(uint32_t, c->names.count), .count = c->names.count };
    if (!u.to) return fail_memory(err, "names of tags", c->names.count * sizeof *u.to);
    snprintf(name, sizeof name, "%s.tag", base);
    habit_status st = put_numbers(w, name, c, rows, &u, err);
    if (st == HABIT_OK) {
        snprintf(name, sizeof name, "%s.name", base);
        const row_source in_use = {
            .ctx = &u, .count = u.used, .rewind = used_rewind, .next = used_next
        };
        st = dataset_put_names_rows(w, name, &c->names, &in_use, err);
    }
    mem_free(u.to);
    return st;
}

// --- columns -------------------------------------------------------------------------------------

habit_status dataset_put_column_rows(dataset_writer *w, const column *c, const row_source *rows,
                                     habit_error *err)
{
    static const char *const owner[] = { "event:", "user:", "item:" };
    char base[2 * DATASET_NAME], a[2 * DATASET_NAME + 16];
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
    case COLUMN_TAGS:
        break;
    }
    return put_tags(w, base, c, rows, err);
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
