// tape.c - reverse-mode differentiation over coarse ops.
#include "nn/tape.h"
#include "base/memory.h"
#include "base/rng.h"
#include "nn/tape_inside.h"

#include <string.h>

// --- memory ------------------------------------------------------------------------------------------

// A stack of chunks.  Emptying it leaves one chunk of the size that was needed.
enum { CHUNKS = 48, CHUNK_FIRST = 1 << 16, SPARES = 256 };

typedef struct heap {
    struct chunk {
        unsigned char *base;
        size_t cap, used;
    } chunk[CHUNKS];
    int count, now;
    arena *fixed; // everything comes from here instead, or NULL
    bool counting;
    size_t counted, peak;
} heap;

static size_t round_up(size_t bytes)
{
    return (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

static void *fixed_alloc(heap *h, size_t bytes)
{
    arena *a = h->fixed;
    if (bytes > a->cap - a->used) {
        a->failed = true;
        return NULL;
    }
    void *p = a->base + a->used;
    a->used += bytes;
    return p;
}

static void *heap_alloc(heap *h, size_t n, size_t size)
{
    if (size && n > (SIZE_MAX / 2) / size) return NULL;
    const size_t bytes = round_up(n * size);
    if (h->counting) {
        h->counted += bytes;
        if (h->counted > h->peak) h->peak = h->counted;
        return NULL;
    }
    if (h->fixed) return fixed_alloc(h, bytes);
    while (h->now < h->count && bytes > h->chunk[h->now].cap - h->chunk[h->now].used) h->now++;
    if (h->now == h->count) {
        if (h->count == CHUNKS) return NULL;
        size_t cap = h->count ? 2 * h->chunk[h->count - 1].cap : CHUNK_FIRST;
        if (cap < bytes) cap = bytes;
        unsigned char *base = mem_alloc(cap, 1);
        if (!base) return NULL;
        h->chunk[h->count++] = (struct chunk){ base, cap, 0 };
    }
    struct chunk *c = &h->chunk[h->now];
    void *p = c->base + c->used;
    c->used += bytes;
    return p;
}

static void heap_free(heap *h)
{
    for (int i = 0; i < h->count; i++) mem_free(h->chunk[i].base);
    h->count = h->now = 0;
}

static size_t heap_room(const heap *h)
{
    size_t room = 0;
    for (int i = 0; i < h->count; i++) room += h->chunk[i].cap;
    return room;
}

// Several chunks become one, so that later passes find everything in one place.
static void heap_empty(heap *h)
{
    h->counted = h->peak = 0;
    if (h->count > 1) {
        const size_t total = heap_room(h);
        heap_free(h);
        unsigned char *base = mem_alloc(total, 1); // failing, it grows again from nothing
        if (base) h->chunk[h->count++] = (struct chunk){ base, total, 0 };
    }
    if (h->count) h->chunk[0].used = 0;
    h->now = 0;
}

// Room for what another needed, in one chunk; what is in it goes.
static void heap_match(heap *h, const heap *like)
{
    const size_t room = heap_room(like);
    if (heap_room(h) >= room) return;
    heap_free(h);
    unsigned char *base = mem_alloc(room, 1);
    if (base) h->chunk[h->count++] = (struct chunk){ base, room, 0 };
}

typedef struct mark {
    int chunk;
    size_t used;
} mark;

static mark heap_mark(const heap *h)
{
    if (h->counting) return (mark){ 0, h->counted };
    if (h->fixed) return (mark){ 0, h->fixed->used };
    return (mark){ h->now, h->now < h->count ? h->chunk[h->now].used : 0 };
}

static void heap_release(heap *h, mark m)
{
    if (h->counting) {
        h->counted = m.used;
    } else if (h->fixed) {
        h->fixed->used = m.used;
    } else {
        for (int i = m.chunk + 1; i < h->count; i++) h->chunk[i].used = 0;
        if (m.chunk < h->count) h->chunk[m.chunk].used = m.used;
        h->now = m.chunk;
    }
}

static size_t heap_used(const heap *h)
{
    if (h->counting) return h->peak;
    size_t used = 0;
    for (int i = 0; i < h->count; i++) used += h->chunk[i].used;
    return used;
}

// --- the tape ----------------------------------------------------------------------------------------

struct tape {
    const store *params;
    kernel_set kernels;
    heap records, data; // tensors and nodes; what they hold
    arena *memory;      // of tape_new, or NULL
    size_t begin;       // where a pass begins in it
    tape_pass pass;
    node *last;
    mark forward; // end of what forward made; set by the first backward
    bool ended;
    sink *sink;
    const bool *mask;
    uint64_t ops; // built in this pass
    size_t kept_used;
    bool failed;
    tensor spare[SPARES]; // what ops give when there is no memory: shapes without data
    unsigned spares;
};

habit_status tape_new(tape **out, const store *params, arena *memory, habit_error *err)
{
    tape *t = memory ? arena_alloc(memory, 1, sizeof *t) : ZNEW(tape, 1);
    if (!t) return fail_memory(err, "tape", sizeof *t);
    t->params = params;
    t->kernels = store_type(params) == TENSOR_F64 ? kernel_set_f64() : kernel_set_f32();
    t->memory = memory;
    t->records.fixed = t->data.fixed = memory;
    if (memory) t->begin = arena_mark(memory);
    *out = t;
    return HABIT_OK;
}

void tape_free(tape *t)
{
    if (!t || t->memory) return;
    heap_free(&t->records);
    heap_free(&t->data);
    mem_free(t);
}

void tape_match(tape *t, const tape *like)
{
    heap_match(&t->records, &like->records);
    heap_match(&t->data, &like->data);
}

void tape_begin(tape *t, const tape_pass *pass)
{
    heap_empty(&t->records);
    heap_empty(&t->data);
    if (t->memory) arena_rewind(t->memory, t->begin);
    t->data.counting = pass->mode == TAPE_MEASURE;
    t->pass = *pass;
    t->last = NULL;
    t->ended = false;
    t->ops = 0;
    t->kept_used = 0;
    t->failed = false;
}

bool tape_failed(const tape *t)
{
    return t->failed;
}

bool tape_trains(const tape *t)
{
    return t->pass.mode == TAPE_TRAIN;
}

size_t tape_used(const tape *t)
{
    return t->memory ? t->memory->used - t->begin : heap_used(&t->records) + heap_used(&t->data);
}

const kernel_set *tape_kernels(const tape *t)
{
    return &t->kernels;
}

const tape_pass *tape_now(const tape *t)
{
    return &t->pass;
}

uint64_t tape_dropout_key(tape *t)
{
    return rng_mix(rng_mix(t->pass.key) + t->ops);
}

void *tape_kept(tape *t, size_t bytes)
{
    const size_t from = t->kept_used;
    t->kept_used += round_up(bytes);
    return t->pass.kept && t->pass.kept->bytes ? (char *)t->pass.kept->bytes + from : NULL;
}

size_t tape_kept_bytes(const tape *t)
{
    return t->kept_used;
}

void *tape_memory(tape *t, size_t n, size_t size)
{
    if (t->failed) return NULL;
    void *p = heap_alloc(&t->data, n, size);
    if (!p && !t->data.counting) t->failed = true;
    return p;
}

// Small marks fit a size_t: the chunk in the top bits.
size_t tape_mark(const tape *t)
{
    const mark m = heap_mark(&t->data);
    return (size_t)m.chunk << 48 | m.used;
}

void tape_release(tape *t, size_t at)
{
    heap_release(&t->data, (mark){ (int)(at >> 48), at & (((size_t)1 << 48) - 1) });
}

// --- tensors -----------------------------------------------------------------------------------------

size_t tensor_rows(const tensor *x)
{
    return x->rows;
}

size_t tensor_cols(const tensor *x)
{
    return x->cols;
}

const void *tensor_data(const tensor *x)
{
    return x->data;
}

double tensor_number(const tape *t, const tensor *x)
{
    if (!x->data) return 0;
    return t->kernels.size == sizeof(double) ? *(const double *)x->data
                                             : (double)*(const float *)x->data;
}

void tensor_copy(const tape *t, const tensor *x, float *to)
{
    const size_t n = x->rows * x->cols;
    if (!x->data) return;
    if (t->kernels.size == sizeof(float)) memcpy(to, x->data, n * sizeof *to);
    for (size_t i = 0; t->kernels.size != sizeof(float) && i < n; i++)
        to[i] = (float)((const double *)x->data)[i];
}

static void *record(tape *t, size_t size)
{
    void *p = t->failed ? NULL : heap_alloc(&t->records, 1, size);
    if (p) return memset(p, 0, size);
    t->failed = true;
    return NULL;
}

static tensor *tensor_new(tape *t, size_t rows, size_t cols)
{
    tensor *x = record(t, sizeof *x);
    if (!x) x = &t->spare[t->spares++ % SPARES];
    *x = (tensor){ .rows = rows, .cols = cols };
    return x;
}

tensor *tape_param(tape *t, const param *p)
{
    tensor *x = tensor_new(t, p->rows, p->cols);
    x->data = p->data;
    x->param = p;
    x->wants = true;
    return x;
}

tensor *tape_input(tape *t, const float *values, size_t rows, size_t cols)
{
    tensor *x = tensor_new(t, rows, cols);
    x->data = tape_memory(t, rows * cols, t->kernels.size);
    for (size_t i = 0; x->data && i < rows * cols; i++) {
        if (t->kernels.size == sizeof(double))
            ((double *)x->data)[i] = (double)values[i];
        else
            ((float *)x->data)[i] = values[i];
    }
    return x;
}

tensor *tape_input_f64(tape *t, const double *values, size_t rows, size_t cols)
{
    tensor *x = tensor_new(t, rows, cols);
    x->data = tape_memory(t, rows * cols, t->kernels.size);
    for (size_t i = 0; x->data && i < rows * cols; i++) {
        if (t->kernels.size == sizeof(double))
            ((double *)x->data)[i] = values[i];
        else
            ((float *)x->data)[i] = (float)values[i];
    }
    return x;
}

// --- forward -----------------------------------------------------------------------------------------

static tensor *apply(tape *t, const op_kind *kind, tensor *const *in, int inputs, size_t rows,
                     size_t cols, const void *more, size_t size, bool wants)
{
    tensor *out = tensor_new(t, rows, cols);
    node *n = record(t, sizeof *n);
    void *copy = size ? record(t, size) : NULL;
    out->data = tape_memory(t, rows * cols, t->kernels.size);
    t->ops++;
    if (!n || (size && !copy)) return out;
    if (size) memcpy(copy, more, size);
    *n = (node){ .kind = kind, .inputs = inputs, .out = out, .more = copy };
    bool ready = out->data != NULL || t->data.counting;
    for (int i = 0; i < inputs; i++) {
        n->in[i] = in[i];
        if (!in[i]) continue;
        wants = wants || in[i]->wants;
        ready = ready && (in[i]->data || t->data.counting);
    }
    out->wants = wants;
    if (!ready) return out;
    (t->pass.mode == TAPE_STEP && kind->step ? kind->step : kind->forward)(t, n);
    if (t->pass.mode == TAPE_TRAIN) {
        n->before = t->last;
        t->last = n;
    }
    return out;
}

tensor *tape_apply(tape *t, const op_kind *kind, tensor *const *in, int inputs, size_t rows,
                   size_t cols, const void *more, size_t size)
{
    return apply(t, kind, in, inputs, rows, cols, more, size, false);
}

tensor *tape_apply_rows(tape *t, const op_kind *kind, tensor *const *in, int inputs, size_t rows,
                        size_t cols, const void *more, size_t size)
{
    return apply(t, kind, in, inputs, rows, cols, more, size, true);
}

// --- backward ----------------------------------------------------------------------------------------

sink *tape_sink(const tape *t, const param *p)
{
    return t->mask && !t->mask[p->index] ? NULL : t->sink;
}

void *tensor_grad_or_new(tape *t, tensor *x, bool *add)
{
    *add = true;
    if (!x || !x->wants) return NULL;
    if (x->param) {
        sink *s = tape_sink(t, x->param);
        return s ? sink_dense(s, x->param) : NULL;
    }
    if (x->grad) return x->grad;
    *add = false;
    return x->grad = tape_memory(t, x->rows * x->cols, t->kernels.size);
}

void *tensor_grad(tape *t, tensor *x)
{
    bool add;
    void *grad = tensor_grad_or_new(t, x, &add);
    if (grad && !add) memset(grad, 0, x->rows * x->cols * t->kernels.size);
    return grad;
}

bool tensor_grad_take(tape *t, tensor *x, void *grad)
{
    (void)t;
    if (!x->wants || x->param || x->grad) return false;
    x->grad = grad;
    return true;
}

static void forget_gradients(tape *t)
{
    for (node *n = t->last; n; n = n->before) {
        n->out->grad = NULL;
        for (int i = 0; i < n->inputs; i++)
            if (n->in[i]) n->in[i]->grad = NULL;
    }
}

void tape_backward(tape *t, tensor *out, const void *seed, const bool *mask, sink *s)
{
    if (t->failed || t->pass.mode != TAPE_TRAIN || !out->wants) return;
    if (!t->ended) {
        t->forward = heap_mark(&t->data);
        t->ended = true;
    } else {
        heap_release(&t->data, t->forward);
        forget_gradients(t);
    }
    t->sink = s;
    t->mask = mask;
    void *grad = tensor_grad(t, out);
    if (grad) memcpy(grad, seed, out->rows * out->cols * t->kernels.size);
    for (node *n = t->last; n && !t->failed; n = n->before)
        if (n->out->grad) n->kind->backward(t, n);
    t->sink = NULL;
}
