// network_fixture.h - is a whole network what PyTorch computes?  See tests/fixtures/nn/README.md.
//
//     static const fixture_name arrays[] = { { "item", "item" },
//                                           { "block.%d.wq", "block.%d.attention.query" }, ... };
//     network_fixture_check(&(network_fixture){
//         .file = "sasrec", .model = "sasrec", .options = "dim=8 heads=2", arrays, COUNT_OF(arrays) });
//
// Weights are copied from the file by name.  Compared, in double and in float, are the rows that
// are scored, the mean loss, and its gradient by every array of the file: what reaches it by way of
// the rows (d<name>) and as the table of answers (score_<name>) together.
#ifndef TESTS_NETWORK_FIXTURE_H
#define TESTS_NETWORK_FIXTURE_H
#include "tests/network_check.h"
#include "tests/nn_fixture.h"

typedef struct fixture_name {
    const char *file, *ours; // %d: the number of a block
    size_t row, col;         // of ours, where the file's array begins
    bool negated;
} fixture_name;

// Where an array of the file goes: [rows][cols] of a parameter, from `first` on.
typedef struct fixture_place {
    const param *param;
    size_t first, rows, cols;
    double sign;
} fixture_place;

typedef struct network_fixture {
    const char *file, *model, *options;
    const fixture_name *names;
    size_t names_count;
    tensor *(*rows)(tape *t, const network *n, const batch *b); // NULL: network_answers
    void (*prepare)(network *n, const safetensors *f);          // what is no parameter; or NULL
} network_fixture;

enum { FIXTURE_ITEMS = 9, FIXTURE_SEQUENCES = 4, FIXTURE_EVENTS = 10 };

// What of a parameter an array of the file stands for; false: nothing.
static inline bool fixture_find(const network_fixture *x, const network *n, const tensor_view *v,
                                fixture_place *to)
{
    for (size_t i = 0; i < x->names_count; i++) {
        int block = 0;
        char file[64], ours[64];
        const fixture_name *f = &x->names[i];
        if (strchr(f->file, '%') && sscanf(v->name, f->file, &block) != 1) continue;
        snprintf(file, sizeof file, f->file, block);
        snprintf(ours, sizeof ours, f->ours, block);
        const param *p = store_find(n->params, ours);
        if (strcmp(file, v->name) != 0 || !p) continue;
        *to = (fixture_place){ p, f->row * p->cols + f->col, v->dims == 1 ? 1 : v->shape[0],
                               v->shape[v->dims == 1 ? 0 : 1], f->negated ? -1 : 1 };
        if (p->cols == 1 && to->rows == 1) to->rows = to->cols, to->cols = 1; // a vector, upright
        return to->first + (to->rows - 1) * p->cols + to->cols <= p->rows * p->cols;
    }
    return false;
}

// The gradient that an array has by way of the scores it makes, or NULL.
static inline const tensor_view *fixture_direct(const safetensors *f, const char *name)
{
    char direct[80];
    snprintf(direct, sizeof direct, "score_%s", name);
    return safetensors_find(f, direct);
}

static inline void fixture_copy(const network_fixture *x, const network *n, const safetensors *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const tensor_view *v = &f->tensors[i];
        fixture_place to;
        if (!fixture_gradient(f, v->name) && !fixture_direct(f, v->name)) continue;
        const bool there = fixture_find(x, n, v, &to);
        CHECK(there, "%s: no parameter for %s", x->file, v->name);
        for (size_t k = 0; there && k < to.rows * to.cols; k++)
            store_put(n->params, to.param, to.first + k / to.cols * to.param->cols + k % to.cols,
                      to.sign * ((const double *)v->data)[k]);
    }
}

// The file's events as a batch.  Times in files are seconds; an item past the last is a mask.
static inline batch fixture_batch(const safetensors *f)
{
    static int32_t position[FIXTURE_EVENTS], item[FIXTURE_EVENTS];
    static int64_t time[2][FIXTURE_EVENTS];
    static const uint32_t user[FIXTURE_SEQUENCES] = { 0, 1, 2, 3 };
    const int32_t *offset = fixture_array(f, "offset", TENSOR_I32);
    const int32_t *input = fixture_array(f, "input", TENSOR_I32);
    batch b = { .sequences = FIXTURE_SEQUENCES,
                .events = FIXTURE_EVENTS,
                .targets = FIXTURE_EVENTS,
                .offset = offset,
                .item = item,
                .target = fixture_array(f, "target", TENSOR_I32),
                .position = position,
                .user = user };
    for (int s = 0; s < FIXTURE_SEQUENCES; s++)
        for (int32_t e = offset[s]; e < offset[s + 1]; e++) position[e] = e - offset[s];
    for (int e = 0; e < FIXTURE_EVENTS; e++) item[e] = input[e] < FIXTURE_ITEMS ? input[e] : -1;
    if (!safetensors_find(f, "time")) return b;
    const int64_t *happened = fixture_array(f, "time", TENSOR_I64);
    const int64_t *asked = fixture_array(f, "asked", TENSOR_I64);
    for (int e = 0; e < FIXTURE_EVENTS; e++) {
        time[0][e] = happened[e] * 1000000;
        time[1][e] = asked[e] * 1000000;
    }
    b.time = time[0];
    b.next_time = time[1];
    return b;
}

// Some gradients are zero but for rounding, as that of a key's bias: they are small beside `whole`.
static inline void fixture_check_error(const network_fixture *x, const char *what,
                                       const fixture_error *e, double whole, tensor_type type)
{
    const double most = type == TENSOR_F64 ? 1e-11 : 1e-5;
    const double norm = fmax(sqrt(e->norm), 1e-2 * whole);
    CHECK(sqrt(e->off) <= most * norm, "%s as %s: %s off by %.2e", x->file, tensor_type_name(type),
          what, sqrt(e->off) / norm);
}

static inline void fixture_check_gradients(const network_fixture *x, const network *n,
                                           const sink *k, const safetensors *f, tensor_type type)
{
    const double whole = sqrt(sink_norm2(k));
    for (size_t i = 0; i < f->count; i++) {
        const tensor_view *v = &f->tensors[i], *d = fixture_gradient(f, v->name);
        const tensor_view *more = fixture_direct(f, v->name);
        fixture_place at;
        if (!(d || more) || !fixture_find(x, n, v, &at)) continue;
        fixture_error e = { 0, 0 };
        double *want = malloc(at.cols * sizeof *want);
        for (size_t r = 0; r < at.rows; r++) {
            const size_t first = at.first + r * at.param->cols;
            const char *got = sink_find(k, at.param, first / at.param->cols);
            for (size_t c = 0; c < at.cols; c++)
                want[c] = at.sign * ((d ? ((const double *)d->data)[r * at.cols + c] : 0) +
                                     (more ? ((const double *)more->data)[r * at.cols + c] : 0));
            if (got) got += first % at.param->cols * tensor_size(type);
            fixture_compare(&e, got, want, at.cols, type);
        }
        fixture_check_error(x, v->name, &e, whole, type);
        free(want);
    }
}

static inline void network_fixture_check_as(const network_fixture *x, const safetensors *f,
                                            tensor_type type)
{
    network *n = network_make_of(x->model, x->options, FIXTURE_ITEMS, type);
    const batch b = fixture_batch(f);
    const double targets = (double)tensor_count(safetensors_find(f, "target"));
    const double one = 1 / targets;
    const float one_f32 = (float)one;
    tape *t;
    sink *k;
    fixture_copy(x, n, f);
    if (x->prepare) x->prepare(n, f);
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    CHECK_OK(sink_new(&k, n->params, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    tensor *out = (x->rows ? x->rows : network_answers)(t, n, &b);
    tensor *loss = network_loss_of(t, n, &b, out);
    const tensor_view *want = safetensors_find(f, "out");
    fixture_error e = { 0, 0 };
    CHECK(tensor_count(want) == tensor_rows(out) * tensor_cols(out), "%s: outputs", x->file);
    fixture_compare(&e, tensor_data(out), want->data, tensor_count(want), type);
    fixture_check_error(x, "rows", &e, 0, type);
    CHECK(fabs(tensor_number(t, loss) / targets - fixture_number(f, "loss")) <
              (type == TENSOR_F64 ? 1e-12 : 1e-5),
          "%s: loss %g", x->file, tensor_number(t, loss) / targets);
    tape_backward(t, loss, type == TENSOR_F64 ? (const void *)&one : &one_f32, NULL, k);
    fixture_check_gradients(x, n, k, f, type);
    sink_free(k);
    tape_free(t);
    model_free(&n->base);
}

static inline void network_fixture_check(const network_fixture *x)
{
    safetensors f;
    fixture_open(&f, x->file);
    fixture_own_positions(&f);
    network_fixture_check_as(x, &f, TENSOR_F64);
    network_fixture_check_as(x, &f, TENSOR_F32);
    safetensors_close(&f);
}

#endif
