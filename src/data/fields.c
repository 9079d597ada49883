// fields.c - a line of text into fields.
#include "data/fields.h"

#include <string.h>

const char *quote_close(const char *p, const char *end, bool *doubled)
{
    *doubled = false;
    for (p++; (p = memchr(p, '"', (size_t)(end - p))); p += 2) {
        if (p + 1 == end || p[1] != '"') return p;
        *doubled = true;
    }
    return NULL;
}

void field_undouble(field *f)
{
    char *to = (char *)f->s; // the reader's own memory
    const char *from = f->s, *end = f->s + f->len;
    while (from < end) {
        if (*from == '"') from++; // the first of two
        *to++ = *from++;
    }
    f->len = (uint32_t)(to - f->s);
    f->doubled = 0;
    while (to < end) *to++ = '"'; // no line break stays behind: lines are counted later
}

typedef struct splitter {
    char separator;
    const char *end; // of the text
    field *out;
    size_t max;
    cut_row row;
} splitter;

static void put(splitter *k, const char *from, const char *to, bool doubled)
{
    if (k->row.n < k->max) k->out[k->row.n] = (field){ from, (uint32_t)(to - from), doubled };
    k->row.n++;
}

static bool ends_field(const splitter *k, const char *p)
{
    return p == k->end || *p == k->separator || *p == '\n' ||
           (*p == '\r' && (p + 1 == k->end || p[1] == '\n'));
}

// Ends the row at p, which is at its line break or at the end of the text.
static void finish(splitter *k, const char *p)
{
    k->row.end = p;
    k->row.next = p < k->end ? p + 1 : p;
}

// A line break may be "\r\n": the '\r' belongs to it.
static const char *without_cr(const char *from, const char *to)
{
    return to > from && to[-1] == '\r' ? to - 1 : to;
}

// A field that begins with a quote at p.  True if it was one; *p then is at what ends it.
static bool take_quoted(splitter *k, quoting quotes, const char **p)
{
    const char *limit = k->end;
    if (quotes == QUOTES_LINE) {
        const char *line = memchr(*p, '\n', (size_t)(k->end - *p));
        if (line) limit = line;
    }
    bool doubled;
    const char *close = quote_close(*p, limit, &doubled);
    const bool good = close && ends_field(k, close + 1);
    if (!good && quotes == QUOTES_LINE) return false;
    if (!good && !k->row.flaw) {
        k->row.flaw = close ? close + 1 : *p;
        k->row.open = !close;
    }
    put(k, *p + 1, close ? close : k->end, doubled);
    *p = close ? close + 1 : k->end;
    while (!ends_field(k, *p)) (*p)++; // text after the closing quote
    if (*p < k->end && **p == '\r') (*p)++;
    return true;
}

static cut_row split_by_byte(splitter *k, quoting quotes, const char *p)
{
    for (;;) {
        if (quotes != QUOTES_NONE && p < k->end && *p == '"' && take_quoted(k, quotes, &p)) {
            if (p == k->end || *p == '\n') return finish(k, p), k->row;
            p++;
            continue;
        }
        const char *from = p;
        while (p < k->end && *p != k->separator && *p != '\n') p++;
        const bool last = p == k->end || *p == '\n';
        put(k, from, last ? without_cr(from, p) : p, false);
        if (last) return finish(k, p), k->row;
        p++;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static cut_row split_by_blanks(splitter *k, const char *p)
{
    for (;;) {
        while (p < k->end && is_blank(*p)) p++;
        if (p == k->end || *p == '\n') return finish(k, p), k->row;
        const char *from = p;
        while (p < k->end && !is_blank(*p) && *p != '\n') p++;
        const char *to = p == k->end || *p == '\n' ? without_cr(from, p) : p;
        if (to > from) put(k, from, to, false);
    }
}

static cut_row split_by_colons(splitter *k, const char *p)
{
    for (;;) {
        const char *from = p;
        while (p < k->end && *p != '\n' && !(*p == ':' && p + 1 < k->end && p[1] == ':')) p++;
        const bool last = p == k->end || *p == '\n';
        put(k, from, last ? without_cr(from, p) : p, false);
        if (last) return finish(k, p), k->row;
        p += 2;
    }
}

cut_row fields_split(dialect d, const char *p, const char *end, field *out, size_t max)
{
    splitter k = { .separator = d.separator, .end = end, .out = out, .max = max };
    if (d.separator == ' ') return split_by_blanks(&k, p);
    if (d.separator == ':') return split_by_colons(&k, p);
    return split_by_byte(&k, d.quotes, p);
}
