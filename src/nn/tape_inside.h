// tape_inside.h - what ops see of a tape: models do not include this.
//
// An op is a kind, described by data, and a builder function that models call:
//
//     static const op_kind linear = { "linear", linear_forward, linear_backward, NULL };
//
// forward fills out->data from the inputs' data and keeps what backward will need in `more`, a
// struct of the op in the tape's memory.  backward adds to the gradients of the inputs; it must
// not change anything that forward made, since it may run again.  step does what forward does for
// one more event of a kept sequence; without it, forward does.
#ifndef NN_TAPE_INSIDE_H
#define NN_TAPE_INSIDE_H
#include "kernels/set.h"
#include "nn/tape.h"

enum { OP_INPUTS = 8 };

struct tensor {
    size_t rows, cols;
    void *data;         // [rows][cols]; NULL when not computed
    void *grad;         // of the present backward pass; NULL: nothing yet
    const param *param; // a leaf whose gradient goes to the sink
    bool wants;         // some parameter is upstream
};

typedef struct node node;

typedef struct op_kind {
    const char *name;
    void (*forward)(tape *t, node *n);
    void (*backward)(tape *t, const node *n);
    void (*step)(tape *t, node *n);
} op_kind;

struct node {
    const op_kind *kind;
    tensor *in[OP_INPUTS]; // NULL: not given
    int inputs;
    tensor *out;
    void *more;
    node *before; // the one recorded before
};

// Makes the output [rows][cols], runs forward (or step) and records the node.  `more` is copied:
// `size` bytes.  Never returns NULL.
tensor *tape_apply(tape *t, const op_kind *kind, tensor *const *in, int inputs, size_t rows,
                   size_t cols, const void *more, size_t size);
// The same for an op whose parameter is met by rows: `wants` says that it has one.
tensor *tape_apply_rows(tape *t, const op_kind *kind, tensor *const *in, int inputs, size_t rows,
                        size_t cols, const void *more, size_t size);

// Where to add the gradient of x: zeroed at the first ask; NULL: nobody wants it.
void *tensor_grad(tape *t, tensor *x);
// The same without clearing: *add is false at the first ask, and the op then writes instead.
void *tensor_grad_or_new(tape *t, tensor *x, bool *add);
// Makes `grad`, the gradient of an output that nothing will read again, that of x, if it has none.
bool tensor_grad_take(tape *t, tensor *x, void *grad);
// The sink of the present backward pass if it wants the gradient of p, else NULL.
sink *tape_sink(const tape *t, const param *p);

const kernel_set *tape_kernels(const tape *t);
const tape_pass *tape_now(const tape *t);
// Scratch for forward or backward: given back by tape_release(), not cleared.
size_t tape_mark(const tape *t);
void tape_release(tape *t, size_t mark);
// The key of dropout for the op being built: another for every op of a pass.
uint64_t tape_dropout_key(tape *t);
// The next `bytes` of the kept state for the op being run: the same at every event, in the order in
// which ops are run.  When measuring or without a state, NULL, and the bytes are added up.
void *tape_kept(tape *t, size_t bytes);

// Element i of a matrix of the tape's type.
static inline void *at(const kernel_set *k, const void *data, size_t i)
{
    return (char *)(uintptr_t)data + i * k->size;
}

// Number i of an array of the tape's type.
static inline double number_at(const kernel_set *k, const void *x, size_t i)
{
    return k->size == sizeof(double) ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static inline void number_set(const kernel_set *k, void *x, size_t i, double v)
{
    if (k->size == sizeof(double))
        ((double *)x)[i] = v;
    else
        ((float *)x)[i] = (float)v;
}

#endif
