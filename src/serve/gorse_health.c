// gorse_health.c - /api/health, and the document under the name that Gorse gives it.
#include "serve/gorse_call.h"

static void write_health(const call *c)
{
    const bool ready = atomic_load(&c->s->ready), writes = ready && !db_look(c->s->db).refuses;
    buffer_format(&c->request->reply,
                  "{\"Ready\":%s,\"DataStoreError\":%s,\"CacheStoreError\":null,"
                  "\"DataStoreConnected\":%s,\"CacheStoreConnected\":true}",
                  ready ? "true" : "false",
                  ready && !writes ? "\"writes are refused: a sync has failed\"" : "null",
                  ready ? "true" : "false");
}

static void get_live(const call *c)
{
    write_health(c);
    http_answer(c->request, 200);
}

static void get_ready(const call *c)
{
    write_health(c);
    http_answer(c->request, atomic_load(&c->s->ready) ? 200 : 503);
}

static void get_document(const call *c)
{
    c->request->constant = c->s->openapi.data;
    c->request->constant_len = c->s->openapi.len;
    http_answer(c->request, 200);
}

#define HEALTH                                                                                     \
    "{\"Ready\":true,\"DataStoreError\":null,\"CacheStoreError\":null,\"DataStoreConnected\":"     \
    "true,\"CacheStoreConnected\":true}"

// clang-format off
const route routes_gorse_health[] = {
    { "GET", "/api/health/live", get_live, ROUTE_OPEN | ROUTE_EARLY, .summary = "Gorse: the process answers.", .answer = HEALTH },
    { "GET", "/api/health/ready", get_ready, ROUTE_OPEN | ROUTE_EARLY, .summary = "Gorse: models are loaded; while they are not, 503.",
      .answer = HEALTH },
    { "GET", "/apidocs.json", get_document, ROUTE_OPEN | ROUTE_EARLY, .summary = "Gorse: this document." },
    ROUTE_END,
};
// clang-format on
