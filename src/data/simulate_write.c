// simulate_write.c - a simulated world as the files that people have.
#include "data/simulate_write.h"
#include "data/simulate_streams.h"
#include "data/simulate_words.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

// --- places: the map lies over 48..52 degrees north, 8..12 degrees east -------------------------

enum { CELL_DEGREES = 5000, SOUTH = 480000, WEST = 80000 }; // in 1/10000 degree

typedef struct place {
    uint32_t north, east; // 1/10000 degree
} place;

static place place_in(int cell, rng *r)
{
    return (place){
        SOUTH + (uint32_t)(cell / WORLD_GRID * CELL_DEGREES) + (uint32_t)rng_below(r, CELL_DEGREES),
        WEST + (uint32_t)(cell % WORLD_GRID * CELL_DEGREES) + (uint32_t)rng_below(r, CELL_DEGREES)
    };
}

// Title and place come from one stream, so that every file tells the same.
static place item_card(const world *w, uint32_t item, char title[WORDS_TITLE])
{
    rng r = rng_at(w->seed, STREAM_TITLE, item);
    const place p = place_in(w->item_cell[item], &r);
    words_title(title, w->item_category[item], &r);
    return p;
}

#define PLACE "%u.%04u,%u.%04u"
#define PLACE_ARGUMENTS(p) (p).north / 10000, (p).north % 10000, (p).east / 10000, (p).east % 10000

// --- lines of events -------------------------------------------------------------------------------

habit_status log_lines_new(log_lines *out, const world *w, bool full, habit_error *err)
{
    log_lines l = { .w = w, .full = full };
    buffer tail = { 0 };
    if (full) {
        l.start = NEW(uint64_t, (size_t)w->items + 1);
        if (!l.start) return fail_memory(err, "lines", sizeof(uint64_t) * w->items);
        for (uint32_t i = 0; i < w->items; i++) {
            char title[WORDS_TITLE];
            l.start[i] = tail.len;
            const place p = item_card(w, i, title);
            buffer_format(&tail, ",%s," PLACE ",%s", words_platform(w->item_platform[i]),
                          PLACE_ARGUMENTS(p), words_category(w->item_category[i]));
        }
        l.start[w->items] = tail.len;
    }
    l.tail = tail.data;
    const habit_status st = buffer_check(&tail, err);
    if (st == HABIT_OK)
        *out = l;
    else
        log_lines_free(&l);
    return st;
}

void log_lines_free(log_lines *l)
{
    mem_free(l->start);
    mem_free(l->tail);
    *l = (log_lines){ 0 };
}

const char *log_lines_header(const log_lines *l)
{
    return l->full ? "user_id,item_id,timestamp,behaviour,rating,dwell,platform,lat,lon,category\n"
                   : "user_id,item_id,timestamp,behaviour,rating\n";
}

static char *put_number(char *p, uint64_t x)
{
    char digits[20];
    int n = 0;
    do digits[n++] = (char)('0' + x % 10);
    while (x /= 10);
    while (n) *p++ = digits[--n];
    return p;
}

static char *put_text(char *p, const char *s)
{
    const size_t n = strlen(s);
    memcpy(p, s, n);
    return p + n;
}

// Ways to spoil a row, taken in turn by the second of the event.
static char *put_bad_time(char *p, uint32_t second)
{
    const uint64_t year_2100 = 4102444800;
    return put_number(p, second % 2 ? second % WORLD_DAY : year_2100 + second);
}

static char *put_bad_rating(char *p, uint32_t second)
{
    static const char *const bad[] = { "0", "-1", "11", "50", "99" };
    return put_text(p, bad[second % COUNT_OF(bad)]);
}

enum spoil { NO_USER, NO_ITEM, NO_TIME, SHORT_ROW, SPOILS, INTACT };

// At most 128 bytes: ids 2 x 11, time 10, behaviour 4, rating 2, dwell 4, tail below 48.
enum { LINE_MOST = 128 };

static char *put_row(char *p, const log_lines *l, const log_row *row)
{
    const bool malformed = row->kind == ROW_MALFORMED;
    const enum spoil spoil = malformed ? (enum spoil)(row->time % SPOILS) : INTACT;
    if (spoil != NO_USER) p = world_put_user(p, l->w, row->user);
    if (spoil == SHORT_ROW) return put_text(p, "\n");
    *p++ = ',';
    if (spoil != NO_ITEM) p = world_put_item(p, l->w, row->item);
    *p++ = ',';
    if (spoil == NO_TIME)
        p = put_text(p, "soon");
    else if (row->kind == ROW_BAD_TIME)
        p = put_bad_time(p, row->time);
    else
        p = put_number(p, (uint64_t)l->w->start + row->time);
    *p++ = ',';
    p = put_text(p, funnel_names[row->kind == ROW_BAD_RATING ? FUNNEL_RATE : row->stage]);
    *p++ = ',';
    if (row->kind == ROW_BAD_RATING)
        p = put_bad_rating(p, row->time);
    else if (row->stage == FUNNEL_RATE)
        p = put_number(p, row->value);
    if (l->full) {
        *p++ = ',';
        if (row->stage == FUNNEL_VIEW) p = put_number(p, row->value);
        const uint64_t at = l->start[row->item];
        const size_t n = (size_t)(l->start[row->item + 1] - at);
        memcpy(p, l->tail + at, n);
        p += n;
    }
    *p++ = '\n';
    return p;
}

void log_lines_format(buffer *out, const log_lines *l, const log_row *row, size_t n)
{
    void *data = out->data;
    if (mem_grow(&data, &out->cap, out->len + n * LINE_MOST + 1, 1, "text", NULL) != HABIT_OK)
        out->failed = true;
    if (out->failed) return;
    out->data = data;
    char *p = out->data + out->len;
    for (size_t k = 0; k < n; k++) p = put_row(p, l, row + k);
    *p = '\0';
    out->len = (size_t)(p - out->data);
}

// --- side tables -------------------------------------------------------------------------------------

enum { FLUSH = 1 << 20 };

// Moves the buffer's text to the file once there is enough of it, or `now`.
static habit_status flush(file_writer *f, buffer *b, bool now, habit_error *err)
{
    TRY(buffer_check(b, err));
    if (b->len < FLUSH && !now) return HABIT_OK;
    if (b->len) fwrite(b->data, 1, b->len, f->stream); // a failure is kept for file_commit()
    buffer_clear(b);
    return HABIT_OK;
}

// The day of a world as a date, "2024-01-01".
static void put_date(char out[32], const world *w, int day)
{
    time_format_iso(out, (w->start + (int64_t)day * WORLD_DAY) * 1000000);
    out[10] = '\0';
}

static void item_line(buffer *b, const world *w, uint32_t i)
{
    char id[WORLD_ID], title[WORDS_TITLE], born[32], line[256];
    *world_put_item(id, w, i) = '\0';
    const place p = item_card(w, i, title);
    put_date(born, w, w->item_born[i]);
    const int n = snprintf(line, sizeof line, "%s,%s,%s,%s," PLACE ",%.2f,%s\n", id, title,
                           words_category(w->item_category[i]), words_platform(w->item_platform[i]),
                           PLACE_ARGUMENTS(p), (double)w->item_price[i], born);
    buffer_add(b, line, (size_t)n);
}

static void user_line(buffer *b, const world *w, uint32_t u)
{
    char id[WORLD_ID], joined[32], line[256];
    rng r = rng_at(w->seed, STREAM_CARD, u);
    *world_put_user(id, w, u) = '\0';
    const place p = place_in(w->user_home[u], &r);
    // the country is a band of the map, the age leans to the young
    const int country = w->user_home[u] % WORLD_GRID * WORDS_COUNTRIES / WORLD_GRID;
    const int age = 16 + (int)(rng_uniform(&r) * (20 + 50 * rng_uniform(&r)));
    const float share = w->user_share[u];
    put_date(joined, w, w->user_joined[u]);
    const int n = snprintf(line, sizeof line, "%s," PLACE ",%s,%d,%s,%s\n", id, PLACE_ARGUMENTS(p),
                           words_country(country), age,
                           share == 1   ? words_platform(0)
                           : share == 0 ? words_platform(1)
                                        : "both",
                           joined);
    buffer_add(b, line, (size_t)n);
}

typedef void line_fn(buffer *b, const world *w, uint32_t k);

static habit_status write_table(const world *w, const char *path, const char *header, line_fn *line,
                                uint32_t n, habit_error *err)
{
    file_writer f;
    buffer b = { 0 };
    TRY(file_create(&f, path, err));
    buffer_text(&b, header);
    habit_status st = HABIT_OK;
    for (uint32_t k = 0; k < n && st == HABIT_OK; k++) {
        line(&b, w, k);
        st = flush(&f, &b, false, err);
    }
    if (st == HABIT_OK) st = flush(&f, &b, true, err);
    buffer_free(&b);
    if (st == HABIT_OK) return file_commit(&f, err);
    file_abandon(&f);
    return st;
}

habit_status write_items(const world *w, const char *path, habit_error *err)
{
    return write_table(w, path, "item_id,title,category,platform,lat,lon,price,born\n", item_line,
                       w->items, err);
}

habit_status write_users(const world *w, const char *path, habit_error *err)
{
    return write_table(w, path, "user_id,lat,lon,country,age,platforms,joined\n", user_line,
                       w->users, err);
}
