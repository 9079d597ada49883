// wish_read.c - numbers, filters, lists and boosts of a wish.
#include "serve/wish_read.h"
#include "base/memory.h"
#include "base/opt.h"
#include "data/numbers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BOOST_MOST 1e6

void asked_begin(asked *a, const asked_about *about)
{
    *a = (asked){ .about = *about };
    a->wish.now = about->now;
    a->wish.n = 10;
    a->wish.exclude_seen = true;
    a->wish.strength = 1;
    a->wish.fresh = 0.1;
}

void asked_free(asked *a)
{
    const wish *w = &a->wish;
    subsets_give(a->about.sets, w->where);
    for (size_t i = 0; i < w->categories; i++) subsets_give(a->about.sets, w->category[i].set);
    for (size_t i = 0; i < w->boosts; i++) subsets_give(a->about.sets, w->boost[i].set);
    mem_free(a->history);
    mem_free(a->posted);
    mem_free(a->list);
    mem_free(a->deny);
    json_decref(a->root);
    body_free(&a->texts);
}

// --- numbers ------------------------------------------------------------------------------------------

enum { N, OFFSET, DIVERSITY, PER_CATEGORY, FRESH, STRENGTH, NUMBERS };

static const struct {
    const char *name;
    double least, most;
    bool whole;
} numbers[NUMBERS] = {
    [N] = { "n", 1, WISH_DEEP, true },
    [OFFSET] = { "offset", 0, WISH_DEEP, true },
    [DIVERSITY] = { "diversity", 0, 1, false },
    [PER_CATEGORY] = { "per_category", 0, WISH_DEEP, true },
    [FRESH] = { "fresh", 0, 1, false },
    [STRENGTH] = { "strength", 0, 100, false },
};

static int number_of(const char *name)
{
    int i = 0;
    while (i < NUMBERS && strcmp(numbers[i].name, name) != 0) i++;
    return i;
}

static habit_status refuse_number(int which, const char *text, habit_error *err)
{
    return fail(err, HABIT_EINVAL, "%s=%.40s: not a %snumber in [%g, %g]", numbers[which].name,
                text, numbers[which].whole ? "whole " : "", numbers[which].least,
                numbers[which].most);
}

static habit_status set_number(asked *a, int which, double x, habit_error *err)
{
    wish *w = &a->wish;
    char text[32];
    snprintf(text, sizeof text, "%g", x);
    if (!(x >= numbers[which].least && x <= numbers[which].most) ||
        (numbers[which].whole && floor(x) != x))
        return refuse_number(which, text, err);
    const size_t whole = (size_t)x;
    switch (which) {
    case N:
        w->n = whole;
        break;
    case OFFSET:
        w->offset = whole;
        break;
    case DIVERSITY:
        w->diversity = x;
        break;
    case PER_CATEGORY:
        w->category_most = whole;
        break;
    case FRESH:
        w->fresh = x;
        break;
    default:
        w->strength = x;
    }
    return HABIT_OK;
}

// --- filters ------------------------------------------------------------------------------------------

static habit_status set_filter(asked *a, db_text text, habit_error *err)
{
    if (a->wish.where) return fail(err, HABIT_EINVAL, "more than one filter: join them by and");
    return subsets_take(a->about.sets, &a->wish.where, SUBSET_FILTER, text, a->about.table, err);
}

static habit_status set_category(asked *a, db_text text, habit_error *err)
{
    wish *w = &a->wish;
    items *t = a->about.table;
    if (w->categories == WISH_SETS)
        return fail(err, HABIT_ELIMIT, "more than %d categories", WISH_SETS);
    wish_category *c = &w->category[w->categories];
    items_read(t);
    c->number = ids_get(&t->categories, text.at, text.len);
    items_done(t);
    TRY(subsets_take(a->about.sets, &c->set, SUBSET_CATEGORY, text, t, err));
    w->categories++;
    return HABIT_OK;
}

static habit_status set_age(asked *a, const char *text, habit_error *err)
{
    int64_t span;
    if (!parse_span(text, &span) || span < 0)
        return fail(err, HABIT_EINVAL, "max_age=%.40s: not a time span like 12h or 7d", text);
    a->wish.published_since = a->wish.now - span;
    return HABIT_OK;
}

// --- the query of a GET -------------------------------------------------------------------------------

static habit_status set_flag(asked *a, const char *text, habit_error *err)
{
    static const char *const yes[] = { "", "1", "true", "yes" }, *const no[] = { "0", "false",
                                                                                 "no" };
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (strcmp(text, yes[i]) == 0) return a->wish.exclude_seen = true, HABIT_OK;
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (strcmp(text, no[i]) == 0) return a->wish.exclude_seen = false, HABIT_OK;
    return fail(err, HABIT_EINVAL, "exclude_seen=%.40s: true or false", text);
}

static habit_status set_param(asked *a, const char *name, http_text value, habit_error *err)
{
    const db_text text = { value.at, value.len };
    const int which = number_of(name);
    double x;
    if (which < NUMBERS) {
        if (!parse_number(value.at, value.len, &x)) return refuse_number(which, value.at, err);
        return set_number(a, which, x, err);
    }
    if (strcmp(name, "category") == 0) return set_category(a, text, err);
    if (strcmp(name, "filter") == 0) return set_filter(a, text, err);
    if (strcmp(name, "max_age") == 0) return set_age(a, value.at, err);
    if (strcmp(name, "exclude_seen") == 0) return set_flag(a, value.at, err);
    if (strcmp(name, "model") == 0) a->model = text;
    return HABIT_OK; // as everywhere, a parameter that no route has is no error
}

habit_status asked_query(asked *a, const http_request *r, habit_error *err)
{
    for (size_t i = 0; i < r->params; i++) TRY(set_param(a, r->name[i].at, r->value[i], err));
    return HABIT_OK;
}

// --- lists in a body ----------------------------------------------------------------------------------

static habit_status id_of(asked *a, const json_t *v, const char *what, db_text *out,
                          habit_error *err)
{
    const size_t before = a->texts.refusals;
    if (body_id(&a->texts, 0, v, what, out)) return HABIT_OK;
    const refusal *r = a->texts.refused ? &a->texts.refused[before] : NULL;
    return r ? fail(err, HABIT_EINVAL, "%s", r->why) : fail_memory(err, "the body", 0);
}

static habit_status check_list(const json_t *v, const char *name, size_t most, habit_error *err)
{
    if (!json_is_array(v)) return fail(err, HABIT_EINVAL, "%s is not a list", name);
    if (json_array_size(v) > most)
        return fail(err, HABIT_ELIMIT, "%s has %zu entries; at most %zu", name, json_array_size(v),
                    most);
    return HABIT_OK;
}

static uint32_t find_item(asked *a, db_text id)
{
    items_read(a->about.table);
    const uint32_t number = items_find(a->about.table, id);
    items_done(a->about.table);
    return number;
}

// The numbers of items the service has heard of; the others go to a->posted where there is one.
static habit_status read_items(asked *a, const json_t *v, const char *name, uint32_t *out,
                               size_t *count, habit_error *err)
{
    const json_t *one;
    size_t i;
    json_array_foreach(v, i, one)
    {
        db_text id;
        TRY(id_of(a, one, name, &id, err));
        const uint32_t number = find_item(a, id);
        if (number != IDS_NONE)
            out[(*count)++] = number;
        else if (a->posted)
            a->posted[a->posts++] = id;
    }
    return HABIT_OK;
}

static habit_status set_list(asked *a, const json_t *v, const char *name, uint32_t **list,
                             size_t *count, habit_error *err)
{
    TRY(check_list(v, name, a->reranks ? WISH_DEEP : ASKED_ITEMS, err));
    mem_free(*list);
    *count = 0;
    *list = NEW(uint32_t, json_array_size(v));
    if (a->reranks) a->posted = NEW(db_text, json_array_size(v));
    if (!*list || (a->reranks && !a->posted)) return fail_memory(err, name, json_array_size(v));
    return read_items(a, v, name, *list, count, err);
}

static habit_status set_few(asked *a, const json_t *v, const char *name, uint32_t *list,
                            size_t *count, habit_error *err)
{
    TRY(check_list(v, name, WISH_ITEMS, err));
    return read_items(a, v, name, list, count, err);
}

static habit_status set_categories(asked *a, const json_t *v, const char *name, habit_error *err)
{
    const json_t *one;
    size_t i;
    TRY(check_list(v, name, WISH_SETS, err));
    json_array_foreach(v, i, one)
    {
        if (!json_is_string(one)) return fail(err, HABIT_EINVAL, "a category is not a string");
        TRY(set_category(a, (db_text){ json_string_value(one), json_string_length(one) }, err));
    }
    return HABIT_OK;
}

// {"what": factor, ...} of items, categories, conditions.
static habit_status set_boosts(asked *a, json_t *v, const char *name, habit_error *err)
{
    const char *what;
    json_t *factor;
    wish *w = &a->wish;
    if (!json_is_object(v)) return fail(err, HABIT_EINVAL, "%s is not an object", name);
    json_object_foreach(v, what, factor)
    {
        const db_text text = { what, strlen(what) };
        wish_boost b = { .item = IDS_NONE, .factor = json_number_value(factor) };
        if (!(b.factor >= 1 / BOOST_MOST && b.factor <= BOOST_MOST))
            return fail(err, HABIT_EINVAL, "%s of %.40s: not a number in [%g, %g]", name, what,
                        1 / BOOST_MOST, BOOST_MOST);
        if (w->boosts == WISH_BOOSTS)
            return fail(err, HABIT_ELIMIT, "more than %d boosts", WISH_BOOSTS);
        if (strcmp(name, "boost") == 0)
            b.item = find_item(a, text);
        else
            TRY(subsets_take(a->about.sets, &b.set,
                             strcmp(name, "boost_category") == 0 ? SUBSET_CATEGORY : SUBSET_FILTER,
                             text, a->about.table, err));
        if (b.set || b.item != IDS_NONE) w->boost[w->boosts++] = b;
    }
    return HABIT_OK;
}

// --- a posted history ---------------------------------------------------------------------------------

// One event, an id alone or an object; false: of an item nobody has heard of.
static habit_status read_event(asked *a, json_t *v, person_event *out, bool *known,
                               habit_error *err)
{
    db_op op = { 0 };
    db_event *e = &op.event;
    const size_t before = a->texts.refusals;
    e->time = a->wish.now, e->value = NAN, e->behaviour = (db_text){ "view", 4 };
    if (!json_is_object(v)) {
        TRY(id_of(a, v, "an item of history", &e->item, err));
    } else if (json_object_set_new(v, "user", json_string("-")) ||
               !body_event(&a->texts, 0, v, &op)) {
        const refusal *r = a->texts.refused ? &a->texts.refused[before] : NULL;
        return r ? fail(err, HABIT_EINVAL, "history: %s", r->why) : fail_memory(err, "history", 0);
    }
    const uint32_t item = find_item(a, e->item);
    *known = item != IDS_NONE;
    *out = (person_event){ .time = e->time,
                           .item = item,
                           .value = (float)e->value,
                           .behaviour = behaviours_find(a->about.behaviours, e->behaviour) };
    return HABIT_OK;
}

static habit_status set_history(asked *a, const json_t *v, habit_error *err)
{
    const size_t n = json_array_size(v), first = n > a->about.ring ? n - a->about.ring : 0;
    TRY(check_list(v, "history", ASKED_ITEMS, err));
    mem_free(a->history);
    a->events = 0;
    a->history = NEW(person_event, n - first);
    if (!a->history) return fail_memory(err, "history", n);
    for (size_t i = first; i < n; i++) {
        bool known = false;
        TRY(read_event(a, json_array_get(v, i), &a->history[a->events], &known, err));
        a->events += known;
    }
    return HABIT_OK;
}

// --- a body -------------------------------------------------------------------------------------------

static habit_status set_text(const json_t *v, const char *name, db_text *out, habit_error *err)
{
    if (!json_is_string(v)) return fail(err, HABIT_EINVAL, "%s is not a string", name);
    *out = (db_text){ json_string_value(v), json_string_length(v) };
    return HABIT_OK;
}

static habit_status set_member(asked *a, const char *name, json_t *v, habit_error *err)
{
    wish *w = &a->wish;
    const int which = number_of(name);
    db_text text = { 0 };
    if (json_is_null(v)) return HABIT_OK;
    if (which < NUMBERS) {
        if (!json_is_number(v)) return fail(err, HABIT_EINVAL, "%s is not a number", name);
        return set_number(a, which, json_number_value(v), err);
    }
    if (strcmp(name, "user") == 0) return id_of(a, v, name, &a->user, err);
    if (strcmp(name, "model") == 0) return set_text(v, name, &a->model, err);
    if (strcmp(name, "history") == 0) return set_history(a, v, err);
    if (strcmp(name, "categories") == 0) return set_categories(a, v, name, err);
    if (strcmp(name, "filter") == 0 || strcmp(name, "max_age") == 0) {
        TRY(set_text(v, name, &text, err));
        return *name == 'f' ? set_filter(a, text, err) : set_age(a, text.at, err);
    }
    if (strcmp(name, "exclude_seen") == 0) {
        if (!json_is_boolean(v)) return fail(err, HABIT_EINVAL, "%s is not true or false", name);
        w->exclude_seen = json_is_true(v);
        return HABIT_OK;
    }
    if (strcmp(name, "deny") == 0) return set_list(a, v, name, &a->deny, &w->denied, err);
    if (strcmp(name, "more_like") == 0) return set_few(a, v, name, w->more, &w->mores, err);
    if (strcmp(name, "less_like") == 0) return set_few(a, v, name, w->less, &w->lesses, err);
    if (strncmp(name, "boost", 5) == 0 &&
        (!name[5] || strcmp(name + 5, "_category") == 0 || strcmp(name + 5, "_filter") == 0))
        return set_boosts(a, v, name, err);
    if (strcmp(name, a->reranks ? "items" : "allow") == 0) {
        w->only = true;
        return set_list(a, v, name, &a->list, &w->listed, err);
    }
    return fail(err, HABIT_EINVAL, "'%.40s' is no member of this body", name);
}

habit_status asked_body(asked *a, const char *bytes, size_t len, habit_error *err)
{
    json_error_t e;
    const char *name;
    json_t *v;
    void *next;
    if (!(a->texts.roots = json_array())) return fail_memory(err, "the body", len);
    a->texts.now = a->wish.now;
    a->root = len ? json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &e) : json_object();
    if (!a->root)
        return fail(err, HABIT_EINVAL, "the body is not JSON: line %d, column %d: %s", e.line,
                    e.column, e.text);
    if (!json_is_object(a->root)) return fail(err, HABIT_EINVAL, "the body is not a JSON object");
    json_object_foreach_safe(a->root, next, name, v) TRY(set_member(a, name, v, err));
    a->wish.list = a->list, a->wish.deny = a->deny;
    return a->texts.failed ? fail_memory(err, "the body", len) : HABIT_OK;
}
