// test_reader_logs.c - public logs as they are published: format, rows, users, items, tables.
#include "tests/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/reader.h"

#include <stdlib.h>
#include <string.h>

// clang-format off
static const struct {
    const char *file, *format, *unit;
    uint64_t rows;
    uint32_t users, items;
} logs[] = {
    { "ml-1m/ml-1m.txt", "pairs", "", 999611, 6040, 3416 },
    { "ml-1m/ml-1m_all_chrono.txt", "sequences", "", 1000209, 6040, 3706 },
    { "ml-1m/ratings_time_part.dat", "movielens", "s", 487650, 2999, 3615 },
    { "ml-1m/ratings_notime.dat", "movielens", "", 1000209, 6040, 3706 },
    { "ml-100k/u.data", "triples", "s", 100000, 943, 1682 },
    { "movietweetings-100k/ratings.dat", "movielens", "s", 100000, 16554, 10506 },
    { "s3rec/Beauty.txt", "sequences", "", 198502, 22363, 12101 },
    { "s3rec/Yelp.txt", "sequences", "", 316354, 30431, 20033 },
    { "s3rec/LastFM.txt", "sequences", "", 52551, 1090, 3646 },
    { "s3rec/LastFM_sample.txt", "sequences", "", 107910, 1090, 3646 },
    { "beauty-bert4rec/beauty.txt", "pairs", "", 353962, 40226, 54542 },
    { "grocery-rechorus/train.csv", "csv", "s", 121892, 14681, 8687 },
    { "diginetica/train_seqs.txt", "sessions", "", 906140, 186670, 43097 },
    { "diginetica/test.txt", "sessions", "", 306404, 60858, 21131 },
    { "foursquare-nyc-stan/checkins.tsv", "tsv", "min", 147938, 1083, 5135 },
    { "tmall-mbcgcn/view_train.txt", "sequences", "", 858505, 15449, 11938 },
    { "tmall-mbcgcn/cart_train.txt", "sequences", "", 180027, 15449, 11029 },
    { "tmall-mbcgcn/buy_train.txt", "sequences", "", 92180, 15449, 11844 },
    { "tmall-mbcgcn/buy_test.txt", "pairs", "", 15449, 15449, 7604 },
    { "jdata-demo/train.csv", "csv", "iso", 27183, 3520, 12195 },
    { "cdsr-food-kitchen/train_A.txt", "sequences", "", 37281, 5472, 7856 },
    { "cdsr-food-kitchen/test.txt", "sequences", "", 15726, 937, 6185 },
    { "lastfm-lightgcn/data1.txt", "triples", "", 42135, 1878, 4476 },
    { "gowalla-lightgcn/train.txt", "sequences", "", 810128, 29858, 40981 },
    { "gowalla-lightgcn/test.txt", "sequences", "", 217242, 29858, 38546 },
};

static const struct {
    const char *file;
    bool of_items;
    uint32_t rows;
    const char *columns;
} tables[] = {
    { "ml-100k/u.item", true, 1682, "title:3 release_date:1 url:3 genres:2 " },
    { "ml-100k/u.user", false, 943, "age:0 gender:1 occupation:1 zip:1 " },
    { "ml-1m/movies.dat", true, 3883, "title:3 genres:2 " },
    { "ml-1m/users.dat", false, 6040, "gender:1 age:0 occupation:1 zip:1 " },
    { "movietweetings-100k/movies.dat", true, 10506, "title:3 genres:2 " },
    { "s3rec/Beauty_item2attributes.json", true, 12101, "attributes:2 " },
    { "s3rec/Yelp_item_text.json", true, 20033, "title:3 description:3 " },
    { "cdsr-food-kitchen/items.tsv", true, 36298, "domain:1 asin:3 title:3 " },
    { "grocery-rechorus/item_meta.csv", true, 8713, "i_category:1 r_complement:2 r_substitute:2 " },
    { "foursquare-nyc-stan/pois.tsv", true, 5135, "lat:0 lon:0 " },
};
// clang-format on

static void read_log(size_t i, const char *path, pool *threads)
{
    const run job = { .pool = threads };
    reader *r = NULL;
    ids users = { 0 }, items = { 0 };
    uint64_t n = 0;
    rows b = { 0 };
    uint32_t number;
    CHECK_OK(reader_open(&r, path, &(import_options){ 0 }, &job, err));
    if (!r) return;
    habit_error e = { 0 };
    habit_status st;
    while ((st = reader_next(r, &b, &job, &e)) == HABIT_OK && b.n) {
        for (size_t k = 0; k < b.n; k++) {
            CHECK_OK(
                ids_add_hashed(&users, b.user_hash[k], b.user[k].s, b.user[k].len, &number, err));
            CHECK_OK(
                ids_add_hashed(&items, b.item_hash[k], b.item[k].s, b.item[k].len, &number, err));
        }
        n += b.n;
    }
    const schema *s = reader_schema(r);
    CHECK(st == HABIT_OK, "%s", e.message);
    CHECK(strcmp(s->format, logs[i].format) == 0, "%s: format %s", logs[i].file, s->format);
    CHECK(strcmp(s->time_unit, logs[i].unit) == 0, "%s: unit %s", logs[i].file, s->time_unit);
    CHECK(n == logs[i].rows, "%s: %llu rows", logs[i].file, (unsigned long long)n);
    CHECK(users.count == logs[i].users, "%s: %u users", logs[i].file, users.count);
    CHECK(items.count == logs[i].items, "%s: %u items", logs[i].file, items.count);
    CHECK(s->sessions == (strcmp(logs[i].file, "diginetica/test.txt") == 0), "%s", logs[i].file);
    reader_close(r);
    ids_free(&users);
    ids_free(&items);
}

static void read_table(size_t i, const char *path)
{
    side_table t = { 0 };
    buffer got = { 0 };
    CHECK_OK(side_table_read(&t, path, tables[i].of_items, &(import_options){ 0 }, NULL, err));
    for (size_t k = 0; k < t.columns_count; k++)
        buffer_format(&got, "%s:%d ", t.columns[k].name, t.columns[k].kind);
    CHECK(t.id.count == tables[i].rows, "%s: %u rows", tables[i].file, t.id.count);
    CHECK(got.data && strcmp(got.data, tables[i].columns) == 0, "%s: %s", tables[i].file, got.data);
    buffer_free(&got);
    side_table_free(&t);
}

// Latin-1 becomes UTF-8, flags become genres.
static void test_ml_100k_items(const char *path)
{
    side_table t = { 0 };
    CHECK_OK(side_table_read(&t, path, true, &(import_options){ 0 }, NULL, err));
    const uint32_t k = ids_get(&t.id, "543", 3);
    CHECK(k != IDS_NONE && t.columns_count == 4, "item 543");
    if (k != IDS_NONE && t.columns_count == 4) {
        CHECK(strcmp(t.columns[0].text[k], "Mis\xC3\xA9rables, Les (1995)") == 0, "%s",
              t.columns[0].text[k]);
        CHECK(strcmp(t.columns[3].text[k], "Drama\x1fMusical") == 0, "%s", t.columns[3].text[k]);
    }
    side_table_free(&t);
}

int main(void)
{
    const char *given = getenv("HABIT_DATA"), *root = getenv("HABIT_ROOT");
    char *folder = given ? mem_strdup(given) : path_join(root ? root : ".", "../shared/data");
    if (!folder || !file_is_folder(folder)) {
        printf("skipped: no public logs in %s: set HABIT_DATA\n", folder ? folder : "");
        mem_free(folder);
        return CHECK_SKIPPED;
    }
    pool *threads = NULL;
    CHECK_OK(pool_new(&threads, 2, err));
    for (size_t i = 0; i < COUNT_OF(logs) + COUNT_OF(tables); i++) {
        const bool log = i < COUNT_OF(logs);
        char *path = path_join(folder, log ? logs[i].file : tables[i - COUNT_OF(logs)].file);
        if (path && log) read_log(i, path, threads);
        if (path && !log) read_table(i - COUNT_OF(logs), path);
        if (path && strstr(path, "u.item")) test_ml_100k_items(path);
        mem_free(path);
    }
    pool_free(threads);
    mem_free(folder);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
