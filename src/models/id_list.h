// id_list.h - the ids of a model: its users or its items, in the model's numbering.
//
// On disk (users.jsonl, items.jsonl) one JSON string per line, line k the id of number k.  Ids may
// hold any byte but NUL.  Bytes that are not UTF-8 are written as the escapes \udc80 .. \udcff, one
// per byte, as Python's "surrogateescape" does (PEP 383): every JSON reader accepts the file, valid
// text looks like itself, and every id comes back byte for byte.
//
//     "Amélie"            41 6d c3 a9 6c 69 65          UTF-8 as it is
//     "caf\udce9"         63 61 66 e9                   Latin-1: e9 alone is not UTF-8
//
// Ids stand in canonical order (ids_compare), as in a dataset, so that they are found by bisection
// and two vocabularies are matched in one pass.
#ifndef MODELS_ID_LIST_H
#define MODELS_ID_LIST_H
#include "base/buffer.h"
#include "data/dataset.h"

typedef struct id_list {
    uint32_t count;
    uint64_t *start; // [count+1]; id k is bytes[start[k] .. start[k+1]-1), then a NUL
    char *bytes;
} id_list;

static inline const char *id_list_at(const id_list *l, uint32_t k)
{
    return l->bytes + l->start[k];
}
static inline size_t id_list_len(const id_list *l, uint32_t k)
{
    return (size_t)(l->start[k + 1] - l->start[k] - 1);
}

habit_status id_list_load(id_list *out, const char *path, habit_error *err);
// The same file format for any texts, in any order and with repeats: titles.
habit_status text_list_load(id_list *out, const char *path, habit_error *err);
void id_list_free(id_list *l);
uint32_t id_list_find(const id_list *l, const char *id, size_t len); // UINT32_MAX if absent

habit_status id_list_write(const char *path, const names *ids, habit_error *err);
// Line k is text tag[k] (TAG_NONE: empty), or text k where tag is NULL.
habit_status text_list_write(const char *path, const names *texts, const uint32_t *tag,
                             uint64_t count, habit_error *err);

// map[k] of dataset id k: its number in `l`, or UINT32_MAX.  Owned by the caller (mem_free).
habit_status id_list_match(uint32_t **map, const names *ids, const id_list *l, habit_error *err);

#endif
