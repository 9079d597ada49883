// tiny_log.h - a log in a few lines of a test, without a dataset file.
//
//     static const tiny_event events[] = { { 0, 2 }, { 0, 1 }, { 1, 2 } };   // user, item, ...
//     tiny_log t;
//     tiny_log_make(&t, events, COUNT_OF(events), 2, 3, TINY_TIME);
//     ... t.view ...
//
// Events stand grouped by user, oldest first, as in a dataset.
#ifndef TESTS_TINY_LOG_H
#define TESTS_TINY_LOG_H
#include "data/split.h"

#include <assert.h>

enum { TINY_EVENTS = 65536, TINY_USERS = 4096, TINY_TIME = 1, TINY_VALUE = 2, TINY_SESSION = 4 };

typedef struct tiny_event {
    uint32_t user, item;
    int64_t time;
    float value;
    uint32_t session;
} tiny_event;

typedef struct tiny_log {
    log_view view;
    uint64_t offset[TINY_USERS + 1];
    uint32_t item[TINY_EVENTS];
    int64_t time[TINY_EVENTS];
    float value[TINY_EVENTS];
    uint32_t session[TINY_EVENTS];
} tiny_log;

static inline void tiny_log_make(tiny_log *t, const tiny_event *e, size_t n, uint32_t users,
                                 uint32_t items, unsigned columns)
{
    assert(n <= TINY_EVENTS && users <= TINY_USERS);
    uint32_t user = 0;
    t->offset[0] = 0;
    for (size_t i = 0; i < n; i++) {
        assert(e[i].user >= user && e[i].user < users);
        while (user < e[i].user) t->offset[++user] = i;
        t->item[i] = e[i].item;
        t->time[i] = e[i].time;
        t->value[i] = e[i].value;
        t->session[i] = e[i].session;
    }
    while (user < users) t->offset[++user] = n;
    t->view = (log_view){ .users = users,
                          .items = items,
                          .begin = t->offset,
                          .end = t->offset + 1,
                          .item = t->item,
                          .time = columns & TINY_TIME ? t->time : NULL,
                          .value = columns & TINY_VALUE ? t->value : NULL,
                          .session = columns & TINY_SESSION ? t->session : NULL,
                          .events = n };
}

#endif
