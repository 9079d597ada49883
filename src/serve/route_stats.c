// route_stats.c - GET /v1/stats: what the dashboard shows, in one answer.
//
// Everything is at hand but the number of rows in the database, which takes the longer the more there
// are: a job counts them (jobs.h), answers tell the last count and how old it is.
#include "base/clock.h"
#include "base/memory.h"
#include "serve/routes.h"

#include <habit.h>
#include <math.h>
#include <string.h>

enum { POPULAR_LISTED = 10, LATEST_LISTED = 12, COUNT_SECONDS = 5, COUNT_SPARING = 50 };

struct stats {
    service *s;
    job job;
    pthread_mutex_t lock; // of what follows
    bool counting, counted;
    db_counts rows;
    double when, took; // clock_wall(), seconds
};

// --- counting rows ----------------------------------------------------------------------------------

static void count_rows(job *j)
{
    struct stats *t = j->ctx;
    const double began = clock_wall();
    db_counts rows = { 0 };
    db_reader *r = NULL;
    habit_status st = db_reader_new(&r, t->s->db, NULL);
    if (st == HABIT_OK) st = db_count(r, &rows, NULL);
    db_reader_free(r);
    pthread_mutex_lock(&t->lock);
    if (st == HABIT_OK) t->rows = rows, t->counted = true;
    t->when = clock_wall();
    t->took = t->when - began;
    t->counting = false;
    pthread_mutex_unlock(&t->lock);
}

// Counts anew if the last count is old, the older the longer it took.
static void write_rows(struct stats *t, buffer *to)
{
    pthread_mutex_lock(&t->lock);
    const double age = clock_wall() - t->when;
    const bool old = t->when == 0 || age > COUNT_SECONDS + COUNT_SPARING * t->took;
    const bool begin = old && !t->counting;
    t->counting |= begin;
    buffer_text(to, ",\"rows\":");
    if (t->counted)
        buffer_format(
            to, "{\"events\":%llu,\"users\":%llu,\"items\":%llu,\"answers\":%llu,\"age\":%.1f}",
            (unsigned long long)t->rows.events, (unsigned long long)t->rows.users,
            (unsigned long long)t->rows.items, (unsigned long long)t->rows.answers, age);
    else
        buffer_text(to, "null");
    pthread_mutex_unlock(&t->lock);
    if (begin) jobs_add(&t->s->jobs, &t->job);
}

habit_status stats_open(service *s, habit_error *err)
{
    struct stats *t = ZNEW(struct stats, 1);
    if (!t) return fail_memory(err, "stats", sizeof *t);
    t->s = s;
    t->job = (job){ .run = count_rows, .ctx = t };
    pthread_mutex_init(&t->lock, NULL);
    s->stats = t;
    return HABIT_OK;
}

void stats_close(service *s)
{
    if (s->stats) pthread_mutex_destroy(&s->stats->lock);
    mem_free(s->stats);
    s->stats = NULL;
}

// --- requests by what they are for ------------------------------------------------------------------

typedef enum purpose { ANSWERS, WRITES, OTHERS, PURPOSES } purpose;

static purpose purpose_of(const route *x)
{
    static const char *const answers[] = { "recommend", "/similar", "/rerank", "/popular",
                                           "/neighbors" };
    static const char *const writes[] = { "/events", "/feedback" };
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        if (strstr(x->path, answers[i])) return ANSWERS;
    for (size_t i = 0; i < COUNT_OF(writes); i++)
        if (strstr(x->path, writes[i]) && strcmp(x->method, "GET") != 0) return WRITES;
    return OTHERS;
}

static void write_requests(const service *s, buffer *to)
{
    static const char *const name[PURPOSES] = { "answers", "writes", "others" };
    unsigned long long bucket[PURPOSES][HISTOGRAM_BUCKETS + 1] = { { 0 } };
    const route_tally none = routes_tally(s, ROUTE_NONE);
    unsigned long long refused = none.refused, failed = none.failed;
    for (size_t i = 0; route_at(i); i++) {
        const route_tally one = routes_tally(s, i);
        unsigned long long *sum = bucket[purpose_of(route_at(i))];
        refused += one.refused, failed += one.failed;
        for (int b = 0; one.seconds && b <= HISTOGRAM_BUCKETS; b++)
            sum[b] += atomic_load_explicit(&one.seconds->bucket[b], memory_order_relaxed);
    }
    buffer_format(to, ",\"requests\":{\"refused\":%llu,\"failed\":%llu,\"bounds\":[", refused,
                  failed);
    for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
        buffer_format(to, "%s%.9g", b ? "," : "", ldexp(1e-4, b));
    buffer_text(to, "]");
    for (int p = 0; p < PURPOSES; p++) {
        buffer_format(to, ",\"%s\":[", name[p]);
        for (int b = 0; b <= HISTOGRAM_BUCKETS; b++)
            buffer_format(to, "%s%llu", b ? "," : "", bucket[p][b]);
        buffer_text(to, "]");
    }
    buffer_text(to, "}");
}

// --- the lists --------------------------------------------------------------------------------------

static void write_popular(service *s, buffer *to)
{
    items *t = &s->items;
    const int64_t now = clock_now();
    buffer_text(to, ",\"popular\":[");
    items_read(t);
    for (size_t i = 0, n = 0; i < t->popular.n && n < POPULAR_LISTED; i++) {
        const uint32_t number = t->popular.at[i].item;
        size_t len;
        const char *id = ids_at(&t->names, number, &len);
        if (t->at[number].hidden || t->at[number].deleted) continue;
        buffer_text(to, n++ ? ",{\"item\":" : "{\"item\":");
        reply_text(to, (db_text){ id, len });
        buffer_format(to, ",\"score\":%.6g,\"events\":%llu}", items_popularity(t, number, now),
                      (unsigned long long)t->at[number].events);
    }
    items_done(t);
    buffer_text(to, "]");
}

static void write_behaviours(service *s, buffer *to)
{
    behaviours *b = &s->behaviours;
    buffer_text(to, ",\"behaviours\":[");
    pthread_rwlock_rdlock(&b->lock);
    for (uint32_t i = 0; i < b->names.count; i++) {
        size_t len;
        const char *name = ids_at(&b->names, i, &len);
        if (i) buffer_text(to, ",");
        reply_text(to, (db_text){ name, len });
    }
    pthread_rwlock_unlock(&b->lock);
    buffer_text(to, "]");
}

typedef struct latest {
    buffer *to;
    size_t n;
} latest;

static bool write_latest(void *ctx, const db_event *e)
{
    latest *l = ctx;
    char time[32];
    time_format_iso(time, e->time);
    buffer_text(l->to, l->n++ ? ",{\"user\":" : "{\"user\":");
    reply_text(l->to, e->user);
    buffer_text(l->to, ",\"item\":");
    reply_text(l->to, e->item);
    buffer_text(l->to, ",\"behaviour\":");
    reply_text(l->to, e->behaviour);
    buffer_format(l->to, ",\"time\":\"%s\"}", time);
    return !l->to->failed;
}

// --- the answer -------------------------------------------------------------------------------------

static unsigned long long events_of(service *s, const char *labels)
{
    const counter *c =
        metrics_counter(s->metrics, "habit_events_total", "Events that were posted.", labels);
    return c ? atomic_load(&c->n) : 0;
}

static void write_state(service *s, buffer *to)
{
    const db_state d = db_look(s->db);
    char now[32];
    time_format_iso(now, clock_now());
    items_read(&s->items);
    const uint32_t n = s->items.names.count;
    items_done(&s->items);
    buffer_format(to,
                  "{\"habit\":\"%d.%d.%d\",\"time\":\"%s\",\"uptime\":%.1f,\"durability\":\"%s\","
                  "\"writes\":%s,\"waiting\":%llu,\"commits\":%llu,\"syncs\":%llu",
                  HABIT_VERSION_MAJOR, HABIT_VERSION_MINOR, HABIT_VERSION_PATCH, now,
                  clock_wall() - s->began, s->options.durability, d.refuses ? "false" : "true",
                  (unsigned long long)d.waiting, (unsigned long long)d.commits,
                  (unsigned long long)d.syncs);
    buffer_format(to,
                  ",\"people_in_memory\":%zu,\"items\":%u,\"connections\":%u,\"memory_peak\":%zu",
                  people_count(&s->people), n, http_connections(s->http), memory_peak());
    buffer_format(to, ",\"events\":{\"accepted\":%llu,\"repeated\":%llu,\"rejected\":%llu}",
                  events_of(s, "result=\"accepted\""), events_of(s, "result=\"repeated\""),
                  events_of(s, "result=\"rejected\""));
}

static void get_stats(const call *c)
{
    const db_events_of which = {
        .since = TIME_NONE, .until = TIME_NONE, .most = LATEST_LISTED, .latest = true
    };
    http_request *r = c->request;
    latest l = { .to = &r->reply };
    habit_error err = { 0 };
    write_state(c->s, &r->reply);
    write_rows(c->s->stats, &r->reply);
    write_requests(c->s, &r->reply);
    write_behaviours(c->s, &r->reply);
    write_popular(c->s, &r->reply);
    buffer_text(&r->reply, ",\"latest\":[");
    const habit_status st = db_events(c->w->db, &which, write_latest, &l, &err);
    buffer_text(&r->reply, "]}\n");
    if (st == HABIT_OK)
        http_answer(r, 200);
    else
        reply_failure(r, st, &err);
}

// clang-format off
const route routes_stats[] = {
    { "GET", "/v1/stats", get_stats, .summary = "How the service is doing: the figures of the dashboard.",
      .answer = "{\"habit\":\"0.1.0\",\"time\":\"2024-05-01T12:00:00Z\",\"uptime\":12.5,\"durability\":\"always\",\"writes\":true,"
                "\"waiting\":0,\"commits\":3,\"syncs\":3,\"people_in_memory\":2,\"items\":500,\"connections\":1,"
                "\"memory_peak\":80000000,\"events\":{\"accepted\":3,\"repeated\":0,\"rejected\":0},"
                "\"rows\":{\"events\":3,\"users\":2,\"items\":3,\"answers\":0,\"age\":1.5},"
                "\"requests\":{\"refused\":0,\"failed\":0,\"bounds\":[0.0001],\"answers\":[5,0],\"writes\":[2,1],\"others\":[9,0]},"
                "\"behaviours\":[\"view\"],\"popular\":[{\"item\":\"i1\",\"score\":2.5,\"events\":3}],"
                "\"latest\":[{\"user\":\"u1\",\"item\":\"i1\",\"behaviour\":\"view\",\"time\":\"2024-05-01T12:00:00Z\"}]}" },
    ROUTE_END,
};
// clang-format on
