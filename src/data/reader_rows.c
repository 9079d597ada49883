// reader_rows.c - lines of separated fields: csv, tsv, movielens, pairs, triples, atomic.
//
// Nearly all rows of nearly all logs have no quotes.  Those are cut eight bytes at a time: one
// word tells where its separators and line breaks are, and its bits are taken off one by one.
#include "base/memory.h"
#include "data/reader_impl.h"

#include <math.h>
#include <string.h>

int piece_take(const reader *r, piece *p, const field *f)
{
    const batch *b = &r->batch;
    const roles *k = &r->layout.roles;
    const size_t at = p->at + p->n;
    const field *user = &f[k->user], *item = &f[k->item];
    if (!user->len) return k->user;
    if (!item->len) return k->item;
    b->user[at] = (slice){ user->s, user->len };
    b->item[at] = (slice){ item->s, item->len };
    b->user_hash[at] = ids_hash(user->s, user->len);
    b->item_hash[at] = ids_hash(item->s, item->len);

    if (k->time >= 0) {
        const field *t = &f[k->time];
        if (!parse_time(r->layout.unit, t->s, t->len, &b->time[at])) {
            if (!is_missing(t->s, t->len)) return k->time;
            b->time[at] = TIME_NONE;
        }
    }
    if (k->value >= 0) {
        const field *v = &f[k->value];
        double x = NAN;
        if (!parse_number(v->s, v->len, &x) && !is_missing(v->s, v->len)) return k->value;
        b->value[at] = (float)x;
    }
    if (k->behaviour >= 0) b->behaviour[at] = (slice){ f[k->behaviour].s, f[k->behaviour].len };
    for (int i = 0; i < r->schema.extras; i++) {
        const field *e = &f[r->layout.extra[i]];
        if (b->tag[i]) {
            b->tag[i][at] = (slice){ e->s, e->len };
            continue;
        }
        b->number[i][at] = NAN;
        if (!parse_number(e->s, e->len, &b->number[i][at]) && !is_missing(e->s, e->len))
            return r->layout.extra[i];
    }
    return -1;
}

// --- without quotes --------------------------------------------------------------------------------

// Looks for separators and line breaks in [at, end), eight bytes at a time.
typedef struct scan {
    const char *at, *end;
    uint64_t found;     // high bit of every byte of *at .. at[7] that is one and was not taken
    uint64_t separator; // in all eight bytes
} scan;

// The high bit of every zero byte; exact, unlike the shorter (x - 1) & ~x.
static inline uint64_t zero_bytes(uint64_t x)
{
    const uint64_t low7 = 0x7F7F7F7F7F7F7F7Fu;
    return ~(((x & low7) + low7) | x | low7);
}

static inline uint64_t load_bytes(const char *p, size_t n)
{
    uint64_t x = 0x0101010101010101u; // no separator
    memcpy(&x, p, n);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static inline uint64_t find_breaks(const scan *s)
{
    const size_t left = (size_t)(s->end - s->at);
    const uint64_t x = left >= 8 ? load_bytes(s->at, 8) : load_bytes(s->at, left);
    return zero_bytes(x ^ s->separator) | zero_bytes(x ^ 0x0A0A0A0A0A0A0A0Au);
}

static inline int lowest_byte(uint64_t x)
{
#if defined(__GNUC__)
    return __builtin_ctzll(x) >> 3;
#else
    int n = 0;
    for (; !(x & 0xFF); x >>= 8) n++;
    return n;
#endif
}

// The next separator or line break, or the end.
static inline const char *next_break(scan *s)
{
    while (!s->found) {
        s->at += 8;
        if (s->at >= s->end) return s->end;
        s->found = find_breaks(s);
    }
    const char *p = s->at + lowest_byte(s->found);
    s->found &= s->found - 1;
    return p;
}

// Fields of the row at p; returns where it ends.
static inline const char *scan_row(scan *s, const char *p, field *f, size_t max, size_t *n)
{
    size_t k = 0;
    for (;;) {
        const char *q = next_break(s);
        const bool last = q == s->end || *q == '\n';
        const char *e = last && q > p && q[-1] == '\r' ? q - 1 : q;
        if (k < max) f[k] = (field){ p, (uint32_t)(e - p), 0 };
        k++;
        if (last) {
            *n = k;
            return q;
        }
        p = q + 1;
    }
}

static bool wrong_count(const reader *r, piece *p, const char *row, const char *end, size_t n)
{
    return piece_flaw(p, row, end, row, "%zu columns where %s has %zu", n,
                      r->layout.lines ? "the header" : "the first row", r->layout.columns.n);
}

static void parse_plain(const reader *r, piece *p)
{
    const size_t columns = r->layout.columns.n;
    field f[FIELDS_MAX];
    scan s = { .at = p->begin, .end = p->end };
    s.separator = 0x0101010101010101u * (unsigned char)r->layout.dialect.separator;
    s.found = find_breaks(&s);
    for (const char *row = p->begin, *end; row < p->end; row = end + 1) {
        size_t n;
        end = scan_row(&s, row, f, FIELDS_MAX, &n);
        if (n != columns) {
            if (n == 1 && !f[0].len) continue; // an empty line
            if (!wrong_count(r, p, row, end, n)) return;
            continue;
        }
        const int col = piece_take(r, p, f);
        if (col < 0)
            p->n++;
        else if (!piece_refuse(r, p, row, end, f[col].s, f, col))
            return;
    }
}

// --- with quotes, blanks or double colons -------------------------------------------------------------

static void undouble(slice *s)
{
    field f = { s->s, s->len, 1 };
    field_undouble(&f);
    s->len = f.len;
}

// Takes doubled quotes out of the row just stored.  Only now: a refused row stays as it was.
static void undouble_row(const reader *r, const piece *p, const field *f)
{
    const batch *b = &r->batch;
    const roles *k = &r->layout.roles;
    const size_t at = p->at + p->n;
    if (f[k->user].doubled) {
        undouble(&b->user[at]);
        b->user_hash[at] = ids_hash(b->user[at].s, b->user[at].len);
    }
    if (f[k->item].doubled) {
        undouble(&b->item[at]);
        b->item_hash[at] = ids_hash(b->item[at].s, b->item[at].len);
    }
    if (k->behaviour >= 0 && f[k->behaviour].doubled) undouble(&b->behaviour[at]);
    for (int i = 0; i < r->schema.extras; i++)
        if (b->tag[i] && f[r->layout.extra[i]].doubled) undouble(&b->tag[i][at]);
}

static bool bad_quotes(piece *p, const char *row, const cut_row *cut)
{
    if (cut->open)
        return piece_flaw(p, row, cut->end, cut->flaw, "a quote opened here is never closed");
    return piece_flaw(p, row, cut->end, cut->flaw,
                      "text after a closing quote: quotes inside a field are written twice");
}

static void parse_careful(const reader *r, piece *p)
{
    const size_t columns = r->layout.columns.n;
    field f[FIELDS_MAX];
    cut_row cut;
    for (const char *row = p->begin; row < p->end; row = cut.next) {
        cut = fields_split(r->layout.dialect, row, p->end, f, FIELDS_MAX);
        if (cut.n == 0 || (cut.n == 1 && !f[0].len && f[0].s == row)) continue;
        bool go_on = true;
        if (cut.flaw)
            go_on = bad_quotes(p, row, &cut);
        else if (cut.n != columns)
            go_on = wrong_count(r, p, row, cut.end, cut.n);
        else {
            const int col = piece_take(r, p, f);
            if (col < 0) {
                undouble_row(r, p, f);
                p->n++;
            } else
                go_on = piece_refuse(r, p, row, cut.end, f[col].s, f, col);
        }
        if (!go_on) return;
    }
}

void piece_parse_rows(const reader *r, piece *p)
{
    const dialect d = r->layout.dialect;
    const bool quotes =
        d.quotes != QUOTES_NONE && memchr(p->begin, '"', (size_t)(p->end - p->begin));
    if (quotes || d.separator == ' ' || d.separator == ':')
        parse_careful(r, p);
    else
        parse_plain(r, p);
}
