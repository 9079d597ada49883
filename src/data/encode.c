// encode.c - rows of text to packed records.
#include "data/encode.h"
#include "base/clock.h"
#include "base/memory.h"

#include <math.h>

enum {
    BLOCK = 4096,   // rows of a look-up piece: its records stay in the second-level cache
    AHEAD = 16,     // rows whose slots are fetched ahead
    WORDS_USER = 0, // columns of words, as bits of `marked` and pieces of the second pass
    WORDS_ITEM = 1, //
    WORDS_BEHAVIOUR = 2,
    WORDS_TAG = 3, // + number of the extra
    COLUMNS = WORDS_TAG + READER_EXTRAS,
    BEHAVIOUR_NONE = 255 // in a record: to be added
};

typedef struct segment {
    encoder *e;
    const rows *batch;
    const int *source_extra;
    size_t from, n;
    unsigned char *to;
    habit_error error[COLUMNS]; // of the second pass
} segment;

// One column of words of the segment.
typedef struct word_column {
    vocabulary *words;
    const slice *text;    // NULL: the source does not have it
    const uint64_t *hash; // or NULL
    size_t at;            // offset in the record
} word_column;

static word_column column_of_words(const segment *s, int which)
{
    encoder *e = s->e;
    const rows *b = s->batch;
    if (which == WORDS_USER)
        return (word_column){ &e->user, b->user + s->from, b->user_hash + s->from, RECORD_USER };
    if (which == WORDS_ITEM)
        return (word_column){ &e->item, b->item + s->from, b->item_hash + s->from, RECORD_ITEM };
    if (which == WORDS_BEHAVIOUR)
        return (word_column){ &e->behaviour, b->behaviour ? b->behaviour + s->from : NULL, NULL,
                              e->format->behaviour };
    const int extra = which - WORDS_TAG;
    const int source = s->source_extra[extra];
    const slice *text = source < 0 ? NULL : b->tag[source];
    return (word_column){ &e->tag[extra], text ? text + s->from : NULL, NULL,
                          e->format->extra[extra].at };
}

static uint64_t word_hash(const word_column *c, size_t i)
{
    return c->hash ? c->hash[i] : ids_hash(c->text[i].s, c->text[i].len);
}

// --- first pass: pieces of rows ------------------------------------------------------------------

// True if a row is left to be added.
static bool look_up_ids(const segment *s, int which, size_t from, size_t to)
{
    const word_column c = column_of_words(s, which);
    const size_t width = s->e->format->width;
    uint32_t missing = 0;
    for (size_t i = from; i < to; i++) {
        if (i + AHEAD < to) ids_prefetch(&c.words->ids, c.hash[i + AHEAD]);
        const uint32_t k = ids_get_hashed(&c.words->ids, c.hash[i], c.text[i].s, c.text[i].len);
        missing |= k == IDS_NONE;
        record_set_u32(s->to + i * width + c.at, k);
    }
    return missing;
}

static bool look_up_tags(const segment *s, int which, size_t from, size_t to)
{
    const word_column c = column_of_words(s, which);
    const size_t width = s->e->format->width;
    bool missing = false;
    for (size_t i = from; i < to; i++) {
        uint32_t k = TAG_NONE;
        if (c.text && c.text[i].len) {
            k = ids_get_hashed(&c.words->ids, word_hash(&c, i), c.text[i].s, c.text[i].len);
            missing = missing || k == IDS_NONE;
        }
        record_set_u32(s->to + i * width + c.at, k);
    }
    return missing;
}

// No behaviour is a behaviour too: the empty one.
static slice behaviour_at(const word_column *c, size_t i)
{
    return c->text ? c->text[i] : (slice){ "", 0 };
}

static bool look_up_behaviours(const segment *s, size_t from, size_t to)
{
    const word_column c = column_of_words(s, WORDS_BEHAVIOUR);
    const size_t width = s->e->format->width;
    bool missing = false;
    for (size_t i = from; i < to; i++) {
        const slice text = behaviour_at(&c, i);
        const uint32_t k = ids_get(&c.words->ids, text.s, text.len);
        missing = missing || k == IDS_NONE;
        s->to[i * width + c.at] = k == IDS_NONE ? BEHAVIOUR_NONE : (uint8_t)k;
    }
    return missing;
}

static void put_numbers(const segment *s, size_t from, size_t to)
{
    const record_format *f = s->e->format;
    const rows *b = s->batch;
    unsigned char *record = s->to;
    for (size_t i = from; f->time && i < to; i++) {
        const int64_t time = b->time ? b->time[s->from + i] : TIME_NONE;
        memcpy(record + i * f->width + f->time, &time, sizeof time);
    }
    for (size_t i = from; f->value && i < to; i++) {
        const float value = b->value ? b->value[s->from + i] : NAN;
        memcpy(record + i * f->width + f->value, &value, sizeof value);
    }
    for (int k = 0; k < f->extras; k++) {
        if (f->extra[k].tag) continue;
        const int source = s->source_extra[k];
        const double *number = source < 0 ? NULL : b->number[source];
        for (size_t i = from; i < to; i++) {
            const double x = number ? number[s->from + i] : (double)NAN;
            memcpy(record + i * f->width + f->extra[k].at, &x, sizeof x);
        }
    }
}

static void look_up_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const segment *s = ctx;
    const record_format *f = s->e->format;
    const size_t from = piece * BLOCK, to = from + BLOCK < s->n ? from + BLOCK : s->n;
    uint64_t marks = (uint64_t)look_up_ids(s, WORDS_USER, from, to) << WORDS_USER;
    marks |= (uint64_t)look_up_ids(s, WORDS_ITEM, from, to) << WORDS_ITEM;
    if (f->behaviour) marks |= (uint64_t)look_up_behaviours(s, from, to) << WORDS_BEHAVIOUR;
    for (int k = 0; k < f->extras; k++)
        if (f->extra[k].tag)
            marks |= (uint64_t)look_up_tags(s, WORDS_TAG + k, from, to) << (WORDS_TAG + k);
    put_numbers(s, from, to);
    s->e->marked[piece] = marks;
}

// --- second pass: pieces are columns ---------------------------------------------------------------

static habit_status add_words(segment *s, int which, size_t from, size_t to, habit_error *err)
{
    const word_column c = column_of_words(s, which);
    const size_t width = s->e->format->width;
    for (size_t i = from; i < to; i++) {
        unsigned char *field = s->to + i * width + c.at;
        if (c.hash && i + AHEAD < to && record_u32(field + AHEAD * width) == IDS_NONE)
            ids_prefetch(&c.words->ids, c.hash[i + AHEAD]);
        if (record_u32(field) != IDS_NONE || c.text[i].len == 0) continue;
        uint32_t k = 0;
        TRY(ids_add_hashed(&c.words->ids, word_hash(&c, i), c.text[i].s, c.text[i].len, &k, err));
        record_set_u32(field, k);
    }
    return HABIT_OK;
}

static habit_status add_behaviours(segment *s, size_t from, size_t to, habit_error *err)
{
    const word_column c = column_of_words(s, WORDS_BEHAVIOUR);
    for (size_t i = from; i < to; i++) {
        unsigned char *field = s->to + i * s->e->format->width + c.at;
        if (*field != BEHAVIOUR_NONE) continue;
        const slice text = behaviour_at(&c, i);
        uint32_t k = 0;
        TRY(ids_add(&c.words->ids, text.s, text.len, &k, err));
        if (k >= BEHAVIOURS_MAX)
            return fail(err, HABIT_ELIMIT,
                        "more than %d behaviours, the last '%.*s': is that column the behaviour? "
                        "--columns behaviour=NAME names another",
                        BEHAVIOURS_MAX, (int)text.len, text.s);
        *field = (uint8_t)k;
    }
    return HABIT_OK;
}

static habit_status count_users(segment *s, size_t from, size_t to, habit_error *err)
{
    encoder *e = s->e;
    const size_t had = e->events_cap;
    void *events = e->events;
    TRY(mem_grow(&events, &e->events_cap, e->user.ids.count, sizeof *e->events, "counts", err));
    e->events = events;
    memset(e->events + had, 0, (e->events_cap - had) * sizeof *e->events);
    for (size_t i = from; i < to; i++)
        if (++e->events[record_u32(s->to + i * e->format->width + RECORD_USER)] == 0)
            return fail(err, HABIT_ELIMIT, "a user with more than 4294967295 events");
    return HABIT_OK;
}

static void add_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    segment *s = ctx;
    const int which = (int)piece;
    habit_error *err = &s->error[which];
    habit_status st = HABIT_OK;
    for (size_t from = 0, b = 0; st == HABIT_OK && from < s->n; from += BLOCK, b++) {
        const size_t to = from + BLOCK < s->n ? from + BLOCK : s->n;
        if (s->e->marked[b] >> which & 1)
            st = which == WORDS_BEHAVIOUR ? add_behaviours(s, from, to, err)
                                          : add_words(s, which, from, to, err);
        if (st == HABIT_OK && which == WORDS_USER) st = count_users(s, from, to, err);
    }
}

habit_status encoder_add(encoder *e, const rows *batch, const int *source_extra, size_t from,
                         size_t n, unsigned char *to, pool *p, habit_error *err)
{
    segment s = { e, batch, source_extra, from, n, to, { { HABIT_OK, "" } } };
    const size_t blocks = (n + BLOCK - 1) / BLOCK;
    void *marked = e->marked;
    TRY(mem_grow(&marked, &e->marked_cap, blocks, sizeof *e->marked, "records", err));
    e->marked = marked;
    pool_run(p, blocks, look_up_piece, &s);
    const size_t columns = (size_t)(WORDS_TAG + e->format->extras);
    pool_run(p, columns, add_piece, &s);
    for (size_t c = 0; c < columns; c++)
        if (s.error[c].status != HABIT_OK)
            return fail(err, s.error[c].status, "%s", s.error[c].message);
    return HABIT_OK;
}

// --- canonical numbers -----------------------------------------------------------------------------

typedef struct ranking {
    vocabulary *words[COLUMNS];
    habit_error error[COLUMNS];
} ranking;

static void rank_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    ranking *r = ctx;
    vocabulary *v = r->words[piece];
    habit_error *err = &r->error[piece];
    const uint32_t n = v->ids.count;
    if (ids_sort(&v->ids, &v->order, err) != HABIT_OK) return;
    v->rank = NEW(uint32_t, n);
    if (!v->rank) {
        fail_memory(err, "id table", n * sizeof *v->rank);
        return;
    }
    for (uint32_t k = 0; k < n; k++) v->rank[v->order[k]] = k;
}

habit_status encoder_rank(encoder *e, pool *p, habit_error *err)
{
    ranking r = { { &e->user, &e->item, &e->behaviour }, { { HABIT_OK, "" } } };
    size_t n = WORDS_TAG;
    for (int k = 0; k < e->format->extras; k++)
        if (e->format->extra[k].tag) r.words[n++] = &e->tag[k];
    pool_run(p, n, rank_piece, &r);
    for (size_t c = 0; c < n; c++)
        if (r.error[c].status != HABIT_OK)
            return fail(err, r.error[c].status, "%s", r.error[c].message);
    return HABIT_OK;
}

void encoder_translate(const encoder *e, unsigned char *record)
{
    const record_format *f = e->format;
    record_set_u32(record + RECORD_USER, e->user.rank[record_u32(record + RECORD_USER)]);
    record_set_u32(record + RECORD_ITEM, e->item.rank[record_u32(record + RECORD_ITEM)]);
    if (f->behaviour) record[f->behaviour] = (unsigned char)e->behaviour.rank[record[f->behaviour]];
    for (int k = 0; k < f->extras; k++) {
        unsigned char *field = record + f->extra[k].at;
        if (f->extra[k].tag && record_u32(field) != TAG_NONE)
            record_set_u32(field, e->tag[k].rank[record_u32(field)]);
    }
}

habit_status vocabulary_put(dataset_writer *w, const char *name, const vocabulary *v,
                            habit_error *err)
{
    const uint32_t n = v->ids.count;
    char section[128];
    int starts, bytes;
    snprintf(section, sizeof section, "%s.start", name);
    TRY(dataset_section(w, section, SECTION_U64, (uint64_t)n + 1, &starts, err));
    snprintf(section, sizeof section, "%s.bytes", name);
    TRY(dataset_section(w, section, SECTION_U8, n ? v->ids.start[n] : 0, &bytes, err));
    uint64_t at = 0;
    TRY(dataset_put(w, starts, &at, 1, err));
    for (uint32_t k = 0; k < n; k++) {
        size_t len;
        const char *s = ids_at(&v->ids, v->order[k], &len);
        at += len;
        TRY(dataset_put(w, starts, &at, 1, err));
        TRY(dataset_put(w, bytes, s, len, err));
    }
    return HABIT_OK;
}

static size_t vocabulary_memory(const vocabulary *v)
{
    return ids_memory(&v->ids) + (v->order ? 2 * sizeof *v->order * v->ids.count : 0);
}

size_t encoder_memory(const encoder *e)
{
    size_t n = vocabulary_memory(&e->user) + vocabulary_memory(&e->item) +
               vocabulary_memory(&e->behaviour) + e->events_cap * sizeof *e->events;
    for (int k = 0; k < READER_EXTRAS; k++) n += vocabulary_memory(&e->tag[k]);
    return n;
}

static void vocabulary_free(vocabulary *v)
{
    ids_free(&v->ids);
    mem_free(v->order);
    mem_free(v->rank);
    *v = (vocabulary){ 0 };
}

void encoder_free(encoder *e)
{
    vocabulary_free(&e->user);
    vocabulary_free(&e->item);
    vocabulary_free(&e->behaviour);
    for (int k = 0; k < READER_EXTRAS; k++) vocabulary_free(&e->tag[k]);
    mem_free(e->events);
    mem_free(e->marked);
    *e = (encoder){ 0 };
}
