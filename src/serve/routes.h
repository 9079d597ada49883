// routes.h - the one table of what the service answers: from it come dispatch, limits, metrics and
// the OpenAPI document.
//
// Paths under /api are those of Gorse: empty pieces at their end do not count, and errors are plain
// text.
//
// A file route_NOUN.c has the handlers of one noun and their rows; routes.c lists those files.
//
//     static void get_thing(const call *c)
//     {
//         db_text id;
//         if (!request_id(c->request, c->piece[0], "thing", &id)) return; // has answered
//         ...
//         reply_json(c->request, 200, ...);
//     }
//
//     const route routes_things[] = {
//         { "GET", "/v1/things/{id}", get_thing, .summary = "A thing." },
//         ROUTE_END,
//     };
#ifndef SERVE_ROUTES_H
#define SERVE_ROUTES_H
#include "serve/reply.h"
#include "serve/service.h"

enum { ROUTE_PIECES = 6 };

enum route_flags {
    ROUTE_OPEN = 1,  // needs no key
    ROUTE_EARLY = 2, // answers also while models are being loaded
};

// What a handler is given.
typedef struct call {
    service *s;
    worker *w;
    const lineup *models; // holds until the handler returns
    http_request *request;
    http_text piece[ROUTE_PIECES]; // what stands for {names} of the path, decoded, in their order
} call;

typedef void route_fn(const call *c);

// A parameter of the query.
typedef struct route_param {
    const char *name, *type, *about; // type: "integer", "boolean", "string"
} route_param;

enum { ROUTE_PARAMS = 12 };

typedef struct route {
    const char *method, *path; // "/v1/users/{id}"; a path that ends in / has an empty last piece
    route_fn *handle;
    unsigned flags;
    size_t body_most; // bytes; 0: the server's own limit
    const char *summary;
    const char *body;   // an example of the request's body, as JSON; NULL: it has none
    const char *answer; // an example of the answer
    route_param param[ROUTE_PARAMS];
} route;

#define ROUTE_END                                                                                  \
    {                                                                                              \
        NULL                                                                                       \
    }

// route_NOUN.c; routes.c has them in its list.
extern const route routes_health[], routes_events[], routes_users[], routes_items[],
    routes_recommend[], routes_models[], routes_store[], routes_stats[], routes_titles[],
    routes_dashboard[];
// gorse_NOUN.c
extern const route routes_gorse_users[], routes_gorse_items[], routes_gorse_feedback[],
    routes_gorse_health[], routes_gorse_recommend[];

const route *route_at(size_t i); // NULL past the end

// What was counted of route_at(i).
typedef struct route_tally {
    const histogram *seconds;           // of all its requests; NULL: not counted
    unsigned long long refused, failed; // answered 4xx, 5xx
} route_tally;
route_tally routes_tally(const service *s, size_t i); // ROUTE_NONE: of what no route took
#define ROUTE_NONE SIZE_MAX

// route_stats.c, for service.c.
habit_status stats_open(service *s, habit_error *err);
void stats_close(service *s); // no job runs any more

// For service.c.
habit_status routes_open(service *s, habit_error *err);
void routes_close(service *s);
http_handler_fn routes_handle;
http_done_fn routes_done;

// openapi.c: the whole document.
void openapi_write(buffer *to);

#endif
