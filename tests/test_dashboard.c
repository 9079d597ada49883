// test_dashboard.c - the page at / and the answers it lives on, over the wire; test_browser.c looks at
// it as people do.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"

static serve_place place;

static bool make_model(void)
{
    return serve_run(&place, "simulate", "--out", "shop", "--users", "100", "--items", "60",
                     "--events", "3000", "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--items", "shop/items.csv", "--model",
                     "itemknn", "--out", "knn.model", "--quiet", NULL) == 0;
}

static void test_page(serve_client *c)
{
    char tag[40], extra[80];
    CHECK(client_get(c, "/") == 200 && strncmp(c->body, "<!doctype html>", 15) == 0, "%s", c->head);
    CHECK(strncmp(client_header(c, "Content-Type"), "text/html; charset=utf-8", 24) == 0, "%s",
          c->head);
    const char *policy = client_header(c, "Content-Security-Policy");
    CHECK(policy && strncmp(policy, "default-src 'none'; script-src 'sha256-", 39) == 0 &&
              strstr(policy, "frame-ancestors 'none'") && !strstr(policy, "unsafe"),
          "%s", c->head);
    CHECK(!strstr(c->body, "http://1") && !strstr(c->body, "https://") &&
              !strstr(c->body, "innerHTML"),
          "the page leads elsewhere, or parses what it is given");
    CHECK(client_header(c, "ETag") != NULL, "%s", c->head);
    snprintf(tag, sizeof tag, "%.18s", client_header(c, "ETag"));
    snprintf(extra, sizeof extra, "If-None-Match: %s\r\n", tag);
    c->extra = extra;
    CHECK(client_get(c, "/") == 304 && c->len == 0, "%d, %zu bytes", c->status, c->len);
    c->extra = NULL;
    CHECK(client_ask(c, "POST", "/", "") == 405, "%d", c->status);
}

static double sum_of(serve_client *c, const char *list)
{
    double sum = 0;
    const json_t *v = client_value(c, list), *one;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)v, i, one) sum += json_number_value(one);
    return sum;
}

static void test_stats(serve_client *c)
{
    const char *two =
        "{\"user\":\"ann\",\"item\":\"i03\",\"behaviour\":\"buy\",\"event_id\":\"1\"}\n"
        "{\"user\":\"bob\",\"item\":\"<i>\",\"event_id\":\"2\"}";
    CHECK(client_get(c, "/v1/stats") == 200, "%s", c->body);
    CHECK(client_count(c, "latest") == 0 && client_count(c, "popular") == 10, "%s", c->body);
    CHECK(client_ask(c, "POST", "/v1/events", two) == 200, "%s", c->body);
    CHECK(client_ask(c, "POST", "/v1/events", two) == 200, "%s", c->body);
    CHECK(client_ask(c, "POST", "/v1/events", "{}") == 400, "%s", c->body);
    CHECK(client_get(c, "/v1/users/ann/recommendations") == 200, "%s", c->body);

    CHECK(client_get(c, "/v1/stats") == 200, "%s", c->body);
    CHECK(client_number(c, "events.accepted") == 2 && client_number(c, "events.repeated") == 2 &&
              client_number(c, "events.rejected") == 1,
          "%s", c->body);
    CHECK(client_count(c, "latest") == 2 && client_count(c, "popular") == 10 &&
              strcmp(client_text(c, "popular.0.item"), "<i>") == 0 &&
              strcmp(client_text(c, "popular.1.item"), "i03") == 0,
          "%s", c->body);
    CHECK(client_count(c, "requests.bounds") + 1 == client_count(c, "requests.answers"), "%s",
          c->body);
    CHECK(sum_of(c, "requests.answers") == 1 && sum_of(c, "requests.writes") == 3, "%s", c->body);
    CHECK(client_number(c, "requests.refused") == 2, "of 405 and 400: %s", c->body);
    CHECK(client_number(c, "requests.failed") == 0 && client_number(c, "writes") == 1 &&
              client_number(c, "connections") == 1,
          "%s", c->body);
    CHECK(strcmp(client_text(c, "durability"), "always") == 0, "%s", c->body);
}

// Rows of the database are counted by and by.
static void test_rows(serve_client *c)
{
    double rows = 0;
    for (int i = 0; i < 200 && rows != 2; i++) {
        CHECK(client_get(c, "/v1/stats") == 200, "%s", c->body);
        rows = client_number(c, "rows.events");
        poll(NULL, 0, 50);
    }
    CHECK(rows == 2 && client_number(c, "rows.users") == 2, "%s", c->body);
}

static void test_titles(serve_client *c)
{
    static const char *const refused[] = { "{}", "{\"items\":\"i03\"}", "{\"items\":[3]}", "[]" };
    CHECK(client_ask(c, "POST", "/v1/titles", "{\"items\":[\"i03\",\"nothing\",\"<i>\"]}") == 200,
          "%s", c->body);
    CHECK(client_count(c, "titles") == 3 && strchr(client_text(c, "titles.0"), ' ') &&
              json_is_null(client_value(c, "titles.1")) &&
              json_is_null(client_value(c, "titles.2")),
          "%s", c->body);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK(client_ask(c, "POST", "/v1/titles", refused[i]) == 400, "%s: %s", refused[i],
              c->body);
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#ifdef HAVE_SERVE
    serve_process p;
    serve_client c;
    serve_place_open(&place, argc, argv);
    CHECK(make_model(), "no model");
    CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", NULL), "no server");
    client_open(&c, p.port);
    test_page(&c);
    test_stats(&c);
    test_rows(&c);
    test_titles(&c);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("skipped: built without the live service");
    return CHECK_SKIPPED;
#endif
}
