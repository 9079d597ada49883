// test_swaps.c - models are exchanged 1,000 times under load: no request fails, and every answer is
// what the version that it names says.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CLIENTS = 4, PEOPLE = 12, VERSIONS = 3, SWAPS = 1000 };

static serve_place place;
static atomic_int failed, wrong, unknown, answers, seen[VERSIONS];
static atomic_bool over;
static int port;

// What each version says to each person: the items of an answer and their scores.
static char version[VERSIONS][20];
static char *truth[VERSIONS][PEOPLE];
static const char *const folder[VERSIONS] = { "a.model", "b.model", "c.model" };

static bool make_models(void)
{
    return serve_run(&place, "simulate", "--out", "shop", "--users", "200", "--items", "300",
                     "--events", "6000", "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--model", "gru4rec", "--epochs", "1",
                     "--dim", "8", "--out", "a.model", "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--model", "gru4rec", "--epochs", "1",
                     "--dim", "12", "--seed", "2", "--out", "b.model", "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--model", "itemknn", "--out", "c.model",
                     "--quiet", NULL) == 0;
}

static bool post_events(serve_client *c)
{
    bool good = true;
    for (int u = 0; u < PEOPLE; u++)
        for (int e = 0; e <= u % 5; e++) {
            char body[200];
            snprintf(body, sizeof body, "{\"user\":\"p%d\",\"item\":\"i%03d\",\"time\":%d}", u,
                     (7 * u + 3 * e) % 90 + 1, 1700000000 + e);
            good &= client_ask(c, "POST", "/v1/events", body) == 200;
        }
    return good;
}

static const char *ask(serve_client *c, int person)
{
    char path[100];
    snprintf(path, sizeof path, "/v1/users/p%d/recommendations?n=8", person);
    return client_get(c, path) == 200 ? strstr(c->body, "\"items\":") : NULL;
}

static bool reload(serve_client *c, const char *path)
{
    char body[100];
    snprintf(body, sizeof body, "{\"model\":\"m\",\"path\":\"%s\"}", path);
    return client_ask(c, "POST", "/v1/models/reload", body) == 200;
}

static void learn_truth(serve_client *c)
{
    for (int v = 0; v < VERSIONS; v++) {
        CHECK(reload(c, folder[v]), "%s", c->body);
        for (int u = 0; u < PEOPLE; u++) {
            const char *items = ask(c, u);
            CHECK(items != NULL, "%d %s", c->status, c->body);
            truth[v][u] = strdup(items ? items : "");
            snprintf(version[v], sizeof version[v], "%s", client_text(c, "version"));
        }
    }
    CHECK(strcmp(version[0], version[1]) != 0 && strcmp(version[1], version[2]) != 0 &&
              strcmp(truth[0][4], truth[1][4]) != 0 && strcmp(truth[1][4], truth[2][4]) != 0,
          "the versions say the same");
}

static void *load(void *ctx)
{
    serve_client c;
    client_open(&c, port);
    for (int i = (int)(size_t)ctx; !atomic_load(&over); i++) {
        if (i % 16 == 0 && client_get(&c, "/v1/models") != 200) atomic_fetch_add(&failed, 1);
        const char *items = ask(&c, i % PEOPLE);
        int v = 0;
        if (!items) {
            atomic_fetch_add(&failed, 1);
            continue;
        }
        while (v < VERSIONS && strcmp(client_text(&c, "version"), version[v]) != 0) v++;
        atomic_fetch_add(&answers, 1);
        if (v == VERSIONS) {
            atomic_fetch_add(&unknown, 1);
            continue;
        }
        atomic_fetch_add(&seen[v], 1);
        if (strcmp(items, truth[v][i % PEOPLE]) != 0 && atomic_fetch_add(&wrong, 1) == 0)
            fprintf(stderr, "version %s says %sand not %s", version[v], items,
                    truth[v][i % PEOPLE]);
    }
    client_close(&c);
    return NULL;
}

// By request, back to the version before, and now and then from a folder that is damaged.
static int swap_often(serve_client *c, double seconds)
{
    const double until = clock_wall() + seconds;
    int swaps = 0, refused = 0;
    for (int i = 0; i < SWAPS && clock_wall() < until; i++) {
        if (i % 10 == 9) refused += !reload(c, "damaged.model");
        if (i % 7 == 6)
            swaps += client_ask(c, "POST", "/v1/models/rollback", "{\"model\":\"m\"}") == 200;
        else
            swaps += reload(c, folder[i % VERSIONS]);
    }
    CHECK(refused > swaps / 12, "%d damaged models were refused", refused);
    return swaps;
}

static void check_swaps(serve_client *c)
{
    pthread_t t[CLIENTS];
    const char *patience = getenv("HABIT_SWAP_SECONDS");
    for (size_t i = 0; i < CLIENTS; i++) pthread_create(&t[i], NULL, load, (void *)i);
    const double began = clock_wall();
    const int swaps = swap_often(c, patience ? strtod(patience, NULL) : 200);
    const double seconds = clock_wall() - began;
    atomic_store(&over, true);
    for (int i = 0; i < CLIENTS; i++) pthread_join(t[i], NULL);
    printf("%d swaps in %.1f s under %d answers (%d, %d, %d of each version)\n", swaps, seconds,
           atomic_load(&answers), atomic_load(&seen[0]), atomic_load(&seen[1]),
           atomic_load(&seen[2]));
    CHECK(swaps == SWAPS, "%d swaps", swaps);
    CHECK(!atomic_load(&failed) && !atomic_load(&wrong) && !atomic_load(&unknown),
          "%d failed, %d wrong, %d of an unknown version", atomic_load(&failed),
          atomic_load(&wrong), atomic_load(&unknown));
    for (int v = 0; v < VERSIONS; v++)
        CHECK(atomic_load(&seen[v]) > 0, "version %d was never seen", v);
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#ifdef HAVE_SERVE
    serve_process p;
    serve_client c;
    serve_place_open(&place, argc, argv);
    CHECK(make_models(), "no models");
    CHECK(system("cp -r a.model damaged.model") == 0 &&
              truncate("damaged.model/model.safetensors", 900) == 0,
          "no damage");
    CHECK(serve_begin(&p, &place, "m=a.model", "--store", "live.db", "--threads", "3", NULL),
          "no server");
    port = p.port;
    client_open(&c, port);
    CHECK(post_events(&c), "%s", c.body);
    learn_truth(&c);
    check_swaps(&c);
    CHECK(client_get(&c, "/metrics") == 200, "%s", c.body);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    for (int v = 0; v < VERSIONS; v++)
        for (int u = 0; u < PEOPLE; u++) free(truth[v][u]);
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
