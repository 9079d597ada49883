// http.c - daemons, their loops, and the life of a request.
#include "serve/http.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PEM_MOST = 1 << 20, TARGET_MOST = 1 << 16 };

typedef struct loop {
    struct http *server;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool started;
    int number;
    int wake;          // an eventfd: a request was finished; the library tells its own loops only
    atomic_bool woken; // and the loop has not looked yet
} loop;

struct http {
    http_options options;
    http_handler_fn *handler;
    http_done_fn *done;
    void *ctx;
    loop *loop;
    int loops, port;
    char *certificate, *key;
    atomic_int at_hand; // requests between their first line and their last byte
    atomic_bool stopping;
};

// --- targets ----------------------------------------------------------------------------------------

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// Decodes s[len] to *to, which moves past it and a NUL.
static http_text decode(char **to, const char *s, size_t len, bool plus)
{
    http_text t = { *to, 0 };
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '%' && len - i > 2 && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
            c = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        *(*to)++ = c;
    }
    t.len = (size_t)(*to - t.at);
    *(*to)++ = '\0';
    return t;
}

// "/a/b%2Fc/?x=1&y" -> parts "a", "b/c", "" and x = "1", y = "".  False if there are too many.
static bool split_target(http_request *r)
{
    const char *s = r->target;
    const char *const path_end = s + strcspn(s, "?#");
    char *to = r->decoded;
    if (*s != '/') return false;
    while (s < path_end) {
        const char *end = ++s;
        while (end < path_end && *end != '/') end++;
        if (r->parts == HTTP_PARTS) return false;
        r->part[r->parts++] = decode(&to, s, (size_t)(end - s), false);
        s = end;
    }
    if (*s != '?') return true;
    const char *const query_end = s + strcspn(s, "#");
    while (s < query_end) {
        const char *end = ++s;
        while (end < query_end && *end != '&') end++;
        const char *equals = memchr(s, '=', (size_t)(end - s));
        if (end == s) continue;
        if (r->params == HTTP_PARAMS) return false;
        if (!equals) equals = end;
        r->name[r->params] = decode(&to, s, (size_t)(equals - s), true);
        const char *value = equals < end ? equals + 1 : end;
        r->value[r->params++] = decode(&to, value, (size_t)(end - value), true);
        s = end;
    }
    return true;
}

void http_encode(buffer *to, const char *bytes, size_t len)
{
    static const char digit[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || (c && strchr("-._~", c));
        const char code[3] = { '%', digit[c >> 4], digit[c & 15] };
        if (plain)
            buffer_add(to, bytes + i, 1);
        else
            buffer_add(to, code, sizeof code);
    }
}

// --- requests ---------------------------------------------------------------------------------------

static void request_free(http_request *r)
{
    buffer_free(&r->body);
    buffer_free(&r->reply);
    mem_free(r->target);
    mem_free(r);
}

static void refuse(http_request *r, int status, const char *why)
{
    http_error(r, status, why);
    r->refused = true;
}

// The library calls this with the line as it came, before it knows anything else of the request.
static void *on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
    loop *l = ctx;
    http_request *r = ZNEW(http_request, 1);
    const size_t len = strlen(target);
    if (!r) return NULL;
    r->server = l->server;
    r->connection = connection;
    r->worker = l->number;
    r->began = clock_wall();
    r->target = NEW(char, 3 * len + 2 * (HTTP_PARTS + 2 * HTTP_PARAMS) + 8);
    if (!r->target) {
        mem_free(r);
        return NULL;
    }
    memcpy(r->target, target, len + 1);
    r->decoded = r->target + len + 1;
    atomic_fetch_add(&l->server->at_hand, 1);
    if (!split_target(r)) refuse(r, 414, "the path or its query has too many pieces");
    return r;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    loop *l = ctx;
    http_request *r = *state;
    (void)connection, (void)how;
    if (!r) return;
    *state = NULL;
    if (r->after && r->later) r->after(r); // nobody waits for the answer, but its work is done
    if (l->server->done) l->server->done(l->server->ctx, r);
    request_free(r);
    atomic_fetch_sub(&l->server->at_hand, 1);
}

const char *http_header(const http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

http_text http_param(const http_request *r, const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; i < r->params; i++)
        if (r->name[i].len == len && memcmp(r->name[i].at, name, len) == 0) return r->value[i];
    return (http_text){ 0 };
}

bool http_from_loopback(const http_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr) return false;
    if (info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)(const void *)info->client_addr;
        return (ntohl(a->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)(const void *)info->client_addr;
    return info->client_addr->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->sin6_addr);
}

void http_answer(http_request *r, int status)
{
    r->status = status;
}

void http_error(http_request *r, int status, const char *message)
{
    const char *type = status == 401 || status == 403   ? "authentication_error"
                       : status == 404                  ? "not_found_error"
                       : status == 501                  ? "not_supported_error"
                       : status == 503 || status == 429 ? "unavailable_error"
                       : status >= 500                  ? "server_error"
                                                        : "invalid_request_error";
    http_answer(r, status);
    buffer_clear(&r->reply);
    r->type = NULL;
    r->constant = NULL;
    if (r->plain_errors) {
        r->type = "text/plain; charset=utf-8";
        buffer_text(&r->reply, message);
        return;
    }
    buffer_format(&r->reply, "{\"error\":{\"code\":%d,\"type\":\"%s\",\"message\":", status, type);
    json_quote(&r->reply, message, strlen(message));
    buffer_text(&r->reply, "}}\n");
}

void http_add_header(http_request *r, const char *name, const char *value)
{
    if (r->headers == HTTP_HEADERS) return;
    r->header[r->headers].name = name;
    const size_t n = strlen(value), most = sizeof r->header[0].value - 1;
    memcpy(r->header[r->headers].value, value, n < most ? n : most);
    r->header[r->headers++].value[n < most ? n : most] = '\0';
}

void http_later(http_request *r)
{
    r->later = true;
    MHD_suspend_connection(r->connection);
}

void http_finish(http_request *r)
{
    loop *l = &r->server->loop[r->worker];
    MHD_resume_connection(r->connection); // from here on r may be gone
    if (atomic_exchange(&l->woken, true)) return;
    const uint64_t one = 1;
    if (write(l->wake, &one, sizeof one) < 0) return; // it is full: the loop will look
}

static enum MHD_Result send_answer(http_request *r, struct MHD_Connection *connection)
{
    struct MHD_Response *answer;
    if (r->reply.failed) {
        buffer_free(&r->reply);
        r->status = 503;
    }
    if (r->constant)
        answer = MHD_create_response_from_buffer(r->constant_len, (void *)r->constant,
                                                 MHD_RESPMEM_PERSISTENT);
    else // the reply lives as long as the request, which outlives the sending
        answer = MHD_create_response_from_buffer(r->reply.len, r->reply.len ? r->reply.data : "",
                                                 MHD_RESPMEM_PERSISTENT);
    if (!answer) return MHD_NO;
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE,
                            r->type ? r->type : "application/json");
    for (size_t i = 0; i < r->headers; i++)
        MHD_add_response_header(answer, r->header[i].name, r->header[i].value);
    if (r->refused) MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result sent = MHD_queue_response(connection, (unsigned)r->status, answer);
    MHD_destroy_response(answer);
    return sent;
}

#define TOO_LONG "the body is longer than this server takes"

// What a body announces: too much is refused before it is sent.
static bool body_fits(const http_request *r)
{
    const char *announced = http_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (!announced) return true;
    errno = 0;
    const unsigned long long n = strtoull(announced, NULL, 10);
    return errno == 0 && n <= r->server->options.body_most;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **state)
{
    loop *l = ctx;
    http_request *r = *state;
    (void)url, (void)version;
    if (!r) return MHD_NO; // out of memory
    if (!r->method) {      // the headers are there, the body is not
        r->method = method;
        if (!r->refused && !body_fits(r)) refuse(r, 413, TOO_LONG);
        return r->refused ? send_answer(r, connection) : MHD_YES;
    }
    if (*len) {
        if (!r->refused && r->body.len + *len > l->server->options.body_most)
            refuse(r, 413, TOO_LONG);
        if (!r->refused) buffer_add(&r->body, data, *len);
        *len = 0;
        return MHD_YES;
    }
    if (!r->handled && !r->refused) {
        r->handled = true;
        if (r->body.failed)
            http_error(r, 503, "out of memory");
        else
            l->server->handler(l->server->ctx, r);
        if (r->later) return MHD_YES; // we are called again when it is finished
    } else if (r->after) {
        r->after(r);
        r->after = NULL;
    }
    return send_answer(r, connection);
}

// --- loops ------------------------------------------------------------------------------------------

static void *loop_run(void *ctx)
{
    enum { LONGEST_MS = 200 };
    loop *l = ctx;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd ready[] = { { .fd = info->epoll_fd, .events = POLLIN },
                              { .fd = l->wake, .events = POLLIN } };
    while (!atomic_load(&l->server->stopping)) {
        MHD_UNSIGNED_LONG_LONG wait = LONGEST_MS;
        if (MHD_get_timeout(l->daemon, &wait) != MHD_YES || wait > LONGEST_MS) wait = LONGEST_MS;
        if (wait) poll(ready, 2, (int)wait);
        if (atomic_load(&l->woken)) {
            uint64_t times;
            if (read(l->wake, &times, sizeof times) > 0) atomic_exchange(&l->woken, false);
        }
        MHD_run(l->daemon);
    }
    return NULL;
}

// The address to listen at, of the first that `host` means.
static habit_status find_address(const http_options *o, struct sockaddr_storage *out, bool *six,
                                 habit_error *err)
{
    char port[8];
    struct addrinfo *found = NULL;
    const struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    const char *host = o->host && *o->host ? o->host : "127.0.0.1";
    snprintf(port, sizeof port, "%d", o->port);
    const int code = getaddrinfo(host, port, &want, &found);
    if (code) return fail(err, HABIT_EINVAL, "--host %s: %s", host, gai_strerror(code));
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *six = found->ai_family == AF_INET6;
    freeaddrinfo(found);
    return HABIT_OK;
}

static void quiet(void *ctx, const char *format, va_list ap)
{
    (void)ctx, (void)format, (void)ap; // broken clients are counted, not told of
}

static habit_status start_loop(http *h, loop *l, struct sockaddr_storage *address, bool six,
                               habit_error *err)
{
    const http_options *o = &h->options;
    const bool tls = h->certificate != NULL;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (six) flags |= MHD_USE_IPv6;
    if (tls) flags |= MHD_USE_TLS;
    const struct MHD_OptionItem secure[] = { { MHD_OPTION_HTTPS_MEM_CERT, 0, h->certificate },
                                             { MHD_OPTION_HTTPS_MEM_KEY, 0, h->key },
                                             { MHD_OPTION_END, 0, NULL } };
    const struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
    l->daemon = MHD_start_daemon(
        flags, (uint16_t)h->port, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, quiet,
        NULL, MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, l, MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)(o->connections / o->threads + 1),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->header_most, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
        (size_t)1024, MHD_OPTION_ARRAY, tls ? secure : plain, MHD_OPTION_END);
    if ((l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
        return fail(err, HABIT_EIO, "cannot make an event descriptor: %s", strerror(errno));
    if (!l->daemon)
        return fail(err, HABIT_EIO, "cannot listen at %s, port %d: %s%s",
                    o->host && *o->host ? o->host : "127.0.0.1", h->port, strerror(errno),
                    tls ? " (or the certificate does not fit its key)" : "");
    if (pthread_create(&l->thread, NULL, loop_run, l))
        return fail(err, HABIT_EIO, "cannot start a thread");
    l->started = true;
    return HABIT_OK;
}

static void set_port(struct sockaddr_storage *a, int port)
{
    if (a->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)a)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)a)->sin_port = htons((uint16_t)port);
}

// Programs begin with 1024 descriptors, which is fewer than the connections that are let in.
static void want_files(int connections)
{
    enum { OTHERS = 256 }; // of the database, of model files
    struct rlimit l;
    const rlim_t want = (rlim_t)connections + OTHERS;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= want) return;
    l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
    setrlimit(RLIMIT_NOFILE, &l);
}

habit_status http_start(http **out, const http_options *o, http_handler_fn *handler,
                        http_done_fn *done, void *ctx, habit_error *err)
{
    struct sockaddr_storage address = { 0 };
    bool six = false;
    habit_status st = HABIT_OK;
    http *h = ZNEW(http, 1);
    if (!h) return fail_memory(err, "server", sizeof *h);
    h->options = *o;
    h->handler = handler, h->done = done, h->ctx = ctx;
    h->port = o->port;
    want_files(o->connections);
    if (!(h->loop = ZNEW(loop, (size_t)o->threads)))
        st = fail_memory(err, "server", (size_t)o->threads * sizeof *h->loop);
    if (st == HABIT_OK) st = find_address(o, &address, &six, err);
    if (st == HABIT_OK && o->certificate)
        st = file_read(&h->certificate, NULL, o->certificate, PEM_MOST, err);
    if (st == HABIT_OK && o->certificate) st = file_read(&h->key, NULL, o->key, PEM_MOST, err);
    for (int i = 0; i < o->threads && st == HABIT_OK; i++) {
        h->loop[i] = (loop){ .server = h, .number = i, .wake = -1 };
        h->loops++;
        st = start_loop(h, &h->loop[i], &address, six, err);
        if (st == HABIT_OK && h->port == 0) { // all listen where the first one does
            h->port = MHD_get_daemon_info(h->loop[i].daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
            set_port(&address, h->port);
        }
    }
    if (st == HABIT_OK)
        *out = h;
    else
        http_stop(h);
    return st;
}

int http_port(const http *h)
{
    return h->port;
}

unsigned http_connections(const http *h)
{
    unsigned n = 0;
    for (int i = 0; i < h->loops; i++) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(h->loop[i].daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        n += info ? info->num_connections : 0;
    }
    return n;
}

void http_drain(http *h, double seconds)
{
    const double until = clock_wall() + seconds;
    for (int i = 0; i < h->loops; i++) {
        const MHD_socket s = MHD_quiesce_daemon(h->loop[i].daemon);
        if (s != MHD_INVALID_SOCKET) close(s);
    }
    while (atomic_load(&h->at_hand) > 0 && clock_wall() < until) poll(NULL, 0, 5);
}

void http_stop(http *h)
{
    if (!h) return;
    atomic_store(&h->stopping, true);
    for (int i = 0; i < h->loops; i++)
        if (h->loop[i].started) pthread_join(h->loop[i].thread, NULL);
    for (int i = 0; i < h->loops; i++) {
        if (h->loop[i].daemon) MHD_stop_daemon(h->loop[i].daemon);
        if (h->loop[i].wake >= 0) close(h->loop[i].wake);
    }
    mem_free(h->loop);
    mem_free(h->certificate);
    mem_free(h->key);
    mem_free(h);
}
