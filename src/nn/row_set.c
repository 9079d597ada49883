// row_set.c - rows of a large table, numbered as they are met.
#include "nn/row_set.h"

#include <string.h>

bool row_set_make(row_set *s, tape *t, size_t most, size_t rows)
{
    int bits = 4;
    if (most > rows) most = rows;
    while ((size_t)1 << bits < 2 * most) bits++;
    *s = (row_set){ .shift = 64 - bits, .plain = (size_t)1 << bits >= rows / 2 };
    const size_t room = s->plain ? rows : (size_t)1 << bits;
    s->mask = room - 1;
    s->slot = tape_memory(t, room, sizeof *s->slot);
    s->row = tape_memory(t, most + 1, sizeof *s->row);
    if (!s->slot || !s->row) return false;
    memset(s->slot, 0, room * sizeof *s->slot);
    return true;
}

uint32_t row_set_put(row_set *s, int32_t row)
{
    size_t at = (size_t)row;
    if (!s->plain) {
        at = (size_t)((uint64_t)row * 0x9E3779B97F4A7C15u >> s->shift);
        while (s->slot[at] && s->row[s->slot[at] - 1] != row) at = (at + 1) & s->mask;
    }
    if (s->slot[at]) return s->slot[at] - 1;
    s->row[s->count] = row;
    s->slot[at] = (uint32_t)++s->count;
    return s->slot[at] - 1;
}
