// fuzz_wish.c - bodies of recommend and rerank; the first byte chooses which.  What is understood is
// answered, by a service without a model.
#include "base/memory.h"
#include "serve/wish_read.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool condition)
{
    if (!condition) abort();
}

static db_text text(const char *s)
{
    return (db_text){ s, strlen(s) };
}

static void put_items(items *t)
{
    static const char *const known[] = { "i1", "i2", "i3", "i4", "i5" };
    must(items_init(t, 1000000, NULL) == HABIT_OK);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        const db_item one = { .id = text(known[i]),
                              .categories = text(i % 2 ? "[\"book\"]" : "[]"),
                              .fields = text("{\"price\":3,\"tags\":[\"a\"]}"),
                              .time = (int64_t)i * 1000 };
        must(items_put(t, &one, NULL) == HABIT_OK);
        items_count(t, (uint32_t)i, i ? (uint32_t)i - 1 : IDS_NONE, (int64_t)i);
    }
}

static void answer_it(const asked *a)
{
    ranker *r = ranker_new();
    person posted = { .event = a->history, .events = a->events };
    must(a->events <= a->about.ring);
    must(r && ranker_begin(r, &a->wish, a->about.table, NULL, a->about.ring, NULL) == HABIT_OK);
    ranker_hear(r, &posted, USER_NONE, true);
    const answer got = ranker_answer(r);
    must(got.n <= a->wish.n);
    for (size_t i = 0; i < got.n; i++) must(got.at[i].item < a->about.table->names.count);
    ranker_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!len) return 0;
    items table;
    behaviours types;
    asked a;
    const asked_about about = {
        .table = &table, .sets = subsets_new(), .behaviours = &types, .now = 5000, .ring = 4
    };
    put_items(&table);
    behaviours_init(&types);
    must(about.sets != NULL);
    asked_begin(&a, &about);
    a.reranks = bytes[0] & 1;
    if (asked_body(&a, (const char *)bytes + 1, len - 1, NULL) == HABIT_OK) answer_it(&a);
    asked_free(&a);
    subsets_free(about.sets);
    behaviours_free(&types);
    items_free(&table);
    must(mem_live() == 0);
    return 0;
}
