// report_attention.h - what a user's events look at, as a picture.
#ifndef LIB_REPORT_ATTENTION_H
#define LIB_REPORT_ATTENTION_H
#include "base/buffer.h"
#include "lib/model_folder.h"
#include "lib/tables.h"

// Adds a script for gnuplot that draws, for each block and head, how much each of the user's latest
// events looks at those before it, and sets the picture's height.  HABIT_EINVAL for models that have no
// such attention, HABIT_ENOTFOUND for a user whom the model does not know.
habit_status attention_picture(buffer *script, int *height, const habit_model *m,
                               const picture_options *o, habit_error *err);

// The title of an item, or its id, as a double-quoted text of gnuplot of so many letters at most.
void picture_label(buffer *b, const habit_model *m, uint32_t item, size_t letters);

#endif
