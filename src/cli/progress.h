// progress.h - what a person at a terminal sees while a verb runs, and how it is stopped.
//
// A bar with rate and time left on stderr, only where stderr is a terminal and --quiet was not
// given; log lines in every other case but --quiet.  SIGINT and SIGTERM ask the library to stop at
// the next progress call; a second one ends the process at once.
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H
#include "habit.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    const char *verb;
    bool bar, quiet, verbose;
    bool drawn;       // a bar stands on the present line
    char what[64];    // the present step, and what it says of itself
    double began;     // of the step, clock_wall()
    uint64_t first;   // what was done then: a training that goes on has not begun at 0
    double last_draw; // so that drawing costs nothing
    double wall;      // when the command began
} progress;

void progress_init(progress *p, const char *verb);
habit_hooks progress_hooks(progress *p);
void progress_clear(progress *p); // wipes the bar before other output
bool progress_stopped(void);      // a signal asked for it

// "habit 0.1.0 train: seed 1, kernels avx2, 3.1 s wall, 6.0 s cpu, peak 212 MB"
void progress_footer(progress *p, const char *seed);

#endif
