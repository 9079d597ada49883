// test_serve.c - the service as people meet it: the command, started, asked over the wire, stopped.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>

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
    { "no body", "POST", "/v1/events", NULL, 400, "error.message", "the body is empty: send JSON" },
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

// Ids of any characters, in paths and in bodies.
static void test_ids(serve_client *c)
{
    static const struct {
        const char *json, *path;
    } ids[] = {
        { "\"a/b?c=d&e#f\"", "a%2Fb%3Fc%3Dd%26e%23f" },
        { "\"\\u00e9\\ud83d\\ude00\"", "%C3%A9%F0%9F%98%80" },
        { "\" \\\"quoted\\\" \\\\ \\n\"", "%20%22quoted%22%20%5C%20%0A" },
        { "17", "17" },
        { "\"..\"", ".." },
        { "\"%2F\"", "%252F" },
    };
    char body[200], path[200];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        snprintf(body, sizeof body, "{\"user\":%s,\"item\":%s,\"rating\":\"4.5\"}", ids[i].json,
                 ids[i].json);
        CHECK(client_ask(c, "POST", "/v1/events", body) == 200 && client_number(c, "accepted") == 1,
              "%s: %s", ids[i].json, c->body);
        snprintf(path, sizeof path, "/v1/users/%s", ids[i].path);
        CHECK(client_get(c, path) == 200 && client_count(c, "events") == 1 &&
                  client_number(c, "events.0.value") == 4.5,
              "%s: %s", path, c->body);
        snprintf(path, sizeof path, "/v1/users/%s/recommendations", ids[i].path);
        CHECK(client_get(c, path) == 200, "%s: %s", path, c->body);
        snprintf(path, sizeof path, "/v1/items/%s", ids[i].path);
        CHECK(client_get(c, path) == 200 && client_number(c, "events") == 1, "%s: %s", path,
              c->body);
    }
    // bytes that are no text at all
    CHECK(client_ask(c, "PUT", "/v1/items/%FF%FE", "{\"price\":3}") == 200, "%s", c->body);
    CHECK(client_get(c, "/v1/items/%FF%FE") == 200 && strstr(c->body, "\"\\udcff\\udcfe\""), "%s",
          c->body);
    CHECK(client_ask(c, "DELETE", "/v1/items/%FF%FE", NULL) == 200 &&
              client_get(c, "/v1/items/%FF%FE") == 404,
          "%s", c->body);
    client_ask(c, "POST", "/v1/events", "{\"user\":\"a\\u0000b\",\"item\":\"i\"}");
    CHECK(c->status == 400, "NUL in an id: %s", c->body);
}

static void test_items(serve_client *c)
{
    const char *many =
        "[{\"item\":\"x1\",\"categories\":[\"a\",\"b\"],\"time\":1700000000,\"price\":9.5},"
        "{\"item_id\":\"x2\",\"category\":\"a\",\"hidden\":true,\"fields\":{\"price\":1}},"
        "{\"item\":\"x3\",\"hidden\":3}]";
    CHECK(client_ask(c, "POST", "/v1/items", many) == 200 && client_number(c, "accepted") == 2 &&
              client_number(c, "errors.0.index") == 2,
          "%s", c->body);
    CHECK(client_get(c, "/v1/items/x1") == 200 &&
              strcmp(client_text(c, "categories.1"), "b") == 0 &&
              client_number(c, "fields.price") == 9.5 &&
              strcmp(client_text(c, "time"), "2023-11-14T22:13:20Z") == 0,
          "%s", c->body);
    CHECK(client_get(c, "/v1/items?n=1&after=x0") == 200 && client_count(c, "items") == 1 &&
              strcmp(client_text(c, "next"), "x1") == 0,
          "%s", c->body);
    CHECK(client_get(c, "/v1/items?after=x1") == 200 &&
              strcmp(client_text(c, "items.0.item"), "x2") == 0 &&
              json_is_null(client_value(c, "next")),
          "%s", c->body);
    // an item that is hidden is not recommended; the next answer knows
    client_get(c, "/v1/users/ann/recommendations?n=3");
    char best[40], path[100];
    snprintf(best, sizeof best, "%s", client_text(c, "items.0.item"));
    snprintf(path, sizeof path, "/v1/items/%s", best);
    CHECK(client_ask(c, "PUT", path, "{\"hidden\":true}") == 200, "%s", c->body);
    client_get(c, "/v1/users/ann/recommendations?n=3");
    CHECK(client_count(c, "items") == 3 && !strstr(c->body, best), "%s is hidden: %s", best,
          c->body);
    CHECK(client_ask(c, "PUT", path, "{}") == 200, "%s", c->body);
    client_get(c, "/v1/users/ann/recommendations?n=3");
    CHECK(strcmp(client_text(c, "items.0.item"), best) == 0, "%s is back: %s", best, c->body);
    CHECK(client_ask(c, "DELETE", "/v1/items/x1", NULL) == 200 &&
              client_get(c, "/v1/items/x1") == 404 &&
              client_ask(c, "DELETE", "/v1/items/x1", NULL) == 404,
          "%s", c->body);
}

// Three events that come backwards give what the same give in their order.
static void test_late(serve_client *c)
{
    for (int t = 3; t > 0; t--) {
        char body[200];
        snprintf(body, sizeof body, "{\"user\":\"late\",\"item\":\"i00%d\",\"time\":%d}", t,
                 1700000000 + t);
        client_ask(c, "POST", "/v1/events", body);
        client_get(c, "/v1/users/late/recommendations"); // the person is in memory meanwhile
    }
    CHECK(client_get(c, "/v1/users/late") == 200 &&
              strcmp(client_text(c, "events.0.item"), "i003") == 0 &&
              strcmp(client_text(c, "events.2.item"), "i001") == 0,
          "%s", c->body);
    client_get(c, "/v1/users/late/recommendations?n=1&model=other");
    const double late = client_number(c, "items.0.score");
    client_ask(c, "POST", "/v1/events",
               "[{\"user\":\"right\",\"item\":\"i001\",\"time\":1700000001},"
               "{\"user\":\"right\",\"item\":\"i002\",\"time\":1700000002},"
               "{\"user\":\"right\",\"item\":\"i003\",\"time\":1700000003}]");
    client_get(c, "/v1/users/right/recommendations?n=1&model=other");
    CHECK(late == client_number(c, "items.0.score"), "%g against %s", late, c->body);
}

// --- forgetting -------------------------------------------------------------------------------------

// How often these bytes stand in the files whose names begin with `prefix`.
static int occurrences(const char *prefix, const char *bytes)
{
    const size_t len = strlen(bytes);
    int n = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0) continue;
        char *text = NULL;
        size_t size = 0;
        if (file_read(&text, &size, e->d_name, 1 << 30, NULL) != HABIT_OK) continue;
        for (size_t i = 0; i + len <= size; i++) n += memcmp(text + i, bytes, len) == 0;
        mem_free(text);
    }
    if (d) closedir(d);
    return n;
}

static void test_forget(serve_client *c)
{
    const char *id = "Wilhelmina-the-Forgotten", *path = "/v1/users/Wilhelmina-the-Forgotten";
    char body[300], stranger[2000];
    for (int i = 0; i < 30; i++) {
        snprintf(body, sizeof body,
                 "{\"user\":\"%s\",\"item\":\"i00%d\",\"event_id\":\"Wilhelmina-event-%d\","
                 "\"page\":\"Wilhelmina-page\"}",
                 id, i % 9, i);
        CHECK(client_ask(c, "POST", "/v1/events", body) == 200, "%s", c->body);
    }
    CHECK(client_ask(c, "PUT", path, "{\"fields\":{\"name\":\"Wilhelmina\"}}") == 200, "%s",
          c->body);
    snprintf(body, sizeof body, "%s/recommendations", path);
    CHECK(client_get(c, body) == 200 && client_count(c, "items") == 10, "%s", c->body);
    CHECK(occurrences("live.db", "Wilhelmina") > 30, "the scan sees nothing");
    CHECK(client_ask(c, "DELETE", path, NULL) == 200 && client_number(c, "deleted") >= 32, "%s",
          c->body);
    CHECK(occurrences("live.db", "Wilhelmina") == 0, "%d traces are left",
          occurrences("live.db", "Wilhelmina"));
    CHECK(client_get(c, path) == 404 && client_ask(c, "DELETE", path, NULL) == 404, "%s", c->body);
    client_get(c, "/v1/users/nobody-at-all/recommendations?n=5");
    snprintf(stranger, sizeof stranger, "%s", strstr(c->body, "\"items\""));
    client_get(c, body);
    char *items = strstr(c->body, "\"items\"");
    CHECK(strncmp(items, stranger, 40) == 0, "%s is not what a stranger gets: %s", items, stranger);
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

static bool recommended(serve_client *c, const char *id)
{
    char want[60];
    client_get(c, "/v1/users/ann/recommendations?n=200&exclude_seen=false");
    snprintf(want, sizeof want, "\"item\":\"%s\"", id);
    return strstr(c->body, want) != NULL;
}

// An item that only the model knows is deleted, and stays so until somebody takes it.
static void test_gone(void)
{
    serve_process p;
    serve_client c;
    for (int turn = 0; turn < 3; turn++) {
        CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", NULL), "no server");
        client_open(&c, p.port);
        if (turn == 0) {
            CHECK(recommended(&c, "i077"), "%s", c.body);
            CHECK(client_ask(&c, "DELETE", "/v1/items/i077", NULL) == 200, "%s", c.body);
        }
        if (turn < 2) CHECK(!recommended(&c, "i077"), "turn %d: %s", turn, c.body);
        if (turn == 1) {
            CHECK(client_ask(&c, "POST", "/v1/models/reload", NULL) == 200 &&
                      !recommended(&c, "i077"),
                  "%s", c.body);
            CHECK(client_ask(&c, "POST", "/v1/events", "{\"user\":\"gus\",\"item\":\"i077\"}") ==
                      200,
                  "%s", c.body);
        }
        if (turn > 0) CHECK(recommended(&c, "i077"), "turn %d: %s", turn, c.body);
        client_close(&c);
        CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    }
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

// Every route but the open ones wants a key; a key is taken back by deleting its line.
static void test_keys(void)
{
    serve_process p;
    serve_client c;
    char line[200], header[200];
    CHECK(serve_run(&place, "key", "shop", "--to", "keys.txt", NULL) == 0, "no key");
    CHECK(serve_run(&place, "key", "two words", "--to", "keys.txt", NULL) == 64,
          "a name of two words");
    FILE *f = fopen("run.log", "r"); // where its standard output went
    char key[80] = "";
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "hk_", 3) == 0) snprintf(key, sizeof key, "%.67s", line);
    if (f) fclose(f);
    CHECK(strlen(key) == 67, "the key is '%s'", key);
    CHECK(occurrences("keys.txt", key) == 0 && occurrences("keys.txt", "shop ") == 1,
          "the file has the key itself");
    CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", "--host", "0.0.0.0",
                      "--api-keys", "keys.txt", NULL),
          "no server");
    client_open(&c, p.port);
    CHECK(client_get(&c, "/healthz") == 200 && client_get(&c, "/readyz") == 200, "%s", c.body);
    static const char *const closed[] = { "/v1/users/ann", "/v1/models", "/metrics", "/nothing" };
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        CHECK(client_get(&c, closed[i]) == 401 &&
                  strcmp(client_text(&c, "error.type"), "authentication_error") == 0,
              "%s: %s", closed[i], c.body);
    c.extra = "X-API-Key: hk_0000000000000000000000000000000000000000000000000000000000000000\r\n";
    CHECK(client_get(&c, "/v1/models") == 401, "any key will do: %s", c.body);
    snprintf(header, sizeof header, "X-API-Key: %s\r\n", key);
    c.extra = header;
    CHECK(client_get(&c, "/v1/models") == 200 && client_get(&c, "/metrics") == 200, "%s", c.body);
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", key);
    CHECK(client_get(&c, "/v1/models") == 200, "%s", c.body);
    snprintf(header, sizeof header, "Authorization: Basic %s\r\n", key);
    CHECK(client_get(&c, "/v1/models") == 401, "%s", c.body);
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", key);
    CHECK(unlink("keys.txt") == 0 &&
              serve_run(&place, "key", "other", "--to", "keys.txt", NULL) == 0,
          "keys.txt");
    kill(p.pid, SIGHUP);
    for (int i = 0; i < 100 && client_get(&c, "/v1/models") == 200; i++) poll(NULL, 0, 50);
    CHECK(c.status == 401, "a key that was taken back: %s", c.body);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
}

// What a command of the shell prints.
static const char *output_of(const char *command)
{
    static char text[8000];
    FILE *f = popen(command, "r");
    const size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) pclose(f);
    text[n] = '\0';
    return text;
}

// A certificate of its own, and OpenSSL for a client.
static void test_tls(void)
{
    serve_process p;
    serve_client c;
    char command[300];
    if (system("openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 "
               "-subj /CN=localhost"
               " >/dev/null 2>&1") != 0) {
        puts("no openssl: HTTPS is not tested");
        return;
    }
    CHECK(serve_run(&place, "serve", "knn.model", "--store", "x.db", "--tls-cert", "cert.pem",
                    NULL) == 64,
          "no key");
    CHECK(serve_run(&place, "serve", "knn.model", "--store", "x.db", "--tls-cert", "cert.pem",
                    "--tls-key", "live.db", NULL) != 0,
          "a key that is none");
    CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", "--tls-cert", "cert.pem",
                      "--tls-key", "key.pem", NULL),
          "no server");
    snprintf(command, sizeof command,
             "printf 'GET /v1/users/ann HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' |"
             " openssl s_client -connect 127.0.0.1:%d -CAfile cert.pem -verify_return_error "
             "-ign_eof -quiet 2>&1",
             p.port);
    const char *text = output_of(command);
    CHECK(strstr(text, "HTTP/1.1 200 OK") && strstr(text, "\"user\":\"ann\""), "%s", text);
    client_open(&c, p.port);
    CHECK(client_get(&c, "/healthz") == 0, "plain HTTP is answered: %d", c.status);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
}

// A copy of a store in use; what came after it is gone when it is put back, from answers too.
static void test_copies(void)
{
    serve_process p;
    serve_client c;
    char before[3000];
    CHECK(mkdir("copies", 0700) == 0, "a folder");
    CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", "--backups", "copies", NULL),
          "no server");
    client_open(&c, p.port);
    client_get(&c, "/v1/users/ann/recommendations?n=5");
    snprintf(before, sizeof before, "%s", strstr(c.body, "\"items\""));
    CHECK(client_ask(&c, "POST", "/v1/backup", "{\"name\":\"a.db\"}") == 200, "%s", c.body);
    CHECK(serve_run(&place, "backup", "live.db", "--to", "b.db", NULL) == 0,
          "backup beside a service");
    CHECK(client_ask(
              &c, "POST", "/v1/events",
              "[{\"user\":\"ann\",\"item\":\"i050\"},{\"user\":\"new\",\"item\":\"i051\"}]") == 200,
          "%s", c.body);
    CHECK(client_get(&c, "/v1/users/new") == 200, "%s", c.body);
    CHECK(serve_run(&place, "restore", "b.db", "--to", "live.db", NULL) == 74,
          "restore under a service");
    CHECK(client_ask(&c, "POST", "/v1/restore", "{\"name\":\"none.db\"}") == 404, "%s", c.body);
    CHECK(client_ask(&c, "POST", "/v1/restore", "{\"name\":\"../b.db\"}") == 400, "%s", c.body);
    CHECK_OK(file_write("copies/not.db", "no database at all", 18, err));
    CHECK(client_ask(&c, "POST", "/v1/restore", "{\"name\":\"not.db\"}") == 400 &&
              client_get(&c, "/v1/users/new") == 200,
          "%s", c.body);
    CHECK(client_ask(&c, "POST", "/v1/restore", "{\"name\":\"a.db\"}") == 200, "%s", c.body);
    CHECK(client_get(&c, "/v1/users/new") == 404, "%s", c.body);
    client_get(&c, "/v1/users/ann/recommendations?n=5");
    CHECK(strstr(c.body, "\"items\"") && strcmp(strstr(c.body, "\"items\""), before) == 0,
          "%sand before %s", c.body, before);
    CHECK(client_ask(&c, "POST", "/v1/events", "{\"user\":\"new\",\"item\":\"i051\"}") == 200 &&
              client_get(&c, "/v1/users/new") == 200,
          "%s", c.body);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    CHECK(serve_run(&place, "restore", "b.db", "--to", "live.db", NULL) == 0 &&
              occurrences("live.db", "i051") == occurrences("b.db", "i051"),
          "restore");
    CHECK(serve_run(&place, "restore", "b.db", "--to", "fresh.db", NULL) == 0,
          "restore to nothing");
    CHECK(serve_run(&place, "export", "fresh.db", "--lines", "all.jsonl", NULL) == 0, "export");
    CHECK(occurrences("all.jsonl", "{\"kind\":\"event\",\"user\":\"ann\"") == 2 &&
              occurrences("all.jsonl", "{\"kind\":\"answer\"") > 5 &&
              occurrences("all.jsonl", "{\"kind\":\"user\",\"user\":\"ann\"") == 1 &&
              occurrences("all.jsonl", "{\"kind\":\"item\",\"item\":\"i003\"") == 1,
          "the lines");
    CHECK(serve_run(&place, "export", "none.db", "--lines", "all.jsonl", NULL) == 66 &&
              serve_run(&place, "backup", "shop/events.csv", "--to", "c.db", NULL) == 65,
          "no store");
}

// Every line of the log is a JSON object, those of requests too.
static void test_log(void)
{
    serve_process p;
    serve_client c;
    char line[2000];
    int lines = 0, requests = 0, bad = 0;
    unlink("serve.log");
    CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", "--log", "json",
                      "--log-requests", NULL),
          "no server");
    client_open(&c, p.port);
    CHECK(client_get(&c, "/v1/users/%22%FF?x=\"") > 0, "no answer");
    CHECK(client_ask(&c, "POST", "/v1/models/reload", "{\"path\":\"none\"}") == 404, "%s", c.body);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    FILE *f = fopen("serve.log", "r");
    while (f && fgets(line, sizeof line, f)) {
        json_t *o = json_loads(line, 0, NULL);
        lines++;
        bad += !json_is_string(json_object_get(o, "time")) ||
               !json_is_string(json_object_get(o, "level"));
        requests += json_is_integer(json_object_get(json_object_get(o, "request"), "status"));
        json_decref(o);
    }
    if (f) fclose(f);
    CHECK(lines >= 4 && requests == 2 && bad == 0,
          "%d lines, %d of requests, %d bad; the last is %s", lines, requests, bad, line);
}

// A log becomes a store, with which people are known from the first request; and a model is trained from it.
static void test_import(void)
{
    serve_process p;
    serve_client c;
    char path[100];
    CHECK(serve_run(&place, "import", "shop/events.csv", "--items", "shop/items.csv", "--to",
                    "log.db", "--quiet", NULL) == 0,
          "import");
    CHECK(serve_run(&place, "train", "log.db", "--model", "itemknn", "--out", "log.model",
                    "--quiet", NULL) == 0,
          "train from a store");
    CHECK(serve_begin(&p, &place, "log.model", "--store", "log.db", NULL), "no server");
    client_open(&c, p.port);
    CHECK(client_get(&c, "/v1/users?n=1") == 200 && client_count(&c, "users") == 1, "%s", c.body);
    snprintf(path, sizeof path, "/v1/users/%s", client_text(&c, "users.0.user"));
    CHECK(client_get(&c, path) == 200 && client_count(&c, "events") > 0 &&
              *client_text(&c, "events.0.behaviour"),
          "%s", c.body);
    strncat(path, "/recommendations", sizeof path - strlen(path) - 1);
    CHECK(client_get(&c, path) == 200 && strcmp(client_text(&c, "items.0.source"), "model") == 0,
          "%s", c.body);
    CHECK(client_get(&c, "/v1/items/i001") == 200 && client_count(&c, "categories") == 1 &&
              *client_text(&c, "fields.title"),
          "%s", c.body);
    CHECK(serve_run(&place, "import", "shop/events.csv", "--to", "log.db", "--quiet", NULL) == 74,
          "import under a service");
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
}

static void test_refusals(void)
{
    CHECK_OK(file_write("bad.keys", "shop 12\n", 8, err));
    CHECK(serve_run(&place, "serve", "knn.model", "--store", "x.db", "--api-keys", "bad.keys",
                    NULL) == 65,
          "a hash that is none");
    CHECK(serve_run(&place, "serve", "knn.model", "--store", "x.db", "--api-keys", "none.keys",
                    NULL) == 66,
          "no file of keys");

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
    test_ids(&c);
    test_items(&c);
    test_late(&c);
    test_forget(&c);
    test_metrics(&c);
    test_reload(&c, &p);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    test_restart();
    test_gone();
    test_keys();
    test_tls();
    test_copies();
    test_log();
    test_import();
    test_refusals();
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
