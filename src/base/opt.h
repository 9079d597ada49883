// opt.h - option tables: one row per option feeds the command line, the YAML config file, --help,
// the docs and a model's config.json.
//
//     typedef struct ease_options { double l2; int top; } ease_options;
//
//     static const opt ease_table[] = {
//     #define AT(field) offsetof(ease_options, field)
//         { "l2", "R", OPT_REAL, AT(l2), "500", 0, 1e9, NULL, "ridge penalty, lambda in the paper" },
//         { "top", "N", OPT_INT, AT(top), "0", 0, 1e9, NULL, "weights kept per item; 0 keeps all" },
//     #undef AT
//         OPT_END,
//     };
//
// A choice may bring defaults of its own, which hold for every row that nobody has set:
//
//         OPT_PRESET("mode", "fast", "epochs=1 lr=0.1"),
//         OPT_END,
//
// Names are lower case with dashes.  A row's field has the C type beside its kind below.  Ranges
// are inclusive and checked, never clamped; min == max == 0 means any.
#ifndef BASE_OPT_H
#define BASE_OPT_H
#include "base/status.h"

#include <stdbool.h>

typedef enum opt_kind {
    OPT_INT,    // int
    OPT_LONG,   // int64_t
    OPT_REAL,   // double
    OPT_FLAG,   // bool; a switch on the command line, --no-NAME turns it off
    OPT_STRING, // const char *; NULL when the default is ""; owned by the opt_values
    OPT_CHOICE, // const char *; one of `choices`
    OPT_BYTES,  // int64_t; "512M", "2G"
    OPT_SPAN,   // int64_t microseconds; "90s", "30m", "6h", "7d", "2w"
    OPT_LIST,   // const char *; comma separated; several uses of the option add up
} opt_kind;

typedef struct opt {
    const char *name, *arg;
    opt_kind kind;
    size_t at;
    const char *fallback; // default, as text
    double min, max;
    const char *choices; // "a|b|c" for OPT_CHOICE
    const char *help;
} opt;

#define OPT_END                                                                                    \
    {                                                                                              \
        NULL, NULL, OPT_INT, 0, NULL, 0, 0, NULL, NULL                                             \
    }

// After the last row, before OPT_END: while `option` is `value`, `settings` are defaults.  Rows they
// name have a default in the table, or are texts.
#define OPT_PRESET(option, value, settings)                                                        \
    {                                                                                              \
        NULL, option, OPT_CHOICE, 0, value, 0, 0, NULL, settings                                   \
    }

// One table's values: the struct the table describes, and who set what.
typedef struct opt_values {
    const opt *table;
    size_t rows;
    void *values; // the struct
    char **text;  // per row, the present value as given; owned
    bool *given;  // per row: set by somebody, not the default
} opt_values;

// Allocates `size` bytes for the struct and fills in the defaults.
habit_status opt_values_init(opt_values *out, const opt *table, size_t size, habit_error *err);
void opt_values_free(opt_values *v);

// Index of the row, or -1.  "no-NAME" finds a flag NAME.
int opt_find(const opt_values *v, const char *name);
// value may be NULL for a flag.  Errors: "--dim: '4096' is not a number in [1, 1024]".
habit_status opt_set(opt_values *v, int row, const char *value, habit_error *err);

// The known name nearest to `name` among the tables, or NULL if none is near.
const char *opt_nearest(const opt_values *const *tables, size_t n, const char *name);

// Number of single-letter edits between two words, transpositions counting one; for suggestions.
int edit_distance(const char *a, const char *b);

// "512M" -> bytes, "30m" -> microseconds; false if malformed.
bool parse_bytes(const char *text, int64_t *out);
bool parse_span(const char *text, int64_t *out);

#endif
