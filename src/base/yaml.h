// yaml.h - flat YAML config files: `name: value` and `name: [a, b, c]`, by libyaml.
#ifndef BASE_YAML_H
#define BASE_YAML_H
#include "base/status.h"

// Called for each entry in file order: n values (1 for a scalar); line counts from 1.
typedef habit_status yaml_fn(void *ctx, const char *name, const char *const *values, size_t n,
                             size_t line, habit_error *err);

// Reads one mapping of scalars and lists of scalars.  Anything deeper is refused by line.
habit_status yaml_read(const char *path, yaml_fn *fn, void *ctx, habit_error *err);

#endif
