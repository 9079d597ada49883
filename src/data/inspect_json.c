// inspect_json.c - distributions and columns as JSON.
#include "data/inspect_parts.h"

#include <stdlib.h>
#include <string.h>

// --- counts per user or item -----------------------------------------------------------------------

static int by_count(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// 0 | 1 | 2-3 | 4-7 | ...; empty buckets at either end are left out.
static json_t *log2_histogram(const uint64_t *sorted, uint32_t n)
{
    json_t *all = json_array();
    for (uint32_t k = 0; all && k < n;) {
        uint64_t low = sorted[k] ? 1 : 0;
        while (low && low <= sorted[k] / 2) low *= 2;
        const uint64_t high = low ? 2 * low - 1 : 0;
        uint32_t end = k;
        while (end < n && sorted[end] <= high) end++;
        json_t *bucket = json_pack("{s:I, s:I, s:I}", "from", (json_int_t)low, "to",
                                   (json_int_t)high, "count", (json_int_t)(end - k));
        if (json_array_append_new(all, bucket) != 0) return json_decref(all), NULL;
        k = end;
    }
    return all;
}

// The smallest count that at least a share p of all is at or below.
static json_int_t percentile(const uint64_t *sorted, uint32_t n, double p)
{
    const double at = ceil(p * (double)n);
    return (json_int_t)sorted[at < 1 ? 0 : (uint32_t)at - 1];
}

json_t *inspect_counts(uint64_t *count, uint32_t n)
{
    if (n == 0) return json_object();
    qsort(count, n, sizeof *count, by_count);
    double sum = 0;
    for (uint32_t k = 0; k < n; k++) sum += (double)count[k];
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o*}", "min",
                     (json_int_t)count[0], "p10", percentile(count, n, 0.1), "p25",
                     percentile(count, n, 0.25), "median", percentile(count, n, 0.5), "p75",
                     percentile(count, n, 0.75), "p90", percentile(count, n, 0.9), "p99",
                     percentile(count, n, 0.99), "max", (json_int_t)count[n - 1], "mean",
                     sum / (double)n, "histogram", log2_histogram(count, n));
}

// Gini coefficient of counts in ascending order: 0 all equal, towards 1 one has all.
double inspect_gini(const uint64_t *sorted, uint32_t n)
{
    double sum = 0, weighted = 0;
    for (uint32_t k = 0; k < n; k++) {
        sum += (double)sorted[k];
        weighted += (double)(k + 1) * (double)sorted[k];
    }
    return sum > 0 ? 2 * weighted / ((double)n * sum) - (double)(n + 1) / (double)n : 0;
}

// --- extra columns ---------------------------------------------------------------------------------

static void describe_numbers(json_t *out, const column *c)
{
    double low = INFINITY, high = -INFINITY, sum = 0;
    uint64_t n = 0;
    for (uint64_t r = 0; r < c->rows; r++) {
        const double x = c->number[r];
        if (!isfinite(x)) continue;
        n++;
        sum += x;
        if (x < low) low = x;
        if (x > high) high = x;
    }
    json_object_set_new(out, "missing", json_integer((json_int_t)(c->rows - n)));
    if (n == 0) return;
    json_object_set_new(out, "min", json_real(low));
    json_object_set_new(out, "max", json_real(high));
    json_object_set_new(out, "mean", json_real(sum / (double)n));
}

static void describe_tags(json_t *out, const column *c)
{
    uint64_t missing = 0;
    for (uint64_t r = 0; r < c->rows; r++)
        missing += c->kind == COLUMN_TAG ? c->tag[r] == TAG_NONE : c->list[r] == c->list[r + 1];
    json_object_set_new(out, "missing", json_integer((json_int_t)missing));
    json_object_set_new(out, "different", json_integer(c->names.count));
    if (c->kind == COLUMN_TAGS && c->rows)
        json_object_set_new(out, "mean_length",
                            json_real((double)c->list[c->rows] / (double)c->rows));
}

static void describe_texts(json_t *out, const column *c)
{
    uint64_t missing = 0;
    for (uint64_t r = 0; r < c->rows; r++) missing += c->names.start[r] == c->names.start[r + 1];
    json_object_set_new(out, "missing", json_integer((json_int_t)missing));
    if (c->rows > missing)
        json_object_set_new(
            out, "mean_bytes",
            json_real((double)c->names.start[c->rows] / (double)(c->rows - missing)));
}

static void describe_vectors(json_t *out, const column *c)
{
    uint64_t missing = 0;
    for (uint64_t r = 0; c->width && r < c->rows; r++) missing += isnan(c->vector[r * c->width]);
    json_object_set_new(out, "missing", json_integer((json_int_t)missing));
    json_object_set_new(out, "width", json_integer(c->width));
}

json_t *inspect_columns(const dataset *d)
{
    static const char *const owner[] = { "events", "users", "items" };
    static const struct {
        const char *name;
        void (*describe)(json_t *out, const column *c);
    } kinds[] = {
        [COLUMN_NUMBER] = { "number", describe_numbers },
        [COLUMN_TAG] = { "tag", describe_tags },
        [COLUMN_TAGS] = { "tags", describe_tags },
        [COLUMN_TEXT] = { "text", describe_texts },
        [COLUMN_VECTOR] = { "vector", describe_vectors },
    };
    json_t *all = json_array();
    for (size_t i = 0; all && i < d->columns_count; i++) {
        const column *c = &d->columns[i];
        json_t *one = json_pack("{s:s, s:s, s:s}", "of", owner[c->of], "name", c->name, "kind",
                                kinds[c->kind].name);
        if (one) kinds[c->kind].describe(one, c);
        if (json_array_append_new(all, one) != 0) return json_decref(all), NULL;
    }
    return all;
}
