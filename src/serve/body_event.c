// body_event.c - an object as an event.
#include "data/numbers.h"
#include "data/objects.h"
#include "serve/body.h"

#include <math.h>

#define DAY INT64_C(86400000000)
#define DEFAULT_BEHAVIOUR "view"

// The names that people use, most telling first.
static const char *const user_names[] = { "user", "user_id", "userId",    "UserId",
                                          "uid",  "userid",  "visitorid", NULL };
static const char *const item_names[] = { "item",   "item_id",    "itemId",    "ItemId", "iid",
                                          "itemid", "product_id", "productId", NULL };
static const char *const behaviour_names[] = { "behaviour", "behavior",     "event_type",
                                               "eventType", "FeedbackType", "event",
                                               "type",      "action",       NULL };
static const char *const time_names[] = { "time",     "timestamp", "Timestamp", "ts",
                                          "datetime", "sentAt",    "date",      NULL };
static const char *const value_names[] = { "value",      "Value",       "rating", "weight",
                                           "eventValue", "event_value", "score",  NULL };
static const char *const id_names[] = { "event_id", "eventId", "id", "uuid", NULL };
static const char *const answer_names[] = { "recommendation_id", "recommendationId",
                                            "RecommendationId", NULL };

static bool value_of(body *b, size_t index, const json_t *v, double *out)
{
    char number[OBJECT_NUMBER];
    size_t len = 0;
    const char *s = object_text(v, number, &len);
    if (s && parse_number(s, len, out)) return true;
    body_refuse(b, index, "value is not a number");
    return false;
}

static bool time_of(body *b, size_t index, const json_t *v, int64_t *out)
{
    if (!body_time(b, index, v, out)) return false;
    if (*out <= b->now + DAY) return true;
    body_refuse(b, index, "time is more than a day from now");
    return false;
}

bool body_event(body *b, size_t index, json_t *o, db_op *op)
{
    db_event *e = &op->event;
    op->kind = DB_PUT_EVENT;
    e->time = b->now;
    e->value = NAN;
    e->behaviour = (db_text){ DEFAULT_BEHAVIOUR, sizeof DEFAULT_BEHAVIOUR - 1 };
    const json_t *user = body_take(b, o, user_names), *item = body_take(b, o, item_names);
    const json_t *behaviour = body_take(b, o, behaviour_names);
    const json_t *time = body_take(b, o, time_names), *value = body_take(b, o, value_names);
    const json_t *id = body_take(b, o, id_names), *answer = body_take(b, o, answer_names);
    if (!user || !item) {
        body_refuse(b, index, user ? "no item" : "no user");
        return false;
    }
    return body_id(b, index, user, "user", &e->user) && body_id(b, index, item, "item", &e->item) &&
           (!behaviour || body_id(b, index, behaviour, "behaviour", &e->behaviour)) &&
           (!time || time_of(b, index, time, &e->time)) &&
           (!value || value_of(b, index, value, &e->value)) &&
           (!id || body_id(b, index, id, "event_id", &e->id)) &&
           (!answer || body_id(b, index, answer, "recommendation_id", &e->recommendation)) &&
           body_fields(b, index, o, &e->fields);
}
