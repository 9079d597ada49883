// recurrence_back.c - a recurrent cell back through the steps of a batch.
#include "nn/recurrence.h"

#include <string.h>

// Some steps at a time, the last first.
typedef struct flow {
    size_t chunk, from, rows; // the first step, its first row, and the rows of all
    void *d;                  // of the gates: [rows][slots H]
    void *dh, *dmemory;       // of the states, step by step: [rows of step 0][H]
    void *packed[RECUR_RUNS]; // U^T
    void *wt[RECUR_RUNS];     // W^T, or NULL: as it lies
    void *sums;               // of the rows of d: [slots H]
    void *x;                  // [rows][D]
} flow;

// --- through time --------------------------------------------------------------------------------------

// One step: fills d, and takes dh and dmemory to the step before.
static void step_back(const kernel_set *k, const node *n, const flow *g, size_t step, bool first)
{
    const recurrence *r = n->more;
    const size_t H = n->out->cols, width = r->cell->slots * H, from = (size_t)r->start[step];
    recur_step s = recur_step_at(k, n, step, g->chunk, g->packed);
    s.empty = step == 0 && !first;
    s.d = at(k, g->d, (from - g->from) * width);
    s.dh = g->dh;
    s.dmemory = g->dmemory;
    for (size_t i = 0; i < s.rows; i++)
        k->rows->add(at(k, g->dh, i * H), at(k, n->out->grad, (size_t)r->row[from + i] * H), H);
    r->cell->backward(&s);
    k->rows->sum_rows(g->sums, s.d, s.rows, width);
}

static void add_first(const kernel_set *k, const recurrence *r, void *dfirst, const flow *g,
                      size_t H)
{
    for (size_t i = 0; dfirst && i < recur_rows(r, 0); i++) {
        void *to = at(k, dfirst, (size_t)r->order[i] * r->cell->states * H);
        k->rows->add(to, at(k, g->dh, i * H), H);
        if (g->dmemory) k->rows->add(at(k, to, H), at(k, g->dmemory, i * H), H);
    }
}

// --- the parameters and x ------------------------------------------------------------------------------

// dU += states^T d
static void add_du(const kernel_set *k, const node *n, const flow *g, void *du)
{
    const recurrence *r = n->more;
    const size_t H = n->out->cols, width = r->cell->slots * H, cols = r->cell->blocks * H;
    const size_t zeros = n->in[RECUR_FIRST] || g->chunk ? 0 : (size_t)r->start[1];
    const size_t from = g->from + zeros; // the states before these rows are not zero
    const recur_run *run = r->cell->h;
    for (int i = 0; i < RECUR_RUNS && run[i].blocks; i++) {
        const bool before = run[i].from == RECUR_BEFORE;
        const void *a =
            before ? at(k, r->before, from * H) : at(k, r->gates, from * width + run[i].from * H);
        k->product(&(product){ .m = (int)H,
                               .n = (int)(run[i].blocks * H),
                               .k = (int)(g->rows - zeros),
                               .a = a,
                               .a_row = 1,
                               .a_col = (ptrdiff_t)(before ? H : width),
                               .b = at(k, g->d, zeros * width + run[i].slot * H),
                               .b_row = (ptrdiff_t)width,
                               .b_col = 1,
                               .c = at(k, du, run[i].block * H),
                               .c_row = (ptrdiff_t)cols,
                               .add = true });
    }
}

// dW += x^T d
static void add_dw(const kernel_set *k, const node *n, const flow *g, void *dw)
{
    const recurrence *r = n->more;
    const size_t H = n->out->cols, width = r->cell->slots * H, D = n->in[RECUR_X]->cols;
    const void *x = recur_gather(r, k, n->in[RECUR_X], g->from, g->rows, g->x);
    const recur_run *run = r->cell->x;
    for (int i = 0; i < RECUR_RUNS && run[i].blocks; i++)
        k->product(&(product){ .m = (int)D,
                               .n = (int)(run[i].blocks * H),
                               .k = (int)g->rows,
                               .a = x,
                               .a_row = 1,
                               .a_col = (ptrdiff_t)D,
                               .b = at(k, g->d, run[i].slot * H),
                               .b_row = (ptrdiff_t)width,
                               .b_col = 1,
                               .c = at(k, dw, run[i].block * H),
                               .c_row = (ptrdiff_t)(r->cell->blocks * H),
                               .add = true });
}

// W^T of a run, as the right side of a product.
static product transposed_w(const kernel_set *k, const node *n, const recur_run *run)
{
    const tensor *w = n->in[RECUR_W];
    const size_t H = n->out->cols;
    return (product){ .n = (int)w->rows,
                      .k = (int)(run->blocks * H),
                      .b = at(k, w->data, run->block * H),
                      .b_row = 1,
                      .b_col = (ptrdiff_t)w->cols };
}

// to = (or +=) d W^T
static void times_wt(const kernel_set *k, const node *n, const flow *g, void *to, bool add)
{
    const recurrence *r = n->more;
    const size_t H = n->out->cols, width = r->cell->slots * H;
    const recur_run *run = r->cell->x;
    for (int i = 0; i < RECUR_RUNS && run[i].blocks; i++) {
        product p = transposed_w(k, n, &run[i]);
        p.packed = g->wt[i] != NULL;
        if (g->wt[i]) p.b = g->wt[i];
        p.m = (int)g->rows;
        p.a = at(k, g->d, run[i].slot * H);
        p.a_row = (ptrdiff_t)width;
        p.a_col = 1;
        p.c = to;
        p.c_row = p.n;
        p.add = add || i > 0;
        k->product(&p);
    }
}

// dx += d W^T, or = where nothing is there yet.
static void add_dx(const kernel_set *k, const node *n, const flow *g, void *dx, bool add)
{
    const recurrence *r = n->more;
    const size_t D = n->in[RECUR_X]->cols;
    const int32_t *row = r->row + g->from;
    if (recur_together(r, g->from, g->rows)) {
        times_wt(k, n, g, at(k, dx, (size_t)row[0] * D), add);
        return;
    }
    times_wt(k, n, g, g->x, false);
    for (size_t i = 0; i < g->rows; i++) {
        void *to = at(k, dx, (size_t)row[i] * D);
        if (add)
            k->rows->add(to, at(k, g->x, i * D), D);
        else
            memcpy(to, at(k, g->x, i * D), D * k->size);
    }
}

static void add_db(const kernel_set *k, void *db, const void *sums, const recur_run *run, size_t H)
{
    for (int i = 0; db && i < RECUR_RUNS && run[i].blocks; i++)
        k->rows->add(at(k, db, run[i].block * H), at(k, sums, run[i].slot * H), run[i].blocks * H);
}

// --- the op --------------------------------------------------------------------------------------------

static bool allocate(tape *t, const node *n, flow *g)
{
    const recurrence *r = n->more;
    const kernel_set *k = tape_kernels(t);
    const size_t H = n->out->cols, rows = recur_rows(r, 0), most = recur_most_rows(n);
    const size_t width = r->cell->slots * H;
    *g = (flow){ .chunk = r->steps,
                 .d = tape_memory(t, most * width, k->size),
                 .dh = tape_memory(t, rows * H, k->size),
                 .dmemory = r->memory ? tape_memory(t, rows * H, k->size) : NULL,
                 .sums = tape_memory(t, width, k->size),
                 .x = tape_memory(t, most * n->in[RECUR_X]->cols, k->size) };
    for (int i = 0; n->out->rows > most && i < RECUR_RUNS && r->cell->x[i].blocks; i++) {
        const product p = transposed_w(k, n, &r->cell->x[i]);
        g->wt[i] = tape_memory(t, k->pack(NULL, &p), k->size);
        if (g->wt[i]) k->pack(g->wt[i], &p);
    }
    if (!recur_pack_u(t, n, true, g->packed) || !g->x) return false;
    memset(g->sums, 0, width * k->size);
    memset(g->dh, 0, rows * H * k->size);
    if (g->dmemory) memset(g->dmemory, 0, rows * H * k->size);
    return true;
}

void recurrence_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const recurrence *r = n->more;
    const size_t H = n->out->cols;
    void *grad[RECUR_INPUTS];
    flow g;
    bool add;
    grad[RECUR_X] = tensor_grad_or_new(t, n->in[RECUR_X], &add);
    for (int i = RECUR_W; i < RECUR_INPUTS; i++) grad[i] = tensor_grad(t, n->in[i]);
    const size_t mark = tape_mark(t);
    if (!r->steps || !allocate(t, n, &g)) return;
    for (size_t step = r->steps; step > 0;) {
        const int32_t end = r->start[step];
        while (g.chunk > 0 && (g.chunk == step || end - r->start[g.chunk - 1] <= RECUR_ROWS))
            g.chunk--;
        g.from = (size_t)r->start[g.chunk];
        g.rows = (size_t)end - g.from;
        while (step > g.chunk) step_back(k, n, &g, --step, grad[RECUR_FIRST] != NULL);
        if (grad[RECUR_U]) add_du(k, n, &g, grad[RECUR_U]);
        if (grad[RECUR_W]) add_dw(k, n, &g, grad[RECUR_W]);
        if (grad[RECUR_X]) add_dx(k, n, &g, grad[RECUR_X], add);
    }
    add_first(k, r, grad[RECUR_FIRST], &g, H);
    add_db(k, grad[RECUR_B], g.sums, r->cell->x, H);
    add_db(k, grad[RECUR_BU], g.sums, r->cell->h, H);
    tape_release(t, mark);
}
