// markov.c - a first-order Markov chain over items: what comes after what you did last.
//
// Papers   G. Shani, D. Heckerman and R. Brafman, "An MDP-based recommender system", JMLR 6, 2005.
//          Sections cited as S x.  Its factorised relative is S. Rendle, C. Freudenthaler and L.
//          Schmidt-Thieme, "Factorizing personalized Markov chains", WWW 2010 (FPMC).
//
// S 4.1    Maximum likelihood: P(b | a) = count(a, b) / count(a), over neighbouring events.
// S 4.2.1  Skipping: an event also counts towards those after the next, with a weight that falls
//          with the gap between them: 1 / gap up to `--window` (theirs halves with each step).
// S 4.2.2, 4.2.3  They cluster and mix chains of several lengths against sparsity.  We shrink
//          towards popularity instead, Dirichlet smoothing with `--backoff` imagined events:
//
//              P(b | a) = (count(a, b) + backoff * P(b)) / (count(a) + backoff)
//
// Answer   sum over the last `--window` events a at gap g of 1/g P(b | a) / sum of 1/g: with
//          window 1, P(b | last event).
//
// With `--within-session` neighbours are of one session, in a log that has sessions.
//
// Stored are the two parts of the sum apart: the sparse counts divided, and for each item how much
// is left to popularity.
#include "models/direct.h"
#include "models/registry.h"
#include "base/memory.h"

#include <string.h>

typedef struct markov_options {
    int window;
    double backoff;
    bool within_session;
} markov_options;

static const opt markov_table[] = {
#define AT(field) offsetof(markov_options, field)
    { "window", "N", OPT_INT, AT(window), "1", 1, 1000, NULL,
      "how many events onward an event counts, by 1 / gap; and how many are looked back on" },
    { "backoff", "R", OPT_REAL, AT(backoff), "1", 0, 1e9, NULL,
      "events of an item imagined to be followed by popularity" },
    { "within-session", NULL, OPT_FLAG, AT(within_session), "false", 0, 0, NULL,
      "the first event of a session does not follow the last of the one before; needs sessions" },
#undef AT
    OPT_END,
};

typedef struct markov {
    direct direct;
    int window;
    csr next;          // [items] rows of items: count(a, b) / (count(a) + backoff)
    const float *rest; // [items] backoff / (count(a) + backoff); 1 for items never left
    uint64_t loaded;
    double popularity_sum;
} markov;

// --- S 4: counting -------------------------------------------------------------------------------

// Where each item occurs: event number and the end of its user's events, or of its session.
typedef struct places {
    uint64_t *start; // [items+1]
    uint64_t *event, *end;
} places;

typedef struct markov_work {
    const log_view *log;
    const places *at;
    size_t window;
    double backoff;
    float *rest;
    float *count;       // [threads][items], all 0 between rows
    csr_entry *entries; // [threads][items]
} markov_work;

static void places_free(places *p)
{
    mem_free(p->start);
    mem_free(p->event);
    mem_free(p->end);
}

// The end of the stretch that event e begins: of its session, or of its user's events.
static uint64_t stretch_end(const log_view *log, uint64_t e, uint64_t end, bool within_session)
{
    if (!within_session) return end;
    uint64_t next = e + 1;
    while (next < end && log->session[next] == log->session[e]) next++;
    return next;
}

static habit_status places_find(places *out, const log_view *log, bool within_session,
                                habit_error *err)
{
    const size_t n = (size_t)log->events;
    places p = { ZNEW(uint64_t, (size_t)log->items + 2), NEW(uint64_t, n), NEW(uint64_t, n) };
    if (!p.start || !p.event || !p.end) {
        places_free(&p);
        return fail_memory(err, "markov: events by item", n * 2 * sizeof *p.event);
    }
    // start[i + 2] counts item i, then start[i + 1] is where its next place goes.
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u]; e < log->end[u]; e++) p.start[log->item[e] + 2]++;
    for (uint32_t i = 0; i < log->items; i++) p.start[i + 2] += p.start[i + 1];
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u], end = e; e < log->end[u]; e++) {
            if (e == end) end = stretch_end(log, e, log->end[u], within_session);
            const uint64_t to = p.start[log->item[e] + 1]++;
            p.event[to] = e;
            p.end[to] = end;
        }
    *out = p;
    return HABIT_OK;
}

static void count_row(void *ctx, uint64_t a, int worker, csr_rows *out)
{
    const markov_work *w = ctx;
    const size_t items = w->log->items;
    float *count = w->count + (size_t)worker * items;
    csr_entry *e = w->entries + (size_t)worker * items;
    size_t n = 0;
    double sum = 0;
    for (uint64_t p = w->at->start[a]; p < w->at->start[a + 1]; p++) {
        const uint64_t here = w->at->event[p];
        for (uint64_t gap = 1; gap <= w->window && here + gap < w->at->end[p]; gap++) {
            const uint32_t b = w->log->item[here + gap];
            if (count[b] == 0) e[n++].index = b;
            count[b] += 1 / (float)gap;
            sum += 1 / (double)gap;
        }
    }
    w->rest[a] = sum > 0 ? (float)(w->backoff / (sum + w->backoff)) : 1;
    for (size_t k = 0; k < n; k++) {
        e[k].weight = (float)((double)count[e[k].index] / (sum + w->backoff));
        count[e[k].index] = 0;
    }
    csr_put(out, e, n);
}

static habit_status count_transitions(markov *m, const log_view *log, const markov_options *o,
                                      const run *r, habit_error *err)
{
    const size_t threads = (size_t)run_threads(r), cells = threads * log->items;
    places at = { 0 };
    float *rest = NEW(float, log->items);
    m->rest = rest;
    markov_work w = { .log = log,
                      .at = &at,
                      .window = (size_t)o->window,
                      .backoff = o->backoff,
                      .rest = rest,
                      .count = ZNEW(float, cells),
                      .entries = NEW(csr_entry, cells) };
    habit_status st = HABIT_OK;
    if (!rest || !w.count || !w.entries)
        st = fail_memory(err, "markov: counts", cells * (sizeof *w.count + sizeof *w.entries));
    if (st == HABIT_OK) st = places_find(&at, log, o->within_session, err);
    if (st == HABIT_OK)
        st = csr_build(&m->next, log->items, log->items, count_row, &w,
                       "markov: counting transitions", r, err);
    places_free(&at);
    mem_free(w.count);
    mem_free(w.entries);
    return st;
}

// --- learning ------------------------------------------------------------------------------------

static void markov_free(model *base)
{
    markov *m = (markov *)base;
    direct_release(&m->direct);
    if (!base->loaded) {
        csr_free(&m->next);
        mem_free((void *)m->rest);
    }
    mem_free(m);
}

static habit_status markov_empty(model **out, habit_error *err)
{
    void *made = NULL;
    TRY(direct_new(&made, &model_class_markov, sizeof(markov), err));
    *out = made;
    return HABIT_OK;
}

// What is neither stored nor an array.
static void derive(markov *m, const markov_options *o)
{
    m->window = o->window;
    m->popularity_sum = 0;
    for (uint32_t i = 0; i < m->direct.base.items; i++)
        m->popularity_sum += (double)m->direct.popularity[i];
}

static habit_status markov_fit(model **out, const log_view *log, const void *options, const run *r,
                               habit_error *err)
{
    const markov_options *o = options;
    model *base = NULL;
    if (o->within_session && !log->session)
        return fail(err, HABIT_EINVAL,
                    "markov: --within-session needs sessions, which this log does not have: "
                    "import it with --session-gap 30m");
    TRY(markov_empty(&base, err));
    markov *m = (markov *)base;
    // Here popularity counts events, as transitions do.
    habit_status st = direct_learn(&m->direct, log->users, log->items, NULL, err);
    if (st == HABIT_OK) {
        float *popularity = (float *)m->direct.popularity;
        for (uint32_t u = 0; u < log->users; u++)
            for (uint64_t e = log->begin[u]; e < log->end[u]; e++) popularity[log->item[e]] += 1;
        st = count_transitions(m, log, o, r, err);
    }
    if (st != HABIT_OK) {
        markov_free(base);
        return st;
    }
    derive(m, o);
    *out = base;
    return HABIT_OK;
}

// --- keeping -------------------------------------------------------------------------------------

static size_t markov_fields(model *base, model_field *out)
{
    static const char *const arrays[] = { "next.start", "next.index", "next.value" };
    markov *m = (markov *)base;
    size_t n = direct_fields(&m->direct, out);
    n += csr_fields(&m->next, arrays, out + n);
    out[n++] = (model_field){ .name = "rest",
                              .type = TENSOR_F32,
                              .dims = 1,
                              .shape = { base->items },
                              .data = (const void **)&m->rest,
                              .shape_out = { &m->loaded } };
    return n;
}

static habit_status markov_ready(model *base, const void *options, habit_error *err)
{
    markov *m = (markov *)base;
    TRY(direct_ready(&m->direct, err));
    if (m->loaded != base->items)
        return fail(err, HABIT_EFORMAT, "markov: %llu rests for %u items: the file is damaged",
                    (unsigned long long)m->loaded, base->items);
    derive(m, options);
    return csr_ready(&m->next, base->items, base->items, "markov", err);
}

// --- answering -----------------------------------------------------------------------------------

static void answer(const markov *m, const query *q, float *scores)
{
    const size_t items = m->direct.base.items;
    const size_t look = q->n < (size_t)m->window ? q->n : (size_t)m->window;
    double gaps = 0, rest = 0;
    for (size_t g = 1; g <= look; g++) gaps += 1 / (double)g;
    for (size_t g = 1; g <= look; g++)
        rest += (double)m->rest[q->item[q->n - g]] / ((double)g * gaps);

    const float popular = m->popularity_sum > 0 ? (float)(rest / m->popularity_sum) : 0;
    for (size_t i = 0; i < items; i++) scores[i] = popular * m->direct.popularity[i];
    for (size_t g = 1; g <= look; g++)
        csr_axpy(scores, (float)(1 / ((double)g * gaps)), &m->next, q->item[q->n - g]);
}

static void markov_score(const model *base, const query *q, size_t n, float *scores, arena *scratch)
{
    const markov *m = (const markov *)base;
    (void)scratch;
    for (size_t k = 0; k < n; k++) {
        if (q[k].n == 0)
            direct_cold(&m->direct, scores + k * base->items);
        else
            answer(m, &q[k], scores + k * base->items);
    }
}

const model_class model_class_markov = {
    .name = "markov",
    .version = 1,
    .title = "First-order Markov chain",
    .paper = "Shani, Heckerman & Brafman, JMLR 2005",
    .needs = NEEDS_ORDER,
    .table = markov_table,
    .options_size = sizeof(markov_options),
    .fit = markov_fit,
    .fields = markov_fields,
    .empty = markov_empty,
    .ready = markov_ready,
    .free = markov_free,
    .score = markov_score,
};
