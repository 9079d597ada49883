// body_item.c - an object as an item, or as a person.
#include "base/clock.h"
#include "serve/body.h"

#include <stdlib.h>
#include <string.h>

static const char *const item_names[] = { "item",   "item_id",    "itemId",    "ItemId", "iid",
                                          "itemid", "product_id", "productId", "id",     NULL };
static const char *const user_names[] = { "user", "user_id", "userId", "UserId",
                                          "uid",  "userid",  "id",     NULL };
static const char *const time_names[] = { "time", "timestamp", "Timestamp", "published", NULL };
static const char *const hidden_names[] = { "hidden", "is_hidden", "isHidden", "IsHidden", NULL };
static const char *const category_names[] = { "categories", "Categories", "category", NULL };
static const char *const comment_names[] = { "comment", "Comment", NULL };

static bool comment_of(body *b, size_t index, const json_t *v, db_text *out)
{
    if (!json_is_string(v)) {
        body_refuse(b, index, "comment is not a string");
        return false;
    }
    *out = (db_text){ json_string_value(v), json_string_length(v) };
    return true;
}

// A string or a list of strings, as the text of a JSON array.
static bool categories_of(body *b, size_t index, json_t *v, db_text *out)
{
    json_t *list = json_is_array(v) ? json_incref(v) : json_array(), *one;
    bool good = list != NULL;
    size_t i;
    if (!json_is_array(v)) good = good && json_array_append(list, v) == 0;
    json_array_foreach(list, i, one) good = good && json_is_string(one);
    char *text = good ? json_dumps(list, JSON_COMPACT) : NULL;
    if (text) *out = body_keep(b, text, strlen(text));
    if (!out->at) body_refuse(b, index, "categories are not a list of strings");
    free(text);
    json_decref(list);
    return out->at != NULL;
}

bool body_item(body *b, size_t index, json_t *o, db_op *op)
{
    db_item *i = &op->item;
    op->kind = DB_PUT_ITEM;
    i->time = TIME_NONE;
    const json_t *id = body_take(b, o, item_names), *time = body_take(b, o, time_names);
    const json_t *hidden = body_take(b, o, hidden_names), *comment = body_take(b, o, comment_names);
    json_t *categories = body_take(b, o, category_names);
    if (!id || (hidden && !json_is_boolean(hidden))) {
        body_refuse(b, index, id ? "hidden is neither true nor false" : "no item");
        return false;
    }
    i->hidden = json_is_true(hidden);
    return body_id(b, index, id, "item", &i->id) &&
           (!time || body_time(b, index, time, &i->time)) &&
           (!comment || comment_of(b, index, comment, &i->comment)) &&
           (!categories || categories_of(b, index, categories, &i->categories)) &&
           body_fields(b, index, o, &i->fields);
}

bool body_user(body *b, size_t index, json_t *o, db_op *op)
{
    op->kind = DB_PUT_USER;
    const json_t *id = body_take(b, o, user_names), *comment = body_take(b, o, comment_names);
    if (!id) {
        body_refuse(b, index, "no user");
        return false;
    }
    return body_id(b, index, id, "user", &op->user.id) &&
           (!comment || comment_of(b, index, comment, &op->user.comment)) &&
           body_fields(b, index, o, &op->user.fields);
}
