// test_notify.c - what `habit serve` tells whoever supervises it (cli/notify.h).
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"

#include <stddef.h>
#include <sys/un.h>

static serve_place place;

// A socket to be told at: a file, or, from '@' on, a name.
static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    memcpy(a.sun_path, path, strlen(path));
    if (*path == '@') a.sun_path[0] = '\0';
    CHECK(bind(fd, (struct sockaddr *)&a,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) == 0,
          "%s: %s", path, strerror(errno));
    setenv("NOTIFY_SOCKET", path, 1);
    return fd;
}

static void hear(int fd, const char *state)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    char text[300] = "";
    const bool came = poll(&ready, 1, 20000) == 1;
    if (came) text[recv(fd, text, sizeof text - 1, 0)] = '\0';
    const size_t n = strlen(state);
    CHECK(strncmp(text, state, n) == 0 && strncmp(text + n, "\nMONOTONIC_USEC=", 16) == 0,
          "%s: heard '%s'", state, text);
}

static void test_states(const char *path)
{
    serve_process p;
    const int fd = listen_at(path);
    CHECK(serve_begin(&p, &place, "pop.model", "--store", "live.db", NULL), "no server");
    hear(fd, "READY=1");
    kill(p.pid, SIGHUP);
    hear(fd, "RELOADING=1");
    hear(fd, "READY=1");
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    hear(fd, "STOPPING=1");
    close(fd);
}

// A service that does not come up is not ready, and one that nobody listens to comes up.
static void test_silence(const char *path)
{
    serve_process p;
    const int fd = listen_at(path);
    CHECK(serve_run(&place, "serve", "no.model", "--store", "live.db", NULL) == 66, "no model");
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    CHECK(poll(&ready, 1, 0) == 0, "ready without a model");
    close(fd);
    CHECK(serve_begin(&p, &place, "pop.model", "--store", "live.db", NULL), "no server");
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#ifdef HAVE_SERVE
    char path[100];
    serve_place_open(&place, argc, argv);
    CHECK(serve_run(&place, "simulate", "--out", "shop", "--users", "100", "--items", "60",
                    "--events", "3000", "--quiet", NULL) == 0 &&
              serve_run(&place, "train", "shop/events.csv", "--model", "pop", "--out", "pop.model",
                        "--quiet", NULL) == 0,
          "no model");
    snprintf(path, sizeof path, "%s/notify", place.dir);
    test_states(path);
#ifdef __linux__
    snprintf(path, sizeof path, "@%s", place.dir);
    test_states(path);
#endif
    snprintf(path, sizeof path, "%s/silence", place.dir);
    test_silence(path);
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("skipped: built without the live service");
    return CHECK_SKIPPED;
#endif
}
