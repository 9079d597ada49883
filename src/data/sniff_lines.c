// sniff_lines.c - the first lines of a source, cut at every separator and counted.
#include "data/sniff_parts.h"

#include <string.h>

const char sniff_separators[] = "\t,;| :";

dialect sniff_dialect(char separator)
{
    return (dialect){ separator, separator == '\t'                      ? QUOTES_LINE
                                 : separator == ' ' || separator == ':' ? QUOTES_NONE
                                                                        : QUOTES_CSV };
}

bool sniff_next_line(const sniffer *k, const char **at, const char **line, const char **end)
{
    while (*at < k->end) {
        const char *nl = memchr(*at, '\n', (size_t)(k->end - *at));
        if (!nl && !k->s->whole) return false;
        *line = *at;
        *end = nl ? nl : k->end;
        *at = nl ? nl + 1 : k->end;
        if (*end > *line && (*end)[-1] == '\r') (*end)--;
        if (*end > *line) return true;
    }
    return false;
}

void sniff_profile(sniffer *k)
{
    profile *p = &k->lines;
    const char *at = k->text, *line, *end;
    for (; p->lines < SNIFF_LINES && sniff_next_line(k, &at, &line, &end); p->lines++)
        for (int i = 0; i < SNIFF_SEPARATORS; i++) {
            dialect d = sniff_dialect(sniff_separators[i]);
            if (d.quotes == QUOTES_CSV) d.quotes = QUOTES_LINE;
            field none;
            const size_t n = fields_split(d, line, end, &none, 0).n;
            p->by[i].with[n < 7 ? n : 7]++;
            if (!p->lines) p->by[i].first = p->by[i].least = n;
            if (n < p->by[i].least) p->by[i].least = n;
            if (n > p->by[i].most) p->by[i].most = n;
        }
}

size_t sniff_usual_fields(const profile *p, int separator)
{
    if (p->by[separator].least == p->by[separator].most) return p->by[separator].most;
    for (size_t n = 2; n < 7; n++)
        if (p->by[separator].with[n] * 20 >= p->lines * 19) return n;
    return 0;
}

void sniff_split_first(sniffer *k, dialect d)
{
    const char *at = k->text, *line, *end;
    k->first_n = k->first_all = 0;
    if (d.quotes == QUOTES_CSV) { // a header may hold line breaks
        while (at < k->end && (*at == '\n' || *at == '\r')) at++;
        line = at, end = k->end;
    } else if (!sniff_next_line(k, &at, &line, &end))
        return;
    const cut_row row = fields_split(d, line, end, k->first, FIELDS_MAX);
    k->first_all = row.n;
    k->first_n = row.n < FIELDS_MAX ? row.n : FIELDS_MAX;
}

void sniff_skip_header(const sniffer *k, layout *l)
{
    const char *at = k->text;
    while (at < k->end && (*at == '\n' || *at == '\r')) at++;
    field none;
    const char *next = fields_split(l->dialect, at, k->end, &none, 0).next;
    for (const char *p = k->text; p < next; p++) l->lines += *p == '\n';
    l->skip = (size_t)(next - k->s->bytes);
}

void sniff_collect_stats(sniffer *k, layout *l, bool skip_first)
{
    memset(k->stats, 0, sizeof k->stats);
    const char *at = k->text;
    field *f = k->row;
    uint64_t count = 0;
    for (uint64_t n = 0; n < SNIFF_LINES && at < k->end; n++) {
        const cut_row row = fields_split(l->dialect, at, k->end, f, FIELDS_MAX);
        if (row.flaw || (!k->s->whole && row.next == k->end)) break;
        at = row.next;
        if (row.n == 0 || (row.n == 1 && f[0].len == 0)) continue;
        if (skip_first) {
            skip_first = false;
            continue;
        }
        count++;
        for (size_t i = 0; i < row.n && i < FIELDS_MAX; i++)
            column_stats_add(&k->stats[i], f[i].s, f[i].len);
    }
    if (at > k->text) l->rows_per_byte = (double)count / (double)(at - k->text);
}
