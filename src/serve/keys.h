// keys.h - the keys that clients show, kept as hashes.
//
//     # a line each: what the key is called, and BLAKE2b-256 of it in hexadecimal
//     shop 5f1c0a...
//
// A key is 32 random bytes, so that a fast hash is enough: there is nothing to guess.  Whoever reads the file
// cannot make a key from it.  Comparison takes the same time whatever the key.
#ifndef SERVE_KEYS_H
#define SERVE_KEYS_H
#include "base/status.h"

enum { KEY_TEXT = 68 }; // "hk_", 64 digits, NUL

typedef struct keys keys; // constant once loaded

habit_status keys_load(keys **out, const char *path, habit_error *err);
void keys_free(keys *k); // NULL is fine
// The name of the key, or NULL if it is none of these.
const char *keys_find(const keys *k, const char *key);

// Makes a key, adds its hash to the file, and hands the key itself out this once.
habit_status keys_make(const char *name, const char *path, char key[KEY_TEXT], habit_error *err);

#endif
