// score_rows.c - the rows that have a target, some at a time.
#include "nn/score_rows.h"

#include <string.h>

void *zeros(tape *t, size_t n)
{
    const size_t size = tape_kernels(t)->size;
    void *x = tape_memory(t, n, size);
    return x ? memset(x, 0, n * size) : NULL;
}

bool score_rows_make(score_rows *s, tape *t, const loss_targets *to, const tensor *h, size_t most)
{
    const kernel_set *k = tape_kernels(t);
    const size_t D = h->cols;
    *s = (score_rows){ .k = k, .to = to, .of = h, .most = most };
    void **const matrix[] = { &s->h, &s->hf, &s->dh, &s->dh_of };
    for (size_t i = 0; i < sizeof matrix / sizeof *matrix; i++)
        *matrix[i] = tape_memory(t, most * D, k->size);
    s->packed = tape_memory(t, k->pack(NULL, &(product){ .n = (int)most, .k = (int)D }), k->size);
    s->answer = tape_memory(t, most, k->size);
    s->factor = tape_memory(t, most, k->size);
    return !tape_failed(t);
}

int32_t score_rows_target(const score_rows *s, size_t c)
{
    return s->to->item[s->row[c]];
}

double score_rows_weight(const score_rows *s, size_t c)
{
    return s->to->weight ? (double)s->to->weight[s->row[c]] : 1;
}

bool score_rows_next(score_rows *s, size_t *from, size_t end)
{
    const kernel_set *k = s->k;
    const size_t D = s->of->cols, width = D * k->size;
    const double scale = s->to->scale != 0 ? s->to->scale : 1;
    s->count = 0;
    for (; *from < end && s->count < s->most; ++*from) {
        if (s->to->item[*from] < 0) continue;
        memcpy(at(k, s->h, s->count * D), at(k, s->of->data, *from * D), width);
        s->row[s->count++] = *from;
    }
    s->cols = (s->count + SCORE_COLUMNS - 1) / SCORE_COLUMNS * SCORE_COLUMNS;
    memset(at(k, s->h, s->count * D), 0, (s->cols - s->count) * width);
    if (scale != 1) k->rows->scale(s->h, scale, s->count * D);
    if (!s->one_by_one)
        k->pack(s->packed,
                &(product){
                    .n = (int)s->cols, .k = (int)D, .b = s->h, .b_row = 1, .b_col = (ptrdiff_t)D });
    return s->count > 0;
}

void score_rows_answers(score_rows *s, const void *e, const int32_t *row)
{
    const kernel_set *k = s->k;
    const size_t D = s->of->cols;
    const param *bias = s->to->bias;
    for (size_t c = 0; c < s->cols; c++) {
        double a = 0;
        if (c < s->count)
            a = k->rows->dot(at(k, s->h, c * D), at(k, e, (size_t)row[s->row[c]] * D), D);
        if (c < s->count && bias) a += number_at(k, bias->data, (size_t)score_rows_target(s, c));
        number_set(k, s->answer, c, a);
    }
}

void score_rows_score(const score_rows *s, void *x, const void *e, const void *bias, size_t items)
{
    const ptrdiff_t D = (ptrdiff_t)s->of->cols, cols = (ptrdiff_t)s->cols;
    s->k->product(&(product){ .m = (int)items,
                              .n = (int)cols,
                              .k = (int)D,
                              .a = e,
                              .a_row = D,
                              .a_col = 1,
                              .b = s->packed,
                              .c = x,
                              .c_row = cols,
                              .packed = true });
    if (bias) s->k->scores->add_bias(x, bias, items, s->cols);
}

// y[c] = factor[c] * x[c], rows of D; or added.
static void multiply_rows(const score_rows *s, void *y, const void *x, bool add)
{
    const size_t D = s->of->cols;
    for (size_t c = 0; c < s->count; c++) {
        void *to = at(s->k, y, c * D);
        const double by = number_at(s->k, s->factor, c);
        if (add) {
            s->k->rows->axpy(to, by, at(s->k, x, c * D), D);
        } else {
            memcpy(to, at(s->k, x, c * D), D * s->k->size);
            if (by != 1) s->k->rows->scale(to, by, D);
        }
    }
}

void score_rows_factor(score_rows *s)
{
    multiply_rows(s, s->hf, s->h, false);
}

void score_rows_back(score_rows *s, const void *x, const void *e, size_t items, void *de, void *db)
{
    const ptrdiff_t D = (ptrdiff_t)s->of->cols, cols = (ptrdiff_t)s->cols;
    const int m = (int)items, n = (int)s->count;
    if (de) s->k->product(&(product){ m, (int)D, n, x, cols, 1, s->hf, D, 1, de, D, true });
    if (db) s->k->product(&(product){ m, 1, n, x, cols, 1, s->factor, 1, 1, db, 1, true });
    s->k->product(&(product){ n, (int)D, m, x, 1, cols, e, D, 1, s->dh_of, D, false });
    multiply_rows(s, s->dh, s->dh_of, true);
}

void score_rows_scatter(const score_rows *s, void *dh)
{
    const size_t D = s->of->cols;
    for (size_t c = 0; c < s->count; c++)
        s->k->rows->axpy(at(s->k, dh, s->row[c] * D), s->to->scale != 0 ? s->to->scale : 1,
                         at(s->k, s->dh, c * D), D);
}
