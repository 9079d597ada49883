// sniff.c - what a source of text looks like.
//
// In this order: JSON objects; a typed header (atomic); a header with names people use, or those
// of --columns; "::" (movielens); then by how many fields its lines have, and what is in them.
#include "data/sniff.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const char separators[] = "\t,;| :"; // as in data/fields.h
enum { SEPARATORS = sizeof separators - 1 };

// How lines look when cut at a separator.
typedef struct profile {
    uint64_t lines;
    struct {
        uint64_t with[8]; // lines with so many fields; the last: that many or more
        size_t least, most, first;
    } by[SEPARATORS];
} profile;

typedef struct sniffer {
    const sample *s;
    const import_options *options;
    const char *format; // asked for, or "auto"
    const char *text, *end;
    profile lines;
    field first[FIELDS_MAX];        // fields of the first line
    size_t first_n, first_all;      // stored; there are
    field row[FIELDS_MAX];          // of the line being looked at
    column_stats stats[FIELDS_MAX]; // of the lines after the first
} sniffer;

void layout_free(layout *l)
{
    column_names_free(&l->columns);
}

static bool wants(const sniffer *k, const char *format)
{
    return strcmp(k->format, format) == 0;
}

static dialect dialect_of(char separator)
{
    return (dialect){ separator, separator == '\t'                      ? QUOTES_LINE
                                 : separator == ' ' || separator == ':' ? QUOTES_NONE
                                                                        : QUOTES_CSV };
}

// The next line that is not empty: [*line, *end) without its break.  False at the end, or where
// the sample cuts a line off.
static bool next_line(const sniffer *k, const char **at, const char **line, const char **end)
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

static void profile_lines(sniffer *k)
{
    profile *p = &k->lines;
    const char *at = k->text, *line, *end;
    for (; p->lines < SNIFF_LINES && next_line(k, &at, &line, &end); p->lines++)
        for (int i = 0; i < SEPARATORS; i++) {
            dialect d = dialect_of(separators[i]);
            if (d.quotes == QUOTES_CSV) d.quotes = QUOTES_LINE;
            field none;
            const size_t n = fields_split(d, line, end, &none, 0).n;
            p->by[i].with[n < 7 ? n : 7]++;
            if (!p->lines) p->by[i].first = p->by[i].least = n;
            if (n < p->by[i].least) p->by[i].least = n;
            if (n > p->by[i].most) p->by[i].most = n;
        }
}

// The number of fields that nearly all lines have: a few may be bad rows.  0 if there is none.
static size_t usual_fields(const profile *p, int separator)
{
    if (p->by[separator].least == p->by[separator].most) return p->by[separator].most;
    for (size_t n = 2; n < 7; n++)
        if (p->by[separator].with[n] * 20 >= p->lines * 19) return n;
    return 0;
}

static void split_first(sniffer *k, dialect d)
{
    const char *at = k->text, *line, *end;
    k->first_n = k->first_all = 0;
    if (d.quotes == QUOTES_CSV) { // a header may hold line breaks
        while (at < k->end && (*at == '\n' || *at == '\r')) at++;
        line = at, end = k->end;
    } else if (!next_line(k, &at, &line, &end))
        return;
    const cut_row row = fields_split(d, line, end, k->first, FIELDS_MAX);
    k->first_all = row.n;
    k->first_n = row.n < FIELDS_MAX ? row.n : FIELDS_MAX;
}

// Skips the first line, which is a header.
static void skip_header(const sniffer *k, layout *l)
{
    const char *at = k->text;
    while (at < k->end && (*at == '\n' || *at == '\r')) at++;
    field none;
    const char *next = fields_split(l->dialect, at, k->end, &none, 0).next;
    for (const char *p = k->text; p < next; p++) l->lines += *p == '\n';
    l->skip = (size_t)(next - k->s->bytes);
}

static void collect_stats(sniffer *k, layout *l, bool skip_first)
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

// --- header ------------------------------------------------------------------------------------------

static habit_status names_from_first(const sniffer *k, layout *l, habit_error *err)
{
    column_names_free(&l->columns);
    for (size_t i = 0; i < k->first_n; i++) {
        const char *s = k->first[i].s;
        size_t len = k->first[i].len;
        while (len && (*s == ' ' || *s == '#')) s++, len--;
        while (len && s[len - 1] == ' ') len--;
        TRY(column_names_add(&l->columns, s, len, err));
    }
    return HABIT_OK;
}

// True if every name in --columns is a name of this header.
static bool names_are_given(const layout *l, const import_options *options)
{
    roles r = ROLES_NONE;
    return options->columns && !roles_by_position(&l->columns, options) &&
           roles_override(&r, &l->columns, options, "", NULL) == HABIT_OK;
}

// Looks for a header with separator d.  *found says whether the first line is one.
static habit_status try_header(sniffer *k, layout *l, dialect d, bool *found, habit_error *err)
{
    *found = false;
    split_first(k, d);
    if (k->first_n < 2) return HABIT_OK;
    TRY(names_from_first(k, l, err));
    const roles r = roles_by_name(&l->columns);
    *found = (r.user >= 0 && r.item >= 0) || names_are_given(l, k->options);
    if (*found) l->dialect = d;
    return HABIT_OK;
}

static habit_status check_width(const sniffer *k, habit_error *err)
{
    if (k->first_all <= FIELDS_MAX) return HABIT_OK;
    return fail(err, HABIT_ELIMIT, "%s:1: %zu columns: at most %d are read", k->s->name,
                k->first_all, FIELDS_MAX);
}

static habit_status no_columns(const sniffer *k, const layout *l, habit_error *err)
{
    const roles r = roles_by_name(&l->columns);
    char list[240];
    column_names_list(&l->columns, list, sizeof list);
    return fail(err, HABIT_EFORMAT,
                "%s:%llu: no %s column among %s: name it with --columns user=NAME,item=NAME",
                k->s->name, (unsigned long long)l->lines + 1,
                r.user >= 0   ? "item"
                : r.item >= 0 ? "user"
                              : "user or item",
                list);
}

static habit_status with_header(sniffer *k, layout *l, const char *format, habit_error *err)
{
    l->format = format;
    TRY(check_width(k, err));
    skip_header(k, l);
    collect_stats(k, l, true);
    roles r = roles_by_name(&l->columns);
    TRY(roles_override(&r, &l->columns, k->options, k->s->name, err));
    if (r.user < 0 || r.item < 0 || r.user == r.item) return no_columns(k, l, err);
    l->roles = r;
    return sniff_finish(l, k->s, k->stats, k->options, err);
}

// "user_id:token<TAB>item_id:token<TAB>rating:float", as RecBole writes it.
static bool is_typed_header(const sniffer *k)
{
    static const char *const types[] = { "token", "float", "token_seq", "float_seq" };
    for (size_t i = 0; i < k->first_n; i++) {
        const field *f = &k->first[i];
        const char *colon = memchr(f->s, ':', f->len);
        const size_t len = colon ? (size_t)(f->s + f->len - colon - 1) : 0;
        bool known = false;
        for (size_t t = 0; t < COUNT_OF(types); t++)
            known |= len == strlen(types[t]) && memcmp(colon + 1, types[t], len) == 0;
        if (!known || colon == f->s) return false;
    }
    return k->first_n > 0;
}

static habit_status try_atomic(sniffer *k, layout *l, bool *found, habit_error *err)
{
    l->dialect = dialect_of('\t');
    split_first(k, l->dialect);
    *found = is_typed_header(k);
    if (!*found) return HABIT_OK;
    for (size_t i = 0; i < k->first_n; i++) {
        field *f = &k->first[i];
        f->len = (uint32_t)((const char *)memchr(f->s, ':', f->len) - f->s);
    }
    TRY(names_from_first(k, l, err));
    return with_header(k, l, "atomic", err);
}

// --- no header -----------------------------------------------------------------------------------------

static habit_status one_column(const sniffer *k, habit_error *err)
{
    return fail(err, HABIT_EFORMAT,
                "%s:1: one column only: a log has at least a user and an item in a row",
                k->s->name);
}

static habit_status name_columns(layout *l, size_t n, habit_error *err)
{
    column_names_free(&l->columns);
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "column%zu", i + 1);
        TRY(column_names_add(&l->columns, name, strlen(name), err));
    }
    return HABIT_OK;
}

static habit_status rename_column(layout *l, int k, const char *name, habit_error *err)
{
    if (k < 0) return HABIT_OK;
    char *own = mem_strdup(name);
    if (!own) return fail_memory(err, "column names", strlen(name));
    mem_free(l->columns.name[k]);
    l->columns.name[k] = own;
    return HABIT_OK;
}

// A first line without numbers above columns of numbers.
static bool first_is_header(const sniffer *k)
{
    for (size_t i = 0; i < k->first_n; i++) {
        double x;
        int64_t t;
        const field *f = &k->first[i];
        const column_stats *c = &k->stats[i];
        if (c->filled && (c->numbers == c->filled || c->isos == c->filled) &&
            !is_missing(f->s, f->len) && !parse_number(f->s, f->len, &x) &&
            !time_parse_iso(f->s, f->len, &t))
            return true;
    }
    return false;
}

// "rating" for small numbers of stars, "count" for whole ones beyond, else "value".
static const char *value_name_of(const column_stats *c)
{
    if (c->filled && c->low >= 0 && c->high <= 10 && c->high > c->low) return "rating";
    return c->wholes == c->filled && c->low >= 0 ? "count" : "value";
}

// Columns after user and item, by content: a moment, a number, a word.
static roles roles_by_content(const column_stats *c, size_t n)
{
    roles r = { 0, 1, -1, -1, -1 };
    if (n == 3) {
        if (column_is_time(&c[2]))
            r.time = 2;
        else if (c[2].numbers * 2 >= c[2].filled)
            r.value = 2;
        else
            r.behaviour = 2;
    } else if (n == 4) {
        const int t = column_is_time(&c[2]) && !column_is_time(&c[3]) ? 2 : 3;
        const int other = 5 - t;
        r.time = t;
        if (c[other].numbers * 2 >= c[other].filled)
            r.value = other;
        else
            r.behaviour = other;
    }
    return r;
}

// Lines of n fields between separators of dialect d.
static habit_status without_header(sniffer *k, layout *l, dialect d, const char *format,
                                   habit_error *err)
{
    l->dialect = d;
    split_first(k, d);
    const size_t n = k->first_n;
    if (n < 2) return one_column(k, err);
    TRY(check_width(k, err));
    TRY(names_from_first(k, l, err)); // in case it is a header with unknown names
    collect_stats(k, l, true);
    const bool by_position = roles_by_position(&l->columns, k->options);
    if (first_is_header(k)) {
        if (by_position) return with_header(k, l, d.separator == '\t' ? "tsv" : "csv", err);
        return no_columns(k, l, err);
    }
    TRY(name_columns(l, n, err));
    collect_stats(k, l, false);
    roles r = by_position ? ROLES_NONE : roles_by_content(k->stats, n);
    const bool guessed = n <= 4 && !by_position;
    TRY(roles_override(&r, &l->columns, k->options, k->s->name, err));
    if (r.user < 0 || r.item < 0 || r.user == r.item || (n > 4 && !by_position))
        return fail(err, HABIT_EFORMAT,
                    "%s:1: %zu columns without a header: say which is which by number, e.g. "
                    "--columns user=1,item=2,time=3",
                    k->s->name, n);
    if (r.value >= 0 && guessed)
        TRY(rename_column(l, r.value, n == 4 ? "rating" : value_name_of(&k->stats[r.value]), err));
    l->roles = r;
    l->format = format ? format : n == 2 ? "pairs" : n <= 4 && guessed ? "triples" : "csv";
    return sniff_finish(l, k->s, k->stats, k->options, err);
}

// --- sequences -------------------------------------------------------------------------------------------

static bool all_in(const char *s, const char *end, const char *set)
{
    for (; s < end; s++)
        if (!strchr(set, *s)) return false;
    return true;
}

// "21553 20071 8762<TAB>21566": one tab a line, numbers before it, one after; `list` separates
// the numbers of one side, which on some line must be several.
static bool is_tab_list(const sniffer *k, bool left, char list)
{
    const char set[] = { '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', list, '\0' };
    const char *at = k->text, *line, *end;
    bool several = false;
    for (uint64_t n = 0; n < SNIFF_LINES && next_line(k, &at, &line, &end); n++) {
        const char *tab = memchr(line, '\t', (size_t)(end - line));
        if (!tab || memchr(tab + 1, '\t', (size_t)(end - tab - 1))) return false;
        const char *a = left ? line : tab + 1, *b = left ? tab : end;
        if (a == b || !all_in(a, b, set)) return false;
        if (!all_in(left ? tab + 1 : line, left ? end : tab, "0123456789")) return false;
        several |= memchr(a, list, (size_t)(b - a)) != NULL;
    }
    return several;
}

// True if no two lines begin with the same word: that is a user, not an item.
static habit_status first_words_differ(const sniffer *k, bool *differ, habit_error *err)
{
    ids seen = { 0 };
    habit_status st = HABIT_OK;
    const char *at = k->text, *line, *end;
    uint32_t n = 0, number;
    while (st == HABIT_OK && n < SNIFF_LINES && next_line(k, &at, &line, &end)) {
        field word;
        if (!fields_split(dialect_of(' '), line, end, &word, 1).n) continue;
        st = ids_add(&seen, word.s, word.len, &number, err);
        n++;
    }
    *differ = seen.count == n;
    ids_free(&seen);
    return st;
}

static habit_status sequences(sniffer *k, layout *l, bool users, char separator, habit_error *err)
{
    if (k->options->columns)
        return fail(err, HABIT_EINVAL, "%s: a line holds a %s: --columns has no meaning",
                    k->s->name, users ? "user and its items" : "session's items");
    l->shape = SHAPE_SEQUENCES;
    l->format = users ? "sequences" : "sessions";
    l->users = users;
    l->separator = separator;
    l->target = !users && is_tab_list(k, true, ' ');
    uint64_t items = 0, lines = 0;
    const char *at = k->text, *line, *end;
    for (; lines < SNIFF_LINES && next_line(k, &at, &line, &end); lines++) {
        field none;
        items += fields_split(dialect_of(' '), line, end, &none, 0).n;
        if (separator == ',')
            for (const char *p = line; p < end; p++) items += *p == ',';
        if (users && items) items--;
    }
    if (at > k->text) l->rows_per_byte = (double)items / (double)(at - k->text);
    return sniff_finish(l, k->s, NULL, k->options, err);
}

// --- choosing ----------------------------------------------------------------------------------------------

static int best_separator(const sniffer *k, const char *among)
{
    int best = -1;
    for (int i = 0; i < SEPARATORS; i++)
        if (strchr(among, separators[i]) && k->lines.by[i].first >= 2 &&
            (best < 0 || k->lines.by[i].first > k->lines.by[best].first))
            best = i;
    return best;
}

static habit_status by_format(sniffer *k, layout *l, habit_error *err)
{
    bool found = false;
    if (wants(k, "atomic")) {
        TRY(try_atomic(k, l, &found, err));
        if (found) return HABIT_OK;
        return fail(err, HABIT_EFORMAT,
                    "%s:1: no typed header: an atomic file begins with "
                    "user_id:token<TAB>item_id:token<TAB>timestamp:float",
                    k->s->name);
    }
    if (wants(k, "sequences") || wants(k, "sessions")) {
        const bool commas = is_tab_list(k, false, ',') || k->lines.by[4].most < 2;
        return sequences(k, l, wants(k, "sequences"), commas ? ',' : ' ', err);
    }
    if (wants(k, "csv") || wants(k, "tsv")) {
        const int i = best_separator(k, wants(k, "csv") ? ",;|" : "\t");
        const dialect d = dialect_of(i >= 0 ? separators[i] : wants(k, "csv") ? ',' : '\t');
        TRY(try_header(k, l, d, &found, err));
        if (found) return with_header(k, l, k->format, err);
        if (!roles_by_position(&l->columns, k->options)) return no_columns(k, l, err);
        return without_header(k, l, d, k->format, err);
    }
    const int i = best_separator(k, wants(k, "movielens") ? ":" : separators);
    if (i < 0) return one_column(k, err);
    return without_header(k, l, dialect_of(separators[i]), k->format, err);
}

static habit_status by_content(sniffer *k, layout *l, habit_error *err)
{
    bool found = false;
    TRY(try_atomic(k, l, &found, err));
    if (found) return HABIT_OK;
    for (int i = 0; i < SEPARATORS - 1; i++) {
        const dialect d = dialect_of(separators[i]);
        TRY(try_header(k, l, d, &found, err));
        if (found) return with_header(k, l, strchr("\t ", d.separator) ? "tsv" : "csv", err);
    }
    if (usual_fields(&k->lines, 5) >= 2)
        return without_header(k, l, dialect_of(':'), "movielens", err);
    if (is_tab_list(k, true, ' ')) return sequences(k, l, false, ' ', err);
    if (is_tab_list(k, false, ',')) return sequences(k, l, true, ',', err);
    bool differ = false;
    TRY(first_words_differ(k, &differ, err));
    for (int i = 0; i < SEPARATORS - 1; i++) {
        const size_t n = usual_fields(&k->lines, i);
        if (n < 2) continue;
        if (n > 4 && separators[i] == ' ' && differ && !k->options->columns) break; // equally long
        return without_header(k, l, dialect_of(separators[i]), NULL, err);
    }
    if (k->lines.by[4].most >= 2) return sequences(k, l, differ, ' ', err);
    if (k->lines.by[1].most >= 2) return sequences(k, l, differ, ',', err);
    return one_column(k, err);
}

habit_status sniff(layout *out, const sample *s, const import_options *options, habit_error *err)
{
    TRY(sniff_magic(s, err));
    const char *text = s->bytes, *end = s->bytes + s->len;
    if (s->len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) text += 3;
    const char *p = text;
    while (p < end && strchr(" \t\r\n", *p)) p++;
    if (p == end) return fail(err, HABIT_EFORMAT, "%s: empty", s->name);

    layout l = { .roles = ROLES_NONE, .skip = (size_t)(text - s->bytes) };
    sniffer *k = ZNEW(sniffer, 1);
    if (!k) return fail_memory(err, "sniffing", sizeof *k);
    *k = (sniffer){ .s = s, .options = options, .text = text, .end = end };
    k->format = options->format ? options->format : "auto";
    habit_status st;
    if (wants(k, "jsonl") || (wants(k, "auto") && (*p == '{' || *p == '['))) {
        st = sniff_objects(&l, s, options, err);
    } else {
        profile_lines(k);
        st = wants(k, "auto") ? by_content(k, &l, err) : by_format(k, &l, err);
    }
    mem_free(k);
    if (st != HABIT_OK) {
        layout_free(&l);
        return st;
    }
    *out = l;
    return HABIT_OK;
}
