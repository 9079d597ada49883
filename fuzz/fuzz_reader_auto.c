// fuzz_reader_auto.c - bytes that may be anything: sniffing, compression, every format.
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_reading(bytes, len, &(import_options){ .skip_bad_rows = 2 });
    return 0;
}
