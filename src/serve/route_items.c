// route_items.c - what is known of items.
#include "serve/posted.h"

static bool give_item(void *ctx, const db_item *i)
{
    buffer_text(ctx, "{");
    lines_item(ctx, i);
    return true;
}

static void get_item(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    db_text id;
    if (!request_id(r, c->piece[0], "item", &id)) return;
    const habit_status st = db_item_get(c->w->db, id, give_item, &r->reply, &err);
    items *t = &c->s->items;
    items_read(t);
    const uint32_t number = items_find(t, id);
    const uint64_t events = number == IDS_NONE ? 0 : t->at[number].events;
    items_done(t);
    buffer_format(&r->reply, ",\"events\":%llu}\n", (unsigned long long)events);
    if (st == HABIT_OK)
        http_answer(r, 200);
    else
        reply_failure(r, st, &err);
}

static bool list_item(void *ctx, const db_item *i)
{
    page *p = ctx;
    if (!page_next(p, i->id)) return false;
    give_item(p->to, i);
    buffer_text(p->to, "}");
    return true;
}

static void get_items(const call *c)
{
    habit_error err = { 0 };
    page p;
    if (!page_begin(&p, c->request, "items")) return;
    page_end(&p, db_items(c->w->db, p.after, p.most + 1, list_item, &p, &err), &err);
}

static void put_item(const call *c)
{
    posted_put(c, body_item, "item");
}

static void post_items(const call *c)
{
    posted_take(c, body_item, "habit_items_put_total", "Items that were posted.");
}

static void delete_item(const call *c)
{
    posted_delete(c, DB_DELETE_ITEM, "item");
}

// clang-format off
#define ITEM "{\"item\":\"i1\",\"categories\":[\"book\"],\"fields\":{\"price\":12.5},\"hidden\":false,\"time\":null"
const route routes_items[] = {
    { "GET", "/v1/items/{id}", get_item, .summary = "What is known of an item; `events` since about the start of the service.",
      .answer = ITEM ",\"events\":17}" },
    { "PUT", "/v1/items/{id}", put_item, .summary = "What is known of an item, in place of what was.",
      .body = "{\"categories\":[\"book\"],\"hidden\":false,\"fields\":{\"price\":12.5}}", .answer = "{\"item\":\"i1\"}" },
    { "DELETE", "/v1/items/{id}", delete_item, .summary = "Forgets an item and its events.",
      .answer = "{\"item\":\"i1\",\"deleted\":12}" },
    { "GET", "/v1/items", get_items, .summary = "Items by id.", .answer = "{\"items\":[" ITEM "}],\"next\":null}",
      .param = { { "n", "integer", "at most so many; 100" }, { "after", "string", "those after this id: `next` of the page before" } } },
    { "POST", "/v1/items", post_items, .summary = "Puts many: an array or JSON lines.", .body = "[" ITEM "}]",
      .answer = "{\"accepted\":1,\"repeated\":0,\"rejected\":0,\"errors\":[]}",
      .param = { { "strict", "boolean", "take all or none" } } },
    ROUTE_END,
};
// clang-format on
