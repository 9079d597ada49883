// columns.h - which column is the user, which the item: by name, by --columns, by content.
#ifndef DATA_COLUMNS_H
#define DATA_COLUMNS_H
#include "data/fields.h"
#include "data/import_options.h"
#include "data/numbers.h"
#include "data/reader.h"

// Columns by number, from 0; -1 where there is none.
typedef struct roles {
    int user, item, time, value, behaviour;
} roles;

#define ROLES_NONE                                                                                 \
    (roles)                                                                                        \
    {                                                                                              \
        -1, -1, -1, -1, -1                                                                         \
    }

// Column names, owned.
typedef struct column_names {
    char **name;
    size_t n, cap;
} column_names;

habit_status column_names_add(column_names *c, const char *s, size_t len, habit_error *err);
int column_names_find(const column_names *c, const char *name); // -1 if absent
void column_names_free(column_names *c);
// "a, b, c" for messages.
void column_names_list(const column_names *c, char *to, size_t cap);

// By the names people use: user_id, UserId, visitorid, ...  The id names of items or of users
// alone are what a side table needs.
roles roles_by_name(const column_names *c);
int column_of_user(const column_names *c);
int column_of_item(const column_names *c);
// The unit that a time column's name gives away: "minute", "day", ...; or UNIT_NONE.
time_unit unit_by_name(const char *name);

// Lays --columns and --value over `r`.  Names are looked up in `c`; numbers count columns from 1.
habit_status roles_override(roles *r, const column_names *c, const import_options *options,
                            const char *source, habit_error *err);
// True if --columns gives its columns by number.
bool roles_by_position(const column_names *c, const import_options *options);

// --- what the values of a column look like -----------------------------------------------------------

typedef struct column_stats {
    uint64_t filled;  // values that are not missing
    uint64_t numbers; // of those, numbers
    uint64_t wholes;  // of those, integers
    uint64_t codes;   // digits that are no quantity: leading zeros, more than 15 of them
    uint64_t isos;    // ISO-8601 moments
    double low, high; // of the numbers
} column_stats;

void column_stats_add(column_stats *c, const char *s, size_t len);
// All values numbers, and at least one; codes count as words.
bool column_is_number(const column_stats *c);
// True if whole numbers under this name are names, not quantities: category_id, brand, type.
bool name_is_code(const char *name);
// Moments: ISO-8601, or numbers beyond 1e8 (1973 in seconds).
bool column_is_time(const column_stats *c);

// Chooses the extra columns among those without a role, by --keep.
habit_status extras_choose(schema *s, int extra[READER_EXTRAS], const roles *r,
                           const column_names *c, const column_stats *stats,
                           const import_options *options, const char *source, habit_error *err);

#endif
