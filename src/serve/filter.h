// filter.h - a condition on the fields of an item, as people write it in a request.
//
//     price < 20 and (brand == "Acme" or tags has "new") and not sold_out
//     colour in ["red", "green"] and size.width >= 1.5
//
//     condition = test | "not" condition | condition "and" condition | condition "or" condition
//               | "(" condition ")"
//     test      = field ("==" | "!=" | "<" | "<=" | ">" | ">=") value
//               | field "in" "[" value, ... "]"      the field is one of these
//               | field "has" value                  the field is a list with this
//               | field                              it is there, and not false, null, 0 or ""
//     field     = name { "." name }                  name: letters, digits, _ and -
//     value     = number | "string" | true | false | null
//
// "and" binds tighter than "or".  A field that is not there is null: only == null, != something and
// not are true of it.  Numbers compare with numbers, strings with strings by their bytes; < of
// anything else is false.
#ifndef SERVE_FILTER_H
#define SERVE_FILTER_H
#include "base/status.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct filter filter; // constant once made

// The error says what was met and at which character.
habit_status filter_parse(filter **out, const char *text, size_t len, habit_error *err);
void filter_free(filter *f);                              // NULL is fine
bool filter_holds(const filter *f, const json_t *fields); // NULL fields: none

#endif
