// test_disk_full.c - a disk that fills up under a running server: writes are refused with 507,
// reading and recommending go on, and writes are taken again as soon as there is room.
//
// Needs a small file system of its own: root, and a kernel that lets it mount one.
#include <config.h>

#if defined(HAVE_SERVE) && defined(__linux__)
#include "tests/serve_client.h"

#include <sys/mount.h>

enum { DISK_BYTES = 8 << 20, BALLAST = 6 << 20, ROUNDS = 3, LONG_FIELD = 2000, TURNS_MOST = 3000 };

static serve_place place;
static int sent; // events that were sent so far, all of user "ann"
static bool acknowledged[ROUNDS * TURNS_MOST * 2];

// A file that takes `most` bytes, or all that is left.  Returns how many.
static long write_ballast(long most)
{
    static const char zeros[4096];
    long n = 0;
    const int fd = open("disk/ballast", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (ssize_t got = 1; got > 0 && n<most; n += got> 0 ? got : 0)
        got = write(fd, zeros, sizeof zeros);
    close(fd);
    return n;
}

static int post_event(serve_client *c)
{
    char body[LONG_FIELD + 200], page[LONG_FIELD + 1];
    memset(page, 'p', LONG_FIELD);
    page[LONG_FIELD] = '\0';
    snprintf(
        body, sizeof body,
        "{\"user\":\"ann\",\"item\":\"i%03d\",\"event_id\":\"e%d\",\"value\":%d,\"page\":\"%s\"}",
        sent % 100, sent, sent, page);
    const int status = client_ask(c, "POST", "/v1/events", body);
    acknowledged[sent++] = status == 200;
    return status;
}

// Everything acknowledged is in the timeline, in order; nothing refused is.
static void check_timeline(serve_client *c, int round)
{
    int there = 0, wrong = 0, expected = 0;
    CHECK(client_get(c, "/v1/users/ann?n=10000") == 200, "%d %.300s", c->status, c->body);
    const json_t *events = client_value(c, "events");
    for (int i = 0; i < sent; i++) expected += acknowledged[i];
    for (size_t i = json_array_size(events); i-- > 0; there++) {
        const json_t *value = json_object_get(json_array_get(events, i), "value");
        static int last;
        const int number = (int)json_number_value(value);
        if (there == 0) last = -1;
        wrong += number <= last || number >= sent || !acknowledged[number];
        last = number;
    }
    CHECK(there == expected && wrong == 0,
          "round %d: %d events are there, %d were acknowledged; %d wrong", round, there, expected,
          wrong);
}

static void check_full(serve_client *c, int round)
{
    CHECK(c->status == 507, "round %d: %d %.300s", round, c->status, c->body);
    CHECK(strcmp(client_text(c, "error.type"), "server_error") == 0 ||
              strcmp(client_text(c, "error.type"), "invalid_request_error") == 0,
          "%s", c->body);
    CHECK(*client_text(c, "error.message"), "a refusal without words: %s", c->body);
    CHECK(client_get(c, "/v1/users/ann/recommendations?n=3") == 200 &&
              client_count(c, "items") == 3,
          "round %d: no answers on a full disk: %d %.300s", round, c->status, c->body);
    CHECK(client_get(c, "/v1/users/nobody/recommendations?n=3") == 200, "%d %.300s", c->status,
          c->body);
    CHECK(client_get(c, "/healthz") == 200 && client_get(c, "/v1/models") == 200, "%s", c->body);
    CHECK(client_get(c, "/readyz") == 200, "%d %s", c->status, c->body);
    check_timeline(c, round);
    CHECK(post_event(c) == 507, "round %d: room on a full disk: %d %.300s", round, c->status,
          c->body);
}

static void test_rounds(serve_client *c)
{
    for (int round = 0; round < ROUNDS; round++) {
        int turns = 0;
        // the first time the events themselves fill it, later it is full at once
        CHECK(write_ballast(round ? DISK_BYTES : BALLAST) > 0, "round %d: no room for the ballast",
              round);
        while (post_event(c) == 200 && ++turns < TURNS_MOST) continue;
        CHECK(round || turns > 0, "nothing was taken");
        check_full(c, round);
        unlink("disk/ballast"); // there is room again
        int status = 0;
        for (int i = 0; i < 20; i++) {
            status = post_event(c);
            CHECK(status == 200, "round %d: %d %.300s", round, status, c->body);
        }
        check_timeline(c, round);
    }
}

static bool have_disk(void)
{
    char size[40];
    snprintf(size, sizeof size, "size=%d", DISK_BYTES);
    return mkdir("disk", 0700) == 0 && mount("tmpfs", "disk", "tmpfs", 0, size) == 0;
}

static void test_disk(void)
{
    serve_process p;
    serve_client c;
    CHECK(serve_run(&place, "simulate", "--out", "shop", "--users", "60", "--items", "100",
                    "--events", "1500", "--quiet", NULL) == 0 &&
              serve_run(&place, "train", "shop/events.csv", "--model", "itemknn", "--out",
                        "m.model", "--quiet", NULL) == 0,
          "no model");
    CHECK(serve_begin(&p, &place, "m.model", "--store", "disk/live.db", NULL), "no server");
    client_open(&c, p.port);
    test_rounds(&c);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    CHECK(serve_begin(&p, &place, "m.model", "--store", "disk/live.db", NULL), "no server");
    client_open(&c, p.port);
    check_timeline(&c, ROUNDS);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    int taken = 0;
    for (int i = 0; i < sent; i++) taken += acknowledged[i];
    printf("%d rounds: %d events taken, %d refused\n", ROUNDS, taken, sent - taken);
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#if defined(HAVE_SERVE) && defined(__linux__)
    serve_place_open(&place, argc, argv);
    if (!have_disk()) {
        printf("a small disk cannot be mounted: %s (needs root)\n", strerror(errno));
        serve_place_close(&place);
        return CHECK_SKIPPED;
    }
    test_disk();
    umount("disk");
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
