// fuzz_reader_jsonl.c - JSON lines.
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_reading(bytes, len, &(import_options){ .format = "jsonl", .skip_bad_rows = 2 });
    return 0;
}
