// filter.c - a recursive descent into a tree of at most NODES nodes.
#include "serve/filter.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 64, DEPTH = 32, TEXT_MOST = 4096 };

typedef enum kind { AND, OR, NOT, EQ, NE, LT, LE, GT, GE, IN, HAS, IS } kind;

typedef struct node {
    kind kind;
    int left, right; // of AND, OR, NOT
    char *field;     // of a test: "size.width"
    json_t *value;   // what it is compared with; of IN a list
} node;

struct filter {
    node at[NODES];
    int count, top;
};

typedef struct parser {
    filter *f;
    const char *begin, *s, *end;
    int depth;
    habit_error *err;
    habit_status status;
} parser;

// --- words ------------------------------------------------------------------------------------------

static int wrong(parser *p, const char *wanted)
{
    const int len = (int)(p->end - p->s < 20 ? p->end - p->s : 20);
    if (p->status == HABIT_OK)
        p->status = fail(p->err, HABIT_EINVAL, "filter, character %zu: %s, not '%.*s'",
                         (size_t)(p->s - p->begin) + 1, wanted, len, p->s);
    return -1;
}

static void skip_space(parser *p)
{
    while (p->s < p->end && strchr(" \t\r\n", *p->s)) p->s++;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

// The length of a name at p->s.
static size_t name_length(const parser *p)
{
    size_t n = 0;
    while (p->s + n < p->end && is_name(p->s[n])) n++;
    return n;
}

static bool take_word(parser *p, const char *word)
{
    const size_t n = strlen(word);
    skip_space(p);
    if (name_length(p) != n || memcmp(p->s, word, n) != 0) return false;
    p->s += n;
    return true;
}

static bool take(parser *p, const char *sign)
{
    const size_t n = strlen(sign);
    skip_space(p);
    if ((size_t)(p->end - p->s) < n || memcmp(p->s, sign, n) != 0) return false;
    p->s += n;
    return true;
}

// A number, string, true, false, null: as JSON has it.
static json_t *take_value(parser *p)
{
    skip_space(p);
    const char *s = p->s;
    if (s < p->end && *s == '"') {
        for (s++; s < p->end && *s != '"'; s++) s += *s == '\\' && s + 1 < p->end;
        s += s < p->end;
    } else {
        while (s < p->end && (is_name(*s) || *s == '+')) s++;
    }
    json_t *v = json_loadb(p->s, (size_t)(s - p->s), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!v) wrong(p, "a value is wanted");
    if (v) p->s = s;
    return v;
}

static json_t *take_list(parser *p)
{
    json_t *list = take(p, "[") ? json_array() : NULL;
    if (!list) {
        wrong(p, "[ is wanted");
        return NULL;
    }
    if (take(p, "]")) return list;
    do {
        json_t *v = take_value(p);
        if (!v || json_array_append_new(list, v)) goto failed;
    } while (take(p, ","));
    if (take(p, "]")) return list;
    wrong(p, "] is wanted");
failed:
    json_decref(list);
    return NULL;
}

// --- the tree ---------------------------------------------------------------------------------------

static int add(parser *p, node n)
{
    if (p->f->count == NODES) return wrong(p, "fewer conditions are wanted");
    p->f->at[p->f->count] = n;
    return p->f->count++;
}

static int parse_any(parser *p);

static int parse_test(parser *p)
{
    static const struct {
        const char *sign;
        kind kind;
    } signs[] = {
        { "==", EQ }, { "!=", NE }, { "<=", LE }, { "<", LT }, { ">=", GE }, { ">", GT }
    };
    skip_space(p);
    const size_t len = name_length(p);
    if (!len) return wrong(p, "a field is wanted");
    const int at = add(p, (node){ .kind = IS });
    if (at < 0) return -1;
    node *n = &p->f->at[at];
    if (!(n->field = mem_strndup(p->s, len))) {
        p->status = fail_memory(p->err, "filter", len);
        return -1;
    }
    p->s += len;
    for (size_t i = 0; i < COUNT_OF(signs) && n->kind == IS; i++)
        if (take(p, signs[i].sign)) n->kind = signs[i].kind;
    if (n->kind == IS && take_word(p, "has")) n->kind = HAS;
    if (n->kind == IS && take_word(p, "in")) n->kind = IN;
    if (n->kind == IS) return at;
    n->value = n->kind == IN ? take_list(p) : take_value(p);
    return n->value ? at : -1;
}

static int parse_one(parser *p)
{
    int at;
    if (p->depth == DEPTH) return wrong(p, "fewer brackets are wanted");
    p->depth++;
    if (take_word(p, "not")) {
        at = parse_one(p);
        if (at >= 0) at = add(p, (node){ .kind = NOT, .left = at });
    } else if (take(p, "(")) {
        at = parse_any(p);
        if (at >= 0 && !take(p, ")")) at = wrong(p, ") is wanted");
    } else {
        at = parse_test(p);
    }
    p->depth--;
    return at;
}

static int parse_all(parser *p)
{
    int at = parse_one(p);
    while (at >= 0 && take_word(p, "and")) {
        const int right = parse_one(p);
        at = right < 0 ? -1 : add(p, (node){ .kind = AND, .left = at, .right = right });
    }
    return at;
}

static int parse_any(parser *p)
{
    int at = parse_all(p);
    while (at >= 0 && take_word(p, "or")) {
        const int right = parse_all(p);
        at = right < 0 ? -1 : add(p, (node){ .kind = OR, .left = at, .right = right });
    }
    return at;
}

habit_status filter_parse(filter **out, const char *text, size_t len, habit_error *err)
{
    if (len > TEXT_MOST)
        return fail(err, HABIT_ELIMIT, "a filter of %zu characters; at most %d", len, TEXT_MOST);
    filter *f = ZNEW(filter, 1);
    if (!f) return fail_memory(err, "filter", sizeof *f);
    parser p = { .f = f, .begin = text, .s = text, .end = text + len, .err = err };
    f->top = parse_any(&p);
    skip_space(&p);
    if (f->top >= 0 && p.s < p.end) f->top = wrong(&p, "and, or or the end is wanted");
    if (f->top >= 0) {
        *out = f;
        return HABIT_OK;
    }
    filter_free(f);
    return p.status == HABIT_OK ? fail_memory(err, "filter", len) : p.status;
}

void filter_free(filter *f)
{
    if (!f) return;
    for (int i = 0; i < f->count; i++) {
        mem_free(f->at[i].field);
        json_decref(f->at[i].value);
    }
    mem_free(f);
}

// --- items ------------------------------------------------------------------------------------------

static const json_t *field_of(const json_t *o, const char *name)
{
    const json_t *whole = json_object_get(o, name);
    if (whole) return whole; // a name with a dot in it
    for (;;) {
        const size_t n = strcspn(name, ".");
        o = json_object_getn(o, name, n);
        if (!name[n] || !o) return o;
        name += n + 1;
    }
}

static bool same(const json_t *a, const json_t *b)
{
    if (!a || json_is_null(a)) return json_is_null(b);
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool is_in(const json_t *list, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (same(value, json_array_get(list, i))) return true;
    return false;
}

// -1, 0, 1; 2 for what has no order.
static int order(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        const double x = json_number_value(a), y = json_number_value(b);
        return (x > y) - (x < y);
    }
    if (!json_is_string(a) || !json_is_string(b)) return 2;
    const size_t n = json_string_length(a), m = json_string_length(b);
    const int c = memcmp(json_string_value(a), json_string_value(b), n < m ? n : m);
    return c ? (c > 0) - (c < 0) : (n > m) - (n < m);
}

static bool is_something(const json_t *v)
{
    return v && !json_is_null(v) && !json_is_false(v) &&
           !(json_is_number(v) && json_number_value(v) == 0) &&
           !(json_is_string(v) && json_string_length(v) == 0);
}

static bool test(const node *n, const json_t *fields)
{
    const json_t *v = field_of(fields, n->field);
    const int o = n->kind >= LT && n->kind <= GE ? order(v, n->value) : 2;
    switch (n->kind) {
    case EQ:
        return same(v, n->value);
    case NE:
        return !same(v, n->value);
    case LT:
        return o == -1;
    case LE:
        return o <= 0;
    case GT:
        return o == 1;
    case GE:
        return o == 0 || o == 1;
    case IN:
        return is_in(n->value, v);
    case HAS:
        return is_in(v, n->value);
    default:
        return is_something(v);
    }
}

static bool holds(const filter *f, int at, const json_t *fields)
{
    const node *n = &f->at[at];
    switch (n->kind) {
    case AND:
        return holds(f, n->left, fields) && holds(f, n->right, fields);
    case OR:
        return holds(f, n->left, fields) || holds(f, n->right, fields);
    case NOT:
        return !holds(f, n->left, fields);
    default:
        return test(n, fields);
    }
}

bool filter_holds(const filter *f, const json_t *fields)
{
    return holds(f, f->top, fields);
}
