// route_events.c - POST /v1/events: acknowledged when they are as durable as was asked for.
#include "serve/posted.h"

static void post_events(const call *c)
{
    posted_take(c, body_event, "habit_events_total", "Events that were posted.");
}

// clang-format off
const route routes_events[] = {
    { "POST", "/v1/events", post_events,
      .summary = "Takes one event, an array of them, or JSON lines; answers when they are durable.",
      .body = "[{\"user\":\"u1\",\"item\":\"i1\",\"behaviour\":\"view\",\"time\":\"2024-05-01T12:00:00Z\","
              "\"event_id\":\"e1\"}]",
      .answer = "{\"accepted\":1,\"repeated\":0,\"rejected\":0,\"errors\":[]}",
      .param = { { "strict", "boolean", "take all or none; else the good ones are taken" } } },
    ROUTE_END,
};
// clang-format on
