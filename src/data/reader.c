// reader.c - blocks of a source into batches of rows.
#include "data/reader.h"
#include "base/memory.h"
#include "data/database.h"
#include "data/reader_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- flaws -----------------------------------------------------------------------------------------

static uint64_t count_byte(const char *p, const char *end, char c)
{
    // a byte per lane counts to 255, then lanes are added up
    const uint64_t wanted = 0x0101010101010101u * (unsigned char)c, low7 = 0x7F7F7F7F7F7F7F7Fu;
    uint64_t n = 0;
    while (end - p >= 8) {
        uint64_t lanes = 0;
        for (int k = 0; k < 255 && end - p >= 8; k++, p += 8) {
            uint64_t x;
            memcpy(&x, p, 8);
            x ^= wanted;
            lanes += ~(((x & low7) + low7) | x | low7) >> 7; // 1 where the byte was c
        }
        lanes = (lanes & 0x00FF00FF00FF00FFu) + (lanes >> 8 & 0x00FF00FF00FF00FFu);
        n += (lanes * 0x0001000100010001u) >> 48;
    }
    for (; p < end; p++) n += *p == c;
    return n;
}

bool piece_flaw(piece *p, const char *row, const char *end, const char *at, const char *fmt, ...)
{
    void *flaws = p->flaws;
    if (mem_grow(&flaws, &p->flaws_cap, p->flaws_n + 1, sizeof *p->flaws, "", NULL) != HABIT_OK) {
        p->no_memory = true;
        return false;
    }
    p->flaws = flaws;
    if (!p->counted) p->counted = p->begin, p->counted_line = p->line;
    p->counted_line += count_byte(p->counted, row, '\n');
    p->counted = row;

    flaw *f = &p->flaws[p->flaws_n++];
    *f = (flaw){ .line = p->counted_line, .column = (size_t)(at - row) + 1, .row = row };
    f->len = (size_t)(end - row);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->why, sizeof f->why, fmt, ap);
    va_end(ap);
    return p->flaws_n < p->flaws_max;
}

bool piece_refuse(const reader *r, piece *p, const char *row, const char *end, const char *at,
                  const field *fields, int col)
{
    const roles *k = &r->layout.roles;
    const field *f = &fields[col];
    const int len = f->len < 60 ? (int)f->len : 60;
    const char *name = r->layout.columns.name[col];
    if (col == k->user || col == k->item)
        return piece_flaw(p, row, end, at, "%s is empty", col == k->user ? "user" : "item");
    if (col == k->time && r->layout.unit == UNIT_ISO)
        return piece_flaw(p, row, end, at, "time '%.*s' is not a moment like 2021-10-24T06:42:20Z",
                          len, f->s);
    if (col == k->time)
        return piece_flaw(p, row, end, at, "time '%.*s' is not a number of %s", len, f->s,
                          r->schema.time_unit);
    return piece_flaw(p, row, end, at, "%s '%.*s' is not a number", name, len, f->s);
}

static habit_status flaw_error(const reader *r, const flaw *f, habit_error *err)
{
    const char *mend = "mend it, or leave such rows out with --skip-bad-rows N";
    return fail(err, HABIT_EFORMAT, "%s:%llu:%zu: %s: %s", r->source->name,
                (unsigned long long)f->line, f->column, f->why, mend);
}

// Counts the flaws of all pieces in order, and hands on what was tolerated.
static habit_status settle_flaws(reader *r, uint64_t *bad, habit_error *err)
{
    for (size_t i = 0; i < r->pieces_n; i++) {
        const piece *p = &r->pieces[i];
        if (p->no_memory) return fail_memory(err, "bad rows", p->flaws_cap * sizeof *p->flaws);
        for (size_t k = 0; k < p->flaws_n; k++) {
            const flaw *f = &p->flaws[k];
            if (r->tolerance-- <= 0) return flaw_error(r, f, err);
            ++*bad;
            if (!r->rejects) continue;
            buffer_format(r->rejects, "%s:%llu:%zu: %s\t", r->source->name,
                          (unsigned long long)f->line, f->column, f->why);
            buffer_add(r->rejects, f->row, f->len);
            buffer_text(r->rejects, "\n");
        }
        r->passed += p->passed;
    }
    r->bad += *bad;
    return r->rejects ? buffer_check(r->rejects, err) : HABIT_OK;
}

// --- blocks ----------------------------------------------------------------------------------------

// Moves what was left over to the front and reads on, until the block holds a whole row.
static habit_status fill_block(reader *r, habit_error *err)
{
    const size_t carry = r->block_len - r->block_used;
    if (r->block_used) memmove(r->block, r->block + r->block_used, carry);
    r->block_len = carry;
    r->block_used = 0;
    size_t want = r->block_size > carry ? r->block_size : carry + r->block_size;
    for (;;) {
        if (want > r->block_cap) {
            void *block = mem_resize(r->block, r->block_len, want, 1);
            if (!block) return fail_memory(err, "block of the source", want);
            r->block = block;
            r->block_cap = want;
        }
        size_t got = 0;
        if (!r->ended) {
            TRY(source_read(r->source, r->block + r->block_len, want - r->block_len, &got, err));
            if (got < want - r->block_len) r->ended = true;
            r->block_len += got;
        }
        TRY(reader_cut(r, &r->block_used, err));
        if (r->block_used || r->ended) return HABIT_OK;
        if (r->block_len > READER_LONGEST)
            return fail(err, HABIT_ELIMIT,
                        "%s:%llu: longer than %d MB without an end: is a quote left open?",
                        r->source->name, (unsigned long long)r->line, READER_LONGEST >> 20);
        want = 2 * r->block_len;
    }
}

static void count_piece(void *ctx, size_t k, int worker)
{
    (void)worker;
    const reader *r = ctx;
    piece *p = &r->pieces[k];
    p->lines = count_byte(p->begin, p->end, '\n');
    p->room = p->lines + (p->end[-1] != '\n'); // exact for plain rows: no gaps between pieces
    if (r->layout.shape == SHAPE_SEQUENCES) {  // no more items than there is space between
        p->room += count_byte(p->begin, p->end, ' ') + count_byte(p->begin, p->end, '\t');
        if (r->layout.separator == ',') p->room += count_byte(p->begin, p->end, ',');
    }
}

static void parse_piece(void *ctx, size_t k, int worker)
{
    (void)worker;
    const reader *r = ctx;
    piece *p = &r->pieces[k];
    if (r->layout.shape == SHAPE_ROWS)
        piece_parse_rows(r, p);
    else if (r->layout.shape == SHAPE_SEQUENCES)
        piece_parse_sequences(r, p);
    else
        piece_parse_objects(r, p);
}

// Gives every piece its place in the batch, its line number and its patience.
static habit_status place_pieces(reader *r, habit_error *err)
{
    size_t count = 0, lines = 0;
    for (size_t i = 0; i < r->pieces_n; i++) {
        piece *p = &r->pieces[i];
        p->line = r->line + lines;
        p->at = count;
        p->flaws_max = r->tolerance < 1 << 30 ? (size_t)r->tolerance + 1 : SIZE_MAX;
        count += p->room;
        lines += p->lines;
    }
    r->line += lines;
    TRY(batch_reserve(&r->batch, &r->schema, count, err));
    if (r->layout.shape != SHAPE_SEQUENCES || r->layout.users) return HABIT_OK;

    const size_t need = (lines + r->pieces_n) * LINE_NUMBER;
    if (need > r->made_cap) {
        mem_free(r->made);
        r->made_cap = 0;
        if (!(r->made = mem_alloc(need, 1))) return fail_memory(err, "session names", need);
        r->made_cap = need;
    }
    char *made = r->made;
    for (size_t i = 0; i < r->pieces_n; i++) {
        r->pieces[i].made = made;
        made += (r->pieces[i].lines + 1) * LINE_NUMBER;
    }
    return HABIT_OK;
}

static size_t close_gaps(reader *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->pieces_n; i++) {
        const piece *p = &r->pieces[i];
        if (p->at != n) batch_move(&r->batch, n, p->at, p->n);
        n += p->n;
    }
    return n;
}

habit_status reader_next(reader *r, rows *out, const run *job, habit_error *err)
{
    size_t n = 0;
    uint64_t bad = 0;
    do {
        TRY(fill_block(r, err));
        if (!r->pieces_n) {
            if (r->passed)
                run_log(job, LOG_NOTE, "%s: %llu events of other kinds than interaction left out",
                        r->source->name, (unsigned long long)r->passed);
            r->passed = 0;
            break;
        }
        pool_run(run_pool(job), r->pieces_n, count_piece, r);
        TRY(place_pieces(r, err));
        pool_run(run_pool(job), r->pieces_n, parse_piece, r);
        TRY(settle_flaws(r, &bad, err));
        n = close_gaps(r);
    } while (!n);
    batch_rows(r, n, out);
    out->bad = bad;
    return HABIT_OK;
}

// --- opening ---------------------------------------------------------------------------------------

// Looks at the beginning of the source, up to at least one whole line.
static habit_status take_sample(sample *out, source *s, habit_error *err)
{
    for (size_t want = READER_SAMPLE;; want *= 4) {
        *out = (sample){ .name = s->name };
        TRY(source_peek(s, want, &out->bytes, &out->len, err));
        out->whole = out->len < want;
        if (out->whole || memchr(out->bytes, '\n', out->len)) return HABIT_OK;
        if (want > READER_LONGEST)
            return fail(err, HABIT_ELIMIT, "%s:1: a line longer than %d MB", s->name,
                        READER_LONGEST >> 20);
    }
}

static habit_status skip_bytes(reader *r, size_t skip, habit_error *err)
{
    while (skip) {
        size_t got;
        char away[4096];
        TRY(source_read(r->source, away, skip < sizeof away ? skip : sizeof away, &got, err));
        skip -= got;
    }
    return HABIT_OK;
}

static habit_status prepare(reader *r, const import_options *options, const run *job,
                            habit_error *err)
{
    sample s;
    TRY(take_sample(&s, r->source, err));
    import_options choice = *options;
    if (r->source->format) choice.format = "csv";
    TRY(sniff(&r->layout, &s, &choice, err));
    if (r->source->format) r->layout.format = r->layout.schema.format = r->source->format;
    sniff_describe(&r->layout, r->source->name, job);
    r->schema = r->layout.schema;
    r->schema.bytes = r->source->size;
    if (s.whole)
        r->schema.rows_guess = r->layout.rows_per_byte * (double)s.len;
    else if (r->source->done)
        r->schema.rows_guess = r->layout.rows_per_byte * (double)s.len * (double)r->source->size /
                               (double)r->source->done;
    r->line = 1 + r->layout.lines;
    return skip_bytes(r, r->layout.skip, err);
}

habit_status reader_open_source(reader **out, source *s, size_t block_size, size_t piece_size,
                                const import_options *options, const run *job, habit_error *err)
{
    reader *r = ZNEW(reader, 1);
    if (!r) {
        source_close(s);
        return fail_memory(err, "reader", sizeof *r);
    }
    r->source = s;
    r->block_size = block_size ? block_size : READER_BLOCK;
    r->piece_size = piece_size ? piece_size : READER_PIECE;
    r->tolerance = options->skip_bad_rows;
    const habit_status st = prepare(r, options, job, err);
    if (st != HABIT_OK) {
        reader_close(r);
        return st;
    }
    *out = r;
    return HABIT_OK;
}

static habit_status open_any(source **out, const char *name, const import_options *options,
                             const run *job, habit_error *err)
{
    const char *format = options->format ? options->format : "auto";
    if (postgres_recognise(name)) return postgres_source(out, name, options, job, err);
    if (strcmp(format, "postgres") == 0)
        return fail(err, HABIT_EINVAL, "%s: not an address like postgres://user@host/database",
                    name);
    if (sqlite_recognise(name)) return sqlite_source(out, name, options, job, err);
    if (strcmp(format, "sqlite") == 0 && file_exists(name))
        return fail(err, HABIT_EFORMAT, "%s: not an SQLite database", name);
    if (dataset_recognise(name))
        return fail(err, HABIT_EFORMAT, "%s: is a dataset already: use it as it is", name);
    return source_open(out, name, err);
}

habit_status reader_open(reader **out, const char *name, const import_options *options,
                         const run *job, habit_error *err)
{
    source *s = NULL;
    TRY(open_any(&s, name, options, job, err));
    return reader_open_source(out, s, 0, 0, options, job, err);
}

const schema *reader_schema(const reader *r)
{
    return &r->schema;
}

void reader_rejects(reader *r, buffer *rejects)
{
    r->rejects = rejects;
}

uint64_t reader_done(const reader *r)
{
    return r->source->done;
}

void reader_close(reader *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->pieces_cap; i++) mem_free(r->pieces[i].flaws);
    mem_free(r->pieces);
    mem_free(r->block);
    mem_free(r->made);
    batch_free(&r->batch);
    layout_free(&r->layout);
    source_close(r->source);
    mem_free(r);
}
