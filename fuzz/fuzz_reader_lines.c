// fuzz_reader_lines.c - formats without a header; the first byte chooses one.
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const formats[] = { "pairs",    "triples", "movielens", "sequences",
                                           "sessions", "atomic",  "tsv" };
    if (!len) return 0;
    import_options options = { .format = formats[bytes[0] % COUNT_OF(formats)] };
    options.skip_bad_rows = bytes[0] >> 6;
    if (bytes[0] & 32) options.columns = "user=2,item=1";
    fuzz_reading(bytes + 1, len - 1, &options);
    return 0;
}
