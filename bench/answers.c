// answers.c - what one answer costs a server: a history nobody has seen before, and one more event of
// somebody whose state is kept.
//
//     ninja -C build bench/bench_answers && build/bench/bench_answers [MODEL [WIDTH]]
//
// Networks of the size of MovieLens-1M with weights as they are drawn, since what they have learned
// changes no time.  Milliseconds of the processor on one core; histories and states are those of many
// people in turn, so that none stays in the nearest caches.
//
//     cold    the vector of a history of 200 events, by one pass
//     event   one more event, and the vector after it, from a state of the 199 before
//     top-10  the 10 best items for a vector, 200 seen ones left out: to be added to both
//     over    starting over from half of the window, where positions are used up: one event in 100
#include "base/memory.h"
#include "base/rng.h"
#include "index/topk.h"
#include "models/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ITEMS = 3416, WINDOW = 200, PEOPLE = 64, TURNS = 40, BEST = 10, AHEAD = 64 };
static const double most_cold = 0.4, most_event = 0.05; // what we want, in ms

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

// --- times ------------------------------------------------------------------------------------------

typedef struct times {
    double ms[PEOPLE * TURNS];
    size_t n;
} times;

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const times *t, double q)
{
    const size_t i = (size_t)(q * (double)t->n);
    return t->ms[i < t->n ? i : t->n - 1];
}

static void show(times *t, double most)
{
    qsort(t->ms, t->n, sizeof *t->ms, compare);
    const double median = quantile(t, 0.5);
    if (most > 0)
        printf("  %6.4f %6.4f %6.4f %-5s", t->ms[0], median, quantile(t, 0.99),
               median < most ? "met" : "above");
    else
        printf("  %6.4f %6.4f", median, quantile(t, 0.99));
}

// --- a network ----------------------------------------------------------------------------------------

typedef struct setup {
    network *net;
    catalogue *catalogue;
    live_event *events;   // [PEOPLE][WINDOW + AHEAD]
    uint32_t *item;       // the same, items alone
    int64_t *time;        // and times
    uint32_t *seen;       // [PEOPLE][WINDOW] ascending
    char *states, *state; // [PEOPLE], of 199 events; one
    size_t state_bytes;
    float *vector, *ranking;
    arena encode, live;
} setup;

enum { STRIDE = WINDOW + AHEAD };

static int compare_items(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void make_people(setup *s)
{
    for (size_t u = 0; u < PEOPLE; u++) {
        rng r = rng_at(5, u, 0);
        int64_t time = 0;
        for (size_t e = 0; e < STRIDE; e++) {
            const size_t at = u * STRIDE + e;
            time += (int64_t)(rng_exponential(&r) * 6e7);
            s->item[at] = (uint32_t)rng_below(&r, ITEMS);
            s->time[at] = time;
            s->events[at] = (live_event){ .item = s->item[at], .time = time, .value = 1 };
        }
        memcpy(s->seen + u * WINDOW, s->item + u * STRIDE, WINDOW * sizeof *s->seen);
        qsort(s->seen + u * WINDOW, WINDOW, sizeof *s->seen, compare_items);
    }
}

static habit_status make_network(setup *s, const char *name, int width, habit_error *err)
{
    const model_class *c = model_find(name);
    const log_view log = { .users = PEOPLE, .items = ITEMS };
    const char *const given[][2] = { { "max-len", "200" }, { "blocks", "2" } };
    char text[16];
    opt_values o = { 0 };
    if (!c || !c->network) return fail(err, HABIT_ENOTFOUND, "%s: not a network", name);
    TRY(opt_values_init(&o, c->table, c->options_size, err));
    snprintf(text, sizeof text, "%d", width);
    habit_status st = opt_set(&o, opt_find(&o, "dim"), text, err);
    for (size_t i = 0; i < COUNT_OF(given) && st == HABIT_OK; i++)
        st = opt_set(&o, opt_find(&o, given[i][0]), given[i][1], err);
    if (st == HABIT_OK) st = network_new(&s->net, c, o.values, &log, TENSOR_F32, 1, err);
    opt_values_free(&o);
    return st;
}

static habit_status setup_make(setup *s, const char *name, int width, habit_error *err)
{
    *s = (setup){ .events = NEW(live_event, PEOPLE * STRIDE),
                  .item = NEW(uint32_t, PEOPLE * STRIDE),
                  .time = NEW(int64_t, PEOPLE * STRIDE),
                  .seen = NEW(uint32_t, PEOPLE * WINDOW),
                  .vector = NEW(float, width) };
    TRY(make_network(s, name, width, err));
    const model *m = &s->net->base;
    s->state_bytes = live_bytes(s->net);
    s->states = mem_zalloc(PEOPLE, s->state_bytes);
    s->state = mem_zalloc(1, s->state_bytes);
    TRY(catalogue_new(&s->catalogue,
                      &(catalogue_items){ m->item_vector, m->item_bias, NULL, ITEMS, width }, NULL,
                      err));
    s->ranking = NEW(float, topk_dot_scratch(s->catalogue, 1));
    if (!s->events || !s->item || !s->time || !s->seen || !s->vector || !s->states || !s->state ||
        !s->ranking)
        return fail_memory(err, "people", PEOPLE * s->state_bytes);
    TRY(arena_init_bytes(&s->encode, m->class->scratch(m, 1), err));
    TRY(arena_init_bytes(&s->live, live_scratch(s->net), err));
    make_people(s);
    return HABIT_OK;
}

static void setup_free(setup *s)
{
    void *all[] = {
        s->events, s->item, s->time, s->seen, s->states, s->state, s->vector, s->ranking
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) mem_free(all[i]);
    if (s->net) model_free(&s->net->base);
    catalogue_free(s->catalogue);
    arena_free(&s->encode);
    arena_free(&s->live);
}

// --- what is timed ------------------------------------------------------------------------------------

static double time_cold(setup *s, size_t u)
{
    const query q = { .user = USER_NONE,
                      .item = s->item + u * STRIDE,
                      .time = s->time + u * STRIDE,
                      .n = WINDOW,
                      .now = s->time[u * STRIDE + WINDOW] };
    const double begin = now_ms();
    s->net->base.class->encode(&s->net->base, &q, 1, s->vector, &s->encode);
    return now_ms() - begin;
}

// The state with the last event it has room for, and the answer.
static double time_event(setup *s, size_t u)
{
    const live_event *e = s->events + u * STRIDE;
    memcpy(s->state, s->states + u * s->state_bytes, s->state_bytes);
    const double begin = now_ms();
    live_follow(s->net, s->state, e, WINDOW, &s->live);
    live_answer(s->net, s->state, e[WINDOW].time, s->vector, &s->live);
    return now_ms() - begin;
}

// And the event after it.
static double time_over(setup *s, size_t u)
{
    const live_event *e = s->events + u * STRIDE;
    const double begin = now_ms();
    live_follow(s->net, s->state, e, WINDOW + 1, &s->live);
    live_answer(s->net, s->state, e[WINDOW + 1].time, s->vector, &s->live);
    return now_ms() - begin;
}

static double time_top(setup *s, size_t u)
{
    uint32_t item[BEST];
    float score[BEST];
    topk_query q = { .excluded = s->seen + u * WINDOW,
                     .excluded_count = WINDOW,
                     .answer = { .item = item, .score = score, .k = BEST } };
    const double begin = now_ms();
    topk_dot(&q, s->vector, 1, s->catalogue, s->ranking);
    return now_ms() - begin;
}

static habit_status network_time(const char *name, int width, habit_error *err)
{
    static times cold, event, top, over;
    setup s;
    habit_status st = setup_make(&s, name, width, err);
    if (st != HABIT_OK) {
        setup_free(&s);
        return st;
    }
    for (size_t u = 0; u < PEOPLE; u++) {
        live_start(s.net, s.states + u * s.state_bytes, USER_NONE);
        for (size_t e = 0; e + 1 < WINDOW; e++)
            live_extend(s.net, s.states + u * s.state_bytes, &s.events[u * STRIDE + e], &s.live);
    }
    cold.n = event.n = top.n = over.n = 0;
    for (int turn = 0; turn < TURNS; turn++)
        for (size_t u = 0; u < PEOPLE; u++) {
            cold.ms[cold.n++] = time_cold(&s, u);
            top.ms[top.n++] = time_top(&s, u);
        }
    for (int turn = 0; turn < TURNS; turn++)
        for (size_t u = 0; u < PEOPLE; u++) {
            event.ms[event.n++] = time_event(&s, u);
            if (s.net->base.class->network->traits & NETWORK_ABSOLUTE && turn % 8 == 0)
                over.ms[over.n++] = time_over(&s, u);
        }
    printf("%-10s %3d", name, width);
    show(&cold, most_cold);
    show(&event, most_event);
    show(&top, 0);
    printf("  %5zu kB", (s.state_bytes + 512) / 1024);
    if (over.n) show(&over, 0);
    putchar('\n');
    setup_free(&s);
    return HABIT_OK;
}

int main(int argc, char **argv)
{
    static const char *const usual[] = { "sasrec", "esasrec", "hstu", "gru4rec", "lru" };
    static const int widths[] = { 50, 64 };
    const int only = argc > 2 ? atoi(argv[2]) : 0;
    habit_error err = { 0 };
    printf("%d items, 2 blocks, %d events; ms of one core: median and 99th in 100,\n"
           "of cold and event the least before them\n"
           "wanted: median of cold < %.2f, event < %.2f\n\n"
           "%-10s %3s  %-26s  %-26s  %-13s  %8s  %s\n",
           ITEMS, WINDOW, most_cold, most_event, "", "dim", "cold", "event", "top-10", "state",
           "over");
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        for (size_t w = 0; w < COUNT_OF(widths); w++) {
            if (argc > 1 && strcmp(argv[1], usual[i]) != 0) continue;
            if (only && only != widths[w]) continue;
            if (network_time(usual[i], widths[w], &err) != HABIT_OK) {
                fprintf(stderr, "%s\n", err.message);
                return 1;
            }
        }
    return 0;
}
