// reader_sequences.c - a line is a user and its items, or a session's items.
#include "data/reader_impl.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool parts(const reader *r, char c)
{
    return c == ' ' || c == '\t' || (c == ',' && r->layout.separator == ',');
}

// The next word of [*at, end), or NULL.
static bool next_word(const reader *r, const char **at, const char *end, slice *out)
{
    const char *p = *at;
    while (p < end && parts(r, *p)) p++;
    const char *from = p;
    while (p < end && !parts(r, *p)) p++;
    *out = (slice){ from, (uint32_t)(p - from) };
    *at = p;
    return p > from;
}

// Sessions have no users: the number of the line stands for one.
static slice line_user(piece *p, size_t line)
{
    char number[LINE_NUMBER + 1];
    const int len = snprintf(number, sizeof number, "%llu", (unsigned long long)(p->line + line));
    char *at = p->made + line * LINE_NUMBER;
    memcpy(at, number, (size_t)len);
    return (slice){ at, (uint32_t)len };
}

void piece_parse_sequences(const reader *r, piece *p)
{
    const batch *b = &r->batch;
    const char *next;
    size_t line = 0;
    for (const char *row = p->begin; row < p->end; row = next, line++) {
        const char *end = memchr(row, '\n', (size_t)(p->end - row));
        next = end ? end + 1 : p->end;
        if (!end) end = p->end;
        if (end > row && end[-1] == '\r') end--;
        const char *at = row;
        slice user, item;
        if (r->layout.users) {
            if (!next_word(r, &at, end, &user)) continue;
        } else {
            if (r->layout.target && end > row && !memchr(row, '\t', (size_t)(end - row))) {
                if (!piece_flaw(p, row, end, end, "no tab and target at the end of the session"))
                    return;
                continue;
            }
            user = line_user(p, line);
        }
        const uint64_t hash = ids_hash(user.s, user.len);
        while (next_word(r, &at, end, &item)) {
            assert(p->n < p->room);
            const size_t k = p->at + p->n++;
            b->user[k] = user;
            b->user_hash[k] = hash;
            b->item[k] = item;
            b->item_hash[k] = ids_hash(item.s, item.len);
        }
    }
}
