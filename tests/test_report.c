// test_report.c - the report: whole, self-contained, and safe from names.
#include "tests/check.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "eval/evaluate.h"
#include "eval/plot.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NASTY "it's <b> \"q\" & `touch x` \\ é"

static json_t *model_row(const char *name, double shift)
{
    return json_pack("{s:s, s:s, s:{s:f, s:f, s:f}, s:{s:[f, f]}, s:{s:[{s:s, s:i, s:f}], s:[{s:s, "
                     "s:i, s:f}]}, s:{s:{s:[i, i, i], s:[f, f, f]}, s:{s:[i, i], s:[i, i], s:[n, "
                     "f]}, s:{s:[i, i], s:[f, f], s:[f, f]}}, s:f, s:f}",
                     "model", name, "title", "A title", "metrics", "NDCG@10", 0.2 + shift, "HR@10",
                     0.4 + shift, "Gini@10", 0.5, "interval95", "NDCG@10", 0.15, 0.4, "slices",
                     "users", "slice", "new", "users", 7, "NDCG@10", 0.1, "items", "slice", "head",
                     "targets", 9, "Recall@10", 0.3, "curves", "recall", "k", 1, 2, 3, "value", 0.1,
                     0.2, 0.3 + shift, "popularity", "tenth", 1, 2, "targets", 0, 5, "recall", 0.25,
                     "probability", "users", 1, 2, "held_out", 0.6, 0.7, "random", 0.3, 0.2, "ties",
                     0.01, "seconds", 0.5);
}

static json_t *result_make(void)
{
    json_t *r = json_pack("{s:s, s:i, s:i, s:i, s:i, s:b, s:s, s:{s:s}}", "protocol",
                          "leave-one-out", "users", 100, "items", 50, "targets", 100, "main_k", 10,
                          "comparable", 0, "note", "not <comparable>", "data", "path", NASTY);
    json_object_set_new(r, "models",
                        json_pack("[o, o]", model_row(NASTY, 0), model_row("ease", 0.1)));
    json_object_set_new(r, "comparisons",
                        json_pack("[{s:s, s:s, s:s, s:f, s:[f, f], s:f, s:f}]", "a", NASTY, "b",
                                  "ease", "metric", "NDCG@10", "difference", -0.1, "interval95",
                                  -0.2, -0.05, "p_t_holm", 1e-9, "p_permutation_holm", 0.0003));
    return r;
}

static bool gnuplot_found;

static void test_page(const json_t *result, const char *dir)
{
    char *page = NULL;
    size_t len = 0;
    char *html = path_join(dir, "report.html"), *plots = path_join(dir, "plots");
    CHECK_OK(report_write(result, html, plots, NULL, err));
    CHECK_OK(file_read(&page, &len, html, 16 << 20, err));
    if (!page) return;
    CHECK(strstr(page, "it&#39;s &lt;b&gt; &quot;q&quot; &amp; `touch x` \\ é"), "no escaped name");
    CHECK(!strstr(page, "it's <b>"), "a name came through as it is");
    CHECK(!strstr(page, "src=") && !strstr(page, "<link") && !strstr(page, "<script") &&
              !strstr(page, "url("),
          "the page needs something outside it");
    CHECK(strstr(page, "not &lt;comparable&gt;"), "no warning");
    CHECK(strstr(page, "</html>"), "the page is cut off");
    const char *best = strstr(page, "<td>ease</td>"), *other = strstr(page, "<td>it&#39;s");
    CHECK(best && other && best < other, "the first table does not begin with the best");
    CHECK(strstr(page, "leave-one-out") && strstr(page, "data, path"), "no protocol");
    CHECK(strstr(page, "&lt; 0.0001") && strstr(page, "-0.2000 to -0.0500"), "no comparison");
    CHECK(gnuplot_found == (strstr(page, "<svg") != NULL), "plots");
    mem_free(page);

    static const char *const files[] = { "metrics.png", "recall.png", "popularity.png",
                                         "probability-1.png", "probability-2.png" };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char *path = path_join(plots, files[i]);
        CHECK(file_exists(path) == gnuplot_found, "%s", path);
        if (gnuplot_found) {
            CHECK_OK(file_read(&page, &len, path, 16 << 20, err));
            CHECK(len > 5000 && memcmp(page, "\x89PNG", 4) == 0, "%s is no picture", files[i]);
            mem_free(page);
        }
        unlink(path);
        mem_free(path);
    }
    unlink(html), rmdir(plots);
    mem_free(html), mem_free(plots);
    CHECK(!file_exists("x"), "a name was run as a command");
}

// Without gnuplot: tables, and a warning that says so.
static void warn(void *ctx, int level, const char *text)
{
    *(bool *)ctx = level == LOG_WARN && strstr(text, "gnuplot");
}

static void test_without_gnuplot(const json_t *result, const char *dir)
{
    char *html = path_join(dir, "plain.html"), *page = NULL;
    size_t len = 0;
    char *path = mem_strdup(getenv("PATH"));
    bool warned = false;
    const run rn = { .hooks = { .size = sizeof(habit_hooks), .ctx = &warned, .log = warn } };
    setenv("PATH", "/nowhere", 1);
    CHECK_OK(report_write(result, html, NULL, &rn, err));
    setenv("PATH", path, 1);
    CHECK(warned, "no warning");
    CHECK_OK(file_read(&page, &len, html, 16 << 20, err));
    CHECK(page && strstr(page, "<table") && !strstr(page, "<svg"), "not only tables");
    mem_free(page);
    unlink(html);
    mem_free(html), mem_free(path);
}

int main(void)
{
    char dir[] = "/tmp/habit-report-XXXXXX";
    CHECK(mkdtemp(dir), "no folder");
    buffer script = { 0 }, picture = { 0 };
    buffer_text(&script, "plot x\n");
    gnuplot_found = plot_draw(&picture, PLOT_SVG, 300, &script, NULL) == HABIT_OK;
    if (!gnuplot_found) printf("gnuplot is not installed: pictures are not tested\n");
    buffer_clear(&script);
    buffer_text(&script, "no such command\n");
    CHECK(plot_draw(&picture, PLOT_SVG, 300, &script, NULL) != HABIT_OK, "nonsense was drawn");
    buffer_free(&script), buffer_free(&picture);

    json_t *result = result_make();
    CHECK(result, "test data");
    test_page(result, dir);
    test_without_gnuplot(result, dir);
    json_decref(result);
    CHECK(rmdir(dir) == 0, "files are left in %s", dir);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
