// service.c - starting and stopping, and what handlers share.
#include "serve/service.h"
#include "base/clock.h"
#include "base/memory.h"
#include "serve/gorse_body.h"
#include "serve/routes.h"
#include "serve/warm.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY INT64_C(86400000000)

enum { HEADER_MOST = 8 << 10 }; // a connection keeps as much, also when it is idle

// --- workers ----------------------------------------------------------------------------------------

void worker_enter(worker *w)
{
    atomic_fetch_add(&w->turn, 1);
}

void worker_leave(worker *w)
{
    atomic_fetch_add(&w->turn, 1);
}

// Every worker has been seen outside of a request, or in another one than at the call.
static void wait_for_workers(void *ctx)
{
    const struct timespec pause = { 0, 100000 };
    service *s = ctx;
    for (int i = 0; s->worker && i < s->workers; i++) {
        const unsigned long turn = atomic_load(&s->worker[i].turn);
        while ((turn & 1) && atomic_load(&s->worker[i].turn) == turn) nanosleep(&pause, NULL);
    }
}

static habit_status start_workers(service *s, habit_error *err)
{
    s->worker = ZNEW(worker, (size_t)s->workers);
    if (!s->worker) return fail_memory(err, "threads", (size_t)s->workers * sizeof(worker));
    for (int i = 0; s->worker && i < s->workers; i++) {
        s->worker[i].random = rng_at((uint64_t)clock_now(), (uint64_t)i, (uint64_t)(uintptr_t)s);
        if (!(s->worker[i].ranker = ranker_new())) return fail_memory(err, "threads", 1);
        TRY(db_reader_new(&s->worker[i].db, s->db, err));
    }
    return HABIT_OK;
}

// --- people -----------------------------------------------------------------------------------------

event_role service_role(const service *s, const db_event *e, int64_t now)
{
    enum { CLOCKS_DIFFER = 5000000 };
    if (e->time > now + CLOCKS_DIFFER && gorse_is_feedback(e)) return EVENT_TO_COME;
    for (const char *t = s->options.seen_types; t && *t;) {
        const size_t n = strcspn(t, ",");
        if (n == e->behaviour.len && memcmp(t, e->behaviour.at, n) == 0) return EVENT_SEEN;
        t += n + (t[n] == ',');
    }
    return EVENT_DONE;
}

typedef struct loading {
    service *s;
    worker *w;
    person *p;
    int64_t now;
    size_t rows;
    habit_status status;
    habit_error *err;
} loading;

static bool load_event(void *ctx, const db_event *e)
{
    enum { ROWS_A_RING = 16 }; // looked at, whatever they are
    loading *l = ctx;
    const size_t ring = l->s->people.ring;
    const event_role role = service_role(l->s, e, l->now);
    if (role == EVENT_TO_COME) {
        l->p->wake = e->time; // the latest come first: the last of these is the next to come
        return true;
    }
    const person_event own = { .place = db_place(l->w->db),
                               .time = e->time,
                               .item = items_number(&l->s->items, e->item),
                               .value = (float)e->value,
                               .behaviour = behaviours_number(&l->s->behaviours, e->behaviour) };
    if (own.item == IDS_NONE)
        l->status = fail_memory(l->err, "items", sizeof(item_row));
    else if (role == EVENT_DONE)
        l->status = person_add(l->p, &own, ring, l->err);
    else if (l->p->showns < ring)
        l->status = person_show(l->p, own.item, ring, l->err);
    return l->status == HABIT_OK && l->p->events < ring && ++l->rows < ROWS_A_RING * ring;
}

static habit_status load_person(void *ctx, person *p, habit_error *err)
{
    loading *l = ctx;
    l->p = p, l->err = err, l->status = HABIT_OK;
    p->loaded = (int64_t)atomic_load(&l->s->place); // before the database is looked at
    const db_events_of which = {
        .user = { p->id, p->id_len }, .since = TIME_NONE, .until = TIME_NONE, .latest = true
    };
    TRY(db_events(l->w->db, &which, load_event, l, err));
    for (size_t i = 0; i < p->showns / 2; i++) { // latest last
        const uint32_t early = p->shown[i];
        p->shown[i] = p->shown[p->showns - 1 - i];
        p->shown[p->showns - 1 - i] = early;
    }
    return l->status;
}

// Events too old to be kept leave memory no later than they are next looked at.
static void drop_old(person *p, int64_t before)
{
    size_t n = 0;
    while (n < p->events && p->event[n].time < before) n++;
    if (!n) return;
    p->events -= n;
    memmove(p->event, p->event + n, p->events * sizeof *p->event);
    p->rewrite++;
}

habit_status service_person(service *s, worker *w, db_text id, person **out, habit_error *err)
{
    loading l = { .s = s, .w = w, .now = clock_now() };
    TRY(people_take(&s->people, out, id, load_person, &l, err));
    if (s->options.keep_days) drop_old(*out, l.now - s->options.keep_days * DAY);
    return HABIT_OK;
}

void service_heard(service *s, const db_event *e, int64_t place)
{
    const event_role role = service_role(s, e, clock_now());
    if (role == EVENT_TO_COME) {
        people_wake(&s->people, e->user, e->time);
        return;
    }
    const person_event own = { .place = place,
                               .time = e->time,
                               .item = items_number(&s->items, e->item),
                               .value = (float)e->value,
                               .behaviour = behaviours_number(&s->behaviours, e->behaviour) };
    if (own.item == IDS_NONE) { // out of memory: the database has it
        people_forget(&s->people, e->user);
        return;
    }
    if (role == EVENT_SEEN) {
        people_shown(&s->people, e->user, own.item);
        return;
    }
    items_count(&s->items, own.item, people_heard(&s->people, e->user, &own), e->time);
}

void service_forget_items(service *s)
{
    items *t = &s->items;
    char id[ID_MOST];
    size_t len = 0;
    for (uint32_t i = 0;; i++) {
        items_read(t);
        const bool there = i < t->names.count;
        const char *name = there ? ids_at(&t->names, i, &len) : NULL;
        const bool fits = len <= sizeof id;
        if (there && fits) memcpy(id, name, len);
        items_done(t);
        if (!there) return;
        if (!fits) continue;
        items_delete(t, (db_text){ id, len });
        const db_item bare = { .id = { id, len }, .time = TIME_NONE };
        if (!items_is_gone(t, (db_text){ id, len })) items_put(t, &bare, NULL);
    }
}

void service_answer_id(worker *w, char id[ANSWER_ID])
{
    snprintf(id, ANSWER_ID, "%016llx%016llx", (unsigned long long)rng_u64(&w->random),
             (unsigned long long)rng_u64(&w->random));
}

// --- words ------------------------------------------------------------------------------------------

// One line of text as one JSON object; what is JSON already (a request) becomes its member.
static void log_as_json(void *ctx, int level, const char *text)
{
    static const char *const word[] = { "error", "warning", "note", "detail" };
    const service *s = ctx;
    buffer line = { 0 };
    buffer_text(&line, "{\"time\":");
    lines_time(&line, clock_now());
    buffer_format(&line, ",\"level\":\"%s\",\"%s\":", word[level & 3],
                  *text == '{' ? "request" : "message");
    if (*text == '{')
        buffer_text(&line, text);
    else
        lines_text(&line, (db_text){ text, strlen(text) });
    buffer_text(&line, "}");
    if (!line.failed) s->words.log(s->words.ctx, LOG_NOTE, line.data); // no prefix for its level
    buffer_free(&line);
}

static int progress_as_before(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    const service *s = ctx;
    return s->words.progress(s->words.ctx, what, done, total);
}

static void listen_to_words(service *s)
{
    s->words = s->run.hooks;
    if (!s->words.log || !s->options.log || strcmp(s->options.log, "json") != 0) return;
    s->run.hooks.log = log_as_json;
    s->run.hooks.ctx = s;
    if (s->words.progress) s->run.hooks.progress = progress_as_before;
}

// --- start and stop ---------------------------------------------------------------------------------

static bool is_loopback(const char *host)
{
    struct in_addr a;
    if (!host || !*host || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0) return true;
    return inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

static habit_status check_options(const serve_options *o, habit_error *err)
{
    if (!o->store) return fail(err, HABIT_EINVAL, "--store FILE: where are the events kept?");
    if (!o->tls_cert != !o->tls_key)
        return fail(err, HABIT_EINVAL, "--tls-cert and --tls-key go together");
    if (!is_loopback(o->host) && !o->api_keys)
        return fail(err, HABIT_EINVAL,
                    "--host %s lets other machines in: name the keys they must show, --api-keys "
                    "FILE",
                    o->host);
    return HABIT_OK;
}

static habit_status load_keys(service *s, habit_error *err)
{
    keys *fresh = NULL;
    TRY(keys_load(&fresh, s->options.api_keys, err));
    keys *old = atomic_exchange(&s->keys, fresh);
    wait_for_workers(s);
    keys_free(old);
    return HABIT_OK;
}

static habit_status open_store(service *s, habit_error *err)
{
    const serve_options *o = &s->options;
    const char *fields =
        o->keep_fields && strcmp(o->keep_fields, "none") == 0 ? "" : o->keep_fields;
    const db_options how = {
        .durability = strcmp(o->durability, "always") == 0     ? DB_ALWAYS
                      : strcmp(o->durability, "interval") == 0 ? DB_INTERVAL
                                                               : DB_NONE,
        .interval_ms = (int)(o->interval / 1000),
        .keep_fields = fields,
        .keep_days = o->keep_days,
        .keep_events = o->keep_events,
        .vfs = o->vfs,
    };
    return db_open(&s->db, o->store, &how, err);
}

static habit_status start_http(service *s, habit_error *err)
{
    const serve_options *o = &s->options;
    const http_options how = { .host = o->host,
                               .port = o->port,
                               .threads = s->workers,
                               .connections = o->connections,
                               .idle_seconds = (int)((o->idle + 999999) / 1000000),
                               .body_most = (size_t)o->body_limit,
                               .header_most = HEADER_MOST,
                               .certificate = o->tls_cert,
                               .key = o->tls_key };
    return http_start(&s->http, &how, routes_handle, routes_done, s, err);
}

static double seconds_up(void *ctx)
{
    return clock_wall() - ((service *)ctx)->began;
}

static double people_now(void *ctx)
{
    return (double)people_count(&((service *)ctx)->people);
}

static double items_now(void *ctx)
{
    items *t = &((service *)ctx)->items;
    items_read(t);
    const double n = t->names.count;
    items_done(t);
    return n;
}

static double connections_now(void *ctx)
{
    const service *s = ctx;
    return atomic_load(&((service *)ctx)->ready) ? http_connections(s->http) : 0;
}

static double writes_waiting(void *ctx)
{
    return (double)db_look(((service *)ctx)->db).waiting;
}

static double read_only(void *ctx)
{
    return db_look(((service *)ctx)->db).refuses;
}

static double commits(void *ctx)
{
    return (double)db_look(((service *)ctx)->db).commits;
}

static double one(void *ctx)
{
    (void)ctx;
    return 1;
}

// Of the oldest model being served.  The page is written within a request, so that the lineup holds.
static double model_age(void *ctx)
{
    const lineup *l = lineup_now(&((service *)ctx)->models);
    int64_t oldest = clock_now();
    const int64_t now = oldest;
    for (size_t k = 0; k < l->count; k++)
        if (l->model[k]->loaded < oldest) oldest = l->model[k]->loaded;
    return (double)(now - oldest) * 1e-6;
}

static void add_gauges(service *s)
{
    static const struct {
        const char *name, *help;
        gauge_fn *fn;
    } gauges[] = {
        { "habit_uptime_seconds", "Since the service began.", seconds_up },
        { "habit_people_in_memory", "People whose latest events are in memory.", people_now },
        { "habit_items", "Items the service has heard of.", items_now },
        { "habit_connections", "Connections open now.", connections_now },
        { "habit_writes_waiting", "Writes that wait for the database.", writes_waiting },
        { "habit_store_commits", "Transactions of the database since the service began.", commits },
        { "habit_store_read_only", "1: a sync has failed, and writes are refused.", read_only },
        { "habit_model_age_seconds", "Since the oldest model being served was loaded.", model_age },
    };
    for (size_t i = 0; i < COUNT_OF(gauges); i++)
        metrics_gauge(s->metrics, gauges[i].name, gauges[i].help, NULL, gauges[i].fn, s);
    char version[64];
    snprintf(version, sizeof version, "version=\"%s\",kernels=\"%s\"", habit_version(),
             habit_kernels());
    metrics_gauge(s->metrics, "habit_build_info", "What is running.", version, one, s);
}

static habit_status start(service *s, const char *const *models, size_t n, habit_error *err)
{
    const serve_options *o = &s->options;
    TRY(items_init(&s->items, o->half_life > 0 ? o->half_life : 1, err));
    s->models = (lineups){ .keep = o->versions,
                           .items = &s->items,
                           .behaviours = &s->behaviours,
                           .pool = s->run.pool,
                           .grace = wait_for_workers,
                           .ctx = s };
    TRY(lineups_init(&s->models, models, n, o->default_model, err));
    if (!(s->subsets = subsets_new())) return fail_memory(err, "filters", 1);
    if (!(s->metrics = metrics_new())) return fail_memory(err, "metrics", 1);
    add_gauges(s);
    TRY(routes_open(s, err));
    if (o->api_keys) TRY(load_keys(s, err));
    TRY(stats_open(s, err));
    TRY(open_store(s, err));
    TRY(start_workers(s, err));
    TRY(jobs_start(&s->jobs, err));
    TRY(start_http(s, err));
    TRY(service_warm_gone(s, err));
    TRY(lineups_load_all(&s->models, err));
    TRY(service_warm(s, err));
    atomic_store(&s->ready, true);
    run_log(&s->run, LOG_NOTE, "listening at http%s://%s:%d", o->tls_cert ? "s" : "",
            o->host ? o->host : "127.0.0.1", http_port(s->http));
    return HABIT_OK;
}

habit_status service_start(service **out, const serve_options *o, const char *const *models,
                           size_t n, const run *r, habit_error *err)
{
    TRY(check_options(o, err));
    service *s = ZNEW(service, 1);
    if (!s) return fail_memory(err, "service", sizeof *s);
    s->options = *o;
    s->run = *r;
    s->began = clock_wall();
    listen_to_words(s);
    s->workers = o->threads ? o->threads : pool_cores();
    const int ring = o->keep_events && o->keep_events < o->ring ? o->keep_events : o->ring;
    people_init(&s->people, (size_t)ring, (size_t)o->memory);
    behaviours_init(&s->behaviours);
    const habit_status st = start(s, models, n, err);
    if (st == HABIT_OK)
        *out = s;
    else
        service_stop(s);
    return st;
}

int service_port(const service *s)
{
    return http_port(s->http);
}

habit_status service_reload(service *s, habit_error *err)
{
    habit_status first = HABIT_OK;
    if (s->options.api_keys) {
        first = load_keys(s, err);
        run_log(&s->run, first == HABIT_OK ? LOG_NOTE : LOG_ERROR, "keys: %s",
                first == HABIT_OK      ? "loaded again"
                : err && *err->message ? err->message
                                       : "stay as they are");
    }
    for (size_t k = 0; k < s->models.slots; k++) {
        habit_error own = { 0 };
        const char *name = s->models.slot[k].name;
        const habit_status st = lineups_reload(&s->models, name, NULL, &own);
        if (st == HABIT_OK)
            run_log(&s->run, LOG_NOTE, "model %s: loaded again", name);
        else
            run_log(&s->run, LOG_ERROR, "model %s stays as it is: %s", name, own.message);
        if (st != HABIT_OK && first == HABIT_OK) {
            first = st;
            if (err) *err = own;
        }
    }
    return first;
}

void service_stop(service *s)
{
    enum { LAST_SECONDS = 2 };
    if (!s) return;
    if (atomic_load(&s->ready)) run_log(&s->run, LOG_NOTE, "stopping");
    if (s->http) http_drain(s->http, (double)s->options.drain * 1e-6);
    atomic_store(&s->stopping, true);
    wait_for_workers(s); // whoever comes now is told that we stop, and touches nothing
    jobs_stop(&s->jobs);
    for (int i = 0; s->worker && i < s->workers; i++) db_reader_free(s->worker[i].db);
    db_close(s->db); // what waits is written, and its clients are told
    if (s->http) http_drain(s->http, LAST_SECONDS);
    http_stop(s->http);
    for (int i = 0; s->worker && i < s->workers; i++) ranker_free(s->worker[i].ranker);
    mem_free(s->worker);
    routes_close(s);
    stats_close(s);
    lineups_free(&s->models);
    metrics_free(s->metrics);
    keys_free(atomic_load(&s->keys));
    people_free(&s->people);
    subsets_free(s->subsets);
    if (s->items.version) items_free(&s->items);
    behaviours_free(&s->behaviours);
    mem_free(s);
}
