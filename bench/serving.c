// serving.c - what an answer of the live service costs, without HTTP and database.
//
//     ninja -C build bench/bench_serving && build/bench/bench_serving [ITEMS [DIM [THREADS]]]
//
// A catalogue of random vectors grouped around centres, of uneven lengths; people with 50 events
// whose vector is the mean of those they took; each answer is for another person.  Milliseconds of
// the processor per answer on one thread, then answers a second of several threads at once.
//
//     agreement   of the ten best, the share that an exact scan has too
//     event       one more event of the person before the answer
#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/rng.h"
#include "index/topk.h"
#include "serve/recommend.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    EVENTS = 50,
    PEOPLE = 2000,
    TURNS = 3000,
    BEST = 10,
    CENTRES = 300,
    CATEGORIES = 20,
    EXACT_TURNS = 300,
};
#define NOW INT64_C(1700000000000000)

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

// --- a service ----------------------------------------------------------------------------------------

static struct bench {
    items table;
    people people;
    subsets *sets;
    model model;
    served *served;
    uint32_t count;
    float *vector;
    uint32_t *number;
} b;

static void encode(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    const size_t dim = (size_t)m->dim;
    (void)scratch;
    memset(vectors, 0, n * dim * sizeof *vectors);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < q[i].n; k++)
            for (size_t d = 0; d < dim; d++)
                vectors[i * dim + d] += m->item_vector[q[i].item[k] * dim + d] / (float)q[i].n;
}

static const model_class means = { .name = "means", .encode = encode };

static void make_vectors(int dim)
{
    rng r = rng_at(1, 2, 3);
    const size_t d = (size_t)dim;
    float *centre = NEW(float, CENTRES *d);
    b.vector = NEW(float, b.count *d);
    b.number = NEW(uint32_t, b.count);
    if (!centre || !b.vector || !b.number) exit(EXIT_FAILURE);
    for (size_t i = 0; i < CENTRES * d; i++) centre[i] = (float)rng_normal(&r);
    for (uint32_t i = 0; i < b.count; i++) {
        const float *c = centre + rng_below(&r, CENTRES) * d;
        const float length = (float)exp(0.5 * rng_normal(&r));
        for (size_t k = 0; k < d; k++)
            b.vector[i * d + k] = length * (c[k] + (float)rng_normal(&r));
        b.number[i] = i;
    }
    mem_free(centre);
}

static habit_status make_items(habit_error *err)
{
    rng r = rng_at(4, 5, 6);
    TRY(items_init(&b.table, INT64_C(7) * 86400 * 1000000, err));
    for (uint32_t i = 0; i < b.count; i++) {
        char id[24], fields[64], categories[32];
        snprintf(id, sizeof id, "item%u", i);
        snprintf(fields, sizeof fields, "{\"price\":%d,\"brand\":\"b%d\"}", (int)rng_below(&r, 100),
                 (int)rng_below(&r, 50));
        snprintf(categories, sizeof categories, "[\"c%d\"]", (int)rng_below(&r, CATEGORIES));
        const db_item one = { .id = { id, strlen(id) },
                              .fields = { fields, strlen(fields) },
                              .categories = { categories, strlen(categories) },
                              .time = NOW - (int64_t)rng_below(&r, 1000) * 3600 * 1000000 };
        TRY(items_put(&b.table, &one, err));
    }
    return HABIT_OK;
}

static db_text person_id(char room[24], uint32_t who)
{
    snprintf(room, 24, "user%u", who);
    return (db_text){ room, strlen(room) };
}

static habit_status add_event(uint32_t who, int64_t place, rng *r, habit_error *err)
{
    char id[24];
    person *p;
    // Popular items are taken more often.
    const uint32_t item = (uint32_t)(pow(rng_uniform(r), 2) * b.count);
    const person_event e = { .place = place, .time = NOW + place, .item = item, .value = NAN };
    TRY(people_take(&b.people, &p, person_id(id, who), NULL, NULL, err));
    const uint32_t before = p->events ? p->event[p->events - 1].item : IDS_NONE;
    const habit_status st = person_add(p, &e, EVENTS, err);
    people_give(&b.people, p);
    items_count(&b.table, item, before, e.time);
    return st;
}

static habit_status make(int dim, pool *p, habit_error *err)
{
    rng r = rng_at(7, 8, 9);
    make_vectors(dim);
    TRY(make_items(err));
    people_init(&b.people, EVENTS, (size_t)1 << 30);
    b.sets = subsets_new();
    // A twentieth of the items is newer than the model.
    b.model = (model){
        .class = &means, .items = b.count - b.count / 20, .dim = dim, .item_vector = b.vector
    };
    TRY(served_new(&b.served, &b.model, 1, b.number, b.count, p, err));
    for (int64_t i = 0; i < PEOPLE * EVENTS; i++)
        TRY(add_event((uint32_t)(i % PEOPLE), i, &r, err));
    return HABIT_OK;
}

// --- answers ------------------------------------------------------------------------------------------

static habit_status ask(ranker *r, const wish *w, uint32_t who, answer *a, habit_error *err)
{
    char id[24];
    person *p;
    TRY(ranker_begin(r, w, &b.table, b.served, EVENTS, err));
    TRY(people_take(&b.people, &p, person_id(id, who), NULL, NULL, err));
    ranker_hear(r, p, USER_NONE, false);
    people_give(&b.people, p);
    *a = ranker_answer(r);
    return HABIT_OK;
}

static int ascending(const void *x, const void *y)
{
    const double a = *(const double *)x, c = *(const double *)y;
    return (a > c) - (a < c);
}

static habit_status time_answers(const char *name, const wish *w, bool events, habit_error *err)
{
    static double ms[TURNS];
    rng r = rng_at(10, 11, 12);
    ranker *k = ranker_new();
    size_t n = 0, got = 0;
    const double began = clock_wall();
    for (; n < TURNS && clock_wall() - began < 10; n++) {
        answer a = { 0 };
        wish each = *w;
        each.like = (uint32_t)rng_below(&r, b.count);
        const double start = now_ms();
        if (events) TRY(add_event((uint32_t)n % PEOPLE, PEOPLE * EVENTS + (int64_t)n, &r, err));
        TRY(ask(k, &each, (uint32_t)n % PEOPLE, &a, err));
        ms[n] = now_ms() - start;
        got += a.n;
    }
    qsort(ms, n, sizeof *ms, ascending);
    printf("  %-34s %8.4f %8.4f %8.4f   %5.2f items\n", name, ms[0], ms[n / 2], ms[n * 99 / 100],
           (double)got / (double)n);
    ranker_free(k);
    return HABIT_OK;
}

static wish usual(void)
{
    return (wish){ .now = NOW + (INT64_C(1) << 40), .n = BEST, .exclude_seen = true };
}

static habit_status take(const subset **out, subset_kind kind, const char *text, habit_error *err)
{
    const double start = clock_wall();
    TRY(subsets_take(b.sets, out, kind, (db_text){ text, strlen(text) }, &b.table, err));
    printf("  (%s: looking at all items takes %.1f ms, once)\n", text,
           1e3 * (clock_wall() - start));
    return HABIT_OK;
}

static habit_status time_all(habit_error *err)
{
    wish w = usual();
    const subset *cheap = NULL, *few = NULL, *category = NULL;
    printf("  %-34s %8s %8s %8s\n", "ms", "best", "p50", "p99");
    TRY(time_answers("plain", &w, false, err));
    TRY(time_answers("an event before", &w, true, err));
    w.n = 100;
    TRY(time_answers("100 items", &w, false, err));
    w = usual(), w.diversity = 0.3;
    TRY(time_answers("diversity .3", &w, false, err));
    w = usual(), w.category_most = 2;
    TRY(time_answers("2 of a category", &w, false, err));
    TRY(take(&cheap, SUBSET_FILTER, "price < 50 and brand != \"b7\"", err));
    TRY(take(&few, SUBSET_FILTER, "price == 3", err));
    TRY(take(&category, SUBSET_CATEGORY, "c3", err));
    w = usual(), w.where = cheap;
    TRY(time_answers("filter that half pass", &w, false, err));
    w.where = few;
    TRY(time_answers("filter that 1 % pass", &w, false, err));
    w = usual(), w.categories = 1, w.category[0] = (wish_category){ 3, category };
    TRY(time_answers("one category of 20", &w, false, err));
    w = usual(), w.published_since = NOW - INT64_C(86400000000) * 10;
    TRY(time_answers("published in 10 days", &w, false, err));
    w = usual(), w.boosts = 1, w.boost[0] = (wish_boost){ .set = cheap, .factor = 1.5 };
    TRY(time_answers("a boost of half the items", &w, false, err));
    w = usual(), w.fresh = 0.1;
    TRY(time_answers("a place for a new item", &w, false, err));
    w = usual(), w.kind = WISH_SIMILAR;
    TRY(time_answers("similar items", &w, false, err));
    subsets_give(b.sets, cheap), subsets_give(b.sets, few), subsets_give(b.sets, category);
    return HABIT_OK;
}

// --- agreement with exact answers ---------------------------------------------------------------------

static int ascending_items(const void *x, const void *y)
{
    const uint32_t a = *(const uint32_t *)x, c = *(const uint32_t *)y;
    return (a > c) - (a < c);
}

static habit_status compare(pool *p, habit_error *err)
{
    catalogue *c = NULL;
    const catalogue_items from = { b.vector, NULL, NULL, b.model.items, b.model.dim };
    TRY(catalogue_new(&c, &from, p, err));
    float *scratch = NEW(float, topk_dot_scratch(c, 1));
    ranker *k = ranker_new();
    const wish w = usual();
    size_t same = 0;
    for (uint32_t who = 0; who < EXACT_TURNS; who++) {
        char id[24];
        answer a = { 0 };
        person *one;
        uint32_t seen[EVENTS], item[BEST];
        float score[BEST];
        TRY(ask(k, &w, who, &a, err));
        TRY(people_take(&b.people, &one, person_id(id, who), NULL, NULL, err));
        for (size_t i = 0; i < one->events; i++) seen[i] = one->event[i].item;
        qsort(seen, one->events, sizeof *seen, ascending_items);
        topk_query q = { .excluded = seen,
                         .excluded_count = one->events,
                         .answer = { .item = item, .score = score, .k = BEST } };
        topk_dot(&q, served_remembered(b.served, one), 1, c, scratch);
        people_give(&b.people, one);
        for (size_t i = 0; i < a.n; i++)
            for (size_t j = 0; j < BEST; j++) same += a.at[i].item == item[j];
    }
    printf("  agreement %.5f of %d answers\n", (double)same / EXACT_TURNS / BEST, EXACT_TURNS);
    ranker_free(k);
    mem_free(scratch);
    catalogue_free(c);
    return HABIT_OK;
}

// --- several threads ----------------------------------------------------------------------------------

typedef struct crew {
    int thread;
    size_t answers;
    double until;
} crew;

static void *answer_people(void *ctx)
{
    crew *t = ctx;
    rng r = rng_at(13, (uint64_t)t->thread, 0);
    ranker *k = ranker_new();
    const wish w = usual();
    answer a;
    while (clock_wall() < t->until)
        t->answers += ask(k, &w, (uint32_t)rng_below(&r, PEOPLE), &a, NULL) == HABIT_OK;
    ranker_free(k);
    return NULL;
}

static void time_threads(int threads)
{
    enum { SECONDS = 3 };
    pthread_t t[64];
    crew c[64];
    size_t answers = 0;
    const double began = clock_wall();
    for (int i = 0; i < threads; i++) c[i] = (crew){ i, 0, began + SECONDS };
    for (int i = 0; i < threads; i++) pthread_create(&t[i], NULL, answer_people, &c[i]);
    for (int i = 0; i < threads; i++) {
        pthread_join(t[i], NULL);
        answers += c[i].answers;
    }
    printf("  %.0f answers a second on %d threads\n", (double)answers / (clock_wall() - began),
           threads);
}

int main(int argc, char **argv)
{
    const int sizes[] = { 60000, 1000000 }, dim = argc > 2 ? atoi(argv[2]) : 64;
    const int threads = argc > 3 ? atoi(argv[3]) : 2, given = argc > 1 ? atoi(argv[1]) : 0;
    habit_error err = { 0 };
    pool *p = NULL;
    habit_status st = pool_new(&p, pool_cores(), &err);
    for (size_t i = 0; i < (given ? 1 : COUNT_OF(sizes)) && st == HABIT_OK; i++) {
        memset(&b, 0, sizeof b);
        b.count = (uint32_t)(given ? given : sizes[i]);
        const double start = clock_wall();
        st = make(dim, p, &err);
        printf("%u items x %d, made in %.1f s, %zu bytes a person\n", b.count, dim,
               clock_wall() - start, sizeof(person_event) * EVENTS);
        if (st == HABIT_OK) st = time_all(&err);
        if (st == HABIT_OK) st = compare(p, &err);
        if (st == HABIT_OK) time_threads(threads < 64 ? threads : 64);
        served_free(b.served);
        subsets_free(b.sets);
        people_free(&b.people);
        items_free(&b.table);
        mem_free(b.vector), mem_free(b.number);
    }
    if (st != HABIT_OK) fprintf(stderr, "%s\n", err.message);
    pool_free(p);
    return st == HABIT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
