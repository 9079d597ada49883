// report.c - a result as a page and as pictures.
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "eval/evaluate.h"
#include "eval/plot.h"
#include "eval/report_html.h"
#include "eval/report_plots.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static habit_status write_picture(const report_plot *p, const char *dir, habit_error *err)
{
    buffer png = { 0 };
    char file[REPORT_PLOT_NAME + 8];
    snprintf(file, sizeof file, "%.31s.png", p->name);
    char *path = path_join(dir, file);
    habit_status st = path ? HABIT_OK : fail_memory(err, "path", 0);
    if (st == HABIT_OK) st = plot_draw(&png, PLOT_PNG, p->height, &p->script, err);
    if (st == HABIT_OK) st = file_write(path, png.data, png.len, err);
    buffer_free(&png);
    mem_free(path);
    return st;
}

// The page's figures; pictures into `dir` if it is not NULL.
static habit_status add_plots(buffer *page, const json_t *result, const char *dir, habit_error *err)
{
    report_plot plots[REPORT_PLOTS_MAX];
    const size_t n = report_plots(plots, result);
    habit_status st = HABIT_OK;
    for (size_t i = 0; i < n && st == HABIT_OK; i++) {
        buffer svg = { 0 };
        st = plot_draw(&svg, PLOT_SVG, plots[i].height, &plots[i].script, err);
        if (st == HABIT_OK) html_figure(page, svg.data, plots[i].caption);
        if (st == HABIT_OK && dir) st = write_picture(&plots[i], dir, err);
        buffer_free(&svg);
    }
    for (size_t i = 0; i < n; i++) buffer_free(&plots[i].script);
    return st;
}

habit_status report_write(const json_t *result, const char *html, const char *plots_dir,
                          const run *rn, habit_error *err)
{
    buffer page = { 0 }, figures = { 0 };
    habit_error plot_error = { 0 };
    if (plots_dir && mkdir(plots_dir, 0777) != 0 && errno != EEXIST)
        return fail_io(err, "make the folder", plots_dir);

    habit_status st = add_plots(&figures, result, plots_dir, &plot_error);
    if (st == HABIT_ENOTFOUND) { // tables are worth having without pictures
        run_log(rn, LOG_WARN, "no plots: gnuplot is not installed (package gnuplot-nox)");
        buffer_clear(&figures);
        st = HABIT_OK;
    }
    if (st != HABIT_OK && err) *err = plot_error;
    if (st == HABIT_OK && html) {
        html_begin(&page, result);
        html_models(&page, result);
        buffer_add(&page, figures.data, figures.len);
        html_tables(&page, result);
        html_end(&page);
        st = buffer_check(&page, err);
        if (st == HABIT_OK) st = file_write(html, page.data, page.len, err);
    }
    buffer_free(&page);
    buffer_free(&figures);
    return st;
}
