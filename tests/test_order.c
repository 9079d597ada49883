// test_order.c - rows to sorted columns: against a plain sort, under every bound of memory, any
// number of threads and any cut of the rows into batches.
#include "tests/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/cuts.h"
#include "data/order.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXTRA_LAT, EXTRA_SHOP, EXTRA_COUNT };

typedef struct event {
    char user[24], item[40], behaviour[8], shop[16];
    int64_t time;
    float value;
    double lat;
    size_t row;
} event;

typedef struct sample {
    event *event;
    size_t n;
    bool timed;
} sample;

// Ids of all shapes: digits, words, short and long, one a prefix of another.
static sample sample_make(size_t n, uint32_t users, uint32_t items, uint64_t seed, bool timed)
{
    static const char *const behaviours[] = { "view", "cart", "buy", "" };
    sample s = { NEW(event, n), n, timed };
    for (size_t i = 0; i < n; i++) {
        event *e = &s.event[i];
        rng r = rng_at(seed, i, 0);
        const uint32_t u = (uint32_t)(rng_below(&r, users) * rng_below(&r, users) / users);
        const uint32_t v = (uint32_t)rng_below(&r, items);
        memset(e, 0, sizeof *e);
        snprintf(e->user, sizeof e->user, u % 3 ? "%u" : "user-%u-of-them", u * 7);
        snprintf(e->item, sizeof e->item, v % 2 ? "B%06u" : "urn:item:%u:with:a:long:name", v);
        snprintf(e->behaviour, sizeof e->behaviour, "%s", behaviours[rng_below(&r, 4)]);
        const uint32_t shop = (uint32_t)rng_below(&r, 9);
        if (shop) snprintf(e->shop, sizeof e->shop, "shop %u", shop);
        e->time = (int64_t)rng_below(&r, n / 4 + 1) - 100;
        e->value = rng_below(&r, 5) ? (float)rng_below(&r, 10) / 2 : NAN;
        e->lat = rng_below(&r, 5) ? (double)rng_below(&r, 1000) / 8 : (double)NAN;
        e->row = i;
    }
    return s;
}

static void sample_shuffle(sample *s, uint64_t seed)
{
    rng r = rng_at(seed, 0, 1);
    for (size_t i = s->n - 1; i > 0; i--) {
        const size_t k = (size_t)rng_below(&r, i + 1);
        const event e = s->event[i];
        s->event[i] = s->event[k];
        s->event[k] = e;
    }
    for (size_t i = 0; i < s->n; i++) s->event[i].row = i;
}

// --- through the code under test -----------------------------------------------------------------

typedef struct batch {
    rows rows;
    slice *text[4]; // user, item, behaviour, shop
    uint64_t *hash[2];
    int64_t *time;
    float *value;
    double *lat;
} batch;

// By malloc itself: a failing allocator is for the code under test.
static batch batch_make(const sample *s, size_t from, size_t n)
{
    batch b = { .time = malloc(n * sizeof(int64_t)),
                .value = malloc(n * sizeof(float)),
                .lat = malloc(n * sizeof(double)) };
    for (int k = 0; k < 4; k++) b.text[k] = malloc(n * sizeof(slice));
    for (int k = 0; k < 2; k++) b.hash[k] = malloc(n * sizeof(uint64_t));
    for (size_t i = 0; i < n; i++) {
        const event *e = &s->event[from + i];
        const char *const text[] = { e->user, e->item, e->behaviour, e->shop };
        for (int k = 0; k < 4; k++) b.text[k][i] = (slice){ text[k], (uint32_t)strlen(text[k]) };
        for (int k = 0; k < 2; k++) b.hash[k][i] = ids_hash(text[k], strlen(text[k]));
        b.time[i] = e->time;
        b.value[i] = e->value;
        b.lat[i] = e->lat;
    }
    b.rows = (rows){ .n = n,
                     .user = b.text[0],
                     .item = b.text[1],
                     .user_hash = b.hash[0],
                     .item_hash = b.hash[1],
                     .time = s->timed ? b.time : NULL,
                     .behaviour = b.text[2],
                     .value = b.value,
                     .number = { b.lat, NULL },
                     .tag = { NULL, b.text[3] } };
    return b;
}

static void batch_free(batch *b)
{
    for (int k = 0; k < 4; k++) free(b->text[k]);
    for (int k = 0; k < 2; k++) free(b->hash[k]);
    free(b->time);
    free(b->value);
    free(b->lat);
}

typedef struct setting {
    const char *name;
    size_t memory, batch;
    int threads;
    bool by_item;
} setting;

static habit_status feed(const sample *s, const setting *how, spool *records, encoder *e,
                         const run *r, habit_error *err)
{
    const int from_extra[READER_EXTRAS] = { EXTRA_LAT, EXTRA_SHOP };
    habit_status st = HABIT_OK;
    for (size_t from = 0; st == HABIT_OK && from < s->n; from += how->batch) {
        const size_t n = s->n - from < how->batch ? s->n - from : how->batch;
        batch b = batch_make(s, from, n);
        for (size_t done = 0; st == HABIT_OK && done < n;) {
            unsigned char *at;
            size_t room;
            st = spool_room(records, &at, &room, err);
            if (st != HABIT_OK) break;
            if (room > n - done) room = n - done;
            st = encoder_add(e, &b.rows, from_extra, done, room, at, r->pool, err);
            if (st == HABIT_OK) spool_add(records, room);
            done += room;
        }
        batch_free(&b);
    }
    return st;
}

static habit_status write_out(const char *path, spool *records, encoder *e, const setting *how,
                              const run *r, habit_error *err)
{
    dataset_writer *w;
    uint64_t spilled = 0;
    const uint64_t events = records->rows;
    TRY(encoder_rank(e, r->pool, err));
    TRY(dataset_create(&w, path, err));
    const order o = { records, e, how->by_item, how->memory, w, r };
    habit_status st = order_events(&o, &spilled, err);
    if (st == HABIT_OK) st = vocabulary_put(w, "user.id", &e->user, err);
    if (st == HABIT_OK) st = vocabulary_put(w, "item.id", &e->item, err);
    if (st == HABIT_OK) st = vocabulary_put(w, "behaviour.name", &e->behaviour, err);
    if (st == HABIT_OK) st = vocabulary_put(w, "event:shop.name", &e->tag[EXTRA_SHOP], err);
    if (st == HABIT_OK) st = dataset_put_all(w, "value.name", SECTION_U8, "stars", 5, err);
    if (st != HABIT_OK) {
        dataset_abandon(w);
        return st;
    }
    return dataset_commit(w, e->user.ids.count, e->item.ids.count, events, err);
}

static habit_status convert(const char *path, const sample *s, const setting *how, bool *spilled,
                            habit_error *err)
{
    run r = { .seed = 1 };
    record_format f = { 0 };
    spool records = { 0 };
    encoder e = { .format = &f };
    const schema offered = { .format = "stub",
                             .has_time = s->timed,
                             .has_value = true,
                             .has_behaviour = true,
                             .value_name = "stars",
                             .extra_name = { "lat", "shop" },
                             .extra_kind = { EXTRA_NUMBER, EXTRA_TAG },
                             .extras = EXTRA_COUNT };
    habit_status st = pool_new(&r.pool, how->threads, err);
    if (st == HABIT_OK) st = record_format_add(&f, &offered, "stub", err);
    if (st == HABIT_OK) {
        record_place(&f);
        spool_init(&records, f.width, order_block_bytes(how->memory), order_blocks_max(how->memory),
                   ".");
        st = feed(s, how, &records, &e, &r, err);
    }
    if (spilled) *spilled = records.file.open;
    if (st == HABIT_OK) st = write_out(path, &records, &e, how, &r, err);
    encoder_free(&e);
    spool_free(&records);
    record_format_free(&f);
    pool_free(r.pool);
    return st;
}

// --- the plain way -------------------------------------------------------------------------------

static int compare_ids(const char *a, const char *b)
{
    return ids_compare(a, strlen(a), b, strlen(b));
}

static int compare_rows(const void *a, const void *b)
{
    const event *x = a, *y = b;
    const int c = compare_ids(x->user, y->user);
    return c ? c : (x->row > y->row) - (x->row < y->row);
}

static int compare_times(const void *a, const void *b)
{
    const event *x = a, *y = b;
    const int c = compare_ids(x->user, y->user);
    if (c) return c;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static bool name_is(const names *n, uint32_t k, const char *want)
{
    size_t len;
    const char *s = names_at(n, k, &len);
    return len == strlen(want) && memcmp(s, want, len) == 0;
}

static bool same_number(double a, double b)
{
    return isnan(a) ? isnan(b) : !(a < b) && !(a > b) && !isnan(b);
}

static void check_against_plain_sort(const char *path, const sample *s)
{
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, path, err));
    event *want = NEW(event, s->n);
    memcpy(want, s->event, s->n * sizeof *want);
    qsort(want, s->n, sizeof *want, s->timed ? compare_times : compare_rows);
    const column *lat = dataset_column(d, OF_EVENTS, "lat");
    const column *shop = dataset_column(d, OF_EVENTS, "shop");
    CHECK(d->events == s->n && lat && shop, "%llu events", (unsigned long long)d->events);
    CHECK(!d->time == !s->timed, "time column");
    uint64_t k = 0;
    for (uint32_t u = 0; u < d->users; u++)
        for (; k < d->offset[u + 1]; k++) {
            const event *e = &want[k];
            const bool same =
                name_is(&d->user_ids, u, e->user) && name_is(&d->item_ids, d->item[k], e->item) &&
                name_is(&d->behaviours, d->behaviour[k], e->behaviour) &&
                (!d->time || d->time[k] == e->time) &&
                same_number((double)d->value[k], (double)e->value) &&
                same_number(lat->number[k], e->lat) &&
                (*e->shop ? shop->tag[k] != TAG_NONE && name_is(&shop->names, shop->tag[k], e->shop)
                          : shop->tag[k] == TAG_NONE);
            CHECK(same, "event %llu", (unsigned long long)k);
        }
    CHECK(k == s->n, "%llu of %zu events", (unsigned long long)k, s->n);
    mem_free(want);
    dataset_close(d);
}

static uint64_t fingerprint_of(const char *path)
{
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, path, err));
    const uint64_t f = d ? d->fingerprint : 0;
    dataset_close(d);
    return f;
}

// --- tests ---------------------------------------------------------------------------------------

static const char path[] = "test_order.habit";

static void test_plain_sort(void)
{
    static const setting how = { "roomy", 64 << 20, 1000, 2, false };
    for (uint64_t seed = 0; seed < 20; seed++) {
        sample s = sample_make(1 + 397 * seed, 40, 60, seed, seed % 3);
        CHECK_OK(convert(path, &s, &how, NULL, err));
        check_against_plain_sort(path, &s);
        mem_free(s.event);
    }
}

// Every way gives the same bytes; the sample is large enough for many blocks, parts and buckets.
static void test_settings(void)
{
    // clang-format off
    static const setting settings[] = {
        { "roomy",             256 << 20, 70000, 1, false },
        { "two threads",       256 << 20, 5000,  2, false },
        { "four threads",      256 << 20, 9999,  4, false },
        { "spool",             2 << 20,   70000, 1, false },
        { "spool, 4 threads",  2 << 20,   1234,  4, false },
        { "tiny",              1,         70000, 2, false },
        { "tiny, one by one",  1,         1,     1, false },
    };
    // clang-format on
    sample s = sample_make(60000, 3000, 500, 7, true);
    uint64_t first = 0;
    for (size_t k = 0; k < COUNT_OF(settings); k++) {
        bool spilled = false;
        CHECK_OK(convert(path, &s, &settings[k], &spilled, err));
        CHECK(spilled == (settings[k].memory < 100 << 20), "%s: spilled %d", settings[k].name,
              spilled);
        const uint64_t f = fingerprint_of(path);
        if (k == 0) {
            first = f;
            check_against_plain_sort(path, &s);
        }
        CHECK(f == first, "%s: another file", settings[k].name);
    }
    mem_free(s.event);
}

// By item, the order of rows does not matter, even with many events at one moment; in the order of
// the file it does.
static void test_shuffled(void)
{
    for (int timed = 0; timed < 2; timed++)
        for (int by_item = 0; by_item < 2; by_item++) {
            const setting how = { "shuffled", timed ? 1 : 64 << 20, 5000, 2, by_item };
            sample s = sample_make(20000, 300, 50, 3, timed);
            CHECK_OK(convert(path, &s, &how, NULL, err));
            const uint64_t before = fingerprint_of(path);
            sample_shuffle(&s, 9);
            CHECK_OK(convert(path, &s, &how, NULL, err));
            CHECK((fingerprint_of(path) == before) == by_item, "timed %d, by item %d", timed,
                  by_item);
            mem_free(s.event);
        }
}

// Distinct times: the order of rows does not matter either way.
static void test_shuffled_distinct(void)
{
    const setting how = { "distinct", 64 << 20, 5000, 2, false };
    sample s = sample_make(20000, 300, 50, 4, true);
    for (size_t i = 0; i < s.n; i++) s.event[i].time = (int64_t)(i * 7919 % 20011);
    CHECK_OK(convert(path, &s, &how, NULL, err));
    const uint64_t before = fingerprint_of(path);
    sample_shuffle(&s, 10);
    CHECK_OK(convert(path, &s, &how, NULL, err));
    CHECK(fingerprint_of(path) == before, "another file");
    mem_free(s.event);
}

// One user with most of the events, more than a part may hold.
static void test_giant_user(void)
{
    const setting how = { "giant", 1, 5000, 2, false };
    sample s = sample_make(30000, 20, 50, 5, true);
    for (size_t i = 0; i < s.n; i++)
        if (i % 10) snprintf(s.event[i].user, sizeof s.event[i].user, "robot");
    CHECK_OK(convert(path, &s, &how, NULL, err));
    check_against_plain_sort(path, &s);
    mem_free(s.event);
}

static void test_many_behaviours(void)
{
    const setting how = { "behaviours", 64 << 20, 100, 1, false };
    sample s = sample_make(300, 20, 50, 6, true);
    for (int most = 255; most < 258; most++) {
        for (size_t i = 0; i < s.n; i++)
            snprintf(s.event[i].behaviour, sizeof s.event[i].behaviour, "b%zu", i % (size_t)most);
        habit_error err = { 0 };
        const habit_status st = convert(path, &s, &how, NULL, &err);
        CHECK(st == (most > 255 ? HABIT_ELIMIT : HABIT_OK), "%d behaviours: %s", most, err.message);
        if (st == HABIT_OK) check_against_plain_sort(path, &s);
    }
    mem_free(s.event);
}

// The n-th allocation fails: a clean error, nothing lost, no file.
static void test_no_memory(void)
{
    sample s = sample_make(3000, 200, 50, 8, true);
    for (int tiny = 0; tiny < 2; tiny++) {
        const setting how = { "no memory", tiny ? 1 : 64 << 20, 3000, 1, false };
        const long before = mem_live();
        int failed = 0;
        for (long n = 0; n < 400; n++) {
            unlink(path);
            mem_fail_after(n);
            habit_error err = { 0 };
            const habit_status st = convert(path, &s, &how, NULL, &err);
            mem_fail_after(-1);
            CHECK(mem_live() == before, "allocation %ld: %ld blocks lost", n, mem_live() - before);
            if (st == HABIT_OK) break;
            failed++;
            CHECK(st == HABIT_ENOMEM && err.status == st && *err.message, "allocation %ld: %d %s",
                  n, (int)st, err.message);
            CHECK(access(path, F_OK) != 0, "allocation %ld: a file was left", n);
        }
        CHECK(failed > 30, "only %d allocations", failed);
    }
    mem_free(s.event);
}

// A full disk, for the scratch file or for the output.
static void test_full_disk(void)
{
    signal(SIGXFSZ, SIG_IGN);
    sample s = sample_make(30000, 200, 50, 8, true);
    struct rlimit old, now;
    getrlimit(RLIMIT_FSIZE, &old);
    for (int tiny = 0; tiny < 2; tiny++) {
        const setting how = { "full", tiny ? 1 : 64 << 20, 3000, 1, false };
        unlink(path);
        now = (struct rlimit){ 100000, old.rlim_max };
        setrlimit(RLIMIT_FSIZE, &now);
        habit_error err = { 0 };
        const habit_status st = convert(path, &s, &how, NULL, &err);
        setrlimit(RLIMIT_FSIZE, &old);
        CHECK(st == HABIT_EIO, "%d: %s", (int)st, err.message);
        CHECK(access(path, F_OK) != 0, "a file was left");
    }
    mem_free(s.event);
}

// Ranges hold what they may, no neighbours could be one, and every user is found.
static void test_cuts(void)
{
    enum { USERS = 50000 };
    uint64_t *offset = NEW(uint64_t, USERS + 1);
    for (uint64_t limit = 1; limit < 100000; limit = limit * 7 + 1) {
        offset[0] = 0;
        for (uint32_t u = 0; u < USERS; u++) {
            rng r = rng_at(limit, u, 0);
            offset[u + 1] = offset[u] + 1 + rng_below(&r, u % 100 ? 5 : 1000);
        }
        const uint32_t from = 17, to = USERS - 5;
        cuts c;
        CHECK_OK(cuts_make(&c, offset, from, to, limit, err));
        CHECK(c.first[0] == from && c.first[c.count] == to, "not all users");
        for (uint32_t k = 0; k < c.count; k++) {
            const uint32_t a = c.first[k], b = c.first[k + 1];
            CHECK(b > a && (offset[b] - offset[a] <= limit || b == a + 1), "range %u too large", k);
            CHECK(k + 1 == c.count || offset[b + 1] - offset[a] > limit, "range %u too small", k);
            for (uint32_t u = a; u < b; u++) CHECK(cuts_find(&c, u) == k, "user %u not found", u);
        }
        cuts_free(&c);
    }
    mem_free(offset);
}

int main(void)
{
    test_cuts();
    test_plain_sort();
    test_settings();
    test_shuffled();
    test_shuffled_distinct();
    test_giant_user();
    test_many_behaviours();
    test_no_memory();
    test_full_disk();
    unlink(path);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
