// wish_read.h - wishes as people write them: in the query of a GET, in the body of a POST.
//
//     asked a;
//     asked_begin(&a, &(asked_about){ ... });
//     st = asked_query(&a, request);             // or asked_body()
//     if (st == HABIT_OK) ... a.wish ...
//     asked_free(&a);
//
// docs/http.md lists the members.  Ids nobody has heard of are not errors: they are left out.
#ifndef SERVE_WISH_READ_H
#define SERVE_WISH_READ_H
#include "serve/behaviours.h"
#include "serve/body.h"
#include "serve/http.h"
#include "serve/recommend.h"

#include <jansson.h>

enum { ASKED_ITEMS = 10000 }; // of one list in a body

typedef struct asked_about {
    items *table;
    subsets *sets;
    behaviours *behaviours;
    int64_t now;
    size_t ring; // of a posted history the latest so many events count
} asked_about;

typedef struct asked {
    asked_about about;
    wish wish;
    db_text user, model;   // {NULL}: not said
    person_event *history; // oldest first
    size_t events;
    bool reranks;
    db_text
        *posted; // [posts] of a list to rerank: the ids nobody has heard of, as they were posted
    size_t posts;
    uint32_t *list, *deny; // behind those of the wish
    json_t *root;          // what texts point into
    body texts;            // texts made while reading
} asked;

void asked_begin(asked *a, const asked_about *about);
// HABIT_EINVAL or HABIT_ELIMIT: what is wrong with it, in words for whoever asked.
habit_status asked_query(asked *a, const http_request *r, habit_error *err);
habit_status asked_body(asked *a, const char *bytes, size_t len, habit_error *err);
void asked_free(asked *a);

#endif
