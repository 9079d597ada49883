// fuzz_gorse.c - bodies of the Gorse API; the first byte chooses whose.
#include "serve/gorse_body.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { NOW = 1700000000 };

static void must(bool condition)
{
    if (!condition) abort();
}

static void write_row(buffer *to, const db_op *op)
{
    switch (op->kind) {
    case DB_PUT_USER:
    case DB_PATCH_USER:
        gorse_write_user(to, &op->user);
        break;
    case DB_PUT_ITEM:
    case DB_PATCH_ITEM:
        gorse_write_item(to, &op->item);
        break;
    default:
        gorse_write_feedback(to, &op->event);
    }
}

// What a row is written as is JSON, and reads back as the same row.
static void use(gorse_noun noun, const db_op *op)
{
    gorse_body again = { 0 };
    buffer first = { 0 }, second = { 0 };
    write_row(&first, op);
    must(!first.failed);
    must(gorse_body_read(&again, noun, first.data, first.len, NOW, NULL) == HABIT_OK);
    must(again.ops == 1);
    write_row(&second, again.op);
    must(second.len == first.len && memcmp(first.data, second.data, first.len) == 0);
    buffer_free(&first);
    buffer_free(&second);
    gorse_body_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gorse_body b = { 0 };
    habit_error err = { 0 };
    habit_status st;
    if (!len) return 0;
    const char *text = (const char *)bytes + 1;
    if (bytes[0] & 4)
        st = gorse_patch_read(&b, bytes[0] & 1, (db_text){ "id", 2 }, NULL, text, len - 1, &err);
    else
        st = gorse_body_read(&b, bytes[0] & 3, text, len - 1, NOW, &err);
    must(st == HABIT_OK || st == HABIT_EFORMAT);
    must(st == HABIT_OK || *err.message);
    for (size_t i = 0; st == HABIT_OK && i < b.ops; i++)
        if (!(bytes[0] & 4) && (bytes[0] & 3) != GORSE_SESSION) use(bytes[0] & 3, &b.op[i]);
    gorse_body_free(&b);
    must(mem_live() == 0);
    return 0;
}
