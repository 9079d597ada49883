// table_lines.c - item and user tables in lines: csv, tsv, atomic, movielens, ml-100k.
#include "base/memory.h"
#include "data/table.h"

#include <stdio.h>
#include <string.h>

// How to take a line apart.
typedef struct line_plan {
    dialect dialect;
    column_names names;
    int id;
    int kind[FIELDS_MAX];       // enum column_kind, or -1 to find out
    int column[FIELDS_MAX];     // of the builder; -1: left out
    char separator[FIELDS_MAX]; // of the elements of a list; '\0' if it is none
    int flags;                  // column of the first genre flag of u.item, or -1
    const char *rows;           // where they begin
} line_plan;

// The columns of MovieLens files, which have no header.
typedef struct known_table {
    char separator;
    bool of_items;
    size_t columns;
    const char *names;
    int flags;
} known_table;

// clang-format off
static const known_table known_tables[] = {
    { ':', true,  3,  "id,title,genres", -1 },
    { ':', false, 5,  "id,gender,age,occupation,zip", -1 },
    { '|', true,  24, "id,title,release_date,video_release_date,url", 5 },
    { '|', false, 5,  "id,age,gender,occupation,zip", -1 },
};

static const char *const ml_100k_genres[] = {
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
};
// clang-format on

static habit_status names_of_list(column_names *out, const char *list, habit_error *err)
{
    for (const char *p = list; *p;) {
        const size_t len = strcspn(p, ",");
        TRY(column_names_add(out, p, len, err));
        p += len + (p[len] == ',');
    }
    return HABIT_OK;
}

// True if the first line has the shape of a MovieLens file.
static habit_status plan_known(line_plan *plan, const table_text *t, bool *found, habit_error *err)
{
    field f[2];
    *found = false;
    for (size_t i = 0; i < COUNT_OF(known_tables) && !*found; i++) {
        const known_table *k = &known_tables[i];
        const dialect d = { k->separator, QUOTES_NONE };
        double x;
        if (k->of_items != t->of_items) continue;
        if (fields_split(d, t->bytes, t->bytes + t->len, f, 2).n != k->columns) continue;
        if (!parse_number(f[0].s, f[0].len, &x)) continue; // the names of a header
        *found = true;
        plan->dialect = d;
        plan->flags = k->flags;
        plan->id = 0;
        plan->rows = t->bytes;
        TRY(names_of_list(&plan->names, k->names, err));
    }
    const int zip = column_names_find(&plan->names, "zip");
    const int occupation = column_names_find(&plan->names, "occupation");
    if (zip >= 0) plan->kind[zip] = COLUMN_TAG; // digits, but no quantities
    if (occupation >= 0) plan->kind[occupation] = COLUMN_TAG;
    return HABIT_OK;
}

// --- headers -------------------------------------------------------------------------------------------

static habit_status read_names(line_plan *plan, const table_text *t, char separator,
                               habit_error *err)
{
    field *f = NEW(field, FIELDS_MAX);
    if (!f) return fail_memory(err, "table", FIELDS_MAX * sizeof *f);
    column_names_free(&plan->names);
    plan->dialect = (dialect){ separator, separator == '\t' ? QUOTES_LINE : QUOTES_CSV };
    const cut_row row = fields_split(plan->dialect, t->bytes, t->bytes + t->len, f, FIELDS_MAX);
    habit_status st = HABIT_OK;
    if (row.n > FIELDS_MAX)
        st = fail(err, HABIT_ELIMIT, "%s: more than %d columns", t->name, FIELDS_MAX);
    for (size_t i = 0; i < row.n && st == HABIT_OK; i++)
        st = column_names_add(&plan->names, f[i].s, f[i].len, err);
    plan->rows = row.next;
    mem_free(f);
    return st;
}

// Takes ":token" and its like off all names.  False, and nothing changed, if one has none.
static bool take_types(line_plan *plan)
{
    static const struct {
        const char *type;
        int kind;
    } types[] = { { ":token", COLUMN_TAG },
                  { ":float", COLUMN_NUMBER },
                  { ":token_seq", COLUMN_TAGS },
                  { ":float_seq", COLUMN_VECTOR } };
    for (int take = 0; take < 2; take++)
        for (size_t i = 0; i < plan->names.n; i++) {
            char *colon = strchr(plan->names.name[i], ':');
            size_t k = 0;
            while (colon && k < COUNT_OF(types) && strcmp(types[k].type, colon) != 0) k++;
            if (!colon || k == COUNT_OF(types)) return false;
            if (!take) continue;
            *colon = '\0';
            plan->kind[i] = types[k].kind;
            if (k >= 2) plan->separator[i] = ' ';
            // RecBole writes titles as lists of words
            if (k == 2 && strstr(plan->names.name[i], "title")) {
                plan->kind[i] = COLUMN_TEXT;
                plan->separator[i] = '\0';
            }
        }
    return true;
}

static habit_status plan_header(line_plan *plan, const table_text *t, const import_options *options,
                                habit_error *err)
{
    static const char separators[] = "\t,;|";
    const size_t line = strcspn(t->bytes, "\n");
    char best = ',';
    size_t most = 0;
    for (const char *s = separators; *s; s++) {
        size_t n = 0;
        for (size_t i = 0; i < line; i++) n += t->bytes[i] == *s;
        if (n > most) best = *s, most = n;
    }
    TRY(read_names(plan, t, best, err));
    if (best == '\t') take_types(plan);
    plan->id = table_id_column(&plan->names, t->of_items, options);
    if (plan->id >= 0) return HABIT_OK;
    char list[240];
    const char *role = t->of_items ? "item" : "user";
    column_names_list(&plan->names, list, sizeof list);
    return fail(err, HABIT_EFORMAT,
                "%s:1: no %s column among %s: a table begins with a header; name the ids with "
                "--columns %s=NAME",
                t->name, role, list, role);
}

// --- rows ----------------------------------------------------------------------------------------------

// Data frames leave their row numbers behind, under no name or this one.
static bool is_leftover(const char *name)
{
    return !*name || strncmp(name, "Unnamed: ", 9) == 0;
}

static habit_status add_columns(line_plan *plan, table_builder *b, habit_error *err)
{
    for (size_t i = 0; i < plan->names.n; i++) {
        const char *name = plan->names.name[i];
        plan->column[i] = -1;
        if ((int)i == plan->id || is_leftover(name)) continue;
        TRY(table_column_add(b, name, strlen(name), &plan->column[i], err));
        b->columns[plan->column[i]].kind = plan->kind[i];
    }
    if (plan->flags < 0) return HABIT_OK;
    return table_column_add(b, "genres", 6, &plan->column[plan->flags], err);
}

// "a b c" as a list.
static habit_status add_list(table_builder *b, int col, uint32_t row, field f, char separator,
                             habit_error *err)
{
    buffer list = { 0 };
    buffer_add(&list, f.s, f.len);
    for (size_t i = 0; i < list.len; i++)
        if (list.data[i] == separator) list.data[i] = TABLE_LIST;
    habit_status st = buffer_check(&list, err);
    if (st == HABIT_OK && f.len) st = table_cell(b, col, row, list.data, list.len, CELL_LIST, err);
    buffer_free(&list);
    return st;
}

static habit_status add_flags(const line_plan *plan, table_builder *b, const field *f, uint32_t row,
                              habit_error *err)
{
    char list[256];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(ml_100k_genres); i++) {
        const field *flag = &f[plan->flags + (int)i];
        if (flag->len != 1 || *flag->s != '1') continue;
        const size_t len = strlen(ml_100k_genres[i]);
        if (n) list[n++] = TABLE_LIST;
        memcpy(list + n, ml_100k_genres[i], len); // all of them are 170 bytes
        n += len;
    }
    return table_cell(b, plan->column[plan->flags], row, list, n, n ? CELL_LIST : CELL_MISSING,
                      err);
}

static habit_status add_row(const line_plan *plan, table_builder *b, field *f, habit_error *err)
{
    uint32_t row;
    for (size_t i = 0; i < plan->names.n; i++)
        if (f[i].doubled) field_undouble(&f[i]);
    TRY(table_row(b, f[plan->id].s, f[plan->id].len, &row, err));
    for (size_t i = 0; i < plan->names.n; i++) {
        if (plan->column[i] < 0) continue;
        if (plan->separator[i])
            TRY(add_list(b, plan->column[i], row, f[i], plan->separator[i], err));
        else
            TRY(table_cell(b, plan->column[i], row, f[i].s, f[i].len, CELL_WORD, err));
    }
    return plan->flags >= 0 ? add_flags(plan, b, f, row, err) : HABIT_OK;
}

static habit_status add_rows(const line_plan *plan, table_builder *b, const table_text *t, field *f,
                             habit_error *err)
{
    const size_t columns = plan->names.n + (plan->flags >= 0 ? COUNT_OF(ml_100k_genres) : 0);
    const char *end = t->bytes + t->len;
    uint64_t line = 1;
    for (const char *p = t->bytes; p < plan->rows; p++) line += *p == '\n';
    cut_row cut;
    for (const char *p = plan->rows; p < end; p = cut.next) {
        cut = fields_split(plan->dialect, p, end, f, FIELDS_MAX);
        uint64_t breaks = 0; // counted first: taking out doubled quotes moves text
        for (const char *q = p; q < cut.next; q++) breaks += *q == '\n';
        const bool empty = cut.n == 1 && !f[0].len && f[0].s == p;
        char why[80];
        if (empty)
            ;
        else if (cut.flaw)
            TRY(table_flaw(b, line, (size_t)(cut.flaw - p) + 1,
                           cut.open ? "a quote opened here is never closed"
                                    : "text after a closing quote",
                           err));
        else if (cut.n != columns) {
            snprintf(why, sizeof why, "%zu columns where there should be %zu", cut.n, columns);
            TRY(table_flaw(b, line, 1, why, err));
        } else if (!f[plan->id].len)
            TRY(table_flaw(b, line, (size_t)(f[plan->id].s - p) + 1, "id is empty", err));
        else
            TRY(add_row(plan, b, f, err));
        line += breaks;
    }
    return HABIT_OK;
}

habit_status table_read_lines(table_builder *b, const table_text *t, const import_options *options,
                              habit_error *err)
{
    bool known = false;
    line_plan *plan = ZNEW(line_plan, 1);
    field *f = NEW(field, FIELDS_MAX);
    habit_status st = HABIT_OK;
    if (!plan || !f) {
        st = fail_memory(err, "table", sizeof *plan);
        goto out;
    }
    plan->flags = -1;
    for (int i = 0; i < FIELDS_MAX; i++) plan->kind[i] = -1;
    st = plan_known(plan, t, &known, err);
    if (st == HABIT_OK && !known) st = plan_header(plan, t, options, err);
    if (st == HABIT_OK) st = add_columns(plan, b, err);
    if (st == HABIT_OK) st = add_rows(plan, b, t, f, err);
out:
    if (plan) column_names_free(&plan->names);
    mem_free(plan);
    mem_free(f);
    return st;
}
