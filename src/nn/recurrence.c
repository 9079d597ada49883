// recurrence.c - running a recurrent cell over the steps of a batch, and back.
#include "nn/recurrence.h"

#include <string.h>

enum { ROWS = 256 }; // rows of x brought together at a time

static size_t row_count(const recurrence *r, size_t step)
{
    return (size_t)(r->start[step + 1] - r->start[step]);
}

// --- order -------------------------------------------------------------------------------------------

// Fills order, start and row.  Sequences of equal length keep their order.
static void order_steps(recurrence *r)
{
    const int32_t *offset = r->offset;
    size_t longest = 0;
    for (size_t s = 0; s < r->sequences; s++) {
        const size_t length = (size_t)(offset[s + 1] - offset[s]);
        if (length > longest) longest = length;
    }
    int32_t *start = r->start, longer = 0;
    r->steps = longest;
    memset(start, 0, (longest + 1) * sizeof *start);
    for (size_t s = 0; s < r->sequences; s++) start[offset[s + 1] - offset[s]]++;
    for (size_t l = longest + 1; l-- > 0;) { // from how many have a length to how many have more
        const int32_t same = start[l];
        start[l] = longer;
        longer += same;
    }
    for (size_t s = 0; s < r->sequences; s++)
        r->order[start[offset[s + 1] - offset[s]]++] = (int32_t)s;
    start[0] = 0; // start[l] is now the rows of step l - 1
    for (size_t t = 0; t < longest; t++) {
        for (int32_t i = 0; i < start[t + 1]; i++)
            r->row[start[t] + i] = offset[r->order[i]] + (int32_t)t;
        start[t + 1] += start[t];
    }
}

// Rows from .. from+n-1 of the steps: where they lie, if together, else copied to `scratch`.
static const void *gather(const recurrence *r, const kernel_set *k, const tensor *x, size_t from,
                          size_t n, void *scratch)
{
    const int32_t *row = r->row + from;
    size_t i = 1;
    while (i < n && row[i] == row[0] + (int32_t)i) i++;
    if (i == n) return at(k, x->data, (size_t)row[0] * x->cols);
    for (i = 0; i < n; i++)
        memcpy(at(k, scratch, i * x->cols), at(k, x->data, (size_t)row[i] * x->cols),
               x->cols * k->size);
    return scratch;
}

// --- products with U ---------------------------------------------------------------------------------

void recur_times_u(const recur_step *s, const recur_run *run)
{
    const kernel_set *k = s->k;
    const size_t H = s->H, width = s->cell->slots * H, cols = s->cell->blocks * H;
    const bool before = run->from == RECUR_BEFORE;
    const void *a = before ? s->before : at(k, s->gates, run->from * H);
    k->product(&(product){ (int)s->rows, (int)(run->blocks * H), (int)H, a,
                           (ptrdiff_t)(before ? H : width), 1, at(k, s->u, run->block * H),
                           (ptrdiff_t)cols, 1, at(k, s->gates, run->slot * H), (ptrdiff_t)width,
                           true });
}

void recur_times_ut(const recur_step *s, const recur_run *run, void *to, size_t to_row, bool add)
{
    const kernel_set *k = s->k;
    const size_t H = s->H, width = s->cell->slots * H, cols = s->cell->blocks * H;
    k->product(&(product){ (int)s->rows, (int)H, (int)(run->blocks * H), at(k, s->d, run->slot * H),
                           (ptrdiff_t)width, 1, at(k, s->u, run->block * H), 1, (ptrdiff_t)cols, to,
                           (ptrdiff_t)to_row, add });
}

// --- forward -----------------------------------------------------------------------------------------

// What every event's gates begin from: the biases.
static void add_bias(const kernel_set *k, void *bias, const tensor *b, const recur_run *run,
                     size_t H)
{
    for (int i = 0; b && i < RECUR_RUNS && run[i].blocks; i++)
        k->rows->add(at(k, bias, run[i].slot * H), at(k, b->data, run[i].block * H),
                     run[i].blocks * H);
}

// gates = x W + biases, for all events.
static void project(const kernel_set *k, const recurrence *r, const node *n, void *bias,
                    void *scratch)
{
    const tensor *x = n->in[RECUR_X], *w = n->in[RECUR_W];
    const size_t H = n->out->cols, N = n->out->rows, width = r->cell->slots * H;
    memset(bias, 0, width * k->size);
    add_bias(k, bias, n->in[RECUR_B], r->cell->x, H);
    add_bias(k, bias, n->in[RECUR_BU], r->cell->h, H);
    for (size_t from = 0; from < N; from += ROWS) {
        const size_t rows = N - from < ROWS ? N - from : ROWS;
        const void *a = gather(r, k, x, from, rows, scratch);
        void *gates = at(k, r->gates, from * width);
        k->rows->repeat(gates, bias, rows, width);
        for (const recur_run *run = r->cell->x; run < r->cell->x + RECUR_RUNS && run->blocks; run++)
            k->product(&(product){ (int)rows, (int)(run->blocks * H), (int)x->cols, a,
                                   (ptrdiff_t)x->cols, 1, at(k, w->data, run->block * H),
                                   (ptrdiff_t)w->cols, 1, at(k, gates, run->slot * H),
                                   (ptrdiff_t)width, true });
    }
}

// The states that the sequences begin from.  first: [sequences][states H], or NULL: zero.
static void begin(const kernel_set *k, const recurrence *r, const void *first, size_t H)
{
    const size_t rows = row_count(r, 0), bytes = H * k->size;
    if (!first) {
        memset(r->before, 0, rows * bytes);
        if (r->memory) memset(r->memory_first, 0, rows * bytes);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        const size_t from = (size_t)r->order[i] * r->cell->states * H;
        memcpy(at(k, r->before, i * H), at(k, first, from), bytes);
        if (r->memory) memcpy(at(k, r->memory_first, i * H), at(k, first, from + H), bytes);
    }
}

static recur_step step_at(const kernel_set *k, const recurrence *r, const node *n, size_t step)
{
    const size_t H = n->out->cols, from = (size_t)r->start[step];
    recur_step s = { .k = k,
                     .cell = r->cell,
                     .rows = row_count(r, step),
                     .H = H,
                     .u = n->in[RECUR_U]->data,
                     .gates = at(k, r->gates, from * r->cell->slots * H),
                     .before = at(k, r->before, from * H) };
    if (r->memory) {
        s.memory = at(k, r->memory, from * H);
        s.memory_before = step ? at(k, r->memory, (size_t)r->start[step - 1] * H) : r->memory_first;
    }
    return s;
}

// All steps, from the states `first`.  h: scratch for the states of one step.
static void run(const kernel_set *k, const recurrence *r, const node *n, const void *first, void *h)
{
    const size_t H = n->out->cols, bytes = H * k->size;
    if (r->steps) begin(k, r, first, H);
    for (size_t t = 0; t < r->steps; t++) {
        recur_step s = step_at(k, r, n, t);
        s.h = h;
        s.empty = t == 0 && !first;
        r->cell->forward(&s);
        for (size_t i = 0; i < s.rows; i++)
            memcpy(at(k, n->out->data, (size_t)r->row[r->start[t] + (int32_t)i] * H),
                   at(k, h, i * H), bytes);
        if (t + 1 < r->steps)
            memcpy(at(k, r->before, (size_t)r->start[t + 1] * H), h, row_count(r, t + 1) * bytes);
    }
}

typedef struct workspace {
    void *bias, *x, *h;
} workspace;

// Memory for `rows` events; false when there is none, or when measuring.
static bool allocate(tape *t, recurrence *r, const node *n, workspace *own)
{
    const size_t N = n->out->rows, H = n->out->cols, size = tape_kernels(t)->size;
    const size_t sequences = r->sequences, width = r->cell->slots * H;
    r->order = tape_memory(t, sequences, sizeof *r->order);
    r->start = tape_memory(t, N + 1, sizeof *r->start);
    r->row = tape_memory(t, N, sizeof *r->row);
    r->gates = tape_memory(t, N * width, size);
    r->before = tape_memory(t, N * H, size);
    r->memory = r->cell->states > 1 ? tape_memory(t, N * H, size) : NULL;
    r->memory_first = r->cell->states > 1 ? tape_memory(t, sequences * H, size) : NULL;
    own->bias = tape_memory(t, width, size);
    own->x = tape_memory(t, ROWS * n->in[RECUR_X]->cols, size);
    own->h = tape_memory(t, sequences * H, size);
    return own->h && n->out->data;
}

void recurrence_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    recurrence *r = n->more;
    workspace own;
    (void)tape_kept(t, r->cell->states * n->out->cols * k->size); // counted
    const size_t mark = tape_mark(t);
    if (allocate(t, r, n, &own)) {
        order_steps(r);
        project(k, r, n, own.bias, own.x);
        run(k, r, n, n->in[RECUR_FIRST] ? n->in[RECUR_FIRST]->data : NULL, own.h);
    }
    if (!tape_trains(t)) tape_release(t, mark);
}

// One event of one person, from the state that is kept.
void recurrence_step(tape *t, node *n)
{
    static const int32_t one[] = { 0, 1 };
    const kernel_set *k = tape_kernels(t);
    recurrence *r = n->more;
    const kept *person = tape_now(t)->kept;
    const size_t H = n->out->cols;
    void *state = tape_kept(t, r->cell->states * H * k->size);
    const void *first = state;
    if (n->in[RECUR_FIRST] && (!state || person->events == 0)) first = n->in[RECUR_FIRST]->data;
    const size_t mark = tape_mark(t);
    workspace own;
    r->offset = one;
    r->sequences = 1;
    if (allocate(t, r, n, &own)) {
        order_steps(r);
        project(k, r, n, own.bias, own.x);
        run(k, r, n, first, own.h);
        if (state && !person->ask) {
            memcpy(state, n->out->data, H * k->size);
            if (r->memory) memcpy(at(k, state, H), r->memory, H * k->size);
        }
    }
    tape_release(t, mark);
}

// --- backward ----------------------------------------------------------------------------------------

// Back through time: fills d; what is left in dh and dmemory is the gradient of the first states.
static void run_back(const kernel_set *k, const recurrence *r, const node *n, void *d, void *dh,
                     void *dmemory, bool first)
{
    const size_t H = n->out->cols, width = r->cell->slots * H, bytes = H * k->size;
    memset(dh, 0, row_count(r, 0) * bytes);
    if (dmemory) memset(dmemory, 0, row_count(r, 0) * bytes);
    for (size_t t = r->steps; t-- > 0;) {
        recur_step s = step_at(k, r, n, t);
        const int32_t *row = r->row + r->start[t];
        s.empty = t == 0 && !first;
        s.d = at(k, d, (size_t)r->start[t] * width);
        s.dh = dh;
        s.dmemory = dmemory;
        for (size_t i = 0; i < s.rows; i++)
            k->rows->add(at(k, dh, i * H), at(k, n->out->grad, (size_t)row[i] * H), H);
        r->cell->backward(&s);
    }
}

static void add_first(const kernel_set *k, const recurrence *r, void *dfirst, const void *dh,
                      const void *dmemory, size_t H)
{
    for (size_t i = 0; dfirst && i < row_count(r, 0); i++) {
        void *to = at(k, dfirst, (size_t)r->order[i] * r->cell->states * H);
        k->rows->add(to, at(k, dh, i * H), H);
        if (dmemory) k->rows->add(at(k, to, H), at(k, dmemory, i * H), H);
    }
}

// dU += states^T d
static void add_du(const kernel_set *k, const recurrence *r, const node *n, void *du, const void *d)
{
    const size_t H = n->out->cols, width = r->cell->slots * H, cols = r->cell->blocks * H;
    const size_t from = n->in[RECUR_FIRST] ? 0 : (size_t)r->start[1]; // before that, zeros
    for (const recur_run *run = r->cell->h; run < r->cell->h + RECUR_RUNS && run->blocks; run++) {
        const bool before = run->from == RECUR_BEFORE;
        const size_t stride = before ? H : width;
        const void *a =
            before ? at(k, r->before, from * H) : at(k, r->gates, from * width + run->from * H);
        k->product(&(product){ (int)H, (int)(run->blocks * H), (int)(n->out->rows - from), a, 1,
                               (ptrdiff_t)stride, at(k, d, from * width + run->slot * H),
                               (ptrdiff_t)width, 1, at(k, du, run->block * H), (ptrdiff_t)cols,
                               true });
    }
}

// dW += x^T d,  dx += d W^T
static void add_dw_dx(const kernel_set *k, const recurrence *r, const node *n, void *dw, void *dx,
                      const void *d, void *scratch)
{
    const tensor *x = n->in[RECUR_X], *w = n->in[RECUR_W];
    const size_t H = n->out->cols, N = n->out->rows, width = r->cell->slots * H, D = x->cols;
    const recur_run *runs = r->cell->x;
    for (size_t from = 0; from < N; from += ROWS) {
        const size_t rows = N - from < ROWS ? N - from : ROWS;
        const void *d0 = at(k, d, from * width);
        const void *a = dw ? gather(r, k, x, from, rows, scratch) : NULL;
        for (int i = 0; dw && i < RECUR_RUNS && runs[i].blocks; i++)
            k->product(&(product){ (int)D, (int)(runs[i].blocks * H), (int)rows, a, 1, (ptrdiff_t)D,
                                   at(k, d0, runs[i].slot * H), (ptrdiff_t)width, 1,
                                   at(k, dw, runs[i].block * H), (ptrdiff_t)w->cols, true });
        for (int i = 0; dx && i < RECUR_RUNS && runs[i].blocks; i++)
            k->product(&(product){ (int)rows, (int)D, (int)(runs[i].blocks * H),
                                   at(k, d0, runs[i].slot * H), (ptrdiff_t)width, 1,
                                   at(k, w->data, runs[i].block * H), 1, (ptrdiff_t)w->cols,
                                   scratch, (ptrdiff_t)D, i > 0 });
        for (size_t i = 0; dx && i < rows; i++)
            k->rows->add(at(k, dx, (size_t)r->row[from + i] * D), at(k, scratch, i * D), D);
    }
}

static void add_db(const kernel_set *k, void *db, const void *sums, const recur_run *run, size_t H)
{
    for (int i = 0; db && i < RECUR_RUNS && run[i].blocks; i++)
        k->rows->add(at(k, db, run[i].block * H), at(k, sums, run[i].slot * H), run[i].blocks * H);
}

void recurrence_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const recurrence *r = n->more;
    const size_t N = n->out->rows, H = n->out->cols, width = r->cell->slots * H;
    void *grad[RECUR_INPUTS];
    for (int i = 0; i < RECUR_INPUTS; i++) grad[i] = tensor_grad(t, n->in[i]);
    if (!r->steps) return;
    const size_t mark = tape_mark(t), rows = row_count(r, 0);
    void *d = tape_memory(t, N * width, k->size);
    void *dh = tape_memory(t, rows * H, k->size);
    void *dmemory = r->memory ? tape_memory(t, rows * H, k->size) : NULL;
    void *sums = tape_memory(t, width, k->size);
    void *scratch = tape_memory(t, ROWS * n->in[RECUR_X]->cols, k->size);
    if (!scratch) return;
    run_back(k, r, n, d, dh, dmemory, grad[RECUR_FIRST] != NULL);
    add_first(k, r, grad[RECUR_FIRST], dh, dmemory, H);
    if (grad[RECUR_U]) add_du(k, r, n, grad[RECUR_U], d);
    if (grad[RECUR_W] || grad[RECUR_X])
        add_dw_dx(k, r, n, grad[RECUR_W], grad[RECUR_X], d, scratch);
    memset(sums, 0, width * k->size);
    if (grad[RECUR_B] || grad[RECUR_BU]) k->rows->sum_rows(sums, d, N, width);
    add_db(k, grad[RECUR_B], sums, r->cell->x, H);
    add_db(k, grad[RECUR_BU], sums, r->cell->h, H);
    tape_release(t, mark);
}
