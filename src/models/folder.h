// folder.h - a trained model as a folder, opened (lib/model_folder.h writes them).
//
//     model.safetensors    the model's arrays
//     config.json          what it is: class, options, data, split, seed (below); the marker
//     users.jsonl          ids, in the model's numbering (models/id_list.h)
//     items.jsonl
//     titles.jsonl         what people call the items, where the data has a title or name; one
//                          JSON string per item, for display
//     behaviours.jsonl     what the types of behaviour are called, where the log had any
//     history.safetensors  what each user had done when the model was made: offset u64 [users+1],
//                          item u32 [events], and where the log had them time i64, behaviour u8,
//                          value f32 [events].  All rows, also those held out: it answers queries
//                          and filters what is known; evaluation never reads it.
//     training.jsonl       a line per epoch, as --log writes them, of models that learn in epochs
//     metrics.json         seconds, rows, and the metric on validation if one was asked for
//     checksums.xxh128     of all the others (models/checksums.h); a folder that does not fit them is
//                          refused, one without them is believed
//
// config.json: {"format": "habit-model", "version": 1, "model": "ease", "model_version": 1,
//   "habit": "0.1.0", "options": {every option of the model}, "seed": 1,
//   "data": {"name", "fingerprint", "users", "items", "events", "import": {options that were set}},
//   "split": {"protocol", "fingerprint", "describe", "options": {...}}}
#ifndef MODELS_FOLDER_H
#define MODELS_FOLDER_H
#include "base/clock.h"
#include "models/id_list.h"
#include "models/model.h"

#include <jansson.h>

#define MODEL_MARKER "config.json"
enum { MODEL_VERSION = 1, MODEL_FILES = 9 };

extern const char *const model_files[MODEL_FILES]; // in the order they are written

// What each user of a model had done when it was made.  Columns may be NULL where the log had none.
typedef struct history {
    safetensors file;
    const uint64_t *offset;
    const uint32_t *item;
    const int64_t *time;
    const uint8_t *behaviour;
    const float *value;
    int64_t last; // time of the latest event of all, or TIME_NONE
} history;

struct habit_model {
    char *path;
    char *config_text;
    json_t *config;
    model *model;
    opt_values options;           // of the model
    id_list users, items, titles; // titles: empty if there are none
    id_list behaviours;           // names of types; likewise
    history history;
    struct catalogue *catalogue; // of lib/model_folder.h: packed item vectors, for answers; or NULL
    const char *protocol;        // in config
    uint64_t data, split;        // fingerprints
};

// Opens and checks the whole folder.
habit_status model_folder_open(habit_model **out, const char *path, habit_error *err);
void model_folder_close(habit_model *m); // NULL is fine; not the catalogue

#endif
