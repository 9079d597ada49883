// routes.c - finding the route of a request, and counting.
#include "serve/routes.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// clang-format off
static const route *const tables[] = {
    routes_health,
    routes_events,
    routes_users,
    routes_items,
    routes_recommend,
    routes_models,
    routes_store,
    routes_gorse_users,
    routes_gorse_items,
    routes_gorse_feedback,
    routes_gorse_health,
    routes_gorse_recommend,
    routes_stats,
    routes_titles,
    routes_dashboard,
};
// clang-format on

const route *route_at(size_t i)
{
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        size_t n = 0;
        while (tables[t][n].method) n++;
        if (i < n) return &tables[t][i];
        i -= n;
    }
    return NULL;
}

// --- counting ---------------------------------------------------------------------------------------

static const short codes[] = { 200, 201, 202, 204, 400, 401, 403, 404, 405, 409,
                               413, 414, 415, 422, 429, 500, 501, 503, 507, 0 }; // 0: any other

// One route as dispatch needs it; the last has no route and counts what matched none.
typedef struct route_counts {
    const route *route;
    const char *piece[HTTP_PARTS]; // of the path; "{" for a name
    size_t len[HTTP_PARTS], pieces;
    _Atomic(counter *) answers[COUNT_OF(codes)];
    histogram *seconds;
} route_counts;

static size_t code_place(int status)
{
    size_t i = 0;
    while (codes[i] && codes[i] != status) i++;
    return i;
}

static void count_request(service *s, route_counts *c, const http_request *r)
{
    const size_t at = code_place(r->status);
    counter *n = atomic_load(&c->answers[at]);
    if (!n) {
        char labels[200];
        snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",code=\"%d\"",
                 c->route ? c->route->path : "other", c->route ? c->route->method : "other",
                 codes[at]);
        n = metrics_counter(s->metrics, "habit_http_requests_total", "Requests answered.", labels);
        atomic_store(&c->answers[at], n);
    }
    counter_add(n, 1);
    histogram_add(c->seconds, clock_wall() - r->began);
}

route_tally routes_tally(const service *s, size_t i)
{
    const route_counts *c = &s->counts[i == ROUTE_NONE ? 0 : i + 1];
    route_tally t = { .seconds = c->seconds };
    for (size_t k = 0; k < COUNT_OF(codes); k++) {
        const counter *n = atomic_load(&c->answers[k]);
        if (n && codes[k] / 100 == 4) t.refused += atomic_load(&n->n);
        if (n && codes[k] / 100 == 5) t.failed += atomic_load(&n->n);
    }
    return t;
}

static void log_request(const service *s, const http_request *r)
{
    buffer line = { 0 };
    buffer_text(&line, "{\"method\":");
    reply_text(&line, (db_text){ r->method ? r->method : "", r->method ? strlen(r->method) : 0 });
    buffer_text(&line, ",\"target\":");
    reply_text(&line, (db_text){ r->target, strlen(r->target) });
    buffer_format(&line, ",\"status\":%d,\"bytes\":%zu,\"seconds\":%.6f}", r->status,
                  r->constant ? r->constant_len : r->reply.len, clock_wall() - r->began);
    const habit_hooks *h = &s->run.hooks;
    if (!line.failed && h->log) h->log(h->ctx, LOG_NOTE, line.data); // however long it is
    buffer_free(&line);
}

void routes_done(void *ctx, http_request *r)
{
    service *s = ctx;
    size_t n = (size_t)(uintptr_t)r->route;
    if (!s->counts) return;
    count_request(s, &s->counts[n], r);
    if (s->options.log_requests) log_request(s, r);
}

// --- matching ---------------------------------------------------------------------------------------

static void split_path(route_counts *c)
{
    const char *at = c->route->path;
    while (*at == '/') {
        const size_t len = strcspn(++at, "/");
        c->piece[c->pieces] = at;
        c->len[c->pieces++] = len;
        at += len;
    }
}

static bool matches(const route_counts *c, const http_request *r, call *out)
{
    size_t n = 0;
    if (c->pieces != r->parts) return false;
    for (size_t i = 0; i < c->pieces; i++) {
        if (*c->piece[i] == '{')
            out->piece[n++] = r->part[i];
        else if (c->len[i] != r->part[i].len || memcmp(c->piece[i], r->part[i].at, c->len[i]) != 0)
            return false;
    }
    return true;
}

static bool same_method(const route *x, const char *method)
{
    return strcmp(x->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(x->method, "GET") == 0);
}

// No row has both the path and the method: 404, or 405 with those that the path has.
static void refuse(service *s, http_request *r, call *c)
{
    char allow[100] = "";
    for (size_t i = 1; s->counts[i].route; i++) {
        const char *method = s->counts[i].route->method;
        if (!matches(&s->counts[i], r, c) || strstr(allow, method)) continue;
        snprintf(allow + strlen(allow), sizeof allow - strlen(allow), "%s%s", *allow ? ", " : "",
                 method);
    }
    if (!*allow) {
        reply_error(r, 404, "there is nothing at this path; /openapi.json lists what there is");
        return;
    }
    http_add_header(r, "Allow", allow);
    if (strcmp(r->method, "OPTIONS") == 0)
        http_answer(r, 204);
    else
        reply_error(r, 405, "%s is not for this path: %s", r->method, allow);
}

// --- keys -------------------------------------------------------------------------------------------

// "Authorization: Bearer KEY" or "X-API-Key: KEY".
static const char *key_shown(const http_request *r)
{
    const char *bearer = http_header(r, "Authorization");
    if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
        return bearer + 7 + strspn(bearer + 7, " ");
    return http_header(r, "X-API-Key");
}

// False if it has refused.
static bool may_enter(const call *c)
{
    const keys *known = atomic_load(&c->s->keys);
    if (!known) return true;
    const char *key = key_shown(c->request);
    if (key && keys_find(known, key)) return true;
    http_add_header(c->request, "WWW-Authenticate", "Bearer");
    reply_error(c->request, 401, "%s",
                key ? "no such key" : "show a key: Authorization: Bearer KEY, or X-API-Key: KEY");
    return false;
}

// --- dispatch ---------------------------------------------------------------------------------------

static void handle_route(call *c, const route *x)
{
    service *s = c->s;
    http_request *r = c->request;
    if (atomic_load(&s->stopping) || (!(x->flags & ROUTE_EARLY) && !atomic_load(&s->ready))) {
        http_add_header(r, "Retry-After", "1");
        reply_error(r, 503, atomic_load(&s->stopping) ? "stopping" : "loading models");
    } else if (x->body_most && r->body.len > x->body_most) {
        reply_error(r, 413, "a body of %zu bytes: this path takes %zu", r->body.len, x->body_most);
    } else if ((x->flags & ROUTE_OPEN) || may_enter(c)) {
        c->models = lineup_now(&s->models);
        x->handle(c);
    }
}

// Gorse's clients write "/api/popular/" for no category.
static void read_as_gorse(http_request *r)
{
    if (!r->parts || strcmp(r->part[0].at, "api") != 0) return;
    while (r->parts > 1 && r->part[r->parts - 1].len == 0) r->parts--;
    r->plain_errors = true;
}

// Pages of other origins may call the service if --cors says so; browsers ask first, without a key.
static bool answer_preflight(const service *s, http_request *r)
{
    const char *origin = s->options.cors;
    if (!origin || !*origin) return false;
    http_add_header(r, "Access-Control-Allow-Origin", origin);
    http_add_header(r, "Access-Control-Expose-Headers", "X-Recommendation-Id");
    if (strcmp(r->method, "OPTIONS") != 0 || !http_header(r, "Access-Control-Request-Method"))
        return false;
    http_add_header(r, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
    http_add_header(r, "Access-Control-Allow-Headers",
                    "Content-Type, Authorization, X-API-Key, X-API-Version");
    http_add_header(r, "Access-Control-Max-Age", "600");
    http_answer(r, 204);
    return true;
}

static void dispatch(call *c)
{
    service *s = c->s;
    http_request *r = c->request;
    size_t i = 1;
    for (; s->counts[i].route; i++)
        if (same_method(s->counts[i].route, r->method) && matches(&s->counts[i], r, c)) break;
    if (s->counts[i].route) {
        r->route = (const void *)(uintptr_t)i;
        handle_route(c, s->counts[i].route);
    } else if (may_enter(c)) {
        refuse(s, r, c);
    }
}

void routes_handle(void *ctx, http_request *r)
{
    service *s = ctx;
    call c = { .s = s, .w = &s->worker[r->worker], .request = r };
    read_as_gorse(r);
    worker_enter(c.w);
    if (!answer_preflight(s, r)) dispatch(&c);
    worker_leave(c.w);
}

// --- open and close ---------------------------------------------------------------------------------

habit_status routes_open(service *s, habit_error *err)
{
    size_t n = 0;
    while (route_at(n)) n++;
    s->counts = ZNEW(route_counts, n + 2); // 0: no route; the last ends the list
    if (!s->counts) return fail_memory(err, "routes", (n + 2) * sizeof *s->counts);
    for (size_t i = 0; i <= n; i++) {
        route_counts *c = &s->counts[i];
        char labels[160];
        if (i) c->route = route_at(i - 1);
        if (i) split_path(c);
        snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\"", i ? c->route->path : "other",
                 i ? c->route->method : "other");
        c->seconds =
            metrics_histogram(s->metrics, "habit_http_request_duration_seconds",
                              "From the first line of a request to the end of its answer.", labels);
    }
    openapi_write(&s->openapi);
    return buffer_check(&s->openapi, err);
}

void routes_close(service *s)
{
    mem_free(s->counts);
    s->counts = NULL;
    buffer_free(&s->openapi);
}
