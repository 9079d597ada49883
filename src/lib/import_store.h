// import_store.h - a dataset's events, items and users into the store of a service.
#ifndef LIB_IMPORT_STORE_H
#define LIB_IMPORT_STORE_H
#include "base/run.h"
#include "data/dataset.h"

#include <stdbool.h>

// "shop.db", or a file that is an SQLite database already.
bool import_is_store(const char *path);
// Adds all of it to the store, which is made if there is none and must not be in use: all or nothing.
habit_status import_to_store(const dataset *d, const char *store, const run *r, habit_error *err);

#endif
