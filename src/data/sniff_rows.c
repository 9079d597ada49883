// sniff_rows.c - rows of fields: with a header of names, a typed header, or none.
#include "data/sniff_parts.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

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

habit_status sniff_try_header(sniffer *k, layout *l, dialect d, bool *found, habit_error *err)
{
    *found = false;
    sniff_split_first(k, d);
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

habit_status sniff_no_columns(const sniffer *k, const layout *l, habit_error *err)
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

habit_status sniff_with_header(sniffer *k, layout *l, const char *format, habit_error *err)
{
    l->format = format;
    TRY(check_width(k, err));
    sniff_skip_header(k, l);
    sniff_collect_stats(k, l, true);
    roles r = roles_by_name(&l->columns);
    TRY(roles_override(&r, &l->columns, k->options, k->s->name, err));
    if (r.user < 0 || r.item < 0 || r.user == r.item) return sniff_no_columns(k, l, err);
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

habit_status sniff_try_atomic(sniffer *k, layout *l, bool *found, habit_error *err)
{
    l->dialect = sniff_dialect('\t');
    sniff_split_first(k, l->dialect);
    *found = is_typed_header(k);
    if (!*found) return HABIT_OK;
    for (size_t i = 0; i < k->first_n; i++) {
        field *f = &k->first[i];
        f->len = (uint32_t)((const char *)memchr(f->s, ':', f->len) - f->s);
    }
    TRY(names_from_first(k, l, err));
    return sniff_with_header(k, l, "atomic", err);
}

// --- no header -----------------------------------------------------------------------------------------

habit_status sniff_one_column(const sniffer *k, habit_error *err)
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

habit_status sniff_without_header(sniffer *k, layout *l, dialect d, const char *format,
                                  habit_error *err)
{
    l->dialect = d;
    sniff_split_first(k, d);
    const size_t n = k->first_n;
    if (n < 2) return sniff_one_column(k, err);
    TRY(check_width(k, err));
    TRY(names_from_first(k, l, err)); // in case it is a header with unknown names
    sniff_collect_stats(k, l, true);
    const bool by_position = roles_by_position(&l->columns, k->options);
    if (first_is_header(k)) {
        if (by_position) return sniff_with_header(k, l, d.separator == '\t' ? "tsv" : "csv", err);
        return sniff_no_columns(k, l, err);
    }
    TRY(name_columns(l, n, err));
    sniff_collect_stats(k, l, false);
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
