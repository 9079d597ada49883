// test_served.c - a served model answers people as the model itself does, event after event.
#include "tests/model_check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "serve/served.h"

enum { K = 10, RING = 40, EVENTS = 100, SPARE = 3 };

static structured_log training;

// The service numbers items backwards, with some in front that the model does not know.
static uint32_t numbered(uint32_t item)
{
    return SPARE + CHECK_ITEMS - 1 - item;
}

// What the model says of the events in p, by its own functions: scores by the service's numbers.
static void plain_scores(const fitted *f, const person *p, int64_t now, size_t window,
                         uint32_t user, float *scores)
{
    uint32_t item[RING];
    int64_t time[RING];
    uint8_t behaviour[RING];
    float value[RING], own[CHECK_ITEMS];
    size_t n = 0;
    for (size_t i = p->events > window ? p->events - window : 0; i < p->events; i++) {
        if (p->event[i].item < SPARE) continue;
        item[n] = SPARE + CHECK_ITEMS - 1 - p->event[i].item;
        time[n] = p->event[i].time, behaviour[n] = p->event[i].behaviour;
        value[n++] = p->event[i].value;
    }
    const query q = { user, item, time, behaviour, value, n, now };
    scores_of(f->model, &q, 1, own);
    for (uint32_t i = 0; i < CHECK_ITEMS; i++) scores[numbered(i)] = own[i];
}

// Every answer is in order, allowed, and as good as the best of the plain scores.
static void check_answer(const char *name, const float *scores, const uint64_t *allowed,
                         const uint32_t *item, const float *score, size_t n)
{
    size_t better = 0;
    CHECK(n == K, "%s: %zu answers", name, n);
    if (n != K) return;
    for (uint32_t i = SPARE; i < SPARE + CHECK_ITEMS; i++)
        better += (allowed[i / 64] >> i % 64 & 1) && scores[i] > score[K - 1] + 1e-4f;
    CHECK(better <= K - 1, "%s: %zu are better than the last", name, better);
    for (size_t i = 0; i < n; i++) {
        CHECK(item[i] >= SPARE && (allowed[item[i] / 64] >> item[i] % 64 & 1), "%s: %u", name,
              item[i]);
        CHECK(fabsf(score[i] - scores[item[i]]) < 1e-4f * (1 + fabsf(score[i])),
              "%s: item %u has %g, the model says %g", name, item[i], (double)score[i],
              (double)scores[item[i]]);
        CHECK(i == 0 || score[i] <= score[i - 1], "%s: not in order", name);
    }
}

// As long as the person has at most `window` events (0: always), answers are those of a model that
// is told all of them anew.
static void check_model(const char *name, const char *options, size_t window)
{
    static float scores[SPARE + CHECK_ITEMS];
    fitted f;
    served *s = NULL;
    people all;
    uint32_t from[CHECK_ITEMS], item[K];
    uint64_t allowed[(SPARE + CHECK_ITEMS) / 64 + 1];
    float score[K];
    arena scratch = { 0 };
    rng r = rng_at(3, 1, 4);
    fit_model(&f, name, options, &training.tiny.view, NULL);
    for (uint32_t i = 0; i < CHECK_ITEMS; i++) from[i] = numbered(i);
    CHECK_OK(served_new(&s, f.model, 7, from, SPARE + CHECK_ITEMS, NULL, err));
    CHECK_OK(arena_init_bytes(&scratch, served_scratch(s, K, RING), err));
    people_init(&all, RING, 1 << 20);
    for (int i = 0; i < EVENTS; i++) {
        const db_text id = { "u", 1 };
        person *p = NULL;
        CHECK_OK(people_take(&all, &p, id, NULL, NULL, err));
        const person_event e = { .place = i + 1,
                                 .time = (int64_t)(i % 10 == 9 ? i - 5 : i) * 1000000, // some late
                                 .item = (uint32_t)rng_below(&r, SPARE + CHECK_ITEMS),
                                 .value = 3 };
        CHECK_OK(person_add(p, &e, RING, err));
        for (size_t w = 0; w < COUNT_OF(allowed); w++) allowed[w] = rng_u64(&r) | rng_u64(&r);
        const served_ask ask = { p, USER_NONE, (int64_t)i * 1000000 + 5, allowed, K };
        const size_t n = served_best(s, &ask, item, score, &scratch);
        CHECK(!scratch.failed, "%s: served_scratch() asks for too little", name);
        if (i > 3 && (p->events <= window || window == 0)) {
            plain_scores(&f, p, ask.now, RING, USER_NONE, scores);
            check_answer(name, scores, allowed, item, score, n);
        }
        people_give(&all, p);
    }
    people_free(&all);
    arena_free(&scratch);
    served_free(s);
    fitted_free(&f);
}

static void test_stranger(void)
{
    fitted f;
    served *s = NULL;
    person nobody = { 0 };
    uint32_t from[CHECK_ITEMS], item[K];
    float score[K];
    arena scratch = { 0 };
    fit_model(&f, "itemknn", "", &training.tiny.view, NULL);
    for (uint32_t i = 0; i < CHECK_ITEMS; i++) from[i] = i;
    CHECK_OK(served_new(&s, f.model, 1, from, CHECK_ITEMS, NULL, err));
    CHECK_OK(arena_init_bytes(&scratch, served_scratch(s, K, RING), err));
    CHECK(served_best(s, &(served_ask){ &nobody, USER_NONE, 0, NULL, K }, item, score, &scratch) ==
              0,
          "an answer about nobody");
    arena_free(&scratch);
    served_free(s);
    fitted_free(&f);
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    structured_log_make(&training);
    check_model("itemknn", "", 0);
    check_model("ease", "", 0);
    check_model("pop", "", 0);
    check_model("bpr", "dim=8 epochs=3", 0);
    check_model("bert4rec", "dim=8 heads=1 max-len=40 epochs=1", 0);
    check_model("gru4rec", "dim=8 epochs=1 max-len=200", RING - 1);
    check_model("sasrec", "dim=8 epochs=1 max-len=50", RING - 1);
    check_model("hstu", "dim=8 epochs=1 max-len=50", RING - 1);
    test_stranger();
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
