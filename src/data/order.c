// order.c - packed records in order of arrival to columns in order of user and time.
#include "data/order.h"
#include "base/memory.h"
#include "data/cuts.h"

enum {
    BLOCK_MIN = 64 << 10,
    BLOCK_MAX = 32 << 20,
    BUCKET_BYTES = 256 << 10, // of records: with their indices half of a second-level cache
    BUCKETS_MAX = 1024,       // open write streams
    COLUMNS = 4 + READER_EXTRAS,
    TRANSLATE_PIECES = 16
};

// One column on its way to its section.
typedef struct sink {
    size_t at, size; // of the field in the record
    int section;
} sink;

// A run of buckets being sorted, or waiting to be written: column after column, each `rows` long.
typedef struct group {
    uint32_t first, end; // buckets
    uint64_t rows;
    unsigned char *bytes;
    size_t bytes_cap;
} group;

typedef struct timed {
    int64_t time;
    uint32_t row;
} timed;

// What a thread needs to sort a bucket; grows to the largest.
typedef struct bench {
    uint32_t *row; // of the bucket, user by user
    uint32_t *next;
    timed *timed; // twice the events of one user
    size_t row_cap, next_cap, timed_cap;
    habit_error error;
} bench;

typedef struct sorter {
    const order *o;
    const record_format *format;
    uint32_t users;
    uint64_t *offset; // [users+1]
    sink sink[COLUMNS];
    int sinks;
    size_t sink_bytes; // of a row in all columns
    size_t block_rows;

    unsigned char *records; // of the part at hand, bucket by bucket
    uint64_t part_first;    // its first event
    cuts buckets;
    group group[2]; // one is sorted while the other is written
    const group *sorted, *written;
    habit_error write_error;
    bench *bench; // [threads]
} sorter;

size_t order_block_bytes(size_t memory)
{
    const size_t bytes = memory / 16;
    return bytes < BLOCK_MIN ? BLOCK_MIN : bytes > BLOCK_MAX ? BLOCK_MAX : bytes;
}

// While a part is distributed its records exist twice, as far as pages have been touched; two
// blocks more are for output.
size_t order_blocks_max(size_t memory)
{
    const size_t blocks = memory / order_block_bytes(memory);
    return blocks < 4 ? 1 : (blocks - 2) / 2;
}

// --- the events of one user ----------------------------------------------------------------------

static int64_t time_of(const sorter *s, const unsigned char *record)
{
    return s->format->time ? record_i64(record + s->format->time) : 0;
}

// Order among events of a user at one moment that depends on nothing but their content.
static int compare_content(const sorter *s, const unsigned char *a, const unsigned char *b)
{
    const record_format *f = s->format;
    const uint32_t x = record_u32(a + RECORD_ITEM), y = record_u32(b + RECORD_ITEM);
    if (x != y) return x < y ? -1 : 1;
    if (f->behaviour && a[f->behaviour] != b[f->behaviour])
        return a[f->behaviour] < b[f->behaviour] ? -1 : 1;
    if (f->value) {
        const float v = record_f32(a + f->value), w = record_f32(b + f->value);
        if (v < w || v > w) return v < w ? -1 : 1;
    }
    return memcmp(a, b, f->width);
}

// a, b: rows of the bucket whose records are at `src`; a comes first.
static bool in_order(const sorter *s, const unsigned char *src, uint32_t a, uint32_t b)
{
    const unsigned char *x = src + a * s->format->width, *y = src + b * s->format->width;
    const int64_t s_time = time_of(s, x), t_time = time_of(s, y);
    if (s_time != t_time) return s_time < t_time;
    return !s->o->by_item || compare_content(s, x, y) <= 0;
}

static bool timed_in_order(const sorter *s, const unsigned char *src, timed a, timed b)
{
    if (a.time != b.time) return a.time < b.time;
    if (!s->o->by_item) return true; // merging keeps the order
    const size_t width = s->format->width;
    return compare_content(s, src + a.row * width, src + b.row * width) <= 0;
}

static void merge_sort(const sorter *s, const unsigned char *src, timed *a, timed *tmp, size_t n)
{
    if (n < 8) {
        for (size_t i = 1; i < n; i++) {
            const timed x = a[i];
            size_t k = i;
            for (; k > 0 && !timed_in_order(s, src, a[k - 1], x); k--) a[k] = a[k - 1];
            a[k] = x;
        }
        return;
    }
    const size_t half = n / 2;
    merge_sort(s, src, a, tmp, half);
    merge_sort(s, src, a + half, tmp, n - half);
    if (timed_in_order(s, src, a[half - 1], a[half])) return;
    memcpy(tmp, a, half * sizeof *a);
    for (size_t i = 0, j = half, k = 0; i < half; k++)
        a[k] = j < n && !timed_in_order(s, src, tmp[i], a[j]) ? a[j++] : tmp[i++];
}

static habit_status order_user(const sorter *s, const unsigned char *src, uint32_t *row, size_t n,
                               bench *b)
{
    if (!s->format->time && !s->o->by_item) return HABIT_OK;
    size_t i = 1;
    while (i < n && in_order(s, src, row[i - 1], row[i])) i++;
    if (i >= n) return HABIT_OK; // the usual case

    void *work = b->timed;
    TRY(mem_grow(&work, &b->timed_cap, 2 * n, sizeof *b->timed, "sorting", &b->error));
    b->timed = work;
    for (i = 0; i < n; i++)
        b->timed[i] = (timed){ time_of(s, src + row[i] * s->format->width), row[i] };
    merge_sort(s, src, b->timed, b->timed + n, n);
    for (i = 0; i < n; i++) row[i] = b->timed[i].row;
    return HABIT_OK;
}

// --- a bucket ------------------------------------------------------------------------------------

// Gathers one column of the bucket.
static void gather(const sink *c, const unsigned char *src, size_t width, const uint32_t *row,
                   size_t n, unsigned char *out)
{
    src += c->at;
    if (c->size == 8)
        for (size_t i = 0; i < n; i++) memcpy(out + i * 8, src + row[i] * width, 8);
    else if (c->size == 4)
        for (size_t i = 0; i < n; i++) memcpy(out + i * 4, src + row[i] * width, 4);
    else
        for (size_t i = 0; i < n; i++) out[i] = src[row[i] * width];
}

static habit_status sort_bucket(const sorter *s, uint32_t bucket, bench *b)
{
    const uint32_t from = s->buckets.first[bucket], to = s->buckets.first[bucket + 1];
    const uint64_t begin = s->offset[from], n = s->offset[to] - begin;
    const size_t width = s->format->width;
    const unsigned char *src = s->records + (begin - s->part_first) * width;
    if (n > UINT32_MAX)
        return fail(&b->error, HABIT_ELIMIT, "a user with more than 4294967295 events");

    void *row = b->row, *next = b->next;
    TRY(mem_grow(&row, &b->row_cap, (size_t)n, sizeof *b->row, "sorting", &b->error));
    b->row = row;
    TRY(mem_grow(&next, &b->next_cap, to - from, sizeof *b->next, "sorting", &b->error));
    b->next = next;
    for (uint32_t u = from; u < to; u++) b->next[u - from] = (uint32_t)(s->offset[u] - begin);
    for (uint32_t i = 0; i < n; i++)
        b->row[b->next[record_u32(src + i * width + RECORD_USER) - from]++] = i;
    for (uint32_t u = from; u < to; u++)
        TRY(order_user(s, src, b->row + (s->offset[u] - begin),
                       (size_t)(s->offset[u + 1] - s->offset[u]), b));

    const group *g = s->sorted;
    unsigned char *out = g->bytes;
    const uint64_t at = begin - s->offset[s->buckets.first[g->first]];
    for (int c = 0; c < s->sinks; c++) {
        gather(&s->sink[c], src, width, b->row, (size_t)n, out + at * s->sink[c].size);
        out += g->rows * s->sink[c].size;
    }
    return HABIT_OK;
}

// --- groups of buckets ---------------------------------------------------------------------------

static habit_status group_write(const sorter *s, const group *g, habit_error *err)
{
    const unsigned char *bytes = g->bytes;
    for (int c = 0; c < s->sinks; c++) {
        TRY(dataset_put(s->o->writer, s->sink[c].section, bytes, g->rows, err));
        bytes += g->rows * s->sink[c].size;
    }
    return HABIT_OK;
}

// Piece 0 writes the group before; the others sort one bucket each.
static void group_piece(void *ctx, size_t piece, int worker)
{
    sorter *s = ctx;
    if (piece > 0)
        sort_bucket(s, s->sorted->first + (uint32_t)piece - 1, &s->bench[worker]);
    else if (s->written)
        group_write(s, s->written, &s->write_error);
}

static habit_status sorter_check(const sorter *s, habit_error *err)
{
    if (s->write_error.status != HABIT_OK)
        return fail(err, s->write_error.status, "%s", s->write_error.message);
    for (int t = 0; t < run_threads(s->o->run); t++)
        if (s->bench[t].error.status != HABIT_OK)
            return fail(err, s->bench[t].error.status, "%s", s->bench[t].error.message);
    return HABIT_OK;
}

// As many buckets from `first` on as a block has rows; at least one.
static habit_status group_plan(const sorter *s, group *g, uint32_t first, habit_error *err)
{
    const uint32_t *user = s->buckets.first;
    g->first = first;
    g->end = first + 1;
    while (g->end < s->buckets.count &&
           s->offset[user[g->end + 1]] - s->offset[user[first]] <= s->block_rows)
        g->end++;
    g->rows = s->offset[user[g->end]] - s->offset[user[first]];
    void *bytes = g->bytes;
    TRY(mem_grow(&bytes, &g->bytes_cap, (size_t)g->rows * s->sink_bytes, 1, "sorting", err));
    g->bytes = bytes;
    return HABIT_OK;
}

// Sorts and writes the part whose records are in place.
static habit_status part_write(sorter *s, habit_error *err)
{
    int turn = 0;
    s->written = NULL;
    for (uint32_t b = 0; b < s->buckets.count; b = s->sorted->end, turn = !turn) {
        const uint64_t done = s->offset[s->buckets.first[b]];
        TRY(run_progress(s->o->run, "sorting", done, s->offset[s->users], err));
        TRY(group_plan(s, &s->group[turn], b, err));
        s->sorted = &s->group[turn];
        pool_run(run_pool(s->o->run), 1 + s->sorted->end - s->sorted->first, group_piece, s);
        TRY(sorter_check(s, err));
        s->written = s->sorted;
    }
    return s->written ? group_write(s, s->written, err) : HABIT_OK;
}

// --- parts ---------------------------------------------------------------------------------------

typedef struct translation {
    const encoder *encoder;
    unsigned char *records;
    size_t n, width;
} translation;

static void translate_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const translation *t = ctx;
    const size_t to = pool_cut(t->n, TRANSLATE_PIECES, piece + 1);
    for (size_t i = pool_cut(t->n, TRANSLATE_PIECES, piece); i < to; i++)
        encoder_translate(t->encoder, t->records + i * t->width);
}

// The next records of the spool, with ranks for numbers.
static habit_status take_ranked(sorter *s, unsigned char **block, size_t *n, habit_error *err)
{
    TRY(spool_take(s->o->spool, block, n, err));
    translation t = { s->o->encoder, *block, *n, s->format->width };
    if (*n) pool_run(run_pool(s->o->run), TRANSLATE_PIECES, translate_piece, &t);
    return HABIT_OK;
}

// Room for the records of users from..to, and their buckets.
static habit_status part_begin(sorter *s, uint32_t from, uint32_t to, scatter *distribute,
                               habit_error *err)
{
    const uint64_t n = s->offset[to] - s->offset[from];
    uint64_t limit = BUCKET_BYTES / s->format->width;
    if (limit < n / BUCKETS_MAX) limit = n / BUCKETS_MAX;
    cuts_free(&s->buckets);
    mem_free(s->records);
    s->part_first = s->offset[from];
    s->records = mem_alloc((size_t)n, s->format->width);
    if (!s->records) return fail_memory(err, "sorting", (size_t)n * s->format->width);
    TRY(cuts_make(&s->buckets, s->offset, from, to, limit, err));
    TRY(scatter_init(distribute, &s->buckets, s->block_rows, s->format->width, err));
    distribute->dst = s->records;
    for (uint32_t b = 0; b < s->buckets.count; b++)
        distribute->next[b] = s->offset[s->buckets.first[b]] - s->part_first;
    return HABIT_OK;
}

static habit_status one_part(sorter *s, habit_error *err)
{
    scatter distribute = { 0 };
    habit_status st = part_begin(s, 0, s->users, &distribute, err);
    while (st == HABIT_OK) {
        unsigned char *block;
        st = take_ranked(s, &block, &distribute.n, err);
        if (st != HABIT_OK || distribute.n == 0) break;
        distribute.src = block;
        scatter_run(&distribute, run_pool(s->o->run));
    }
    scatter_free(&distribute);
    return st == HABIT_OK ? part_write(s, err) : st;
}

// Distributes the spool over the parts' regions of the scratch file; `block` holds a block.
static habit_status split_spool(sorter *s, const cuts *parts, unsigned char *block, scratch *file,
                                habit_error *err)
{
    const size_t width = s->format->width;
    scatter d = { 0 };
    uint64_t *at = NEW(uint64_t, parts->count), done = 0;
    habit_status st = HABIT_OK;
    if (!at) st = fail_memory(err, "sorting", parts->count * sizeof *at);
    if (st == HABIT_OK) st = scatter_init(&d, parts, s->block_rows, width, err);
    for (uint32_t p = 0; st == HABIT_OK && p < parts->count; p++)
        at[p] = s->offset[parts->first[p]];
    d.dst = block;
    d.packed = true;
    while (st == HABIT_OK) {
        unsigned char *from;
        st = run_progress(s->o->run, "partitioning", done, s->offset[s->users], err);
        if (st == HABIT_OK) st = take_ranked(s, &from, &d.n, err);
        if (st != HABIT_OK || d.n == 0) break;
        d.src = from;
        scatter_run(&d, run_pool(s->o->run));
        uint64_t begin = 0;
        for (uint32_t p = 0; st == HABIT_OK && p < parts->count; p++) {
            const uint64_t n = d.next[p] - begin;
            if (n) st = scratch_write(file, at[p] * width, block + begin * width, n * width, err);
            at[p] += n;
            begin = d.next[p];
        }
        done += d.n;
    }
    scatter_free(&d);
    mem_free(at);
    return st;
}

// Reads one part's region back, in order, and sorts it.
static habit_status sort_part(sorter *s, uint32_t from, uint32_t to, unsigned char *block,
                              const scratch *file, habit_error *err)
{
    const size_t width = s->format->width;
    scatter d = { 0 };
    habit_status st = part_begin(s, from, to, &d, err);
    d.src = block;
    for (uint64_t at = s->offset[from]; st == HABIT_OK && at < s->offset[to]; at += d.n) {
        const uint64_t left = s->offset[to] - at;
        d.n = left < s->block_rows ? (size_t)left : s->block_rows;
        st = scratch_read(file, at * width, block, d.n * width, err);
        if (st == HABIT_OK) scatter_run(&d, run_pool(s->o->run));
    }
    scatter_free(&d);
    return st == HABIT_OK ? part_write(s, err) : st;
}

// More records than memory: by parts of users that fit.
static habit_status many_parts(sorter *s, uint64_t *spilled, habit_error *err)
{
    const size_t width = s->format->width, block_bytes = order_block_bytes(s->o->memory);
    const size_t used = 4 * block_bytes; // spool, one block here, two of output
    const size_t room = s->o->memory > 2 * used ? s->o->memory - used : s->o->memory / 2;
    cuts parts = { 0 };
    scratch file = { 0 };
    unsigned char *block = mem_alloc(s->block_rows, width);
    habit_status st = HABIT_OK;
    if (!block) st = fail_memory(err, "sorting", block_bytes);
    if (st == HABIT_OK) st = cuts_make(&parts, s->offset, 0, s->users, room / width, err);
    if (st == HABIT_OK) st = scratch_open(&file, s->o->spool->dir, err);
    if (st == HABIT_OK) st = split_spool(s, &parts, block, &file, err);
    if (st == HABIT_OK) {
        *spilled += s->offset[s->users] * width;
        run_log(s->o->run, LOG_DETAIL, "sorting in %u parts", parts.count);
    }
    spool_free(s->o->spool); // its disk space is wanted for the dataset
    for (uint32_t p = 0; st == HABIT_OK && p < parts.count; p++)
        st = sort_part(s, parts.first[p], parts.first[p + 1], block, &file, err);
    mem_free(block);
    cuts_free(&parts);
    scratch_close(&file);
    return st;
}

// --- all of it -----------------------------------------------------------------------------------

static habit_status sink_add(sorter *s, const char *name, section_type type, size_t at,
                             habit_error *err)
{
    const size_t size = type == SECTION_U8 ? 1 : type == SECTION_U32 || type == SECTION_F32 ? 4 : 8;
    sink *c = &s->sink[s->sinks];
    TRY(dataset_section(s->o->writer, name, type, s->offset[s->users], &c->section, err));
    c->at = at;
    c->size = size;
    s->sinks++;
    s->sink_bytes += size;
    return HABIT_OK;
}

// Wide columns first, so that every column of a group is aligned.
static habit_status sinks_open(sorter *s, habit_error *err)
{
    const record_format *f = s->format;
    char name[160];
    if (f->time) TRY(sink_add(s, "time", SECTION_I64, f->time, err));
    for (int k = 0; k < f->extras; k++) {
        snprintf(name, sizeof name, "event:%s.number", f->extra[k].name);
        if (!f->extra[k].tag) TRY(sink_add(s, name, SECTION_F64, f->extra[k].at, err));
    }
    TRY(sink_add(s, "item", SECTION_U32, RECORD_ITEM, err));
    if (f->value) TRY(sink_add(s, "value", SECTION_F32, f->value, err));
    for (int k = 0; k < f->extras; k++) {
        snprintf(name, sizeof name, "event:%s.tag", f->extra[k].name);
        if (f->extra[k].tag) TRY(sink_add(s, name, SECTION_U32, f->extra[k].at, err));
    }
    return f->behaviour ? sink_add(s, "behaviour", SECTION_U8, f->behaviour, err) : HABIT_OK;
}

static habit_status offsets_make(sorter *s, habit_error *err)
{
    const encoder *e = s->o->encoder;
    s->offset = NEW(uint64_t, (size_t)s->users + 1);
    if (!s->offset) return fail_memory(err, "offsets", ((size_t)s->users + 1) * 8);
    s->offset[0] = 0;
    for (uint32_t u = 0; u < s->users; u++)
        s->offset[u + 1] = s->offset[u] + e->events[e->user.order[u]];
    return dataset_put_all(s->o->writer, "offset", SECTION_U64, s->offset, (uint64_t)s->users + 1,
                           err);
}

static void sorter_free(sorter *s)
{
    for (int t = 0; s->bench && t < run_threads(s->o->run); t++) {
        mem_free(s->bench[t].row);
        mem_free(s->bench[t].next);
        mem_free(s->bench[t].timed);
    }
    mem_free(s->bench);
    mem_free(s->group[0].bytes);
    mem_free(s->group[1].bytes);
    mem_free(s->records);
    mem_free(s->offset);
    cuts_free(&s->buckets);
}

habit_status order_events(const order *o, uint64_t *spilled, habit_error *err)
{
    sorter s = { .o = o,
                 .format = o->encoder->format,
                 .users = o->encoder->user.ids.count,
                 .block_rows = o->spool->block_rows };
    s.bench = ZNEW(bench, (size_t)run_threads(o->run));
    habit_status st = HABIT_OK;
    if (!s.bench) st = fail_memory(err, "sorting", sizeof *s.bench);
    if (st == HABIT_OK) st = offsets_make(&s, err);
    if (st == HABIT_OK) st = sinks_open(&s, err);
    if (st == HABIT_OK && o->spool->file.open)
        st = many_parts(&s, spilled, err);
    else if (st == HABIT_OK)
        st = one_part(&s, err);
    sorter_free(&s);
    return st;
}
