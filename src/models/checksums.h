// checksums.h - whether the files of a folder are as they were written.
//
//     9f3c2a1b7d5e0c449f3c2a1b7d5e0c44  model.safetensors
//     ...
//
// XXH128 of every file, in the form that `xxhsum -c checksums.xxh128` checks, too.  Disks and
// copies go wrong, and one wrong bit of a weight gives answers that nobody can explain.
#ifndef MODELS_CHECKSUMS_H
#define MODELS_CHECKSUMS_H
#include "base/status.h"

#include <stddef.h>

#define CHECKSUMS_FILE "checksums.xxh128"

// Of those of the named files that are in the folder.
habit_status checksums_write(const char *dir, const char *const *names, size_t n, habit_error *err);
// HABIT_EFORMAT names the first file that is another one, is missing, or was never listed.  A folder
// without checksums is believed.
habit_status checksums_check(const char *dir, const char *const *names, size_t n, habit_error *err);

#endif
