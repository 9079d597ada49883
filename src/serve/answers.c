// answers.c - copies of answers in one piece of memory each.
#include "serve/answers.h"
#include "base/memory.h"

#include <string.h>

enum { WAITING_MOST = 20000 };

typedef struct logged {
    service *s;
    db_write write;
    db_op op;
    db_text item[];
} logged;

static void count(service *s, const char *result)
{
    counter_add(metrics_counter(s->metrics, "habit_answers_total",
                                "Answers given, by whether they were logged.", result),
                1);
}

static void on_logged(db_write *w)
{
    logged *l = w->ctx;
    service *s = l->s;
    count(s, w->status == HABIT_OK ? "result=\"logged\"" : "result=\"failed\"");
    mem_free(l);
    atomic_fetch_sub(&s->answers_waiting, 1);
}

static db_text put(char **to, db_text t)
{
    if (!t.at) return t;
    memcpy(*to, t.at, t.len);
    const db_text copy = { *to, t.len };
    *to += t.len;
    return copy;
}

void answers_log(service *s, const db_answer *a)
{
    size_t bytes = a->id.len + a->user.len + a->model.len + a->source.len;
    for (size_t i = 0; i < a->items; i++) bytes += a->item[i].len;
    logged *l = NULL;
    if (atomic_fetch_add(&s->answers_waiting, 1) < WAITING_MOST)
        l = mem_alloc(1, sizeof *l + a->items * sizeof *l->item + bytes);
    if (!l) {
        atomic_fetch_sub(&s->answers_waiting, 1);
        count(s, "result=\"dropped\"");
        return;
    }
    char *to = (char *)(l->item + a->items);
    *l = (logged){ .s = s, .op = { .kind = DB_PUT_ANSWER } };
    db_answer *copy = &l->op.answer;
    *copy = (db_answer){ .id = put(&to, a->id),
                         .user = put(&to, a->user),
                         .model = put(&to, a->model),
                         .source = put(&to, a->source),
                         .time = a->time,
                         .item = l->item,
                         .items = a->items };
    for (size_t i = 0; i < a->items; i++) l->item[i] = put(&to, a->item[i]);
    l->write = (db_write){ .op = &l->op, .ops = 1, .done = on_logged, .ctx = l };
    db_submit(s->db, &l->write);
}
