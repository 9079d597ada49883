// source.c - plain files, pipes and memory as sources; looking ahead.
#include "data/source.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

habit_status source_new(source **out, const char *name, const source_ops *ops, void *state,
                        habit_error *err)
{
    source *s = ZNEW(source, 1);
    char *own = mem_strdup(name);
    if (!s || !own) {
        mem_free(s);
        mem_free(own);
        ops->close(state);
        return fail_memory(err, "source", sizeof *s);
    }
    *s = (source){ .ops = ops, .state = state, .name = own };
    *out = s;
    return HABIT_OK;
}

void source_close(source *s)
{
    if (!s) return;
    s->ops->close(s->state);
    mem_free(s->ahead);
    mem_free(s->name);
    mem_free(s);
}

static habit_status read_fully(source *s, char *to, size_t want, size_t *got, habit_error *err)
{
    *got = 0;
    while (*got < want) {
        size_t n = 0;
        TRY(s->ops->read(s, to + *got, want - *got, &n, err));
        if (!n) break;
        *got += n;
    }
    return HABIT_OK;
}

habit_status source_peek(source *s, size_t want, const char **bytes, size_t *len, habit_error *err)
{
    size_t have = s->ahead_len - s->ahead_at;
    if (have < want) {
        if (s->ahead_at) memmove(s->ahead, s->ahead + s->ahead_at, have);
        s->ahead_at = 0;
        s->ahead_len = have;
        void *ahead = s->ahead;
        TRY(mem_grow(&ahead, &s->ahead_cap, want, 1, "sample of the source", err));
        s->ahead = ahead;
        size_t got;
        TRY(read_fully(s, s->ahead + have, want - have, &got, err));
        s->ahead_len = have += got;
    }
    *bytes = have ? s->ahead + s->ahead_at : "";
    *len = have < want ? have : want;
    return HABIT_OK;
}

habit_status source_read(source *s, char *to, size_t want, size_t *got, habit_error *err)
{
    size_t have = s->ahead_len - s->ahead_at;
    if (have > want) have = want;
    if (have) memcpy(to, s->ahead + s->ahead_at, have);
    size_t more = 0;
    TRY(read_fully(s, to + have, want - have, &more, err));
    s->ahead_at += have;
    *got = have + more;
    return HABIT_OK;
}

// --- files and standard input --------------------------------------------------------------------

typedef struct file_state {
    int fd;
} file_state;

static habit_status file_source_read(source *s, char *to, size_t want, size_t *got,
                                     habit_error *err)
{
    const file_state *f = s->state;
    for (;;) {
        const ssize_t n = read(f->fd, to, want < (1u << 30) ? want : (1u << 30));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_io(err, "read", s->name);
        s->done += (uint64_t)n;
        *got = (size_t)n;
        return HABIT_OK;
    }
}

static void file_source_close(void *state)
{
    const file_state *f = state;
    if (f->fd > STDIN_FILENO) close(f->fd);
    mem_free(state);
}

static habit_status file_open(source **out, const char *path, habit_error *err)
{
    static const source_ops ops = { file_source_read, file_source_close };
    const bool standard_input = strcmp(path, "-") == 0;
    const int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_io(err, "open", path);

    struct stat st = { 0 };
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return fail(err, HABIT_EFORMAT, "%s is a folder: name the files in it", path);
    }
    file_state *f = NEW(file_state, 1);
    if (!f) {
        if (!standard_input) close(fd);
        return fail_memory(err, "source", sizeof *f);
    }
    f->fd = fd;
    TRY(source_new(out, standard_input ? "stdin" : path, &ops, f, err));
    if (S_ISREG(st.st_mode)) (*out)->size = (uint64_t)st.st_size;
    return HABIT_OK;
}

habit_status source_open(source **out, const char *path, habit_error *err)
{
    source *s = NULL;
    TRY(file_open(&s, path, err));
    return source_decompress(out, s, err);
}

// --- memory ----------------------------------------------------------------------------------------

typedef struct memory_state {
    const char *bytes;
    size_t len, at;
} memory_state;

static habit_status memory_read(source *s, char *to, size_t want, size_t *got, habit_error *err)
{
    (void)err;
    memory_state *m = s->state;
    *got = m->len - m->at < want ? m->len - m->at : want;
    if (*got) memcpy(to, m->bytes + m->at, *got);
    m->at += *got;
    s->done = m->at;
    return HABIT_OK;
}

habit_status source_memory(source **out, const char *name, const void *bytes, size_t len,
                           habit_error *err)
{
    static const source_ops ops = { memory_read, mem_free };
    memory_state *m = NEW(memory_state, 1);
    if (!m) return fail_memory(err, "source", sizeof *m);
    *m = (memory_state){ bytes, len, 0 };
    source *s = NULL;
    TRY(source_new(&s, name, &ops, m, err));
    s->size = len;
    return source_decompress(out, s, err);
}
