// reader_cut.c - a block into pieces, at line breaks outside quotes.
#include "base/memory.h"
#include "data/reader_impl.h"

#include <string.h>

typedef struct cutter {
    reader *r;
    const char *piece;  // where the present piece begins
    const char *target; // where it may end at the earliest
    const char *last;   // the end of the last whole row
    habit_error *err;
} cutter;

static habit_status add_piece(cutter *k, const char *end)
{
    reader *r = k->r;
    if (r->pieces_n == r->pieces_cap) {
        void *pieces = r->pieces;
        const size_t old = r->pieces_cap;
        TRY(mem_grow(&pieces, &r->pieces_cap, old + 1, sizeof *r->pieces, "pieces", k->err));
        r->pieces = pieces;
        memset(r->pieces + old, 0, (r->pieces_cap - old) * sizeof *r->pieces);
    }
    piece *p = &r->pieces[r->pieces_n++];
    flaw *flaws = p->flaws; // its memory is used again
    const size_t cap = p->flaws_cap;
    *p = (piece){ .begin = k->piece, .end = end, .flaws = flaws, .flaws_cap = cap };
    k->piece = end;
    k->target = end + r->piece_size;
    return HABIT_OK;
}

// Cuts in [from, to), which is outside quotes.
static habit_status cut_within(cutter *k, const char *from, const char *to)
{
    while (k->target < to) {
        const char *at = k->target > from ? k->target : from;
        const char *nl = memchr(at, '\n', (size_t)(to - at));
        if (!nl) break;
        TRY(add_piece(k, nl + 1));
    }
    for (const char *p = to; p > from; p--)
        if (p[-1] == '\n') {
            k->last = p;
            break;
        }
    return HABIT_OK;
}

// A quote opens only where a field begins; see data/fields.h.
static habit_status cut_outside_quotes(cutter *k, const char *begin, const char *end)
{
    const char separator = k->r->layout.dialect.separator;
    const char *from = begin, *p = begin; // [from, p) is outside
    for (const char *quote; (quote = memchr(p, '"', (size_t)(end - p)));) {
        p = quote + 1;
        const char before = quote > begin ? quote[-1] : '\n';
        if (before != separator && before != '\n') continue;
        TRY(cut_within(k, from, quote));
        bool doubled;
        const char *close = quote_close(quote, end, &doubled);
        if (!close) return HABIT_OK; // a later block will tell
        from = p = close + 1;
    }
    return cut_within(k, from, end);
}

habit_status reader_cut(reader *r, size_t *used, habit_error *err)
{
    const char *begin = r->block, *end = r->block + r->block_len;
    cutter k = { r, begin, begin + r->piece_size, begin, err };
    r->pieces_n = 0;
    const bool quoted = r->layout.shape == SHAPE_ROWS && r->layout.dialect.quotes == QUOTES_CSV &&
                        r->block_len && memchr(begin, '"', r->block_len);
    TRY(quoted ? cut_outside_quotes(&k, begin, end) : cut_within(&k, begin, end));
    if (r->ended) k.last = end;
    if (k.last > k.piece) TRY(add_piece(&k, k.last));
    *used = (size_t)(k.last - begin);
    return HABIT_OK;
}
