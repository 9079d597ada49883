// registry.c - the list of models, from plain to elaborate: the order in which they are shown.
#include "models/registry.h"

#include <string.h>

// clang-format off
static const model_class *const classes[] = {
    &model_class_pop,
    &model_class_itemknn,
    &model_class_bpr,
    &model_class_ials,
    &model_class_ease,
    &model_class_svdpp,
    &model_class_truth,
    NULL, // past the end
};
// clang-format on

const model_class *model_at(size_t i)
{
    return i < COUNT_OF(classes) ? classes[i] : NULL;
}

const model_class *model_find(const char *name)
{
    for (const model_class *const *c = classes; *c; c++)
        if (strcmp((*c)->name, name) == 0) return *c;
    return NULL;
}

// Near means: the one contains the other ("als" is near "ials"), or at most three edits apart.
const char *model_nearest(const char *name)
{
    const char *best = NULL;
    int best_distance = 4;
    if (strlen(name) < 2) return NULL;
    for (const model_class *const *c = classes; *c; c++) {
        const char *known = (*c)->name;
        const bool within = strstr(known, name) || strstr(name, known);
        const int distance = within ? 1 : edit_distance(known, name);
        if (distance >= best_distance) continue;
        best = known;
        best_distance = distance;
    }
    return best;
}
