// fuzz_body.c - events, items and users as they are posted; the first byte says which.
#include "serve/body.h"
#include "base/clock.h"

#include <stdint.h>
#include <stdlib.h>

// What was taken has ids, and fields that are JSON again.
static void check(const body *b)
{
    for (size_t i = 0; i < b->ops; i++) {
        const db_op *op = &b->op[i];
        const db_text id = op->kind == DB_PUT_EVENT  ? op->event.user
                           : op->kind == DB_PUT_ITEM ? op->item.id
                                                     : op->user.id;
        const db_text fields = op->kind == DB_PUT_EVENT  ? op->event.fields
                               : op->kind == DB_PUT_ITEM ? op->item.fields
                                                         : op->user.fields;
        json_t *o = fields.at ? json_loadb(fields.at, fields.len, 0, NULL) : NULL;
        if (!id.at || !id.len || (fields.at && !json_is_object(o))) abort();
        json_decref(o);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static body_fn *const kinds[] = { body_event, body_item, body_user };
    body b = { .now = INT64_C(1700000000000000) };
    if (len == 0) return 0;
    const habit_status st =
        body_read(&b, (const char *)bytes + 1, len - 1, kinds[bytes[0] % COUNT_OF(kinds)], NULL);
    if (st == HABIT_OK) check(&b);
    body_free(&b);
    return 0;
}
