// clean_write.c - the events that are left, as a dataset.
//
// Each column is written by a walk over the sequences, one after the other, so that a log larger
// than memory goes through in a few buffers.  Extra columns take their rows from the same walk.
#include "base/memory.h"
#include "data/clean_sequences.h"

#include <string.h>

enum { BLOCK_ROWS = 4096, FORGET_EVENTS = 4 << 20 };

typedef struct writing {
    cleaning *c;
    dataset_writer *w;
    const sequences *s;
    uint64_t at, event; // of a walk: the row it stands at; the event within a sequence
    uint64_t forgotten; // pages of events before this one were given back
} writing;

// --- walks -----------------------------------------------------------------------------------------

static void rewind_rows(void *ctx)
{
    writing *x = ctx;
    x->at = x->forgotten = 0;
    x->event = x->s->count ? x->s->seq[0].begin : 0;
}

static size_t next_events(void *ctx, uint64_t *rows, size_t max)
{
    writing *x = ctx;
    const sequences *s = x->s;
    size_t n = 0;
    while (n < max && x->at < s->count) {
        const uint64_t end = s->seq[x->at].end;
        for (; n < max && x->event < end; x->event++)
            if (clean_kept(x->c, x->event)) rows[n++] = x->event;
        if (x->event < end) break;
        if (++x->at < s->count) x->event = s->seq[x->at].begin;
    }
    // sessions do not stand in the order of the file
    if (!s->by_session && n && rows[0] >= x->forgotten + FORGET_EVENTS) {
        clean_forget(x->c->d, x->forgotten, rows[0]);
        x->forgotten = rows[0];
    }
    return n;
}

static size_t next_users(void *ctx, uint64_t *rows, size_t max)
{
    writing *x = ctx;
    size_t n = 0;
    for (; n < max && x->at < x->s->count; n++, x->at++) rows[n] = x->s->seq[x->at].user;
    return n;
}

static size_t next_items(void *ctx, uint64_t *rows, size_t max)
{
    writing *x = ctx;
    size_t n = 0;
    for (; n < max && x->at < x->c->d->items; x->at++)
        if (x->s->item[x->at] != ITEM_NONE) rows[n++] = x->at;
    return n;
}

static row_source rows_of(writing *x, column_of of)
{
    const uint64_t count[] = { x->c->left, x->s->count, x->s->items };
    size_t (*const next[])(void *, uint64_t *, size_t) = { next_events, next_users, next_items };
    return (row_source){ .ctx = x, .count = count[of], .rewind = rewind_rows, .next = next[of] };
}

// --- columns of events -----------------------------------------------------------------------------

// One block of a column, ready to be put.
typedef union block {
    uint32_t u32[BLOCK_ROWS];
    int64_t i64[BLOCK_ROWS];
    float f32[BLOCK_ROWS];
    uint8_t u8[BLOCK_ROWS];
} block;

typedef void fill_fn(const writing *x, block *b, const uint64_t *rows, size_t n);

static void fill_items(const writing *x, block *b, const uint64_t *rows, size_t n)
{
    for (size_t k = 0; k < n; k++) b->u32[k] = x->s->item[x->c->d->item[rows[k]]];
}

static void fill_times(const writing *x, block *b, const uint64_t *rows, size_t n)
{
    for (size_t k = 0; k < n; k++) b->i64[k] = x->c->d->time[rows[k]];
}

static void fill_behaviours(const writing *x, block *b, const uint64_t *rows, size_t n)
{
    for (size_t k = 0; k < n; k++) b->u8[k] = x->s->behaviour[x->c->d->behaviour[rows[k]]];
}

static void fill_values(const writing *x, block *b, const uint64_t *rows, size_t n)
{
    const cleaning *c = x->c;
    for (size_t k = 0; k < n; k++) {
        const double v = clean_value(c, rows[k]);
        if (c->scaling == SCALE_NONE)
            b->f32[k] = (float)v;
        else if (c->scaling == SCALE_LOG)
            b->f32[k] = (float)log1p(v);
        else
            b->f32[k] = (float)((v - c->shift) / c->scale * c->stretch + c->lift);
    }
}

static habit_status put_events(writing *x, const char *name, section_type type, fill_fn *fill,
                               habit_error *err)
{
    int to;
    uint64_t rows[BLOCK_ROWS];
    block b;
    TRY(dataset_section(x->w, name, type, x->c->left, &to, err));
    rewind_rows(x);
    for (size_t n; (n = next_events(x, rows, BLOCK_ROWS)) > 0;) {
        fill(x, &b, rows, n);
        TRY(dataset_put(x->w, to, &b, n, err));
    }
    return HABIT_OK;
}

// Offsets, and the number of the session of each event where sequences are users.
static habit_status put_offsets(writing *x, habit_error *err)
{
    const bool sessions = sessions_wanted(x->c) && !x->s->by_session;
    int offsets, numbers = 0;
    uint64_t at = 0;
    TRY(dataset_section(x->w, "offset", SECTION_U64, x->s->count + 1, &offsets, err));
    if (sessions) TRY(dataset_section(x->w, "session", SECTION_U32, x->c->left, &numbers, err));
    TRY(dataset_put(x->w, offsets, &at, 1, err));
    for (size_t k = 0; k < x->s->count; k++) {
        const sequence *s = &x->s->seq[k];
        uint32_t session = 0;
        uint64_t last = s->begin;
        for (uint64_t e = s->begin; e < s->end; e++) {
            if (!clean_kept(x->c, e)) continue;
            at++;
            if (!sessions) continue;
            session += e > s->begin && session_ends(x->c, last, e);
            TRY(dataset_put(x->w, numbers, &session, 1, err));
            last = e;
        }
        TRY(dataset_put(x->w, offsets, &at, 1, err));
    }
    return HABIT_OK;
}

static habit_status put_standard(writing *x, habit_error *err)
{
    const dataset *d = x->c->d;
    TRY(put_offsets(x, err));
    TRY(put_events(x, "item", SECTION_U32, fill_items, err));
    if (d->time) TRY(put_events(x, "time", SECTION_I64, fill_times, err));
    if (d->behaviour) TRY(put_events(x, "behaviour", SECTION_U8, fill_behaviours, err));
    if (!d->value) return HABIT_OK;
    TRY(put_events(x, "value", SECTION_F32, fill_values, err));
    return dataset_put_all(x->w, "value.name", SECTION_U8, d->value_name, strlen(d->value_name),
                           err);
}

// --- names -----------------------------------------------------------------------------------------

static habit_status put_behaviours(writing *x, habit_error *err)
{
    const names *all = &x->c->d->behaviours;
    uint64_t start[257] = { 0 };
    uint32_t n = 0;
    char *bytes = NEW(char, all->count ? (size_t)all->start[all->count] : 0);
    if (!bytes) return fail_memory(err, "behaviours", 0);
    for (uint32_t b = 0; b < all->count; b++) {
        size_t len;
        const char *s = names_at(all, b, &len);
        if (x->s->behaviour[b] == UINT8_MAX) continue;
        memcpy(bytes + start[n], s, len);
        start[n + 1] = start[n] + len;
        n++;
    }
    const habit_status st =
        dataset_put_names(x->w, "behaviour.name", &(names){ n, start, bytes }, err);
    mem_free(bytes);
    return st;
}

static habit_status put_names(writing *x, habit_error *err)
{
    const dataset *d = x->c->d;
    const row_source users = rows_of(x, OF_USERS), items = rows_of(x, OF_ITEMS);
    if (d->behaviour) TRY(put_behaviours(x, err));
    TRY(dataset_put_names_rows(x->w, "item.id", &d->item_ids, &items, err));
    if (x->s->by_session) return dataset_put_names(x->w, "user.id", &x->s->ids, err);
    return dataset_put_names_rows(x->w, "user.id", &d->user_ids, &users, err);
}

// --- all of it -------------------------------------------------------------------------------------

static habit_status put_everything(writing *x, const char *provenance, habit_error *err)
{
    const dataset *d = x->c->d;
    TRY(put_standard(x, err));
    TRY(put_names(x, err));
    for (size_t i = 0; i < d->columns_count; i++) {
        const row_source rows = rows_of(x, d->columns[i].of);
        TRY(dataset_put_column_rows(x->w, &d->columns[i], &rows, err));
    }
    return dataset_put_all(x->w, "provenance", SECTION_U8, provenance, strlen(provenance), err);
}

habit_status clean_write(cleaning *c, const char *to, const char *provenance, uint64_t *sessions,
                         uint32_t *users, habit_error *err)
{
    sequences s;
    writing x = { .c = c, .s = &s };
    TRY(sequences_list(&s, c, err));
    habit_status st = dataset_create(&x.w, to, err);
    if (st == HABIT_OK) {
        st = put_everything(&x, provenance, err);
        if (st == HABIT_OK)
            st = dataset_commit(x.w, (uint32_t)s.count, s.items, c->left, err);
        else
            dataset_abandon(x.w);
    }
    if (st == HABIT_OK) {
        *sessions = s.sessions;
        *users = (uint32_t)s.count;
    }
    sequences_free(&s);
    return st;
}
