// sniff_magic.c - binary files, told apart by their first bytes and refused with the way out.
#include "data/sniff.h"

#include <string.h>

#define MAGIC(bytes) bytes, sizeof bytes - 1

// clang-format off
static const struct {
    const char *magic;
    size_t len;
    const char *what, *mend;
} magics[] = {
    { MAGIC("PAR1"), "Parquet",
      "convert it first, e.g. duckdb -c \"COPY 'log.parquet' TO 'log.csv'\" or python3 -c "
      "\"import polars; polars.read_parquet('log.parquet').write_csv('log.csv')\"" },
    { MAGIC("ARROW1"), "Arrow",
      "convert it first, e.g. python3 -c \"import polars; "
      "polars.read_ipc('log.arrow').write_csv('log.csv')\"" },
    { MAGIC("SQLite format 3"), "an SQLite database inside another stream",
      "name the database file itself" },
    { MAGIC("BZh"), "bzip2", "unpack it first, or pipe it: bzcat FILE | habit import - ..." },
    { MAGIC("\xFD" "7zXZ"), "xz", "unpack it first, or pipe it: xzcat FILE | habit import - ..." },
    { MAGIC("PK\x03\x04"), "a zip archive", "unpack it first, or pipe it: unzip -p FILE | habit import - ..." },
    { MAGIC("\x1f\x8b"), "gzip inside gzip", "unpack it once" },
    { MAGIC("ORC"), "ORC", "convert it to csv first" },
    { MAGIC("Obj\x01"), "Avro", "convert it to jsonl first" },
    { MAGIC("\x89HDF"), "HDF5", "convert it to csv first" },
    { MAGIC("\x93NUMPY"), "a NumPy array", "convert it to csv first" },
    { MAGIC("\x80\x04"), "a Python pickle", "convert it to csv first" },
    { MAGIC("\xFF\xFE"), "UTF-16 text", "convert it first: iconv -f utf-16 -t utf-8" },
    { MAGIC("\xFE\xFF"), "UTF-16 text", "convert it first: iconv -f utf-16 -t utf-8" },
};
// clang-format on

habit_status sniff_magic(const sample *s, habit_error *err)
{
    for (size_t i = 0; i < COUNT_OF(magics); i++)
        if (s->len >= magics[i].len && memcmp(s->bytes, magics[i].magic, magics[i].len) == 0)
            return fail(err, HABIT_EFORMAT, "%s: is %s: %s", s->name, magics[i].what,
                        magics[i].mend);
    const char *nul = memchr(s->bytes, '\0', s->len < 4096 ? s->len : 4096);
    if (nul)
        return fail(err, HABIT_EFORMAT,
                    "%s: byte %zu is 0: a binary file of no kind known here; sources are text, "
                    "gzip, zstd, SQLite, postgres://",
                    s->name, (size_t)(nul - s->bytes) + 1);
    return HABIT_OK;
}
