// file.h - files that appear whole or not at all, and files seen as memory.
#ifndef BASE_FILE_H
#define BASE_FILE_H
#include "base/status.h"

#include <stdbool.h>
#include <stdio.h>

// --- writing: into "<path>.tmp-<pid>-<n>", then fsync, rename, fsync of the folder ---------------

typedef struct file_writer {
    FILE *stream; // write with fwrite/fprintf; errors are kept and reported by file_commit()
    char *path, *temporary;
} file_writer;

habit_status file_create(file_writer *out, const char *path, habit_error *err);
// Flushes, syncs and renames.  On failure the temporary file is gone and the old one untouched.
habit_status file_commit(file_writer *w, habit_error *err);
void file_abandon(file_writer *w); // removes the temporary file; fine after commit and on zero

// Writes a whole file at once, atomically.
habit_status file_write(const char *path, const void *bytes, size_t len, habit_error *err);

// --- folders: built under a temporary name beside `path`, then renamed -------------------------

typedef struct folder_writer {
    char *path, *temporary;
} folder_writer;

habit_status folder_create(folder_writer *out, const char *path, habit_error *err);
// Replaces an existing folder `path` only if it holds `marker` (a file name), or is empty.
habit_status folder_commit(folder_writer *w, const char *marker, habit_error *err);
void folder_abandon(folder_writer *w);
// True if folder_commit() would replace `path`: there is nothing, an empty folder, or one of ours.
bool folder_replaceable(const char *path, const char *marker);

// --- reading -------------------------------------------------------------------------------------

typedef struct file_map {
    const unsigned char *bytes; // NULL for an empty file
    size_t len;
} file_map;

habit_status file_map_open(file_map *out, const char *path, habit_error *err);
void file_map_close(file_map *m);
// Tells the kernel that [at, at + len) will not be needed again soon: bounds resident memory.
void file_map_forget(const file_map *m, size_t at, size_t len);

// The whole file as a NUL-terminated string owned by the caller (mem_free); at most max bytes.
habit_status file_read(char **out, size_t *len, const char *path, size_t max, habit_error *err);

bool file_exists(const char *path);
bool file_is_folder(const char *path);
// "dir/name", owned by the caller (mem_free); NULL when out of memory.
char *path_join(const char *dir, const char *name);

#endif
