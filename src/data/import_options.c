// import_options.c - the options of reading and cleaning, one row each.
#include "data/import_options.h"

#include <stddef.h>
#include <string.h>

// clang-format off
const opt import_table[] = {
#define AT(field) offsetof(import_options, field)
    // reading
    { "format", "NAME", OPT_CHOICE, AT(format), "auto", 0, 0,
      "auto|csv|tsv|pairs|sequences|sessions|movielens|atomic|jsonl|triples|sqlite|postgres",
      "format of the sources; auto looks at their content" },
    { "columns", "ROLE=NAME,...", OPT_LIST, AT(columns), "", 0, 0, NULL,
      "which column is what: user=visitor,item=sku,time=when,value=stars,behaviour=kind" },
    { "keep", "NAMES", OPT_LIST, AT(keep), "all", 0, 0, NULL,
      "extra columns of the events to keep: all, none or a list of names" },
    { "time-unit", "UNIT", OPT_CHOICE, AT(time_unit), "auto", 0, 0, "auto|s|ms|us|min|h|d|iso",
      "unit of numeric times since 1970; auto guesses by their size and says so" },
    { "value", "NAME", OPT_STRING, AT(value), "", 0, 0, NULL,
      "the value column where a log has several candidates, e.g. rating or dwell_time" },
    { "query", "SQL", OPT_STRING, AT(query), "", 0, 0, NULL,
      "table or SELECT statement to read from a database" },
    { "skip-bad-rows", "N", OPT_LONG, AT(skip_bad_rows), "0", 0, 9e15, NULL,
      "tolerate up to N malformed rows; they go to the rejects file" },
    { "rejects", "FILE", OPT_STRING, AT(rejects), "", 0, 0, NULL,
      "where malformed rows go, with the reason; by default the output's name + .rejects" },
    { "items", "FILE,...", OPT_LIST, AT(items), "", 0, 0, NULL,
      "item tables to join on: titles, categories, text, vectors" },
    { "users", "FILE,...", OPT_LIST, AT(users), "", 0, 0, NULL,
      "user tables to join on: age, country, ..." },
    { "ties", "HOW", OPT_CHOICE, AT(ties), "file", 0, 0, "file|item",
      "order of a user's events of the same time: as in the file, or by item, so that the order "
      "of rows does not matter at all" },
    { "memory", "BYTES", OPT_BYTES, AT(memory), "1G", 1 << 20, 1e15, NULL,
      "memory for sorting, beside the tables of ids; more rows than fit go through scratch files" },
    { "scratch", "DIR", OPT_STRING, AT(scratch), "", 0, 0, NULL,
      "folder for scratch files; by default that of the output" },

    // cleaning, in this order
    { "missing", "HOW", OPT_STRING, AT(missing), "keep", 0, 0, NULL,
      "rows without a value: keep, drop, or fill with mean, median or constant=X" },
    { "times", "FROM..TO", OPT_STRING, AT(times), "", 0, 0, NULL,
      "drop rows with impossible times, outside e.g. 2000-01-01..now; either end may be empty" },
    { "dedupe", NULL, OPT_FLAG, AT(dedupe), "no", 0, 0, NULL,
      "drop exact duplicates: same user, item, time, behaviour and value" },
    { "repeat-window", "SPAN", OPT_SPAN, AT(repeat_window), "0", 0, 0, NULL,
      "drop repeats of user, item and behaviour within this span, e.g. 30s; 0 keeps them" },
    { "where", "RULES", OPT_STRING, AT(where), "", 0, 0, NULL,
      "keep only rows that pass, e.g. 'rating >= 3, watch_ratio >= 0.7'" },
    { "behaviours", "NAMES", OPT_LIST, AT(behaviours), "", 0, 0, NULL,
      "keep only events of these behaviours, e.g. cart,buy" },
    { "outliers", "RULE", OPT_STRING, AT(outliers), "none", 0, 0, NULL,
      "drop rows whose value is far off: none, zscore=3 or iqr=1.5" },
    { "robot-rate", "N", OPT_REAL, AT(robot_rate), "0", 0, 1e15, NULL,
      "drop users with more than N events within any hour; 0 keeps them" },
    { "robot-repeat", "SHARE", OPT_REAL, AT(robot_repeat), "0", 0, 1, NULL,
      "drop users with more than this share of their events on one item; 0 keeps them" },
    { "robot-min", "N", OPT_INT, AT(robot_min), "20", 1, 2147483647, NULL,
      "users with fewer events are never taken for robots" },
    { "normalise", "HOW", OPT_CHOICE, AT(normalise), "none", 0, 0, "none|minmax|minmax11|zscore|log",
      "scale the value: to [0,1], to [-1,1], to mean 0 and deviation 1, or log(1 + x)" },
    { "k-core", "N", OPT_INT, AT(k_core), "0", 0, 2147483647, NULL,
      "keep only users and items with at least N events each, repeated until it holds" },
    { "user-core", "N", OPT_INT, AT(user_core), "0", 0, 2147483647, NULL,
      "the same for users alone; overrides k-core" },
    { "item-core", "N", OPT_INT, AT(item_core), "0", 0, 2147483647, NULL,
      "the same for items alone; overrides k-core" },
    { "session-gap", "SPAN", OPT_SPAN, AT(session_gap), "0", 0, 0, NULL,
      "split each user's events into sessions at silences longer than this, e.g. 30m; 0 does not" },
    { "unit", "WHAT", OPT_CHOICE, AT(unit), "user", 0, 0, "user|session",
      "what one sequence is: all events of a user, or each session on its own" },
#undef AT
    OPT_END,
};
// clang-format on

size_t import_options_size(void)
{
    return sizeof(import_options);
}

// The value of a row in both structs; NULL if they agree.
static json_t *option_json(const opt *o, const char *given, const char *usual)
{
    const void *a = given + o->at, *b = usual + o->at;
    switch (o->kind) {
    case OPT_INT:
        if (*(const int *)a == *(const int *)b) return NULL;
        return json_integer(*(const int *)a);
    case OPT_LONG:
    case OPT_BYTES:
    case OPT_SPAN: // in microseconds
        if (*(const int64_t *)a == *(const int64_t *)b) return NULL;
        return json_integer(*(const int64_t *)a);
    case OPT_REAL:
        if (!(*(const double *)a < *(const double *)b || *(const double *)a > *(const double *)b))
            return NULL;
        return json_real(*(const double *)a);
    case OPT_FLAG:
        if (*(const bool *)a == *(const bool *)b) return NULL;
        return json_boolean(*(const bool *)a);
    case OPT_STRING:
    case OPT_CHOICE:
    case OPT_LIST: {
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        if (!x || (y && strcmp(x, y) == 0)) return NULL;
        return json_string(x);
    }
    }
    return NULL;
}

habit_status import_options_json(json_t **out, const import_options *options, habit_error *err)
{
    opt_values usual;
    TRY(opt_values_init(&usual, import_table, sizeof *options, err));
    json_t *all = json_object();
    for (const opt *o = import_table; all && o->name; o++) {
        json_t *value = option_json(o, (const char *)options, usual.values);
        if (value) json_object_set_new(all, o->name, value);
    }
    opt_values_free(&usual);
    if (!all) return fail_memory(err, "report", 0);
    *out = all;
    return HABIT_OK;
}
