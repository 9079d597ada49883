// csr.c - sparse matrices by rows: building in parallel, transposing, checking.
#include "models/csr.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void csr_free(csr *c)
{
    mem_free((void *)c->start);
    mem_free((void *)c->index);
    mem_free((void *)c->weight);
    *c = (csr){ 0 };
}

static habit_status csr_alloc(csr *out, uint64_t **start, uint32_t **index, float **weight,
                              habit_error *err)
{
    *start = NEW(uint64_t, (size_t)out->rows + 1);
    *index = NEW(uint32_t, (size_t)out->count);
    *weight = NEW(float, (size_t)out->count);
    out->start = *start;
    out->index = *index;
    out->weight = *weight;
    if (*start && *index && *weight) return HABIT_OK;
    const size_t bytes = (size_t)out->rows * sizeof **start + (size_t)out->count * 8;
    csr_free(out);
    return fail_memory(err, "a sparse matrix", bytes);
}

habit_status csr_transpose(csr *out, const csr *a, habit_error *err)
{
    csr t = { .rows = a->columns, .columns = (uint32_t)a->rows, .count = a->count };
    uint64_t *start;
    uint32_t *index;
    float *weight;
    TRY(csr_alloc(&t, &start, &index, &weight, err));

    // start[c + 1] first counts column c, then, after the sums, is where its next entry goes.
    memset(start, 0, (size_t)(t.rows + 1) * sizeof *start);
    for (uint64_t e = 0; e < a->count; e++) start[a->index[e]]++;
    uint64_t sum = 0;
    for (uint64_t c = 0; c <= t.rows; c++) {
        const uint64_t n = start[c];
        start[c] = sum;
        sum += c < t.rows ? n : 0;
    }
    for (uint64_t r = 0; r < a->rows; r++)
        for (uint64_t e = a->start[r]; e < a->start[r + 1]; e++) {
            const uint64_t to = start[a->index[e]]++;
            index[to] = (uint32_t)r;
            weight[to] = a->weight[e];
        }
    // Each start has moved to the next row's: move them back.
    memmove(start + 1, start, (size_t)t.rows * sizeof *start);
    start[0] = 0;
    *out = t;
    return HABIT_OK;
}

// --- building ------------------------------------------------------------------------------------

// The rows of one piece of work, growing.
struct csr_rows {
    uint32_t *index;
    float *weight;
    size_t count, index_cap, weight_cap;
    bool failed;
};

static int by_index(const void *a, const void *b)
{
    const csr_entry *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static bool make_room(csr_rows *out, size_t need)
{
    void *index = out->index, *weight = out->weight;
    const bool ok =
        mem_grow(&index, &out->index_cap, need, sizeof *out->index, "", NULL) == HABIT_OK &&
        mem_grow(&weight, &out->weight_cap, need, sizeof *out->weight, "", NULL) == HABIT_OK;
    out->index = index;
    out->weight = weight;
    return ok;
}

void csr_put(csr_rows *out, csr_entry *entries, size_t n)
{
    const size_t need = out->count + n;
    if (out->failed || !make_room(out, need)) {
        out->failed = true; // said by csr_build(), once
        return;
    }
    qsort(entries, n, sizeof *entries, by_index);
    for (size_t i = 0; i < n; i++) {
        out->index[out->count + i] = entries[i].index;
        out->weight[out->count + i] = entries[i].weight;
    }
    out->count = need;
}

static bool worse(csr_entry a, csr_entry b)
{
    if (a.weight != b.weight) return a.weight < b.weight;
    return a.index > b.index;
}

// Restores the heap below `at`: each parent is worse than its children.
static void sift_down(csr_entry *heap, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && worse(heap[child + 1], heap[child])) child++;
        if (!worse(heap[child], heap[at])) return;
        const csr_entry swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

size_t csr_best(csr_entry *entries, size_t n, size_t keep)
{
    if (keep == 0 || n <= keep) return n;
    // The first `keep` entries are a heap with the worst of them on top.
    for (size_t i = keep / 2; i-- > 0;) sift_down(entries, keep, i);
    for (size_t i = keep; i < n; i++) {
        if (!worse(entries[0], entries[i])) continue;
        entries[0] = entries[i];
        sift_down(entries, keep, 0);
    }
    return keep;
}

typedef struct csr_work {
    uint64_t rows;
    size_t pieces, first; // pieces in all, and the first of this round
    csr_rows *piece;
    uint64_t *start; // start[r] is the number of entries of row r until all are made
    csr_row_fn *fn;
    void *ctx;
} csr_work;

static void make_piece(void *ctx, size_t k, int worker)
{
    csr_work *w = ctx;
    const size_t piece = w->first + k;
    csr_rows *out = &w->piece[piece];
    const size_t end = pool_cut(w->rows, w->pieces, piece + 1);
    for (size_t r = pool_cut(w->rows, w->pieces, piece); r < end; r++) {
        const size_t before = out->count;
        w->fn(w->ctx, r, worker, out);
        w->start[r] = out->count - before;
    }
}

// Puts the pieces end to end, giving each back as it is copied.
static habit_status join_pieces(csr *out, csr_work *w, habit_error *err)
{
    csr c = { .rows = out->rows, .columns = out->columns };
    for (size_t p = 0; p < w->pieces; p++) {
        if (w->piece[p].failed) return fail_memory(err, "a sparse matrix", 0);
        c.count += w->piece[p].count;
    }
    uint32_t *index = NEW(uint32_t, (size_t)c.count);
    float *weight = NEW(float, (size_t)c.count);
    if (!index || !weight) {
        mem_free(index);
        mem_free(weight);
        return fail_memory(err, "a sparse matrix", (size_t)c.count * 8);
    }
    size_t at = 0;
    for (size_t p = 0; p < w->pieces; p++) {
        csr_rows *from = &w->piece[p];
        if (from->count) {
            memcpy(index + at, from->index, from->count * sizeof *index);
            memcpy(weight + at, from->weight, from->count * sizeof *weight);
        }
        at += from->count;
        mem_free(from->index);
        mem_free(from->weight);
        *from = (csr_rows){ 0 };
    }
    uint64_t sum = 0;
    for (uint64_t r = 0; r <= c.rows; r++) {
        const uint64_t n = r < c.rows ? w->start[r] : 0;
        w->start[r] = sum;
        sum += n;
    }
    c.start = w->start;
    c.index = index;
    c.weight = weight;
    w->start = NULL;
    *out = c;
    return HABIT_OK;
}

habit_status csr_build(csr *out, uint64_t rows, uint32_t columns, csr_row_fn *fn, void *ctx,
                       const char *what, const run *r, habit_error *err)
{
    enum { PIECES = 256, ROUND = 16 }; // progress is shown after each round of pieces
    csr_work w = { .rows = rows, .fn = fn, .ctx = ctx };
    w.pieces = rows < PIECES ? (size_t)rows : PIECES;
    w.piece = ZNEW(csr_rows, w.pieces);
    w.start = NEW(uint64_t, (size_t)rows + 1);
    csr c = { .rows = rows, .columns = columns };
    habit_status st = HABIT_OK;
    if (!w.piece || !w.start) st = fail_memory(err, what, (size_t)rows * sizeof *w.start);

    for (; st == HABIT_OK && w.first < w.pieces; w.first += ROUND) {
        const size_t left = w.pieces - w.first;
        st = run_progress(r, what, pool_cut(rows, w.pieces, w.first), rows, err);
        if (st == HABIT_OK) pool_run(run_pool(r), left < ROUND ? left : ROUND, make_piece, &w);
    }
    if (st == HABIT_OK) st = run_progress(r, what, rows, rows, err);
    if (st == HABIT_OK) st = join_pieces(&c, &w, err);
    for (size_t p = 0; w.piece && p < w.pieces; p++) {
        mem_free(w.piece[p].index);
        mem_free(w.piece[p].weight);
    }
    mem_free(w.piece);
    mem_free(w.start);
    if (st == HABIT_OK) *out = c;
    return st;
}

// --- as part of a model --------------------------------------------------------------------------

size_t csr_fields(csr *c, const char *const name[CSR_FIELDS], model_field *out)
{
    out[0] = (model_field){ .name = name[0],
                            .type = TENSOR_U64,
                            .dims = 1,
                            .shape = { c->rows + 1 },
                            .data = (const void **)&c->start,
                            .shape_out = { &c->loaded[0] } };
    out[1] = (model_field){ .name = name[1],
                            .type = TENSOR_U32,
                            .dims = 1,
                            .shape = { c->count },
                            .data = (const void **)&c->index,
                            .shape_out = { &c->loaded[1] } };
    out[2] = (model_field){ .name = name[2],
                            .type = TENSOR_F32,
                            .dims = 1,
                            .shape = { c->count },
                            .data = (const void **)&c->weight,
                            .shape_out = { &c->loaded[2] } };
    return CSR_FIELDS;
}

habit_status csr_ready(csr *c, uint64_t rows, uint32_t columns, const char *what, habit_error *err)
{
    if (c->loaded[0] != rows + 1 || c->loaded[1] != c->loaded[2])
        return fail(
            err, HABIT_EFORMAT,
            "%s: %llu starts for %llu rows, %llu indices, %llu weights: the file is damaged", what,
            (unsigned long long)c->loaded[0], (unsigned long long)rows,
            (unsigned long long)c->loaded[1], (unsigned long long)c->loaded[2]);
    bool good = c->start[0] == 0 && c->start[rows] == c->loaded[1];
    for (uint64_t r = 0; good && r < rows; r++)
        good = c->start[r] <= c->start[r + 1] && c->start[r + 1] <= c->loaded[1];
    for (uint64_t e = 0; good && e < c->loaded[1]; e++) good = c->index[e] < columns;
    if (!good)
        return fail(err, HABIT_EFORMAT, "%s: an index is out of range: the file is damaged", what);
    c->rows = rows;
    c->columns = columns;
    c->count = c->loaded[1];
    return HABIT_OK;
}
