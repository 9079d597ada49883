// fuzz_dataset.c - any bytes at all are either refused or safe to read to the end.
//
// Checksums keep a fuzzer away from everything behind them, so each input is tried twice: as it
// is, and with its checksums made right.
#include "base/memory.h"
#include "data/dataset_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool condition)
{
    if (!condition) abort();
}

// --- what readers rely on ------------------------------------------------------------------------

static void use_names(const names *n, bool in_order)
{
    for (uint32_t k = 0; k < n->count; k++) {
        size_t len;
        const char *s = names_at(n, k, &len);
        if (in_order) must(names_find(n, s, len) == k);
    }
}

static void use_column(const column *c)
{
    double sum = 0;
    if (c->kind == COLUMN_NUMBER)
        for (uint64_t r = 0; r < c->rows; r++) sum += c->number[r];
    if (c->kind == COLUMN_VECTOR)
        for (uint64_t k = 0; k < c->rows * c->width; k++) sum += c->vector[k];
    if (c->kind == COLUMN_TAG)
        for (uint64_t r = 0; r < c->rows; r++)
            must(c->tag[r] == TAG_NONE || c->tag[r] < c->names.count);
    if (c->kind == COLUMN_TAGS)
        for (uint64_t r = 0; r < c->rows; r++)
            for (uint64_t k = c->list[r]; k < c->list[r + 1]; k++) must(c->tag[k] < c->names.count);
    if (c->kind == COLUMN_TEXT) must(c->names.count == c->rows);
    use_names(&c->names, c->kind != COLUMN_TEXT);
    must(sum == sum || isnan(sum));
}

static void use_event(const dataset *d, uint64_t e, bool first)
{
    must(d->item[e] < d->items);
    if (d->time) must(first || d->time[e] - d->time[e - 1] >= 0);
    if (d->value) must(!isinf(d->value[e]));
    if (d->behaviour) must(d->behaviour[e] < d->behaviours.count);
    if (d->session) must(first ? d->session[e] == 0 : d->session[e] - d->session[e - 1] <= 1);
}

static void use(const dataset *d)
{
    uint64_t seen = 0;
    for (uint32_t u = 0; u < d->users; u++)
        for (uint64_t e = d->offset[u]; e < d->offset[u + 1]; e++, seen++)
            use_event(d, e, e == d->offset[u]);
    must(seen == d->events);
    must(d->user_ids.count == d->users && d->item_ids.count == d->items);
    use_names(&d->user_ids, true);
    use_names(&d->item_ids, true);
    use_names(&d->behaviours, false);
    for (size_t i = 0; i < d->columns_count; i++) use_column(&d->columns[i]);
    must(strlen(d->value_name) + strlen(d->provenance) < (size_t)1 << 40);
}

// --- repairing -----------------------------------------------------------------------------------

// Makes every checksum right, as far as the table lies within the bytes.
static void repair(unsigned char *bytes, size_t len)
{
    if (len < DATASET_HEADER) return;
    const uint32_t count = load32(bytes + 12);
    const uint64_t table_len = (uint64_t)count * DATASET_ENTRY;
    if (table_len > len - DATASET_HEADER) return;
    const uint64_t table_at = len - table_len;
    sections all = { .of_file = ZNEW(section_entry, (size_t)count + 1),
                     .by_name = ZNEW(section_entry *, (size_t)count + 1),
                     .count = count };
    bool plausible = all.of_file && all.by_name;
    for (uint32_t i = 0; plausible && i < count; i++) {
        unsigned char *p = bytes + table_at + (size_t)i * DATASET_ENTRY;
        const uint32_t type = load32(p + 96) % (SECTION_F64 + 1);
        const uint64_t at = load64(p + 104), n = load64(p + 112);
        p[DATASET_NAME - 1] = 0;
        plausible = at <= len && n <= (len - at) / section_size((section_type)type);
        if (!plausible) break;
        store64(p + 120, XXH3_64bits(bytes + at, (size_t)n * section_size((section_type)type)));
        all.of_file[i] = (section_entry){ .name = (const char *)p,
                                          .type = (section_type)type,
                                          .count = n,
                                          .checksum = load64(p + 120) };
    }
    if (plausible) {
        sections_sort(&all);
        memcpy(bytes, DATASET_MAGIC, 8);
        store32(bytes + 8, DATASET_VERSION);
        store64(bytes + 32, sections_fingerprint(&all, load64(bytes + 16), load32(bytes + 24),
                                                 load32(bytes + 28)));
        store64(bytes + 40, len);
        store64(bytes + 48, table_at);
        store64(bytes + 56, header_checksum(bytes, bytes + table_at, (size_t)table_len));
    }
    mem_free(all.of_file);
    mem_free(all.by_name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    void *copy = NULL; // of the exact size, so that AddressSanitizer guards its end
    if (posix_memalign(&copy, DATASET_ALIGN, len ? len : 1) != 0) return 0;
    if (len) memcpy(copy, bytes, len);
    for (int round = 0; round < 2; round++) {
        dataset *d = NULL;
        if (dataset_open_bytes(&d, copy, len, "input", NULL) == HABIT_OK) {
            use(d);
            dataset_close(d);
        }
        repair(copy, len);
    }
    free(copy);
    must(mem_live() == 0);
    return 0;
}
