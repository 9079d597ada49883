// gorse_items.c - /api/item and /api/items, and the categories of an item.
#include "base/memory.h"
#include "serve/gorse_call.h"

#include <string.h>

static void put_items(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    gorse_body b = { 0 };
    const habit_status st = gorse_body_read(&b, GORSE_ITEM, r->body.data, r->body.len, 0, &err);
    if (st == HABIT_OK) {
        gorse_submit(c, &b, GORSE_TELL_OPS);
        return;
    }
    reply_failure(r, st, &err);
    gorse_body_free(&b);
}

static void patch_item(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    gorse_body b = { 0 };
    db_text id;
    if (!request_id(r, c->piece[0], "item", &id)) return;
    const habit_status st =
        gorse_patch_read(&b, GORSE_ITEM, id, NULL, r->body.data, r->body.len, &err);
    if (st == HABIT_OK) {
        gorse_submit(c, &b, GORSE_TELL_OPS);
        return;
    }
    reply_failure(r, st, &err);
    gorse_body_free(&b);
}

static bool write_one(void *ctx, const db_item *i)
{
    gorse_write_item(ctx, i);
    return false;
}

static void get_item(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    db_text id;
    if (!request_id(r, c->piece[0], "item", &id)) return;
    const habit_status st = db_item_get(c->w->db, id, write_one, &r->reply, &err);
    if (st == HABIT_OK)
        http_answer(r, 200);
    else if (st == HABIT_ENOTFOUND)
        reply_error(r, 404, "%.*s: item not found", (int)id.len, id.at);
    else
        reply_failure(r, st, &err);
}

static void delete_item(const call *c)
{
    db_op op = { .kind = DB_DELETE_ITEM };
    if (request_id(c->request, c->piece[0], "item", &op.item.id))
        gorse_submit_op(c, &op, GORSE_TELL_OPS);
}

static void change_category(const call *c, db_kind kind)
{
    db_op op = { .kind = kind };
    if (!request_id(c->request, c->piece[0], "item", &op.item.id)) return;
    if (!request_id(c->request, c->piece[1], "category", &op.item.categories)) return;
    json_t *text = json_stringn(op.item.categories.at, op.item.categories.len);
    const bool utf8 = text != NULL;
    json_decref(text);
    if (utf8)
        gorse_submit_op(c, &op, GORSE_TELL_ITEM);
    else
        reply_error(c->request, 400, "the category is not UTF-8");
}

static void put_category(const call *c)
{
    change_category(c, DB_ADD_CATEGORY);
}

static void delete_category(const call *c)
{
    change_category(c, DB_DROP_CATEGORY);
}

// --- GET /api/items ---------------------------------------------------------------------------------

typedef struct item_page {
    buffer *to, next;
    http_text query; // those that have it in their id, comment, categories or fields
    size_t rows, most;
    bool more;
} item_page;

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static bool has(db_text t, http_text part)
{
    for (size_t i = 0; t.at && i + part.len <= t.len; i++) {
        size_t k = 0;
        while (k < part.len && small(t.at[i + k]) == small(part.at[k])) k++;
        if (k == part.len) return true;
    }
    return false;
}

static bool write_row(void *ctx, const db_item *i)
{
    item_page *p = ctx;
    const http_text q = p->query;
    if (q.len && !has(i->id, q) && !has(i->comment, q) && !has(i->categories, q) &&
        !has(i->fields, q))
        return true;
    if (p->rows == p->most) {
        p->more = true;
        return false;
    }
    if (p->rows++) buffer_text(p->to, ",");
    gorse_write_item(p->to, i);
    buffer_clear(&p->next);
    gorse_cursor_write(&p->next, i->id);
    return !p->to->failed;
}

static void get_items(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    buffer cursor = { 0 };
    item_page p = { .to = &r->reply, .query = gorse_param(r, "q") };
    db_text after;
    if (!gorse_number(r, "n", GORSE_DEFAULT, GORSE_PAGE, &p.most)) return;
    if (gorse_cursor_read(r, &cursor, &after)) {
        const size_t rows = p.query.len ? 0 : p.most + 1;
        buffer_text(p.to, "{\"Items\":[");
        const habit_status st = db_items(c->w->db, after, rows, write_row, &p, &err);
        buffer_format(p.to, "],\"Cursor\":\"%s\"}", p.more && p.rows ? p.next.data : "");
        if (st == HABIT_OK)
            http_answer(r, 200);
        else
            reply_failure(r, st, &err);
    }
    buffer_free(&cursor);
    buffer_free(&p.next);
}

#define ITEM                                                                                       \
    "{\"ItemId\":\"i1\",\"IsHidden\":false,\"Categories\":[\"book\"],\"Timestamp\":"               \
    "\"2022-10-23T03:50:24Z\",\"Labels\":{\"tags\":[\"new\"]},\"Comment\":\"\"}"

// clang-format off
const route routes_gorse_items[] = {
    { "POST", "/api/item", put_items, .summary = "Gorse: puts an item in place of the one that is there.",
      .body = ITEM, .answer = "{\"RowAffected\":1}" },
    { "POST", "/api/items", put_items, .summary = "Gorse: puts items.", .body = "[" ITEM "]", .answer = "{\"RowAffected\":1}" },
    { "GET", "/api/items", get_items, .summary = "Gorse: items in the order of ids, page by page.",
      .answer = "{\"Items\":[" ITEM "],\"Cursor\":\"\"}",
      .param = { { "n", "integer", "of a page; 10" }, { "cursor", "string", "of the page before" },
                 { "q", "string", "only items with this text in id, comment, categories or labels" } } },
    { "GET", "/api/item/{item}", get_item, .summary = "Gorse: an item.", .answer = ITEM },
    { "PATCH", "/api/item/{item}", patch_item, .summary = "Gorse: changes what is given of an item.",
      .body = "{\"IsHidden\":true}", .answer = "{\"RowAffected\":1}" },
    { "DELETE", "/api/item/{item}", delete_item, .summary = "Gorse: deletes an item and all feedback on it.",
      .answer = "{\"RowAffected\":1}" },
    { "PUT", "/api/item/{item}/category/{category}", put_category, .summary = "Gorse: adds a category to an item.",
      .answer = "{\"RowAffected\":1}" },
    { "DELETE", "/api/item/{item}/category/{category}", delete_category,
      .summary = "Gorse: takes a category away from an item.", .answer = "{\"RowAffected\":1}" },
    ROUTE_END,
};
// clang-format on
