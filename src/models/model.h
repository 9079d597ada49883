// model.h - what every model is to the rest of habit.
//
// A model learns from a log_view and then answers queries.  There are two kinds of answer:
//
//   dot product   score(q, i) = <vector(q), item_vector[i]> + item_bias[i]; the model only
//                 encodes the query, and ranking is one matrix product over the catalogue
//   direct        the model writes the scores of all items itself (neighbours, counts, EASE)
//
// A model is constant after fit or load and shared by threads; working memory is passed in.
// It knows nothing of files: its arrays are listed by `fields`, and models/model_file.c writes and
// maps them.  One file per paper; models/registry.c lists the classes.
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H
#include "base/arena.h"
#include "base/opt.h"
#include "base/run.h"
#include "data/split.h"
#include "nn/safetensors.h"

typedef struct model model;

// What is known about the person who asks, in the model's own numbering.
typedef struct query {
    uint32_t user;            // USER_NONE for a stranger
    const uint32_t *item;     // [n] history, oldest first; every entry < model->items
    const int64_t *time;      // [n] or NULL
    const uint8_t *behaviour; // [n] or NULL
    const float *value;       // [n] or NULL
    size_t n;
    int64_t now; // moment of the question, or TIME_NONE
} query;

// What a person does next, step after step.
typedef struct told_step {
    uint32_t item;
    uint8_t behaviour; // number of the type; 0 where the log had none
    // Of the item among all items and of the type given the item, after the steps before; and of all
    // steps up to this one.
    double item_chance, behaviour_chance, joint;
} told_step;

typedef struct steps_plan {
    size_t steps;             // at most most_steps()
    size_t beam;              // of so many ways the likeliest; 1: the likeliest step after each
    const uint32_t *excluded; // items that are not told, ascending
    size_t excluded_count;
    bool once; // nor one that has been told
} steps_plan;

enum model_needs {
    NEEDS_TIME = 1,     // refuses a log without timestamps
    NEEDS_VALUE = 2,    // refuses a log without a value column
    NEEDS_ORDER = 4,    // warns if the log has no known order
    USES_TIME = 16,     // warns if the log has no timestamps
    PREDICTS_VALUE = 8, // always answers with values: see ANSWERS_VALUE
};

// What a model can say of a pair of a person and an item, beside the score that ranks.
typedef enum model_answers {
    ANSWERS_SCORE,       // nothing
    ANSWERS_PROBABILITY, // how likely it is taken, or liked: model.liked
    ANSWERS_VALUE,       // a rating or the like, on the scale of the log
} model_answers;

// One array of a model, for writing and reading.  `shape` is set by the class when listing a
// fitted model; when listing an empty model for loading, the loader fills in *data and shape.
typedef struct model_field {
    const char *name;
    tensor_type type;
    int dims;
    uint64_t shape[TENSOR_DIMS];
    const void **data;                // where the model keeps the pointer
    uint64_t *shape_out[TENSOR_DIMS]; // where the model keeps each size when loading, or NULL
    bool optional;
} model_field;

enum { MODEL_FIELDS = 1024 };

struct network_class; // models/network.h

typedef struct model_class {
    const char *name;  // "ease"
    int version;       // 1 and up: raised when arrays of the same names and shapes answer otherwise
    const char *title; // "EASE^R"
    const char *paper; // citation with year and venue or arXiv number
    unsigned needs;    // enum model_needs
    const opt *table;  // its options
    size_t options_size;

    // Of a model that is learned by gradients: src/train fits it, and fit and empty are NULL.
    const struct network_class *network;

    // Learns.  `options` is the struct of `table`.  *out is set only on success.
    habit_status (*fit)(model **out, const log_view *log, const void *options, const run *run,
                        habit_error *err);
    // Fills at most MODEL_FIELDS rows, returns how many.
    size_t (*fields)(model *m, model_field *out);
    // An empty model to load into; the loader sets users, items, dim and the arrays; then `ready`
    // checks shapes and derives what is not stored.
    habit_status (*empty)(model **out, habit_error *err);
    habit_status (*ready)(model *m, const void *options, habit_error *err);
    // Frees the model and, unless `loaded`, its arrays.  Called by model_free() alone, which then
    // closes the file; also for a model that was only half loaded.
    void (*free)(model *m);

    // Direct: scores[n][items] for n queries.  Dot product: vectors[n][dim].  Exactly one of the
    // two is set.  Thread-safe; `scratch` belongs to the calling thread and holds scratch(m, n)
    // bytes.
    void (*score)(const model *m, const query *q, size_t n, float *scores, arena *scratch);
    void (*encode)(const model *m, const query *q, size_t n, float *vectors, arena *scratch);
    size_t (*scratch)(const model *m, size_t n); // NULL: none needed

    // values[n]: what the model answers of n items to one person; only if it answers with more than
    // scores (model_says).  Thread-safe; `scratch` as for one query.
    void (*predict)(const model *m, const query *q, const uint32_t *item, size_t n, float *values,
                    arena *scratch);
    // The next several behaviours, told[plan->steps]; *count is less where items run out.  NULL: the
    // model tells the next item alone; so it does where most_steps() is 0.
    size_t (*most_steps)(const model *m);
    habit_status (*tell)(const model *m, const query *q, const steps_plan *plan, told_step *told,
                         size_t *count, habit_error *err);
    // Writes the vectors of users for export: vectors[users][dim]; NULL if there are none.
    const float *(*user_vectors)(const model *m);
} model_class;

// Every model begins with this.
struct model {
    const model_class *class;
    uint32_t users, items;
    int dim;                  // > 0 for dot-product models
    const float *item_vector; // [items][dim]
    const float *item_bias;   // [items] or NULL
    model_answers answers;    // of this model; those of classes with PREDICTS_VALUE need not say so
    // Of ANSWERS_PROBABILITY: that a value is at least this; NAN: that an item is taken, and not
    // another one drawn at random, which is then sigmoid(slope * score + offset).
    double liked, slope, offset;
    safetensors file; // the mapping of a loaded model; empty for a fitted one
    bool loaded;      // arrays belong to `file`, not to the heap
};

static inline model_answers model_says(const model *m)
{
    return m->class->needs & PREDICTS_VALUE ? ANSWERS_VALUE : m->answers;
}

// --- registry ------------------------------------------------------------------------------------

const model_class *model_find(const char *name); // NULL if unknown
const model_class *model_at(size_t i);           // NULL past the end
const char *model_nearest(const char *name);     // for suggestions, or NULL

// --- files (models/model_file.c) -------------------------------------------------------------------

// The arrays that `fields` lists, and users, items and dim.  Loading maps the file and points the
// model's arrays into it; missing, unexpected and wrongly shaped arrays are refused.  Fields that
// share a shape_out must agree in that size.
habit_status model_save(const model *m, const char *file, habit_error *err);
habit_status model_load(model **out, const model_class *c, const char *file, const void *options,
                        habit_error *err);
void model_free(model *m); // NULL is fine

#endif
