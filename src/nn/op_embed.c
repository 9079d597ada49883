// op_embed.c - rows of a table, and rows of a tensor.
#include "nn/ops.h"
#include "nn/tape_inside.h"

#include <string.h>

typedef struct rows_of {
    const param *table;
    const int32_t *row;
} rows_of;

// out[n] = table[row[n]]; a vector is a table of rows of one number
static void copy_rows(const kernel_set *k, const node *n, const void *table, const int32_t *row)
{
    const size_t width = n->out->cols * k->size;
    char *to = n->out->data;
    for (size_t i = 0; to && i < n->out->rows; i++, to += width) {
        if (row[i] < 0)
            memset(to, 0, width);
        else
            memcpy(to, (const char *)table + (size_t)row[i] * width, width);
    }
}

// --- a table ---------------------------------------------------------------------------------------

static void embed_forward(tape *t, node *n)
{
    const rows_of *r = n->more;
    copy_rows(tape_kernels(t), n, r->table->data, r->row);
}

static void embed_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const rows_of *r = n->more;
    sink *s = tape_sink(t, r->table);
    void *dense = s && r->table->vector ? sink_dense(s, r->table) : NULL;
    for (size_t i = 0; s && i < n->out->rows; i++) {
        if (r->row[i] < 0) continue;
        void *to = r->table->vector ? dense : sink_row(s, r->table, (size_t)r->row[i]);
        if (to && r->table->vector) to = at(k, to, (size_t)r->row[i]);
        if (to) k->rows->add(to, at(k, n->out->grad, i * n->out->cols), n->out->cols);
    }
}

static const op_kind embed = { "embed", embed_forward, embed_backward, NULL };

tensor *op_embed(tape *t, const param *table, const int32_t *row, size_t n)
{
    const rows_of r = { table, row };
    return tape_apply_rows(t, &embed, NULL, 0, n, table->vector ? 1 : table->cols, &r, sizeof r);
}

// --- sums of rows ------------------------------------------------------------------------------------

typedef struct sums_of {
    const param *table;
    const int32_t *row; // [n][each]
    size_t each;
} sums_of;

static void sum_forward(tape *t, node *n)
{
    const kernel_set *k = tape_kernels(t);
    const sums_of *s = n->more;
    const size_t D = n->out->cols;
    if (!n->out->data) return;
    memset(n->out->data, 0, n->out->rows * D * k->size);
    for (size_t i = 0; i < n->out->rows * s->each; i++)
        if (s->row[i] >= 0)
            k->rows->add(at(k, n->out->data, i / s->each * D),
                         at(k, s->table->data, (size_t)s->row[i] * D), D);
}

static void sum_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const sums_of *s = n->more;
    const size_t D = n->out->cols;
    sink *to = tape_sink(t, s->table);
    for (size_t i = 0; to && i < n->out->rows * s->each; i++) {
        void *g = s->row[i] < 0 ? NULL : sink_row(to, s->table, (size_t)s->row[i]);
        if (g) k->rows->add(g, at(k, n->out->grad, i / s->each * D), D);
    }
}

static const op_kind embed_sum = { "embed sum", sum_forward, sum_backward, NULL };

tensor *op_embed_sum(tape *t, const param *table, const int32_t *row, size_t each, size_t n)
{
    const sums_of s = { table, row, each };
    return tape_apply_rows(t, &embed_sum, NULL, 0, n, table->cols, &s, sizeof s);
}

// --- a tensor --------------------------------------------------------------------------------------

static void pick_forward(tape *t, node *n)
{
    const rows_of *r = n->more;
    copy_rows(tape_kernels(t), n, n->in[0]->data, r->row);
}

static void pick_backward(tape *t, const node *n)
{
    const kernel_set *k = tape_kernels(t);
    const rows_of *r = n->more;
    const size_t cols = n->out->cols;
    void *dx = tensor_grad(t, n->in[0]);
    for (size_t i = 0; dx && i < n->out->rows; i++)
        if (r->row[i] >= 0)
            k->rows->add(at(k, dx, (size_t)r->row[i] * cols), at(k, n->out->grad, i * cols), cols);
}

static const op_kind pick = { "pick", pick_forward, pick_backward, NULL };

tensor *op_pick(tape *t, tensor *x, const int32_t *row, size_t n)
{
    const rows_of r = { NULL, row };
    return tape_apply(t, &pick, &x, 1, n, x->cols, &r, sizeof r);
}
