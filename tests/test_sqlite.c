// test_sqlite.c - an SQLite database as a source.
#include "tests/check.h"
#include "tests/reading.h"
#include "data/database.h"

#include <config.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_SQLITE
#include <sqlite3.h>

static char path[] = "/tmp/habit-test-sqlite-XXXXXX";

static void execute(const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK, "open");
    CHECK(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%s: %s", sql, why ? why : "");
    sqlite3_free(why);
    sqlite3_close(db);
}

static void read_database(reading *out, const import_options *options)
{
    *out = (reading){ 0 };
    source *s = NULL;
    out->status = sqlite_source(&s, path, options, NULL, &out->err);
    if (out->status == HABIT_OK) reading_source(out, s, 64, 16, options, NULL);
}

// clang-format off
static const struct {
    const char *name;
    import_options options;
    const char *rows;
} cases[] = {
    { "the table that fits", { 0 },
      "u1 a,b 2021-10-24T06:42:20Z 0.5 view note=say \"x\"\nu2 line\nbreak 2021-10-24T06:42:21Z nan buy note=\n"
      "7 8 never 3 view note=\n" },
    { "a table by name", { .query = "two words", .columns = "user=who,item=what" }, "1 2\n" },
    { "a query", { .query = "select u.user_id, item, 1 AS n FROM events u WHERE rating = 3;" }, "7 8 n=1\n" },
};

static const struct {
    const char *name;
    import_options options;
    const char *message; // after the path
} wrong[] = {
    { "no such table", { .query = "nothing" }, ": SQLite: no such table: nothing" },
    { "bad SQL", { .query = "select from" }, ": SQLite: near \"from\": syntax error" },
    { "none fits", { .columns = "user=nobody,item=none" },
      ": no table has a user and an item column: choose with --query TABLE or --query 'SELECT ...' (tables: events, two words)" },
};
// clang-format on

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reading r;
        read_database(&r, &cases[i].options);
        CHECK(r.status == HABIT_OK, "%s: %s", cases[i].name, r.err.message);
        CHECK(r.rows.data && strcmp(r.rows.data, cases[i].rows) == 0, "%s: got\n%s", cases[i].name,
              r.rows.data ? r.rows.data : "nothing");
        CHECK(strcmp(r.format, "sqlite") == 0, "%s: format %s", cases[i].name, r.format);
        reading_free(&r);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        reading r;
        read_database(&r, &wrong[i].options);
        CHECK(r.status != HABIT_OK && strncmp(r.err.message, path, strlen(path)) == 0, "%s: %s",
              wrong[i].name, r.err.message);
        CHECK(strcmp(r.err.message + strlen(path), wrong[i].message) == 0, "%s: %s", wrong[i].name,
              r.err.message);
        reading_free(&r);
    }
}

static void test_writing_refused(void)
{
    static const char *const queries[] = { "WITH x AS (SELECT 1) DELETE FROM events",
                                           "select 1 as user, 2 as item; drop table events" };
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        reading r;
        read_database(&r, &(import_options){ .query = queries[i] });
        CHECK(r.status == HABIT_EINVAL, "%s: %d %s", queries[i], r.status, r.err.message);
        reading_free(&r);
    }
}

static void test_two_fit(void)
{
    execute("CREATE TABLE more (user_id, item_id)");
    reading r;
    read_database(&r, &(import_options){ 0 });
    CHECK(r.status == HABIT_EFORMAT && strstr(r.err.message, "more than one table has a user"),
          "%s", r.err.message);
    reading_free(&r);
    execute("DROP TABLE more");
}

// Through the front door: recognised by its bytes, the choice said in the log.
static void test_open(void)
{
    reader *r = NULL;
    CHECK(sqlite_recognise(path), "not recognised");
    CHECK_OK(reader_open(&r, path, &(import_options){ 0 }, NULL, err));
    if (r) CHECK(strcmp(reader_schema(r)->format, "sqlite") == 0, "%s", reader_schema(r)->format);
    reader_close(r);
    habit_error e = { 0 };
    CHECK(reader_open(&r, "/dev/null", &(import_options){ .format = "sqlite" }, NULL, &e) ==
              HABIT_EFORMAT,
          "%s", e.message);
}

int main(void)
{
    const int fd = mkstemp(path);
    if (fd < 0) return EXIT_FAILURE;
    close(fd);
    execute(
        "CREATE TABLE events (user_id, item TEXT, ts TEXT, rating REAL, event, note);"
        "INSERT INTO events VALUES ('u1', 'a,b', '2021-10-24 06:42:20', 0.5, 'view', 'say \"x\"'),"
        "('u2', 'line' || char(10) || 'break', '2021-10-24 06:42:21', NULL, 'buy', NULL),"
        "(7, 8, NULL, 3, 'view', '');"
        "CREATE TABLE \"two words\" (who, what); INSERT INTO \"two words\" VALUES (1, 2)");
    const long live = mem_live();
    test_cases();
    test_writing_refused();
    test_two_fit();
    test_open();
    CHECK(mem_live() == live, "%ld blocks leaked", mem_live() - live);
    unlink(path);
    return CHECK_DONE();
}
#else
int main(void)
{
    puts("skipped: this build has no SQLite");
    return CHECK_SKIPPED;
}
#endif
