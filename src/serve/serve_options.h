// serve_options.h - the options of `habit serve`; there also where the service is not built in.
#ifndef SERVE_SERVE_OPTIONS_H
#define SERVE_SERVE_OPTIONS_H
#include "base/opt.h"

typedef struct serve_options {
    const char *store, *host;
    int port, threads, connections;
    const char *durability;
    int64_t interval; // microseconds, as all times here
    const char *keep_fields, *seen_types;
    int keep_days, keep_events;
    int ring;
    int64_t memory, body_limit, queue;
    int64_t half_life, idle, drain;
    const char *tls_cert, *tls_key, *api_keys, *backups, *cors;
    const char *default_model, *log;
    int versions;
    bool log_requests;
    const char *vfs; // no option: the file layer of tests (db.h)
} serve_options;

extern const opt serve_table[];

#endif
