// blocks.c - the pairs of a log dealt into blocks that may be learned from at the same time.
#include "models/blocks.h"
#include "base/memory.h"
#include "base/rng.h"

#include <string.h>

// A group has enough items to draw negatives from.
enum { GROUP_ITEMS = 32, DEAL_PIECES = 64 };

habit_status blocks_new(blocks *out, const csr *met, uint64_t seed, habit_error *err)
{
    blocks b = { .met = met, .seed = seed, .groups = met->columns / GROUP_ITEMS };
    if (b.groups > GROUPS_MAX) b.groups = GROUPS_MAX;
    if (b.groups < 1) b.groups = 1;
    b.pairs = NEW(pair, (size_t)met->count);
    b.item = NEW(uint32_t, met->columns);
    b.user_group = NEW(uint8_t, (size_t)met->rows);
    b.item_group = NEW(uint8_t, met->columns);
    b.place = mem_alloc(DEAL_PIECES, sizeof *b.place);
    if (!b.pairs || !b.item || !b.user_group || !b.item_group || !b.place) {
        blocks_free(&b);
        return fail_memory(err, "pairs", (size_t)met->count * sizeof *b.pairs);
    }
    *out = b;
    return HABIT_OK;
}

void blocks_free(blocks *b)
{
    mem_free(b->pairs);
    mem_free(b->item);
    mem_free(b->user_group);
    mem_free(b->item_group);
    mem_free(b->place);
    *b = (blocks){ 0 };
}

static size_t piece_end(const blocks *b, size_t piece)
{
    return pool_cut(b->met->rows, DEAL_PIECES, piece);
}

static void count_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    blocks *b = ctx;
    const csr *met = b->met;
    uint64_t *count = b->place[piece];
    memset(count, 0, sizeof b->place[piece]);
    for (size_t u = piece_end(b, piece); u < piece_end(b, piece + 1); u++) {
        rng draw = rng_at(b->seed, 2 * b->deal, u);
        b->user_group[u] = (uint8_t)rng_below(&draw, b->groups);
        for (uint64_t e = met->start[u]; e < met->start[u + 1]; e++)
            count[b->user_group[u] * b->groups + b->item_group[met->index[e]]]++;
    }
}

static void place_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    blocks *b = ctx;
    const csr *met = b->met;
    for (size_t u = piece_end(b, piece); u < piece_end(b, piece + 1); u++)
        for (uint64_t e = met->start[u]; e < met->start[u + 1]; e++) {
            const uint32_t i = met->index[e];
            uint64_t *to = &b->place[piece][b->user_group[u] * b->groups + b->item_group[i]];
            b->pairs[(*to)++] = (pair){ (uint32_t)u, i };
        }
}

static void deal_items(blocks *b)
{
    size_t next[GROUPS_MAX + 1] = { 0 };
    for (size_t i = 0; i < b->met->columns; i++) {
        rng draw = rng_at(b->seed, 2 * b->deal + 1, i);
        b->item_group[i] = (uint8_t)rng_below(&draw, b->groups);
        next[b->item_group[i] + 1]++;
    }
    for (size_t g = 0; g < b->groups; g++) next[g + 1] += next[g];
    memcpy(b->item_start, next, sizeof next);
    for (size_t i = 0; i < b->met->columns; i++) b->item[next[b->item_group[i]]++] = (uint32_t)i;
}

void blocks_deal(blocks *b, uint64_t k, pool *p)
{
    const size_t count = b->groups * b->groups;
    b->deal = k;
    deal_items(b);
    pool_run(p, DEAL_PIECES, count_piece, b);
    uint64_t sum = 0;
    for (size_t block = 0; block < count; block++) {
        b->start[block] = sum;
        for (size_t piece = 0; piece < DEAL_PIECES; piece++) {
            const uint64_t n = b->place[piece][block];
            b->place[piece][block] = sum;
            sum += n;
        }
    }
    b->start[count] = sum;
    pool_run(p, DEAL_PIECES, place_piece, b);
}
