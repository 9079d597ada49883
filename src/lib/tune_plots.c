// tune_plots.c - pictures of a search.
#include "lib/tune_plots.h"
#include "base/file.h"
#include "base/memory.h"
#include "eval/plot.h"

#include <math.h>
#include <string.h>

#define POINT "#0072B2"
#define BEST "#D55E00"
enum { TRIALS_HEIGHT = 400, PANEL_HEIGHT = 250, PANEL_COLUMNS = 2, LETTERS = 14 };

static double value_of(const tune_picture *p, size_t row)
{
    const json_t *v = json_object_get(json_array_get(p->rows, row), p->metric);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static bool better(const tune_picture *p, double value, double than)
{
    return isfinite(value) && (isnan(than) || (p->lower_is_better ? value < than : value > than));
}

static void add_number(buffer *b, double x)
{
    if (isfinite(x))
        buffer_format(b, " %.9g", x);
    else
        buffer_text(b, " NaN");
}

static void set_label(buffer *b, const char *which, const char *text)
{
    buffer_format(b, "set %s ", which);
    plot_text(b, text);
    buffer_text(b, " textcolor rgb '" PLOT_INK "'\n");
}

// --- value by trial ---------------------------------------------------------------------------------

// trial, value, best so far, and 0 where the trial diverged.
static void draw_trials(buffer *b, const tune_picture *p)
{
    const size_t n = json_array_size(p->rows);
    size_t diverged = 0;
    double best = NAN;
    buffer_text(b, "$d << EOD\n");
    for (size_t i = 0; i < n; i++) {
        const double v = value_of(p, i);
        if (better(p, v, best)) best = v;
        buffer_format(b, "%zu", i + 1);
        add_number(b, v);
        add_number(b, best);
        add_number(b, isfinite(v) ? (double)NAN : 0);
        buffer_text(b, "\n");
        diverged += !isfinite(v);
    }
    buffer_text(b, "EOD\n");
    set_label(b, "xlabel", "trial");
    set_label(b, "ylabel", p->metric);
    buffer_format(b, "set xrange [0.5:%zu.5]\nset y2range [-0.03:1]\n", n);
    buffer_text(b, "plot $d using 1:3 with steps lw 2 lc rgb '" BEST "' title 'best so far', "
                   "$d using 1:2 with points pt 7 ps 0.7 lc rgb '" POINT "' title 'trial'");
    if (diverged)
        buffer_text(b, ", $d using 1:4 axes x1y2 with points pt 2 ps 0.7 lc rgb '" PLOT_INK
                       "' title 'diverged'");
    buffer_text(b, "\n");
}

// --- value by option --------------------------------------------------------------------------------

static size_t place_of(const space_axis *axis, const char *text)
{
    size_t k = 0;
    while (k < axis->count && (!text || strcmp(axis->value[k], text) != 0)) k++;
    return k;
}

// place of the option's value, moved aside a little; value; trial.  Then the best of every place.
static void add_axis_data(buffer *b, const tune_picture *p, size_t a)
{
    const space_axis *axis = &p->space->axis[a];
    const size_t n = json_array_size(p->rows);
    buffer_format(b, "$d%zu << EOD\n", a);
    for (size_t i = 0; i < n; i++) {
        const json_t *text = json_object_get(json_array_get(p->rows, i), axis->name);
        const double golden = 0.618034 * (double)i, aside = 0.3 * (golden - floor(golden) - 0.5);
        if (!isfinite(value_of(p, i))) continue;
        buffer_format(b, "%.4f",
                      (double)place_of(axis, json_string_value(text)) + (n > 1 ? aside : 0));
        add_number(b, value_of(p, i));
        buffer_format(b, " %zu\n", i + 1);
    }
    buffer_format(b, "EOD\n$b%zu << EOD\n", a);
    for (size_t k = 0; k < axis->count; k++) {
        double best = NAN;
        for (size_t i = 0; i < n; i++) {
            const json_t *text = json_object_get(json_array_get(p->rows, i), axis->name);
            if (place_of(axis, json_string_value(text)) == k && better(p, value_of(p, i), best))
                best = value_of(p, i);
        }
        if (isfinite(best)) buffer_format(b, "%zu %.9g\n", k, best);
    }
    buffer_text(b, "EOD\n");
}

// The name of a value beside its tic, cut where it is long.
static void add_tics(buffer *b, const space_axis *axis)
{
    buffer_text(b, "set xtics (");
    for (size_t k = 0; k < axis->count; k++) {
        char text[LETTERS + 1];
        size_t len = strlen(axis->value[k]);
        if (len > LETTERS) len = LETTERS;
        while (len && len < strlen(axis->value[k]) && (axis->value[k][len] & 0xC0) == 0x80) len--;
        memcpy(text, axis->value[k], len);
        text[len] = '\0';
        plot_text(b, len ? text : "none");
        buffer_format(b, " %zu%s", k, k + 1 < axis->count ? ", " : ")");
    }
    buffer_text(b, axis->count > 6 ? " rotate by -40\n" : " norotate\n");
}

static size_t axes_drawn(const space *s)
{
    size_t n = 0;
    for (size_t a = 0; a < s->axes; a++) n += s->axis[a].count > 1;
    return n;
}

static size_t panel_columns(const space *s)
{
    const size_t n = axes_drawn(s);
    return n < PANEL_COLUMNS ? n : PANEL_COLUMNS;
}

static int options_height(const space *s)
{
    const size_t n = axes_drawn(s), columns = panel_columns(s);
    return PANEL_HEIGHT * (int)((n + columns - 1) / columns) + (n == 1 ? 150 : 50);
}

static void draw_options(buffer *b, const tune_picture *p)
{
    const space *s = p->space;
    const size_t n = axes_drawn(s), columns = panel_columns(s);
    for (size_t a = 0; a < s->axes; a++)
        if (s->axis[a].count > 1) add_axis_data(b, p, a);
    buffer_text(b, "unset key\nunset colorbox\nset palette defined (0 '#A8CBE3', 1 '#004C78')\n");
    buffer_format(
        b,
        "set cbrange [1:%zu]\nset multiplot layout %zu,%zu title "
        "'each trial by the values of its options; darker: later; line: the best of a value' "
        "textcolor rgb '" PLOT_INK "'\n",
        json_array_size(p->rows) + 1, (n + columns - 1) / columns, columns);
    for (size_t a = 0; a < s->axes; a++) {
        const space_axis *axis = &s->axis[a];
        if (axis->count < 2) continue;
        set_label(b, "xlabel", axis->name);
        set_label(b, "ylabel", p->metric);
        add_tics(b, axis);
        buffer_format(b, "set xrange [-0.5:%zu.5]\n", axis->count - 1);
        buffer_format(b,
                      "plot $b%zu using 1:2 with linespoints pt 1 ps 0.8 lw 1.5 lc rgb '" BEST
                      "', $d%zu using 1:2:3 with points pt 7 ps 0.6 palette\n",
                      a, a);
    }
    buffer_text(b, "unset multiplot\n");
}

// --- files ------------------------------------------------------------------------------------------

static habit_status write_picture(json_t *files, const tune_picture *p, const char *name,
                                  int height, const buffer *script, habit_error *err)
{
    buffer png = { 0 };
    char *path = path_join(p->folder, name);
    habit_status st =
        path ? buffer_check(script, err) : fail_memory(err, "path", strlen(p->folder));
    if (st == HABIT_OK) st = plot_draw(&png, PLOT_PNG, height, script, err);
    if (st == HABIT_OK) st = file_write(path, png.data, png.len, err);
    if (st == HABIT_OK) json_array_append_new(files, json_string(path));
    buffer_free(&png);
    mem_free(path);
    return st;
}

habit_status tune_draw(json_t *files, const tune_picture *p, const run *r, habit_error *err)
{
    buffer trials = { 0 }, options = { 0 };
    habit_error own = { 0 };
    draw_trials(&trials, p);
    habit_status st = write_picture(files, p, "trials.png", TRIALS_HEIGHT, &trials, &own);
    if (st == HABIT_OK && axes_drawn(p->space)) {
        draw_options(&options, p);
        st = write_picture(files, p, "options.png", options_height(p->space), &options, &own);
    }
    buffer_free(&trials);
    buffer_free(&options);
    if (st == HABIT_ENOTFOUND) { // hours of searching are not lost for want of a picture
        run_log(r, LOG_WARN, "%s: no pictures", own.message);
        return HABIT_OK;
    }
    return st == HABIT_OK ? st : fail(err, st, "%s", own.message);
}
