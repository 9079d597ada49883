// test_postgres.c - a PostgreSQL server as a source; run by postgres.sh, which gives the address.
#include "tests/check.h"
#include "tests/reading.h"
#include "data/database.h"

#include <config.h>
#ifdef HAVE_POSTGRES
#include <libpq-fe.h>

static const char *address;

static void execute(const char *sql)
{
    PGconn *server = PQconnectdb(address);
    PGresult *result = PQexec(server, sql);
    CHECK(PQresultStatus(result) == PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(server));
    PQclear(result);
    PQfinish(server);
}

static void read_server(reading *out, const import_options *options)
{
    *out = (reading){ 0 };
    source *s = NULL;
    out->status = postgres_source(&s, address, options, NULL, &out->err);
    if (out->status == HABIT_OK) reading_source(out, s, 0, 0, options, NULL);
}

// clang-format off
static const struct {
    const char *name;
    import_options options;
    const char *rows;
} cases[] = {
    { "the table that fits", { .query = "log" },
      "1 a,b 2021-10-24T06:42:20.207000Z 0.1 view ok=t price=1.5\n2 say \"x\" 2021-10-24T04:42:20Z nan  ok= price=nan\n" },
    { "another schema", { .query = "shop.Events", .columns = "user=who,item=what" }, "7 8\n" },
    { "a query", { .query = "select who as user, what as item from shop.\"Events\" where who = 7 ; " }, "7 8\n" },
};
static const struct {
    const char *name;
    import_options options;
    const char *message;
} wrong[] = {
    { "no such table", { .query = "nothing" }, "relation \"nothing\" does not exist" },
    { "bad SQL", { .query = "select from from" }, "syntax error" },
    { "two fit", { 0 }, "more than one table has a user and an item column: choose with --query TABLE or --query 'SELECT ...' (tables: log, many, shop.Events)" },
};
// clang-format on

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reading r;
        read_server(&r, &cases[i].options);
        CHECK(r.status == HABIT_OK, "%s: %s", cases[i].name, r.err.message);
        CHECK(r.rows.data && strcmp(r.rows.data, cases[i].rows) == 0, "%s: got\n%s", cases[i].name,
              r.rows.data ? r.rows.data : "nothing");
        CHECK(strcmp(r.format, "postgres") == 0, "%s: format %s", cases[i].name, r.format);
        reading_free(&r);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        reading r;
        read_server(&r, &wrong[i].options);
        CHECK(r.status != HABIT_OK && strstr(r.err.message, wrong[i].message), "%s: %s",
              wrong[i].name, r.err.message);
        reading_free(&r);
    }
}

// More rows than fit a block, and a row refused in the middle.
static void test_many(void)
{
    reading r;
    read_server(&r, &(import_options){ .query = "select * from many order by user_id" });
    CHECK(r.status == HABIT_OK && r.n == 300000, "%d rows: %s", (int)r.n, r.err.message);
    reading_free(&r);
    read_server(&r, &(import_options){ .query = "select case user_id when 4711 then null else "
                                                "user_id end as user, item from many "
                                                "order by user_id" });
    CHECK(r.status == HABIT_EFORMAT && strstr(r.err.message, ":4712:1: user is empty"), "%s",
          r.err.message);
    reading_free(&r);
}

static void test_read_only(void)
{
    reading r;
    read_server(&r, &(import_options){ .query = "with gone as (delete from log returning *) "
                                                "select user_id, item_id from gone" });
    CHECK(r.status != HABIT_OK && strstr(r.err.message, "read-only"), "%s", r.err.message);
    reading_free(&r);
}

static void test_unreachable(void)
{
    habit_error e = { 0 };
    reader *r = NULL;
    const habit_status st = reader_open(&r, "postgres://habit:secret@/x?host=/nonexistent",
                                        &(import_options){ 0 }, NULL, &e);
    CHECK(st == HABIT_EIO && !strstr(e.message, "secret"), "%d %s", st, e.message);
}

int main(int argc, char **argv)
{
    if (argc != 2) return EXIT_FAILURE;
    address = argv[1];
    execute("SET client_min_messages = warning; CREATE SCHEMA shop;"
            "CREATE TABLE log (user_id int, item_id text, at timestamptz, rating real, event text, "
            "ok bool, price numeric);"
            "ALTER TABLE log RENAME at TO timestamp;"
            "INSERT INTO log VALUES (1, 'a,b', '2021-10-24 06:42:20.207Z', 0.1, 'view', true, 1.5),"
            "(2, 'say \"x\"', '2021-10-24 06:42:20+02', NULL, NULL, NULL, NULL);"
            "CREATE TABLE shop.\"Events\" (who int, what int); INSERT INTO shop.\"Events\" VALUES "
            "(7, 8); CREATE TABLE many AS SELECT i AS user_id, i % 97 AS item FROM "
            "generate_series(1, 300000) i");
    const long live = mem_live();
    test_cases();
    test_many();
    test_read_only();
    test_unreachable();
    CHECK(mem_live() == live, "%ld blocks leaked", mem_live() - live);
    return CHECK_DONE();
}
#else
int main(void)
{
    puts("skipped: this build has no PostgreSQL");
    return CHECK_SKIPPED;
}
#endif
