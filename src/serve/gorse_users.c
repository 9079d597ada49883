// gorse_users.c - /api/user and /api/users.
#include "serve/gorse_call.h"

static void put_users(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    gorse_body b = { 0 };
    const habit_status st = gorse_body_read(&b, GORSE_USER, r->body.data, r->body.len, 0, &err);
    if (st == HABIT_OK) {
        gorse_submit(c, &b, GORSE_TELL_OPS);
        return;
    }
    reply_failure(r, st, &err);
    gorse_body_free(&b);
}

static bool take_fields(void *ctx, const db_user *u)
{
    if (u->fields.at) *(json_t **)ctx = json_loadb(u->fields.at, u->fields.len, 0, NULL);
    return false;
}

static void patch_user(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    gorse_body b = { 0 };
    json_t *before = NULL;
    db_text id;
    if (!request_id(r, c->piece[0], "user", &id)) return;
    habit_status st = db_user_get(c->w->db, id, take_fields, &before, &err);
    if (st == HABIT_OK || st == HABIT_ENOTFOUND)
        st = gorse_patch_read(&b, GORSE_USER, id, before, r->body.data, r->body.len, &err);
    json_decref(before);
    if (st == HABIT_OK) {
        gorse_submit(c, &b, GORSE_TELL_OPS);
        return;
    }
    reply_failure(r, st, &err);
    gorse_body_free(&b);
}

static bool write_one(void *ctx, const db_user *u)
{
    gorse_write_user(ctx, u);
    return false;
}

static void get_user(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    db_text id;
    if (!request_id(r, c->piece[0], "user", &id)) return;
    const habit_status st = db_user_get(c->w->db, id, write_one, &r->reply, &err);
    if (st == HABIT_OK)
        http_answer(r, 200);
    else if (st == HABIT_ENOTFOUND)
        reply_error(r, 404, "%.*s: user not found", (int)id.len, id.at);
    else
        reply_failure(r, st, &err);
}

static void delete_user(const call *c)
{
    db_op op = { .kind = DB_DELETE_USER };
    if (request_id(c->request, c->piece[0], "user", &op.user.id))
        gorse_submit_op(c, &op, GORSE_TELL_OPS);
}

typedef struct user_page {
    buffer *to, next;
    size_t rows, most;
    bool more;
} user_page;

static bool write_row(void *ctx, const db_user *u)
{
    user_page *p = ctx;
    if (p->rows == p->most) {
        p->more = true;
        return false;
    }
    if (p->rows++) buffer_text(p->to, ",");
    gorse_write_user(p->to, u);
    buffer_clear(&p->next);
    gorse_cursor_write(&p->next, u->id);
    return !p->to->failed;
}

static void get_users(const call *c)
{
    http_request *r = c->request;
    habit_error err = { 0 };
    buffer cursor = { 0 };
    user_page p = { .to = &r->reply };
    db_text after;
    if (!gorse_number(r, "n", GORSE_DEFAULT, GORSE_PAGE, &p.most)) return;
    if (gorse_cursor_read(r, &cursor, &after)) {
        buffer_text(p.to, "{\"Users\":[");
        const habit_status st = db_users(c->w->db, after, p.most + 1, write_row, &p, &err);
        buffer_format(p.to, "],\"Cursor\":\"%s\"}", p.more && p.rows ? p.next.data : "");
        if (st == HABIT_OK)
            http_answer(r, 200);
        else
            reply_failure(r, st, &err);
    }
    buffer_free(&cursor);
    buffer_free(&p.next);
}

#define USER "{\"UserId\":\"u1\",\"Labels\":{\"age\":30},\"Comment\":\"\"}"

// clang-format off
const route routes_gorse_users[] = {
    { "POST", "/api/user", put_users, .summary = "Gorse: puts a user in place of the one that is there.",
      .body = USER, .answer = "{\"RowAffected\":1}" },
    { "POST", "/api/users", put_users, .summary = "Gorse: puts users.", .body = "[" USER "]", .answer = "{\"RowAffected\":1}" },
    { "GET", "/api/users", get_users, .summary = "Gorse: users in the order of ids, page by page.",
      .answer = "{\"Users\":[" USER "],\"Cursor\":\"\"}",
      .param = { { "n", "integer", "of a page; 10" }, { "cursor", "string", "of the page before" } } },
    { "GET", "/api/user/{user}", get_user, .summary = "Gorse: a user.", .answer = USER },
    { "PATCH", "/api/user/{user}", patch_user, .summary = "Gorse: changes what is given of a user.",
      .body = "{\"Comment\":\"away\"}", .answer = "{\"RowAffected\":1}" },
    { "DELETE", "/api/user/{user}", delete_user, .summary = "Gorse: deletes a user and all feedback of them.",
      .answer = "{\"RowAffected\":1}" },
    ROUTE_END,
};
// clang-format on
