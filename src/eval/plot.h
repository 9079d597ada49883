// plot.h - pictures by gnuplot, run as a child process.
//
// The script, with its data inside, goes in through an unlinked temporary file and the picture
// comes back through a pipe: no shell, no files left behind.  User settings (~/.gnuplot) are not
// read.
#ifndef EVAL_PLOT_H
#define EVAL_PLOT_H
#include "base/buffer.h"

typedef enum plot_format { PLOT_SVG, PLOT_PNG } plot_format;

// The frame's and text's grey, readable on white and on black; a page may restyle it.
#define PLOT_INK "#707172"
#define PLOT_DARK "#303132" // for what stands on colour

// Adds a single-quoted gnuplot string: ' doubled, control characters and ` replaced, so that no
// name can be more than a name.
void plot_text(buffer *script, const char *text);

// Draws `script` (no terminal, no output set) in `height` pixels of 760 x height; appends the
// picture to out.  HABIT_ENOTFOUND if there is no gnuplot.
habit_status plot_draw(buffer *out, plot_format format, int height, const buffer *script,
                       habit_error *err);

#endif
