// keys.c - hashing and comparing by libsodium.
#include "serve/keys.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HASH = 32, SECRET = 32, FILE_MOST = 1 << 20, KEYS_MOST = 1000, NAME_MOST = 100 };

typedef struct stored {
    char name[NAME_MOST + 1];
    unsigned char hash[HASH];
} stored;

struct keys {
    size_t count;
    stored key[];
};

static bool hash_of(unsigned char out[HASH], const char *key)
{
    return crypto_generichash(out, HASH, (const unsigned char *)key, strlen(key), NULL, 0) == 0;
}

// "name hash", between spaces.
static bool parse_line(stored *out, const char *s, size_t len)
{
    const size_t name = strcspn(s, " \t\r\n");
    const char *hash = s + name + strspn(s + name, " \t");
    size_t got = 0;
    if (name == 0 || name > NAME_MOST || hash + 2 * HASH > s + len) return false;
    memcpy(out->name, s, name);
    out->name[name] = '\0';
    const char *end = hash + 2 * HASH;
    if (sodium_hex2bin(out->hash, HASH, hash, 2 * HASH, NULL, &got, NULL) != 0 || got != HASH)
        return false;
    while (end < s + len && strchr(" \t\r", *end)) end++;
    return end == s + len;
}

static habit_status parse(keys *k, const char *text, const char *path, habit_error *err)
{
    size_t line = 0;
    while (*text) {
        const size_t len = strcspn(text, "\n"), blank = strspn(text, " \t\r");
        line++;
        if (blank < len && text[blank] != '#') {
            if (k->count == KEYS_MOST)
                return fail(err, HABIT_EINVAL, "%s: more than %d keys", path, KEYS_MOST);
            if (!parse_line(&k->key[k->count++], text + blank, len - blank))
                return fail(err, HABIT_EFORMAT, "%s:%zu: not a name and %d hexadecimal digits",
                            path, line, 2 * HASH);
        }
        text += len + (text[len] == '\n');
    }
    return k->count ? HABIT_OK
                    : fail(err, HABIT_EFORMAT, "%s: has no keys; `habit key NAME --to %s` adds one",
                           path, path);
}

habit_status keys_load(keys **out, const char *path, habit_error *err)
{
    char *text = NULL;
    if (sodium_init() < 0) return fail(err, HABIT_EINTERNAL, "libsodium does not start");
    TRY(file_read(&text, NULL, path, FILE_MOST, err));
    keys *k = mem_zalloc(1, sizeof *k + KEYS_MOST * sizeof *k->key);
    habit_status st = k ? parse(k, text, path, err) : fail_memory(err, "keys", FILE_MOST);
    mem_free(text);
    if (st == HABIT_OK)
        *out = k;
    else
        keys_free(k);
    return st;
}

void keys_free(keys *k)
{
    mem_free(k);
}

const char *keys_find(const keys *k, const char *key)
{
    unsigned char hash[HASH];
    const char *found = NULL;
    if (!hash_of(hash, key)) return NULL;
    for (size_t i = 0; i < k->count; i++) // all of them, found or not
        if (sodium_memcmp(k->key[i].hash, hash, HASH) == 0) found = k->key[i].name;
    return found;
}

// Appends a line, and is sure that it is on the disk.
static habit_status append(const char *path, const char *line, habit_error *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return fail_io(err, "open", path);
    const size_t len = strlen(line);
    habit_status st = HABIT_OK;
    if (write(fd, line, len) != (ssize_t)len || fsync(fd)) st = fail_io(err, "write", path);
    close(fd);
    return st;
}

habit_status keys_make(const char *name, const char *path, char key[KEY_TEXT], habit_error *err)
{
    unsigned char secret[SECRET], hash[HASH];
    char digits[2 * SECRET + 1], made[KEY_TEXT], line[NAME_MOST + 2 * HASH + 8];
    if (sodium_init() < 0) return fail(err, HABIT_EINTERNAL, "libsodium does not start");
    if (!*name || strlen(name) > NAME_MOST || strpbrk(name, " \t\r\n#"))
        return fail(err, HABIT_EINVAL, "'%s': a name of 1 to %d characters, without spaces and #",
                    name, NAME_MOST);
    randombytes_buf(secret, sizeof secret);
    sodium_bin2hex(digits, sizeof digits, secret, sizeof secret);
    snprintf(made, sizeof made, "hk_%s", digits);
    if (!hash_of(hash, made)) return fail(err, HABIT_EINTERNAL, "cannot hash");
    sodium_bin2hex(digits, sizeof digits, hash, sizeof hash);
    snprintf(line, sizeof line, "%s %s\n", name, digits);
    TRY(append(path, line, err));
    memcpy(key, made, KEY_TEXT);
    return HABIT_OK;
}
