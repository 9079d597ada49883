// recurrence.c - the order of a batch's steps, and running a recurrent cell over them.
#include "nn/recurrence.h"

#include <string.h>

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

size_t recur_most_rows(const node *n)
{
    const size_t N = n->out->rows, sequences = ((const recurrence *)n->more)->sequences;
    const size_t most = sequences > RECUR_ROWS ? sequences : RECUR_ROWS;
    return most < N ? most : N;
}

bool recur_together(const recurrence *r, size_t from, size_t n)
{
    const int32_t *row = r->row + from;
    size_t i = 1;
    while (i < n && row[i] == row[0] + (int32_t)i) i++;
    return i >= n;
}

const void *recur_gather(const recurrence *r, const kernel_set *k, const tensor *x, size_t from,
                         size_t n, void *scratch)
{
    const int32_t *row = r->row + from;
    if (recur_together(r, from, n)) return at(k, x->data, (size_t)row[0] * x->cols);
    for (size_t i = 0; i < n; i++)
        memcpy(at(k, scratch, i * x->cols), at(k, x->data, (size_t)row[i] * x->cols),
               x->cols * k->size);
    return scratch;
}

// --- products with U ---------------------------------------------------------------------------------

enum { FEW = 6 }; // rows that take U where it lies: product.h

// The block of U that a run meets; or the transpose of it.
static product block_of_u(const kernel_set *k, const recur_cell *cell, const void *u, size_t H,
                          const recur_run *run)
{
    return (product){ .n = (int)(run->blocks * H),
                      .k = (int)H,
                      .b = at(k, u, run->block * H),
                      .b_row = (ptrdiff_t)(cell->blocks * H),
                      .b_col = 1 };
}

static product transposed(product p)
{
    return (product){ .n = p.k, .k = p.n, .b = p.b, .b_row = p.b_col, .b_col = p.b_row };
}

static product with_packed(product p, const void *packed)
{
    p.packed = packed != NULL;
    if (packed) p.b = packed;
    return p;
}

void recur_times_u(const recur_step *s, int i)
{
    const recur_run *run = &s->cell->h[i];
    const size_t H = s->H, width = s->cell->slots * H;
    const bool before = run->from == RECUR_BEFORE;
    const void *packed = s->rows > FEW ? s->packed[i] : NULL;
    product p = with_packed(block_of_u(s->k, s->cell, s->u, H, run), packed);
    p.m = (int)s->rows;
    p.a = before ? s->before : at(s->k, s->gates, run->from * H);
    p.a_row = (ptrdiff_t)(before ? H : width);
    p.a_col = 1;
    p.c = at(s->k, s->gates, run->slot * H);
    p.c_row = (ptrdiff_t)width;
    p.add = true;
    p.from_end = s->odd;
    s->k->product(&p);
}

void recur_times_ut(const recur_step *s, int i, void *to, size_t to_row, bool add)
{
    const recur_run *run = &s->cell->h[i];
    const size_t H = s->H, width = s->cell->slots * H;
    product p = with_packed(transposed(block_of_u(s->k, s->cell, s->u, H, run)), s->packed[i]);
    p.m = (int)s->rows;
    p.a = at(s->k, s->d, run->slot * H);
    p.a_row = (ptrdiff_t)width;
    p.a_col = 1;
    p.c = to;
    p.c_row = (ptrdiff_t)to_row;
    p.add = add;
    s->k->product(&p);
}

bool recur_pack_u(tape *t, const node *n, bool back, void *packed[RECUR_RUNS])
{
    const kernel_set *k = tape_kernels(t);
    const recurrence *r = n->more;
    bool ready = true;
    for (int i = 0; i < RECUR_RUNS; i++) {
        packed[i] = NULL;
        if (!r->cell->h[i].blocks || n->out->rows < 2 * r->sequences) continue;
        product p = block_of_u(k, r->cell, n->in[RECUR_U]->data, n->out->cols, &r->cell->h[i]);
        if (back) p = transposed(p);
        packed[i] = tape_memory(t, k->pack(NULL, &p), k->size);
        if (packed[i])
            k->pack(packed[i], &p);
        else
            ready = false;
    }
    return ready;
}

// --- forward -----------------------------------------------------------------------------------------

typedef struct workspace {
    void *bias, *x, *h, *packed[RECUR_RUNS];
} workspace;

// What every event's gates begin from: the biases.
static void add_bias(const kernel_set *k, void *bias, const tensor *b, const recur_run *run,
                     size_t H)
{
    for (int i = 0; b && i < RECUR_RUNS && run[i].blocks; i++)
        k->rows->add(at(k, bias, run[i].slot * H), at(k, b->data, run[i].block * H),
                     run[i].blocks * H);
}

// gates = x W + biases, for the rows from .. from+rows-1.
static void project(const kernel_set *k, const node *n, void *gates, size_t from, size_t rows,
                    const workspace *own)
{
    const recurrence *r = n->more;
    const tensor *x = n->in[RECUR_X], *w = n->in[RECUR_W];
    const size_t H = n->out->cols, width = r->cell->slots * H;
    const void *a = recur_gather(r, k, x, from, rows, own->x);
    const recur_run *run = r->cell->x;
    k->rows->repeat(gates, own->bias, rows, width);
    for (int i = 0; i < RECUR_RUNS && run[i].blocks; i++)
        k->product(&(product){ .m = (int)rows,
                               .n = (int)(run[i].blocks * H),
                               .k = (int)x->cols,
                               .a = a,
                               .a_row = (ptrdiff_t)x->cols,
                               .a_col = 1,
                               .b = at(k, w->data, run[i].block * H),
                               .b_row = (ptrdiff_t)w->cols,
                               .b_col = 1,
                               .c = at(k, gates, run[i].slot * H),
                               .c_row = (ptrdiff_t)width,
                               .add = true });
}

// The states that the sequences begin from.  first: [sequences][states H], or NULL: zero.
static void begin(const kernel_set *k, const recurrence *r, const void *first, size_t H)
{
    const size_t rows = recur_rows(r, 0), bytes = H * k->size;
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

recur_step recur_step_at(const kernel_set *k, const node *n, size_t step, size_t chunk,
                         void *const packed[RECUR_RUNS])
{
    const recurrence *r = n->more;
    const size_t H = n->out->cols, from = (size_t)r->start[step], row = r->whole ? from : 0;
    const size_t gates = r->whole ? from : from - (size_t)r->start[chunk];
    recur_step s = { .k = k,
                     .cell = r->cell,
                     .rows = recur_rows(r, step),
                     .H = H,
                     .odd = step % 2 == 1,
                     .u = n->in[RECUR_U]->data,
                     .packed = { packed[0], packed[1] },
                     .gates = at(k, r->gates, gates * r->cell->slots * H),
                     .before = at(k, r->before, row * H) };
    if (r->memory) {
        const bool first = step == 0 || !r->whole;
        s.memory = at(k, r->memory, row * H);
        s.memory_before =
            first ? r->memory_first : at(k, r->memory, (size_t)r->start[step - 1] * H);
    }
    return s;
}

static void run_step(const kernel_set *k, const node *n, size_t step, recur_step *s)
{
    const recurrence *r = n->more;
    const size_t H = n->out->cols, bytes = H * k->size;
    const int32_t *row = r->row + r->start[step];
    r->cell->forward(s);
    for (size_t i = 0; i < s->rows; i++)
        memcpy(at(k, n->out->data, (size_t)row[i] * H), at(k, s->h, i * H), bytes);
    if (step + 1 < r->steps)
        memcpy(at(k, r->before, r->whole ? (size_t)r->start[step + 1] * H : 0), s->h,
               recur_rows(r, step + 1) * bytes);
}

// Some steps at a time, so that their gates are still in the cache when they are met.
static void run(const kernel_set *k, const node *n, const void *first, const workspace *own)
{
    const recurrence *r = n->more;
    const size_t H = n->out->cols, width = r->cell->slots * H;
    memset(own->bias, 0, width * k->size);
    add_bias(k, own->bias, n->in[RECUR_B], r->cell->x, H);
    add_bias(k, own->bias, n->in[RECUR_BU], r->cell->h, H);
    if (r->steps) begin(k, r, first, H);
    for (size_t t = 0, end; t < r->steps; t = end) {
        const size_t from = (size_t)r->start[t];
        for (end = t + 1; end < r->steps && r->start[end + 1] - r->start[t] <= RECUR_ROWS;) end++;
        project(k, n, at(k, r->gates, r->whole ? from * width : 0), from,
                (size_t)r->start[end] - from, own);
        for (size_t step = t; step < end; step++) {
            recur_step s = recur_step_at(k, n, step, t, own->packed);
            s.h = own->h;
            s.empty = step == 0 && !first;
            run_step(k, n, step, &s);
        }
    }
}

// Memory for all steps if backward will come, else for some.  False when there is none, or when
// measuring.
static bool allocate(tape *t, recurrence *r, const node *n, workspace *own)
{
    const size_t N = n->out->rows, H = n->out->cols, size = tape_kernels(t)->size;
    const size_t sequences = r->sequences, width = r->cell->slots * H;
    const size_t some = recur_most_rows(n), states = r->whole ? N : sequences;
    r->order = tape_memory(t, sequences, sizeof *r->order);
    r->start = tape_memory(t, N + 1, sizeof *r->start);
    r->row = tape_memory(t, N, sizeof *r->row);
    r->gates = tape_memory(t, (r->whole ? N : some) * width, size);
    r->before = tape_memory(t, states * H, size);
    r->memory = r->memory_first = NULL;
    if (r->cell->states > 1) {
        r->memory = tape_memory(t, states * H, size);
        r->memory_first = r->whole ? tape_memory(t, sequences * H, size) : r->memory;
    }
    own->bias = tape_memory(t, width, size);
    own->x = tape_memory(t, some * n->in[RECUR_X]->cols, size);
    own->h = tape_memory(t, sequences * H, size);
    return recur_pack_u(t, n, false, own->packed) && own->h && n->out->data;
}

void recurrence_forward(tape *t, node *n)
{
    recurrence *r = n->more;
    const tensor *first = n->in[RECUR_FIRST];
    workspace own;
    (void)tape_kept(t, r->cell->states * n->out->cols * tape_kernels(t)->size); // counted
    const size_t mark = tape_mark(t);
    r->whole = tape_trains(t);
    if (allocate(t, r, n, &own)) {
        order_steps(r);
        run(tape_kernels(t), n, first ? first->data : NULL, &own);
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
        run(k, n, first, &own);
        if (state && !person->ask) {
            memcpy(state, n->out->data, H * k->size);
            if (r->memory) memcpy(at(k, state, H), r->memory, H * k->size);
        }
    }
    tape_release(t, mark);
}
