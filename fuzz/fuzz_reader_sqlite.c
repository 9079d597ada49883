// fuzz_reader_sqlite.c - database files, broken or hostile: what SQLite makes of them must fit.
#include "fuzz/reading.h"
#include "data/database.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/habit-fuzz-sqlite-%ld", (long)getpid());
    FILE *f = fopen(path, "wb");
    if (!f) return 0;
    const bool written = fwrite(bytes, 1, len, f) == len;
    if (fclose(f) == 0 && written) {
        const import_options options = { .skip_bad_rows = 5 };
        source *s = NULL;
        reading r;
        if (sqlite_source(&s, path, &options, NULL, NULL) == HABIT_OK) {
            reading_source(&r, s, 0, 0, &options, NULL);
            reading_free(&r);
        }
        must(mem_live() == 0);
    }
    unlink(path);
    return 0;
}
