// dataset_writer.c - a dataset file, written section by section in one pass.
//
// Announcing a section fixes its place in the file, so that all can be filled at once, each through
// a buffer of its own: one sequential stream per section, whatever the interleaving.
#include "base/memory.h"
#include "data/dataset_format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { BUFFER_BYTES = 256 << 10 };

typedef struct out_section {
    char name[DATASET_NAME];
    section_type type;
    uint64_t at, count, done; // done: elements put so far
    unsigned char *pending;   // bytes not yet written; NULL before the first and after the last put
    size_t pending_cap, pending_len;
    uint64_t written; // bytes in the file
    XXH3_state_t *hash;
    uint64_t checksum; // once done == count
} out_section;

struct dataset_writer {
    file_writer file;
    out_section **out;
    size_t count, cap;
    uint64_t end; // where the next section goes
};

static uint64_t align_up(uint64_t x)
{
    return (x + DATASET_ALIGN - 1) / DATASET_ALIGN * DATASET_ALIGN;
}

habit_status dataset_create(dataset_writer **out, const char *path, habit_error *err)
{
    dataset_writer *w = ZNEW(dataset_writer, 1);
    if (!w) return fail_memory(err, "dataset writer", sizeof *w);
    const habit_status st = file_create(&w->file, path, err);
    if (st != HABIT_OK) {
        mem_free(w);
        return st;
    }
    w->end = DATASET_HEADER;
    *out = w;
    return HABIT_OK;
}

static void out_section_free(out_section *s)
{
    if (s->hash) XXH3_freeState(s->hash);
    mem_free(s->pending);
    mem_free(s);
}

void dataset_abandon(dataset_writer *w)
{
    if (!w) return;
    for (size_t i = 0; i < w->count; i++) out_section_free(w->out[i]);
    mem_free(w->out);
    file_abandon(&w->file);
    mem_free(w);
}

static habit_status write_at(dataset_writer *w, const void *bytes, size_t len, uint64_t at,
                             habit_error *err)
{
    const int fd = fileno(w->file.stream);
    const unsigned char *p = bytes;
    while (len > 0) {
        const ssize_t n = pwrite(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_io(err, "write", w->file.path);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return HABIT_OK;
}

habit_status dataset_section(dataset_writer *w, const char *name, section_type type, uint64_t count,
                             int *number, habit_error *err)
{
    const size_t len = strlen(name);
    if (len == 0 || len >= DATASET_NAME)
        return fail(err, HABIT_ELIMIT, "section name '%.100s': not of 1 to %d bytes", name,
                    DATASET_NAME - 1);
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->out[i]->name, name) == 0)
            return fail(err, HABIT_EINVAL, "%s: two columns give the section '%s'", w->file.path,
                        name);
    if (count > (UINT64_C(1) << 56) / section_size(type))
        return fail(err, HABIT_ELIMIT, "section '%s': %llu elements are too many", name,
                    (unsigned long long)count);

    void *grown = w->out;
    const habit_status st =
        mem_grow(&grown, &w->cap, w->count + 1, sizeof *w->out, "sections", err);
    w->out = grown;
    if (st != HABIT_OK) return st;
    out_section *s = ZNEW(out_section, 1);
    if (s) s->hash = XXH3_createState();
    if (!s || !s->hash) {
        mem_free(s);
        return fail_memory(err, "section", sizeof *s);
    }
    XXH3_64bits_reset(s->hash);
    memcpy(s->name, name, len);
    s->type = type;
    s->count = count;
    s->at = w->end;
    s->checksum = XXH3_64bits_digest(s->hash); // right as it is if the section is empty
    w->end = align_up(s->at + count * section_size(type));
    *number = (int)w->count;
    w->out[w->count++] = s;
    return HABIT_OK;
}

static habit_status section_write(dataset_writer *w, out_section *s, const void *bytes, size_t len,
                                  habit_error *err)
{
    TRY(write_at(w, bytes, len, s->at + s->written, err));
    XXH3_64bits_update(s->hash, bytes, len);
    s->written += len;
    return HABIT_OK;
}

static habit_status section_flush(dataset_writer *w, out_section *s, habit_error *err)
{
    const size_t len = s->pending_len;
    s->pending_len = 0;
    return len ? section_write(w, s, s->pending, len, err) : HABIT_OK;
}

static habit_status section_finish(dataset_writer *w, out_section *s, habit_error *err)
{
    TRY(section_flush(w, s, err));
    s->checksum = XXH3_64bits_digest(s->hash);
    mem_free(s->pending);
    s->pending = NULL;
    return HABIT_OK;
}

habit_status dataset_put(dataset_writer *w, int to, const void *elements, uint64_t count,
                         habit_error *err)
{
    out_section *s = w->out[to];
    const size_t size = section_size(s->type);
    if (count == 0) return HABIT_OK;
    if (count > s->count - s->done)
        return fail(err, HABIT_EINTERNAL, "section '%s': more than the %llu elements announced",
                    s->name, (unsigned long long)s->count);
    const size_t len = (size_t)count * size;

    if (!s->pending) {
        const uint64_t whole = s->count * size;
        s->pending_cap = whole < BUFFER_BYTES ? (size_t)whole : BUFFER_BYTES;
        s->pending = mem_alloc(s->pending_cap, 1);
        if (!s->pending) return fail_memory(err, "write buffer", s->pending_cap);
    }
    if (len > s->pending_cap - s->pending_len) TRY(section_flush(w, s, err));
    if (len > s->pending_cap) {
        TRY(section_write(w, s, elements, len, err));
    } else {
        memcpy(s->pending + s->pending_len, elements, len);
        s->pending_len += len;
    }
    s->done += count;
    return s->done == s->count ? section_finish(w, s, err) : HABIT_OK;
}

habit_status dataset_put_all(dataset_writer *w, const char *name, section_type type,
                             const void *elements, uint64_t count, habit_error *err)
{
    int to;
    TRY(dataset_section(w, name, type, count, &to, err));
    return dataset_put(w, to, elements, count, err);
}

// --- the end -------------------------------------------------------------------------------------

static void entry_write(unsigned char *p, const out_section *s)
{
    memcpy(p, s->name, DATASET_NAME);
    store32(p + 96, (uint32_t)s->type);
    store32(p + 100, 0);
    store64(p + 104, s->at);
    store64(p + 112, s->count);
    store64(p + 120, s->checksum);
}

static habit_status fingerprint_of(const dataset_writer *w, uint64_t *out, const uint64_t events,
                                   uint32_t users, uint32_t items, habit_error *err)
{
    sections all = { .of_file = ZNEW(section_entry, w->count + 1),
                     .by_name = ZNEW(section_entry *, w->count + 1),
                     .count = (uint32_t)w->count };
    habit_status st = HABIT_OK;
    if (!all.of_file || !all.by_name) {
        st = fail_memory(err, "section table", w->count * sizeof(section_entry));
    } else {
        for (size_t i = 0; i < w->count; i++) {
            const out_section *s = w->out[i];
            all.of_file[i] = (section_entry){
                .name = s->name, .type = s->type, .count = s->count, .checksum = s->checksum
            };
        }
        sections_sort(&all);
        *out = sections_fingerprint(&all, events, users, items);
    }
    mem_free(all.of_file);
    mem_free(all.by_name);
    return st;
}

static habit_status finish(dataset_writer *w, uint32_t users, uint32_t items, uint64_t events,
                           habit_error *err)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->out[i]->done != w->out[i]->count)
            return fail(err, HABIT_EINTERNAL, "section '%s': %llu of %llu elements written",
                        w->out[i]->name, (unsigned long long)w->out[i]->done,
                        (unsigned long long)w->out[i]->count);
    uint64_t fingerprint = 0;
    TRY(fingerprint_of(w, &fingerprint, events, users, items, err));

    const size_t table_len = w->count * DATASET_ENTRY;
    unsigned char *bytes = mem_zalloc(DATASET_HEADER + table_len, 1);
    if (!bytes) return fail_memory(err, "section table", table_len);
    unsigned char *table = bytes + DATASET_HEADER;
    for (size_t i = 0; i < w->count; i++) entry_write(table + i * DATASET_ENTRY, w->out[i]);
    memcpy(bytes, DATASET_MAGIC, 8);
    store32(bytes + 8, DATASET_VERSION);
    store32(bytes + 12, (uint32_t)w->count);
    store64(bytes + 16, events);
    store32(bytes + 24, users);
    store32(bytes + 28, items);
    store64(bytes + 32, fingerprint);
    store64(bytes + 40, w->end + table_len);
    store64(bytes + 48, w->end);
    store64(bytes + 56, header_checksum(bytes, table, table_len));

    habit_status st = write_at(w, table, table_len, w->end, err);
    if (st == HABIT_OK) st = write_at(w, bytes, DATASET_HEADER, 0, err);
    mem_free(bytes);
    return st;
}

habit_status dataset_commit(dataset_writer *w, uint32_t users, uint32_t items, uint64_t events,
                            habit_error *err)
{
    habit_status st = finish(w, users, items, events, err);
    if (st == HABIT_OK) st = file_commit(&w->file, err);
    dataset_abandon(w);
    return st;
}
