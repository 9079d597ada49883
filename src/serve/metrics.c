// metrics.c - a list of series, grouped by name when written.
#include "serve/metrics.h"
#include "base/memory.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef enum kind { COUNTER, HISTOGRAM, GAUGE } kind;

typedef struct series {
    kind kind;
    const char *name, *help; // of the program
    char *labels;            // "" for none
    counter counter;
    histogram histogram;
    gauge_fn *gauge;
    void *ctx;
    struct series *next;
} series;

struct metrics {
    pthread_mutex_t lock;
    series *first; // those of one name stand together
};

metrics *metrics_new(void)
{
    metrics *m = ZNEW(metrics, 1);
    if (!m) return NULL;
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void metrics_free(metrics *m)
{
    if (!m) return;
    for (series *s = m->first; s;) {
        series *next = s->next;
        mem_free(s->labels);
        mem_free(s);
        s = next;
    }
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static series *series_new(kind k, const char *name, const char *help, const char *labels)
{
    series *s = ZNEW(series, 1);
    char *copy = mem_strdup(labels);
    if (!s || !copy) {
        mem_free(s);
        mem_free(copy);
        return NULL;
    }
    s->kind = k, s->name = name, s->help = help, s->labels = copy;
    return s;
}

// The series, made if there is none.  Called under the lock.
static series *find(metrics *m, kind k, const char *name, const char *help, const char *labels)
{
    series **end = &m->first; // behind the last of this name, or of all
    bool among = false;
    for (series **at = &m->first; *at; at = &(*at)->next) {
        const bool same = strcmp((*at)->name, name) == 0;
        if (same && strcmp((*at)->labels, labels) == 0) return *at;
        if (same || !among) end = &(*at)->next;
        among |= same;
    }
    series *s = series_new(k, name, help, labels);
    if (!s) return NULL;
    s->next = *end;
    *end = s;
    return s;
}

static series *find_locked(metrics *m, kind k, const char *name, const char *help,
                           const char *labels)
{
    pthread_mutex_lock(&m->lock);
    series *s = find(m, k, name, help, labels ? labels : "");
    pthread_mutex_unlock(&m->lock);
    return s;
}

counter *metrics_counter(metrics *m, const char *name, const char *help, const char *labels)
{
    series *s = find_locked(m, COUNTER, name, help, labels);
    return s ? &s->counter : NULL;
}

histogram *metrics_histogram(metrics *m, const char *name, const char *help, const char *labels)
{
    series *s = find_locked(m, HISTOGRAM, name, help, labels);
    return s ? &s->histogram : NULL;
}

void metrics_gauge(metrics *m, const char *name, const char *help, const char *labels, gauge_fn *fn,
                   void *ctx)
{
    series *s = find_locked(m, GAUGE, name, help, labels);
    if (s) s->gauge = fn, s->ctx = ctx;
}

// --- histograms -------------------------------------------------------------------------------------

static double bound(int i)
{
    return ldexp(1e-4, i);
}

void histogram_add(histogram *h, double seconds)
{
    int i = 0;
    if (!h) return;
    while (i < HISTOGRAM_BUCKETS && seconds > bound(i)) i++;
    atomic_fetch_add_explicit(&h->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->nanoseconds, (unsigned long long)(seconds * 1e9),
                              memory_order_relaxed);
}

unsigned long long histogram_count(const histogram *h)
{
    unsigned long long n = 0;
    for (int i = 0; h && i <= HISTOGRAM_BUCKETS; i++)
        n += atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
    return n;
}

double histogram_quantile(const histogram *h, double share)
{
    const unsigned long long all = histogram_count(h);
    unsigned long long n = 0;
    for (int i = 0; all && i <= HISTOGRAM_BUCKETS; i++) {
        n += atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
        if ((double)n >= share * (double)all) return bound(i);
    }
    return 0;
}

// --- the page ---------------------------------------------------------------------------------------

static void write_histogram(const series *s, buffer *to)
{
    const char *comma = *s->labels ? "," : "";
    unsigned long long n = 0;
    for (int i = 0; i <= HISTOGRAM_BUCKETS; i++) {
        char le[32] = "+Inf";
        n += atomic_load_explicit(&s->histogram.bucket[i], memory_order_relaxed);
        if (i < HISTOGRAM_BUCKETS) snprintf(le, sizeof le, "%g", bound(i));
        buffer_format(to, "%s_bucket{%s%sle=\"%s\"} %llu\n", s->name, s->labels, comma, le, n);
    }
    const char *open = *s->labels ? "{" : "", *close = *s->labels ? "}" : "";
    buffer_format(to, "%s_sum%s%s%s %.9f\n", s->name, open, s->labels, close,
                  (double)atomic_load(&s->histogram.nanoseconds) * 1e-9);
    buffer_format(to, "%s_count%s%s%s %llu\n", s->name, open, s->labels, close, n);
}

void metrics_write(metrics *m, buffer *to)
{
    static const char *const type[] = { "counter", "histogram", "gauge" };
    const char *last = "";
    pthread_mutex_lock(&m->lock); // nobody removes one: only the list must hold still
    for (const series *s = m->first; s; s = s->next) {
        const char *open = *s->labels ? "{" : "", *close = *s->labels ? "}" : "";
        if (strcmp(last, s->name) != 0)
            buffer_format(to, "# HELP %s %s\n# TYPE %s %s\n", s->name, s->help, s->name,
                          type[s->kind]);
        last = s->name;
        if (s->kind == HISTOGRAM)
            write_histogram(s, to);
        else if (s->kind == COUNTER)
            buffer_format(to, "%s%s%s%s %llu\n", s->name, open, s->labels, close,
                          atomic_load(&s->counter.n));
        else
            buffer_format(to, "%s%s%s%s %.17g\n", s->name, open, s->labels, close,
                          s->gauge(s->ctx));
    }
    pthread_mutex_unlock(&m->lock);
}
