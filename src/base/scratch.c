// scratch.c - nameless files for intermediate bytes.
#define _GNU_SOURCE // O_TMPFILE
#include "base/scratch.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static habit_status scratch_fail(const scratch *s, const char *verb, habit_error *err)
{
    const habit_status st = fail_io(err, verb, s->dir);
    if (err && err->status == st) {
        const size_t len = strlen(err->message);
        snprintf(err->message + len, sizeof err->message - len,
                 " (scratch file; --scratch names another folder)");
    }
    return st;
}

// Where the file system has no nameless files: a name that exists for a moment only.
static int open_named(const char *dir)
{
    char *path = path_join(dir, "habit-scratch-XXXXXX");
    if (!path) {
        errno = ENOMEM;
        return -1;
    }
    const int fd = mkstemp(path);
    if (fd >= 0) {
        unlink(path);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    mem_free(path);
    return fd;
}

habit_status scratch_open(scratch *s, const char *dir, habit_error *err)
{
    *s = (scratch){ .fd = -1, .dir = mem_strdup(dir) };
    if (!s->dir) return fail_memory(err, "path", strlen(dir));
#if defined(O_TMPFILE)
    s->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
#endif
    if (s->fd < 0) s->fd = open_named(dir);
    if (s->fd < 0) {
        const habit_status st = scratch_fail(s, "write in", err);
        scratch_close(s);
        return st;
    }
    s->open = true;
    return HABIT_OK;
}

habit_status scratch_write(scratch *s, uint64_t at, const void *bytes, size_t len, habit_error *err)
{
    const char *from = bytes;
    while (len > 0) {
        const ssize_t n = pwrite(s->fd, from, len, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = ENOSPC;
        if (n <= 0) return scratch_fail(s, "write in", err);
        from += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return HABIT_OK;
}

habit_status scratch_append(scratch *s, const void *bytes, size_t len, habit_error *err)
{
    TRY(scratch_write(s, s->bytes, bytes, len, err));
    s->bytes += len;
    return HABIT_OK;
}

habit_status scratch_read(const scratch *s, uint64_t at, void *bytes, size_t len, habit_error *err)
{
    char *to = bytes;
    while (len > 0) {
        const ssize_t n = pread(s->fd, to, len, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = EIO; // shorter than what was written
        if (n <= 0) return scratch_fail(s, "read in", err);
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return HABIT_OK;
}

void scratch_close(scratch *s)
{
    if (s->open) close(s->fd);
    mem_free(s->dir);
    *s = (scratch){ 0 };
}
