// test_people.c - people in memory: order, rings, forgetting, and what models remember.
#include "tests/check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "base/rng.h"
#include "serve/people.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static db_text text(const char *s)
{
    return (db_text){ s, strlen(s) };
}

static person_event event(int64_t place, int64_t time)
{
    return (person_event){ .place = place, .time = time, .item = (uint32_t)place, .value = NAN };
}

// Loads events 1 .. 3, and counts how often.
static habit_status load(void *ctx, person *p, habit_error *err)
{
    ++*(int *)ctx;
    for (int i = 3; i > 0; i--) {
        const person_event e = event(i, 10 * i);
        TRY(person_add(p, &e, 100, err));
    }
    return HABIT_OK;
}

static habit_status fail_to_load(void *ctx, person *p, habit_error *err)
{
    (void)ctx, (void)p;
    return fail(err, HABIT_EIO, "no database");
}

static void check_events(const person *p, const char *want, const char *what)
{
    char got[300] = "";
    for (size_t i = 0; i < p->events; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%lld ",
                 (long long)p->event[i].place);
    CHECK(strcmp(got, want) == 0, "%s: %s", what, got);
}

static void test_order(void)
{
    people all;
    person *p = NULL;
    int loads = 0;
    people_init(&all, 4, 1 << 20);
    const person_event unheard = event(9, 90);
    people_heard(&all, text("u"), &unheard); // nobody is in memory: the database has it
    CHECK_OK(people_take(&all, &p, text("u"), load, &loads, err));
    check_events(p, "1 2 3 ", "loaded");
    const uint64_t appended = p->appended, rewrite = p->rewrite;
    people_give(&all, p);
    const person_event more[] = { event(3, 30), event(4, 40), event(5, 35), event(6, 40),
                                  event(7, 1) };
    for (size_t i = 0; i < COUNT_OF(more); i++) people_heard(&all, text("u"), &more[i]);
    CHECK_OK(people_take(&all, &p, text("u"), load, &loads, err));
    check_events(p, "3 5 4 6 ", "a repeated, a late and an ancient one");
    CHECK(loads == 1 && p->appended == appended + 2 && p->rewrite == rewrite + 1, "counts");
    people_give(&all, p);
    people_forget(&all, text("u"));
    CHECK(people_count(&all) == 0, "forgotten");
    CHECK(people_take(&all, &p, text("u"), fail_to_load, NULL, NULL) == HABIT_EIO &&
              people_count(&all) == 0,
          "half a person");
    people_free(&all);
}

// What came before is known of those who are not in memory, too, until they are forgotten.
static void test_trail(void)
{
    people all;
    people_init(&all, 4, 1 << 20);
    const person_event e[] = { event(1, 10), event(2, 20), event(3, 15), event(4, 30) };
    CHECK(people_heard(&all, text("u"), &e[0]) == IDS_NONE, "the first event");
    CHECK(people_heard(&all, text("v"), &e[3]) == IDS_NONE, "of somebody else");
    CHECK(people_heard(&all, text("u"), &e[1]) == 1, "the second");
    CHECK(people_heard(&all, text("u"), &e[2]) == IDS_NONE, "a late one: nobody remembers");
    CHECK(people_heard(&all, text("u"), &e[3]) == 2 && people_count(&all) == 0, "the fourth");
    people_forget(&all, text("u"));
    CHECK(people_heard(&all, text("u"), &e[3]) == IDS_NONE, "after being forgotten");
    people_free(&all);
}

static void test_states(void)
{
    people all;
    person *p = NULL;
    people_init(&all, 4, 1 << 20);
    CHECK_OK(people_take(&all, &p, text("u"), NULL, NULL, err));
    for (uint64_t model = 1; model <= PERSON_STATES; model++) {
        person_state *s = person_state_of(p, model, 8);
        CHECK(s && s->model == 0, "a new state is somebody's");
        s->model = model, s->taken = 10 * model;
    }
    CHECK(person_state_of(p, 2, 8)->taken == 20, "kept");
    CHECK(person_state_of(p, 9, 8)->model == 0, "made for one more");
    p->state[0].model = 9;
    CHECK(person_state_of(p, 1, 8)->model == 0, "the one not asked for was not given up");
    CHECK(person_state_of(p, 2, 8)->taken == 20, "one that was asked for lately is gone");
    CHECK(person_state_of(p, 2, 16)->model == 0, "another size is another state");
    people_give(&all, p);
    people_free(&all);
}

// Little memory: those not asked for go, and come back from the database.
static void test_memory(void)
{
    people all;
    int loads = 0;
    people_init(&all, 100, PEOPLE_SHARDS * 2000);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < 2000; i++) {
            char id[16];
            person *p = NULL;
            snprintf(id, sizeof id, "u%d", i);
            CHECK_OK(people_take(&all, &p, text(id), load, &loads, err));
            if (p->events != 3) CHECK(false, "%s has %zu events", id, p->events);
            people_give(&all, p);
        }
    size_t bytes = 0;
    for (int i = 0; i < PEOPLE_SHARDS; i++) bytes += all.shard[i].bytes;
    CHECK(bytes <= PEOPLE_SHARDS * 2000, "%zu bytes", bytes);
    CHECK(people_count(&all) > 50 && people_count(&all) < 1000 && loads > 3000,
          "%zu people, %d loads", people_count(&all), loads);
    people_free(&all);
}

static people shared;

static void *crowd(void *ctx)
{
    rng r = rng_at(1, (uint64_t)(size_t)ctx, 0);
    for (int i = 0; i < 4000; i++) {
        char id[16];
        person *p = NULL;
        const person_event e =
            event((int64_t)(1000 + rng_below(&r, 50)), (int64_t)rng_below(&r, 90));
        snprintf(id, sizeof id, "u%d", (int)rng_below(&r, 300));
        if (i % 7 == 0)
            people_forget(&shared, text(id));
        else if (i % 2)
            people_heard(&shared, text(id), &e);
        else if (people_take(&shared, &p, text(id), NULL, NULL, NULL) == HABIT_OK)
            people_give(&shared, p);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t t[4];
    people_init(&shared, 10, 1 << 16);
    for (size_t i = 0; i < COUNT_OF(t); i++) pthread_create(&t[i], NULL, crowd, (void *)i);
    for (size_t i = 0; i < COUNT_OF(t); i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 300; i++) {
        char id[16];
        person *p = NULL;
        snprintf(id, sizeof id, "u%d", i);
        CHECK_OK(people_take(&shared, &p, text(id), NULL, NULL, err));
        for (size_t k = 1; k < p->events; k++)
            CHECK(p->event[k].time > p->event[k - 1].time ||
                      (p->event[k].time == p->event[k - 1].time &&
                       p->event[k].place > p->event[k - 1].place),
                  "not in order");
        CHECK(p->events <= 10, "more than the ring holds");
        people_give(&shared, p);
    }
    people_free(&shared);
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    test_order();
    test_trail();
    test_states();
    test_memory();
    test_threads();
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
