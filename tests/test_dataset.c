// test_dataset.c - the dataset file: what is written is read, and nothing else is accepted.
//
// `test_dataset --golden FILE` writes the golden file anew.
#include "data/dataset_format.h"
#include "tests/make_dataset.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

// --- a dataset with one of everything ------------------------------------------------------------

static const uint64_t offset[] = { 0, 3, 4, 7 };
static const uint32_t item[] = { 2, 0, 3, 1, 0, 0, 2 };
static const int64_t when[] = { 10, 20, 20, -5, 1, 2, 3 };
static const uint8_t behaviour[] = { 0, 1, 0, 1, 0, 0, 1 };
static const char *const behaviours[] = { "buy", "view", NULL };
static const uint32_t session[] = { 0, 0, 1, 0, 0, 1, 2 };
static const char *const user_ids[] = { "7", "12", "anna" };
static const char *const item_ids[] = { "3", "20", "apple", "pear" };

// clang-format off
static const column columns[] = {
    { .name = "lat", .of = OF_EVENTS, .kind = COLUMN_NUMBER, .rows = 7,
      .number = (const double[]){ 1.5, -2, NAN, 4, 5, 6, 7 } },
    { .name = "platform", .of = OF_EVENTS, .kind = COLUMN_TAG, .rows = 7,
      .tag = (const uint32_t[]){ 0, 1, TAG_NONE, 1, 0, 0, 1 },
      .names = { 2, (const uint64_t[]){ 0, 3, 6 }, "appweb" } },
    { .name = "genre", .of = OF_ITEMS, .kind = COLUMN_TAGS, .rows = 4,
      .tag = (const uint32_t[]){ 1, 0, 1 }, .list = (const uint64_t[]){ 0, 1, 1, 3, 3 },
      .names = { 2, (const uint64_t[]){ 0, 5, 9 }, "crispsour" } },
    { .name = "title", .of = OF_ITEMS, .kind = COLUMN_TEXT, .rows = 4,
      .names = { 4, (const uint64_t[]){ 0, 3, 3, 8, 10 }, "OneThree44" } },
    { .name = "taste.tag", .of = OF_ITEMS, .kind = COLUMN_VECTOR, .rows = 4, .width = 2,
      .vector = (const float[]){ 1, 2, 3, 4, 5, 6, 7, 8 } },
    { .name = "age", .of = OF_USERS, .kind = COLUMN_NUMBER, .rows = 3,
      .number = (const double[]){ 30, 41, 52 } },
};
// clang-format on

static made everything(void)
{
    static const float value[] = { 4, NAN, 3.5f, 1, 0, 2, 5 };
    return (made){ .users = 3,
                   .items = 4,
                   .offset = offset,
                   .item = item,
                   .time = when,
                   .behaviour = behaviour,
                   .behaviours = behaviours,
                   .value = value,
                   .value_name = "stars",
                   .session = session,
                   .user_ids = user_ids,
                   .item_ids = item_ids,
                   .columns = columns,
                   .columns_count = COUNT_OF(columns) };
}

static void check_strings(const names *n, const char *const *want, uint32_t count)
{
    CHECK(n->count == count, "%u names", n->count);
    for (uint32_t k = 0; k < count && k < n->count; k++) {
        size_t len;
        const char *s = names_at(n, k, &len);
        CHECK(len == strlen(want[k]) && memcmp(s, want[k], len) == 0, "%.*s", (int)len, s);
    }
}

static void check_column(const dataset *d, const column *want)
{
    const column *c = dataset_column(d, want->of, want->name);
    CHECK(c && c->kind == want->kind && c->rows == want->rows, "column %s", want->name);
    if (!c || c->kind != want->kind) return;
    const size_t n = (size_t)want->rows;
    CHECK(c->names.count == want->names.count, "%s: %u names", c->name, c->names.count);
    if (c->kind == COLUMN_NUMBER) CHECK(!memcmp(c->number, want->number, n * 8), "%s", c->name);
    if (c->kind == COLUMN_TAG) CHECK(!memcmp(c->tag, want->tag, n * 4), "%s", c->name);
    if (c->kind == COLUMN_TAGS) {
        CHECK(!memcmp(c->list, want->list, (n + 1) * 8), "%s", c->name);
        CHECK(!memcmp(c->tag, want->tag, (size_t)want->list[n] * 4), "%s", c->name);
    }
    if (c->kind == COLUMN_VECTOR)
        CHECK(c->width == want->width && !memcmp(c->vector, want->vector, n * 4 * want->width),
              "%s", c->name);
    if (c->kind != COLUMN_TEXT && c->kind != COLUMN_TAG && c->kind != COLUMN_TAGS) return;
    CHECK(!memcmp(c->names.start, want->names.start, (want->names.count + 1) * sizeof(uint64_t)),
          "%s", c->name);
    CHECK(!memcmp(c->names.bytes, want->names.bytes, want->names.start[want->names.count]), "%s",
          c->name);
}

static void check_everything(const dataset *d)
{
    const made m = everything();
    CHECK(d->users == 3 && d->items == 4 && d->events == 7, "%u users", d->users);
    CHECK(!memcmp(d->offset, offset, sizeof offset), "offset");
    CHECK(!memcmp(d->item, item, sizeof item), "item");
    CHECK(!memcmp(d->time, when, sizeof when), "time");
    CHECK(!memcmp(d->behaviour, behaviour, sizeof behaviour), "behaviour");
    CHECK(!memcmp(d->session, session, sizeof session), "session");
    CHECK(!memcmp(d->value, m.value, 7 * sizeof(float)), "value");
    CHECK(strcmp(d->value_name, "stars") == 0, "%s", d->value_name);
    CHECK(strcmp(d->provenance, "{}") == 0, "%s", d->provenance);
    CHECK(d->ordered, "has time, so its order is known");
    check_strings(&d->user_ids, user_ids, 3);
    check_strings(&d->item_ids, item_ids, 4);
    check_strings(&d->behaviours, behaviours, 2);
    CHECK(d->columns_count == COUNT_OF(columns), "%zu columns", d->columns_count);
    for (size_t i = 0; i < COUNT_OF(columns); i++) check_column(d, &columns[i]);
    CHECK(names_find(&d->user_ids, "12", 2) == 1, "12");
    CHECK(names_find(&d->item_ids, "pear", 4) == 3, "pear");
    CHECK(names_find(&d->item_ids, "plum", 4) == UINT32_MAX, "plum");
    CHECK(!dataset_column(d, OF_USERS, "lat"), "lat is of events");
}

static void test_round_trip(void)
{
    const made m = everything();
    dataset *d = make_dataset(&m);
    check_everything(d);
    CHECK(dataset_recognise(d->path), "%s", d->path);
    char path[64];
    snprintf(path, sizeof path, "%s", d->path);
    dataset_close(d);
    CHECK(!file_exists(path), "%s is still there", path);
}

// The golden file of version 1 opens and says what it always said, and the writer still makes it.
static void test_golden(void)
{
    const char *root = getenv("HABIT_ROOT");
    char path[1000];
    snprintf(path, sizeof path, "%s/tests/golden/dataset-v1.habit", root ? root : ".");
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, path, err));
    if (!d) return;
    check_everything(d);
    const made m = everything();
    CHECK_OK(made_write("golden-again.habit", &m, err));
    dataset *again = NULL;
    CHECK_OK(dataset_open(&again, "golden-again.habit", err));
    CHECK(again->map.len == d->map.len && !memcmp(again->map.bytes, d->map.bytes, d->map.len),
          "the writer makes other bytes");
    again->unlink_on_close = true;
    dataset_close(again);
    dataset_close(d);
}

// --- nothing else is accepted --------------------------------------------------------------------

static unsigned char *whole_file(size_t *len)
{
    const made m = everything();
    char *text = NULL;
    CHECK_OK(made_write("whole.habit", &m, err));
    CHECK_OK(file_read(&text, len, "whole.habit", 1 << 20, err));
    unlink("whole.habit");
    return (unsigned char *)text;
}

static void test_damage(void)
{
    size_t len;
    unsigned char *bytes = whole_file(&len);
    const long live = mem_live();
    for (size_t at = 0; at < len; at++) {
        habit_error error = { 0 };
        dataset *d = NULL;
        bytes[at] ^= 0x10;
        const habit_status st = dataset_open_bytes(&d, bytes, len, "damaged", &error);
        CHECK(st == HABIT_EFORMAT && *error.message, "byte %zu changed, and accepted", at);
        bytes[at] ^= 0x10;
        if (st == HABIT_OK) dataset_close(d);
    }
    for (size_t cut = 0; cut < len; cut += 7) {
        dataset *d = NULL;
        CHECK(dataset_open_bytes(&d, bytes, cut, "cut", NULL) == HABIT_EFORMAT, "cut at %zu", cut);
    }
    CHECK(mem_live() == live, "%ld blocks leaked", mem_live() - live);
    mem_free(bytes);
}

// Files with right checksums and wrong contents, as a faulty writer could make.
static void test_rules(void)
{
    static const uint64_t descending[] = { 0, 4, 3, 7 };
    static const uint32_t no_item[] = { 2, 0, 4, 1, 0, 0, 2 };
    static const int64_t late[] = { 10, 21, 20, -5, 1, 2, 3 },
                         none[] = { INT64_MIN, 20, 20, -5, 1, 2, 3 };
    static const uint8_t no_behaviour[] = { 0, 1, 2, 1, 0, 0, 1 };
    static const float infinite[] = { 1, 2, INFINITY, 1, 1, 1, 1 };
    static const uint32_t jump[] = { 0, 2, 2, 0, 0, 0, 0 }, begins[] = { 0, 0, 0, 1, 0, 0, 0 };
    static const char *const unsorted[] = { "12", "7", "anna" }, *const twice[] = { "7", "7", "x" },
                             *const empty[] = { "", "7", "x" };
    static const char *const same[] = { "view", "view", NULL };
    const uint32_t bad_tag[] = { 0, 1, 2, 1, 0, 0, 1 };
    column tag = columns[1];
    tag.tag = bad_tag;

    made m[14];
    for (size_t i = 0; i < COUNT_OF(m); i++) m[i] = everything();
    m[0].offset = descending;
    m[1].item = no_item;
    m[2].time = late;
    m[3].behaviour = no_behaviour;
    m[4].value = infinite;
    m[5].session = jump;
    m[6].session = begins;
    m[7].user_ids = unsorted;
    m[8].user_ids = twice;
    m[9].user_ids = empty;
    m[10].columns = &tag, m[10].columns_count = 1;
    m[11].behaviours = same;
    m[12].time = none;
    m[13].items = 3; // fewer than used
    for (size_t i = 0; i < COUNT_OF(m); i++) {
        dataset *d = NULL;
        habit_error error = { 0 };
        CHECK_OK(made_write("wrong.habit", &m[i], err));
        const habit_status st = dataset_open(&d, "wrong.habit", &error);
        CHECK(st == HABIT_EFORMAT && strstr(error.message, "wrong.habit"), "case %zu: %s", i,
              error.message);
        if (st == HABIT_OK) dataset_close(d);
        unlink("wrong.habit");
    }
}

// --- the fingerprint -----------------------------------------------------------------------------

static uint64_t fingerprint(const made *m)
{
    dataset *d = make_dataset(m);
    const uint64_t f = d->fingerprint;
    dataset_close(d);
    return f;
}

static void test_fingerprint(void)
{
    const made m = everything();
    made other = m, fewer = m;
    static const uint32_t swapped[] = { 0, 2, 3, 1, 0, 0, 2 };
    other.item = swapped;
    fewer.columns_count--;
    const uint64_t f = fingerprint(&m);
    CHECK(fingerprint(&m) == f, "not reproducible");
    CHECK(fingerprint(&other) != f, "items do not count");
    CHECK(fingerprint(&fewer) != f, "columns do not count");

    // provenance and the order of sections do not count
    dataset_writer *w = NULL;
    dataset *d = NULL;
    CHECK_OK(dataset_create(&w, "other.habit", err));
    CHECK_OK(dataset_put_all(w, "provenance", SECTION_U8, "[1,2]", 5, err));
    for (size_t i = COUNT_OF(columns); i-- > 0;)
        CHECK_OK(dataset_put_column(w, &columns[i], NULL, 0, err));
    int items;
    CHECK_OK(dataset_section(w, "item", SECTION_U32, 7, &items, err));
    for (int i = 0; i < 7; i++) {
        CHECK_OK(dataset_put(w, items, &item[i], 1, err));
        if (i == 3) {
            CHECK_OK(dataset_put_all(w, "offset", SECTION_U64, offset, 4, err));
            CHECK_OK(dataset_put_all(w, "time", SECTION_I64, when, 7, err));
            CHECK_OK(dataset_put_all(w, "value", SECTION_F32, m.value, 7, err));
            CHECK_OK(dataset_put_all(w, "value.name", SECTION_U8, "stars", 5, err));
            CHECK_OK(dataset_put_all(w, "session", SECTION_U32, session, 7, err));
            CHECK_OK(dataset_put_all(w, "behaviour", SECTION_U8, behaviour, 7, err));
        }
    }
    CHECK_OK(made_put_strings(w, "behaviour.name", behaviours, 2, err));
    CHECK_OK(made_put_strings(w, "item.id", item_ids, 4, err));
    CHECK_OK(made_put_strings(w, "user.id", user_ids, 3, err));
    CHECK_OK(dataset_commit(w, 3, 4, 7, err));
    CHECK_OK(dataset_open(&d, "other.habit", err));
    CHECK(d->fingerprint == f, "the order of sections counts");
    CHECK(strcmp(d->provenance, "[1,2]") == 0, "%s", d->provenance);
    d->unlink_on_close = true;
    dataset_close(d);
}

// --- order ---------------------------------------------------------------------------------------

static void test_ordered(void)
{
    uint64_t at[13];
    uint32_t items[36];
    for (uint64_t u = 0; u < 13; u++) at[u] = 3 * u;
    for (uint32_t e = 0; e < 36; e++) items[e] = e % 3;
    made m = { .users = 12, .items = 3, .offset = at, .item = items };
    dataset *d = make_dataset(&m);
    CHECK(!d->ordered, "all sorted, no time");
    dataset_close(d);

    items[34] = 0, items[33] = 1;
    d = make_dataset(&m);
    CHECK(d->ordered, "one user out of order");
    dataset_close(d);

    items[34] = 1, items[33] = 0;
    m.users = 9;
    d = make_dataset(&m);
    CHECK(d->ordered, "too few users to tell");
    dataset_close(d);
}

// --- the writer ----------------------------------------------------------------------------------

static void test_writer(void)
{
    const uint32_t row[] = { 1, 2, 3 };
    habit_error error = { 0 };
    dataset_writer *w = NULL;
    int s;
    CHECK_OK(dataset_create(&w, "unfinished.habit", err));
    CHECK_OK(dataset_section(w, "item", SECTION_U32, 4, &s, err));
    CHECK_OK(dataset_put(w, s, row, 3, err));
    CHECK(dataset_put(w, s, row, 2, &error) == HABIT_EINTERNAL, "five of four elements");
    CHECK(dataset_section(w, "item", SECTION_U32, 1, &s, &error) == HABIT_EINVAL, "item twice");
    CHECK(dataset_commit(w, 0, 0, 0, &error) == HABIT_EINTERNAL, "three of four elements");
    CHECK(!file_exists("unfinished.habit"), "an unfinished file appeared");
    CHECK(dataset_create(&w, "no/such/folder.habit", &error) == HABIT_ENOTFOUND, "%s",
          error.message);
    dataset_abandon(NULL);
}

// A write that fails, here because the file may not grow further, leaves nothing behind.
static void test_no_room(void)
{
    struct rlimit old, tight;
    const made m = everything();
    habit_error error = { 0 };
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0, "getrlimit");
    tight = old;
    tight.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &tight) == 0, "setrlimit");
    const habit_status st = made_write("no-room.habit", &m, &error);
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0, "setrlimit");
    CHECK(st == HABIT_EIO && strstr(error.message, "no-room.habit"), "%s", error.message);
    CHECK(!file_exists("no-room.habit"), "half a file");
}

// Rows chosen by `keep`: the columns of a filtered log.
static void test_keep(void)
{
    const uint64_t keep_item[] = { 2, 0 }, keep_user[] = { 2 };
    made m = everything();
    dataset *d = make_dataset(&m), *less = NULL;
    static const uint64_t at[] = { 0, 2 };
    static const uint32_t two[] = { 1, 0 };
    static const char *const users[] = { "anna" }, *const items[] = { "3", "apple" };
    dataset_writer *w = NULL;
    CHECK_OK(dataset_create(&w, "less.habit", err));
    CHECK_OK(dataset_put_all(w, "offset", SECTION_U64, at, 2, err));
    CHECK_OK(dataset_put_all(w, "item", SECTION_U32, two, 2, err));
    CHECK_OK(made_put_strings(w, "user.id", users, 1, err));
    CHECK_OK(made_put_strings(w, "item.id", items, 2, err));
    for (size_t i = 0; i < d->columns_count; i++) {
        const column *c = &d->columns[i];
        if (c->of == OF_ITEMS) CHECK_OK(dataset_put_column(w, c, keep_item, 2, err));
        if (c->of == OF_USERS) CHECK_OK(dataset_put_column(w, c, keep_user, 1, err));
    }
    CHECK_OK(dataset_commit(w, 1, 2, 2, err));
    CHECK_OK(dataset_open(&less, "less.habit", err));
    const column *genre = dataset_column(less, OF_ITEMS, "genre");
    CHECK(genre->list[1] == 2 && genre->tag[0] == 0 && genre->tag[2] == 1, "genre");
    CHECK(genre->names.count == 2, "%u genres", genre->names.count);
    const column *title = dataset_column(less, OF_ITEMS, "title");
    size_t len;
    const char *s = names_at(&title->names, 0, &len);
    CHECK(len == 5 && memcmp(s, "Three", 5) == 0, "%.*s", (int)len, s);
    const column *taste = dataset_column(less, OF_ITEMS, "taste.tag");
    CHECK(taste->width == 2 && taste->vector[0] == 5 && taste->vector[3] == 2, "taste");
    CHECK(dataset_column(less, OF_USERS, "age")->number[0] == 52, "age");
    less->unlink_on_close = true;
    dataset_close(less);
    dataset_close(d);
}

// Names of tags that no kept row has stay behind: of "crisp" and "sour", item 0 has the second.
static void test_names_in_use(void)
{
    const made m = everything();
    dataset *d = make_dataset(&m), *less = NULL;
    static const uint64_t at[] = { 0, 2 }, keep[] = { 1, 0 };
    static const uint32_t two[] = { 1, 0 };
    dataset_writer *w = NULL;
    CHECK_OK(dataset_create(&w, "less.habit", err));
    CHECK_OK(dataset_put_all(w, "offset", SECTION_U64, at, 2, err));
    CHECK_OK(dataset_put_all(w, "item", SECTION_U32, two, 2, err));
    CHECK_OK(made_put_strings(w, "user.id", NULL, 1, err));
    CHECK_OK(made_put_strings(w, "item.id", NULL, 2, err));
    CHECK_OK(dataset_put_column(w, dataset_column(d, OF_ITEMS, "genre"), keep, 2, err));
    CHECK_OK(dataset_commit(w, 1, 2, 2, err));
    CHECK_OK(dataset_open(&less, "less.habit", err));
    const column *genre = dataset_column(less, OF_ITEMS, "genre");
    check_strings(&genre->names, (const char *const[]){ "sour" }, 1);
    CHECK(genre->list[1] == 0 && genre->list[2] == 1 && genre->tag[0] == 0, "item 0 is sour");
    less->unlink_on_close = true;
    dataset_close(less);
    dataset_close(d);
}

// Any allocation may fail: no crash, no leak, no file.
static void test_memory(void)
{
    const made m = everything();
    const long live = mem_live();
    long n = 0;
    habit_status st = HABIT_ENOMEM;
    for (; st == HABIT_ENOMEM && n < 10000; n++) {
        dataset *d = NULL;
        mem_fail_after(n);
        st = made_write("memory.habit", &m, NULL);
        if (st == HABIT_OK) st = dataset_open(&d, "memory.habit", NULL);
        mem_fail_after(-1);
        if (st == HABIT_OK) dataset_close(d);
        CHECK(mem_live() == live, "allocation %ld: %ld blocks leaked", n, mem_live() - live);
    }
    CHECK(st == HABIT_OK && n > 20, "%ld allocations, then %s", n, habit_status_text(st));
    unlink("memory.habit");
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--golden") == 0) {
        const made m = everything();
        return made_write(argv[2], &m, NULL) != HABIT_OK;
    }
    test_round_trip();
    test_golden();
    test_damage();
    test_rules();
    test_fingerprint();
    test_ordered();
    test_writer();
    test_no_room();
    test_keep();
    test_names_in_use();
    test_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
