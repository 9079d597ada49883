// route_titles.c - POST /v1/titles: what people call items.
#include "serve/routes.h"

#include <string.h>

enum { TITLES_MOST = 1000 };

// A member of an item's fields that names it.
static bool write_field(buffer *to, const char *fields)
{
    static const char *const members[] = { "title", "name" };
    json_t *all = fields ? json_loads(fields, 0, NULL) : NULL;
    bool found = false;
    for (size_t i = 0; i < sizeof members / sizeof *members && !found; i++) {
        const json_t *v = json_object_get(all, members[i]);
        found = json_is_string(v);
        if (found) reply_text(to, (db_text){ json_string_value(v), json_string_length(v) });
    }
    json_decref(all);
    return found;
}

// The title that the folder of a model has.
static bool write_from_model(buffer *to, const habit_model *m, db_text id)
{
    const uint32_t k = m->titles.count ? id_list_find(&m->items, id.at, id.len) : UINT32_MAX;
    if (k == UINT32_MAX || id_list_len(&m->titles, k) == 0) return false;
    reply_text(to, (db_text){ id_list_at(&m->titles, k), id_list_len(&m->titles, k) });
    return true;
}

static void write_title(const call *c, db_text id)
{
    buffer *to = &c->request->reply;
    items *t = &c->s->items;
    items_read(t);
    const uint32_t number = items_find(t, id);
    bool found = number != IDS_NONE && write_field(to, t->at[number].fields);
    items_done(t);
    for (size_t k = 0; k < c->models->count && !found; k++)
        found = write_from_model(to, c->models->model[k]->folder, id);
    if (!found) buffer_text(to, "null");
}

static void post_titles(const call *c)
{
    http_request *r = c->request;
    json_t *body = request_object(r);
    if (!body) return;
    const json_t *list = json_object_get(body, "items");
    const size_t n = json_array_size(list);
    size_t texts = 0;
    for (size_t i = 0; i < n; i++) texts += json_is_string(json_array_get(list, i));
    if (!json_is_array(list) || n > TITLES_MOST || texts < n) {
        reply_error(r, 400, "\"items\" must be a list of at most %d ids, as strings", TITLES_MOST);
    } else {
        buffer_text(&r->reply, "{\"titles\":[");
        for (size_t i = 0; i < n; i++) {
            const json_t *id = json_array_get(list, i);
            if (i) buffer_text(&r->reply, ",");
            write_title(c, (db_text){ json_string_value(id), json_string_length(id) });
        }
        buffer_text(&r->reply, "]}\n");
        http_answer(r, 200);
    }
    json_decref(body);
}

// clang-format off
const route routes_titles[] = {
    { "POST", "/v1/titles", post_titles,
      .summary = "What people call items: the title or name among their fields, else as the model has it; or null.",
      .body = "{\"items\":[\"i1\",\"i2\"]}", .answer = "{\"titles\":[\"marble little yarn\",null]}" },
    ROUTE_END,
};
// clang-format on
