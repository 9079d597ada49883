// report_html.c - headings, tables, figures; one page with nothing outside it.
#include "eval/report_html.h"

#include "base/status.h"
#include "eval/evaluate.h"
#include "eval/plot.h"
#include "eval/report_plots.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char style[] =
    ":root{--ink:#1d2329;--soft:#5c6670;--line:#d8dee4;--page:#fff;--band:#f5f7f9;--best:#0a6b4f}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#9aa5b0;--line:#343c45;"
    "--page:#14181c;--band:#1c2228;--best:#5fd0a8}"
    "svg [color='rgb(213,  94,   0)']{color:#ff9147}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:70rem;background:var(--page);"
    "color:var(--ink);font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2.4rem 0 .6rem}\n"
    "p,figcaption,.note{color:var(--soft);max-width:46rem}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.32rem .6rem;text-align:right;border-bottom:1px solid var(--line);"
    "white-space:nowrap}\n"
    "th{font-weight:600;color:var(--soft)}th:first-child,td:first-child,.left{text-align:left}\n"
    "tbody tr,th{background:var(--page)}tbody tr:nth-child(even){background:var(--band)}\n"
    "th:first-child,td:first-child{position:sticky;left:0}td:first-child{background:inherit}\n"
    "small{color:var(--soft);font-size:.78rem}.best{color:var(--best);font-weight:600}\n"
    "figure{margin:1.4rem 0}svg{width:100%;height:auto;max-width:760px;display:block}\n"
    "svg [fill='rgb(112,113,114)']{fill:var(--soft)}"
    "svg [stroke='rgb(112, 113, 114)']{stroke:var(--soft)}"
    "svg [stroke='rgb( 48,  49,  50)']{stroke:var(--ink)}\n"
    ".warn{border-left:4px solid #d55e00;padding:.4rem .9rem;background:var(--band)}\n";

void html_text(buffer *b, const char *text)
{
    for (const char *s = text; *s; s++) switch (*s) {
        case '&':
            buffer_text(b, "&amp;");
            break;
        case '<':
            buffer_text(b, "&lt;");
            break;
        case '>':
            buffer_text(b, "&gt;");
            break;
        case '"':
            buffer_text(b, "&quot;");
            break;
        case '\'':
            buffer_text(b, "&#39;");
            break;
        default:
            buffer_add(b, s, 1);
        }
}

static void element(buffer *b, const char *tag, const char *attributes, const char *text)
{
    buffer_format(b, "<%s%s>", tag, attributes);
    html_text(b, text);
    buffer_format(b, "</%s>", tag);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static void heading(buffer *b, const char *title, const char *note)
{
    element(b, "h2", "", title);
    buffer_text(b, "\n");
    if (note) element(b, "p", "", note);
}

static void open_table(buffer *b)
{
    buffer_text(b, "<div class=wide><table>\n<thead><tr>");
}

static void close_table(buffer *b)
{
    buffer_text(b, "</tbody></table></div>\n");
}

// --- page ----------------------------------------------------------------------------------------

void html_begin(buffer *b, const json_t *result)
{
    buffer_text(b, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
                   "<meta name=viewport content='width=device-width,initial-scale=1'>\n"
                   "<title>habit evaluation</title>\n<style>\n");
    buffer_text(b, style);
    buffer_text(b, "</style></head><body>\n<h1>Evaluation</h1>\n<p>");
    buffer_format(b, "%zu models, %.0f users, %.0f held-out items, catalogue of %.0f items.",
                  json_array_size(json_object_get(result, "models")),
                  report_number(result, "users"), report_number(result, "targets"),
                  report_number(result, "items"));
    buffer_text(b, "</p>\n");
    if (*text_of(result, "describe")) element(b, "p", "", text_of(result, "describe"));
    if (json_is_false(json_object_get(result, "comparable")))
        element(b, "p", " class=warn", text_of(result, "note"));
    buffer_text(b, "\n");
}

void html_end(buffer *b)
{
    buffer_format(b, "<p><small>habit %d.%d.%d</small></p>\n</body></html>\n", HABIT_VERSION_MAJOR,
                  HABIT_VERSION_MINOR, HABIT_VERSION_PATCH);
}

void html_figure(buffer *b, const char *svg, const char *caption)
{
    const char *from = strstr(svg, "<svg"); // without the XML declaration
    buffer_text(b, "<figure>\n");
    buffer_text(b, from ? from : "");
    buffer_text(b, "<figcaption>");
    html_text(b, caption);
    buffer_text(b, "</figcaption></figure>\n");
}

// --- tables --------------------------------------------------------------------------------------

static void model_heads(buffer *b, const json_t *models)
{
    size_t i;
    json_t *m;
    json_array_foreach(models, i, m) element(b, "th", "", text_of(m, "model"));
}

static double best_value(const json_t *models, const char *metric)
{
    double best = NAN;
    size_t i;
    json_t *m;
    json_array_foreach(models, i, m)
    {
        const double x = report_number(json_object_get(m, "metrics"), metric);
        if (isnan(x)) continue;
        if (isnan(best) || (evaluate_lower_is_better(metric) ? x < best : x > best)) best = x;
    }
    return best;
}

static void metric_cell(buffer *b, const json_t *m, const char *metric, double best)
{
    const double x = report_number(json_object_get(m, "metrics"), metric);
    const json_t *span = json_object_get(json_object_get(m, "interval95"), metric);
    if (isnan(x)) {
        buffer_text(b, "<td>–</td>");
        return;
    }
    buffer_format(b, x == best ? "<td><span class=best>%.4f</span>" : "<td>%.4f", x);
    if (span)
        buffer_format(b, " <small>%.4f–%.4f</small>", json_number_value(json_array_get(span, 0)),
                      json_number_value(json_array_get(span, 1)));
    buffer_text(b, "</td>");
}

// --- the answer in short ---------------------------------------------------------------------------

static double value_of(const json_t *m, const char *metric)
{
    const double x = report_number(json_object_get(m, "metrics"), metric);
    return isnan(x) ? -1 : x;
}

// The model that `rank` others are better than by a metric; equal ones in their order.
static const json_t *model_of_rank(const json_t *models, size_t rank, const char *metric)
{
    size_t i, j;
    json_t *m, *other;
    json_array_foreach(models, i, m)
    {
        const double x = value_of(m, metric);
        size_t better = 0;
        json_array_foreach(models, j, other)
        {
            const double y = value_of(other, metric);
            better += y > x || (y == x && j < i);
        }
        if (better == rank) return m;
    }
    return NULL;
}

static void share_cell(buffer *b, double share)
{
    buffer_format(b, isnan(share) ? "<td>–</td>" : "<td>%.1f %%</td>", 100 * share);
}

void html_models(buffer *b, const json_t *result)
{
    const json_t *models = json_object_get(result, "models");
    const int k = (int)report_number(result, "main_k");
    char main_metric[2][32];
    snprintf(main_metric[0], sizeof main_metric[0], "NDCG@%d", k);
    snprintf(main_metric[1], sizeof main_metric[1], "HR@%d", k);
    open_table(b);
    buffer_format(b,
                  "<th>name</th><th class=left>model</th><th>%s</th><th>of best</th><th>%s</th>"
                  "<th>ties</th><th>seconds</th></tr></thead><tbody>\n",
                  main_metric[0], main_metric[1]);
    for (size_t i = 0; i < json_array_size(models); i++) {
        const json_t *m = model_of_rank(models, i, main_metric[0]);
        buffer_text(b, "<tr>");
        element(b, "td", "", text_of(m, "model"));
        element(b, "td", " class=left", text_of(m, "title"));
        metric_cell(b, m, main_metric[0], best_value(models, main_metric[0]));
        share_cell(b, report_number(m, "share_of_best"));
        metric_cell(b, m, main_metric[1], best_value(models, main_metric[1]));
        share_cell(b, report_number(m, "ties"));
        buffer_format(b, "<td>%.3f</td></tr>\n", report_number(m, "seconds"));
    }
    close_table(b);
    element(
        b, "p", "",
        "Small numbers: 95 % bootstrap intervals over users. Of best: share of the NDCG that the "
        "truth of a simulated log reaches. Ties: targets that score the same as another item, "
        "which counts against the model. Seconds: of ranking.");
    buffer_text(b, "\n");
}

// --- tables in full --------------------------------------------------------------------------------

// Every metric that any model has, in the order of the first that has it.
static void metrics_table(buffer *b, const json_t *models)
{
    json_t *seen = json_object();
    size_t i;
    json_t *m;
    const char *metric;
    json_t *x;
    heading(b, "Metrics",
            "The small numbers are 95 % bootstrap intervals over users; the best of "
            "a row is green. Ties and scores that are no numbers count against the "
            "model.");
    open_table(b);
    element(b, "th", "", "metric");
    model_heads(b, models);
    buffer_text(b, "</tr></thead><tbody>\n");
    json_array_foreach(models, i, m) json_object_foreach(json_object_get(m, "metrics"), metric, x)
    {
        if (json_object_get(seen, metric)) continue;
        json_object_set_new(seen, metric, json_true());
        buffer_text(b, "<tr>");
        element(b, "td", "", metric);
        const double best = best_value(models, metric);
        for (size_t j = 0; j < json_array_size(models); j++)
            metric_cell(b, json_array_get(models, j), metric, best);
        buffer_text(b, "</tr>\n");
    }
    close_table(b);
    json_decref(seen);
}

static void probability(buffer *b, double p)
{
    buffer_format(b, p < 0.0001 ? "<td>&lt; 0.0001</td>" : "<td>%.4f</td>", p);
}

static void comparisons_table(buffer *b, const json_t *list)
{
    size_t i;
    json_t *c;
    if (!json_array_size(list)) return;
    heading(b, "Comparisons",
            "Differences on the same users, with paired tests, corrected after "
            "Holm for the number of pairs.");
    open_table(b);
    buffer_text(b, "<th>models</th><th class=left>metric</th><th>difference</th><th>95 % interval"
                   "</th><th>p, t-test</th><th>p, sign flips</th></tr></thead><tbody>\n");
    json_array_foreach(list, i, c)
    {
        const json_t *span = json_object_get(c, "interval95");
        buffer_text(b, "<tr><td>");
        html_text(b, text_of(c, "a"));
        buffer_text(b, " − ");
        html_text(b, text_of(c, "b"));
        buffer_text(b, "</td>");
        element(b, "td", " class=left", text_of(c, "metric"));
        buffer_format(b, "<td>%+.4f</td><td>", report_number(c, "difference"));
        if (span)
            buffer_format(b, "%+.4f to %+.4f", json_number_value(json_array_get(span, 0)),
                          json_number_value(json_array_get(span, 1)));
        buffer_text(b, "</td>");
        probability(b, report_number(c, "p_t_holm"));
        probability(b, report_number(c, "p_permutation_holm"));
        buffer_text(b, "</tr>\n");
    }
    close_table(b);
}

// Slices of users ("NDCG") or items ("Recall") side by side.
static void slices_table(buffer *b, const json_t *models, const char *of, const char *count,
                         const char *metric)
{
    const json_t *first = json_object_get(json_object_get(json_array_get(models, 0), "slices"), of);
    if (!json_array_size(first)) return;
    open_table(b);
    element(b, "th", "", "slice");
    element(b, "th", "", count);
    model_heads(b, models);
    buffer_text(b, "</tr></thead><tbody>\n");
    for (size_t s = 0; s < json_array_size(first); s++) {
        const json_t *row = json_array_get(first, s);
        buffer_text(b, "<tr>");
        element(b, "td", "", text_of(row, "slice"));
        buffer_format(b, "<td>%.0f</td>", report_number(row, count));
        for (size_t m = 0; m < json_array_size(models); m++) {
            const json_t *slices = json_object_get(json_array_get(models, m), "slices");
            const json_t *cell = json_array_get(json_object_get(slices, of), s);
            const double x = report_number(cell, metric);
            buffer_format(b, isnan(x) ? "<td>–</td>" : "<td>%.4f</td>", x);
        }
        buffer_text(b, "</tr>\n");
    }
    close_table(b);
}

// A row for every plain value; objects one level down as "name, key".
static void value_rows(buffer *b, const json_t *object, const char *prefix)
{
    const char *key;
    json_t *x;
    json_object_foreach((json_t *)(uintptr_t)object, key, x)
    {
        char name[128];
        snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? ", " : "", key);
        if (json_is_object(x) && !*prefix) {
            value_rows(b, x, name);
            continue;
        }
        if (json_is_object(x) || strcmp(key, "models") == 0 || strcmp(key, "comparisons") == 0)
            continue;
        char text[400]; // lists of cut-offs at most
        const size_t len = json_dumpb(x, text, sizeof text - 1,
                                      JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        text[len < sizeof text ? len : 0] = '\0';
        buffer_text(b, "<tr>");
        element(b, "td", "", name);
        element(b, "td", " class=left style='white-space:normal'",
                json_is_string(x) ? json_string_value(x) : text);
        buffer_text(b, "</tr>\n");
    }
}

void html_tables(buffer *b, const json_t *result)
{
    const json_t *models = json_object_get(result, "models");
    char user_metric[32], item_metric[32];
    const int k = (int)report_number(result, "main_k");
    snprintf(user_metric, sizeof user_metric, "NDCG@%d", k);
    snprintf(item_metric, sizeof item_metric, "Recall@%d", k);
    metrics_table(b, models);
    comparisons_table(b, json_object_get(result, "comparisons"));

    heading(b, "Users by length of history", NULL);
    element(b, "p", "", user_metric);
    slices_table(b, models, "users", "users", user_metric);
    heading(b, "Items by popularity in the training log", NULL);
    element(b, "p", "", item_metric);
    slices_table(b, models, "items", "targets", item_metric);

    heading(b, "Data and protocol", NULL);
    open_table(b);
    buffer_text(b, "<th>what</th><th class=left>value</th></tr></thead><tbody>\n");
    value_rows(b, result, "");
    close_table(b);
}
