// parzen.h - which point of a space to try next, from how the tried ones did.
//
// Tree-structured Parzen estimator: Bergstra, Bardenet, Bengio & Kegl, "Algorithms for
// hyper-parameter optimization", NeurIPS 2011.  The tried points are parted into the best quarter
// and the rest; each axis gets two distributions over its values, one from each part, axes being
// taken one by one.  Of some points drawn from the first, that is next which the first makes most
// likely against the second.  In a list of numbers a value lends weight to its neighbours.
#ifndef LIB_PARZEN_H
#define LIB_PARZEN_H
#include "lib/space.h"

typedef struct parzen_trial {
    uint64_t point;
    double value; // larger is better; NAN: diverged
} parzen_trial;

// A point that is not among the `n` tried ones; n < s->points.  The same for the same trials and
// seed.  HABIT_ENOMEM is all that can go wrong.
habit_status parzen_next(uint64_t *out, const space *s, const parzen_trial *trial, size_t n,
                         uint64_t seed, habit_error *err);

#endif
