// sqlite_copy.c - copies of a database, and back from them.
#include "base/file.h"
#include "base/memory.h"
#include "store/sqlite_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static habit_status copy_all(sqlite3 *to, sqlite3 *from, const char *what, habit_error *err)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b) return sqlite_fail(to, what, err);
    sqlite3_backup_step(b, -1);
    return sqlite3_backup_finish(b) == SQLITE_OK ? HABIT_OK : sqlite_fail(to, what, err);
}

static habit_status copy_to(sqlite3 *c, const char *path, const char *vfs, habit_error *err)
{
    sqlite3 *to = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    habit_status st = HABIT_OK;
    if (sqlite3_open_v2(path, &to, flags, vfs) != SQLITE_OK)
        st = sqlite_fail(to, "open the copy", err);
    if (st == HABIT_OK) st = copy_all(to, c, "copy", err);
    // One file, on the disk when it is closed.
    if (st == HABIT_OK) st = sqlite_run(to, "PRAGMA journal_mode = DELETE", err);
    sqlite3_close(to);
    return st;
}

static habit_status move_into_place(const char *from, const char *to, habit_error *err)
{
    const int fd = open(from, O_RDONLY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    if (!synced) return fail_io(err, "sync", from);
    if (rename(from, to)) return fail_io(err, "rename to", to);
    return HABIT_OK;
}

habit_status sqlite_backup(const char *store, const db_options *o, const char *path,
                           habit_error *err)
{
    char temporary[4096];
    sqlite3 *c = NULL;
    if (snprintf(temporary, sizeof temporary, "%s.tmp-%ld", path, (long)getpid()) >=
        (int)sizeof temporary)
        return fail(err, HABIT_EINVAL, "the path of the copy is too long");
    if (!o->vfs && file_exists(path)) TRY(sqlite_ours(path, NULL, err));
    TRY(sqlite_connect(&c, store, o, false, err));
    const char *to = o->vfs ? path : temporary; // layers of tests do not rename
    habit_status st = copy_to(c, to, o->vfs, err);
    if (st == HABIT_OK && !o->vfs) st = move_into_place(to, path, err);
    if (st != HABIT_OK && !o->vfs) remove(to);
    sqlite3_close(c);
    return st;
}

habit_status sqlite_restore(sqlite3 *c, const char *path, const char *vfs, habit_error *err)
{
    sqlite3 *from = NULL;
    TRY(sqlite_ours(path, vfs, err));
    if (sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, vfs) != SQLITE_OK) {
        const habit_status st = sqlite_fail(from, "open the copy", err);
        sqlite3_close(from);
        return st;
    }
    const habit_status st = copy_all(c, from, "restore", err);
    sqlite3_close(from);
    return st;
}

// --- files ------------------------------------------------------------------------------------------

static habit_status number(sqlite3 *c, const char *sql, int64_t *out, habit_error *err)
{
    sqlite3_stmt *s = NULL;
    TRY(sqlite_prepare(c, &s, sql, err));
    const habit_status st =
        sqlite3_step(s) == SQLITE_ROW ? HABIT_OK : sqlite_fail(c, "read the copy", err);
    *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return st;
}

habit_status sqlite_ours(const char *path, const char *vfs, habit_error *err)
{
    sqlite3 *c = NULL;
    int64_t owner = 0, version = 0, whole = 0;
    habit_error own = { 0 };
    if (!vfs && !file_exists(path)) return fail(err, HABIT_ENOTFOUND, "%s: no such file", path);
    habit_status st = HABIT_OK;
    if (sqlite3_open_v2(path, &c, SQLITE_OPEN_READONLY, vfs) != SQLITE_OK)
        st = sqlite_fail(c, "open", &own);
    if (st == HABIT_OK) st = number(c, "PRAGMA application_id", &owner, &own);
    if (st == HABIT_OK) st = number(c, "PRAGMA user_version", &version, &own);
    if (st == HABIT_OK && owner == SQLITE_OWNER)
        st = number(c, "SELECT quick_check = 'ok' FROM pragma_quick_check(1)", &whole, &own);
    sqlite3_close(c);
    if (st != HABIT_OK) return fail(err, HABIT_EFORMAT, "%s: %s", path, own.message);
    if (owner != SQLITE_OWNER) return fail(err, HABIT_EFORMAT, "%s: not a store of habit", path);
    if (version > sqlite_newest())
        return fail(err, HABIT_EFORMAT, "%s: written by a newer habit", path);
    return whole ? HABIT_OK : fail(err, HABIT_EFORMAT, "%s: the store is damaged", path);
}

// Fails if anybody else has the store open.
static habit_status open_alone(sqlite3 **out, const char *path, habit_error *err)
{
    sqlite3 *c = NULL;
    habit_status st = HABIT_OK;
    if (sqlite3_open_v2(path, &c, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK ||
        sqlite3_exec(c, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", NULL, NULL,
                     NULL) != SQLITE_OK)
        st = sqlite3_errcode(c) == SQLITE_BUSY
                 ? fail(err, HABIT_EIO, "%s is in use: stop its service first", path)
                 : sqlite_fail(c, "open the store", err);
    if (st == HABIT_OK)
        *out = c;
    else
        sqlite3_close(c);
    return st;
}

habit_status sqlite_restore_file(const char *path, const char *store, habit_error *err)
{
    sqlite3 *c = NULL;
    TRY(sqlite_ours(path, NULL, err));
    if (file_exists(store)) TRY(sqlite_ours(store, NULL, err));
    TRY(open_alone(&c, store, err));
    habit_status st = sqlite_restore(c, path, NULL, err);
    if (sqlite3_close(c) != SQLITE_OK && st == HABIT_OK)
        st = fail(err, HABIT_EIO, "cannot close %s", store);
    return st;
}

habit_status sqlite_unused(const char *store, habit_error *err)
{
    sqlite3 *c = NULL;
    TRY(sqlite_ours(store, NULL, err));
    TRY(open_alone(&c, store, err));
    sqlite3_close(c);
    return HABIT_OK;
}
