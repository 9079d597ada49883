// serve_options.c - one row per option of the service.
#include "serve/serve_options.h"

// clang-format off
const opt serve_table[] = {
#define AT(field) offsetof(serve_options, field)
    { "store", "FILE", OPT_STRING, AT(store), "", 0, 0, NULL,
      "the database of events, items and users (required); made if there is none" },
    { "host", "ADDRESS", OPT_STRING, AT(host), "127.0.0.1", 0, 0, NULL,
      "where to listen; beyond this machine only with --api-keys" },
    { "port", "N", OPT_INT, AT(port), "8088", 0, 65535, NULL, "the port; 0 takes one that is free" },
    { "default-model", "NAME", OPT_STRING, AT(default_model), "", 0, 0, NULL,
      "the model that answers when none is named; else the first" },
    { "threads", "N", OPT_INT, AT(threads), "0", 0, 256, NULL, "threads that answer; 0 takes every core" },
    { "durability", "LEVEL", OPT_CHOICE, AT(durability), "always", 0, 0, "always|interval|none",
      "when an event is acknowledged: synced to the disk, synced every --interval, or handed to the system" },
    { "interval", "SPAN", OPT_SPAN, AT(interval), "1s", 0, 0, NULL, "between syncs of --durability interval" },
    { "keep-fields", "A,B,C", OPT_LIST, AT(keep_fields), "", 0, 0, NULL,
      "of the extra fields of events, keep these only; `none` keeps none" },
    { "keep-days", "N", OPT_INT, AT(keep_days), "0", 0, 36500, NULL, "forget older events; 0 keeps them" },
    { "keep-events", "N", OPT_INT, AT(keep_events), "0", 0, 1e9, NULL,
      "of each user keep the latest N events; 0 keeps all" },
    { "seen-types", "A,B,C", OPT_LIST, AT(seen_types), "", 0, 0, NULL,
      "behaviours that say only that somebody saw an item: it is not recommended again, and nothing else follows" },
    { "ring", "N", OPT_INT, AT(ring), "200", 1, 100000, NULL, "latest events of each user that answers look at" },
    { "memory", "BYTES", OPT_BYTES, AT(memory), "512M", 1 << 20, 0x1p50, NULL,
      "for people: their latest events and what models remember of them" },
    { "half-life", "SPAN", OPT_SPAN, AT(half_life), "7d", 0, 0, NULL,
      "after which an event counts half for what is popular" },
    { "versions", "N", OPT_INT, AT(versions), "2", 0, 100, NULL, "earlier versions of each model that are kept for rollback" },
    { "api-keys", "FILE", OPT_STRING, AT(api_keys), "", 0, 0, NULL,
      "hashes of the keys that clients must show; `habit key` makes them" },
    { "backups", "DIR", OPT_STRING, AT(backups), "", 0, 0, NULL,
      "folder for POST /v1/backup and /v1/restore, which are refused without it" },
    { "cors", "ORIGIN", OPT_STRING, AT(cors), "", 0, 0, NULL,
      "web pages from there may call the service, such as https://shop.example; * is any page" },
    { "tls-cert", "FILE", OPT_STRING, AT(tls_cert), "", 0, 0, NULL, "certificate chain in PEM: speak HTTPS; with --tls-key" },
    { "tls-key", "FILE", OPT_STRING, AT(tls_key), "", 0, 0, NULL, "its private key in PEM" },
    { "connections", "N", OPT_INT, AT(connections), "10000", 1, 1000000, NULL, "open at the same time; more are refused" },
    { "idle", "SPAN", OPT_SPAN, AT(idle), "60s", 0, 0, NULL, "after which a silent connection is closed" },
    { "body-limit", "BYTES", OPT_BYTES, AT(body_limit), "8M", 1024, 0x1p31, NULL, "of a request's body" },
    { "drain", "SPAN", OPT_SPAN, AT(drain), "10s", 0, 0, NULL, "at a stop, how long requests at hand may take" },
    { "log", "FORM", OPT_CHOICE, AT(log), "text", 0, 0, "text|json", "words on stderr as text, or a JSON object a line" },
    { "log-requests", NULL, OPT_FLAG, AT(log_requests), "", 0, 0, NULL, "log a line for every request" },
#undef AT
    OPT_END,
};
// clang-format on
