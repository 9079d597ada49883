// op_recurrent.c - the cells: how one step goes, forward and back.
#include "nn/op_recurrent.h"
#include "nn/recurrence.h"

#include <assert.h>

static tensor *apply(tape *t, const op_kind *kind, const recurrence *r, tensor *const *in)
{
    const size_t H = in[RECUR_U]->rows;
    assert(in[RECUR_W]->rows == in[RECUR_X]->cols);
    assert(in[RECUR_W]->cols == r->cell->blocks * H && in[RECUR_U]->cols == r->cell->blocks * H);
    assert(!in[RECUR_FIRST] || in[RECUR_FIRST]->cols == r->cell->states * H);
    return tape_apply(t, kind, in, RECUR_INPUTS, in[RECUR_X]->rows, H, r, sizeof *r);
}

static tensor *leaf(tape *t, const param *p)
{
    return p ? tape_param(t, p) : NULL;
}

// --- GRU: slots r, z, u, c -----------------------------------------------------------------------------

static void gru_late_forward(const recur_step *s)
{
    if (!s->empty) recur_times_u(s, 0);
    s->k->recurrent->gru(s->h, s->gates, s->before, s->rows, s->H);
}

static void gru_late_backward(const recur_step *s)
{
    s->k->recurrent->gru_back(s->d, s->dh, s->gates, s->before, s->rows, s->H);
    if (!s->empty) recur_times_ut(s, 0, s->dh, s->H, true);
}

// The slot u holds r * h, which then meets u_c.
static void gru_early_forward(const recur_step *s)
{
    const recurrent_kernels *cells = s->k->recurrent;
    if (!s->empty) recur_times_u(s, 0);
    cells->gru_reset(s->gates, s->before, s->rows, s->H);
    if (!s->empty) recur_times_u(s, 1);
    cells->gru_update(s->h, s->gates, s->before, s->rows, s->H);
}

static void gru_early_backward(const recur_step *s)
{
    const recurrent_kernels *cells = s->k->recurrent;
    const size_t H = s->H;
    cells->gru_update_back(s->d, s->dh, s->gates, s->before, s->rows, H);
    recur_times_ut(s, 1, at(s->k, s->d, 2 * H), 4 * H, false);
    cells->gru_reset_back(s->d, s->dh, s->gates, s->before, s->rows, H);
    if (!s->empty) recur_times_ut(s, 0, s->dh, H, true);
}

// Blocks r, z, c.
static const recur_cell gru_late = {
    .blocks = 3,
    .slots = 4,
    .states = 1,
    .x = { { 0, 0, 2, 0 }, { 2, 3, 1, 0 } },
    .h = { { 0, 0, 3, RECUR_BEFORE } },
    .forward = gru_late_forward,
    .backward = gru_late_backward,
};

static const recur_cell gru_early = {
    .blocks = 3,
    .slots = 4,
    .states = 1,
    .x = { { 0, 0, 2, 0 }, { 2, 3, 1, 0 } },
    .h = { { 0, 0, 2, RECUR_BEFORE }, { 2, 3, 1, 2 } },
    .forward = gru_early_forward,
    .backward = gru_early_backward,
};

static const op_kind gru = { "gru", recurrence_forward, recurrence_backward, recurrence_step };

tensor *op_gru(tape *t, tensor *x, const gru_params *p, const int32_t *offset, size_t sequences,
               tensor *first)
{
    tensor *const in[] = { x, leaf(t, p->w), leaf(t, p->u), leaf(t, p->b), leaf(t, p->bu), first };
    const recurrence r = { .cell = p->form == GRU_EARLY ? &gru_early : &gru_late,
                           .offset = offset,
                           .sequences = sequences };
    return apply(t, &gru, &r, in);
}

// --- LSTM: slots i, f, g, o ----------------------------------------------------------------------------

static void lstm_forward(const recur_step *s)
{
    if (!s->empty) recur_times_u(s, 0);
    s->k->recurrent->lstm(s->h, s->memory, s->gates, s->memory_before, s->rows, s->H);
}

static void lstm_backward(const recur_step *s)
{
    s->k->recurrent->lstm_back(s->d, s->dh, s->dmemory, s->gates, s->memory, s->memory_before,
                               s->rows, s->H);
    if (!s->empty) recur_times_ut(s, 0, s->dh, s->H, false);
}

static const recur_cell lstm_cell = {
    .blocks = 4,
    .slots = 4,
    .states = 2,
    .x = { { 0, 0, 4, 0 } },
    .h = { { 0, 0, 4, RECUR_BEFORE } },
    .forward = lstm_forward,
    .backward = lstm_backward,
};

static const op_kind lstm = { "lstm", recurrence_forward, recurrence_backward, recurrence_step };

tensor *op_lstm(tape *t, tensor *x, const lstm_params *p, const int32_t *offset, size_t sequences,
                tensor *first)
{
    tensor *const in[] = { x, leaf(t, p->w), leaf(t, p->u), leaf(t, p->b), leaf(t, p->bu), first };
    const recurrence r = { .cell = &lstm_cell, .offset = offset, .sequences = sequences };
    return apply(t, &lstm, &r, in);
}

// --- plain ---------------------------------------------------------------------------------------------

static void plain_forward(const recur_step *s, bool relu)
{
    if (!s->empty) recur_times_u(s, 0);
    s->k->recurrent->rnn(s->h, s->gates, s->rows * s->H, relu);
}

static void plain_backward(const recur_step *s, bool relu)
{
    s->k->recurrent->rnn_back(s->d, s->dh, s->gates, s->rows * s->H, relu);
    if (!s->empty) recur_times_ut(s, 0, s->dh, s->H, false);
}

static void tanh_forward(const recur_step *s)
{
    plain_forward(s, false);
}

static void tanh_backward(const recur_step *s)
{
    plain_backward(s, false);
}

static void relu_forward(const recur_step *s)
{
    plain_forward(s, true);
}

static void relu_backward(const recur_step *s)
{
    plain_backward(s, true);
}

static const recur_cell rnn_tanh = {
    .blocks = 1,
    .slots = 1,
    .states = 1,
    .x = { { 0, 0, 1, 0 } },
    .h = { { 0, 0, 1, RECUR_BEFORE } },
    .forward = tanh_forward,
    .backward = tanh_backward,
};

static const recur_cell rnn_relu = {
    .blocks = 1,
    .slots = 1,
    .states = 1,
    .x = { { 0, 0, 1, 0 } },
    .h = { { 0, 0, 1, RECUR_BEFORE } },
    .forward = relu_forward,
    .backward = relu_backward,
};

static const op_kind rnn = { "rnn", recurrence_forward, recurrence_backward, recurrence_step };

tensor *op_rnn(tape *t, tensor *x, const rnn_params *p, const int32_t *offset, size_t sequences,
               tensor *first)
{
    assert(p->f == ACT_TANH || p->f == ACT_RELU);
    tensor *const in[] = { x, leaf(t, p->w), leaf(t, p->u), leaf(t, p->b), leaf(t, p->bu), first };
    const recurrence r = { .cell = p->f == ACT_RELU ? &rnn_relu : &rnn_tanh,
                           .offset = offset,
                           .sequences = sequences };
    return apply(t, &rnn, &r, in);
}
