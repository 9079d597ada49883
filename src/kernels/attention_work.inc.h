// attention_work.inc.h - a block of queries: its memory, its mask, its products, its dropout.
//
// QUERIES queries stand side by side in registers, and what belongs to a key is a row:
//
//     score [keys][QUERIES]      q [key_width][QUERIES]      out [value_width][QUERIES]
//
// so that sums over keys run down the rows, one query in each lane.  Products are tiles of six keys, or
// six columns of a head, by QUERIES.  Lanes beyond the last query repeat it.
#ifndef KERNELS_ATTENTION_WORK_INC_H
#define KERNELS_ATTENTION_WORK_INC_H
#include "kernels/attention.h"
#include "kernels/lanes_math.inc.h"
#include "kernels/tile.inc.h"

enum {
    QUERIES = PANEL,
    KEYS = 64,              // a chunk of keys: scores and both widths of it stay in L1
    BUCKET_CELLS = 53 * 16, // sixteen to each power of two
    SHORT = 32,             // sequences of at most so many queries and keys,
    FEW = 4,                // or so few queries, go query by query: attention_row.inc.h
};

// --- memory ----------------------------------------------------------------------------------------

typedef struct work {
    const attention *a;
    const attention_gradient *to; // NULL: forward
    float *q, *dout, *out;        // [width][QUERIES]
    float *score, *dscore;        // [keys][QUERIES], or [queries][keys]
    float *row;                   // [keys]
    float *q_rows, *dout_rows;    // [QUERIES][width in whole registers]
    float *factor;                // [QUERIES] forward: of the outputs; backward: sum of dout out
    float *sums;                  // [2][QUERIES]
    uint32_t *stream;             // [DROPOUT_STREAMS][QUERIES]
    ptrdiff_t nearest;            // the least distance in the two that follow
    size_t distances;
    float *position;  // [tables][distances + QUERIES]: the table drawn out
    float *dposition; // [tables][distances][QUERIES]: a sum for each lane
    float *dtime;     // [tables][buckets][QUERIES]
    float *bias;      // [keys][QUERIES] by time
    float *dbias;     // the gradients of the scores of all heads
    uint8_t *stored;  // what is next of a->buckets, or NULL
    uint8_t *bucket;  // [keys][QUERIES], or [queries][keys], of the present queries
    uint8_t *found;   // where they are, if nothing is stored
    uint8_t *cell;    // [BUCKET_CELLS] bucket of the least seconds of a cell
} work;

static size_t tables(const attention *a, const attention_table *t)
{
    return !t->data ? 0 : t->by_head ? (size_t)a->form.heads : 1;
}

static void *part(char *base, size_t *used, size_t n, size_t size)
{
    void *p = base ? base + *used : NULL;
    *used += (n * size + 63) / 64 * 64;
    return p;
}

// Shares out the scratch at `base`, or only adds it up; returns its bytes.
static size_t work_lay(work *w, const attention *a, char *base)
{
    const attention_form *f = &a->form;
    const size_t keys = attention_most_keys(a), F = sizeof(float);
    const size_t C = (size_t)f->key_width, E = (size_t)f->value_width;
    const size_t positions = tables(a, &f->position), times = tables(a, &f->time);
    const size_t few = FEW * (keys + LANES),
                 apart = (few > SHORT * SHORT ? few : SHORT * SHORT) + LANES;
    const size_t all = keys * QUERIES, chunk = KEYS * QUERIES;
    size_t used = 0;
    w->nearest = a->causal ? 1 - QUERIES : 1 - (ptrdiff_t)keys;
    const size_t events = a->causal ? keys : attention_longest(a->offset, a->sequences);
    w->distances = events + (size_t)-w->nearest;
    w->q = part(base, &used, C * QUERIES, F);
    w->dout = part(base, &used, E * QUERIES, F);
    w->out = part(base, &used, (C > E ? C : E) * QUERIES, F);
    w->score = part(base, &used, all > apart ? all : apart, F);
    w->dscore = part(base, &used, chunk > apart ? chunk : apart, F);
    w->row = part(base, &used, keys + LANES, F);
    w->q_rows = part(base, &used, (C + LANES) * QUERIES, F);
    w->dout_rows = part(base, &used, (E + LANES) * QUERIES, F);
    w->factor = part(base, &used, QUERIES, F);
    w->sums = part(base, &used, 2 * QUERIES, F);
    w->stream = part(base, &used, DROPOUT_STREAMS * QUERIES, sizeof *w->stream);
    w->position = part(base, &used, positions * (w->distances + QUERIES), F);
    w->dposition = part(base, &used, positions * w->distances * QUERIES, F);
    w->dtime = part(base, &used, times * f->time.cols * QUERIES, F);
    w->bias = part(base, &used, times ? all : 0, F);
    w->dbias = part(base, &used, times ? all : 0, F);
    w->found = part(base, &used, times ? (all > apart ? all : apart) : 0, 1);
    w->cell = part(base, &used, times ? BUCKET_CELLS : 0, 1);
    return used;
}

// --- a block ---------------------------------------------------------------------------------------

typedef struct block {
    size_t i, row;      // its first query: number of the event, row
    int n, wide;        // queries; registers
    size_t key;         // row of the sequence's first key
    size_t first, last; // keys that are seen
} block;

// Of sequence s, from its query r on.
static block block_at(const attention *a, size_t s, size_t r)
{
    const size_t row = (size_t)a->offset[s], rows = (size_t)a->offset[s + 1] - row;
    const size_t key = (size_t)a->key_offset[s], keys = attention_keys(a, s);
    const int n = rows - r < QUERIES ? (int)(rows - r) : QUERIES;
    const size_t i = attention_base(a, rows, keys) + r;
    return (block){ i,
                    row + r,
                    n,
                    (n + LANES - 1) / LANES,
                    key,
                    attention_first(a, i),
                    attention_last(a, i + (size_t)n - 1, keys) };
}

// Which queries of register r see key j, and do exist.
static INLINE lanes_i block_sees(const attention *a, const block *b, size_t j, int r)
{
    const lanes_i lane = lanes_index() + r * LANES;
    const int from = a->causal && j > b->i ? (int)(j - b->i) : 0;
    const int to =
        a->window && j + a->window < b->i + (size_t)b->n ? (int)(j + a->window - b->i) : b->n;
    return (lane >= from) & (lane < to);
}

// Whether all lanes of all registers in use do.
static INLINE bool block_all(const attention *a, const block *b, size_t j)
{
    return b->n == b->wide * LANES && !(a->causal && j > b->i) &&
           !(a->window && j + a->window < b->i + (size_t)b->n);
}

// --- transposing -----------------------------------------------------------------------------------

// to[c][r] = by * rows[r][c], for the block's queries; lanes beyond them repeat the last.
static void turn_in(float *to, const float *rows, size_t stride, const block *b, int cols, float by)
{
    for (int r = 0; r < b->wide * LANES; r += 4) {
        const float *from[4];
        for (int k = 0; k < 4; k++)
            from[k] = rows + stride * (size_t)(r + k < b->n ? r + k : b->n - 1);
        int c = 0;
        for (; c + 4 <= cols; c += 4) {
            quad x[4];
            UNROLL
            for (int k = 0; k < 4; k++) x[k] = by * quad_load(from[k] + c);
            quad_turn(x);
            UNROLL
            for (int k = 0; k < 4; k++) quad_store(to + (c + k) * QUERIES + r, x[k]);
        }
        for (; c < cols; c++)
            for (int k = 0; k < 4; k++) to[c * QUERIES + r + k] = by * from[k][c];
    }
}

// rows[r][c] (+)= by[r] * from[c][r].
static INLINE void turn_out(float *rows, size_t stride, const float *from, const float *by,
                            const block *b, int cols, bool add)
{
    for (int r = 0; r < b->n; r += 4) {
        const int n = b->n - r < 4 ? b->n - r : 4;
        const quad f = quad_load(by + r);
        int c = 0;
        for (; c + 4 <= cols; c += 4) {
            quad x[4];
            UNROLL
            for (int k = 0; k < 4; k++) x[k] = f * quad_load(from + (c + k) * QUERIES + r);
            quad_turn(x);
            for (int k = 0; k < n; k++) {
                quad *y = (quad *)(void *)(rows + stride * (size_t)(r + k) + c);
                if (add) x[k] += *y;
                *y = x[k];
            }
        }
        for (; c < cols; c++)
            for (int k = 0; k < n; k++) {
                float *y = rows + stride * (size_t)(r + k) + c;
                const float x = by[r + k] * from[c * QUERIES + r + k];
                *y = add ? *y + x : x;
            }
    }
}

// Rows end to end in whole registers: to[r][..] = by * rows[r][..].
static void rows_in(float *to, const float *rows, size_t stride, int n, int cols, float by)
{
    for (int r = 0; r < n; r++, rows += stride) {
        int c = 0;
        for (; c + LANES <= cols; c += LANES, to += LANES) store(to, by * load(rows + c));
        if (c == cols) continue;
        store(to, by * load_part(rows + c, cols - c));
        to += LANES;
    }
}

// --- products --------------------------------------------------------------------------------------

// Causal: register r begins to see keys LANES later than the one before.  So a block's keys are strips:
// the first is for all registers, the next for all but the first, and so on.
typedef struct strip {
    size_t from, to;
} strip;

// Strip r of keys from .. to-1; empty if its `from` is not below its `to`.
static strip strip_at(const work *w, const block *b, int r, size_t from, size_t to)
{
    const size_t begin = b->i + (size_t)r * LANES, end = begin + LANES;
    if (!w->a->causal) return (strip){ r ? to : from, to };
    return (strip){ r && begin > from ? begin : from, r + 1 < b->wide && end < to ? end : to };
}

// to[j - from][queries] = x[j - from] . q, for rows x of keys.
static void key_products(const work *w, const block *b, float *to, const float *q, const float *x,
                         size_t stride, int width, size_t from, size_t last)
{
    for (int r = 0; r < b->wide; r++) {
        const strip s = strip_at(w, b, r, from, last);
        if (s.from >= s.to) continue;
        const tile t = { .a = x + (s.from - from) * stride,
                         .a_row = (ptrdiff_t)stride,
                         .a_col = 1,
                         .b = q + r * LANES,
                         .b_row = QUERIES,
                         .c = to + (s.from - from) * QUERIES + r * LANES,
                         .c_row = QUERIES,
                         .k = width,
                         .tail = LANES };
        tile_down(&t, (int)(s.to - s.from), b->wide - r);
    }
}

// to[c][queries] (+)= sum over keys of weight[j - from][queries] x[j - from][c]
static void key_sums(const work *w, const block *b, float *to, const float *weight, const float *x,
                     size_t stride, int width, size_t from, size_t last)
{
    for (int r = 0; r < b->wide; r++) {
        const strip s = strip_at(w, b, r, from, last);
        if (s.from >= s.to) continue;
        const tile t = { .a = x + (s.from - from) * stride,
                         .a_row = 1,
                         .a_col = (ptrdiff_t)stride,
                         .b = weight + (s.from - from) * QUERIES + r * LANES,
                         .b_row = QUERIES,
                         .c = to + r * LANES,
                         .c_row = QUERIES,
                         .k = (int)(s.to - s.from),
                         .tail = LANES,
                         .add = s.from > b->first };
        tile_down(&t, width, b->wide - r);
    }
}

// to[j - from][c] += sum over queries of weight[j - from][query] rows[query][c], for rows `to` of keys.
static void query_sums(const work *w, const block *b, float *to, size_t stride, const float *weight,
                       const float *rows, int width, size_t from, size_t last)
{
    const int registers = (width + LANES - 1) / LANES;
    for (int r = 0; r < b->wide; r++) {
        const strip s = strip_at(w, b, r, from, last);
        if (s.from >= s.to) continue;
        tile t = { .a = weight + (s.from - from) * QUERIES + r * LANES,
                   .a_row = QUERIES,
                   .a_col = 1,
                   .b = rows + r * LANES * registers * LANES,
                   .b_row = registers * LANES,
                   .c = to + (s.from - from) * stride,
                   .c_row = (ptrdiff_t)stride,
                   .k = b->n - r * LANES,
                   .add = true };
        for (int done = 0, wide; done < registers; done += wide) {
            wide = tile_across(registers - done);
            t.tail = done + wide == registers ? width - (registers - 1) * LANES : LANES;
            tile_down(&t, (int)(s.to - s.from), wide);
            t.b += wide * LANES;
            t.c += wide * LANES;
        }
    }
}

// --- SiLU ----------------------------------------------------------------------------------------

typedef struct silu {
    lanes value, slope;
} silu;

static INLINE silu silu_at(lanes x, float share)
{
    const lanes s = lanes_sigmoid(x);
    return (silu){ share * x * s, share * (s + x * s * (1 - s)) };
}

// --- dropout ---------------------------------------------------------------------------------------

static INLINE lanes_u stream_next(lanes_u x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ (x << 5);
}

static INLINE lanes_u *stream_at(const work *w, size_t j, int r)
{
    return (lanes_u *)(void *)(w->stream + j % DROPOUT_STREAMS * QUERIES + (size_t)r * LANES);
}

// The streams of dropout_begin, a query in each lane, gone on to the block's first key.
static void streams_begin(work *w, const block *b, int head)
{
    const dropout d = attention_drop(w->a, head);
    for (int r = 0; r < b->wide; r++) {
        uint32_t low[LANES], high[LANES];
        for (int l = 0; l < LANES; l++) {
            const uint64_t row = b->row + (size_t)(r * LANES + l);
            const uint64_t z = rng_mix(d.key + (d.first_row + row) * 0x9E3779B97F4A7C15u);
            low[l] = (uint32_t)z, high[l] = (uint32_t)(z >> 32);
        }
        for (uint32_t s = 0; s < DROPOUT_STREAMS; s++) {
            lanes_u x = *(const lanes_u *)(const void *)low + s * 0x9E3779B9u;
            x = (x ^ (x >> 16)) * 0x7FEB352Du;
            x = (x ^ (x >> 15)) * 0x846CA68Bu;
            x = (x ^ (x >> 16)) ^ *(const lanes_u *)(const void *)high;
            *stream_at(w, s, r) = x - (lanes_u)(x == 0); // true is -1
        }
        for (size_t j = 0; j < b->first; j++)
            *stream_at(w, j, r) = stream_next(*stream_at(w, j, r));
    }
}

// Which weights of key j stay.
static INLINE lanes_i stays(const work *w, size_t j, int r, int32_t level)
{
    lanes_u *s = stream_at(w, j, r);
    *s = stream_next(*s);
    return (lanes_i)(*s >> 1) >= level;
}

#endif
