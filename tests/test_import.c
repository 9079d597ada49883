// test_import.c - files to a dataset, from end to end: what is kept, what is said, and that
// nothing is left behind when it fails.
#include "tests/check.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/import_options.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "test_import.XXXXXX"; // everything happens in here

// --- help ----------------------------------------------------------------------------------------

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) abort();
}

// Files in the folder other than *.csv, *.txt; the outputs, and whatever was left behind.
static int outputs(void)
{
    int n = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; (e = readdir(d));) {
        const char *dot = strrchr(e->d_name, '.');
        if (e->d_name[0] != '.' && (!dot || (strcmp(dot, ".csv") && strcmp(dot, ".txt")))) n++;
    }
    closedir(d);
    return n;
}

static void remove_outputs(void)
{
    unlink("out.habit");
    unlink("out.habit.rejects");
    CHECK(outputs() == 0, "%d files left", outputs());
}

// Imports with options given as name, value, ..., NULL.
typedef struct job {
    const char *const *sources;
    size_t n;
    const char *options[12];
    const run *run;
} job;

static habit_status import(const job *j, json_t **report, habit_error *err)
{
    opt_values v;
    TRY(opt_values_init(&v, import_table, import_options_size(), err));
    habit_status st = HABIT_OK;
    for (size_t k = 0; st == HABIT_OK && j->options[k]; k += 2)
        st = opt_set(&v, opt_find(&v, j->options[k]), j->options[k + 1], err);
    if (st == HABIT_OK)
        st = import_files(j->sources, j->n, "out.habit", v.values, j->run, report, err);
    opt_values_free(&v);
    return st;
}

static habit_status import_one(const char *source, json_t **report, habit_error *err)
{
    const job j = { &source, 1, { NULL }, NULL };
    return import(&j, report, err);
}

static uint64_t fingerprint(void)
{
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, "out.habit", err));
    const uint64_t f = d ? d->fingerprint : 0;
    dataset_close(d);
    return f;
}

static json_int_t number_at(const json_t *report, const char *key)
{
    const json_t *value = json_object_get(report, key);
    return json_is_number(value) ? (json_int_t)json_number_value(value) : -1;
}

static bool id_is(const names *n, uint32_t k, const char *want)
{
    size_t len;
    const char *s = names_at(n, k, &len);
    return len == strlen(want) && memcmp(s, want, len) == 0;
}

// A log of `n` rows whose times all differ, written in an order that `seed` chooses.
static void write_log(const char *name, size_t n, uint64_t seed)
{
    FILE *f = fopen(name, "w");
    if (!f) abort();
    fprintf(f, "user_id,item_id,timestamp,rating,shop\n");
    for (size_t i = 0; i < n; i++) {
        const size_t k = seed ? (i * 7919 + seed) % n : i; // n and 7919 have no common factor
        rng r = rng_at(3, k, 0);
        const unsigned user = (unsigned)rng_below(&r, n / 20 + 1);
        const unsigned item = (unsigned)rng_below(&r, n / 40 + 1);
        fprintf(f, "u%u,%u,%zu,%u,s%u\n", user, item, 1500000000 + k * 3,
                (unsigned)rng_below(&r, 5) + 1, (unsigned)rng_below(&r, 30));
    }
    if (fclose(f) != 0) abort();
}

// --- what is kept ----------------------------------------------------------------------------------

static void test_small(void)
{
    static const char log[] = "user_id,item_id,timestamp,rating\n"
                              "bob,7,1500000060,3\n"
                              "10,30,1500000000,\n"
                              "bob,30,1500000000,4.5\n"
                              "9,7,1500000000,1\n";
    write_file("small.csv", log);
    json_t *report = NULL;
    CHECK_OK(import_one("small.csv", &report, err));
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, "out.habit", err));
    CHECK(d->users == 3 && d->items == 2 && d->events == 4, "%u users, %u items, %llu events",
          d->users, d->items, (unsigned long long)d->events);
    CHECK(id_is(&d->user_ids, 0, "9") && id_is(&d->user_ids, 1, "10") &&
              id_is(&d->user_ids, 2, "bob"),
          "users are not in canonical order");
    CHECK(d->item[2] == 1 && d->item[3] == 0, "bob's events are not in order of time");
    CHECK(d->time[2] == INT64_C(1500000000000000), "time %lld", (long long)d->time[2]);
    CHECK(strcmp(d->value_name, "rating") == 0 && isnan(d->value[1]) && !(d->value[2] < 4.5f),
          "values");
    CHECK(strstr(d->provenance, "small.csv") != NULL, "provenance: %s", d->provenance);
    CHECK(number_at(report, "rows") == 4 && number_at(report, "bad_rows") == 0, "report");
    CHECK(number_at(report, "memory_peak") > 0 && number_at(report, "memory_predicted") > 0 &&
              number_at(report, "seconds") >= 0 && number_at(report, "spilled_bytes") == 0 &&
              number_at(report, "bytes") == (json_int_t)strlen(log),
          "report: bytes %lld", (long long)number_at(report, "bytes"));
    dataset_close(d);
    json_decref(report);
    remove_outputs();
}

// Sources of different formats and columns; what one does not have is missing there.
static void test_several_sources(void)
{
    write_file("a.csv", "user,item,ts,rating,shop,lat\nu1,i1,1500000000,5,s1,0.5\n");
    write_file("b.csv", "uid,iid,time,event\nu1,i2,1500000001,buy\nu2,i1,1500000002,view\n");
    static const char *const sources[] = { "a.csv", "b.csv" };
    const job j = { sources, 2, { NULL }, NULL };
    CHECK_OK(import(&j, NULL, err));
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, "out.habit", err));
    const column *shop = dataset_column(d, OF_EVENTS, "shop");
    const column *lat = dataset_column(d, OF_EVENTS, "lat");
    CHECK(d->users == 2 && d->items == 2 && d->events == 3, "counts");
    CHECK(d->value && isnan(d->value[1]) && !isnan(d->value[0]), "value");
    CHECK(d->behaviour && d->behaviours.count == 3 && id_is(&d->behaviours, d->behaviour[0], "") &&
              id_is(&d->behaviours, d->behaviour[1], "buy"),
          "behaviours");
    CHECK(shop && shop->kind == COLUMN_TAG && shop->tag[0] == 0 && shop->tag[1] == TAG_NONE,
          "shop");
    CHECK(lat && lat->kind == COLUMN_NUMBER && !(lat->number[0] < 0.5) && isnan(lat->number[2]),
          "lat");
    dataset_close(d);

    write_file("c.csv", "user,item,ts,shop\nu1,i1,1500000000,17\nu1,i1,1500000000,18\n");
    static const char *const clash[] = { "a.csv", "c.csv" };
    const job bad = { clash, 2, { NULL }, NULL };
    habit_error err = { 0 };
    const habit_status st = import(&bad, NULL, &err);
    CHECK(st == HABIT_OK || (st == HABIT_EFORMAT && strstr(err.message, "shop")), "%s",
          err.message);

    write_file("d.csv", "user,item\nu1,i1\n");
    static const char *const timeless[] = { "a.csv", "d.csv" };
    const job no_time = { timeless, 2, { NULL }, NULL };
    CHECK(import(&no_time, NULL, &err) == HABIT_EFORMAT && strstr(err.message, "d.csv"), "%s",
          err.message);
    remove_outputs();
}

static void test_rejects(void)
{
    write_file("bad.csv", "user_id,item_id,timestamp\na,1,1500000000\nb\nc,3,1500000000\n,4,5\n");
    const char *source = "bad.csv";
    habit_error e = { 0 };
    CHECK(import_one(source, NULL, &e) == HABIT_EFORMAT && strstr(e.message, "bad.csv:3"), "%s",
          e.message);
    CHECK(outputs() == 0, "files left");
    const job skip = { &source, 1, { "skip-bad-rows", "2", NULL }, NULL };
    json_t *report = NULL;
    CHECK_OK(import(&skip, &report, err));
    CHECK(number_at(report, "bad_rows") == 2 && number_at(report, "rows") == 2,
          "rows %lld, bad %lld", (long long)number_at(report, "rows"),
          (long long)number_at(report, "bad_rows"));
    json_decref(report);
    char *text = NULL;
    CHECK_OK(file_read(&text, NULL, "out.habit.rejects", 10000, err));
    CHECK(text && strstr(text, "bad.csv:3") && strstr(text, "bad.csv:5"), "%s", text ? text : "");
    mem_free(text);
    const job elsewhere = {
        &source, 1, { "skip-bad-rows", "9", "rejects", "rejects.txt", NULL }, NULL
    };
    unlink("out.habit.rejects");
    CHECK_OK(import(&elsewhere, NULL, err));
    CHECK(file_exists("rejects.txt") && !file_exists("out.habit.rejects"), "rejects elsewhere");
    remove_outputs();
}

// A log with times: rows without one are dropped and counted, alone or in runs.
static void test_missing_times(void)
{
    write_file("holes.csv", "user_id,item_id,timestamp\nx,1,\na,1,1500000000\nx,2,\nx,3,\n"
                            "b,2,1500000001\nb,3,1500000002\nx,1,\n");
    json_t *report = NULL;
    CHECK_OK(import_one("holes.csv", &report, err));
    CHECK(number_at(report, "rows") == 7 && number_at(report, "no_time") == 4, "rows %lld, %lld",
          (long long)number_at(report, "rows"), (long long)number_at(report, "no_time"));
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, "out.habit", err));
    CHECK(d->users == 2 && d->items == 3 && d->events == 3, "%u users, %u items", d->users,
          d->items);
    dataset_close(d);
    json_decref(report);
    remove_outputs();
}

static void test_no_rows(void)
{
    write_file("header.csv", "user_id,item_id,timestamp\n");
    habit_error err = { 0 };
    CHECK(import_one("header.csv", NULL, &err) == HABIT_EFORMAT &&
              strstr(err.message, "header.csv"),
          "%s", err.message);
    write_file("empty.csv", "");
    CHECK(import_one("empty.csv", NULL, &err) == HABIT_EFORMAT && strstr(err.message, "empty.csv"),
          "%s", err.message);
    CHECK(import_one("absent.csv", NULL, &err) == HABIT_ENOTFOUND && strstr(err.message, "absent"),
          "%s", err.message);
    const job none = { NULL, 0, { NULL }, NULL };
    CHECK(import(&none, NULL, &err) == HABIT_EINVAL, "no source at all");
    remove_outputs();
}

// --- always the same -------------------------------------------------------------------------------

static void test_same_dataset(void)
{
    // clang-format off
    static const struct {
        const char *name;
        uint64_t seed;
        int threads;
        const char *memory;
    } cases[] = {
        { "in order",            0,   1, "64M" },
        { "two threads",         0,   2, "64M" },
        { "four threads",        0,   4, "1M" },
        { "shuffled",            17,  1, "64M" },
        { "shuffled otherwise",  999, 2, "1M" },
    };
    // clang-format on
    uint64_t first = 0;
    for (size_t k = 0; k < COUNT_OF(cases); k++) {
        run r = { .seed = 1 };
        CHECK_OK(pool_new(&r.pool, cases[k].threads, err));
        write_log("log.csv", 100000, cases[k].seed);
        const char *source = "log.csv";
        const job j = { &source, 1, { "memory", cases[k].memory, "time-unit", "s", NULL }, &r };
        json_t *report = NULL;
        CHECK_OK(import(&j, &report, err));
        CHECK((number_at(report, "spilled_bytes") > 0) == (cases[k].memory[0] == '1'),
              "%s: spilled", cases[k].name);
        const uint64_t f = fingerprint();
        if (k == 0) first = f;
        CHECK(f == first, "%s: another dataset", cases[k].name);
        json_decref(report);
        pool_free(r.pool);
    }
    remove_outputs();
}

// --- nothing left behind ---------------------------------------------------------------------------

static void test_no_memory(void)
{
    write_log("log.csv", 2000, 0);
    for (int small = 0; small < 2; small++) {
        const char *source = "log.csv";
        const job j = { &source, 1, { "memory", small ? "1M" : "64M", NULL }, NULL };
        const long before = mem_live();
        int failed = 0;
        for (long n = 0; n < 1000; n++) {
            habit_error err = { 0 };
            mem_fail_after(n);
            const habit_status st = import(&j, NULL, &err);
            mem_fail_after(-1);
            CHECK(mem_live() == before, "allocation %ld: %ld blocks lost", n, mem_live() - before);
            if (st == HABIT_OK) break;
            failed++;
            CHECK(st == HABIT_ENOMEM && *err.message, "allocation %ld: %d %s", n, (int)st,
                  err.message);
            CHECK(outputs() == 0, "allocation %ld: files left", n);
        }
        CHECK(failed > 40, "only %d allocations", failed);
        remove_outputs();
    }
}

static void test_full_disk(void)
{
    signal(SIGXFSZ, SIG_IGN);
    write_log("log.csv", 200000, 17);
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    static const long limits[] = { 1, 1000, 100000, 3000000 };
    for (size_t k = 0; k < COUNT_OF(limits); k++)
        for (int small = 0; small < 2; small++) {
            const char *source = "log.csv";
            const job j = { &source, 1, { "memory", small ? "1M" : "64M", NULL }, NULL };
            const struct rlimit now = { (rlim_t)limits[k], old.rlim_max };
            habit_error err = { 0 };
            setrlimit(RLIMIT_FSIZE, &now);
            const habit_status st = import(&j, NULL, &err);
            setrlimit(RLIMIT_FSIZE, &old);
            CHECK(st == HABIT_EIO && strstr(err.message, "cannot write"), "limit %ld: %d %s",
                  limits[k], (int)st, err.message);
            CHECK(outputs() == 0, "limit %ld: files left", limits[k]);
        }
    remove_outputs();
}

// The old dataset stays whole when the new one fails.
static void test_old_stays(void)
{
    write_log("log.csv", 2000, 0);
    CHECK_OK(import_one("log.csv", NULL, err));
    const uint64_t before = fingerprint();
    CHECK(import_one("bad.csv", NULL, NULL) == HABIT_EFORMAT, "bad rows were accepted");
    CHECK(fingerprint() == before && outputs() == 1, "the old dataset was touched");
    habit_error err = { 0 };
    const char *old = "out.habit", *source = "log.csv";
    const job itself = { &old, 1, { NULL }, NULL };
    CHECK(import(&itself, NULL, &err) == HABIT_EINVAL && strstr(err.message, "out.habit"), "%s",
          err.message);
    const job j = { &source, 1, { "scratch", "absent-folder", "memory", "1M", NULL }, NULL };
    write_log("log.csv", 200000, 0);
    CHECK(import(&j, NULL, &err) == HABIT_ENOTFOUND && strstr(err.message, "absent-folder"), "%s",
          err.message);
    CHECK(fingerprint() == before && outputs() == 1, "the old dataset was touched");
    remove_outputs();
}

static int stop_at(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    (void)what, (void)done, (void)total;
    return --*(int *)ctx < 0;
}

static void test_stopped(void)
{
    write_log("log.csv", 200000, 0);
    for (int steps = 0; steps < 4; steps++) {
        int left = steps;
        const run r = { .hooks = { .ctx = &left, .progress = stop_at } };
        const char *source = "log.csv";
        const job j = { &source, 1, { "memory", "1M", NULL }, &r };
        const habit_status st = import(&j, NULL, NULL);
        CHECK(st == HABIT_ESTOPPED, "after %d steps: %d", steps, (int)st);
        CHECK(outputs() == 0, "after %d steps: files left", steps);
    }
    remove_outputs();
}

// --- DATA ------------------------------------------------------------------------------------------

static void test_data_open(void)
{
    write_log("log.csv", 2000, 0);
    CHECK_OK(import_one("log.csv", NULL, err));
    opt_values v;
    dataset *d = NULL, *again = NULL;
    CHECK_OK(opt_values_init(&v, import_table, import_options_size(), err));
    CHECK_OK(opt_set(&v, opt_find(&v, "scratch"), ".", err));
    CHECK_OK(data_open(&d, "out.habit", v.values, NULL, err));
    CHECK_OK(data_open(&again, "log.csv", v.values, NULL, err));
    CHECK(outputs() == 1, "a temporary dataset has a name");
    CHECK(d && again && d->fingerprint == again->fingerprint, "raw and imported differ");
    dataset_close(again);
    dataset_close(d);

    CHECK_OK(opt_set(&v, opt_find(&v, "k-core"), "15", err));
    habit_error e = { 0 };
    CHECK(data_open(&d, "out.habit", v.values, NULL, &e) == HABIT_EINVAL, "cleaned: %s", e.message);
    CHECK_OK(data_open(&d, "log.csv", v.values, NULL, err));
    CHECK(d->events > 0 && d->events < 2000, "%llu events after k-core",
          (unsigned long long)d->events);
    for (uint32_t u = 0; u < d->users; u++)
        CHECK(d->offset[u + 1] - d->offset[u] >= 15, "user %u is not in the core", u);
    dataset_close(d);
    CHECK(data_open(&d, "absent", v.values, NULL, &e) == HABIT_ENOTFOUND, "%s", e.message);
    opt_values_free(&v);
    remove_outputs();
}

// --- side tables -----------------------------------------------------------------------------------

static void test_side_tables(void)
{
    write_file("small.csv", "user_id,item_id,timestamp\n"
                            "u1,7,1500000000\nu2,30,1500000000\nu2,9,1500000001\n");
    write_file("items.csv", "item_id,price,category\n"
                            "30,1.5,toys\n8,2,books\n7,2.5,books\n");
    write_file("people.csv", "user_id,country\nu2,NL\nu9,DE\n");
    const char *source = "small.csv";
    const job j = { &source, 1, { "items", "items.csv", "users", "people.csv", NULL }, NULL };
    json_t *report = NULL;
    CHECK_OK(import(&j, &report, err));
    const json_t *table = json_array_get(json_object_get(report, "items"), 0);
    CHECK(number_at(table, "rows") == 3 && number_at(table, "matched") == 2 &&
              number_at(table, "dropped") == 1 && number_at(table, "without_row") == 1,
          "the report of the item table");
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, "out.habit", err));
    const column *price = dataset_column(d, OF_ITEMS, "price");
    const column *category = dataset_column(d, OF_ITEMS, "category");
    const column *country = dataset_column(d, OF_USERS, "country");
    CHECK(price && category && country, "columns");
    // items in canonical order: 7, 9, 30
    CHECK(price && !(price->number[0] < 2.5) && isnan(price->number[1]) &&
              !(price->number[2] > 1.5),
          "price");
    CHECK(category && category->kind == COLUMN_TAG &&
              id_is(&category->names, category->tag[0], "books") && category->tag[1] == TAG_NONE &&
              id_is(&category->names, category->tag[2], "toys"),
          "category");
    CHECK(country && country->tag[0] == TAG_NONE && id_is(&country->names, country->tag[1], "NL"),
          "country");
    dataset_close(d);
    json_decref(report);
    remove_outputs();
}

int main(void)
{
    if (!mkdtemp(folder) || chdir(folder) != 0) return EXIT_FAILURE;
    test_small();
    test_several_sources();
    test_rejects();
    test_missing_times();
    test_no_rows();
    test_same_dataset();
    test_no_memory();
    test_full_disk();
    test_old_stays();
    test_stopped();
    test_data_open();
    test_side_tables();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    const char *const made[] = { "small",  "a",     "b",     "c",   "d",     "bad",
                                 "header", "holes", "empty", "log", "items", "people" };
    for (size_t k = 0; k < COUNT_OF(made); k++) {
        char name[32];
        snprintf(name, sizeof name, "%s.csv", made[k]);
        unlink(name);
    }
    unlink("rejects.txt");
    if (chdir("..") != 0 || rmdir(folder) != 0) return EXIT_FAILURE;
    return CHECK_DONE();
}
