// serve.c - habit_serve(): the live service inside a program.
#include "lib/run_setup.h"
#include "lib/tables.h"
#include "serve/serve_options.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "base/memory.h"
#include "serve/keys.h"
#include "serve/service.h"

struct habit_server {
    service *service;
    pool *pool;
};

habit_status habit_serve(habit_server **out, const habit_options *options,
                         const char *const *models, size_t n, habit_error *err)
{
    TRY(options_expect(options, "serve", err));
    habit_server *s = ZNEW(habit_server, 1);
    if (!s) return fail_memory(err, "server", sizeof *s);
    const serve_options *o = options_of(options, serve_table);
    habit_status st = pool_new(&s->pool, o->threads ? o->threads : pool_cores(), err);
    const run r = { .hooks = options->hooks, .pool = s->pool };
    if (st == HABIT_OK) st = service_start(&s->service, o, models, n, &r, err);
    if (st == HABIT_OK)
        *out = s;
    else
        habit_server_stop(s);
    return st;
}

int habit_server_port(const habit_server *s)
{
    return service_port(s->service);
}

habit_status habit_server_reload(habit_server *s, habit_error *err)
{
    return service_reload(s->service, err);
}

void habit_server_stop(habit_server *s)
{
    if (!s) return;
    service_stop(s->service);
    pool_free(s->pool);
    mem_free(s);
}

habit_status habit_key(const char *name, const char *file, char **key, habit_error *err)
{
    char *made = NEW(char, KEY_TEXT);
    if (!made) return fail_memory(err, "a key", KEY_TEXT);
    const habit_status st = keys_make(name, file, made, err);
    if (st == HABIT_OK)
        *key = made;
    else
        mem_free(made);
    return st;
}
#else
#define WITHOUT                                                                                    \
    "this habit was built without the live service: build it with libmicrohttpd, libsodium and "   \
    "SQLite"

habit_status habit_key(const char *name, const char *file, char **key, habit_error *err)
{
    (void)name, (void)file, (void)key;
    return fail(err, HABIT_EINVAL, WITHOUT);
}

habit_status habit_serve(habit_server **out, const habit_options *options,
                         const char *const *models, size_t n, habit_error *err)
{
    (void)out, (void)options, (void)models, (void)n;
    return fail(err, HABIT_EINVAL, WITHOUT);
}

int habit_server_port(const habit_server *s)
{
    (void)s;
    return 0;
}

habit_status habit_server_reload(habit_server *s, habit_error *err)
{
    (void)s;
    return fail(err, HABIT_EINVAL, WITHOUT);
}

void habit_server_stop(habit_server *s)
{
    (void)s;
}
#endif
