// views.h - other views of a batch: the same people, their events changed, to be learned from.
//
// A view is a batch whose arrays are in the memory of a tape's pass.  What is drawn depends on the
// key of the step and on the number of a sequence in it, so that the cuts of a step do not matter.
#ifndef MODELS_VIEWS_H
#define MODELS_VIEWS_H
#include "data/batch.h"
#include "nn/tape.h"

// The whole histories, the last target being an event like others, but no more than the latest
// `most` events of each.  Every event is hidden with chance `share`: its item is -1, and its target
// the item; all others have no target.  With chance `only_last` it is the last event that is hidden,
// and no other.  At least one event of a history is hidden, and at least one is not.
//
// False when out of memory, as in a measuring pass.
typedef struct masking {
    double share, only_last;
    size_t most;
} masking;

bool view_masked(batch *out, tape *t, const batch *b, const masking *m);

#endif
