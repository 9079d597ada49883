// lineup.c - models loaded, numbered by the service's items, and swapped.
#include "serve/lineup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

// --- one version ------------------------------------------------------------------------------------

static void hosted_free(hosted *h)
{
    if (!h) return;
    served_free(h->served);
    model_folder_close(h->folder);
    mem_free(h);
}

static void hosted_free_all(hosted *h)
{
    while (h) {
        hosted *before = h->before;
        hosted_free(h);
        h = before;
    }
}

static void name_version(hosted *h)
{
    const file_map *m = &h->folder->model->file.map;
    const uint64_t arrays = ids_hash((const char *)m->bytes, m->len);
    const uint64_t config = ids_hash(h->folder->config_text, strlen(h->folder->config_text));
    snprintf(h->version, sizeof h->version, "%016llx",
             (unsigned long long)(arrays ^ (config << 1 | config >> 63)));
}

// Types the model knows get numbers of the service; all others are unknown to it.
static void name_behaviours(const lineups *l, hosted *h)
{
    const id_list *types = &h->folder->behaviours;
    memset(h->served->behaviour, BEHAVIOUR_NONE, sizeof h->served->behaviour);
    for (uint32_t i = 0; i < types->count; i++) {
        const db_text name = { id_list_at(types, i), id_list_len(types, i) };
        const uint8_t number = behaviours_number(l->behaviours, name);
        if (number != BEHAVIOUR_NONE) h->served->behaviour[number] = (uint8_t)i;
    }
}

static habit_status hosted_open(lineups *l, hosted **out, const char *path, habit_error *err)
{
    hosted *h = ZNEW(hosted, 1);
    uint32_t *numbers = NULL;
    if (!h) return fail_memory(err, "model", sizeof *h);
    habit_status st = model_folder_open(&h->folder, path, err);
    if (st != HABIT_OK) goto out;
    const id_list *own = &h->folder->items;
    if (!(numbers = NEW(uint32_t, own->count))) {
        st = fail_memory(err, "item numbers", own->count * sizeof *numbers);
        goto out;
    }
    for (uint32_t i = 0; i < own->count; i++) {
        const db_text id = { id_list_at(own, i), id_list_len(own, i) };
        numbers[i] = items_number(l->items, id);
        if (numbers[i] == IDS_NONE) st = HABIT_ENOMEM;
    }
    if (st != HABIT_OK) {
        st = fail_memory(err, "items", own->count);
        goto out;
    }
    items_read(l->items);
    const size_t known = l->items->names.count;
    items_done(l->items);
    st = served_new(&h->served, h->folder->model, ++l->next, numbers, known, l->pool, err);
    if (st != HABIT_OK) goto out;
    name_version(h);
    name_behaviours(l, h);
    h->loaded = clock_now();
out:
    mem_free(numbers);
    if (st == HABIT_OK)
        *out = h;
    else
        hosted_free(h);
    return st;
}

// --- swaps ------------------------------------------------------------------------------------------

// Drops all but the `keep` versions before h.
static void forget_old(hosted *h, int keep)
{
    for (int i = 0; i < keep && h->before; i++) h = h->before;
    hosted_free_all(h->before);
    h->before = NULL;
}

// Puts h in place k.  Called by one at a time.
static habit_status put(lineups *l, size_t k, hosted *h, habit_error *err)
{
    lineup *old = atomic_load(&l->now), *new = ZNEW(lineup, 1);
    if (!new) return fail_memory(err, "models", sizeof *new);
    *new = *old;
    new->model[k] = h;
    new->before[k] = 0;
    for (const hosted *b = h->before; b && new->before[k] < l->keep; b = b->before)
        new->before[k]++;
    h->name = l->slot[k].name;
    atomic_store(&l->now, new);
    l->grace(l->ctx);
    mem_free(old);
    return HABIT_OK;
}

static habit_status slot_of(const lineups *l, const char *name, size_t *k, habit_error *err)
{
    *k = l->first;
    if (!name || !*name) return HABIT_OK;
    for (*k = 0; *k < l->slots; ++*k)
        if (strcmp(l->slot[*k].name, name) == 0) return HABIT_OK;
    return fail(err, HABIT_ENOTFOUND, "no model '%s' is served here; GET /v1/models lists them",
                name);
}

static habit_status reload(lineups *l, size_t k, const char *path, habit_error *err)
{
    hosted *h = NULL;
    char *copy = mem_strdup(path ? path : l->slot[k].path);
    if (!copy) return fail_memory(err, "path", 0);
    habit_status st = hosted_open(l, &h, copy, err);
    if (st == HABIT_OK) {
        h->before = atomic_load(&l->now)->model[k];
        st = put(l, k, h, err);
        if (st != HABIT_OK) hosted_free(h);
    }
    if (st != HABIT_OK) {
        mem_free(copy);
        return st;
    }
    forget_old(h, l->keep);
    mem_free(l->slot[k].path);
    l->slot[k].path = copy;
    return HABIT_OK;
}

habit_status lineups_reload(lineups *l, const char *name, const char *path, habit_error *err)
{
    size_t k;
    TRY(slot_of(l, name, &k, err));
    pthread_mutex_lock(&l->one);
    const habit_status st = reload(l, k, path, err);
    pthread_mutex_unlock(&l->one);
    return st;
}

habit_status lineups_rollback(lineups *l, const char *name, habit_error *err)
{
    size_t k;
    TRY(slot_of(l, name, &k, err));
    pthread_mutex_lock(&l->one);
    hosted *bad = atomic_load(&l->now)->model[k];
    habit_status st = HABIT_OK;
    if (!bad->before)
        st = fail(err, HABIT_EINVAL, "no version before this one of '%s' is kept", l->slot[k].name);
    else
        st = put(l, k, bad->before, err);
    if (st == HABIT_OK) {
        char *path = mem_strdup(bad->before->folder->path); // the next reload looks there
        if (path) {
            mem_free(l->slot[k].path);
            l->slot[k].path = path;
        }
        hosted_free(bad);
    }
    pthread_mutex_unlock(&l->one);
    return st;
}

// --- all of them ------------------------------------------------------------------------------------

// "NAME=DIR", or "models/ease.model": ease.
static habit_status split_spec(lineup_slot *s, const char *spec, habit_error *err)
{
    const char *equals = strchr(spec, '='), *slash = strrchr(spec, '/');
    if (equals && slash && slash < equals && !memchr(spec, '=', (size_t)(slash - spec)))
        equals = NULL; // of a folder's name
    const char *path = equals ? equals + 1 : spec;
    size_t len = equals ? (size_t)(equals - spec) : strlen(spec);
    const char *name = spec;
    if (!equals) {
        while (len > 1 && spec[len - 1] == '/') len--;
        for (size_t i = 0; i + 1 < len; i++)
            if (spec[i] == '/') name = spec + i + 1;
        len -= (size_t)(name - spec);
        const char *dot = memchr(name, '.', len);
        if (dot && dot > name) len = (size_t)(dot - name);
    }
    if (!len || !*path) return fail(err, HABIT_EINVAL, "'%s': NAME=FOLDER, or a folder", spec);
    s->name = mem_strndup(name, len), s->path = mem_strdup(path);
    return s->name && s->path ? HABIT_OK : fail_memory(err, "models", len);
}

habit_status lineups_init(lineups *l, const char *const *specs, size_t n, const char *first,
                          habit_error *err)
{
    lineup *none = ZNEW(lineup, 1);
    pthread_mutex_init(&l->one, NULL);
    if (!none) return fail_memory(err, "models", sizeof *none);
    atomic_init(&l->now, none);
    if (n > LINEUP_MOST) return fail(err, HABIT_EINVAL, "%zu models: at most %d", n, LINEUP_MOST);
    for (size_t i = 0; i < n; i++) {
        l->slots++;
        TRY(split_spec(&l->slot[i], specs[i], err));
        for (size_t k = 0; k < i; k++)
            if (strcmp(l->slot[k].name, l->slot[i].name) == 0)
                return fail(err, HABIT_EINVAL, "two models are called '%s': name them NAME=FOLDER",
                            l->slot[i].name);
    }
    if (first && slot_of(l, first, &l->first, NULL) != HABIT_OK)
        return fail(err, HABIT_EINVAL, "--default-model %s: no model of that name is served",
                    first);
    return HABIT_OK;
}

habit_status lineups_load_all(lineups *l, habit_error *err)
{
    lineup *all = ZNEW(lineup, 1);
    if (!all) return fail_memory(err, "models", sizeof *all);
    habit_status st = HABIT_OK;
    all->first = l->first;
    for (size_t k = 0; k < l->slots && st == HABIT_OK; k++) {
        st = hosted_open(l, &all->model[k], l->slot[k].path, err);
        if (st != HABIT_OK) break;
        all->model[k]->name = l->slot[k].name;
        all->count++;
    }
    if (st != HABIT_OK) {
        for (size_t k = 0; k < all->count; k++) hosted_free(all->model[k]);
        mem_free(all);
        return st;
    }
    lineup *none = atomic_exchange(&l->now, all);
    l->grace(l->ctx);
    mem_free(none);
    return HABIT_OK;
}

void lineups_free(lineups *l)
{
    lineup *now = atomic_load(&l->now);
    for (size_t k = 0; now && k < now->count; k++) hosted_free_all(now->model[k]);
    mem_free(now);
    for (size_t k = 0; k < l->slots; k++) {
        mem_free(l->slot[k].name);
        mem_free(l->slot[k].path);
    }
    pthread_mutex_destroy(&l->one);
}

const hosted *lineup_find(const lineup *l, const char *name, size_t len)
{
    if (len == 0) return l->count ? l->model[l->first] : NULL;
    for (size_t k = 0; k < l->count; k++)
        if (strlen(l->model[k]->name) == len && memcmp(l->model[k]->name, name, len) == 0)
            return l->model[k];
    return NULL;
}
