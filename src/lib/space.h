// space.h - what a search tries: lists of values per option, and the points they span.
//
//     dim: [32, 64, 128]          # space.yaml
//     reg: [0.01, 0.1]            # 6 points
#ifndef LIB_SPACE_H
#define LIB_SPACE_H
#include "base/opt.h"
#include "base/rng.h"

#include <stdint.h>

enum { SPACE_AXES = 32 };

typedef struct space_axis {
    char *name;
    char **value;
    size_t count;
    int row; // of the table
} space_axis;

typedef struct space {
    space_axis axis[SPACE_AXES];
    size_t axes;
    uint64_t points; // product of the counts
} space;

// Reads the file and checks every value against `values`, the model's options, which stay as they
// are.  space_free() it, also after a failure.
habit_status space_read(space *out, const char *path, const opt_values *values, size_t options_size,
                        habit_error *err);
void space_free(space *s);

// Sets the values of point k < points.
habit_status space_apply(const space *s, uint64_t k, opt_values *values, habit_error *err);

// The k-th point of a walk through the space that visits each at most once: in order, or shuffled.
uint64_t space_visit(const space *s, uint64_t k, bool shuffled, uint64_t seed);

#endif
