// route_dashboard.c - GET /: the page of web/dashboard.html, which is part of the program.
//
// The page holds no data: it asks /v1 for them with the key that its reader gives it, so it is open
// to everybody.  Its policy lets nothing run or load but itself (tools/embed.sh).
#include "serve/routes.h"

#include <string.h>

// Made by the build.
extern const unsigned char dashboard_bytes[];
extern const size_t dashboard_len;
extern const char dashboard_tag[], dashboard_policy[];

static void get_dashboard(const call *c)
{
    http_request *r = c->request;
    const char *known = http_header(r, "If-None-Match");
    http_add_header(r, "ETag", dashboard_tag);
    http_add_header(r, "Cache-Control", "no-cache");
    http_add_header(r, "Content-Security-Policy", dashboard_policy);
    http_add_header(r, "X-Content-Type-Options", "nosniff");
    http_add_header(r, "Referrer-Policy", "no-referrer");
    r->type = "text/html; charset=utf-8";
    if (known && strstr(known, dashboard_tag)) {
        http_answer(r, 304);
        return;
    }
    r->constant = dashboard_bytes;
    r->constant_len = dashboard_len;
    http_answer(r, 200);
}

// clang-format off
const route routes_dashboard[] = {
    { "GET", "/", get_dashboard, ROUTE_OPEN | ROUTE_EARLY, .summary = "The dashboard, a page for people." },
    ROUTE_END,
};
// clang-format on
