// op_sampled.c - losses over a target and some negatives.
//
// Rows that share their negatives are a group.  The vectors of a group's negatives are gathered,
// side by side, and scored against some rows at a time:
//
//     x [K][rows] = e_K h^T + bias      the loss turns scores into derivatives, in place
//     de_K += x (factor h)              dh += factor (x^T e_K)
//
// Rows with negatives of their own have products of one row, so these are dots.  The gradient of the
// table, for a seed of 1, is kept for the rows met; backward hands them to the sink.
#include "nn/op_loss.h"
#include "nn/row_set.h"
#include "nn/score_rows.h"
#include "nn/unit_rows.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    BLOCK_NUMBERS = 1 << 16, // scores at a time: 256 KiB
    OWN_NUMBERS = 1 << 13,   // of rows with negatives of their own: columns are written one by one
    EVENTS_LEAST = 48,
};

typedef struct sampled {
    loss_targets to;
    loss_negatives from;
    sampled_loss loss;
    size_t asked;       // rows with a target
    row_set met;        // rows of the table; their numbers there are called slots
    int32_t *answer;    // [N] slots of the targets
    int32_t *other;     // slots of the negatives, of the shape of item
    void *unit;         // [met][D] the rows divided by their length, for cosines; or NULL
    double *length;     // [met]
    void *de, *db, *dh; // [met][D] [met] [N][D] for a seed of 1; NULL: not trained
} sampled;

// Rows start .. end-1 of h and what they are compared with.
typedef struct group {
    size_t start, end;
    size_t count;        // K: negatives, and with in_batch the targets before them
    const int32_t *slot; // [K]
    void *e, *bias;      // [K][D] [K]; bias NULL if there is nothing to add
    void *de, *db;       // [K][D] [K]; or NULL
    int32_t *first;      // [met] a negative that is this row, or -1
    int32_t *next;       // [K] another one, or -1
} group;

typedef struct run {
    tape *t;
    const kernel_set *k;
    sampled *s;
    const tensor *h;
    score_rows rows;
    score_block b;
    size_t own; // with in_batch: the number of the first target of the present rows
    double loss;
} run;

// All rows there are.
static const void *vectors(const sampled *s)
{
    return s->to.vectors ? s->to.vectors->data : s->to.table->data;
}

// The vector of a row met.
static const void *vector(const run *r, int32_t slot)
{
    const sampled *s = r->s;
    const size_t D = r->h->cols;
    return s->unit ? at(r->k, s->unit, (size_t)slot * D)
                   : at(r->k, vectors(s), (size_t)s->met.row[slot] * D);
}

static bool biased(const sampled *s)
{
    return s->to.bias || s->from.logq || (s->from.in_batch && s->from.answer_logq);
}

// --- one group of rows with the same negatives -------------------------------------------------------

static bool group_make(group *g, const run *r, size_t count)
{
    const sampled *s = r->s;
    tape *t = r->t;
    const size_t D = r->h->cols, size = r->k->size;
    *g = (group){ .count = count };
    g->e = tape_memory(t, count * D, size);
    if (biased(s)) g->bias = tape_memory(t, count, size);
    if (s->dh) g->de = tape_memory(t, count * D, size);
    if (s->db) g->db = tape_memory(t, count, size);
    g->first = tape_memory(t, s->met.count, sizeof *g->first);
    g->next = tape_memory(t, count, sizeof *g->next);
    if (tape_failed(t)) return false;
    for (size_t i = 0; i < s->met.count; i++) g->first[i] = -1;
    return true;
}

// `logq` [K] or NULL.
static void group_fill(group *g, const run *r, const int32_t *slot, const float *logq)
{
    const sampled *s = r->s;
    const kernel_set *k = r->k;
    const size_t D = r->h->cols, width = D * k->size;
    g->slot = slot;
    for (size_t i = 0; i < g->count; i++) {
        memcpy(at(k, g->e, i * D), vector(r, slot[i]), width);
        g->next[i] = g->first[slot[i]];
        g->first[slot[i]] = (int32_t)i;
        if (!g->bias) continue;
        const size_t row = (size_t)s->met.row[slot[i]];
        const double b = s->to.bias ? number_at(k, s->to.bias->data, row) : 0;
        number_set(k, g->bias, i, b - (logq ? (double)logq[i] : 0));
    }
    if (g->de) memset(g->de, 0, g->count * width);
    if (g->db) memset(g->db, 0, g->count * k->size);
}

// Scores that are not to count.
static void leave_out_hits(const group *g, run *r)
{
    const loss_negatives *from = &r->s->from;
    const size_t cols = r->rows.cols;
    for (size_t c = 0; c < r->rows.count; c++) {
        if (from->in_batch) number_set(r->k, r->b.x, (r->own + c) * cols + c, -INFINITY);
        if (from->keep_hits) continue;
        const int32_t slot = r->s->answer[r->rows.row[c]];
        for (int32_t i = g->first[slot]; i >= 0; i = g->next[i])
            number_set(r->k, r->b.x, (size_t)i * cols + c, -INFINITY);
    }
}

// What the negatives of a group have gathered goes to their rows.
static void group_end(const group *g, const run *r)
{
    const kernel_set *k = r->k;
    const size_t D = r->h->cols;
    for (size_t i = 0; i < g->count; i++) {
        g->first[g->slot[i]] = -1;
        if (g->de) k->rows->add(at(k, r->s->de, (size_t)g->slot[i] * D), at(k, g->de, i * D), D);
        if (g->db) k->rows->add(at(k, r->s->db, (size_t)g->slot[i]), at(k, g->db, i), 1);
    }
}

// --- the loss of the present rows ----------------------------------------------------------------------

// What a row's loss is divided by.
static double divisor(const run *r)
{
    const size_t n = r->b.rows;
    if (!r->s->loss.mean) return 1;
    switch (r->s->loss.kind) {
    case SCORE_BCE:
        return (double)n + 1;
    case SCORE_BPR:
    case SCORE_TOP1:
        return n ? (double)n : 1;
    default:
        return 1;
    }
}

static void take_answers(run *r)
{
    const sampled *s = r->s;
    score_rows *rows = &r->rows;
    for (size_t c = 0; c < rows->cols; c++) {
        double a = 0;
        if (c < rows->count) {
            const size_t n = rows->row[c];
            a = r->k->rows->dot(at(r->k, rows->h, c * r->h->cols), vector(r, s->answer[n]),
                                r->h->cols);
            if (s->to.bias) a += number_at(r->k, s->to.bias->data, (size_t)s->to.item[n]);
            if (s->from.answer_logq) a -= (double)s->from.answer_logq[n];
        }
        number_set(r->k, rows->answer, c, a);
    }
}

// Scores become derivatives; factors and the sum of losses are ready.
static void take_loss(run *r)
{
    const sampled *s = r->s;
    score_rows *rows = &r->rows;
    const double by = 1 / divisor(r);
    // the row's own place, left out above: softplus(0), or sigmoid(0)
    const double own = !s->from.in_batch || !s->loss.mean ? 0
                       : s->loss.kind == SCORE_BPR        ? log(2)
                       : s->loss.kind == SCORE_TOP1       ? 0.5
                                                          : 0;
    take_answers(r);
    r->b.answer = rows->answer;
    r->b.cols = rows->cols;
    r->k->scores->loss(&r->b, s->loss.kind);
    for (size_t c = 0; c < rows->count; c++) {
        const double weight = by * score_rows_weight(rows, c);
        r->loss += weight * (number_at(r->k, r->b.loss, c) + own);
        number_set(r->k, rows->factor, c, weight);
    }
    if (s->dh) score_rows_factor(rows);
}

// The targets' part of the gradients; then all of dh is there.
static void answers_back(run *r)
{
    sampled *s = r->s;
    score_rows *rows = &r->rows;
    const kernel_set *k = r->k;
    const size_t D = r->h->cols;
    for (size_t c = 0; c < rows->count; c++) {
        const int32_t slot = s->answer[rows->row[c]];
        const double slope = number_at(k, r->b.slope, c);
        const double by = slope * number_at(k, rows->factor, c);
        k->rows->axpy(at(k, rows->dh, c * D), by, vector(r, slot), D);
        k->rows->axpy(at(k, s->de, (size_t)slot * D), slope, at(k, rows->hf, c * D), D);
        if (s->db) number_set(k, s->db, (size_t)slot, number_at(k, s->db, (size_t)slot) + by);
    }
    score_rows_scatter(rows, s->dh);
}

static void run_group(run *r, group *g)
{
    r->b.rows = g->count;
    r->own = 0;
    for (size_t from = g->start; score_rows_next(&r->rows, &from, g->end);) {
        score_rows_score(&r->rows, r->b.x, g->e, g->bias, g->count);
        leave_out_hits(g, r);
        take_loss(r);
        r->own += r->rows.count;
        if (!r->s->dh) continue;
        memset(r->rows.dh, 0, r->rows.count * r->h->cols * r->k->size);
        score_rows_back(&r->rows, r->b.x, g->e, g->count, g->de, g->db);
        answers_back(r);
    }
    group_end(g, r);
}

// --- rows with negatives of their own --------------------------------------------------------------------

// The rows of one event's negatives; its column of x.
static score_terms own_terms(const run *r, size_t c)
{
    const sampled *s = r->s;
    const size_t own = r->rows.row[c] * s->from.count, D = r->h->cols;
    const int32_t *slot = s->other + own;
    return (score_terms){ .count = s->from.count,
                          .width = D,
                          .row = s->unit ? slot : s->from.item + own,
                          .slot = slot,
                          .h = at(r->k, r->rows.h, c * D),
                          .e = s->unit ? s->unit : vectors(s),
                          .x = at(r->k, r->b.x, c),
                          .step = r->rows.cols };
}

static void score_own(run *r)
{
    const sampled *s = r->s;
    const kernel_set *k = r->k;
    const size_t K = s->from.count, cols = r->rows.cols;
    for (size_t c = 0; c < r->rows.count; c++) {
        const score_terms terms = own_terms(r, c);
        const float *logq = s->from.logq ? s->from.logq + r->rows.row[c] * K : NULL;
        k->scores->dots(&terms);
        for (size_t i = 0; (s->to.bias || logq) && i < K; i++) {
            double b = logq ? -(double)logq[i] : 0;
            if (s->to.bias) b += number_at(k, s->to.bias->data, (size_t)s->met.row[terms.slot[i]]);
            number_set(k, r->b.x, i * cols + c, number_at(k, r->b.x, i * cols + c) + b);
        }
        for (size_t i = 0; !s->from.keep_hits && i < K; i++)
            if (terms.slot[i] == s->answer[r->rows.row[c]])
                number_set(k, r->b.x, i * cols + c, -INFINITY);
    }
    for (size_t i = 0; i < K; i++) // columns of nobody
        memset(at(k, r->b.x, i * cols + r->rows.count), 0, (cols - r->rows.count) * k->size);
}

static void own_back(run *r)
{
    sampled *s = r->s;
    const kernel_set *k = r->k;
    const size_t D = r->h->cols;
    for (size_t c = 0; c < r->rows.count; c++) {
        const double factor = number_at(k, r->rows.factor, c);
        score_terms terms = own_terms(r, c);
        terms.dh = at(k, r->rows.dh, c * D);
        terms.de = s->de;
        terms.h = at(k, r->rows.hf, c * D);
        k->scores->spread(&terms);
        k->rows->scale(terms.dh, factor, D);
        for (size_t i = 0; s->db && i < s->from.count; i++) {
            const size_t slot = (size_t)terms.slot[i];
            const double x = number_at(k, r->b.x, i * r->rows.cols + c);
            number_set(k, s->db, slot, number_at(k, s->db, slot) + x * factor);
        }
    }
}

static void run_own(run *r)
{
    r->b.rows = r->s->from.count;
    for (size_t from = 0; score_rows_next(&r->rows, &from, r->h->rows);) {
        score_own(r);
        take_loss(r);
        if (!r->s->dh) continue;
        memset(r->rows.dh, 0, r->rows.count * r->h->cols * r->k->size);
        own_back(r);
        answers_back(r);
    }
}

// --- the op ----------------------------------------------------------------------------------------------

static size_t groups_of(const loss_negatives *from, size_t N)
{
    return from->sharing == NEGATIVES_OF_ROW        ? N
           : from->sharing == NEGATIVES_OF_SEQUENCE ? from->sequences
                                                    : 1;
}

// All rows of the table that will be needed, and their slots.
static bool meet(run *r)
{
    sampled *s = r->s;
    const loss_negatives *from = &s->from;
    const size_t N = r->h->rows, groups = groups_of(from, N), K = from->count;
    const size_t rows = s->to.vectors ? s->to.vectors->rows : s->to.table->rows;
    if (!row_set_make(&s->met, r->t, N + groups * K, rows)) return false;
    s->answer = tape_memory(r->t, N, sizeof *s->answer);
    s->other = tape_memory(r->t, groups * K, sizeof *s->other);
    if (!s->answer || !s->other) return false;
    s->asked = 0;
    for (size_t n = 0; n < N; n++) {
        if (s->to.item[n] < 0) continue;
        s->asked++;
        s->answer[n] = (int32_t)row_set_put(&s->met, s->to.item[n]);
    }
    for (size_t g = 0; g < groups; g++) {
        if (from->sharing == NEGATIVES_OF_ROW && s->to.item[g] < 0) continue;
        for (size_t i = g * K; i < (g + 1) * K; i++)
            s->other[i] = (int32_t)row_set_put(&s->met, from->item[i]);
    }
    return true;
}

static bool meet_units(run *r)
{
    sampled *s = r->s;
    const size_t D = r->h->cols;
    void *unit = tape_memory(r->t, s->met.count * D, r->k->size);
    s->length = tape_memory(r->t, s->met.count, sizeof *s->length);
    if (!unit || !s->length) return false;
    for (uint32_t i = 0; i < s->met.count; i++)
        unit_row(r->k, at(r->k, unit, i * D), &s->length[i], vector(r, (int32_t)i), D);
    s->unit = unit;
    return true;
}

static bool make_scores(run *r, size_t K)
{
    const size_t size = r->k->size;
    const bool own = r->s->from.sharing == NEGATIVES_OF_ROW;
    const size_t numbers = own ? OWN_NUMBERS : BLOCK_NUMBERS;
    const size_t least = own ? SCORE_COLUMNS : EVENTS_LEAST;
    size_t most = numbers / (K + 1) / SCORE_COLUMNS * SCORE_COLUMNS;
    if (most < least) most = least;
    if (most > SCORE_ROWS_MOST) most = SCORE_ROWS_MOST;
    const bool works = r->s->loss.kind == SCORE_BPR_MAX || r->s->loss.kind == SCORE_TOP1_MAX;
    r->b = (score_block){ .beta = r->s->loss.beta != 0 ? r->s->loss.beta : 1,
                          .elu = r->s->loss.elu,
                          .reg = r->s->loss.reg };
    r->b.x = tape_memory(r->t, K * most, size);
    r->b.loss = tape_memory(r->t, most, size);
    r->b.slope = tape_memory(r->t, most, size);
    if (works) r->b.work = tape_memory(r->t, 2 * K * most, size);
    const bool made = score_rows_make(&r->rows, r->t, &r->s->to, r->h, most);
    r->rows.one_by_one = own;
    return made;
}

static void run_shared(run *r)
{
    const sampled *s = r->s;
    const loss_negatives *from = &s->from;
    const size_t first = from->in_batch ? s->asked : 0, K = first + from->count;
    int32_t *slot = tape_memory(r->t, K, sizeof *slot);
    float *logq = tape_memory(r->t, K, sizeof *logq);
    group g;
    if (!slot || !logq || !group_make(&g, r, K)) return;
    for (size_t n = 0, i = 0; first && n < r->h->rows; n++) {
        if (s->to.item[n] < 0) continue;
        logq[i] = from->answer_logq ? from->answer_logq[n] : 0;
        slot[i++] = s->answer[n];
    }
    for (size_t i = 0; i < from->count; i++) {
        logq[first + i] = from->logq ? from->logq[i] : 0;
        slot[first + i] = s->other[i];
    }
    group_fill(&g, r, slot, logq);
    g.end = r->h->rows;
    run_group(r, &g);
}

static void run_sequences(run *r)
{
    const loss_negatives *from = &r->s->from;
    group g;
    if (!group_make(&g, r, from->count)) return;
    for (size_t q = 0; q < from->sequences; q++) {
        g.start = (size_t)from->offset[q];
        g.end = (size_t)from->offset[q + 1];
        group_fill(&g, r, r->s->other + q * from->count,
                   from->logq ? from->logq + q * from->count : NULL);
        run_group(r, &g);
    }
}

static void sampled_forward(tape *t, node *n)
{
    sampled *s = n->more;
    run r = { .t = t, .k = tape_kernels(t), .s = s, .h = n->in[0] };
    if (!n->out->data || !meet(&r)) return;
    if (s->to.cosine && !meet_units(&r)) return;
    if (tape_trains(t)) {
        s->dh = zeros(t, r.h->rows * r.h->cols);
        s->de = zeros(t, s->met.count * r.h->cols);
        if (s->to.bias) s->db = zeros(t, s->met.count);
    }
    const size_t mark = tape_mark(t);
    if (make_scores(&r, s->from.count + (s->from.in_batch ? s->asked : 0))) {
        if (s->from.sharing == NEGATIVES_SHARED) run_shared(&r);
        if (s->from.sharing == NEGATIVES_OF_SEQUENCE) run_sequences(&r);
        if (s->from.sharing == NEGATIVES_OF_ROW) run_own(&r);
    }
    tape_release(t, mark);
    for (size_t i = 0; s->dh && s->unit && !tape_failed(t) && i < s->met.count; i++)
        unit_row_turn(r.k, at(r.k, s->de, i * r.h->cols), at(r.k, s->unit, i * r.h->cols),
                      s->length[i], r.h->cols);
    number_set(r.k, n->out->data, 0, r.loss);
}

// The rows met, times the seed, to the sink.
static void rows_back(tape *t, const sampled *s, const param *p, const void *d, double seed)
{
    const kernel_set *k = tape_kernels(t);
    sink *to = p ? tape_sink(t, p) : NULL;
    for (size_t i = 0; to && i < s->met.count; i++) {
        const size_t row = (size_t)s->met.row[i];
        void *g = p->vector ? sink_dense(to, p) : sink_row(to, p, row);
        if (g && p->vector) k->rows->axpy(at(k, g, row), seed, at(k, d, i), 1);
        if (g && !p->vector) k->rows->axpy(g, seed, at(k, d, i * p->cols), p->cols);
    }
}

// The same where they are computed.
static void vectors_back(tape *t, const sampled *s, tensor *vectors, double seed)
{
    const kernel_set *k = tape_kernels(t);
    const size_t D = vectors->cols;
    void *d = tensor_grad(t, vectors);
    for (size_t i = 0; d && i < s->met.count; i++)
        k->rows->axpy(at(k, d, (size_t)s->met.row[i] * D), seed, at(k, s->de, i * D), D);
}

static void sampled_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const sampled *s = n->more;
    const double seed = number_at(k, n->out->grad, 0);
    tensor *h = n->in[0];
    void *dh = tensor_grad(t, h);
    if (dh) k->rows->axpy(dh, seed, s->dh, h->rows * h->cols);
    if (s->to.vectors)
        vectors_back(t, s, s->to.vectors, seed);
    else
        rows_back(t, s, s->to.table, s->de, seed);
    rows_back(t, s, s->to.bias, s->db, seed);
}

static const op_kind kind = { "sampled loss", sampled_forward, sampled_backward, NULL };

tensor *op_sampled_loss(tape *t, tensor *h, const loss_targets *to, const loss_negatives *n,
                        const sampled_loss *loss)
{
    const sampled s = { .to = *to, .from = *n, .loss = *loss };
    assert(h->cols == (to->vectors ? to->vectors->cols : to->table->cols));
    assert(!to->vectors || !to->bias);
    assert(!n->in_batch || n->sharing == NEGATIVES_SHARED);
    tensor *const in[] = { to->cosine ? op_unit(t, h) : h, to->vectors };
    return tape_apply_rows(t, &kind, in, 2, 1, 1, &s, sizeof s);
}

double gbce_beta(size_t negatives, size_t items, double t)
{
    const double alpha = (double)negatives / (double)(items - 1);
    return alpha * (t * (1 - 1 / alpha) + 1 / alpha);
}
