// simulate.h - a behaviour log whose truth is known (docs/simulator.md).
//
//     dir/events.csv   the log, in time order, with robots and dirt to clean
//     dir/items.csv    titles, categories, places, prices
//     dir/users.csv    homes, countries, ages
//     dir/truth/       a model folder of class "truth": the best possible ranking
//
// The truth is a model, and models live above data: the caller brings the function that writes
// it (models/truth.h has one).
#ifndef DATA_SIMULATE_H
#define DATA_SIMULATE_H
#include "base/opt.h"
#include "base/run.h"
#include "data/simulate_world.h"

#include <jansson.h>

typedef struct simulate_options {
    int64_t users, items, events;
    int days;          // span of the log
    const char *start; // date of its first day
    int states, categories;
    double follow, drift; // see struct world
    double robots;        // rows of robots, as a share of `events`
    double dirt;          // duplicates, impossible times and ratings, as a share of `events`
    double malformed;     // rows that do not parse, as a share of `events`
    const char *columns;  // full | lean
} simulate_options;

extern const opt simulate_table[];
size_t simulate_options_size(void);

// Writes what is true about `w` into the new folder `dir`.
typedef struct truth_writer {
    habit_status (*write)(void *ctx, const world *w, const char *dir, habit_error *err);
    void *ctx;
} truth_writer;

// Builds the folder `dir`, which appears whole or not at all; a folder of an earlier simulation
// is replaced.  A NULL truth is not written.  *report (may be NULL) counts what was written.
// Same options and seed: same bytes, at any number of threads.
habit_status simulate(const char *dir, const simulate_options *opt, const truth_writer *truth,
                      const run *run, json_t **report, habit_error *err);

#endif
