// ids.c - strings to numbers, and the canonical order of ids.
#include "base/ids.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    IDS_FIRST_SLOTS = 1024,
    IDS_SHORT = 11, // longest string that stands in its slot
    IDS_LONG = 255, // "length" of the others
    IDS_AHEAD = 16  // slots fetched ahead while rehashing
};

uint64_t ids_hash(const char *s, size_t len)
{
    return XXH3_64bits(s, len);
}

static uint32_t load32(const char *s)
{
    uint32_t x;
    memcpy(&x, s, sizeof x);
    return x;
}

static uint64_t load64(const char *s)
{
    uint64_t x;
    memcpy(&x, s, sizeof x);
    return x;
}

// The slot that `s` has, but for its number.  Short strings are gathered by loads that overlap,
// so that nothing beyond the string is read; which byte goes where does not matter as long as
// different strings of one length differ.
static id_slot slot_make(uint64_t hash, const char *s, size_t len)
{
    if (len > IDS_SHORT) return (id_slot){ .low = hash, .high = (uint32_t)IDS_LONG << 24 };
    id_slot key = { .high = (uint32_t)len << 24 };
    if (len >= 8) {
        key.low = load64(s);
        if (len > 8) key.high |= load32(s + len - 4) >> (8 * (12 - len)); // bytes 8..len-1
    } else if (len >= 4) {
        key.low = load32(s) | (uint64_t)load32(s + len - 4) << 32;
    } else if (len > 0) {
        const unsigned char first = (unsigned char)s[0], mid = (unsigned char)s[len / 2],
                            last = (unsigned char)s[len - 1];
        key.low = first | (uint64_t)mid << 8 | (uint64_t)last << 16;
    }
    return key;
}

static bool slot_is(const ids *t, const id_slot *have, const id_slot *key, const char *s,
                    size_t len)
{
    if (have->low != key->low || have->high != key->high) return false;
    if (key->high >> 24 != IDS_LONG) return true;
    size_t at_len;
    const char *at = ids_at(t, have->number - 1, &at_len);
    return at_len == len && memcmp(at, s, len) == 0;
}

static void prefetch(const void *p)
{
#if defined(__GNUC__)
    __builtin_prefetch(p);
#else
    (void)p;
#endif
}

// Numbers are put in again in ascending order, their slots fetched some steps ahead.
static habit_status ids_rehash(ids *t, size_t slots, habit_error *err)
{
    id_slot *slot = ZNEW(id_slot, slots);
    if (!slot) return fail_memory(err, "id table", slots * sizeof *slot);
    uint64_t hash[IDS_AHEAD];
    for (uint32_t i = 0, ahead = 0; i < t->count; i++) {
        for (; ahead < t->count && ahead < i + IDS_AHEAD; ahead++) {
            size_t len;
            const char *s = ids_at(t, ahead, &len);
            hash[ahead % IDS_AHEAD] = ids_hash(s, len);
            prefetch(&slot[hash[ahead % IDS_AHEAD] & (slots - 1)]);
        }
        size_t len;
        const char *s = ids_at(t, i, &len);
        const uint64_t h = hash[i % IDS_AHEAD];
        size_t k = h & (slots - 1);
        while (slot[k].number) k = (k + 1) & (slots - 1);
        slot[k] = slot_make(h, s, len);
        slot[k].number = i + 1;
    }
    mem_free(t->slot);
    t->slot = slot;
    t->slots = slots;
    return HABIT_OK;
}

static habit_status ids_append(ids *t, const char *s, size_t len, habit_error *err)
{
    if (t->count >= IDS_NONE - 1) return fail(err, HABIT_ELIMIT, "more than 4294967294 ids");
    void *start = t->start, *bytes = t->bytes;
    TRY(mem_grow(&start, &t->start_cap, (size_t)t->count + 2, sizeof *t->start, "id table", err));
    t->start = start;
    if (t->count == 0) t->start[0] = 0;
    const size_t used = t->start[t->count];
    TRY(mem_grow(&bytes, &t->bytes_cap, used + len + 1, 1, "id table", err));
    t->bytes = bytes;
    if (len) memcpy(t->bytes + used, s, len);
    t->start[++t->count] = used + len;
    return HABIT_OK;
}

// The slot of `s`, or the empty one where it would go.
static size_t ids_probe(const ids *t, uint64_t hash, const id_slot *key, const char *s, size_t len)
{
    size_t k = hash & (t->slots - 1);
    while (t->slot[k].number && !slot_is(t, &t->slot[k], key, s, len)) k = (k + 1) & (t->slots - 1);
    return k;
}

habit_status ids_add_hashed(ids *t, uint64_t hash, const char *s, size_t len, uint32_t *number,
                            habit_error *err)
{
    if ((size_t)t->count + t->count / 3 + 1 > t->slots) // at most three quarters full
        TRY(ids_rehash(t, t->slots ? t->slots * 2 : IDS_FIRST_SLOTS, err));

    const id_slot key = slot_make(hash, s, len);
    const size_t k = ids_probe(t, hash, &key, s, len);
    if (!t->slot[k].number) {
        TRY(ids_append(t, s, len, err));
        t->slot[k] = key;
        t->slot[k].number = t->count;
    }
    *number = t->slot[k].number - 1;
    return HABIT_OK;
}

habit_status ids_add(ids *t, const char *s, size_t len, uint32_t *number, habit_error *err)
{
    return ids_add_hashed(t, ids_hash(s, len), s, len, number, err);
}

void ids_prefetch(const ids *t, uint64_t hash)
{
    if (t->slots) prefetch(&t->slot[hash & (t->slots - 1)]);
}

uint32_t ids_get_hashed(const ids *t, uint64_t hash, const char *s, size_t len)
{
    if (!t->slots) return IDS_NONE;
    const id_slot key = slot_make(hash, s, len);
    return t->slot[ids_probe(t, hash, &key, s, len)].number - 1; // absent: 0 - 1 is IDS_NONE
}

uint32_t ids_get(const ids *t, const char *s, size_t len)
{
    return ids_get_hashed(t, ids_hash(s, len), s, len);
}

const char *ids_at(const ids *t, uint32_t number, size_t *len)
{
    *len = (size_t)(t->start[number + 1] - t->start[number]);
    return t->bytes + t->start[number];
}

size_t ids_memory(const ids *t)
{
    return t->slots * sizeof *t->slot + t->start_cap * sizeof *t->start + t->bytes_cap;
}

void ids_free(ids *t)
{
    mem_free(t->slot);
    mem_free(t->start);
    mem_free(t->bytes);
    *t = (ids){ 0 };
}

// --- canonical order -------------------------------------------------------------------------

static bool all_digits(const char *s, size_t len)
{
    if (len == 0) return false;
    for (size_t i = 0; i < len; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return true;
}

int ids_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const bool a_num = all_digits(a, a_len), b_num = all_digits(b, b_len);
    if (a_num != b_num) return a_num ? -1 : 1;
    if (a_num && a_len != b_len) return a_len < b_len ? -1 : 1;
    const int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
    if (c) return c;
    return (a_len > b_len) - (a_len < b_len);
}

// A 64-bit key that orders like ids_compare() as far as it reaches: for digits the length, then
// the leading value; for others the first bytes.  Equal keys are settled by ids_compare().
static uint64_t sort_key(const char *s, size_t len)
{
    if (all_digits(s, len)) {
        if (len >= 63) return UINT64_C(63) << 57;
        uint64_t value = 0; // 17 digits: below 2^57
        for (size_t i = 0; i < 17; i++) value = value * 10 + (i < len ? (uint64_t)(s[i] - '0') : 0);
        return (uint64_t)len << 57 | value; // below 2^63
    }
    uint64_t key = 1; // becomes the top bit: after all numbers
    for (size_t i = 0; i < 7; i++) key = key << 8 | (i < len ? (unsigned char)s[i] : 0);
    return key << 7;
}

typedef struct keyed {
    uint64_t key;
    uint32_t number;
} keyed;

// Least significant byte first; passes whose byte is the same everywhere are skipped.
static void radix_sort(keyed *from, keyed *to, size_t n)
{
    keyed *original = from;
    for (int shift = 0; shift < 64; shift += 8) {
        size_t count[257] = { 0 };
        for (size_t i = 0; i < n; i++) count[(from[i].key >> shift & 255) + 1]++;
        bool same = false;
        for (int b = 1; b <= 256; b++) same = same || count[b] == n;
        if (same) continue;
        for (int b = 0; b < 256; b++) count[b + 1] += count[b];
        for (size_t i = 0; i < n; i++) to[count[from[i].key >> shift & 255]++] = from[i];
        keyed *swap = from;
        from = to;
        to = swap;
    }
    if (from != original) memcpy(original, from, n * sizeof *from);
}

// Settles a run of equal keys by the full strings.
static void merge_sort(const ids *t, keyed *a, keyed *tmp, size_t n)
{
    if (n < 2) return;
    const size_t half = n / 2;
    merge_sort(t, a, tmp, half);
    merge_sort(t, a + half, tmp, n - half);
    memcpy(tmp, a, half * sizeof *a);
    for (size_t i = 0, j = half, k = 0; i < half; k++) {
        size_t x_len, y_len = 0;
        const char *x = ids_at(t, tmp[i].number, &x_len), *y = NULL;
        if (j < n) y = ids_at(t, a[j].number, &y_len);
        a[k] = y && ids_compare(y, y_len, x, x_len) < 0 ? a[j++] : tmp[i++];
    }
}

habit_status ids_sort(const ids *t, uint32_t **order, habit_error *err)
{
    const size_t n = t->count;
    keyed *a = NEW(keyed, n), *tmp = NEW(keyed, n);
    uint32_t *out = NEW(uint32_t, n);
    if (!a || !tmp || !out) {
        mem_free(a);
        mem_free(tmp);
        mem_free(out);
        return fail_memory(err, "sorting ids", n * (2 * sizeof *a + sizeof *out));
    }
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *s = ids_at(t, (uint32_t)i, &len);
        a[i] = (keyed){ sort_key(s, len), (uint32_t)i };
    }
    radix_sort(a, tmp, n);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && a[j].key == a[i].key;) j++;
        merge_sort(t, a + i, tmp, j - i);
    }
    for (size_t i = 0; i < n; i++) out[i] = a[i].number;
    mem_free(a);
    mem_free(tmp);
    *order = out;
    return HABIT_OK;
}
