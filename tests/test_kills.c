// test_kills.c - the server is killed while eight clients write: nothing that was acknowledged is
// lost, nothing is there twice, and the events of a user keep their order.
//
// Every writer has users of its own and numbers their events.  It sends the next few; when the
// server dies before it answers, the same few are sent again to the next server, under the same
// event_ids, and only then the ones after them.  So a lost event stays lost, and is seen at the end.
// HABIT_KILLS=10000 kills more often than the 200 times of every day.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"
#include "base/rng.h"
#include "store/db.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 8, USERS = 3, BATCH_MOST = 5, BODY = 1024, SERVER_LONGEST_MS = 60 };

typedef struct writer {
    int number, port;
    pthread_t thread;
    uint64_t turn;                // which batch, so that its dice are known
    int next[USERS], told[USERS]; // first event that was not sent; first that was not acknowledged
    char batch[BODY];             // on its way: empty if none is
    int batch_user, batch_events;
    unsigned long acknowledged, repeated, cut_off; // events, events, batches
    bool wrong; // an answer that is neither 200 nor a broken connection
    char what[200];
} writer;

static serve_place place;
static atomic_bool over;

static void make_batch(writer *w)
{
    rng dice = rng_at(7, (uint64_t)w->number, w->turn++);
    size_t at = 0;
    w->batch_user = (int)rng_below(&dice, USERS);
    w->batch_events = (int)rng_below(&dice, BATCH_MOST) + 1;
    for (int i = 0; i < w->batch_events; i++) {
        const int event = w->next[w->batch_user]++;
        at += (size_t)snprintf(w->batch + at, sizeof w->batch - at,
                               "{\"user\":\"w%d-%d\",\"item\":\"i%03d\",\"value\":%d,"
                               "\"event_id\":\"w%d-%d-%d\"}\n",
                               w->number, w->batch_user, event % 100, event, w->number,
                               w->batch_user, event);
    }
}

// Until the server dies, or `over`.
static void *write_events(void *ctx)
{
    writer *w = ctx;
    serve_client c;
    client_open(&c, w->port);
    while (!atomic_load(&over)) {
        if (!*w->batch) make_batch(w);
        const int status = client_ask(&c, "POST", "/v1/events", w->batch);
        if (status == 0) {
            w->cut_off++;
            break;
        }
        const double fresh = client_number(&c, "accepted"), old = client_number(&c, "repeated");
        if (status != 200 || fresh + old != w->batch_events) {
            w->wrong = true;
            snprintf(w->what, sizeof w->what, "%d %.150s", status, c.body);
            break;
        }
        w->acknowledged += (unsigned long)w->batch_events;
        w->repeated += (unsigned long)old;
        w->told[w->batch_user] += w->batch_events;
        *w->batch = '\0';
    }
    client_close(&c);
    return NULL;
}

static void wait_ms(unsigned ms)
{
    poll(NULL, 0, (int)ms);
}

static const char *const durability[] = { "always", "interval", "none" };

// Now and then a server is killed while it starts: what it mends then must be mended again.
static void kill_a_newborn(rng *dice)
{
    char *args[] = { place.habit,
                     (char *)(uintptr_t) "serve",
                     (char *)(uintptr_t) "m.model",
                     (char *)(uintptr_t) "--store",
                     (char *)(uintptr_t) "live.db",
                     (char *)(uintptr_t) "--port",
                     (char *)(uintptr_t) "0",
                     NULL };
    const pid_t pid = serve_spawn(&place, args, -1, "serve.log");
    wait_ms((unsigned)rng_below(dice, 40));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool run_cycle(writer *w, int cycle)
{
    rng dice = rng_at(11, (uint64_t)cycle, 0);
    serve_process p;
    if (cycle % 8 == 7) kill_a_newborn(&dice);
    if (!serve_begin(&p, &place, "m.model", "--store", "live.db", "--durability",
                     durability[cycle % 3], "--interval", "1s", NULL))
        return false;
    atomic_store(&over, false);
    for (int i = 0; i < WRITERS; i++) {
        w[i].port = p.port;
        pthread_create(&w[i].thread, NULL, write_events, &w[i]);
    }
    wait_ms((unsigned)rng_below(&dice, SERVER_LONGEST_MS) + 2);
    serve_end(&p, SIGKILL);
    for (int i = 0; i < WRITERS; i++) pthread_join(w[i].thread, NULL);
    return true;
}

// What nobody answered for is sent a last time, to a server that is stopped in order.
static bool run_last(writer *w)
{
    serve_process p;
    bool all = true;
    if (!serve_begin(&p, &place, "m.model", "--store", "live.db", NULL)) return false;
    for (int i = 0; i < WRITERS; i++) {
        serve_client c;
        client_open(&c, p.port);
        if (*w[i].batch && client_ask(&c, "POST", "/v1/events", w[i].batch) == 200) {
            w[i].told[w[i].batch_user] += w[i].batch_events;
            *w[i].batch = '\0';
        }
        all = all && !*w[i].batch;
        client_close(&c);
    }
    return serve_end(&p, SIGTERM) == 0 && all;
}

// --- what is there ----------------------------------------------------------------------------------

typedef struct found {
    int next[WRITERS][USERS]; // the event that comes next if all is well
    unsigned long events, lost, doubled, disorder, strange;
} found;

// Events come by user and time: each must be the one after the last.
static bool see(void *ctx, const db_event *e)
{
    found *f = ctx;
    const int who = e->user.len == 4 ? e->user.at[1] - '0' : -1;
    const int user = e->user.len == 4 ? e->user.at[3] - '0' : -1;
    f->events++;
    if (who < 0 || who >= WRITERS || user < 0 || user >= USERS) {
        f->strange++;
        return true;
    }
    int *next = &f->next[who][user];
    const int event = (int)e->value;
    if (event == *next - 1)
        f->doubled++;
    else if (event < *next)
        f->disorder++;
    else
        f->lost += (unsigned long)(event - *next);
    if (event >= *next) *next = event + 1;
    return true;
}

static void look(found *f, const writer *w)
{
    const db_options o = { .durability = DB_ALWAYS };
    db *d = NULL;
    db_reader *r = NULL;
    *f = (found){ 0 };
    CHECK_OK(db_open(&d, "live.db", &o, err));
    if (d) CHECK_OK(db_reader_new(&r, d, err));
    for (int i = 0; r && i < WRITERS; i++)
        for (int u = 0; u < USERS; u++) {
            char name[16];
            snprintf(name, sizeof name, "w%d-%d", i, u);
            const db_events_of all = { .user = { name, strlen(name) },
                                       .since = TIME_NONE,
                                       .until = TIME_NONE };
            CHECK_OK(db_events(r, &all, see, f, err));
            CHECK(f->next[i][u] >= w[i].told[u], "%s: %d events were acknowledged, %d are there",
                  name, w[i].told[u], f->next[i][u]);
        }
    db_reader_free(r);
    db_close(d);
}

static void test_kills(int kills)
{
    static writer w[WRITERS];
    static found f;
    int failed = 0;
    for (int i = 0; i < WRITERS; i++) w[i].number = i;
    for (int i = 0; i < kills && !failed; i++) failed += !run_cycle(w, i);
    CHECK(failed == 0, "a server did not start again");
    CHECK(run_last(w), "the last server");
    look(&f, w);
    unsigned long acknowledged = 0, repeated = 0, cut_off = 0;
    for (int i = 0; i < WRITERS; i++) {
        CHECK(!w[i].wrong, "writer %d: %s", i, w[i].what);
        acknowledged += w[i].acknowledged, repeated += w[i].repeated, cut_off += w[i].cut_off;
    }
    printf("%d kills: %lu events acknowledged, %lu there; %lu batches without an answer, %lu of "
           "their events had been kept\n",
           kills, acknowledged, f.events, cut_off, repeated);
    CHECK(f.lost == 0, "%lu events lost", f.lost);
    CHECK(f.doubled == 0, "%lu events are there twice", f.doubled);
    CHECK(f.disorder == 0, "%lu events out of order", f.disorder);
    CHECK(f.strange == 0, "%lu events of nobody", f.strange);
    // or this test has seen nothing
    CHECK(cut_off >= (unsigned long)kills, "only %lu batches were cut off", cut_off);
    CHECK(acknowledged >= 10 * (unsigned long)kills, "only %lu acknowledged", acknowledged);
    CHECK(repeated > 0, "nothing was kept that nobody was told of");
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#ifdef HAVE_SERVE
    const char *kills = getenv("HABIT_KILLS");
    serve_place_open(&place, argc, argv);
    CHECK(serve_run(&place, "simulate", "--out", "shop", "--users", "60", "--items", "100",
                    "--events", "1500", "--quiet", NULL) == 0 &&
              serve_run(&place, "train", "shop/events.csv", "--model", "pop", "--out", "m.model",
                        "--quiet", NULL) == 0,
          "no model");
    test_kills(kills ? (int)strtol(kills, NULL, 10) : 200);
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
