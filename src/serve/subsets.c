// subsets.c - a few named bitmaps; one is replaced by a newer one, never changed, once it was given
// out.
#include "serve/subsets.h"
#include "base/memory.h"
#include "serve/filter.h"

#include <string.h>

enum { AT_ONCE = 256 }; // items looked at under one lock

// One bitmap.  It lives as long as somebody has it.
typedef struct made {
    subset set; // first: a subset * is a made *
    uint64_t version;
    int holders;
    uint64_t bit[];
} made;

typedef struct named {
    subset_kind kind;
    char *text;
    size_t len;
    filter *condition;
    bool making; // somebody is
    made *now;
    uint64_t asked; // when last, by subsets.clock
} named;

struct subsets {
    pthread_mutex_t lock;
    pthread_cond_t made;
    named at[SUBSETS];
    uint64_t clock;
};

subsets *subsets_new(void)
{
    subsets *all = ZNEW(subsets, 1);
    if (!all) return NULL;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->made, NULL);
    return all;
}

static void let_go(made *m)
{
    if (m && --m->holders == 0) mem_free(m);
}

static void clear(named *n)
{
    let_go(n->now);
    filter_free(n->condition);
    mem_free(n->text);
    *n = (named){ 0 };
}

void subsets_free(subsets *all)
{
    if (!all) return;
    for (int i = 0; i < SUBSETS; i++) clear(&all->at[i]);
    pthread_mutex_destroy(&all->lock);
    pthread_cond_destroy(&all->made);
    mem_free(all);
}

// --- making -----------------------------------------------------------------------------------------

static bool holds(const named *n, const items *t, uint32_t item, uint32_t category)
{
    if (n->kind == SUBSET_CATEGORY) return items_has_category(t, item, category);
    const char *fields = t->at[item].fields;
    json_t *o = fields ? json_loads(fields, JSON_ALLOW_NUL, NULL) : NULL;
    const bool in = filter_holds(n->condition, o);
    json_decref(o);
    return in;
}

static uint32_t category_of(const named *n, const items *t)
{
    return n->kind == SUBSET_CATEGORY ? ids_get(&t->categories, n->text, n->len) : IDS_NONE;
}

static void look_at(const named *n, const items *t, made *m, uint32_t item)
{
    const uint64_t bit = UINT64_C(1) << item % 64;
    if (holds(n, t, item, category_of(n, t)))
        m->bit[item / 64] |= bit;
    else
        m->bit[item / 64] &= ~bit;
}

// Under the lock of the table: all that changed since m->version, up to an item that m has no room
// for: the next one who asks makes another.  False: too much has changed.
static bool catch_up(const named *n, const items *t, made *m)
{
    if (t->version - m->version > ITEMS_CHANGED) return false;
    for (uint64_t v = m->version + 1; v <= t->version; m->version = v++) {
        const uint32_t item = t->changed[v % ITEMS_CHANGED];
        if (item >= m->set.items) break;
        look_at(n, t, m, item);
    }
    return true;
}

// All items, a few at a time so that nobody waits long.
static void look_at_all(const named *n, items *t, made *m)
{
    bool done;
    do {
        items_read(t);
        m->version = t->version;
        items_done(t);
        for (uint32_t first = 0; first < m->set.items; first += AT_ONCE) {
            items_read(t);
            for (uint32_t i = first; i < m->set.items && i < first + AT_ONCE; i++)
                look_at(n, t, m, i);
            items_done(t);
        }
        items_read(t);
        done = catch_up(n, t, m);
        items_done(t);
    } while (!done);
}

// A new bitmap of `n`, from the one there is.
static made *make(const named *n, items *t)
{
    items_read(t);
    const size_t count = t->names.count;
    items_done(t);
    made *m = mem_zalloc(sizeof *m + (count / 64 + 1) * sizeof *m->bit, 1);
    if (!m) return NULL;
    m->set =
        (subset){ m->bit, count, n->kind == SUBSET_FILTER && filter_holds(n->condition, NULL) };
    m->holders = 1;
    bool done = false;
    if (n->now) {
        for (size_t w = 0; w < count / 64 + 1; w++) m->bit[w] = subset_word(&n->now->set, w);
        m->version = n->now->version;
        items_read(t);
        done = catch_up(n, t, m);
        items_done(t);
    }
    if (!done) look_at_all(n, t, m);
    return m;
}

// --- taking -----------------------------------------------------------------------------------------

static named *find(subsets *all, subset_kind kind, db_text text)
{
    for (int i = 0; i < SUBSETS; i++) {
        named *n = &all->at[i];
        if (n->text && n->kind == kind && n->len == text.len &&
            memcmp(n->text, text.at, text.len) == 0)
            return n;
    }
    return NULL;
}

// In place of the one asked for least recently that nobody makes.
static habit_status add(subsets *all, named **out, subset_kind kind, db_text text, habit_error *err)
{
    named new = { .kind = kind, .len = text.len };
    if (kind == SUBSET_FILTER) TRY(filter_parse(&new.condition, text.at, text.len, err));
    new.text = mem_strndup(text.at, text.len);
    named *least = NULL;
    for (int i = 0; i < SUBSETS; i++) {
        named *n = &all->at[i];
        if (!n->making && (!least || n->asked < least->asked)) least = n;
    }
    if (!new.text || !least) {
        clear(&new);
        return least ? fail_memory(err, "filter", text.len)
                     : fail(err, HABIT_ELIMIT, "too many new filters at once");
    }
    clear(least);
    *least = new;
    *out = least;
    return HABIT_OK;
}

static bool is_current(const named *n, items *t)
{
    items_read(t);
    const uint64_t version = t->version;
    items_done(t);
    return n->now && n->now->version == version;
}

habit_status subsets_take(subsets *all, const subset **out, subset_kind kind, db_text text,
                          items *table, habit_error *err)
{
    habit_status st = HABIT_OK;
    named *n;
    pthread_mutex_lock(&all->lock);
    while ((n = find(all, kind, text)) && n->making) pthread_cond_wait(&all->made, &all->lock);
    if (!n) st = add(all, &n, kind, text, err);
    if (st == HABIT_OK) n->asked = ++all->clock;
    if (st == HABIT_OK && !is_current(n, table)) {
        n->making = true; // it stays where it is meanwhile
        pthread_mutex_unlock(&all->lock);
        made *m = make(n, table);
        pthread_mutex_lock(&all->lock);
        n->making = false;
        pthread_cond_broadcast(&all->made);
        if (m) {
            let_go(n->now);
            n->now = m;
        }
        if (!m) st = fail_memory(err, "filter", 0);
    }
    if (st == HABIT_OK) {
        n->now->holders++;
        *out = &n->now->set;
    }
    pthread_mutex_unlock(&all->lock);
    return st;
}

void subsets_give(subsets *all, const subset *s)
{
    if (!s) return;
    pthread_mutex_lock(&all->lock);
    let_go((made *)(uintptr_t)s);
    pthread_mutex_unlock(&all->lock);
}
