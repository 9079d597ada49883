// sniff.c - what a source of text looks like.
//
// In this order: JSON objects; a typed header (atomic); a header with names people use, or those
// of --columns; "::" (movielens); then by how many fields its lines have, and what is in them.
#include "data/sniff_parts.h"
#include "base/memory.h"

#include <string.h>

void layout_free(layout *l)
{
    column_names_free(&l->columns);
}

static bool wants(const sniffer *k, const char *format)
{
    return strcmp(k->format, format) == 0;
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
    for (uint64_t n = 0; n < SNIFF_LINES && sniff_next_line(k, &at, &line, &end); n++) {
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
    while (st == HABIT_OK && n < SNIFF_LINES && sniff_next_line(k, &at, &line, &end)) {
        field word;
        if (!fields_split(sniff_dialect(' '), line, end, &word, 1).n) continue;
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
    for (; lines < SNIFF_LINES && sniff_next_line(k, &at, &line, &end); lines++) {
        field none;
        items += fields_split(sniff_dialect(' '), line, end, &none, 0).n;
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
    for (int i = 0; i < SNIFF_SEPARATORS; i++)
        if (strchr(among, sniff_separators[i]) && k->lines.by[i].first >= 2 &&
            (best < 0 || k->lines.by[i].first > k->lines.by[best].first))
            best = i;
    return best;
}

static habit_status by_format(sniffer *k, layout *l, habit_error *err)
{
    bool found = false;
    if (wants(k, "atomic")) {
        TRY(sniff_try_atomic(k, l, &found, err));
        if (found) return HABIT_OK;
        return fail(err, HABIT_EFORMAT,
                    "%s:1: no typed header: an atomic file begins with "
                    "user_id:token<TAB>item_id:token<TAB>timestamp:float",
                    k->s->name);
    }
    if (wants(k, "sequences") || wants(k, "sessions")) {
        const bool commas = is_tab_list(k, false, ',') || k->lines.by[SNIFF_BLANKS].most < 2;
        return sequences(k, l, wants(k, "sequences"), commas ? ',' : ' ', err);
    }
    if (wants(k, "csv") || wants(k, "tsv")) {
        const int i = best_separator(k, wants(k, "csv") ? ",;|" : "\t");
        const dialect d = sniff_dialect(i >= 0            ? sniff_separators[i]
                                        : wants(k, "csv") ? ','
                                                          : '\t');
        TRY(sniff_try_header(k, l, d, &found, err));
        if (found) return sniff_with_header(k, l, k->format, err);
        if (!roles_by_position(&l->columns, k->options)) return sniff_no_columns(k, l, err);
        return sniff_without_header(k, l, d, k->format, err);
    }
    const int i = best_separator(k, wants(k, "movielens") ? ":" : sniff_separators);
    if (i < 0) return sniff_one_column(k, err);
    return sniff_without_header(k, l, sniff_dialect(sniff_separators[i]), k->format, err);
}

static habit_status by_content(sniffer *k, layout *l, habit_error *err)
{
    bool found = false;
    TRY(sniff_try_atomic(k, l, &found, err));
    if (found) return HABIT_OK;
    for (int i = 0; i < SNIFF_COLONS; i++) {
        const dialect d = sniff_dialect(sniff_separators[i]);
        TRY(sniff_try_header(k, l, d, &found, err));
        if (found) return sniff_with_header(k, l, strchr("\t ", d.separator) ? "tsv" : "csv", err);
    }
    if (sniff_usual_fields(&k->lines, SNIFF_COLONS) >= 2)
        return sniff_without_header(k, l, sniff_dialect(':'), "movielens", err);
    if (is_tab_list(k, true, ' ')) return sequences(k, l, false, ' ', err);
    if (is_tab_list(k, false, ',')) return sequences(k, l, true, ',', err);
    bool differ = false;
    TRY(first_words_differ(k, &differ, err));
    for (int i = 0; i < SNIFF_COLONS; i++) {
        const size_t n = sniff_usual_fields(&k->lines, i);
        if (n < 2) continue;
        if (n > 4 && sniff_separators[i] == ' ' && differ && !k->options->columns)
            break; // equally long
        return sniff_without_header(k, l, sniff_dialect(sniff_separators[i]), NULL, err);
    }
    if (k->lines.by[SNIFF_BLANKS].most >= 2) return sequences(k, l, differ, ' ', err);
    if (k->lines.by[SNIFF_COMMAS].most >= 2) return sequences(k, l, differ, ',', err);
    return sniff_one_column(k, err);
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
        sniff_profile(k);
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
