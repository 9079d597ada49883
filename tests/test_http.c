// test_http.c - requests as they come over the wire: targets, bodies, limits, answers given later.
#include "tests/check.h"
#include "base/clock.h"
#include "base/memory.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "serve/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MOST = 5000, ANSWER = 1 << 16 };

static atomic_int handled, finished, wrong;

static void *finish_later(void *ctx)
{
    usleep(20000);
    http_finish(ctx);
    return NULL;
}

// Tells what it was asked.
static void tell(void *ctx, http_request *r)
{
    (void)ctx;
    atomic_fetch_add(&handled, 1);
    buffer_format(&r->reply, "%s", r->method);
    for (size_t i = 0; i < r->parts; i++) {
        buffer_text(&r->reply, " [");
        buffer_add(&r->reply, r->part[i].at, r->part[i].len);
        buffer_text(&r->reply, "]");
    }
    for (size_t i = 0; i < r->params; i++)
        buffer_format(&r->reply, " %s=%s", r->name[i].at, r->value[i].at);
    buffer_format(&r->reply, " body %zu", r->body.len);
    r->type = "text/plain";
    http_add_header(r, "X-Worker", "some");
    if (r->parts && strcmp(r->part[0].at, "later") == 0) {
        pthread_t t;
        http_answer(r, 202);
        http_later(r);
        if (pthread_create(&t, NULL, finish_later, r) == 0) pthread_detach(t);
        return;
    }
    http_answer(r, 200);
}

static void over(void *ctx, http_request *r)
{
    (void)ctx, (void)r;
    atomic_fetch_add(&finished, 1);
}

// --- a client ---------------------------------------------------------------------------------------

static atomic_int port;

static int dial(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 2 },
               sizeof(struct timeval));
    if (connect(s, (struct sockaddr *)&a, sizeof a)) atomic_fetch_add(&wrong, 1);
    return s;
}

// One answer with its body, or as much as came.
static const char *hear(int s)
{
    static char text[ANSWER];
    size_t n = 0;
    text[0] = '\0';
    for (;;) {
        const char *body = strstr(text, "\r\n\r\n"), *len = strstr(text, "Content-Length: ");
        if (body && len && n >= (size_t)(body + 4 - text) + strtoul(len + 16, NULL, 10)) break;
        const ssize_t got = recv(s, text + n, sizeof text - 1 - n, 0);
        if (got <= 0) break;
        n += (size_t)got;
        text[n] = '\0';
    }
    return text;
}

static const char *ask(const char *request)
{
    const int s = dial();
    const size_t n = strlen(request);
    CHECK(send(s, request, n, MSG_NOSIGNAL) == (ssize_t)n, "send");
    const char *text = hear(s);
    close(s);
    return text;
}

// clang-format off
static const struct {
    const char *name, *request, *status, *body;
} cases[] = {
    { "a path", "GET /v1/users HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET [v1] [users] body 0" },
    { "an id with a slash", "GET /u/a%2Fb%20c+d HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET [u] [a/b c+d] body 0" },
    { "broken codes stay", "GET /%zz%4 HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET [%zz%4] body 0" },
    { "empty parts", "GET /a//b/ HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET [a] [] [b] [] body 0" },
    { "a query", "GET /?n=3&q=a+b%26&flag&=x HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET [] n=3 q=a b& flag= =x body 0" },
    { "a body", "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "200", "POST [e] body 5" },
    { "chunks", "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "200", "POST [e] body 5" },
    { "later", "GET /later HTTP/1.1\r\nHost: x\r\n\r\n", "202", "GET [later] body 0" },
    { "too long a body", "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 5001\r\n\r\n", "413", "" },
    { "a body longer than numbers go", "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "4", "" },
    { "not HTTP", "hello there\r\n\r\n", "", "" },
    { "a version to come", "GET / HTTP/7.0\r\nHost: x\r\n\r\n", "", "" },
};
// clang-format on

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *text = ask(cases[i].request), *status = strchr(text, ' ');
        if (!*cases[i].status) continue; // whatever, so long as the server goes on
        CHECK(status && strncmp(status + 1, cases[i].status, strlen(cases[i].status)) == 0,
              "%s: got %s", cases[i].name, text);
        const char *body = strstr(text, "\r\n\r\n");
        CHECK(body && (!*cases[i].body || strcmp(body + 4, cases[i].body) == 0), "%s: got %s",
              cases[i].name, text);
    }
}

static void test_keep_alive(void)
{
    const char *request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    const int s = dial();
    for (int i = 0; i < 3; i++) {
        send(s, request, strlen(request), MSG_NOSIGNAL);
        const char *text = hear(s);
        CHECK(strstr(text, "GET [a] body 0") != NULL, "answer %d: %s", i, text);
        CHECK(!strstr(text, "Connection: close"), "the connection is closed");
    }
    close(s);
}

// An answer given later goes out when it is finished, not when the loop happens to look.
static void test_later(void)
{
    const double began = clock_wall();
    for (int i = 0; i < 5; i++) ask("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    const double each = (clock_wall() - began) / 5;
    CHECK(each < 0.12, "an answer that takes 20 ms took %.0f", 1e3 * each);
}

static size_t put(char *to, size_t room, const char *text)
{
    return (size_t)snprintf(to, room, "%s", text);
}

// Many parts, many parameters, long headers, a body that grows beyond what it may.
static void test_limits(void)
{
    static char request[40000];
    char *to = request + put(request, sizeof request, "GET ");
    for (int i = 0; i < HTTP_PARTS + 1; i++) to += put(to, 9, "/a");
    put(to, 100, " HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(strstr(ask(request), " 414 ") != NULL, "too many parts");

    to = request + put(request, sizeof request, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ");
    memset(to, 'x', 20000);
    put(to + 20000, 9, "\r\n\r\n");
    const char *text = ask(request);
    CHECK(strstr(text, " 431 ") || !*text, "long headers: %s", text);

    to = request + put(request, sizeof request,
                       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1800\r\n");
    memset(to, 'x', 0x1800);
    put(to + 0x1800, 20, "\r\n0\r\n\r\n");
    CHECK(strstr(ask(request), " 413 ") != NULL, "a body in chunks that is too long");
}

static void test_encode(void)
{
    buffer b = { 0 };
    http_encode(&b, "a/b c\0\xff~", 8);
    CHECK(strcmp(b.data, "a%2Fb%20c%00%FF~") == 0, "encoded: %s", b.data);
    buffer_free(&b);
}

static void *many(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 50; i++) {
        const char *r =
            i % 2 ? "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
        char text[2000];
        const int s = dial();
        send(s, r, strlen(r), MSG_NOSIGNAL);
        const ssize_t n = recv(s, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        if (!strstr(text, i % 2 ? " 202 " : " 200 ")) atomic_fetch_add(&wrong, 1);
        close(s);
    }
    return NULL;
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    http *h = NULL;
    const http_options o = { .threads = 2,
                             .connections = 100,
                             .idle_seconds = 5,
                             .body_most = BODY_MOST,
                             .header_most = 8192 };
    CHECK_OK(http_start(&h, &o, tell, over, NULL, err));
    if (!h) return CHECK_DONE();
    port = http_port(h);
    test_cases();
    test_keep_alive();
    test_later();
    test_limits();
    test_encode();
    pthread_t t[3];
    for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, many, NULL);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    http_drain(h, 5);
    http_stop(h);
    CHECK(atomic_load(&wrong) == 0, "%d wrong answers", atomic_load(&wrong));
    CHECK(atomic_load(&handled) > 150 && atomic_load(&finished) >= atomic_load(&handled),
          "%d handled, %d over", atomic_load(&handled), atomic_load(&finished));

    habit_error err;
    const http_options nowhere = { .host = "no.such.host.invalid", .threads = 1, .connections = 1 };
    CHECK(http_start(&h, &nowhere, tell, over, NULL, &err) == HABIT_EINVAL,
          "an address that is none");
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
