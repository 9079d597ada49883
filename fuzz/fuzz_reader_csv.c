// fuzz_reader_csv.c - quotes, line breaks in them, and columns of every kind under one header.
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char header[] = "user,item,time,rating,event,lat,note\n1,2,3,4,v,5.5,x\n";
    char *text = malloc(sizeof header + len);
    if (!text) return 0;
    memcpy(text, header, sizeof header - 1);
    if (len) memcpy(text + sizeof header - 1, bytes, len);
    const import_options options = { .format = "csv", .skip_bad_rows = 3 };
    fuzz_reading((const uint8_t *)text, sizeof header - 1 + len, &options);
    free(text);
    return 0;
}
