// registry.c - the list of models, from plain to elaborate: the order in which they are shown.
#include "models/registry.h"

#include <ctype.h>
#include <string.h>

// clang-format off
static const model_class *const classes[] = {
    &model_class_pop,
    &model_class_markov,
    &model_class_itemknn,
    &model_class_userknn,
    &model_class_ease,
    &model_class_bpr,
    &model_class_ials,
    &model_class_svdpp,
    &model_class_rnn,
    &model_class_lstm,
    &model_class_gru4rec,
    &model_class_sasrec,
    &model_class_bert4rec,
    &model_class_esasrec,
    &model_class_lru,
    &model_class_hstu,
    &model_class_seq2seq,
    &model_class_twotower,
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

// Near means: the one contains the other ("als" is near "ials"), or at most three edits apart;
// capitals do not count.
const char *model_nearest(const char *name)
{
    char asked[64];
    size_t len = 0;
    for (; name[len] && len + 1 < sizeof asked; len++)
        asked[len] = (char)tolower((unsigned char)name[len]);
    asked[len] = '\0';
    if (len < 2) return NULL;

    const char *best = NULL;
    int best_distance = 4;
    for (const model_class *const *c = classes; *c; c++) {
        const char *known = (*c)->name;
        const bool within = strstr(known, asked) || strstr(asked, known);
        const int distance = strcmp(known, asked) == 0 ? 0
                             : within                  ? 1
                                                       : edit_distance(known, asked);
        if (distance >= best_distance) continue;
        best = known;
        best_distance = distance;
    }
    return best;
}
