// test_serve.c - the service as people meet it: the command, started, asked over the wire, stopped.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"

static serve_place place;

// What everything here is served from.
static bool make_models(void)
{
    return serve_run(&place, "simulate", "--out", "shop", "--users", "300", "--items", "120",
                     "--events", "8000", "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--model", "itemknn", "--out", "knn.model",
                     "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--model", "gru4rec", "--epochs", "1",
                     "--dim", "8", "--out", "gru.model", "--quiet", NULL) == 0;
}

// clang-format off
static const struct {
    const char *name, *method, *path, *body;
    int status;
    const char *at, *text; // a member of the answer and what it says
} cases[] = {
    { "alive", "GET", "/healthz", NULL, 200, "status", "ok" },
    { "ready", "GET", "/readyz", NULL, 200, "status", "ready" },
    { "the document", "GET", "/openapi.json", NULL, 200, "paths./v1/events.post.summary", NULL },
    { "models", "GET", "/v1/models", NULL, 200, "models.0.name", "knn" },
    { "the second model", "GET", "/v1/models", NULL, 200, "models.1.name", "other" },
    { "nothing there", "GET", "/v1/nothing", NULL, 404, "error.type", "not_found_error" },
    { "another method", "PUT", "/v1/events", NULL, 405, "error.type", "invalid_request_error" },
    { "a person nobody knows", "GET", "/v1/users/nobody", NULL, 404, "error.message", "no user of that id" },
    { "no id", "GET", "/v1/users/", NULL, 400, "error.message", "the id of the user is empty" },
    { "an id with NUL", "GET", "/v1/users/a%00b", NULL, 400, "error.message", "the id of the user has a NUL in it" },
    { "n is a word", "GET", "/v1/users/u/recommendations?n=x", NULL, 400, "error.message", "n=x: not a whole number in [1, 1000]" },
    { "a model nobody serves", "GET", "/v1/users/u/recommendations?model=none", NULL, 404, "error.type", "not_found_error" },
    { "no body", "POST", "/v1/events", NULL, 400, "error.message", "the body is empty: send events as JSON" },
    { "no JSON", "POST", "/v1/events", "user=1", 400, "error.type", "invalid_request_error" },
    { "a number", "POST", "/v1/events", "7", 400, "error.type", "invalid_request_error" },
    { "no events", "POST", "/v1/events", "[]", 200, NULL, NULL },
    { "no item", "POST", "/v1/events", "{\"user\":\"u\"}", 400, "error.message", "no item" },
    { "an empty id", "POST", "/v1/events", "{\"user\":\"\",\"item\":\"i\"}", 400, "error.message", "user is empty" },
    { "a time that is none", "POST", "/v1/events", "{\"user\":\"u\",\"item\":\"i\",\"time\":\"soon\"}", 400, "error.message",
      "time 'soon' is neither ISO-8601 nor a number" },
    { "a folder that is none", "POST", "/v1/models/reload", "{\"model\":\"knn\",\"path\":\"shop\"}", 404, "error.type", "not_found_error" },
    { "no version before", "POST", "/v1/models/rollback", "{\"model\":\"knn\"}", 400, "error.type", "invalid_request_error" },
};
// clang-format on

static void test_cases(serve_client *c)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int status = client_ask(c, cases[i].method, cases[i].path, cases[i].body);
        CHECK(status == cases[i].status, "%s: %d %s", cases[i].name, status, c->body);
        if (!cases[i].at) continue;
        const char *said = client_text(c, cases[i].at);
        CHECK(cases[i].text ? strcmp(said, cases[i].text) == 0 : *said, "%s: %s", cases[i].name,
              c->body);
    }
    client_ask(c, "DELETE", "/v1/models", NULL);
    const char *allow = client_header(c, "Allow");
    CHECK(allow && strncmp(allow, "GET", 3) == 0, "405 without Allow: %s", c->head);
}

// An event is in the next answer; sent again it changes nothing.
static void test_events(serve_client *c)
{
    CHECK(client_ask(
              c, "POST", "/v1/events",
              "{\"user\":\"ann\",\"item\":\"i003\",\"event_id\":\"e1\",\"page\":\"home\"}") == 200,
          "%s", c->body);
    CHECK(client_number(c, "accepted") == 1, "%s", c->body);
    CHECK(client_get(c, "/v1/users/ann/recommendations?n=5") == 200, "%s", c->body);
    CHECK(client_count(c, "items") == 5 && strcmp(client_text(c, "model"), "knn") == 0 &&
              strlen(client_text(c, "version")) == 16 &&
              strlen(client_text(c, "recommendation_id")) == 32,
          "%s", c->body);
    char best[40], next[200];
    snprintf(best, sizeof best, "%s", client_text(c, "items.0.item"));
    CHECK(strcmp(best, "i003") != 0, "what the person had: %s", c->body);
    snprintf(next, sizeof next,
             "{\"user\":\"ann\",\"item\":\"%s\",\"event_id\":\"e2\"}\n"
             "{\"user\":\"ann\"}\n\n"
             "{\"user\":\"ann\",\"item\":\"i003\",\"event_id\":\"e1\"}\n",
             best);
    CHECK(client_ask(c, "POST", "/v1/events", next) == 200, "%s", c->body);
    CHECK(client_number(c, "accepted") == 1 && client_number(c, "repeated") == 1 &&
              client_number(c, "rejected") == 1 && client_number(c, "errors.0.index") == 1,
          "%s", c->body);
    client_get(c, "/v1/users/ann/recommendations?n=5");
    CHECK(client_count(c, "items") == 5 && strcmp(client_text(c, "items.0.item"), best) != 0,
          "the event is not in the next answer: %s", c->body);
    client_get(c, "/v1/users/ann/recommendations?n=5&model=other");
    CHECK(strcmp(client_text(c, "model"), "other") == 0 && client_count(c, "items") == 5, "%s",
          c->body);
    CHECK(client_get(c, "/v1/users/ann") == 200 && client_count(c, "events") == 2 &&
              strcmp(client_text(c, "events.0.item"), best) == 0 &&
              strcmp(client_text(c, "events.1.fields.page"), "home") == 0,
          "%s", c->body);
}

static void test_strict(serve_client *c)
{
    const char *mixed = "[{\"user\":\"bob\",\"item\":\"i1\"},{\"user\":\"bob\"}]";
    CHECK(client_ask(c, "POST", "/v1/events?strict=1", mixed) == 400, "%s", c->body);
    CHECK(client_get(c, "/v1/users/bob") == 404, "half a batch was taken: %s", c->body);
    CHECK(client_ask(c, "POST", "/v1/events", mixed) == 200 && client_number(c, "accepted") == 1,
          "%s", c->body);
    CHECK(client_get(c, "/v1/users/bob") == 200, "%s", c->body);
}

static void test_metrics(serve_client *c)
{
    CHECK(client_get(c, "/metrics") == 200, "%s", c->body);
    CHECK(strstr(c->body,
                 "habit_http_requests_total{route=\"/v1/events\",method=\"POST\",code=\"200\"}") &&
              strstr(c->body,
                     "habit_http_request_duration_seconds_bucket{route=\"/v1/users/{id}\"") &&
              strstr(c->body, "habit_events_total{result=\"repeated\"} 1\n"),
          "%s", c->body);
}

static void test_reload(serve_client *c, const serve_process *p)
{
    char version[40];
    client_get(c, "/v1/models");
    snprintf(version, sizeof version, "%s", client_text(c, "models.0.version"));
    CHECK(client_ask(c, "POST", "/v1/models/reload",
                     "{\"model\":\"knn\",\"path\":\"gru.model\"}") == 200 &&
              strcmp(client_text(c, "models.0.model"), "gru4rec") == 0 &&
              strcmp(client_text(c, "models.0.version"), version) != 0,
          "%s", c->body);
    client_get(c, "/v1/users/ann/recommendations?n=5");
    CHECK(strcmp(client_text(c, "version"), version) != 0 && client_count(c, "items") == 5, "%s",
          c->body);
    CHECK(client_ask(c, "POST", "/v1/models/rollback", "{\"model\":\"knn\"}") == 200 &&
              strcmp(client_text(c, "models.0.version"), version) == 0,
          "%s", c->body);
    client_get(c, "/v1/users/ann/recommendations?n=5");
    CHECK(strcmp(client_text(c, "version"), version) == 0, "%s", c->body);
    kill(p->pid, SIGHUP);
    double before = 0;
    for (int i = 0; i < 100 && before < 1; i++) {
        poll(NULL, 0, 50);
        client_get(c, "/v1/models");
        before = client_number(c, "models.1.versions_before");
    }
    CHECK(before == 1, "SIGHUP: %s", c->body);
}

static void test_restart(void)
{
    serve_process p;
    serve_client c;
    CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", NULL), "no server");
    client_open(&c, p.port);
    CHECK(client_get(&c, "/v1/users/ann") == 200 && client_count(&c, "events") == 2, "%s", c.body);
    CHECK(client_get(&c, "/v1/users/ann/recommendations") == 200 && client_count(&c, "items") == 10,
          "%s", c.body);
    client_close(&c);
    CHECK(serve_end(&p, SIGINT) == 0, "exit code");
}

static void test_refusals(void)
{
    CHECK(serve_run(&place, "serve", "knn.model", NULL) == 64, "no store");
    CHECK(serve_run(&place, "serve", "none.model", "--store", "x.db", NULL) == 66, "no model");
    CHECK(serve_run(&place, "serve", "knn.model", "--store", "x.db", "--host", "0.0.0.0", NULL) ==
              64,
          "open to everybody without keys");
    CHECK(serve_run(&place, "serve", "knn.model", "knn.model", "--store", "x.db", NULL) == 64,
          "two models of one name");
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
    CHECK(make_models(), "no models");
    CHECK(serve_begin(&p, &place, "knn.model", "other=gru.model", "--store", "live.db", NULL),
          "no server");
    client_open(&c, p.port);
    test_cases(&c);
    test_events(&c);
    test_strict(&c);
    test_metrics(&c);
    test_reload(&c, &p);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    test_restart();
    test_refusals();
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
