// route_health.c - is it alive, is it ready, what did it count, what can it do.
#include "serve/routes.h"

static void get_healthz(const call *c)
{
    buffer_text(&c->request->reply, "{\"status\":\"ok\"}\n");
    http_answer(c->request, 200);
}

static void get_readyz(const call *c)
{
    service *s = c->s;
    http_request *r = c->request;
    if (!atomic_load(&s->ready)) {
        reply_error(r, 503, "loading models");
        return;
    }
    const bool writes = !db_look(s->db).refuses;
    buffer_format(&r->reply, "{\"status\":\"%s\",\"models\":%zu,\"writes\":%s}\n",
                  writes ? "ready" : "read-only", c->models->count, writes ? "true" : "false");
    http_answer(r, 200);
}

static void get_metrics(const call *c)
{
    metrics_write(c->s->metrics, &c->request->reply);
    c->request->type = "text/plain; version=0.0.4; charset=utf-8";
    http_answer(c->request, 200);
}

static void get_openapi(const call *c)
{
    c->request->constant = c->s->openapi.data;
    c->request->constant_len = c->s->openapi.len;
    http_answer(c->request, 200);
}

// clang-format off
const route routes_health[] = {
    { "GET", "/healthz", get_healthz, ROUTE_OPEN | ROUTE_EARLY,
      .summary = "The process answers.", .answer = "{\"status\":\"ok\"}" },
    { "GET", "/readyz", get_readyz, ROUTE_OPEN | ROUTE_EARLY,
      .summary = "Models are loaded; while they are not, 503.",
      .answer = "{\"status\":\"ready\",\"models\":1,\"writes\":true}" },
    { "GET", "/metrics", get_metrics, ROUTE_EARLY,
      .summary = "What was counted, as Prometheus reads it." },
    { "GET", "/openapi.json", get_openapi, ROUTE_OPEN | ROUTE_EARLY, .summary = "This document." },
    ROUTE_END,
};
// clang-format on
