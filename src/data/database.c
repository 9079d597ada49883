// database.c - what database readers share: which table to read.
#include "data/database.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool query_is_statement(const char *query)
{
    static const char *const verbs[] = { "select", "with", "values" };
    query += strspn(query, " \t\r\n(");
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        const size_t len = strlen(verbs[i]);
        if (strncasecmp(query, verbs[i], len) == 0 && query[len] && strchr(" \t\r\n(*", query[len]))
            return true;
    }
    return false;
}

static void settle(table_choice *c)
{
    if (!c->table[0]) return;
    roles r = roles_by_name(&c->columns);
    const bool known = roles_override(&r, &c->columns, c->options, "", NULL) == HABIT_OK;
    if (known && r.user >= 0 && r.item >= 0 && r.user != r.item) {
        if (!c->fit++) snprintf(c->fitting, sizeof c->fitting, "%s", c->table);
    }
    const size_t n = strlen(c->list);
    snprintf(c->list + n, sizeof c->list - n, "%s%s", c->seen++ ? ", " : "", c->table);
    c->table[0] = '\0';
    column_names_free(&c->columns);
}

void table_choice_begin(table_choice *c, const char *table)
{
    settle(c);
    snprintf(c->table, sizeof c->table, "%s", table);
}

habit_status table_choice_column(table_choice *c, const char *name, habit_error *err)
{
    return column_names_add(&c->columns, name, strlen(name), err);
}

habit_status table_choice_end(table_choice *c, const char *where, habit_error *err)
{
    settle(c);
    if (c->fit == 1) return HABIT_OK;
    if (!c->seen) return fail(err, HABIT_EFORMAT, "%s: has no tables", where);
    return fail(err, HABIT_EFORMAT,
                "%s: %s table has a user and an item column: choose with --query TABLE or --query "
                "'SELECT ...' (tables: %s)",
                where, c->fit ? "more than one" : "no", c->list);
}

void table_choice_free(table_choice *c)
{
    column_names_free(&c->columns);
}
