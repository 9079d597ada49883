// sqlite_read.c - a connection that reads.
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "store/sqlite_parts.h"

#include <math.h>

// Columns of an event, in the order that give_event() reads.
#define EVENT                                                                                      \
    "SELECT e.id, e.key, u.name, i.name, b.name, e.time, e.value, e.answer, e.fields FROM events " \
    "e JOIN users u ON u.id = e.user JOIN items i ON i.id = e.item"                                \
    " JOIN behaviours b ON b.id = e.behaviour"
// What db_events_of may ask: ?1 user, ?2 item, ?3 behaviour, ?4 since, ?5 until, ?6 after, ?7 most.
#define TIMES                                                                                      \
    " (?3 IS NULL OR b.name = ?3) AND (?4 IS NULL OR e.time >= ?4) AND (?5 IS NULL OR e.time < "   \
    "?5)"
#define OF_USER " WHERE e.user = (SELECT id FROM users WHERE name = ?1) AND"
#define OF_ITEM " WHERE e.item = (SELECT id FROM items WHERE name = ?2) AND"
#define IN_TIME " ORDER BY e.time, e.id LIMIT ?7"
#define BACKWARDS " ORDER BY e.time DESC, e.id DESC LIMIT ?7"

enum statement {
    USER_EVENTS,
    USER_LATEST,
    USER_ITEM_EVENTS,
    ITEM_EVENTS,
    ITEM_LATEST,
    ALL_EVENTS,
    ALL_LATEST,
    ONE_ITEM,
    ALL_ITEMS,
    ONE_USER,
    ALL_USERS,
    ALL_ANSWERS,
    ITEM_NAME,
    ALL_GONE,
    COUNT,
    STATEMENTS
};

// clang-format off
static const char *const sql[STATEMENTS] = {
    [USER_EVENTS] = EVENT OF_USER TIMES IN_TIME,
    [USER_LATEST] = EVENT OF_USER TIMES BACKWARDS,
    [USER_ITEM_EVENTS] = EVENT OF_USER TIMES " AND e.item = (SELECT id FROM items WHERE name = ?2)" IN_TIME,
    [ITEM_EVENTS] = EVENT OF_ITEM TIMES IN_TIME,
    [ITEM_LATEST] = EVENT OF_ITEM TIMES BACKWARDS,
    [ALL_EVENTS] = EVENT " WHERE e.id > ?6 AND" TIMES " ORDER BY e.id LIMIT ?7",
    [ALL_LATEST] = EVENT " WHERE" TIMES BACKWARDS,
    [ONE_ITEM] = "SELECT name, hidden, time, categories, fields, comment FROM items WHERE name = ?1",
    [ALL_ITEMS] = "SELECT name, hidden, time, categories, fields, comment FROM items WHERE ?1 IS NULL OR name > ?1"
                  " ORDER BY name LIMIT ?2",
    [ONE_USER] = "SELECT name, fields, comment FROM users WHERE name = ?1",
    [ALL_USERS] = "SELECT name, fields, comment FROM users WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2",
    [ALL_ANSWERS] = "SELECT a.name, u.name, a.model, a.source, a.time, a.items FROM answers a"
                    " LEFT JOIN users u ON u.id = a.user ORDER BY a.id",
    [ITEM_NAME] = "SELECT name FROM items WHERE id = ?1",
    [ALL_GONE] = "SELECT hash FROM gone",
    [COUNT] = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM items), (SELECT count(*) FROM users),"
              " (SELECT count(*) FROM answers)",
};
// clang-format on

enum { ANSWER_ITEMS = 4096 }; // of one answer that are told

typedef struct reader {
    sqlite3 *c;
    sqlite3_stmt *statement[STATEMENTS];
    int64_t place;
} reader;

void sqlite_reader_close(void *state)
{
    reader *r = state;
    for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(r->statement[i]);
    sqlite3_close(r->c);
    mem_free(r);
}

habit_status sqlite_reader_open(void **out, const char *path, const db_options *o, habit_error *err)
{
    reader *r = ZNEW(reader, 1);
    if (!r) return fail_memory(err, "database", sizeof *r);
    habit_status st = sqlite_connect(&r->c, path, o, false, err);
    for (int i = 0; i < STATEMENTS && st == HABIT_OK; i++)
        st = sqlite_prepare(r->c, &r->statement[i], sql[i], err);
    if (st == HABIT_OK)
        *out = r;
    else
        sqlite_reader_close(r);
    return st;
}

int64_t sqlite_place(const void *state)
{
    return ((const reader *)state)->place;
}

typedef bool give_fn(reader *r, sqlite3_stmt *s, void *fn, void *ctx);

// Steps to the end, or until somebody has had enough.
static habit_status give_all(reader *r, enum statement which, give_fn *give, void *fn, void *ctx,
                             size_t *rows, habit_error *err)
{
    sqlite3_stmt *s = r->statement[which];
    int code;
    *rows = 0;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        ++*rows;
        if (!give(r, s, fn, ctx)) break;
    }
    const habit_status st =
        code == SQLITE_ROW || code == SQLITE_DONE ? HABIT_OK : sqlite_fail(r->c, "read", err);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return st;
}

// A pointer to a function does not fit a void * in C: it travels in a struct.
typedef struct calls {
    db_event_fn *event;
    db_item_fn *item;
    db_user_fn *user;
    db_answer_fn *answer;
    db_gone_fn *gone;
    buffer *names;
} calls;

static bool give_event(reader *r, sqlite3_stmt *s, void *fn, void *ctx)
{
    const calls *c = fn;
    r->place = sqlite3_column_int64(s, 0);
    const db_event e = {
        .id = sqlite_text(s, 1),
        .user = sqlite_text(s, 2),
        .item = sqlite_text(s, 3),
        .behaviour = sqlite_text(s, 4),
        .time = sqlite3_column_int64(s, 5),
        .value = sqlite3_column_type(s, 6) == SQLITE_NULL ? NAN : sqlite3_column_double(s, 6),
        .recommendation = sqlite_text(s, 7),
        .fields = sqlite_text(s, 8),
    };
    return c->event(ctx, &e);
}

static bool give_item(reader *r, sqlite3_stmt *s, void *fn, void *ctx)
{
    const calls *c = fn;
    (void)r;
    const db_item i = {
        .id = sqlite_text(s, 0),
        .hidden = sqlite3_column_int(s, 1) != 0,
        .time = sqlite3_column_type(s, 2) == SQLITE_NULL ? TIME_NONE : sqlite3_column_int64(s, 2),
        .categories = sqlite_text(s, 3),
        .fields = sqlite_text(s, 4),
        .comment = sqlite_text(s, 5),
    };
    return c->item(ctx, &i);
}

static bool give_user(reader *r, sqlite3_stmt *s, void *fn, void *ctx)
{
    const calls *c = fn;
    (void)r;
    const db_user u = { sqlite_text(s, 0), sqlite_text(s, 1), sqlite_text(s, 2) };
    return c->user(ctx, &u);
}

// The names of the items, end to end in c->names; those that were deleted since are left out.
static size_t name_items(reader *r, const calls *c, db_text list, db_text *item, size_t most)
{
    sqlite3_stmt *s = r->statement[ITEM_NAME];
    size_t n = 0, at[ANSWER_ITEMS];
    buffer_clear(c->names);
    for (size_t i = 0; i + 4 <= list.len && n < most; i += 4) {
        const unsigned char *b = (const unsigned char *)list.at + i;
        sqlite3_bind_int64(
            s, 1, (int64_t)b[0] | (int64_t)b[1] << 8 | (int64_t)b[2] << 16 | (int64_t)b[3] << 24);
        if (sqlite3_step(s) == SQLITE_ROW) {
            const db_text name = sqlite_text(s, 0);
            at[n] = c->names->len;
            item[n++].len = name.len;
            buffer_add(c->names, name.at, name.len);
        }
        sqlite3_reset(s);
    }
    for (size_t i = 0; i < n; i++) item[i].at = c->names->failed ? "" : c->names->data + at[i];
    return c->names->failed ? 0 : n;
}

static bool give_answer(reader *r, sqlite3_stmt *s, void *fn, void *ctx)
{
    const calls *c = fn;
    db_text item[ANSWER_ITEMS];
    const db_answer a = { .id = sqlite_text(s, 0),
                          .user = sqlite_text(s, 1),
                          .model = sqlite_text(s, 2),
                          .source = sqlite_text(s, 3),
                          .time = sqlite3_column_int64(s, 4),
                          .item = item,
                          .items = name_items(r, c, sqlite_text(s, 5), item, ANSWER_ITEMS) };
    return c->answer(ctx, &a);
}

static int64_t limit(size_t most)
{
    return most ? (int64_t)most : -1;
}

habit_status sqlite_events(void *state, const db_events_of *of, db_event_fn *fn, void *ctx,
                           habit_error *err)
{
    reader *r = state;
    const enum statement which = of->user.at && of->item.at ? USER_ITEM_EVENTS
                                 : of->user.at ? (of->latest ? USER_LATEST : USER_EVENTS)
                                 : of->item.at ? (of->latest ? ITEM_LATEST : ITEM_EVENTS)
                                               : (of->latest ? ALL_LATEST : ALL_EVENTS);
    sqlite3_stmt *s = r->statement[which];
    size_t rows;
    sqlite_bind_text(s, 1, of->user);
    sqlite_bind_text(s, 2, of->item);
    sqlite_bind_text(s, 3, of->behaviour);
    if (of->since != TIME_NONE) sqlite3_bind_int64(s, 4, of->since);
    if (of->until != TIME_NONE) sqlite3_bind_int64(s, 5, of->until);
    sqlite3_bind_int64(s, 6, of->after);
    sqlite3_bind_int64(s, 7, limit(of->most));
    calls c = { .event = fn };
    return give_all(r, which, give_event, &c, ctx, &rows, err);
}

// Those after a name, or the one of that name.
static habit_status named(reader *r, enum statement one, db_text id, db_text after, size_t most,
                          give_fn *give, calls *c, void *ctx, habit_error *err)
{
    const enum statement which = id.at ? one : one + 1;
    sqlite3_stmt *s = r->statement[which];
    size_t rows;
    sqlite_bind_text(s, 1, id.at ? id : after);
    if (!id.at) sqlite3_bind_int64(s, 2, limit(most));
    TRY(give_all(r, which, give, c, ctx, &rows, err));
    return id.at && !rows
               ? fail(err, HABIT_ENOTFOUND, "no %s of that id", one == ONE_ITEM ? "item" : "user")
               : HABIT_OK;
}

habit_status sqlite_items(void *state, db_text one, db_text after, size_t most, db_item_fn *fn,
                          void *ctx, habit_error *err)
{
    calls c = { .item = fn };
    return named(state, ONE_ITEM, one, after, most, give_item, &c, ctx, err);
}

habit_status sqlite_users(void *state, db_text one, db_text after, size_t most, db_user_fn *fn,
                          void *ctx, habit_error *err)
{
    calls c = { .user = fn };
    return named(state, ONE_USER, one, after, most, give_user, &c, ctx, err);
}

habit_status sqlite_answers(void *state, db_answer_fn *fn, void *ctx, habit_error *err)
{
    buffer names = { 0 };
    calls c = { .answer = fn, .names = &names };
    size_t rows;
    habit_status st = give_all(state, ALL_ANSWERS, give_answer, &c, ctx, &rows, err);
    if (st == HABIT_OK) st = buffer_check(&names, err);
    buffer_free(&names);
    return st;
}

static bool give_gone(reader *r, sqlite3_stmt *s, void *fn, void *ctx)
{
    const calls *c = fn;
    (void)r;
    return c->gone(ctx, (uint64_t)sqlite3_column_int64(s, 0));
}

habit_status sqlite_gone(void *state, db_gone_fn *fn, void *ctx, habit_error *err)
{
    calls c = { .gone = fn };
    size_t rows;
    return give_all(state, ALL_GONE, give_gone, &c, ctx, &rows, err);
}

static bool give_counts(reader *r, sqlite3_stmt *s, void *fn, void *ctx)
{
    db_counts *out = ctx;
    (void)r, (void)fn;
    *out =
        (db_counts){ (uint64_t)sqlite3_column_int64(s, 0), (uint64_t)sqlite3_column_int64(s, 1),
                     (uint64_t)sqlite3_column_int64(s, 2), (uint64_t)sqlite3_column_int64(s, 3) };
    return true;
}

habit_status sqlite_count(void *state, db_counts *out, habit_error *err)
{
    size_t rows;
    return give_all(state, COUNT, give_counts, NULL, out, &rows, err);
}
