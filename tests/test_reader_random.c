// test_reader_random.c - what holds for any log: round trips, compression, long rows, no memory.
#include "tests/check.h"
#include "tests/reading.h"
#include "base/rng.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

// --- csv round trip ----------------------------------------------------------------------------------

static size_t random_word(rng *r, char *out, size_t least)
{
    static const char letters[] = "abc  \"\"\",,;\t|\n\n\r::'{[\xC3\xA9";
    const size_t len = least + rng_below(r, 12);
    for (size_t i = 0; i < len; i++) out[i] = letters[rng_below(r, sizeof letters - 1)];
    return len;
}

// As RFC 4180 wants it; quotes also where they are not needed, now and then.
static void add_field(buffer *b, const char *s, size_t len, bool quote)
{
    for (size_t i = 0; i < len; i++) quote |= strchr(",\"\n\r", s[i]) != NULL;
    if (!quote) {
        buffer_add(b, s, len);
        return;
    }
    buffer_text(b, "\"");
    for (size_t i = 0; i < len; i++) buffer_format(b, s[i] == '"' ? "\"\"" : "%c", s[i]);
    buffer_text(b, "\"");
}

// Random rows as CSV, and what the reader should make of them.
static void write_random(rng *r, size_t n, buffer *text, buffer *want)
{
    const char *breaks = rng_below(r, 2) ? "\r\n" : "\n";
    buffer_format(text, "\"user\",item,note%s", breaks);
    for (size_t i = 0; i < n; i++) {
        char word[3][64];
        size_t len[3];
        for (int k = 0; k < 3; k++) {
            len[k] = random_word(r, word[k], k < 2);
            if (k) buffer_text(text, ",");
            add_field(text, word[k], len[k], rng_below(r, 8) == 0);
            buffer_text(want, k == 1 ? " " : k == 2 ? " note=" : "");
            buffer_add(want, word[k], len[k]);
        }
        buffer_text(want, "\n");
        if (i + 1 < n || rng_below(r, 2)) buffer_text(text, breaks);
        if (rng_below(r, 16) == 0) buffer_text(text, breaks); // empty lines count for nothing
    }
}

static void test_round_trip(void)
{
    pool *threads[3] = { NULL };
    for (int t = 0; t < 3; t++) CHECK_OK(pool_new(&threads[t], t + 1, err));
    for (uint64_t seed = 0; seed < 120; seed++) {
        rng r = rng_at(seed, 0, 0);
        buffer text = { 0 }, want = { 0 };
        write_random(&r, 1 + rng_below(&r, 80), &text, &want);
        const size_t block = seed % 3 ? 1 + rng_below(&r, 200) : 0, part = 1 + rng_below(&r, 60);
        reading got;
        reading_text(&got, text.data, text.len, block, part, &(import_options){ .format = "csv" },
                     threads[seed % 3]);
        CHECK(got.status == HABIT_OK, "seed %d: %s", (int)seed, got.err.message);
        CHECK(got.rows.len == want.len && memcmp(got.rows.data, want.data, want.len) == 0,
              "seed %d, blocks of %zu, pieces of %zu: %zu bytes, want %zu", (int)seed, block, part,
              got.rows.len, want.len);
        reading_free(&got);
        buffer_free(&text);
        buffer_free(&want);
    }
    for (int t = 0; t < 3; t++) pool_free(threads[t]);
}

// --- line numbers --------------------------------------------------------------------------------------

// One bad row somewhere among many: its line is named, whatever the blocks.
static void test_line_numbers(void)
{
    pool *threads = NULL;
    CHECK_OK(pool_new(&threads, 3, err));
    for (uint64_t seed = 0; seed < 40; seed++) {
        rng r = rng_at(seed, 1, 0);
        buffer text = { 0 };
        const size_t bad = rng_below(&r, 300);
        size_t line = 2, bad_line = 0;
        buffer_text(&text, "user,item,time\n");
        for (size_t i = 0; i < 300; i++) {
            if (i == bad) bad_line = line;
            const bool broken = seed % 2 && rng_below(&r, 4) == 0; // a break inside quotes
            buffer_format(&text, broken ? "\"a\n\"\"%zu\",%zu,%s\n" : "a%zu,%zu,%s\n", i, i,
                          i == bad ? "soon" : "5");
            line += 1 + broken;
        }
        reading got;
        reading_text(&got, text.data, text.len, 1 + rng_below(&r, 900), 1 + rng_below(&r, 300),
                     &(import_options){ 0 }, threads);
        char where[32];
        snprintf(where, sizeof where, "log:%zu:", bad_line);
        CHECK(got.status == HABIT_EFORMAT && strncmp(got.err.message, where, strlen(where)) == 0,
              "seed %d: want %s, got %s", (int)seed, where, got.err.message);
        reading_free(&got);
        buffer_free(&text);
    }
    pool_free(threads);
}

// --- compression -----------------------------------------------------------------------------------------

static size_t gzip_member(char *to, size_t cap, const char *text)
{
    z_stream z = { .next_in = (unsigned char *)(uintptr_t)text,
                   .avail_in = (unsigned)strlen(text),
                   .next_out = (unsigned char *)to,
                   .avail_out = (unsigned)cap };
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflate");
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
    deflateEnd(&z);
    return cap - z.avail_out;
}

static size_t zstd_frame(char *to, size_t cap, const char *text)
{
    return ZSTD_compress(to, cap, text, strlen(text), 3);
}

static void test_compression(void)
{
    static const struct {
        const char *name;
        size_t (*pack)(char *, size_t, const char *);
    } packers[] = { { "gzip", gzip_member }, { "zstd", zstd_frame } };
    for (size_t k = 0; k < COUNT_OF(packers); k++) {
        char packed[512];
        size_t len = packers[k].pack(packed, sizeof packed, "user,item\n1,2\n");
        len += packers[k].pack(packed + len, sizeof packed - len, "3,4\n"); // as cat makes them
        reading got;
        reading_text(&got, packed, len, 5, 5, &(import_options){ 0 }, NULL);
        CHECK(got.status == HABIT_OK && got.rows.data && strcmp(got.rows.data, "1 2\n3 4\n") == 0,
              "%s: %s", packers[k].name, got.err.message);
        reading_free(&got);

        char want[100];
        snprintf(want, sizeof want, "log: the %s data end early: the file is incomplete",
                 packers[k].name);
        reading_text(&got, packed, len - 3, 0, 0, &(import_options){ 0 }, NULL);
        CHECK(got.status == HABIT_EFORMAT && strcmp(got.err.message, want) == 0, "%s: %s",
              packers[k].name, got.err.message);
        reading_free(&got);
    }
}

// --- limits ------------------------------------------------------------------------------------------------

static void test_long_rows(void)
{
    const size_t len = (size_t)2 * READER_LONGEST + 64;
    char *text = mem_alloc(len, 1);
    CHECK(text != NULL, "no memory");
    if (!text) return;

    memset(text, 'x', len); // a quote that is never closed
    for (size_t i = 0; i < len; i += 100) text[i] = '\n';
    memcpy(text, "user,item\n1,2\n3,\"", 17);
    reading got;
    reading_text(&got, text, len, 0, 0, &(import_options){ 0 }, NULL);
    CHECK(got.status == HABIT_ELIMIT &&
              strcmp(got.err.message,
                     "log:3: longer than 16 MB without an end: is a quote left open?") == 0,
          "%s", got.err.message);
    reading_free(&got);

    memset(text, '7', len); // a user with many items
    for (size_t i = 0; i < len; i += 8) text[i] = ' ';
    memcpy(text, "u 1 2 3\nv 5 6 77", 16);
    text[READER_LONGEST / 2] = '\n';
    reading_text(&got, text, READER_LONGEST / 2 + 1, 0, 0,
                 &(import_options){ .format = "sequences" }, NULL);
    CHECK(got.status == HABIT_OK && got.n > 1000000, "%d rows: %s", (int)got.n, got.err.message);
    reading_free(&got);
    mem_free(text);
}

// Kinds are decided by the sample: a word later on in a column of numbers is a bad row.
static void test_late_word(void)
{
    buffer text = { 0 };
    size_t line = 2;
    buffer_text(&text, "user,item,lat\n");
    for (; text.len < READER_SAMPLE + 100; line++) buffer_text(&text, "12345,67890,51.5\n");
    buffer_text(&text, "1,2,\n1,2,north\n");
    char want[100];
    snprintf(want, sizeof want, "log:%zu:5: lat 'north' is not a number", line + 1);
    reading got;
    reading_text(&got, text.data, text.len, 0, 0, &(import_options){ 0 }, NULL);
    CHECK(got.status == HABIT_EFORMAT && strncmp(got.err.message, want, strlen(want)) == 0,
          "%s, want %s", got.err.message, want);
    reading_free(&got);
    buffer_free(&text);
}

static void test_many_columns(void)
{
    buffer text = { 0 };
    buffer_text(&text, "user,item");
    for (int i = 0; i < FIELDS_MAX; i++) buffer_format(&text, ",c%d", i);
    buffer_text(&text, "\n");
    reading got;
    reading_text(&got, text.data, text.len, 0, 0, &(import_options){ 0 }, NULL);
    CHECK(strcmp(got.err.message, "log:1: 1026 columns: at most 1024 are read") == 0, "%s",
          got.err.message);
    reading_free(&got);
    buffer_free(&text);
}

static void test_files(void)
{
    static const struct {
        const char *path;
        habit_status status;
        const char *message;
    } wrong[] = {
        { "/nonexistent/log.csv", HABIT_ENOTFOUND,
          "cannot open /nonexistent/log.csv: No such file or directory" },
        { "/tmp", HABIT_EFORMAT, "/tmp is a folder: name the files in it" },
        { "/dev/null", HABIT_EFORMAT, "/dev/null: empty" },
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        reader *r = NULL;
        habit_error e = { 0 };
        const habit_status st = reader_open(&r, wrong[i].path, &(import_options){ 0 }, NULL, &e);
        CHECK(st == wrong[i].status && strcmp(e.message, wrong[i].message) == 0, "%s: %s",
              wrong[i].path, e.message);
    }
}

// A file, as far as its size, progress and the estimate of its rows go.
static void test_progress(void)
{
    char path[] = "/tmp/habit-test-reader-XXXXXX";
    const int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    CHECK(f != NULL, "%s", path);
    if (!f) return;
    fputs("user,item\n", f);
    for (int i = 0; i < 500000; i++) fprintf(f, "%06d,%03d\n", i, i % 1000);
    fclose(f);
    reader *r = NULL;
    rows b = { 0 };
    uint64_t n = 0, done = 0;
    CHECK_OK(reader_open(&r, path, &(import_options){ 0 }, NULL, err));
    while (r && reader_next(r, &b, NULL, NULL) == HABIT_OK && b.n) {
        CHECK(reader_done(r) >= done, "went back");
        done = reader_done(r);
        n += b.n;
    }
    CHECK(n == 500000, "%d rows", (int)n);
    if (r) {
        const schema *s = reader_schema(r);
        CHECK(s->bytes == 5500010 && done == s->bytes, "%d of %d bytes", (int)done, (int)s->bytes);
        CHECK(fabs(s->rows_guess - 500000) < 5000, "%g rows guessed", s->rows_guess);
    }
    reader_close(r);
    unlink(path);
}

// Whatever allocation fails, the answer is rows or "out of memory", and nothing is lost.
static void test_memory(void)
{
    static const char *const texts[] = {
        "user,item,time,rating,event,x,y\n1,2,3,4,v,5,\"a\"\"b\"\n,2,3,4,v,5,z\n",
        "1 2 3\n2 3\n",
        "1 2\n1 3 4\n",
        "{\"user\":1,\"item\":\"a\",\"z\":\"q\"}\n",
        "1::2::3::978300760\n",
        "a\tb\n",
    };
    const long live = mem_live();
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        for (long n = 0; n < 80; n++) {
            reading got;
            mem_fail_after(n);
            reading_text(&got, texts[i], strlen(texts[i]), 16, 8,
                         &(import_options){ .skip_bad_rows = 1 }, NULL);
            mem_fail_after(-1);
            CHECK(got.status == HABIT_OK || got.status == HABIT_ENOMEM, "text %zu, %ld: %d %s", i,
                  n, got.status, got.err.message);
            reading_free(&got);
            CHECK(mem_live() == live, "text %zu, allocation %ld: %ld leaked", i, n,
                  mem_live() - live);
        }
}

int main(void)
{
    const long live = mem_live();
    test_round_trip();
    test_line_numbers();
    test_compression();
    test_long_rows();
    test_late_word();
    test_many_columns();
    test_files();
    test_progress();
    test_memory();
    CHECK(mem_live() == live, "%ld blocks leaked", mem_live() - live);
    return CHECK_DONE();
}
