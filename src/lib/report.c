// report.c - habit_report(): pictures of one model.
#include "base/file.h"
#include "base/memory.h"
#include "eval/plot.h"
#include "kernels/lapack.h"
#include "base/json.h"
#include "lib/model_folder.h"
#include "lib/report_attention.h"
#include "lib/run_setup.h"
#include "lib/tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// --- training curves --------------------------------------------------------------------------------

// The metric's name and value of a line, or NULL.
static const char *metric_of(const json_t *line, double *value)
{
    json_t *valid = json_object_get(line, "valid");
    void *first = json_object_iter(valid);
    if (!first) return NULL;
    *value = json_number_value(json_object_iter_value(first));
    return json_object_iter_key(first);
}

// Epoch, loss, metric: one row a line; the metric's name.
static habit_status read_curve(buffer *rows, char *metric, size_t size, const char *text,
                               const char *path, habit_error *err)
{
    size_t number = 0;
    for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        number++;
        json_t *e = json_loadb(line, (size_t)(end - line), 0, NULL);
        if (!e) return fail(err, HABIT_EFORMAT, "%s:%zu: not JSON", path, number);
        double value = NAN;
        const char *name = metric_of(e, &value);
        const json_t *loss = json_object_get(e, "loss");
        if (name) snprintf(metric, size, "%s", name);
        buffer_format(rows, "%lld", (long long)json_integer_value(json_object_get(e, "epoch")));
        if (loss)
            buffer_format(rows, " %.9g", json_number_value(loss));
        else
            buffer_text(rows, " NaN");
        if (isfinite(value))
            buffer_format(rows, " %.9g\n", value);
        else
            buffer_text(rows, " NaN\n");
        json_decref(e);
    }
    return HABIT_OK;
}

static void plot_curve(buffer *b, const buffer *rows, const char *metric)
{
    buffer_text(b, "$d << EOD\n");
    buffer_add(b, rows->data, rows->len);
    buffer_text(b, "EOD\nset xlabel 'epoch' textcolor rgb '" PLOT_INK "'\n"
                   "set ylabel 'loss' textcolor rgb '#0072B2'\nset ytics nomirror\n");
    if (*metric) {
        buffer_text(b, "set y2tics\nset y2label ");
        plot_text(b, metric);
        buffer_text(b, " textcolor rgb '#D55E00'\n");
    }
    buffer_text(b, "plot $d using 1:2 with lines lw 2 lc rgb '#0072B2' title 'training loss'");
    if (*metric) {
        buffer_text(b, ", $d using 1:3 axes x1y2 with linespoints pt 7 ps 0.5 lw 2 lc rgb "
                       "'#D55E00' title ");
        buffer_text(b, "'validation'");
    }
    buffer_text(b, "\n");
}

// False in *drawn where the model did not learn in epochs.
static habit_status draw_curve(bool *drawn, buffer *script, const habit_model *m, habit_error *err)
{
    char metric[64] = "";
    size_t len = 0;
    char *text = NULL;
    buffer rows = { 0 };
    char *path = path_join(m->path, "training.jsonl");
    if (!path) return fail_memory(err, "path", 0);
    habit_status st = HABIT_OK;
    *drawn = file_exists(path);
    if (*drawn) {
        st = file_read(&text, &len, path, (size_t)1 << 28, err);
        if (st == HABIT_OK) st = read_curve(&rows, metric, sizeof metric, text, path, err);
        if (st == HABIT_OK) st = buffer_check(&rows, err);
        if (st == HABIT_OK) plot_curve(script, &rows, metric);
    }
    buffer_free(&rows);
    mem_free(text);
    mem_free(path);
    return st;
}

// --- a map of the items ------------------------------------------------------------------------------

enum { LETTERS = 28 };

typedef struct met {
    uint32_t item;
    uint64_t count;
} met;

static int compare_met(const void *a, const void *b)
{
    const met *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

// Items by how often people had met them, most first.
static met *by_count(const habit_model *m)
{
    const size_t n = m->model->items;
    met *list = NEW(met, n);
    for (size_t i = 0; list && i < n; i++) list[i] = (met){ (uint32_t)i, 0 };
    const uint64_t events = m->history.offset[m->model->users];
    for (uint64_t e = 0; list && e < events; e++)
        if (m->history.item[e] < n) list[m->history.item[e]].count++;
    if (list) qsort(list, n, sizeof *list, compare_met);
    return list;
}

// The mean, and the two axes along which the vectors vary most: axes[2][dim].
static habit_status principal_axes(double *mean, double *axes, const model *m, habit_error *err)
{
    const size_t D = (size_t)m->dim, n = m->items;
    double *cov = ZNEW(double, D *D), *value = NEW(double, D);
    habit_status st = cov && value ? HABIT_OK : fail_memory(err, "principal axes", D * D * 8);
    for (size_t k = 0; k < D; k++) mean[k] = 0;
    for (size_t i = 0; st == HABIT_OK && i < n; i++)
        for (size_t k = 0; k < D; k++) mean[k] += (double)m->item_vector[i * D + k] / (double)n;
    for (size_t i = 0; st == HABIT_OK && i < n; i++)
        for (size_t k = 0; k < D; k++) {
            const double x = (double)m->item_vector[i * D + k] - mean[k];
            for (size_t l = 0; l < D; l++)
                cov[k * D + l] += x * ((double)m->item_vector[i * D + l] - mean[l]);
        }
    if (st == HABIT_OK) st = lapack_eigen(cov, value, D, err);
    if (st == HABIT_OK) memcpy(axes, cov, 2 * D * sizeof *axes);
    mem_free(cov);
    mem_free(value);
    return st;
}

static double along(const model *m, uint32_t item, const double *mean, const double *axis)
{
    double sum = 0;
    for (size_t k = 0; k < (size_t)m->dim; k++)
        sum += ((double)m->item_vector[item * (size_t)m->dim + k] - mean[k]) * axis[k];
    return sum;
}

static void plot_map(buffer *b, const habit_model *m, const met *list, const picture_options *o,
                     const double *mean, const double *axes)
{
    const size_t n = m->model->items;
    const size_t points = (size_t)o->points < n ? (size_t)o->points : n;
    const size_t labels = (size_t)o->labels < points ? (size_t)o->labels : points;
    for (int part = 0; part < 2; part++) {
        buffer_text(b, part ? "$l << EOD\n" : "$d << EOD\n");
        for (size_t i = 0; i < (part ? labels : points); i++) {
            const uint32_t item = list[i].item;
            buffer_format(b, "%.6g %.6g", along(m->model, item, mean, axes),
                          along(m->model, item, mean, axes + m->model->dim));
            if (part) {
                buffer_text(b, " ");
                picture_label(b, m, item, LETTERS);
                buffer_text(b, "\n");
            } else {
                buffer_format(b, " %.4g\n", log10(1 + (double)list[i].count));
            }
        }
        buffer_text(b, "EOD\n");
    }
    buffer_text(b, "set xlabel 'first principal axis' textcolor rgb '" PLOT_INK "'\n"
                   "set ylabel 'second' textcolor rgb '" PLOT_INK "'\n"
                   "set palette defined (0 '#C8DCEB', 1 '#0072B2')\n"
                   "set cblabel 'log10 of events' textcolor rgb '" PLOT_INK "'\n"
                   "plot $d using 1:2:3 with points pt 7 ps 0.4 palette notitle");
    if (labels)
        buffer_text(b,
                    ", $l using 1:2:3 with labels font ',8' point pt 6 ps 0.7 offset 0.6,0.4 left "
                    "notitle");
    buffer_text(b, "\n");
}

static habit_status draw_map(bool *drawn, buffer *script, const habit_model *m,
                             const picture_options *o, habit_error *err)
{
    const size_t D = (size_t)m->model->dim;
    *drawn = D >= 2 && m->model->items >= 3;
    if (!*drawn) return HABIT_OK;
    double *mean = NEW(double, D);
    double *axes = NEW(double, 2 * D);
    met *list = by_count(m);
    habit_status st = mean && axes && list
                          ? principal_axes(mean, axes, m->model, err)
                          : fail_memory(err, "map", m->model->items * sizeof *list);
    if (st == HABIT_OK) plot_map(script, m, list, o, mean, axes);
    mem_free(list);
    mem_free(axes);
    mem_free(mean);
    return st;
}

// --- the call ----------------------------------------------------------------------------------------

static habit_status write_picture(json_t *files, const char *out, const char *name, int height,
                                  const buffer *script, habit_error *err)
{
    buffer png = { 0 };
    char *path = path_join(out, name);
    habit_status st = path ? buffer_check(script, err) : fail_memory(err, "path", strlen(out));
    if (st == HABIT_OK) st = plot_draw(&png, PLOT_PNG, height, script, err);
    if (st == HABIT_OK) st = file_write(path, png.data, png.len, err);
    if (st == HABIT_OK) json_array_append_new(files, json_string(path));
    buffer_free(&png);
    mem_free(path);
    return st;
}

static habit_status draw_attention(json_t *files, const habit_model *m, const picture_options *o,
                                   const char *out, habit_error *err)
{
    buffer script = { 0 };
    int height = 0;
    habit_status st = attention_picture(&script, &height, m, o, err);
    if (st == HABIT_OK) st = write_picture(files, out, "attention.png", height, &script, err);
    buffer_free(&script);
    return st;
}

static habit_status draw_all(json_t *files, const habit_model *m, const picture_options *o,
                             const char *out, habit_error *err)
{
    buffer curve = { 0 }, map = { 0 };
    bool has_curve = false, has_map = false;
    habit_status st = o->user ? draw_attention(files, m, o, out, err) : HABIT_OK;
    if (st == HABIT_OK) st = draw_curve(&has_curve, &curve, m, err);
    if (st == HABIT_OK) st = draw_map(&has_map, &map, m, o, err);
    if (st == HABIT_OK && has_curve)
        st = write_picture(files, out, "training.png", 400, &curve, err);
    if (st == HABIT_OK && has_map) st = write_picture(files, out, "items.png", 620, &map, err);
    if (st == HABIT_OK && !has_curve && !has_map)
        st =
            fail(err, HABIT_EINVAL, "model %s neither learns in epochs nor has vectors: no picture",
                 m->model->class->name);
    buffer_free(&curve);
    buffer_free(&map);
    return st;
}

habit_status habit_report(const habit_options *options, const char *folder, const char *out,
                          char **report, habit_error *err)
{
    TRY(options_expect(options, "report", err));
    habit_model *m;
    TRY(lapack_open(1, err));
    TRY(model_folder_open(&m, folder, err));
    json_t *files = json_array();
    habit_status st = files ? HABIT_OK : fail_memory(err, "report", 0);
    if (st == HABIT_OK && mkdir(out, 0777) != 0 && !file_is_folder(out))
        st = fail_io(err, "create", out);
    if (st == HABIT_OK) st = draw_all(files, m, options_of(options, picture_table), out, err);
    if (st == HABIT_OK)
        st = json_hand_over(
            report, json_pack("{s:s, s:O}", "model", m->model->class->name, "files", files), err);
    json_decref(files);
    habit_model_free(m);
    return st;
}
