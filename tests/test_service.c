// test_service.c - the service inside a program, on a disk that a test can break.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/power_vfs.h"
#include "tests/serve_client.h"
#include "serve/routes.h"

static serve_options options(void)
{
    return (serve_options){ .store = "live.db",
                            .vfs = "power",
                            .threads = 2,
                            .connections = 100,
                            .durability = "always",
                            .interval = 1000000,
                            .ring = 50,
                            .memory = 1 << 20,
                            .body_limit = 1 << 20,
                            .queue = 1 << 20,
                            .half_life = INT64_C(86400000000),
                            .idle = 5000000,
                            .drain = 2000000 };
}

static const char one[] = "{\"user\":\"u\",\"item\":\"i\"}";

// A sync fails: writes are refused from then on, reading goes on.
static void test_failed_sync(void)
{
    const serve_options o = options();
    const run r = { 0 };
    service *s = NULL;
    serve_client c;
    power_new_disk(1);
    CHECK_OK(service_start(&s, &o, NULL, 0, &r, err));
    if (!s) return;
    client_open(&c, service_port(s));
    CHECK(client_ask(&c, "POST", "/v1/events", one) == 200, "%s", c.body);
    power.syncs_fail = true;
    CHECK(client_ask(&c, "POST", "/v1/events", one) == 503 &&
              strcmp(client_text(&c, "error.type"), "unavailable_error") == 0,
          "%d %s", c.status, c.body);
    power.syncs_fail = false;
    CHECK(client_ask(&c, "POST", "/v1/events", one) == 503 &&
              strstr(client_text(&c, "error.message"), "takes no more writes"),
          "%d %s", c.status, c.body);
    CHECK(client_ask(&c, "PUT", "/v1/items/i", "{}") == 503, "%d %s", c.status, c.body);
    CHECK(client_get(&c, "/v1/users/u") == 200 && client_count(&c, "events") >= 1, "%s", c.body);
    CHECK(client_get(&c, "/metrics") == 200 && strstr(c.body, "\nhabit_store_read_only 1\n") &&
              strstr(c.body, "\nhabit_build_info{version=\""),
          "%s", c.body);
    CHECK(client_get(&c, "/readyz") == 200 && strcmp(client_text(&c, "status"), "read-only") == 0,
          "%s", c.body);
    client_close(&c);
    service_stop(s);
}

// What is too old, or too much, to be kept is not in memory either.
static void test_kept(void)
{
    serve_options o = options();
    const run r = { 0 };
    service *s = NULL;
    serve_client c;
    person *p = NULL;
    char body[400];
    power_new_disk(3);
    o.keep_days = 2, o.keep_events = 3;
    CHECK_OK(service_start(&s, &o, NULL, 0, &r, err));
    if (!s) return;
    client_open(&c, service_port(s));
    client_get(&c, "/v1/users/u/recommendations"); // is in memory from now on
    for (int day = 4; day >= 0; day--) {
        snprintf(body, sizeof body, "{\"user\":\"u\",\"item\":\"i%d\",\"time\":%lld}", day,
                 (long long)(clock_now() / 1000000 - day * 86400LL));
        CHECK(client_ask(&c, "POST", "/v1/events", body) == 200, "%s", c.body);
    }
    CHECK(client_get(&c, "/v1/users/u") == 200 && client_count(&c, "events") == 3, "%s", c.body);
    client_close(&c);
    CHECK_OK(service_person(s, &s->worker[0], (db_text){ "u", 1 }, &p, err));
    CHECK(p->events == 2, "%zu events in memory", p->events);
    people_give(&s->people, p);
    service_stop(s);
}

static void *post_once(void *ctx)
{
    serve_client *c = ctx;
    client_ask(c, "POST", "/v1/events", one);
    return NULL;
}

// A disk that stands still: what may wait waits, the rest is told to come again.
static void test_queue(void)
{
    serve_options o = options();
    const run r = { 0 };
    service *s = NULL;
    serve_client c, waiting;
    pthread_t t;
    power_new_disk(4);
    o.queue = 1500;
    CHECK_OK(service_start(&s, &o, NULL, 0, &r, err));
    if (!s) return;
    client_open(&c, service_port(s));
    client_open(&waiting, service_port(s));
    CHECK(client_ask(&c, "POST", "/v1/events", one) == 200, "%s", c.body);
    pthread_mutex_lock(&power.lock);
    pthread_create(&t, NULL, post_once, &waiting);
    for (int i = 0; i < 200 && atomic_load(&s->write_bytes) == 0; i++) poll(NULL, 0, 10);
    CHECK(client_ask(&c, "POST", "/v1/events", one) == 503 && client_header(&c, "Retry-After"),
          "%d %s", c.status, c.body);
    pthread_mutex_unlock(&power.lock);
    pthread_join(t, NULL);
    CHECK(waiting.status == 200, "%d %s", waiting.status, waiting.body);
    CHECK(client_ask(&c, "POST", "/v1/events", one) == 200, "%s", c.body);
    client_close(&c);
    client_close(&waiting);
    service_stop(s);
}

// Every row of the table has what the document needs, no two are alike, and examples are JSON.
static void test_routes(void)
{
    for (size_t i = 0; route_at(i); i++) {
        const route *x = route_at(i);
        CHECK(x->path[0] == '/' && x->handle && x->summary, "route %zu", i);
        const char *const text[] = { x->body, x->answer };
        for (size_t k = 0; k < 2; k++) {
            json_t *v = text[k] ? json_loads(text[k], 0, NULL) : NULL;
            CHECK(!text[k] || v, "%s %s: the example is not JSON: %s", x->method, x->path, text[k]);
            json_decref(v);
        }
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(route_at(k)->path, x->path) != 0 ||
                      strcmp(route_at(k)->method, x->method) != 0,
                  "%s %s is there twice", x->method, x->path);
    }
    buffer b = { 0 };
    openapi_write(&b);
    json_t *v = json_loadb(b.data, b.len, 0, NULL);
    CHECK(v && json_object_size(json_object_get(v, "paths")) > 5, "the document is not JSON: %s",
          b.data);
    json_decref(v);
    buffer_free(&b);
}

static void *post_many(void *ctx)
{
    serve_client c;
    client_open(&c, *(int *)ctx);
    size_t good = 0;
    for (int i = 0; i < 50; i++) good += client_ask(&c, "POST", "/v1/events", one) == 200;
    client_close(&c);
    return (void *)good;
}

// A stop in the middle: what was acknowledged is there afterwards.
static void test_stop(void)
{
    const serve_options o = options();
    const run r = { 0 };
    service *s = NULL;
    serve_client c;
    pthread_t t[4];
    size_t acknowledged = 0;
    power_new_disk(2);
    CHECK_OK(service_start(&s, &o, NULL, 0, &r, err));
    if (!s) return;
    int port = service_port(s);
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, post_many, &port);
    poll(NULL, 0, 10);
    service_stop(s);
    for (int i = 0; i < 4; i++) {
        void *good;
        pthread_join(t[i], &good);
        acknowledged += (size_t)good;
    }
    CHECK_OK(service_start(&s, &o, NULL, 0, &r, err));
    client_open(&c, service_port(s));
    client_get(&c, "/v1/users/u?n=1000");
    const size_t there = c.status == 404 ? 0 : client_count(&c, "events");
    CHECK(there >= acknowledged && there <= 200, "%zu acknowledged, %zu are there", acknowledged,
          there);
    client_close(&c);
    service_stop(s);
}
#else
#include "tests/check.h"
#endif

int main(void)
{
#ifdef HAVE_SERVE
    power_install(1);
    test_routes();
    test_failed_sync();
    test_kept();
    test_queue();
    test_stop();
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
