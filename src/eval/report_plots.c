// report_plots.c - metric bars, recall curves, popularity, probabilities.
#include "eval/report_plots.h"

#include "base/status.h"
#include "eval/plot.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// Okabe & Ito's colours, told apart by every kind of eye, and two more; the yellow is left out on
// white.
static const char *const palette[] = { "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9",
                                       "#D55E00", "#7F7F7F", "#7A52C7", "#8A8A00" };

static const char *colour(size_t i)
{
    return palette[i % COUNT_OF(palette)];
}

double report_number(const json_t *object, const char *key)
{
    const json_t *x = json_object_get(object, key);
    return json_is_number(x) ? json_number_value(x) : (double)NAN;
}

static const json_t *models_of(const json_t *result)
{
    return json_object_get(result, "models");
}

static const char *model_name(const json_t *model)
{
    const char *name = json_string_value(json_object_get(model, "model"));
    return name ? name : "?";
}

// A number as gnuplot reads it; NaN is a gap.
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

static report_plot *begin_plot(report_plot *p, const char *name, int height)
{
    *p = (report_plot){ .height = height };
    snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

// --- bars with intervals ---------------------------------------------------------------------------

// Boxes side by side around 0, 1, 2, ..., and their whiskers over them.  Columns of $d: name, then
// value, low and high of each model.
static void add_bars(buffer *b, const json_t *models)
{
    const size_t n = json_array_size(models);
    const double width = 0.8 / (double)(n ? n : 1);
    buffer_text(b, "plot ");
    for (size_t m = 0; m < n; m++) {
        const double at = ((double)m - (double)(n - 1) / 2) * width;
        buffer_format(b, "$d using ($0+%.4f):%zu:(%.4f) with boxes lc rgb '%s' title ", at,
                      2 + 3 * m, width, colour(m));
        plot_text(b, model_name(json_array_get(models, m)));
        buffer_format(b,
                      ", $d using ($0+%.4f):%zu:(0):($%zu-$%zu) with vectors heads size screen "
                      "0.005,90 lw 1.3 lc rgb '" PLOT_DARK "' notitle%s",
                      at, 3 + 3 * m, 4 + 3 * m, 3 + 3 * m, m + 1 < n ? ", " : "\n");
    }
}

static bool plot_metrics(report_plot *p, const json_t *result)
{
    static const char *const bases[] = { "NDCG", "HR", "Recall", "MRR", "MAP", "Precision" };
    const json_t *models = models_of(result);
    const int k = (int)report_number(result, "main_k");
    buffer *b = &begin_plot(p, "metrics", 420)->script;

    buffer_text(b, "$d << EOD\n");
    for (size_t i = 0; i < COUNT_OF(bases); i++) {
        char name[40];
        snprintf(name, sizeof name, "%s@%d", bases[i], k);
        buffer_format(b, "\"%s\"", name);
        for (size_t m = 0; m < json_array_size(models); m++) {
            const json_t *model = json_array_get(models, m);
            const double value = report_number(json_object_get(model, "metrics"), name);
            const json_t *span = json_object_get(json_object_get(model, "interval95"), name);
            add_number(b, value);
            for (size_t end = 0; end < 2; end++)
                add_number(b, span ? json_number_value(json_array_get(span, end)) : value);
        }
        buffer_text(b, "\n");
    }
    buffer_text(b, "EOD\nset style fill solid 1 noborder\nset yrange [0:*]\n"
                   "set xtics scale 0 (");
    for (size_t i = 0; i < COUNT_OF(bases); i++)
        buffer_format(b, "%s'%s@%d' %zu", i ? ", " : "", bases[i], k, i);
    buffer_text(b, ")\n");
    buffer_format(b, "set xrange [-0.6:%zu.6]\n", COUNT_OF(bases) - 1);
    set_label(b, "ylabel", "value, 0 to 1");
    add_bars(b, models);
    snprintf(p->caption, sizeof p->caption,
             "Ranking metrics at %d, with 95 %% bootstrap intervals over users.", k);
    return json_array_size(models) > 0;
}

// --- one line a model --------------------------------------------------------------------------------

// A curve of every model: columns x and y of curves.<curve>.
static bool add_lines(buffer *b, const json_t *result, const char *curve, const char *x,
                      const char *y, const char *style)
{
    const json_t *models = models_of(result);
    const size_t n = json_array_size(models);
    bool any = false;
    for (size_t m = 0; m < n; m++) {
        const json_t *c =
            json_object_get(json_object_get(json_array_get(models, m), "curves"), curve);
        const json_t *xs = json_object_get(c, x), *ys = json_object_get(c, y);
        buffer_format(b, "$m%zu << EOD\n", m);
        for (size_t i = 0; i < json_array_size(xs); i++) {
            const json_t *value = json_array_get(ys, i);
            buffer_format(b, "%.9g", json_number_value(json_array_get(xs, i)));
            add_number(b, json_is_number(value) ? json_number_value(value) : (double)NAN);
            buffer_text(b, "\n");
            any = any || json_is_number(value);
        }
        buffer_text(b, "EOD\n");
    }
    buffer_text(b, "plot ");
    for (size_t m = 0; m < n; m++) {
        buffer_format(b, "%s$m%zu using 1:2 %s lc rgb '%s' dt %zu pt %d title ", m ? ", " : "", m,
                      style, colour(m), 1 + m / COUNT_OF(palette), 5 + (int)(m % 5) * 2);
        plot_text(b, model_name(json_array_get(models, m)));
    }
    buffer_text(b, "\n");
    return any;
}

static bool plot_recall(report_plot *p, const json_t *result)
{
    buffer *b = &begin_plot(p, "recall", 400)->script;
    buffer_text(b, "set yrange [0:*]\nset xrange [1:*]\n");
    set_label(b, "xlabel", "k, items recommended");
    set_label(b, "ylabel", "Recall@k, mean over users");
    snprintf(p->caption, sizeof p->caption,
             "Share of held-out items found, by length of the list.");
    return add_lines(b, result, "recall", "k", "value", "with lines lw 2.5");
}

static bool plot_popularity(report_plot *p, const json_t *result)
{
    buffer *b = &begin_plot(p, "popularity", 400)->script;
    const int k = (int)report_number(result, "main_k");
    char label[64];
    snprintf(label, sizeof label, "Recall@%d of the targets in it", k);
    buffer_text(b, "set yrange [0:*]\nset xrange [0.5:10.5]\nset xtics 1\n");
    set_label(b, "xlabel", "tenth of the catalogue by training events: 1 least, 10 most popular");
    set_label(b, "ylabel", label);
    snprintf(p->caption, sizeof p->caption,
             "Popularity against recall: a model that only knows hits finds nothing on the left.");
    return add_lines(b, result, "popularity", "tenth", "recall", "with linespoints lw 2 ps 0.8");
}

// --- user against predicted probability --------------------------------------------------------------

static bool plot_probability(report_plot *p, const json_t *model, size_t number)
{
    char name[REPORT_PLOT_NAME];
    const json_t *c = json_object_get(json_object_get(model, "curves"), "probability");
    const json_t *users = json_object_get(c, "users");
    const json_t *held_out = json_object_get(c, "held_out"), *other = json_object_get(c, "random");
    const size_t n = json_array_size(users);
    snprintf(name, sizeof name, "probability-%u", (unsigned)(number % 1000));
    buffer *b = &begin_plot(p, name, 400)->script;
    buffer_text(b, "$d << EOD\n");
    for (size_t i = 0; i < n; i++)
        buffer_format(b, "%.9g %.9g %.9g\n", json_number_value(json_array_get(users, i)),
                      json_number_value(json_array_get(held_out, i)),
                      json_number_value(json_array_get(other, i)));
    buffer_text(b, "EOD\nset yrange [0:1]\nset xrange [0:*]\nset autoscale xfixmax\n");
    set_label(b, "xlabel", "users, in the order of their mean predicted probability");
    set_label(b, "ylabel", "predicted probability");
    buffer_format(
        b,
        "plot $d using 1:2 with points pt 7 ps 0.6 lc rgb '%s' title 'held-out item', "
        "$d using 1:3 with points pt 2 ps 0.6 lw 1.6 lc rgb '%s' title 'random unseen item'\n",
        palette[0], palette[5]);
    snprintf(p->caption, sizeof p->caption,
             "%.80s: calibrated probability of each user's held-out item and of a random one.",
             model_name(model));
    return n > 0;
}

size_t report_plots(report_plot *out, const json_t *result)
{
    static bool (*const plots[])(report_plot *, const json_t *) = { plot_metrics, plot_recall,
                                                                    plot_popularity };
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(plots); i++) {
        if (plots[i](&out[n], result))
            n++;
        else
            buffer_free(&out[n].script);
    }
    const json_t *models = models_of(result);
    for (size_t m = 0; m < json_array_size(models) && n < REPORT_PLOTS_MAX; m++) {
        if (plot_probability(&out[n], json_array_get(models, m), m + 1))
            n++;
        else
            buffer_free(&out[n].script);
    }
    return n;
}
