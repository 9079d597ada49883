// make_dataset.h - small datasets for tests, written and opened through the real file.
//
//     const uint64_t offset[] = { 0, 3, 5 };
//     const uint32_t item[] = { 1, 0, 2, 2, 1 };
//     dataset *d = make_dataset(&(made){ .users = 2, .items = 3, .offset = offset, .item = item });
//     ...
//     dataset_close(d); // removes the file
//
// User and item k have the ids "k" in decimal, unless ids are given.
#ifndef TESTS_MAKE_DATASET_H
#define TESTS_MAKE_DATASET_H
#include "base/memory.h"
#include "data/dataset.h"
#include "tests/check.h"

#include <string.h>
#include <unistd.h>

typedef struct made {
    uint32_t users, items;
    const uint64_t *offset;
    const uint32_t *item;
    const int64_t *time;
    const uint8_t *behaviour;
    const char *const *behaviours; // names, ending in NULL
    const float *value;
    const char *value_name;
    const uint32_t *session;
    const char *const *user_ids, *const *item_ids; // in canonical order; NULL: "0", "1", ...
    const column *columns;
    size_t columns_count;
} made;

static habit_status made_put_strings(dataset_writer *w, const char *name, const char *const *given,
                                     uint32_t count, habit_error *err)
{
    uint64_t *start = NEW(uint64_t, (size_t)count + 1);
    char *bytes = NEW(char, (size_t)count * 64 + 1);
    habit_status st = start && bytes ? HABIT_OK : fail_memory(err, "names", count);
    if (st == HABIT_OK) {
        start[0] = 0;
        for (uint32_t k = 0; k < count; k++) {
            char number[16];
            snprintf(number, sizeof number, "%u", k);
            const char *s = given ? given[k] : number;
            memcpy(bytes + start[k], s, strlen(s));
            start[k + 1] = start[k] + strlen(s);
        }
        st = dataset_put_names(w, name, &(names){ count, start, bytes }, err);
    }
    mem_free(start);
    mem_free(bytes);
    return st;
}

static habit_status made_put(dataset_writer *w, const made *m, habit_error *err)
{
    const uint64_t events = m->offset[m->users];
    uint32_t behaviours = 0;
    while (m->behaviours && m->behaviours[behaviours]) behaviours++;
    TRY(dataset_put_all(w, "offset", SECTION_U64, m->offset, (uint64_t)m->users + 1, err));
    TRY(dataset_put_all(w, "item", SECTION_U32, m->item, events, err));
    if (m->time) TRY(dataset_put_all(w, "time", SECTION_I64, m->time, events, err));
    if (m->value) {
        const char *name = m->value_name ? m->value_name : "rating";
        TRY(dataset_put_all(w, "value", SECTION_F32, m->value, events, err));
        TRY(dataset_put_all(w, "value.name", SECTION_U8, name, strlen(name), err));
    }
    if (m->session) TRY(dataset_put_all(w, "session", SECTION_U32, m->session, events, err));
    if (m->behaviour) {
        TRY(dataset_put_all(w, "behaviour", SECTION_U8, m->behaviour, events, err));
        TRY(made_put_strings(w, "behaviour.name", m->behaviours, behaviours, err));
    }
    TRY(made_put_strings(w, "user.id", m->user_ids, m->users, err));
    TRY(made_put_strings(w, "item.id", m->item_ids, m->items, err));
    for (size_t i = 0; i < m->columns_count; i++)
        TRY(dataset_put_column(w, &m->columns[i], NULL, 0, err));
    return dataset_put_all(w, "provenance", SECTION_U8, "{}", 2, err);
}

static habit_status made_write(const char *path, const made *m, habit_error *err)
{
    dataset_writer *w;
    TRY(dataset_create(&w, path, err));
    const habit_status st = made_put(w, m, err);
    if (st != HABIT_OK) {
        dataset_abandon(w);
        return st;
    }
    return dataset_commit(w, m->users, m->items, m->offset[m->users], err);
}

static inline dataset *make_dataset(const made *m)
{
    static int serial;
    char path[64];
    dataset *d = NULL;
    snprintf(path, sizeof path, "made-%ld-%d.habit", (long)getpid(), serial++);
    CHECK_OK(made_write(path, m, err));
    CHECK_OK(dataset_open(&d, path, err));
    if (!d) abort();
    d->unlink_on_close = true;
    return d;
}

#endif
