// metrics.h - what the service counts, as Prometheus reads it.
//
//     counter *asked = metrics_counter(m, "habit_http_requests_total", "Requests.",
//                                      "route=\"/v1/events\",code=\"200\"");
//     counter_add(asked, 1);
//
// Asking for the same name and labels gives the same counter.  Labels never hold what people
// send: ids and free texts would grow without end.
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H
#include "base/buffer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct metrics metrics;

typedef struct counter {
    atomic_ullong n;
} counter;

enum { HISTOGRAM_BUCKETS = 16 };

// Seconds: bounds .0001 * 2^i; the last bucket has no bound.
typedef struct histogram {
    atomic_ullong bucket[HISTOGRAM_BUCKETS + 1], nanoseconds;
} histogram;

typedef double gauge_fn(void *ctx);

metrics *metrics_new(void); // NULL when out of memory
void metrics_free(metrics *m);

// NULL when out of memory, which adding to ignores.  `labels` may be NULL.
counter *metrics_counter(metrics *m, const char *name, const char *help, const char *labels);
histogram *metrics_histogram(metrics *m, const char *name, const char *help, const char *labels);
// Read when somebody asks.
void metrics_gauge(metrics *m, const char *name, const char *help, const char *labels, gauge_fn *fn,
                   void *ctx);

static inline void counter_add(counter *c, unsigned long long n)
{
    if (c) atomic_fetch_add_explicit(&c->n, n, memory_order_relaxed);
}
void histogram_add(histogram *h, double seconds);
// The time below which `share` of what was added lies, to the width of a bucket; 0 if nothing was.
double histogram_quantile(const histogram *h, double share);
unsigned long long histogram_count(const histogram *h);

// The whole page, text format 0.0.4.
void metrics_write(metrics *m, buffer *to);

#endif
