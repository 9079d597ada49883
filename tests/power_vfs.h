// power_vfs.h - a file layer of SQLite in memory whose power can be cut.
//
//     power_install(seed);                 // registers the layer "power", a disk with no files
//     db_open(..., .vfs = "power") ...     // reads and writes as on a disk
//     power_cut();                         // from now on nothing works
//     close everything, then power_back(); // the disk as it may look after the cut
//
// A write is safe once its file was synced.  Of the writes since, each 512-byte sector is on the
// disk after the cut, or is not, as the dice say, whatever the order they were written in; growing
// and cutting a file count as writes.  Files appear and vanish at once.
//
// Faults for tests of everything else: power_fault.
#ifndef TESTS_POWER_VFS_H
#define TESTS_POWER_VFS_H
#include "base/rng.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { POWER_FILES = 8, POWER_SECTOR = 512, POWER_REGIONS = 64 };

typedef struct power_write {
    sqlite3_int64 at;
    size_t len;
    unsigned char *bytes; // NULL: the file was cut to `at`
} power_write;

typedef struct power_bytes {
    unsigned char *at;
    size_t len, cap;
} power_bytes;

typedef struct power_disk_file {
    char name[128];
    bool there;
    power_bytes now, safe; // as programs see it; as it was when it was last synced
    power_write *write;    // since then
    size_t writes, writes_cap;
    void *region[POWER_REGIONS]; // shared memory, of a log's index
    int users, holders, shared[SQLITE_SHM_NLOCK], exclusive[SQLITE_SHM_NLOCK];
} power_disk_file;

static struct power {
    pthread_mutex_t lock;
    power_disk_file file[POWER_FILES];
    rng dice;
    bool off;           // nothing works
    bool syncs_fail;    // power_fault: a sync gives an error
    bool syncs_lie;     // a sync says yes and does nothing: what a test must notice
    sqlite3_int64 room; // bytes all files may take; beyond, the disk is full
    unsigned long syncs;
} power = { .lock = PTHREAD_MUTEX_INITIALIZER, .room = INT64_MAX };

typedef struct power_file {
    sqlite3_file base;
    power_disk_file *f;
    int lock; // what this connection holds on the whole file
} power_file;

static inline bool power_size(power_bytes *b, size_t len)
{
    if (len > b->cap) {
        const size_t cap = len + len / 2 + 4096;
        unsigned char *p = realloc(b->at, cap);
        if (!p) return false;
        b->at = p, b->cap = cap;
    }
    if (len > b->len) memset(b->at + b->len, 0, len - b->len);
    b->len = len;
    return true;
}

static inline void power_forget(power_disk_file *f)
{
    for (size_t i = 0; i < f->writes; i++) free(f->write[i].bytes);
    f->writes = 0;
}

static inline void power_apply(power_bytes *b, const power_write *w, bool whole, rng *dice)
{
    if (!w->bytes) {
        if (whole || rng_below(dice, 2)) power_size(b, (size_t)w->at);
        return;
    }
    for (size_t i = 0; i < w->len;) {
        const size_t at = (size_t)w->at + i, end = (at / POWER_SECTOR + 1) * POWER_SECTOR;
        const size_t n = end - at < w->len - i ? end - at : w->len - i;
        if (whole || rng_below(dice, 2)) {
            if (at + n > b->len) power_size(b, at + n);
            memcpy(b->at + at, w->bytes + i, n);
        }
        i += n;
    }
}

static inline void power_remember(power_disk_file *f, sqlite3_int64 at, const void *bytes, size_t n)
{
    if (f->writes == f->writes_cap) {
        f->writes_cap = f->writes_cap * 2 + 64;
        f->write = realloc(f->write, f->writes_cap * sizeof *f->write);
    }
    power_write *w = &f->write[f->writes++];
    *w = (power_write){ .at = at, .len = n };
    if (bytes) w->bytes = memcpy(malloc(n + 1), bytes, n);
}

// --- files ------------------------------------------------------------------------------------------

#define POWER_ENTER(x)                                                                             \
    power_disk_file *f = ((power_file *)(x))->f;                                                   \
    pthread_mutex_lock(&power.lock);                                                               \
    int code = power.off ? SQLITE_IOERR : SQLITE_OK
#define POWER_LEAVE                                                                                \
    pthread_mutex_unlock(&power.lock);                                                             \
    return code

static inline void power_unmap_all(power_disk_file *f)
{
    for (int i = 0; i < POWER_REGIONS; i++) free(f->region[i]), f->region[i] = NULL;
}

static int power_close(sqlite3_file *x)
{
    POWER_ENTER(x);
    (void)code;
    if (f && --f->users == 0) power_unmap_all(f);
    pthread_mutex_unlock(&power.lock);
    return SQLITE_OK;
}

static int power_read(sqlite3_file *x, void *to, int n, sqlite3_int64 at)
{
    POWER_ENTER(x);
    const size_t len = (size_t)n, from = (size_t)at;
    if (code == SQLITE_OK) {
        const size_t there = from >= f->now.len ? 0 : f->now.len - from;
        if (there) memcpy(to, f->now.at + from, there < len ? there : len);
        if (there < len) {
            memset((char *)to + there, 0, len - there);
            code = SQLITE_IOERR_SHORT_READ;
        }
    }
    POWER_LEAVE;
}

static int power_write_at(sqlite3_file *x, const void *from, int n, sqlite3_int64 at)
{
    POWER_ENTER(x);
    sqlite3_int64 taken = 0;
    for (int i = 0; i < POWER_FILES; i++) taken += (sqlite3_int64)power.file[i].now.len;
    const sqlite3_int64 more = at + n - (sqlite3_int64)f->now.len;
    if (code == SQLITE_OK && more > 0 && taken + more > power.room) code = SQLITE_FULL;
    if (code == SQLITE_OK) {
        const power_write w = { at, (size_t)n, (unsigned char *)from };
        power_apply(&f->now, &w, true, NULL);
        power_remember(f, at, from, (size_t)n);
    }
    POWER_LEAVE;
}

static int power_truncate(sqlite3_file *x, sqlite3_int64 size)
{
    POWER_ENTER(x);
    if (code == SQLITE_OK) {
        power_size(&f->now, (size_t)size);
        power_remember(f, size, NULL, 0);
    }
    POWER_LEAVE;
}

static int power_sync(sqlite3_file *x, int flags)
{
    POWER_ENTER(x);
    (void)flags;
    if (code == SQLITE_OK && power.syncs_fail) code = SQLITE_IOERR_FSYNC;
    if (code == SQLITE_OK && !power.syncs_lie) {
        power.syncs++;
        for (size_t i = 0; i < f->writes; i++) power_apply(&f->safe, &f->write[i], true, NULL);
        power_forget(f);
    }
    POWER_LEAVE;
}

static int power_file_size(sqlite3_file *x, sqlite3_int64 *size)
{
    POWER_ENTER(x);
    *size = (sqlite3_int64)f->now.len;
    POWER_LEAVE;
}

// Levels of the whole file.  Only what the log mode needs: many may share, one alone may exclude.
static int power_lock(sqlite3_file *x, int level)
{
    POWER_ENTER(x);
    int *mine = &((power_file *)x)->lock;
    code = SQLITE_OK;
    if (level == SQLITE_LOCK_EXCLUSIVE && f->holders > (*mine ? 1 : 0)) code = SQLITE_BUSY;
    if (code == SQLITE_OK && !*mine) f->holders++;
    if (code == SQLITE_OK && level > *mine) *mine = level;
    POWER_LEAVE;
}

static int power_unlock(sqlite3_file *x, int level)
{
    POWER_ENTER(x);
    int *mine = &((power_file *)x)->lock;
    code = SQLITE_OK;
    if (*mine && level == SQLITE_LOCK_NONE) f->holders--;
    if (level < *mine) *mine = level;
    POWER_LEAVE;
}

static int power_reserved(sqlite3_file *x, int *out)
{
    (void)x;
    *out = 0;
    return SQLITE_OK;
}

static int power_control(sqlite3_file *x, int op, void *arg)
{
    (void)x, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int power_sector(sqlite3_file *x)
{
    (void)x;
    return POWER_SECTOR;
}

static int power_traits(sqlite3_file *x)
{
    (void)x;
    return 0;
}

static int power_map(sqlite3_file *x, int region, int size, int extend, void volatile **out)
{
    POWER_ENTER(x);
    *out = NULL;
    if (code == SQLITE_OK && region >= POWER_REGIONS) code = SQLITE_NOMEM;
    if (code == SQLITE_OK && !f->region[region] && extend)
        f->region[region] = calloc(1, (size_t)size);
    if (code == SQLITE_OK) *out = f->region[region];
    POWER_LEAVE;
}

static int power_shm_lock(sqlite3_file *x, int from, int n, int flags)
{
    POWER_ENTER(x);
    code = SQLITE_OK;
    for (int i = from; i < from + n && code == SQLITE_OK; i++) {
        if (flags & SQLITE_SHM_UNLOCK) continue;
        if (f->exclusive[i] || ((flags & SQLITE_SHM_EXCLUSIVE) && f->shared[i])) code = SQLITE_BUSY;
    }
    for (int i = from; i < from + n && code == SQLITE_OK; i++) {
        const int by = flags & SQLITE_SHM_LOCK ? 1 : -1;
        if (flags & SQLITE_SHM_EXCLUSIVE)
            f->exclusive[i] += by;
        else
            f->shared[i] += by;
    }
    POWER_LEAVE;
}

static void power_barrier(sqlite3_file *x)
{
    (void)x;
    pthread_mutex_lock(&power.lock);
    pthread_mutex_unlock(&power.lock);
}

static int power_unmap(sqlite3_file *x, int remove)
{
    (void)x, (void)remove; // with the last connection
    return SQLITE_OK;
}

static const sqlite3_io_methods power_methods = {
    2,
    power_close,
    power_read,
    power_write_at,
    power_truncate,
    power_sync,
    power_file_size,
    power_lock,
    power_unlock,
    power_reserved,
    power_control,
    power_sector,
    power_traits,
    power_map,
    power_shm_lock,
    power_barrier,
    power_unmap,
    NULL,
    NULL,
};

// --- the layer --------------------------------------------------------------------------------------

static power_disk_file *power_find(const char *name, bool create)
{
    power_disk_file *empty = NULL;
    for (int i = 0; i < POWER_FILES; i++) {
        power_disk_file *f = &power.file[i];
        if (f->there && strcmp(f->name, name) == 0) return f;
        if (!f->there && !f->users && !empty) empty = f;
    }
    if (!create || !empty) return NULL;
    empty->there = true;
    snprintf(empty->name, sizeof empty->name, "%s", name);
    empty->now.len = empty->safe.len = 0;
    power_forget(empty);
    return empty;
}

static int power_open(sqlite3_vfs *v, const char *name, sqlite3_file *x, int flags, int *out)
{
    power_file *p = (power_file *)x;
    (void)v;
    *p = (power_file){ 0 };
    if (!name) return SQLITE_CANTOPEN; // temporary files stay in memory: PRAGMA temp_store
    pthread_mutex_lock(&power.lock);
    p->f = power.off ? NULL : power_find(name, flags & SQLITE_OPEN_CREATE);
    if (p->f) p->f->users++;
    pthread_mutex_unlock(&power.lock);
    if (!p->f) return SQLITE_CANTOPEN;
    p->base.pMethods = &power_methods;
    if (out) *out = flags;
    return SQLITE_OK;
}

static int power_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v, (void)sync;
    pthread_mutex_lock(&power.lock);
    power_disk_file *f = power.off ? NULL : power_find(name, false);
    if (f) {
        f->there = false;
        f->now.len = f->safe.len = 0;
        power_forget(f);
    }
    pthread_mutex_unlock(&power.lock);
    return f ? SQLITE_OK : power.off ? SQLITE_IOERR : SQLITE_IOERR_DELETE_NOENT;
}

static int power_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    (void)v, (void)flags;
    pthread_mutex_lock(&power.lock);
    const power_disk_file *f = power_find(name, false);
    *out = f && (flags != SQLITE_ACCESS_EXISTS || f->now.len > 0);
    pthread_mutex_unlock(&power.lock);
    return SQLITE_OK;
}

static int power_path(sqlite3_vfs *v, const char *name, int n, char *out)
{
    (void)v;
    sqlite3_snprintf(n, out, "%s", name);
    return SQLITE_OK;
}

static inline void power_install(uint64_t seed)
{
    static sqlite3_vfs layer;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    layer = *real;
    layer.pNext = NULL;
    layer.szOsFile = sizeof(power_file);
    layer.zName = "power";
    layer.xOpen = power_open;
    layer.xDelete = power_delete;
    layer.xAccess = power_access;
    layer.xFullPathname = power_path;
    sqlite3_vfs_register(&layer, 0);
    power.dice = rng_at(seed, 0, 0);
}

// Everything is gone, the dice begin anew.
static inline void power_new_disk(uint64_t seed)
{
    for (int i = 0; i < POWER_FILES; i++) {
        power_disk_file *f = &power.file[i];
        power_forget(f);
        power_unmap_all(f);
        f->there = false, f->users = f->holders = 0, f->now.len = f->safe.len = 0;
        memset(f->shared, 0, sizeof f->shared);
        memset(f->exclusive, 0, sizeof f->exclusive);
    }
    power.off = power.syncs_fail = power.syncs_lie = false;
    power.room = INT64_MAX;
    power.dice = rng_at(seed, 0, 0);
}

static inline void power_cut(void)
{
    pthread_mutex_lock(&power.lock);
    power.off = true;
    pthread_mutex_unlock(&power.lock);
}

static inline void power_back(void)
{
    for (int i = 0; i < POWER_FILES; i++) {
        power_disk_file *f = &power.file[i];
        for (size_t w = 0; w < f->writes; w++)
            power_apply(&f->safe, &f->write[w], false, &power.dice);
        power_forget(f);
        f->now.len = 0;
        power_size(&f->now, f->safe.len);
        if (f->safe.len) memcpy(f->now.at, f->safe.at, f->safe.len);
        power_unmap_all(f);
        f->users = f->holders = 0;
        memset(f->shared, 0, sizeof f->shared);
        memset(f->exclusive, 0, sizeof f->exclusive);
    }
    power.off = false;
}

// Looks for bytes in all files, as somebody with the disk in his hands would.
static inline bool power_scan(const char *bytes)
{
    const size_t n = strlen(bytes);
    for (int i = 0; i < POWER_FILES; i++) {
        const power_bytes *b = &power.file[i].now;
        for (size_t at = 0; at + n <= b->len; at++)
            if (b->at[at] == (unsigned char)*bytes && memcmp(b->at + at, bytes, n) == 0)
                return true;
    }
    return false;
}

#endif
