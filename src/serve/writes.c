// writes.c - to the database and back.
#include "serve/writes.h"
#include "base/memory.h"

#include <string.h>

typedef struct kept_text {
    struct kept_text *next;
    char bytes[];
} kept_text;

writes *writes_new(const call *c)
{
    writes *w = ZNEW(writes, 1);
    if (!w) {
        reply_failure(c->request, HABIT_ENOMEM, NULL);
        return NULL;
    }
    w->s = c->s;
    w->request = c->request;
    return w;
}

void writes_free(writes *w)
{
    if (w->free) w->free(w);
    while (w->texts) {
        kept_text *next = w->texts->next;
        mem_free(w->texts);
        w->texts = next;
    }
    mem_free(w->op);
    mem_free(w);
}

db_op *writes_add(writes *w, db_kind kind)
{
    if (mem_grow((void **)&w->op, &w->cap, w->ops + 1, sizeof *w->op, "writes", NULL) != HABIT_OK) {
        w->failed = true;
        return NULL;
    }
    w->op[w->ops] = (db_op){ .kind = kind };
    return &w->op[w->ops++];
}

db_text writes_keep(writes *w, db_text t)
{
    if (!t.at) return t;
    kept_text *k = mem_alloc(1, sizeof *k + t.len + 1);
    if (!k) {
        w->failed = true;
        return (db_text){ 0 };
    }
    k->next = w->texts;
    w->texts = k;
    memcpy(k->bytes, t.at, t.len);
    k->bytes[t.len] = '\0';
    return (db_text){ k->bytes, t.len };
}

size_t writes_changed(const writes *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->ops; i++) n += w->op[i].changed;
    return n;
}

// --- what the service knows -------------------------------------------------------------------------

static habit_status change_item(items *t, const db_op *op)
{
    const db_item *i = &op->item;
    if (op->kind == DB_PUT_ITEM) return items_put(t, i, NULL);
    if (op->kind == DB_PATCH_ITEM) return items_patch(t, i, NULL);
    return op->changed
               ? items_categorise(t, i->id, i->categories, op->kind == DB_ADD_CATEGORY, NULL)
               : HABIT_OK;
}

// One operation that is written, in the order of the database.  *crowd: everybody's events changed.
static void apply(service *s, const db_op *op, bool *crowd)
{
    switch (op->kind) {
    case DB_PUT_EVENT:
        if (op->place > atomic_load(&s->place)) atomic_store(&s->place, op->place);
        if (op->place) items_again(&s->items, op->event.item);
        if (op->changed && !op->place) people_forget(&s->people, op->event.user); // was replaced
        break;
    case DB_PUT_ITEM:
    case DB_PATCH_ITEM:
    case DB_ADD_CATEGORY:
    case DB_DROP_CATEGORY:
        if (change_item(&s->items, op) != HABIT_OK)
            run_log(&s->run, LOG_ERROR,
                    "out of memory: an item is stored, but not known until a restart");
        break;
    case DB_PUT_USER:
    case DB_PATCH_USER:
    case DB_PUT_ANSWER:
        break;
    case DB_DELETE_EVENTS:
        people_forget(&s->people, op->event.user);
        break;
    case DB_DELETE_ITEM:
        items_delete(&s->items, op->item.id);
        *crowd |= op->changed > 1;
        break;
    case DB_DELETE_USER:
        people_forget(&s->people, op->user.id);
        break;
    case DB_DELETE_ALL:
        items_none_gone(&s->items);
        service_forget_items(s);
        *crowd = true;
        break;
    }
}

// On the writer's thread.
static void on_written(db_write *write)
{
    writes *w = write->ctx;
    bool crowd = false;
    for (size_t i = 0; write->status == HABIT_OK && i < write->ops; i++)
        apply(w->s, &write->op[i], &crowd);
    if (crowd) people_forget_all(&w->s->people);
    atomic_fetch_sub(&w->s->write_bytes, (long long)w->bytes);
    http_finish(w->request);
}

// Back on the request's own thread.
static void after_write(http_request *r)
{
    writes *w = r->own;
    service *s = w->s;
    r->own = NULL;
    if (w->write.status == HABIT_OK) {
        for (size_t i = 0; i < w->ops; i++)
            if (w->op[i].kind == DB_PUT_EVENT && w->op[i].place)
                service_heard(s, &w->op[i].event, w->op[i].place);
        w->tell(w);
    } else if (db_look(s->db).refuses) {
        http_error(r, 503, w->write.err.message);
    } else {
        reply_failure(r, w->write.status, &w->write.err);
    }
    writes_free(w);
}

// What waits has a bound: false, with an answer, if the disk cannot follow.
static bool make_way(writes *w)
{
    enum { OVERHEAD = 1024 };
    service *s = w->s;
    http_request *r = w->request;
    w->bytes = r->body.len + OVERHEAD;
    const long long before = atomic_fetch_add(&s->write_bytes, (long long)w->bytes);
    if (before == 0 || before + (long long)w->bytes <= s->options.queue) return true;
    atomic_fetch_sub(&s->write_bytes, (long long)w->bytes);
    http_add_header(r, "Retry-After", "1");
    reply_error(r, 503, "the disk cannot follow: %lld bytes wait to be written", before);
    writes_free(w);
    return false;
}

void writes_submit(writes *w)
{
    http_request *r = w->request;
    if (w->failed) {
        reply_failure(r, HABIT_ENOMEM, NULL);
        writes_free(w);
        return;
    }
    if (!make_way(w)) return;
    w->write = (db_write){ .op = w->op, .ops = w->ops, .done = on_written, .ctx = w };
    r->own = w;
    r->after = after_write;
    http_later(r);
    db_submit(w->s->db, &w->write);
}
