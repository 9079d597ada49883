// file.c - files that appear whole or not at all, and files seen as memory.
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

char *path_join(const char *dir, const char *name)
{
    const size_t a = strlen(dir), b = strlen(name);
    const bool slash = a > 0 && dir[a - 1] != '/';
    char *p = NEW(char, a + slash + b + 1);
    if (!p) return NULL;
    memcpy(p, dir, a);
    if (slash) p[a] = '/';
    memcpy(p + a + slash, name, b + 1);
    return p;
}

// Several writers of one process, and several processes, never share a temporary name.
static char *temporary_name(const char *path)
{
    static atomic_uint serial;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    char *p = NEW(char, len + 64);
    if (p)
        snprintf(p, len + 64, "%.*s.tmp-%ld-%u", (int)len, path, (long)getpid(),
                 atomic_fetch_add(&serial, 1));
    return p;
}

// Allocates nothing: after a rename it is too late to fail for want of memory.
static habit_status sync_parent(char *path, habit_error *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    const char cut = path[len];
    path[len] = '\0';
    const char *dir = len ? path : ".";
    habit_status st = HABIT_OK;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // some file systems cannot sync a folder: EINVAL is not a failure
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) st = fail_io(err, "sync", dir);
    if (fd >= 0) close(fd);
    path[len] = cut;
    return st;
}

habit_status file_create(file_writer *out, const char *path, habit_error *err)
{
    file_writer w = { .path = mem_strdup(path), .temporary = temporary_name(path) };
    habit_status st = HABIT_OK;
    if (!w.path || !w.temporary) st = fail_memory(err, "path", strlen(path));
    if (st == HABIT_OK && !(w.stream = fopen(w.temporary, "wbxe")))
        st = fail_io(err, "create", path);
    if (st != HABIT_OK) {
        mem_free(w.path);
        mem_free(w.temporary);
        return st;
    }
    *out = w;
    return HABIT_OK;
}

// All that was written has arrived on the disk.  Of an earlier failure the reason is lost: one more
// write, to a file that is abandoned anyway, fails of the same.
static habit_status check_written(file_writer *w, habit_error *err)
{
    static const char more[1 << 14];
    const bool bad = ferror(w->stream) != 0;
    if (fflush(w->stream) != 0 || fsync(fileno(w->stream)) != 0)
        return fail_io(err, "write", w->path);
    if (!bad) return HABIT_OK;
    if (fwrite(more, 1, sizeof more, w->stream) < sizeof more || fflush(w->stream) != 0)
        return fail_io(err, "write", w->path);
    return fail(err, HABIT_EIO, "cannot write %s: a write failed", w->path);
}

habit_status file_commit(file_writer *w, habit_error *err)
{
    habit_status st = check_written(w, err);
    const bool closed = fclose(w->stream) == 0;
    w->stream = NULL;
    if (st == HABIT_OK && (!closed || rename(w->temporary, w->path) != 0))
        st = fail_io(err, "write", w->path);
    if (st == HABIT_OK) st = sync_parent(w->path, err);
    file_abandon(w);
    return st;
}

void file_abandon(file_writer *w)
{
    if (w->stream) fclose(w->stream);
    if (w->temporary) unlink(w->temporary);
    mem_free(w->temporary);
    mem_free(w->path);
    *w = (file_writer){ 0 };
}

habit_status file_write(const char *path, const void *bytes, size_t len, habit_error *err)
{
    file_writer w;
    TRY(file_create(&w, path, err));
    if (len) fwrite(bytes, 1, len, w.stream);
    return file_commit(&w, err);
}

// --- folders -----------------------------------------------------------------------------------

// Removes a folder of plain files and at most a few levels of folders, all of our own making.
static void remove_tree(const char *path, int depth)
{
    DIR *d = opendir(path);
    if (d) {
        for (struct dirent *e; (e = readdir(d));) {
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
            char *child = path_join(path, e->d_name);
            if (!child) break;
            struct stat s;
            if (lstat(child, &s) == 0 && S_ISDIR(s.st_mode) && depth > 0)
                remove_tree(child, depth - 1);
            else
                unlink(child);
            mem_free(child);
        }
        closedir(d);
    }
    rmdir(path);
}

static bool folder_is_ours(const char *path, const char *marker)
{
    if (rmdir(path) == 0) return mkdir(path, 0777) == 0; // it was empty
    char *file = path_join(path, marker);
    const bool ours = file && file_exists(file);
    mem_free(file);
    return ours;
}

habit_status folder_create(folder_writer *out, const char *path, habit_error *err)
{
    folder_writer w = { .path = mem_strdup(path), .temporary = temporary_name(path) };
    habit_status st = HABIT_OK;
    if (!w.path || !w.temporary) st = fail_memory(err, "path", strlen(path));
    if (st == HABIT_OK && mkdir(w.temporary, 0777) != 0) st = fail_io(err, "create", path);
    if (st != HABIT_OK) {
        mem_free(w.path);
        mem_free(w.temporary);
        return st;
    }
    *out = w;
    return HABIT_OK;
}

// Swaps two names in one step, so that no moment finds neither; false where the file system cannot.
static bool names_swap(const char *a, const char *b)
{
#if defined(SYS_renameat2)
    enum { EXCHANGE = 2 }; // RENAME_EXCHANGE of linux/fs.h
    return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, EXCHANGE) == 0;
#elif defined(RENAME_SWAP)
    return renamex_np(a, b, RENAME_SWAP) == 0;
#else
    (void)a, (void)b;
    return false;
#endif
}

habit_status folder_commit(folder_writer *w, const char *marker, habit_error *err)
{
    habit_status st = HABIT_OK;
    char *old = NULL;
    size_t len = strlen(w->path);
    while (len > 1 && w->path[len - 1] == '/') w->path[--len] = '\0';

    struct stat s;
    if (lstat(w->path, &s) == 0) {
        if (!S_ISDIR(s.st_mode) || !folder_is_ours(w->path, marker)) {
            st = fail(err, HABIT_EIO, "%s exists and is not a folder with %s: not replaced",
                      w->path, marker);
            goto out;
        }
        if (names_swap(w->temporary, w->path)) { // the old one now has the temporary name
            st = sync_parent(w->path, err);
            goto out;
        }
        old = temporary_name(w->path);
        if (!old)
            st = fail_memory(err, "path", len);
        else if (rename(w->path, old) != 0)
            st = fail_io(err, "replace", w->path);
        if (st != HABIT_OK) goto out;
    }
    if (rename(w->temporary, w->path) != 0) {
        st = fail_io(err, "create", w->path);
        if (old) rename(old, w->path);
        goto out;
    }
    mem_free(w->temporary);
    w->temporary = NULL;
    st = sync_parent(w->path, err);
    if (old) remove_tree(old, 2);
out:
    mem_free(old);
    folder_abandon(w);
    return st;
}

bool folder_replaceable(const char *path, const char *marker)
{
    struct stat s;
    if (lstat(path, &s) != 0) return true;
    DIR *d = S_ISDIR(s.st_mode) ? opendir(path) : NULL;
    if (!d) return false;
    bool empty = true, ours = false;
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        empty = false;
        if (strcmp(e->d_name, marker) == 0) ours = true;
    }
    closedir(d);
    return empty || ours;
}

void folder_abandon(folder_writer *w)
{
    if (w->temporary) remove_tree(w->temporary, 2);
    mem_free(w->temporary);
    mem_free(w->path);
    *w = (folder_writer){ 0 };
}

// --- reading -----------------------------------------------------------------------------------

habit_status file_map_open(file_map *out, const char *path, habit_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_io(err, "open", path);
    struct stat s;
    habit_status st = HABIT_OK;
    file_map m = { 0 };
    if (fstat(fd, &s) != 0) {
        st = fail_io(err, "open", path);
    } else if (!S_ISREG(s.st_mode)) {
        st = fail(err, HABIT_EINVAL, "%s: not a regular file", path);
    } else if (s.st_size > 0) {
        m.len = (size_t)s.st_size;
        void *p = mmap(NULL, m.len, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
            st = fail_io(err, "map", path);
        else
            m.bytes = p;
    }
    close(fd);
    if (st == HABIT_OK) *out = m;
    return st;
}

void file_map_close(file_map *m)
{
    if (m->bytes) munmap((void *)(uintptr_t)m->bytes, m->len);
    *m = (file_map){ 0 };
}

void file_map_forget(const file_map *m, size_t at, size_t len)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t from = (at + page - 1) / page * page, to = (at + len) / page * page;
    if (!m->bytes || to <= from || to > m->len) return;
#if defined(MADV_DONTNEED)
    madvise((void *)(uintptr_t)(m->bytes + from), to - from, MADV_DONTNEED);
#endif
}

habit_status file_read(char **out, size_t *len, const char *path, size_t max, habit_error *err)
{
    FILE *f = fopen(path, "rbe");
    if (!f) return fail_io(err, "open", path);
    habit_status st = HABIT_OK;
    char *text = NULL;
    size_t cap = 0, used = 0;
    for (;;) {
        void *grown = text;
        st = mem_grow(&grown, &cap, used + 4096 + 1, 1, path, err);
        text = grown;
        if (st != HABIT_OK) break;
        const size_t n = fread(text + used, 1, cap - used - 1, f);
        used += n;
        if (n == 0) break;
        if (used > max) {
            st = fail(err, HABIT_ELIMIT, "%s: larger than %zu bytes", path, max);
            break;
        }
    }
    if (st == HABIT_OK && ferror(f)) st = fail_io(err, "read", path);
    fclose(f);
    if (st != HABIT_OK) {
        mem_free(text);
        return st;
    }
    text[used] = '\0';
    *out = text;
    if (len) *len = used;
    return HABIT_OK;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}
