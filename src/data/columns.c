// columns.c - which column is the user, which the item.
#include "data/columns.h"
#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

habit_status column_names_add(column_names *c, const char *s, size_t len, habit_error *err)
{
    void *items = c->name;
    TRY(mem_grow(&items, &c->cap, c->n + 1, sizeof *c->name, "column names", err));
    c->name = items;
    if (!(c->name[c->n] = mem_strndup(s, len))) return fail_memory(err, "column names", len);
    c->n++;
    return HABIT_OK;
}

int column_names_find(const column_names *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->name[i], name) == 0) return (int)i;
    return -1;
}

void column_names_free(column_names *c)
{
    for (size_t i = 0; i < c->n; i++) mem_free(c->name[i]);
    mem_free(c->name);
    *c = (column_names){ 0 };
}

void column_names_list(const column_names *c, char *to, size_t cap)
{
    size_t n = 0;
    to[0] = '\0';
    for (size_t i = 0; i < c->n; i++) {
        const int k = snprintf(to + n, cap - n, "%s%s", i ? ", " : "", c->name[i]);
        if (k < 0 || (size_t)k >= cap - n) {
            if (cap > 4) memcpy(to + cap - 4, "...", 4);
            return;
        }
        n += (size_t)k;
    }
}

// --- the usual names, most telling first -----------------------------------------------------------
//
// Compared without case, blanks, '_', '-' and '.': userid is user_id, userId, UserId, USER_ID.

// clang-format off
static const char *const user_names[] = {
    "userid", "user", "uid", "username", "visitorid", "visitor", "customerid", "customer",
    "memberid", "accountid", "personid", "reviewerid", "profileid", "clientid",
    "sessionid", "session", NULL,
};
static const char *const item_names[] = {
    "itemid", "item", "iid", "movieid", "movie", "productid", "product", "skuid", "sku", "asin",
    "poiid", "poi", "venueid", "placeid", "businessid", "bookid", "isbn", "trackid", "songid",
    "artistid", "videoid", "newsid", "articleid", "contentid", "goodsid", "courseid", "recipeid",
    "gameid", "appid", "track", "song", "artist", "video", "book", "article", NULL,
};
static const char *const time_names[] = {
    "timestamp", "time", "ts", "datetime", "eventtime", "actiontime", "sentat", "createdat",
    "date", "unixtime", "unixreviewtime", "reviewtime", "timestampms", "timems", "minute", "hour",
    "day", NULL,
};
static const char *const value_names[] = {
    "rating", "value", "weight", "score", "stars", "overall", "watchratio", "playshare", "dwell",
    "dwelltime", "watchtime", "playduration", "playcount", "listencount", "count", "eventvalue",
    NULL,
};
static const char *const behaviour_names[] = {
    "behaviour", "behavior", "behaviourtype", "behaviortype", "event", "eventtype", "feedbacktype",
    "action", "actiontype", "interactiontype", "interaction", "type", NULL,
};
// clang-format on

static bool same_word(const char *name, const char *word)
{
    for (; *name; name++) {
        char c = *name;
        if (c == ' ' || c == '_' || c == '-' || c == '.') continue;
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        if (c != *word++) return false;
    }
    return !*word;
}

static int find_any(const column_names *c, const char *const *words)
{
    for (; *words; words++)
        for (size_t i = 0; i < c->n; i++)
            if (same_word(c->name[i], *words)) return (int)i;
    return -1;
}

int column_of_user(const column_names *c)
{
    return find_any(c, user_names);
}

int column_of_item(const column_names *c)
{
    return find_any(c, item_names);
}

roles roles_by_name(const column_names *c)
{
    return (roles){ find_any(c, user_names), find_any(c, item_names), find_any(c, time_names),
                    find_any(c, value_names), find_any(c, behaviour_names) };
}

time_unit unit_by_name(const char *name)
{
    static const struct {
        const char *word;
        time_unit unit;
    } known[] = { { "minute", UNIT_MIN }, { "hour", UNIT_H }, { "day", UNIT_D } };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (same_word(name, known[i].word)) return known[i].unit;
    return UNIT_NONE;
}

// --- --columns, --value ------------------------------------------------------------------------------

typedef struct pair {
    char key[256], name[256];
} pair;

// The next "key=name" of a comma list; false at its end.
static bool next_pair(const char **list, pair *out)
{
    const char *s = *list;
    if (!s || !*s) return false;
    const size_t len = strcspn(s, ",");
    const char *equals = memchr(s, '=', len);
    const size_t k = equals ? (size_t)(equals - s) : len;
    snprintf(out->key, sizeof out->key, "%.*s", (int)k, s);
    snprintf(out->name, sizeof out->name, "%.*s", equals ? (int)(len - k - 1) : 0,
             equals ? equals + 1 : "");
    *list = s + len + (s[len] == ',');
    return true;
}

static int *role_slot(roles *r, const char *key)
{
    if (strcmp(key, "user") == 0) return &r->user;
    if (strcmp(key, "item") == 0) return &r->item;
    if (strcmp(key, "time") == 0) return &r->time;
    if (strcmp(key, "value") == 0) return &r->value;
    if (strcmp(key, "behaviour") == 0 || strcmp(key, "behavior") == 0) return &r->behaviour;
    return NULL;
}

static int column_by_position(const column_names *c, const char *text)
{
    int64_t k;
    return parse_int(text, strlen(text), &k) && k >= 1 && (size_t)k <= c->n ? (int)k - 1 : -1;
}

enum { ROLE_REMOVED = -2 };

// "none" takes a role away.
static habit_status find_column(int *out, const column_names *c, const char *option,
                                const char *name, const char *source, habit_error *err)
{
    int k = column_names_find(c, name);
    if (k < 0) k = column_by_position(c, name);
    if (k < 0 && strcmp(name, "none") == 0) k = ROLE_REMOVED;
    if (k == -1) {
        char list[200];
        column_names_list(c, list, sizeof list);
        return fail(err, HABIT_EINVAL, "%s: %s: there is no column '%s': it has %s", source, option,
                    name, list);
    }
    *out = k;
    return HABIT_OK;
}

habit_status roles_override(roles *r, const column_names *c, const import_options *options,
                            const char *source, habit_error *err)
{
    pair p;
    roles given = ROLES_NONE;
    for (const char *list = options->columns; next_pair(&list, &p);) {
        int *slot = role_slot(&given, p.key);
        if (!slot || !*p.name)
            return fail(
                err, HABIT_EINVAL,
                "--columns: '%s' is not user=NAME, item=, time=, value= or behaviour=", p.key);
        TRY(find_column(slot, c, "--columns", p.name, source, err));
    }
    if (options->value && given.value == -1)
        TRY(find_column(&given.value, c, "--value", options->value, source, err));
    // a column has one role: what was given takes it away from what was guessed
    int *const have[] = { &r->user, &r->item, &r->time, &r->value, &r->behaviour };
    const int want[] = { given.user, given.item, given.time, given.value, given.behaviour };
    for (size_t i = 0; i < COUNT_OF(have); i++)
        for (size_t k = 0; k < COUNT_OF(want); k++)
            if (want[k] >= 0 && *have[i] == want[k]) *have[i] = -1;
    for (size_t i = 0; i < COUNT_OF(have); i++)
        if (want[i] != -1) *have[i] = want[i] == ROLE_REMOVED ? -1 : want[i];
    return HABIT_OK;
}

bool roles_by_position(const column_names *c, const import_options *options)
{
    pair p;
    bool any = false;
    for (const char *list = options->columns; next_pair(&list, &p);) {
        if (strcmp(p.name, "none") == 0) continue;
        if (column_by_position(c, p.name) < 0) return false;
        any = true;
    }
    return any;
}

// --- content -----------------------------------------------------------------------------------------

void column_stats_add(column_stats *c, const char *s, size_t len)
{
    if (is_missing(s, len)) return;
    int64_t whole, time;
    double x;
    if (!c->filled++) c->low = DBL_MAX, c->high = -DBL_MAX;
    if (parse_number(s, len, &x)) {
        const bool minus = *s == '-' || *s == '+';
        const bool is_whole = parse_int(s, len, &whole);
        c->numbers++;
        c->wholes += is_whole;
        c->codes += (is_whole && len > (size_t)minus + 1 && s[minus] == '0') ||
                    (is_whole && len > (size_t)minus + 15);
        if (x < c->low) c->low = x;
        if (x > c->high) c->high = x;
    } else if (time_parse_iso(s, len, &time))
        c->isos++;
}

bool column_is_number(const column_stats *c)
{
    return c->filled && c->numbers == c->filled && !c->codes;
}

bool column_is_time(const column_stats *c)
{
    if (!c->filled) return false;
    return c->isos == c->filled || (c->numbers == c->filled && c->low >= 1e8);
}

bool name_is_code(const char *name)
{
    static const char *const words[] = { "categor", "genre", "brand",  "shop", "seller",
                                         "type",    "class", "domain", "code", "platform" };
    const size_t len = strlen(name);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        for (const char *p = name; *p; p++)
            if (strncasecmp(p, words[i], strlen(words[i])) == 0) return true;
    if (len < 2 || strcasecmp(name + len - 2, "id") != 0) return false;
    return len == 2 || name[len - 2] == 'I' || name[len - 3] == '_'; // not "paid"
}

static bool in_list(const char *list, const char *name)
{
    const size_t len = strlen(name);
    for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strncmp(p, name, len) == 0 && (p[len] == ',' || !p[len])) return true;
    return false;
}

static habit_status keep_known(const column_names *c, const char *keep, const char *source,
                               habit_error *err)
{
    pair p;
    for (const char *list = keep; next_pair(&list, &p);) {
        if (column_names_find(c, p.key) >= 0) continue;
        char all[200];
        column_names_list(c, all, sizeof all);
        return fail(err, HABIT_EINVAL, "%s: --keep: there is no column '%s': it has %s", source,
                    p.key, all);
    }
    return HABIT_OK;
}

habit_status extras_choose(schema *s, int extra[READER_EXTRAS], const roles *r,
                           const column_names *c, const column_stats *stats,
                           const import_options *options, const char *source, habit_error *err)
{
    const char *keep = options->keep ? options->keep : "all";
    const bool all = strcmp(keep, "all") == 0, none = strcmp(keep, "none") == 0;
    if (!all && !none) TRY(keep_known(c, keep, source, err));
    s->extras = 0;
    for (size_t i = 0; i < c->n && !none; i++) {
        const int k = (int)i;
        if (k == r->user || k == r->item || k == r->time || k == r->value || k == r->behaviour)
            continue;
        if (!*c->name[i] || (!all && !in_list(keep, c->name[i]))) continue;
        if (s->extras == READER_EXTRAS)
            return fail(err, HABIT_ELIMIT,
                        "%s: more than %d columns to keep: choose some with --keep a,b,c", source,
                        READER_EXTRAS);
        extra[s->extras] = k;
        s->extra_name[s->extras] = c->name[i];
        const bool number = column_is_number(&stats[i]) && !name_is_code(c->name[i]);
        s->extra_kind[s->extras++] = number ? EXTRA_NUMBER : EXTRA_TAG;
    }
    return HABIT_OK;
}
