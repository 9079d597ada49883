// test_import_logs.c - public research logs import with the counts that are known of them.
//
// They are found in the folder HABIT_DATA (by default ../shared/data beside this repository) and
// are not part of it.
#include "tests/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/import_options.h"

#include <string.h>

// clang-format off
static const struct {
    const char *path, *format;
    uint32_t users, items;
    uint64_t events;
    bool timed, valued;
} logs[] = {
    { "ml-1m/ml-1m.txt",                "pairs",     6040,  3416,  999611, false, false },
    { "ml-1m/ml-1m_all_chrono.txt",     "sequences", 6040,  3706, 1000209, false, false },
    { "ml-1m/ratings_time_part.dat",    "movielens", 2999,  3615,  487650, true,  true  },
    { "ml-100k/u.data",                 "triples",    943,  1682,  100000, true,  true  },
    { "movietweetings-100k/ratings.dat", "movielens", 16554, 10506, 100000, true, true  },
    { "s3rec/Beauty.txt",               "sequences", 22363, 12101, 198502, false, false },
    { "s3rec/Yelp.txt",                 "sequences", 30431, 20033, 316354, false, false },
    { "s3rec/LastFM.txt",               "sequences",  1090,  3646,  52551, false, false },
    { "beauty-bert4rec/beauty.txt",     "pairs",     40226, 54542, 353962, false, false },
    { "gowalla-lightgcn/train.txt",     "sequences", 29858, 40981, 810128, false, false },
};
// clang-format on

static void test_log(const char *folder, size_t k, const import_options *options)
{
    char *path = path_join(folder, logs[k].path);
    json_t *report = NULL;
    dataset *d = NULL;
    CHECK_OK(import_files((const char *const *)&path, 1, "test_import_logs.habit", options, NULL,
                          &report, err));
    CHECK_OK(dataset_open(&d, "test_import_logs.habit", err));
    if (d) {
        const json_t *source = json_array_get(json_object_get(report, "sources"), 0);
        const char *format = json_string_value(json_object_get(source, "format"));
        CHECK(format && strcmp(format, logs[k].format) == 0, "%s: read as %s", path, format);
        CHECK(d->users == logs[k].users && d->items == logs[k].items && d->events == logs[k].events,
              "%s: %u users, %u items, %llu events", path, d->users, d->items,
              (unsigned long long)d->events);
        CHECK(!d->time == !logs[k].timed && !d->value == !logs[k].valued, "%s: columns", path);
    }
    dataset_close(d);
    json_decref(report);
    mem_free(path);
}

int main(void)
{
    const char *given = getenv("HABIT_DATA"), *root = getenv("HABIT_ROOT");
    char *folder = given ? mem_strdup(given) : path_join(root ? root : ".", "../shared/data");
    if (!folder || !file_is_folder(folder)) {
        printf("skipped: no folder of logs; HABIT_DATA names one\n");
        mem_free(folder);
        return CHECK_SKIPPED;
    }
    opt_values v;
    CHECK_OK(opt_values_init(&v, import_table, import_options_size(), err));
    for (size_t k = 0; k < COUNT_OF(logs); k++) test_log(folder, k, v.values);
    opt_values_free(&v);
    mem_free(folder);
    remove("test_import_logs.habit");
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
