// model_folder.h - a trained model written as a folder, and opened for answers (models/folder.h).
#ifndef LIB_MODEL_FOLDER_H
#define LIB_MODEL_FOLDER_H
#include "base/buffer.h"
#include "base/run.h"
#include "data/split.h"
#include "index/catalogue.h"
#include "models/folder.h"

// What habit_train() knows when it is done.  Everything is borrowed.
typedef struct training {
    const model *model;
    const opt_values *options; // of the model
    const opt_values *import, *protocol;
    const dataset *data;
    const char *data_name; // as the user called it; only its last part is kept
    const split *split;
    uint64_t seed;
    const json_t *metrics;
    const buffer
        *curve; // lines of JSON, one per epoch; none for models that do not learn in epochs
} training;

habit_status model_folder_write(const char *path, const training *t, habit_error *err);

// habit_model_open() is model_folder_open(), and packs the catalogue: without that a model can be
// measured but not asked.

#endif
