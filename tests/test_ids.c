// test_ids.c - numbered strings: every length and look-alike, in the slot and beside it.
#include "tests/check.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/rng.h"

#include <string.h>

enum { STRINGS = 20000, LENGTH_MAX = 40 };

// Strings over two letters: many are prefixes of others and differ in one place, at lengths on both
// sides of what a slot holds.
static size_t string_make(char out[LENGTH_MAX], uint64_t i)
{
    rng r = rng_at(5, i, 0);
    const size_t len = (size_t)rng_below(&r, LENGTH_MAX);
    for (size_t k = 0; k < len; k++) out[k] = rng_below(&r, 8) ? 'a' : (char)rng_below(&r, 256);
    return len;
}

static void test_numbers(void)
{
    ids t = { 0 };
    uint32_t *number = NEW(uint32_t, STRINGS);
    for (uint32_t i = 0; i < STRINGS; i++) {
        char s[LENGTH_MAX];
        const size_t len = string_make(s, i);
        const uint32_t count = t.count, known = ids_get(&t, s, len);
        CHECK_OK(ids_add(&t, s, len, &number[i], err));
        CHECK(number[i] == (known == IDS_NONE ? count : known), "string %u: number %u", i,
              number[i]);
    }
    for (uint32_t i = 0; i < STRINGS; i++) {
        char s[LENGTH_MAX];
        const size_t len = string_make(s, i);
        size_t have;
        const char *at = ids_at(&t, number[i], &have);
        CHECK(have == len && memcmp(at, s, len) == 0, "string %u has become another", i);
        CHECK(ids_get_hashed(&t, ids_hash(s, len), s, len) == number[i], "string %u lost", i);
    }
    CHECK(t.count > STRINGS / 2 && t.count < STRINGS, "%u different strings", t.count);
    mem_free(number);
    ids_free(&t);
}

// Two strings that differ in any one byte have different numbers, at any length.
static void test_every_byte_counts(void)
{
    for (size_t len = 0; len <= 20; len++) {
        ids t = { 0 };
        char s[24];
        uint32_t k = 0;
        memset(s, 'x', sizeof s);
        CHECK_OK(ids_add(&t, s, len, &k, err));
        for (size_t i = 0; i < len; i++) {
            s[i] = 'y';
            CHECK(ids_get(&t, s, len) == IDS_NONE, "length %zu: byte %zu is not seen", len, i);
            CHECK_OK(ids_add(&t, s, len, &k, err));
            CHECK(k == i + 1, "length %zu: byte %zu gives number %u", len, i, k);
            s[i] = 'x';
        }
        ids_free(&t);
    }
}

// Equal hashes are told apart by the strings: here all hashes are the same.
static void test_equal_hashes(void)
{
    ids t = { 0 };
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 300; i++) {
            char s[48];
            uint32_t k = 0;
            const int len = snprintf(s, sizeof s, i % 2 ? "%u" : "%u-and-a-long-tail-for-it", i);
            CHECK_OK(ids_add_hashed(&t, 42, s, (size_t)len, &k, err));
            CHECK(k == i, "round %u: string %u is number %u", round, i, k);
        }
    ids_free(&t);
}

static void test_no_memory(void)
{
    const long before = mem_live();
    int failed = 0;
    for (long n = 0; n < 100; n++) {
        ids t = { 0 };
        habit_status st = HABIT_OK;
        uint32_t *order = NULL, added = 0;
        mem_fail_after(n);
        for (uint32_t i = 0; st == HABIT_OK && i < 3000; i++) {
            char s[16];
            uint32_t k;
            st = ids_add(&t, s, (size_t)snprintf(s, sizeof s, "%u", i), &k, NULL);
            added += st == HABIT_OK;
        }
        if (st == HABIT_OK) st = ids_sort(&t, &order, NULL);
        mem_fail_after(-1);
        CHECK(t.count == added && (added == 0 || ids_get(&t, "0", 1) == 0), "the table is broken");
        failed += st == HABIT_ENOMEM;
        mem_free(order);
        ids_free(&t);
        CHECK(mem_live() == before, "allocation %ld: blocks lost", n);
        if (st == HABIT_OK) break;
    }
    CHECK(failed > 10, "only %d allocations", failed);
}

int main(void)
{
    test_numbers();
    test_every_byte_counts();
    test_equal_hashes();
    test_no_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
