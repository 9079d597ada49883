// test_metrics_page.c - the page that Prometheus reads.
#include "tests/check.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "serve/metrics.h"

#include <string.h>

static double seven(void *ctx)
{
    return *(double *)ctx;
}

static void test_page(void)
{
    metrics *m = metrics_new();
    buffer page = { 0 };
    double seventh = 7;
    counter_add(metrics_counter(m, "habit_a_total", "As.", "code=\"200\""), 2);
    metrics_gauge(m, "habit_g", "A gauge.", NULL, seven, &seventh);
    counter_add(metrics_counter(m, "habit_a_total", "As.", "code=\"404\""), 1);
    counter_add(metrics_counter(m, "habit_a_total", "As.", "code=\"200\""), 3);
    metrics_write(m, &page);
    CHECK(strcmp(page.data, "# HELP habit_a_total As.\n# TYPE habit_a_total counter\n"
                            "habit_a_total{code=\"200\"} 5\nhabit_a_total{code=\"404\"} 1\n"
                            "# HELP habit_g A gauge.\n# TYPE habit_g gauge\nhabit_g 7\n") == 0,
          "got\n%s", page.data);
    buffer_free(&page);
    metrics_free(m);
}

static void test_histogram(void)
{
    metrics *m = metrics_new();
    buffer page = { 0 };
    histogram *h = metrics_histogram(m, "habit_s", "Seconds.", "route=\"x\"");
    CHECK(histogram_quantile(h, 0.5) == 0, "nothing was added");
    for (int i = 0; i < 90; i++) histogram_add(h, 0.00005);
    for (int i = 0; i < 9; i++) histogram_add(h, 0.003);
    histogram_add(h, 1e6);
    CHECK(histogram_count(h) == 100, "count");
    CHECK(histogram_quantile(h, 0.5) == 1e-4 && histogram_quantile(h, 0.95) == 0.0032,
          "quantiles %g, %g", histogram_quantile(h, 0.5), histogram_quantile(h, 0.95));
    metrics_write(m, &page);
    CHECK(strstr(page.data, "habit_s_bucket{route=\"x\",le=\"0.0001\"} 90\n") &&
              strstr(page.data, "habit_s_bucket{route=\"x\",le=\"3.2768\"} 99\n") &&
              strstr(page.data, "habit_s_bucket{route=\"x\",le=\"+Inf\"} 100\n") &&
              strstr(page.data, "habit_s_count{route=\"x\"} 100\n"),
          "got\n%s", page.data);
    buffer_free(&page);
    metrics_free(m);
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    test_page();
    test_histogram();
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
