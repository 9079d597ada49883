// ranking.c - scores made in tiles and counted at once.
#include "eval/ranking.h"

#include "base/clock.h"
#include "base/memory.h"
#include "eval/askers.h"
#include "index/selection.h"
#include "index/topk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 96,              // users of one piece: a multiple of every kernel's rows
    SCAN = SELECTION_SCAN,  // scores of a row looked at together, at most
    DIRECT_BYTES = 1 << 20, // scores a direct model writes at a time, if a row is not longer
    ROUND = 512             // pieces between two signs of progress
};

// What one thread works with.
typedef struct worker {
    asker asker;
    float *vectors;     // [rows][dim] of a dot-product model
    float *sweep;       // catalogue_scratch()
    float *scores;      // [rows][model items] of a direct model
    float *row;         // [items] of a direct model with a map
    uint32_t *where;    // [SCAN]
    size_t *masked;     // [rows] place in each exclusion list
    selection *best;    // [rows]
    uint64_t *best_key; // [rows][selection_room(list)]
    size_t *below;      // [targets of a block] candidates with s_i < s_t, masked ones included
    size_t *equal;      // [targets of a block]
    uint64_t *order;    // [targets of a block]
    uint32_t *negative; // [candidates]
    float *negative_score;
    arena mem;     // of all the above
    arena scratch; // of the model
    double encode; // seconds spent in it
    size_t first;  // first question of the present block
} worker;

typedef struct job {
    ranking *out;
    const questions *q;
    const contestant *c;
    const ranking_plan *plan;
    const rank_kernel *kernel;
    catalogue *catalogue; // of a dot-product model
    uint32_t *map;        // model's number of each item, or NULL for the identity
    worker *workers;
    size_t rows;    // users of a block
    size_t targets; // most targets of a block
    size_t events;  // most history events of a block
    size_t from;    // first piece of the present round
} job;

// --- positions -----------------------------------------------------------------------------------

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void ranking_positions(uint32_t *position, const uint32_t *rivals, size_t known, uint64_t *order)
{
    if (known == 1) {
        position[0] = 1 + rivals[0];
        return;
    }
    for (size_t j = 0; j < known; j++) order[j] = (uint64_t)rivals[j] << 32 | j;
    qsort(order, known, sizeof *order, compare_u64);
    for (size_t k = 0; k < known; k++) {
        const size_t j = (size_t)(order[k] & UINT32_MAX);
        position[j] = (uint32_t)(1 + rivals[j] + k);
    }
}

// A score that can be compared; the others stand behind everything.
static bool comparable(float s)
{
    return s > -INFINITY; // false for NaN
}

// From counts over `among` candidates, masked ones included, to the ranks of question k.
// `self`: the targets themselves are among them.
static void finish_question(const job *j, worker *w, size_t k, size_t among, size_t against,
                            bool self)
{
    ranking *out = j->out;
    const size_t begin = (size_t)j->q->target_begin[k], known = questions_known(j->q, k);
    const size_t base = (size_t)j->q->target_begin[w->first];
    const float *s = out->score + begin;

    for (size_t t = 0; t < known; t++) {
        size_t rivals = against, ties = 0;
        if (comparable(s[t])) {
            size_t same = 0, not_below = 0;
            for (size_t u = 0; u < known && self; u++) {
                not_below += !(s[u] < s[t]);
                same += s[u] == s[t];
            }
            rivals = among - w->below[begin - base + t] - not_below;
            ties = w->equal[begin - base + t] - same;
        }
        out->rivals[begin + t] = (uint32_t)rivals;
        out->tied[begin + t] = ties > 0;
    }
    ranking_positions(out->position + begin, out->rivals + begin, known, w->order);
    for (size_t t = begin + known; t < j->q->target_begin[k + 1]; t++) {
        out->position[t] = 0;
        out->rivals[t] = (uint32_t)against;
        out->tied[t] = 0;
    }
    out->against[k] = (uint32_t)against;
}

// --- consuming scores ------------------------------------------------------------------------------

typedef struct sweep {
    const job *job;
    worker *w;
} sweep;

static void count_targets(const job *j, worker *w, size_t k, const float *scores, size_t n)
{
    const size_t begin = (size_t)j->q->target_begin[k], known = questions_known(j->q, k);
    const size_t base = (size_t)j->q->target_begin[w->first];
    for (size_t t = 0; t < known; t++)
        if (comparable(j->out->score[begin + t]))
            j->kernel->count(scores, n, j->out->score[begin + t], &w->below[begin - base + t],
                             &w->equal[begin - base + t]);
}

// A run of scores of one user: seen items leave, targets are counted, the best are kept.
static void consume(void *ctx, size_t row, uint32_t first, float *scores, size_t n)
{
    const sweep *s = ctx;
    const questions *q = s->job->q;
    worker *w = s->w;
    const size_t k = w->first + row;
    topk_mask(scores, first, n, q->excluded + q->excluded_begin[k],
              (size_t)(q->excluded_begin[k + 1] - q->excluded_begin[k]), &w->masked[row]);
    count_targets(s->job, w, k, scores, n);
    if (s->job->plan->list)
        selection_scan(&w->best[row], s->job->kernel, first, scores, n, w->where);
}

// --- one block of users ------------------------------------------------------------------------------

static void begin_block(const job *j, worker *w, size_t first, size_t n)
{
    const size_t list = j->plan->list;
    const size_t targets = (size_t)(j->q->target_begin[first + n] - j->q->target_begin[first]);
    w->first = first;
    memset(w->masked, 0, n * sizeof *w->masked);
    memset(w->below, 0, targets * sizeof *w->below);
    memset(w->equal, 0, targets * sizeof *w->equal);
    for (size_t r = 0; r < n && list; r++)
        w->best[r] = selection_begin(w->best_key + r * selection_room(list), list);
}

static void end_block(const job *j, worker *w, size_t n)
{
    const questions *q = j->q;
    for (size_t r = 0; r < n; r++) {
        const size_t k = w->first + r;
        const size_t excluded = (size_t)(q->excluded_begin[k + 1] - q->excluded_begin[k]);
        if (!q->options.candidates)
            finish_question(j, w, k, q->items, q->items - excluded - questions_known(q, k), true);
        if (!j->plan->list) continue;
        uint32_t *item = j->out->listed + k * j->plan->list;
        const size_t kept = selection_finish(&w->best[r], item);
        for (size_t i = kept; i < j->plan->list; i++) item[i] = ITEM_NONE;
    }
}

// The sampled protocol: s[] of n negatives of question k instead of all candidates.
static void count_sample(const job *j, worker *w, size_t k, const float *s, size_t n)
{
    count_targets(j, w, k, s, n);
    finish_question(j, w, k, n, n, false);
}

// Scores of targets and probes from vectors: dots, NaN where there is no item.
static void dots_or_none(const job *j, const float *vector, const uint32_t *item, size_t n,
                         float *scores)
{
    size_t t = 0;
    while (t < n) {
        size_t end = t;
        while (end < n && item[end] != ITEM_NONE) end++;
        catalogue_dots(j->catalogue, vector, item + t, end - t, scores + t);
        for (t = end; t < n && item[t] == ITEM_NONE; t++) scores[t] = NAN;
    }
}

static void dot_block(const job *j, worker *w, size_t first, size_t n)
{
    const questions *q = j->q;
    const model *m = j->c->model;
    const size_t dim = (size_t)m->dim;
    const double start = clock_wall();
    m->class->encode(m, w->asker.query, n, w->vectors, &w->scratch);
    w->encode += clock_wall() - start;
    for (size_t r = 0; r < n; r++) {
        const size_t k = first + r, begin = (size_t)q->target_begin[k];
        const size_t targets = (size_t)q->target_begin[k + 1] - begin;
        const float *vector = w->vectors + r * dim;
        dots_or_none(j, vector, q->target + begin, targets, j->out->score + begin);
        dots_or_none(j, vector, q->probe + begin, targets, j->out->probe_score + begin);
        if (!q->options.candidates || j->plan->scores) continue;
        const size_t negatives = questions_negatives(q, k, w->negative);
        catalogue_dots(j->catalogue, vector, w->negative, negatives, w->negative_score);
        count_sample(j, w, k, w->negative_score, negatives);
    }
    if (!q->options.candidates && !j->plan->scores)
        catalogue_sweep(j->catalogue, w->vectors, n, w->sweep, consume, &(sweep){ j, w });
}

static void pick(const float *row, const uint32_t *item, size_t n, float *scores)
{
    for (size_t t = 0; t < n; t++) scores[t] = item[t] == ITEM_NONE ? NAN : row[item[t]];
}

static void direct_row(const job *j, worker *w, size_t r, float *row)
{
    const questions *q = j->q;
    const size_t k = w->first + r, begin = (size_t)q->target_begin[k];
    const size_t targets = (size_t)q->target_begin[k + 1] - begin;
    pick(row, q->target + begin, targets, j->out->score + begin);
    pick(row, q->probe + begin, targets, j->out->probe_score + begin);
    if (j->plan->scores) return;
    if (q->options.candidates) {
        const size_t negatives = questions_negatives(q, k, w->negative);
        pick(row, w->negative, negatives, w->negative_score);
        count_sample(j, w, k, w->negative_score, negatives);
        return;
    }
    for (uint32_t first = 0; first < q->items; first += SCAN) {
        const size_t some = q->items - first < SCAN ? q->items - first : SCAN;
        consume(&(sweep){ j, w }, r, first, row + first, some);
    }
}

static void direct_block(const job *j, worker *w, size_t n)
{
    const model *m = j->c->model;
    const double start = clock_wall();
    m->class->score(m, w->asker.query, n, w->scores, &w->scratch);
    w->encode += clock_wall() - start;
    for (size_t r = 0; r < n; r++) {
        float *row = w->scores + r * m->items;
        if (j->map) {
            for (uint32_t i = 0; i < j->q->items; i++)
                w->row[i] = j->map[i] == ITEM_NONE ? -INFINITY : row[j->map[i]];
            row = w->row;
        }
        direct_row(j, w, r, row);
    }
}

static void rank_piece(void *ctx, size_t piece, int number)
{
    const job *j = ctx;
    worker *w = &j->workers[number];
    const size_t first = (j->from + piece) * j->rows;
    const size_t n = j->q->count - first < j->rows ? j->q->count - first : j->rows;
    asker_fill(&w->asker, j->q, j->c, first, n);
    begin_block(j, w, first, n);
    arena_rewind(&w->scratch, 0);
    if (j->catalogue)
        dot_block(j, w, first, n);
    else
        direct_block(j, w, n);
    if (!j->plan->scores) end_block(j, w, n);
}

// --- memory --------------------------------------------------------------------------------------

static void worker_place(worker *w, const job *j, arena *mem)
{
    const model *m = j->c->model;
    const size_t rows = j->rows, list = j->plan->list;
    asker_place(&w->asker, j->q, rows, j->events, mem);
    if (j->catalogue) {
        w->vectors = arena_floats(mem, rows * (size_t)m->dim);
        w->sweep = arena_floats(mem, catalogue_scratch(j->catalogue, rows));
    } else {
        w->scores = arena_floats(mem, rows * m->items);
        w->row = arena_floats(mem, j->map ? j->q->items : 0);
    }
    w->where = arena_new(mem, uint32_t, SCAN);
    w->masked = arena_new(mem, size_t, rows);
    w->best = arena_new(mem, selection, rows);
    w->best_key = arena_new(mem, uint64_t, list ? rows * selection_room(list) : 0);
    w->below = arena_new(mem, size_t, j->targets);
    w->equal = arena_new(mem, size_t, j->targets);
    w->order = arena_new(mem, uint64_t, j->targets);
    w->negative = arena_new(mem, uint32_t, j->q->options.candidates);
    w->negative_score = arena_floats(mem, j->q->options.candidates);
}

static habit_status workers_make(job *j, const run *rn, habit_error *err)
{
    const model *m = j->c->model;
    const size_t threads = (size_t)run_threads(rn);
    const size_t scratch = m->class->scratch ? m->class->scratch(m, j->rows) : 0;
    j->workers = ZNEW(worker, threads);
    if (!j->workers) return fail_memory(err, "ranking", threads * sizeof *j->workers);
    for (size_t i = 0; i < threads; i++) {
        worker *w = &j->workers[i];
        arena plan = { 0 };
        worker_place(w, j, &plan);
        TRY(arena_init(&w->mem, &plan, err));
        worker_place(w, j, &w->mem);
        TRY(arena_init_bytes(&w->scratch, scratch, err));
    }
    return HABIT_OK;
}

static void workers_free(job *j, const run *rn)
{
    for (int i = 0; j->workers && i < run_threads(rn); i++) {
        arena_free(&j->workers[i].mem);
        arena_free(&j->workers[i].scratch);
    }
    mem_free(j->workers);
}

static habit_status ranking_place(ranking *r, const questions *q, const ranking_plan *plan,
                                  habit_error *err)
{
    const size_t targets = questions_targets(q), list = plan->scores ? 0 : plan->list;
    *r = (ranking){ .of = q, .list = (uint32_t)list };
    r->score = NEW(float, targets);
    r->probe_score = NEW(float, targets);
    bool ok = r->score && r->probe_score;
    if (!plan->scores) {
        r->position = NEW(uint32_t, targets);
        r->rivals = NEW(uint32_t, targets);
        r->tied = NEW(uint8_t, targets);
        r->against = NEW(uint32_t, q->count);
        ok = ok && r->position && r->rivals && r->tied && r->against;
    }
    if (list) r->listed = NEW(uint32_t, q->count * list);
    if (ok && (!list || r->listed)) return HABIT_OK;
    return fail_memory(err, "ranks", targets * 17 + q->count * (list + 1) * 4);
}

void ranking_free(ranking *r)
{
    mem_free(r->position);
    mem_free(r->rivals);
    mem_free(r->tied);
    mem_free(r->against);
    mem_free(r->score);
    mem_free(r->probe_score);
    mem_free(r->listed);
    *r = (ranking){ 0 };
}

// --- the whole -----------------------------------------------------------------------------------

static habit_status job_prepare(job *j, const run *rn, habit_error *err)
{
    const model *m = j->c->model;
    const questions *q = j->q;
    if (j->c->item_of || m->items < q->items) {
        j->map = NEW(uint32_t, q->items);
        if (!j->map) return fail_memory(err, "item numbers", q->items * sizeof *j->map);
        for (uint32_t i = 0; i < q->items; i++) j->map[i] = contestant_item(j->c, i);
    }
    j->kernel = rank_pick();
    j->rows = ROWS;
    if (m->class->encode) {
        const catalogue_items from = { m->item_vector, m->item_bias, j->map, q->items, m->dim };
        TRY(catalogue_new(&j->catalogue, &from, run_pool(rn), err));
    } else {
        const size_t fit = DIRECT_BYTES / sizeof(float) / (m->items ? m->items : 1);
        j->rows = fit < 1 ? 1 : fit < ROWS ? fit : ROWS;
    }
    j->events = askers_events(q, j->rows);
    for (size_t k = 0; k < q->count; k += j->rows) {
        const size_t end = q->count - k < j->rows ? q->count : k + j->rows;
        const size_t targets = (size_t)(q->target_begin[end] - q->target_begin[k]);
        if (targets > j->targets) j->targets = targets;
    }
    return workers_make(j, rn, err);
}

habit_status ranking_make(ranking *out, const questions *q, const contestant *c,
                          const ranking_plan *plan, const run *rn, habit_error *err)
{
    ranking_plan checked = *plan;
    if (plan->scores || q->options.candidates) checked.list = 0;
    ranking r = { 0 };
    job j = { .out = &r, .q = q, .c = c, .plan = &checked };
    habit_status st = ranking_place(&r, q, &checked, err);
    if (st == HABIT_OK) st = job_prepare(&j, rn, err);
    if (st != HABIT_OK) goto out;

    const size_t pieces = (q->count + j.rows - 1) / j.rows;
    for (; j.from < pieces && st == HABIT_OK; j.from += ROUND) {
        const size_t some = pieces - j.from < ROUND ? pieces - j.from : ROUND;
        pool_run(run_pool(rn), some, rank_piece, &j);
        const size_t done = (j.from + some) * j.rows;
        st = run_progress(rn, c->name, done < q->count ? done : q->count, q->count, err);
    }
    for (int i = 0; i < run_threads(rn); i++) r.encode += j.workers[i].encode / run_threads(rn);
out:
    workers_free(&j, rn);
    catalogue_free(j.catalogue);
    mem_free(j.map);
    if (st == HABIT_OK)
        *out = r;
    else
        ranking_free(&r);
    return st;
}
