// questions.c - who is asked what, and among which candidates.
#include "eval/questions.h"

#include "base/memory.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

// Streams of random numbers that must not meet: the second argument of rng_at().
enum { STREAM_USERS = 11, STREAM_PROBE = 12, STREAM_NEGATIVES = 13 };

enum { PIECE = 256 }; // users of one piece of work

uint64_t question_key(const log_view *v, uint32_t user)
{
    if (!v->data || user >= v->data->user_ids.count) return user;
    size_t len;
    const char *id = names_at(&v->data->user_ids, user, &len);
    return ids_hash(id, len);
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

size_t items_distinct(uint32_t *item, size_t n)
{
    size_t left = 0;
    qsort(item, n, sizeof *item, compare_u32);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || item[i] != item[i - 1] || item[i] == ITEM_NONE) item[left++] = item[i];
    return left;
}

bool items_contain(const uint32_t *item, size_t n, uint32_t i)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (item[mid] < i)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && item[low] == i;
}

// --- who is asked --------------------------------------------------------------------------------

typedef struct lot {
    uint64_t key;
    uint32_t user;
} lot;

static int compare_lots(const void *a, const void *b)
{
    const lot *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->user > y->user) - (x->user < y->user);
}

// Users with targets; of more than `limit`, those who draw the lowest lots.
static habit_status choose_users(questions *q, habit_error *err)
{
    const log_view *t = &q->targets;
    size_t n = 0;
    for (uint32_t u = 0; u < t->users; u++) n += t->begin[u] < t->end[u];
    lot *lots = NEW(lot, n);
    if (!lots) return fail_memory(err, "users asked", n * sizeof *lots);

    n = 0;
    for (uint32_t u = 0; u < t->users; u++)
        if (t->begin[u] < t->end[u]) {
            rng r = rng_at(q->options.seed, STREAM_USERS, question_key(t, u));
            lots[n++] = (lot){ rng_u64(&r), u };
        }
    q->count = n;
    if (q->options.users && q->options.users < n) {
        qsort(lots, n, sizeof *lots, compare_lots);
        q->count = q->options.users;
    }
    q->user = NEW(uint32_t, q->count);
    if (q->user) {
        for (size_t k = 0; k < q->count; k++) q->user[k] = lots[k].user;
        qsort(q->user, q->count, sizeof *q->user, compare_u32);
    }
    mem_free(lots);
    return q->user ? HABIT_OK : fail_memory(err, "users asked", q->count * sizeof *q->user);
}

// --- targets, excluded, probes -------------------------------------------------------------------

// First into room for all events, [begin[k], begin[k] + kept[k]), then closed up.
typedef struct filling {
    questions *q;
    uint32_t *targets_kept, *excluded_kept; // [count]
} filling;

// Distinct items of a user's history that are in the catalogue and no targets.
static size_t fill_excluded(const questions *q, size_t k, size_t targets)
{
    const log_view *h = &q->history;
    const uint32_t u = q->user[k], *target = q->target + q->target_begin[k];
    uint32_t *out = q->excluded + q->excluded_begin[k];
    if (!q->options.filter_seen || u >= h->users) return 0;
    const size_t n = (size_t)(h->end[u] - h->begin[u]);
    memcpy(out, h->item + h->begin[u], n * sizeof *out);
    const size_t distinct = items_distinct(out, n);
    size_t kept = 0;
    for (size_t i = 0; i < distinct && out[i] < q->items; i++)
        if (!items_contain(target, targets, out[i])) out[kept++] = out[i];
    return kept;
}

// Makes misses of the targets that the user already has; they move to the end.
static void strike_repeats(const questions *q, size_t k, size_t targets)
{
    const log_view *h = &q->history;
    const uint32_t u = q->user[k];
    uint32_t *target = q->target + q->target_begin[k];
    for (uint64_t e = u < h->users ? h->begin[u] : 0; u < h->users && e < h->end[u]; e++)
        for (size_t t = 0; t < targets; t++)
            if (target[t] == h->item[e]) target[t] = ITEM_NONE;
    qsort(target, targets, sizeof *target, compare_u32);
}

static void fill_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    filling *f = ctx;
    const questions *q = f->q;
    const log_view *t = &q->targets;
    for (size_t k = piece * PIECE; k < q->count && k < (piece + 1) * PIECE; k++) {
        const uint32_t u = q->user[k];
        uint32_t *target = q->target + q->target_begin[k];
        const size_t n = (size_t)(t->end[u] - t->begin[u]);
        memcpy(target, t->item + t->begin[u], n * sizeof *target);
        f->targets_kept[k] = (uint32_t)items_distinct(target, n);
        if (q->options.repeats_miss) strike_repeats(q, k, f->targets_kept[k]);
        f->excluded_kept[k] = (uint32_t)fill_excluded(q, k, f->targets_kept[k]);
    }
}

static void close_up(uint32_t *values, uint64_t *begin, const uint32_t *kept, size_t count)
{
    uint64_t to = 0;
    for (size_t k = 0; k < count; k++) {
        memmove(values + to, values + begin[k], kept[k] * sizeof *values);
        begin[k] = to;
        to += kept[k];
    }
    begin[count] = to;
}

// True if the user has it, will take it, or it is excluded otherwise.  The history is looked
// through whole where seen items are candidates and the sorted list is therefore empty.
static bool is_positive(const questions *q, size_t k, uint32_t item)
{
    const uint64_t t = q->target_begin[k], x = q->excluded_begin[k];
    if (items_contain(q->target + t, (size_t)(q->target_begin[k + 1] - t), item)) return true;
    if (items_contain(q->excluded + x, (size_t)(q->excluded_begin[k + 1] - x), item)) return true;
    const log_view *h = &q->history;
    const uint32_t u = q->user[k];
    if (q->options.filter_seen || u >= h->users) return false;
    for (uint64_t e = h->begin[u]; e < h->end[u]; e++)
        if (h->item[e] == item) return true;
    return false;
}

// A uniform item that is not positive.  Rejection ends soon unless a user has nearly everything;
// then the next free one after a random start is taken.
static uint32_t draw_negative(const questions *q, size_t k, rng *r)
{
    enum { TRIES = 100 };
    uint32_t item = 0;
    if (!q->items) return ITEM_NONE;
    for (int i = 0; i < TRIES; i++) {
        item = (uint32_t)rng_below(r, q->items);
        if (!is_positive(q, k, item)) return item;
    }
    for (uint32_t i = 0; i < q->items; i++) {
        item = item + 1 < q->items ? item + 1 : 0;
        if (!is_positive(q, k, item)) return item;
    }
    return ITEM_NONE;
}

static void probe_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const questions *q = ctx;
    for (size_t k = piece * PIECE; k < q->count && k < (piece + 1) * PIECE; k++) {
        const uint64_t key = question_key(&q->targets, q->user[k]);
        rng r = rng_at(q->options.seed, STREAM_PROBE, key);
        for (uint64_t t = q->target_begin[k]; t < q->target_begin[k + 1]; t++)
            q->probe[t] = q->target[t] == ITEM_NONE ? ITEM_NONE : draw_negative(q, k, &r);
    }
}

// Room for every event of the users asked, before repeats are taken out.
static habit_status make_room(questions *q, habit_error *err)
{
    const log_view *t = &q->targets, *h = &q->history;
    q->target_begin = NEW(uint64_t, q->count + 1);
    q->excluded_begin = NEW(uint64_t, q->count + 1);
    if (!q->target_begin || !q->excluded_begin)
        return fail_memory(err, "questions", 2 * (q->count + 1) * sizeof(uint64_t));
    q->target_begin[0] = q->excluded_begin[0] = 0;
    for (size_t k = 0; k < q->count; k++) {
        const uint32_t u = q->user[k];
        const uint64_t seen = u < h->users ? h->end[u] - h->begin[u] : 0;
        q->target_begin[k + 1] = q->target_begin[k] + t->end[u] - t->begin[u];
        q->excluded_begin[k + 1] = q->excluded_begin[k] + (q->options.filter_seen ? seen : 0);
    }
    const size_t targets = (size_t)q->target_begin[q->count];
    const size_t excluded = (size_t)q->excluded_begin[q->count];
    q->target = NEW(uint32_t, targets);
    q->probe = NEW(uint32_t, targets);
    q->excluded = NEW(uint32_t, excluded);
    if (!q->target || !q->probe || !q->excluded)
        return fail_memory(err, "questions", (2 * targets + excluded) * sizeof(uint32_t));
    return HABIT_OK;
}

habit_status questions_make(questions *out, const log_view *history, const log_view *targets,
                            const questions_options *options, const run *rn, habit_error *err)
{
    questions q = { .history = *history, .targets = *targets, .options = *options };
    q.items = targets->items > history->items ? targets->items : history->items;
    filling f = { .q = &q };

    habit_status st = choose_users(&q, err);
    if (st == HABIT_OK) st = make_room(&q, err);
    if (st != HABIT_OK) goto out;
    f.targets_kept = NEW(uint32_t, q.count);
    f.excluded_kept = NEW(uint32_t, q.count);
    if (!f.targets_kept || !f.excluded_kept) {
        st = fail_memory(err, "questions", 2 * q.count * sizeof(uint32_t));
        goto out;
    }
    const size_t pieces = (q.count + PIECE - 1) / PIECE;
    pool_run(run_pool(rn), pieces, fill_piece, &f);
    close_up(q.target, q.target_begin, f.targets_kept, q.count);
    close_up(q.excluded, q.excluded_begin, f.excluded_kept, q.count);
    pool_run(run_pool(rn), pieces, probe_piece, &q);
out:
    mem_free(f.targets_kept);
    mem_free(f.excluded_kept);
    if (st == HABIT_OK)
        *out = q;
    else
        questions_free(&q);
    return st;
}

void questions_free(questions *q)
{
    mem_free(q->user);
    mem_free(q->target_begin);
    mem_free(q->target);
    mem_free(q->probe);
    mem_free(q->excluded_begin);
    mem_free(q->excluded);
    *q = (questions){ 0 };
}

size_t questions_known(const questions *q, size_t k)
{
    const uint64_t begin = q->target_begin[k];
    uint64_t end = q->target_begin[k + 1];
    while (end > begin && q->target[end - 1] == ITEM_NONE) end--;
    return (size_t)(end - begin);
}

// Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S) over the free items where the sample is
// a good part of the catalogue; else rejection into a sorted list.
size_t questions_negatives(const questions *q, size_t k, uint32_t *out)
{
    const size_t want = q->options.candidates;
    rng r = rng_at(q->options.seed, STREAM_NEGATIVES, question_key(&q->targets, q->user[k]));
    const log_view *h = &q->history;
    const uint32_t u = q->user[k];
    const uint64_t taken = q->target_begin[k + 1] - q->target_begin[k] + // at most
                           (u < h->users ? h->end[u] - h->begin[u] : 0);
    size_t n = 0;
    if (q->items > 4 * (taken + want)) {
        while (n < want) {
            const uint32_t item = (uint32_t)rng_below(&r, q->items);
            if (is_positive(q, k, item)) continue;
            size_t at = n;
            while (at && out[at - 1] > item) at--;
            if (at && out[at - 1] == item) continue;
            memmove(out + at + 1, out + at, (n - at) * sizeof *out);
            out[at] = item;
            n++;
        }
        return n;
    }
    size_t free_left = 0;
    for (uint32_t i = 0; i < q->items; i++) free_left += !is_positive(q, k, i);
    for (uint32_t i = 0; i < q->items && n < want; i++) {
        if (is_positive(q, k, i)) continue;
        if (rng_below(&r, free_left--) < want - n) out[n++] = i;
    }
    return n;
}
