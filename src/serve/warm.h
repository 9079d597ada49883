// warm.h - what the service knows of items before the first request.
#ifndef SERVE_WARM_H
#define SERVE_WARM_H
#include "serve/service.h"

// Which items are deleted: before models are loaded, which may know them.
habit_status service_warm_gone(service *s, habit_error *err);
// Reads all items, and of the events the latest: what is popular, and what follows what.  Before those
// come the events that the default model learned from, out of its folder.
habit_status service_warm(service *s, habit_error *err);

#endif
