// source_compressed.c - gzip and zstd streams as sources, recognised by their first bytes.
#include "base/memory.h"
#include "data/source.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { COMPRESSED_IN = 256 << 10 };

typedef struct decoder {
    source *inner;
    char in[COMPRESSED_IN];
    size_t in_at, in_len;
    bool inside; // between the first and the last byte of a gzip member or zstd frame
    z_stream gzip;
    bool gzip_ready;
    ZSTD_DStream *zstd;
} decoder;

static void decoder_close(void *state)
{
    decoder *d = state;
    if (d->gzip_ready) inflateEnd(&d->gzip);
    ZSTD_freeDStream(d->zstd);
    source_close(d->inner);
    mem_free(d);
}

static habit_status decoder_fill(source *s, decoder *d, habit_error *err)
{
    d->in_at = d->in_len = 0;
    TRY(source_read(d->inner, d->in, sizeof d->in, &d->in_len, err));
    s->done = d->inner->done;
    return HABIT_OK;
}

static habit_status cut_short(const source *s, const char *what, habit_error *err)
{
    return fail(err, HABIT_EFORMAT, "%s: the %s data end early: the file is incomplete", s->name,
                what);
}

// Members may follow each other, as `cat a.gz b.gz` makes them.
static habit_status gzip_read(source *s, char *to, size_t want, size_t *got, habit_error *err)
{
    decoder *d = s->state;
    *got = 0;
    while (!*got) {
        if (d->in_at == d->in_len) {
            TRY(decoder_fill(s, d, err));
            if (!d->in_len) return d->inside ? cut_short(s, "gzip", err) : HABIT_OK;
        }
        if (!d->inside && inflateReset(&d->gzip) != Z_OK)
            return fail(err, HABIT_EINTERNAL, "%s: cannot restart gzip", s->name);
        d->inside = true;
        d->gzip.next_in = (unsigned char *)d->in + d->in_at;
        d->gzip.avail_in = (unsigned)(d->in_len - d->in_at);
        d->gzip.next_out = (unsigned char *)to;
        d->gzip.avail_out = (unsigned)(want < (1u << 30) ? want : (1u << 30));
        const unsigned room = d->gzip.avail_out;
        const int z = inflate(&d->gzip, Z_NO_FLUSH);
        d->in_at = d->in_len - d->gzip.avail_in;
        *got = room - d->gzip.avail_out;
        if (z == Z_STREAM_END)
            d->inside = false;
        else if (z == Z_MEM_ERROR)
            return fail_memory(err, "gzip", 0);
        else if (z != Z_OK && z != Z_BUF_ERROR)
            return fail(err, HABIT_EFORMAT, "%s: broken gzip data: %s", s->name,
                        d->gzip.msg ? d->gzip.msg : "not a gzip member");
    }
    return HABIT_OK;
}

static habit_status zstd_read(source *s, char *to, size_t want, size_t *got, habit_error *err)
{
    decoder *d = s->state;
    ZSTD_outBuffer out = { to, want, 0 };
    while (!out.pos) {
        if (d->in_at == d->in_len) TRY(decoder_fill(s, d, err));
        const bool ended = !d->in_len;
        if (ended && !d->inside) break;
        ZSTD_inBuffer in = { d->in, d->in_len, d->in_at };
        const size_t left = ZSTD_decompressStream(d->zstd, &out, &in);
        if (ZSTD_isError(left))
            return fail(err, HABIT_EFORMAT, "%s: broken zstd data: %s", s->name,
                        ZSTD_getErrorName(left));
        if (ended && !out.pos && left) return cut_short(s, "zstd", err);
        d->in_at = in.pos;
        d->inside = left != 0;
    }
    *got = out.pos;
    return HABIT_OK;
}

habit_status source_decompress(source **out, source *inner, habit_error *err)
{
    static const source_ops gzip_ops = { gzip_read, decoder_close };
    static const source_ops zstd_ops = { zstd_read, decoder_close };
    const char *head;
    size_t len;
    habit_status st = source_peek(inner, 4, &head, &len, err);
    const bool gzip = st == HABIT_OK && len >= 2 && memcmp(head, "\x1f\x8b", 2) == 0;
    const bool zstd = st == HABIT_OK && len == 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0;
    if (st == HABIT_OK && !gzip && !zstd) {
        *out = inner;
        return HABIT_OK;
    }
    decoder *d = st == HABIT_OK ? ZNEW(decoder, 1) : NULL;
    if (!d) {
        source_close(inner);
        return st == HABIT_OK ? fail_memory(err, "decompression", sizeof *d) : st;
    }
    d->inner = inner;
    if (gzip) d->gzip_ready = inflateInit2(&d->gzip, 15 + 16) == Z_OK; // 15: window, 16: gzip
    if (zstd) d->zstd = ZSTD_createDStream();
    if (!d->gzip_ready && !d->zstd) {
        decoder_close(d);
        return fail_memory(err, "decompression", sizeof *d);
    }
    const uint64_t size = inner->size;
    TRY(source_new(out, inner->name, gzip ? &gzip_ops : &zstd_ops, d, err));
    (*out)->size = size;
    return HABIT_OK;
}
