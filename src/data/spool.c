// spool.c - packed records in the order they came.
#include "data/spool.h"
#include "base/memory.h"

#include <assert.h>

void spool_init(spool *s, size_t width, size_t block_bytes, size_t blocks_max, const char *dir)
{
    *s = (spool){ .dir = dir, .width = width, .blocks_max = blocks_max ? blocks_max : 1 };
    s->block_rows = block_bytes / width ? block_bytes / width : 1;
}

static habit_status block_new(spool *s, habit_error *err)
{
    void *list = s->block;
    TRY(mem_grow(&list, &s->blocks_cap, s->blocks + 1, sizeof *s->block, "records", err));
    s->block = list;
    unsigned char *block = mem_alloc(s->block_rows, s->width);
    if (!block) return fail_memory(err, "records", s->block_rows * s->width);
    s->block[s->blocks++] = block;
    s->used = 0;
    return HABIT_OK;
}

// Writes out all blocks and keeps the first for what comes.
static habit_status spill(spool *s, habit_error *err)
{
    if (!s->file.open) TRY(scratch_open(&s->file, s->dir, err));
    for (size_t b = 0; b < s->blocks; b++) {
        const size_t rows = b + 1 < s->blocks ? s->block_rows : s->used;
        TRY(scratch_append(&s->file, s->block[b], rows * s->width, err));
    }
    while (s->blocks > 1) mem_free(s->block[--s->blocks]);
    s->used = 0;
    return HABIT_OK;
}

habit_status spool_room(spool *s, unsigned char **at, size_t *rows, habit_error *err)
{
    if (s->blocks == 0) {
        TRY(block_new(s, err));
    } else if (s->used == s->block_rows) {
        if (s->file.open || s->blocks >= s->blocks_max)
            TRY(spill(s, err));
        else
            TRY(block_new(s, err));
    }
    *at = s->block[s->blocks - 1] + s->used * s->width;
    *rows = s->block_rows - s->used;
    return HABIT_OK;
}

void spool_add(spool *s, size_t rows)
{
    assert(s->used + rows <= s->block_rows);
    s->used += rows;
    s->rows += rows;
}

// From the scratch file, through the one block left.
static habit_status take_from_file(spool *s, unsigned char **block, size_t *rows, habit_error *err)
{
    const uint64_t left = s->rows - s->taken;
    const size_t n = left < s->block_rows ? (size_t)left : s->block_rows;
    TRY(scratch_read(&s->file, s->taken * s->width, s->block[0], n * s->width, err));
    *block = s->block[0];
    *rows = n;
    s->taken += n;
    return HABIT_OK;
}

habit_status spool_take(spool *s, unsigned char **block, size_t *rows, habit_error *err)
{
    if (s->file.open) {
        if (s->taken == 0) TRY(spill(s, err)); // the last, part-filled block
        return take_from_file(s, block, rows, err);
    }
    const size_t b = s->blocks_taken;
    if (b > 0 && b <= s->blocks) { // memory goes back while the records move on
        mem_free(s->block[b - 1]);
        s->block[b - 1] = NULL;
    }
    *rows = 0;
    if (b >= s->blocks) return HABIT_OK;
    *block = s->block[b];
    *rows = b + 1 < s->blocks ? s->block_rows : s->used;
    s->blocks_taken++;
    return HABIT_OK;
}

void spool_free(spool *s)
{
    for (size_t b = 0; b < s->blocks; b++) mem_free(s->block[b]);
    mem_free(s->block);
    scratch_close(&s->file);
    *s = (spool){ 0 };
}
