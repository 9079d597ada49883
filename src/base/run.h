// run.h - what every long call carries with it: where its words go, how it shows progress, its
// worker threads, its seed, and whether somebody asked it to stop.
//
// A NULL run is fine everywhere: silent, one thread.
#ifndef BASE_RUN_H
#define BASE_RUN_H
#include "base/pool.h"

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTE, LOG_DETAIL };

// One pass over the log, as told by a model that learns in passes.
typedef struct epoch_note {
    int epoch, epochs;  // this one, from 1; of so many
    double loss;        // mean per target, without penalties; NAN if the model does not compute it
    uint64_t targets;   // learned from in this pass
    double seconds;     // wall time, without validation
    const char *metric; // measured on validation events after it; NULL: nothing was
    double valid;
    bool best;  // the best so far
    bool again; // was run before a stop, and is told again to a training that goes on
} epoch_note;

typedef struct run {
    habit_hooks hooks;
    pool *pool; // NULL: one thread
    uint64_t seed;
    size_t memory;       // bytes a bounded-memory step may use; 0: its own default
    const char *scratch; // folder for temporary files; NULL: beside the output
    void (*epoch)(void *ctx, const epoch_note *note); // NULL: nobody listens
    void *epoch_ctx;
} run;

void run_log(const run *r, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);

// Shows progress and passes on a wish to stop, as HABIT_ESTOPPED.  Call from the thread that
// called the library, a few times a second or per batch; cheap.
habit_status run_progress(const run *r, const char *what, uint64_t done, uint64_t total,
                          habit_error *err);

// Tells whoever listens that a pass is over, and says so in detail: "<what>: epoch 3 of 16: loss
// 0.1234, 0.0500 s".
void run_epoch(const run *r, const char *what, const epoch_note *note);

static inline pool *run_pool(const run *r)
{
    return r ? r->pool : NULL;
}
static inline int run_threads(const run *r)
{
    return pool_threads(run_pool(r));
}

#endif
