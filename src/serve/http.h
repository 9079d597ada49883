// http.h - HTTP/1.1 by libmicrohttpd, driven from our own loops.
//
// Each thread has a daemon of its own on the same address; the kernel shares out connections.
// The library's own loops stall at 128 ready sockets, so ours waits on its epoll descriptor and
// calls it (docs/design-notes.md).  A handler runs on the thread of the connection and either
// answers at once or says http_later() and has somebody else finish:
//
//     void handler(void *ctx, http_request *r)
//     {
//         if (...) { http_answer(r, 200); return; }
//         http_later(r);               // before anybody else hears of r
//         db_submit(d, ...);           // whose done() calls http_finish(r)
//     }
//
// Paths and query values are taken from the line as it came and decoded here, piece by piece: an id
// may hold any byte, a slash included (%2F).
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct http http;

enum { HTTP_PARTS = 12, HTTP_PARAMS = 24, HTTP_HEADERS = 6 };

// Decoded bytes, NUL after the last.
typedef struct http_text {
    const char *at; // NULL: not given
    size_t len;
} http_text;

typedef struct http_request {
    const char *method;
    char *target;               // "/v1/users/a%2Fb?n=3" as it came
    http_text part[HTTP_PARTS]; // "v1", "users", "a/b"
    size_t parts;
    http_text name[HTTP_PARAMS], value[HTTP_PARAMS]; // of the query, in their order
    size_t params;
    buffer body;       // of the request
    int worker;        // which thread, 0 ..
    double began;      // clock_wall()
    void *own;         // for the handler, from here to http_done_fn
    const void *route; // for the layer above: whose request it is
    // Of an answer given later: called on the request's own thread before it is sent.
    void (*after)(struct http_request *r);

    int status;        // of the answer
    buffer reply;      // its body
    const char *type;  // its Content-Type; NULL: application/json
    bool plain_errors; // http_error() writes the message alone
    struct {
        const char *name;
        char value[320];
    } header[HTTP_HEADERS];
    size_t headers;
    const void *constant; // a body of the program's own instead of `reply`
    size_t constant_len;

    struct http *server;
    void *connection;
    bool refused; // told off before the body was read
    bool handled, later;
    char *decoded; // where the decoded texts lie
} http_request;

typedef void http_handler_fn(void *ctx, http_request *r);
typedef void http_done_fn(void *ctx, http_request *r); // after the answer was sent, or could not be

typedef struct http_options {
    const char *host; // address or name; "" or NULL: loopback
    int port;         // 0: any that is free
    int threads;
    int connections;               // at most, of all threads
    int idle_seconds;              // a silent connection is closed
    size_t body_most;              // bytes; more is refused with 413
    size_t header_most;            // bytes of a connection's headers; more is refused with 431
    const char *certificate, *key; // PEM files: TLS; or NULL
} http_options;

habit_status http_start(http **out, const http_options *o, http_handler_fn *handler,
                        http_done_fn *done, void *ctx, habit_error *err);
int http_port(const http *h);
// No new connections; returns when the requests at hand are answered or `seconds` are over.
void http_drain(http *h, double seconds);
void http_stop(http *h); // drained; NULL is fine
// Connections open now.
unsigned http_connections(const http *h);

const char *http_header(const http_request *r, const char *name); // of the request, or NULL
http_text http_param(const http_request *r, const char *name);    // the first of that name
bool http_from_loopback(const http_request *r);

void http_answer(http_request *r, int status);
// {"error":{"code":404,"type":"not_found_error","message":"..."}}: every error looks like this.
void http_error(http_request *r, int status, const char *message);
void http_add_header(http_request *r, const char *name, const char *value);
void http_later(http_request *r);
void http_finish(http_request *r); // from any thread, once

// Bytes written as one path part or query value.
void http_encode(buffer *to, const char *bytes, size_t len);

#endif
