// serve_client.h - a real `habit serve` for tests, and a client that keeps its connection.
//
//     int main(int argc, char **argv)
//     {
//         serve_place place;
//         serve_process p;
//         serve_client c;
//         serve_place_open(&place, argc, argv);          // a folder of its own; argv[1] is habit
//         serve_run(&place, "train", "log.csv", "--model", "ease", "--out", "ease.model", NULL);
//         CHECK(serve_begin(&p, &place, "ease.model", "--store", "live.db", NULL), "no server");
//         client_open(&c, p.port);
//         CHECK(client_ask(&c, "POST", "/v1/events", "{...}") == 200, "%s", c.body);
//         CHECK(strcmp(client_text(&c, "items.0.item"), "i7") == 0, "%s", c.body);
//         client_close(&c);
//         serve_end(&p, SIGTERM);
//         serve_place_close(&place);
//     }
#ifndef TESTS_SERVE_CLIENT_H
#define TESTS_SERVE_CLIENT_H
#include "tests/check.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVE_ARGS = 40, SERVE_PATIENCE = 60 };

// --- a folder to work in ----------------------------------------------------------------------------

typedef struct serve_place {
    char habit[1024]; // the command
    char dir[64];
} serve_place;

static inline void serve_place_close(serve_place *p)
{
    if (chdir("/") || !p->dir[0]) return;
    const pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", p->dir, (char *)NULL);
        _exit(127);
    }
    if (pid > 0) waitpid(pid, NULL, 0);
}

// Makes the folder and goes there.
static inline void serve_place_open(serve_place *p, int argc, char **argv)
{
    *p = (serve_place){ .dir = "/tmp/habit-serve-XXXXXX" };
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || !realpath(argv[1], p->habit) || !mkdtemp(p->dir) || chdir(p->dir)) {
        fprintf(stderr, "usage: %s HABIT\n", argv[0]);
        exit(EXIT_FAILURE);
    }
}

// --- processes --------------------------------------------------------------------------------------

static inline pid_t serve_spawn(const serve_place *place, char *const *args, int out,
                                const char *log)
{
    const pid_t pid = fork();
    if (pid) return pid;
    const int errors = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out < 0) out = errors;
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0) _exit(126);
    execv(place->habit, args);
    _exit(127);
}

static inline size_t serve_args(char **args, const serve_place *place, const char *verb, va_list ap)
{
    size_t n = 0;
    args[n++] = (char *)(uintptr_t)place->habit;
    args[n++] = (char *)(uintptr_t)verb;
    while (n < SERVE_ARGS - 1 && (args[n] = va_arg(ap, char *))) n++;
    args[n] = NULL;
    return n;
}

// Runs `habit VERB ...` to its end; the list ends with NULL.  Returns the exit code; its words are
// in run.log.
static inline int serve_run(const serve_place *place, const char *verb, ...)
{
    char *args[SERVE_ARGS];
    int status = 0;
    va_list ap;
    va_start(ap, verb);
    serve_args(args, place, verb, ap);
    va_end(ap);
    const pid_t pid = serve_spawn(place, args, -1, "run.log");
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

typedef struct serve_process {
    pid_t pid;
    int port, out; // out: its standard output
} serve_process;

// Starts `habit serve ... --port 0` and waits for its port; the list ends with NULL.  False if it did
// not come up; its words are in serve.log.
static inline bool serve_begin(serve_process *p, const serve_place *place, ...)
{
    char *args[SERVE_ARGS], line[16] = "";
    int ends[2];
    va_list ap;
    va_start(ap, place);
    size_t n = serve_args(args, place, "serve", ap);
    va_end(ap);
    if (n + 3 > SERVE_ARGS || pipe(ends)) return false;
    args[n++] = (char *)(uintptr_t) "--port";
    args[n++] = (char *)(uintptr_t) "0";
    args[n] = NULL;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC); // other servers must not hold it
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    *p = (serve_process){ .pid = serve_spawn(place, args, ends[1], "serve.log"), .out = ends[0] };
    close(ends[1]);
    const double until = clock_wall() + SERVE_PATIENCE;
    for (size_t at = 0; at + 1 < sizeof line && !strchr(line, '\n') && clock_wall() < until;) {
        struct pollfd ready = { .fd = p->out, .events = POLLIN };
        if (poll(&ready, 1, 100) <= 0) continue;
        const ssize_t got = read(p->out, line + at, sizeof line - 1 - at);
        if (got <= 0) break;
        at += (size_t)got;
        line[at] = '\0';
    }
    p->port = strchr(line, '\n') ? (int)strtol(line, NULL, 10) : 0;
    return p->port > 0;
}

static inline void serve_show_log(void)
{
    char line[2000];
    FILE *f = fopen("serve.log", "r");
    while (f && fgets(line, sizeof line, f)) fputs(line, stderr);
    if (f) fclose(f);
}

// Sends the signal and waits.  Returns the exit code, or 128 and the signal that ended it; its words
// are shown if it ended otherwise than well or killed.
static inline int serve_end(serve_process *p, int number)
{
    int status = 0;
    if (p->pid <= 0) return -1;
    kill(p->pid, number);
    waitpid(p->pid, &status, 0);
    close(p->out);
    p->pid = 0;
    if (number != SIGKILL && status) serve_show_log();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// --- a client ---------------------------------------------------------------------------------------

typedef struct serve_client {
    int port, fd;    // fd -1: not connected
    int status;      // of the latest answer; 0: there was none
    char head[4096]; // its status line and headers
    char *body;      // NUL after the last byte
    size_t len, cap;
    json_t *json;      // the body, once somebody asked
    const char *extra; // header lines sent with every request, each with its \r\n; NULL: none
} serve_client;

static inline void client_open(serve_client *c, int port)
{
    *c = (serve_client){ .port = port, .fd = -1 };
}

static inline void client_hang_up(serve_client *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static inline void client_close(serve_client *c)
{
    client_hang_up(c);
    json_decref(c->json);
    free(c->body);
    *c = (serve_client){ .fd = -1 };
}

static inline bool client_dial(serve_client *c)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)c->port) };
    const struct timeval patience = { .tv_sec = SERVE_PATIENCE };
    const int yes = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0) return true;
    client_hang_up(c);
    return false;
}

static inline bool client_send(serve_client *c, const char *bytes, size_t len)
{
    while (len) {
        const ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes += n, len -= (size_t)n;
    }
    return true;
}

// Reads until head[] has the whole head; what came of the body goes to c->body.
static inline bool client_hear_head(serve_client *c)
{
    size_t n = 0;
    for (;;) {
        const ssize_t got = recv(c->fd, c->head + n, sizeof c->head - 1 - n, 0);
        if (got <= 0) return false;
        n += (size_t)got;
        c->head[n] = '\0';
        char *end = strstr(c->head, "\r\n\r\n");
        if (!end) continue;
        c->len = n - (size_t)(end + 4 - c->head);
        if (c->len > c->cap && (c->cap = c->len + 4096)) c->body = realloc(c->body, c->cap + 1);
        if (c->len) memcpy(c->body, end + 4, c->len);
        end[2] = '\0';
        return true;
    }
}

// A header of the latest answer, to the end of its line; NULL if there is none.
static inline const char *client_header(const serve_client *c, const char *name)
{
    const size_t n = strlen(name);
    for (const char *line = strchr(c->head, '\n'); line; line = strchr(line + 1, '\n'))
        if (strncasecmp(line + 1, name, n) == 0 && line[1 + n] == ':')
            return line + 2 + n + strspn(line + 2 + n, " ");
    return NULL;
}

static inline bool client_hear(serve_client *c)
{
    if (!client_hear_head(c)) return false;
    const char *length = client_header(c, "Content-Length");
    const size_t want = length ? strtoul(length, NULL, 10) : 0;
    if (want > c->cap || !c->body) {
        c->cap = want + 4096;
        c->body = realloc(c->body, c->cap + 1);
    }
    while (c->len < want) {
        const ssize_t got = recv(c->fd, c->body + c->len, want - c->len, 0);
        if (got <= 0) return false;
        c->len += (size_t)got;
    }
    c->body[c->len] = '\0';
    c->status = (int)strtol(c->head + strcspn(c->head, " "), NULL, 10);
    const char *connection = client_header(c, "Connection");
    if (connection && strncasecmp(connection, "close", 5) == 0) client_hang_up(c);
    return true;
}

// Sends a request and waits for its answer: its status, 0 if none came.  A connection that the server
// has closed in the meantime is opened again.  body NULL: none.
static inline int client_ask_bytes(serve_client *c, const char *method, const char *path,
                                   const char *body, size_t len)
{
    char head[4096];
    json_decref(c->json);
    c->json = NULL;
    const int n =
        snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n",
                 method, path, c->extra ? c->extra : "", len);
    for (int turn = 0; turn < 2; turn++) {
        const bool fresh = c->fd < 0;
        c->status = 0, c->len = 0;
        if (fresh && !client_dial(c)) return 0;
        if (client_send(c, head, (size_t)n) && client_send(c, body, len) && client_hear(c))
            return c->status;
        client_hang_up(c);
        if (fresh) return 0;
    }
    return 0;
}

static inline int client_ask(serve_client *c, const char *method, const char *path,
                             const char *body)
{
    return client_ask_bytes(c, method, path, body, body ? strlen(body) : 0);
}

static inline int client_get(serve_client *c, const char *path)
{
    return client_ask(c, "GET", path, NULL);
}

// A value of the answer by its path: "items.0.item"; NULL if there is none.
static inline const json_t *client_value(serve_client *c, const char *path)
{
    if (!c->json) c->json = json_loadb(c->body ? c->body : "", c->len, JSON_DECODE_ANY, NULL);
    const json_t *v = c->json;
    while (v && *path) {
        char name[100];
        const size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        v = json_is_array(v) ? json_array_get(v, strtoul(name, NULL, 10))
                             : json_object_get(v, name);
        path += n + (path[n] == '.');
    }
    return v;
}

static inline const char *client_text(serve_client *c, const char *path) // "" if it is none
{
    const char *s = json_string_value(client_value(c, path));
    return s ? s : "";
}

static inline double client_number(serve_client *c,
                                   const char *path) // NAN-like -1e300 if it is none
{
    const json_t *v = client_value(c, path);
    return json_is_number(v) ? json_number_value(v) : json_is_true(v) ? 1 : -1e300;
}

static inline size_t client_count(serve_client *c, const char *path) // of a list
{
    return json_array_size(client_value(c, path));
}

#endif
