// fuzz_table.c - item and user tables; the first byte chooses which.
#include "data/table.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool condition)
{
    if (!condition) abort();
}

static void use(const side_table *t)
{
    size_t bytes = 0;
    for (size_t i = 0; i < t->columns_count; i++) {
        const side_column *c = &t->columns[i];
        must(c->name != NULL);
        must((c->number != NULL) == (c->kind == COLUMN_NUMBER));
        must((c->vector != NULL) == (c->kind == COLUMN_VECTOR));
        for (uint32_t r = 0; r < t->id.count && c->text; r++)
            bytes += c->text[r] ? strlen(c->text[r]) : 0;
    }
    must(bytes < (size_t)1 << 40);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!len) return 0;
    side_table t = { 0 };
    source *s = NULL;
    const import_options options = { .skip_bad_rows = bytes[0] >> 6 };
    if (source_memory(&s, "input", bytes + 1, len - 1, NULL) == HABIT_OK &&
        side_table_from(&t, s, bytes[0] & 1, &options, NULL, NULL) == HABIT_OK) {
        use(&t);
        side_table_free(&t);
    }
    must(mem_live() == 0);
    return 0;
}
