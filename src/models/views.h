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

// --- changes ----------------------------------------------------------------------------------------
//
// X. Xie et al., "Contrastive Learning for Sequential Recommendation" (CL4SRec), arXiv:2010.14395,
// section 3.3: of a history of n events
//
//     crop:S      floor(S n) in a row are left
//     mask:S      floor(S n) are hidden
//     reorder:S   floor(S n) in a row are shuffled; their times stay where they were
//
// at least one event is left, and one not hidden.

typedef enum change_kind { CHANGE_CROP, CHANGE_MASK, CHANGE_REORDER } change_kind;

enum { CHANGES_MOST = 8 };

typedef struct changes {
    change_kind kind[CHANGES_MOST];
    double share[CHANGES_MOST];
    size_t count; // 0: none
} changes;

// "crop:0.6,mask:0.3,reorder"; a share that is not given is the paper's choice for most logs.
habit_status changes_parse(changes *c, const char *list, habit_error *err);

// Every history changed in one of the ways, drawn for each; view number `which` of several.  Nothing
// is a target, and only the last rows are asked for.
bool view_changed(batch *out, tape *t, const batch *b, const changes *c, uint64_t which);

#endif
