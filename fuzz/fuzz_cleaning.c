// fuzz_cleaning.c - the little languages of the cleaning options: --where, --times, --behaviours,
// --missing and --outliers.  Any text is either refused with words or drops some events.
#include "base/memory.h"
#include "data/clean_parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint64_t offset[] = { 0, 3, 5 };
static const uint32_t item[] = { 0, 1, 1, 2, 0 };
static const int64_t when[] = { 0, 1000000, 2000000, -5, INT64_C(1600000000000000) };
static const uint8_t behaviour[] = { 0, 1, 0, 1, 1 };
static const float value[] = { 1, 2, NAN, 4.5f, -3 };
static const double number[] = { 0.5, NAN, 7, -1, 2 };
static const uint32_t tag[] = { 0, 1, TAG_NONE, 1, 0 };
static const uint64_t starts[] = { 0, 3, 6 };
static const column columns[] = {
    { .name = "lat", .of = OF_EVENTS, .kind = COLUMN_NUMBER, .rows = 5, .number = number },
    { .name = "platform",
      .of = OF_EVENTS,
      .kind = COLUMN_TAG,
      .rows = 5,
      .tag = tag,
      .names = { 2, starts, "appweb" } },
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static clean_step_fn *const steps[] = { clean_where, clean_times, clean_behaviours,
                                            clean_missing, clean_outliers };
    if (len < 2) return 0;
    char *text = mem_strndup((const char *)bytes + 1, len - 1);
    if (!text) return 0;
    const dataset d = { .users = 2,
                        .items = 3,
                        .events = 5,
                        .offset = offset,
                        .item = item,
                        .time = when,
                        .behaviour = behaviour,
                        .value = value,
                        .value_name = "rating",
                        .behaviours = { 2, starts, "buysee" },
                        .columns = columns,
                        .columns_count = COUNT_OF(columns) };
    const import_options o = {
        .where = text, .times = text, .behaviours = text, .missing = text, .outliers = text
    };
    uint64_t keep = ~UINT64_C(0);
    cleaning c = { .d = &d, .o = &o, .keep = &keep, .left = 5, .step = "fuzz", .fill = NAN };
    habit_error error = { 0 };
    const habit_status st = steps[bytes[0] % COUNT_OF(steps)](&c, &error);
    if (st != HABIT_OK && !*error.message) abort();
    if (c.left + c.dropped != 5) abort();
    mem_free(text);
    if (mem_live() != 0) abort();
    return 0;
}
