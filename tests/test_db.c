// test_db.c - the store: what is written is read, once, in order, and goes when it is told to.
#include "tests/check.h"
#include "base/clock.h"
#include "store/db.h"

#include <config.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_SQLITE
#include "tests/power_vfs.h"

static db_text text(const char *s)
{
    return s ? (db_text){ s, strlen(s) } : (db_text){ 0 };
}

static db_op event(const char *id, const char *user, const char *item, int64_t time)
{
    return (db_op){ .kind = DB_PUT_EVENT,
                    .event = { .id = text(id),
                               .user = text(user),
                               .item = text(item),
                               .behaviour = text("view"),
                               .time = time,
                               .value = NAN } };
}

typedef struct lines {
    char text[4000];
} lines;

static bool add_event(void *ctx, const db_event *e)
{
    lines *l = ctx;
    char line[300];
    snprintf(line, sizeof line, "%.*s %.*s %.*s %lld %g %.*s\n", (int)e->user.len, e->user.at,
             (int)e->item.len, e->item.at, (int)e->behaviour.len, e->behaviour.at,
             (long long)e->time, e->value, (int)e->fields.len, e->fields.at ? e->fields.at : "");
    strncat(l->text, line, sizeof l->text - strlen(l->text) - 1);
    return true;
}

static bool add_item(void *ctx, const db_item *i)
{
    lines *l = ctx;
    char line[300];
    snprintf(line, sizeof line, "%.*s %d %.*s %.*s\n", (int)i->id.len, i->id.at, i->hidden,
             (int)i->categories.len, i->categories.at ? i->categories.at : "", (int)i->fields.len,
             i->fields.at ? i->fields.at : "");
    strncat(l->text, line, sizeof l->text - strlen(l->text) - 1);
    return true;
}

static bool add_user(void *ctx, const db_user *u)
{
    lines *l = ctx;
    strncat(l->text, u->id.at, u->id.len);
    strncat(l->text, "\n", 2);
    return true;
}

static void check_events(const db *d, db_events_of which, const char *want, const char *what)
{
    lines l = { "" };
    db_reader *r = NULL;
    if (!which.since) which.since = TIME_NONE;
    if (!which.until) which.until = TIME_NONE;
    CHECK_OK(db_reader_new(&r, d, err));
    CHECK_OK(db_events(r, &which, add_event, &l, err));
    CHECK(strcmp(l.text, want) == 0, "%s: got\n%s", what, l.text);
    db_reader_free(r);
}

static db *fresh(db_options o)
{
    db *d = NULL;
    power_new_disk(3);
    o.vfs = "power";
    CHECK_OK(db_open(&d, "live.db", &o, err));
    return d;
}

// --- events -----------------------------------------------------------------------------------------

static void test_events(void)
{
    db *d = fresh((db_options){ 0 });
    db_op op[] = { event("a", "u1", "x", 30), event("b", "u1", "y", 10), event(NULL, "u2", "x", 20),
                   event("a", "u1", "z", 99) };
    op[1].event.value = 4.5;
    op[2].event.fields = text("{\"lat\":1}");
    CHECK_OK(db_write_now(d, op, COUNT_OF(op), err));
    CHECK(op[0].changed == 1 && op[3].changed == 0,
          "an event with a known id is not written again");
    check_events(d, (db_events_of){ .user = text("u1") }, "u1 y view 10 4.5 \nu1 x view 30 nan \n",
                 "a late event lands in its place");
    check_events(d, (db_events_of){ .user = text("u1"), .latest = true, .most = 1 },
                 "u1 x view 30 nan \n", "the latest");
    check_events(d, (db_events_of){ .item = text("x") },
                 "u2 x view 20 nan {\"lat\":1}\nu1 x view 30 nan \n", "of an item");
    check_events(d, (db_events_of){ .since = 15, .until = 25 }, "u2 x view 20 nan {\"lat\":1}\n",
                 "between two moments");
    check_events(d, (db_events_of){ .user = text("u1"), .item = text("y") }, "u1 y view 10 4.5 \n",
                 "of a user with an item");
    check_events(d, (db_events_of){ .user = text("nobody") }, "", "of nobody");
    db_op more[] = { event("b", "u1", "y", 11), event("a", "u1", "w", 40) };
    more[0].event.repeat = DB_ADD_VALUE, more[0].event.value = 2;
    more[1].event.repeat = DB_REPLACE;
    CHECK_OK(db_write_now(d, more, COUNT_OF(more), err));
    check_events(d, (db_events_of){ .user = text("u1") }, "u1 y view 11 6.5 \nu1 w view 40 nan \n",
                 "values add up, events are replaced");
    db_op bare = event("c", "u3", "x", 50);
    bare.event.repeat = DB_ADD_VALUE;
    CHECK_OK(db_write_now(d, &bare, 1, err));
    CHECK_OK(db_write_now(d, &bare, 1, err));
    check_events(d, (db_events_of){ .user = text("u3") }, "u3 x view 50 nan \n",
                 "no value and no value is none");
    db_op gone = { .kind = DB_DELETE_EVENTS, .event = { .user = text("u1"), .item = text("y") } };
    CHECK_OK(db_write_now(d, &gone, 1, err));
    CHECK(gone.changed == 1, "deleted %u events", gone.changed);
    check_events(d, (db_events_of){ .user = text("u1") }, "u1 w view 40 nan \n", "one is gone");
    db_close(d);
}

static void test_order_of_arrival(void)
{
    db *d = fresh((db_options){ 0 });
    db_op op[] = { event(NULL, "u", "c", 3), event(NULL, "u", "a", 1), event(NULL, "u", "b", 1) };
    CHECK_OK(db_write_now(d, op, COUNT_OF(op), err));
    check_events(d, (db_events_of){ 0 }, "u c view 3 nan \nu a view 1 nan \nu b view 1 nan \n",
                 "all, as they came");
    check_events(d, (db_events_of){ .after = 2 }, "u b view 1 nan \n", "those that came after");
    check_events(d, (db_events_of){ .user = text("u") },
                 "u a view 1 nan \nu b view 1 nan \nu c view 3 nan \n",
                 "equal times, as they came");
    db_close(d);
}

// Ids of any bytes, and of none.
static void test_ids(void)
{
    db *d = fresh((db_options){ 0 });
    db_op op[] = { event(NULL, "u", "i", 1), event(NULL, "u", "i", 2) };
    op[0].event.user = (db_text){ "a\0b", 3 };
    op[1].event.user = (db_text){ "\xff/'\"", 4 };
    op[1].event.item = (db_text){ "", 0 };
    CHECK_OK(db_write_now(d, op, COUNT_OF(op), err));
    check_events(d, (db_events_of){ .user = { "\xff/'\"", 4 } }, "\xff/'\"  view 2 nan \n",
                 "bytes");
    lines l = { "" };
    db_reader *r = NULL;
    CHECK_OK(db_reader_new(&r, d, err));
    CHECK_OK(db_user_get(r, (db_text){ "a\0b", 3 }, add_user, &l, err));
    CHECK(db_user_get(r, text("a"), add_user, &l, NULL) == HABIT_ENOTFOUND, "half an id is none");
    db_reader_free(r);
    db_close(d);
}

// --- items and users --------------------------------------------------------------------------------

static void test_items(void)
{
    db *d = fresh((db_options){ 0 });
    lines l = { "" };
    db_reader *r = NULL;
    db_op op[] = {
        { .kind = DB_PUT_ITEM,
          .item = { .id = text("b"), .categories = text("[\"x\"]"), .time = TIME_NONE } },
        { .kind = DB_PUT_ITEM, .item = { .id = text("a"), .hidden = true, .time = 5 } },
        event(NULL, "u", "c", 1),
        { .kind = DB_PUT_ITEM,
          .item = { .id = text("b"), .fields = text("{}"), .time = TIME_NONE } },
    };
    CHECK_OK(db_write_now(d, op, COUNT_OF(op), err));
    CHECK_OK(db_reader_new(&r, d, err));
    CHECK_OK(db_items(r, (db_text){ 0 }, 0, add_item, &l, err));
    CHECK(strcmp(l.text, "a 1  \nb 0  {}\nc 0  \n") == 0, "got\n%s", l.text);
    l.text[0] = '\0';
    CHECK_OK(db_items(r, text("a"), 1, add_item, &l, err));
    CHECK(strcmp(l.text, "b 0  {}\n") == 0, "a page: got\n%s", l.text);
    db_op gone = { .kind = DB_DELETE_ITEM, .item = { .id = text("c") } };
    CHECK_OK(db_write_now(d, &gone, 1, err));
    check_events(d, (db_events_of){ 0 }, "", "an item goes with its events");
    db_counts n;
    CHECK_OK(db_count(r, &n, err));
    CHECK(n.events == 0 && n.items == 2 && n.users == 1, "counts");
    db_reader_free(r);
    db_close(d);
}

static void check_items(const db *d, const char *want, const char *what)
{
    lines l = { "" };
    db_reader *r = NULL;
    CHECK_OK(db_reader_new(&r, d, err));
    CHECK_OK(db_items(r, (db_text){ 0 }, 0, add_item, &l, err));
    CHECK(strcmp(l.text, want) == 0, "%s: got\n%s", what, l.text);
    db_reader_free(r);
}

// Each write changes what it names and nothing else.
static void test_patches(void)
{
    static const db_text none;
    const struct {
        const char *what;
        db_kind kind;
        db_item item;
        uint32_t changed;
        const char *want; // of item "a"; NULL: there is none
    } cases[] = {
        { "whole",
          DB_PUT_ITEM,
          { none, text("[\"x\"]"), text("{\"p\":1}"), text("note"), 7, true, false },
          1,
          "a 1 [\"x\"] {\"p\":1}\n" },
        { "fields",
          DB_PATCH_ITEM,
          { .fields = text("{}"), .time = TIME_NONE, .keep_hidden = true },
          1,
          "a 1 [\"x\"] {}\n" },
        { "hidden", DB_PATCH_ITEM, { .time = TIME_NONE }, 1, "a 0 [\"x\"] {}\n" },
        { "categories",
          DB_PATCH_ITEM,
          { .categories = text("[]"), .time = TIME_NONE, .keep_hidden = true },
          1,
          "a 0 [] {}\n" },
        { "one more",
          DB_ADD_CATEGORY,
          { .categories = text("caf\xc3\xa9 \"1\"") },
          1,
          "a 0 [\"caf\xc3\xa9 \\\"1\\\"\"] {}\n" },
        { "and another",
          DB_ADD_CATEGORY,
          { .categories = text("y/z") },
          1,
          "a 0 [\"caf\xc3\xa9 \\\"1\\\"\",\"y/z\"] {}\n" },
        { "which it has",
          DB_ADD_CATEGORY,
          { .categories = text("y/z") },
          1,
          "a 0 [\"caf\xc3\xa9 \\\"1\\\"\",\"y/z\"] {}\n" },
        { "one less",
          DB_DROP_CATEGORY,
          { .categories = text("caf\xc3\xa9 \"1\"") },
          1,
          "a 0 [\"y/z\"] {}\n" },
        { "one it has not",
          DB_DROP_CATEGORY,
          { .categories = text("w") },
          1,
          "a 0 [\"y/z\"] {}\n" },
    };
    db *d = fresh((db_options){ 0 });
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        db_op op = { .kind = cases[i].kind, .item = cases[i].item };
        op.item.id = text("a");
        CHECK_OK(db_write_now(d, &op, 1, err));
        CHECK(op.changed == cases[i].changed, "%s: changed %u", cases[i].what, op.changed);
        check_items(d, cases[i].want, cases[i].what);
    }
    db_op more[] = {
        { .kind = DB_ADD_CATEGORY, .item = { .id = text("b"), .categories = text("y") } },
        { .kind = DB_PATCH_ITEM,
          .item = { .id = text("c"), .time = TIME_NONE, .keep_hidden = true } },
        { .kind = DB_ADD_CATEGORY, .item = { .id = text("c"), .categories = text("y") } },
    };
    CHECK_OK(db_write_now(d, more, COUNT_OF(more), err));
    CHECK(more[0].changed == 0 && more[1].changed == 1, "a category makes no item, a patch does");
    check_items(d, "a 0 [\"y/z\"] {}\nc 0 [\"y\"] \n", "items that were not there");
    db_close(d);
}

static bool add_whole_user(void *ctx, const db_user *u)
{
    lines *l = ctx;
    snprintf(l->text, sizeof l->text, "%.*s|%.*s", (int)u->fields.len,
             u->fields.at ? u->fields.at : "", (int)u->comment.len,
             u->comment.at ? u->comment.at : "");
    return true;
}

static void test_patched_user(void)
{
    db *d = fresh((db_options){ 0 });
    db_reader *r = NULL;
    lines l = { "" };
    db_op op[] = {
        { .kind = DB_PUT_USER, .user = { text("u"), text("{\"age\":3}"), text("old") } },
        { .kind = DB_PATCH_USER, .user = { .id = text("u"), .comment = text("new") } },
        { .kind = DB_PATCH_USER, .user = { .id = text("v"), .fields = text("{}") } },
    };
    CHECK_OK(db_write_now(d, op, COUNT_OF(op), err));
    CHECK_OK(db_reader_new(&r, d, err));
    CHECK_OK(db_user_get(r, text("u"), add_whole_user, &l, err));
    CHECK(strcmp(l.text, "{\"age\":3}|new") == 0, "got %s", l.text);
    CHECK_OK(db_user_get(r, text("v"), add_whole_user, &l, err));
    CHECK(strcmp(l.text, "{}|") == 0, "got %s", l.text);
    db_reader_free(r);
    db_close(d);
}

// --- forgetting -------------------------------------------------------------------------------------

static void test_delete_user(void)
{
    enum { PEOPLE = 300, EACH = 20 };
    db *d = fresh((db_options){ 0 });
    const db_text items[] = { text("item-1"), text("item-2") };
    static db_op op[EACH];
    static char name[EACH][40], item[EACH][40], key[EACH][40];
    for (int u = 0; u < PEOPLE; u++) {
        for (int i = 0; i < EACH; i++) {
            snprintf(name[i], sizeof name[i], "person-%03d", u);
            snprintf(item[i], sizeof item[i], "item-%d", (u * 31 + i * 17) % 97);
            snprintf(key[i], sizeof key[i], "key-of-%03d-%d", u, i);
            op[i] = event(key[i], name[i], item[i], u * 100 + i);
            op[i].event.fields = text("{\"secret\":\"of many\"}");
        }
        if (u == 123) {
            op[3].event.fields = text("{\"secret\":\"very-private-matter\"}");
            op[4] =
                (db_op){ .kind = DB_PUT_USER,
                         .user = { .id = text("person-123"), .comment = text("lives-at-home") } };
            op[5] = (db_op){ .kind = DB_PUT_ANSWER,
                             .answer = { .id = text("answer-for-123"),
                                         .user = text("person-123"),
                                         .item = items,
                                         .items = 2 } };
        }
        CHECK_OK(db_write_now(d, op, EACH, err));
    }
    static const char *const traces[] = { "person-123", "very-private-matter", "lives-at-home",
                                          "key-of-123", "answer-for-123" };
    for (size_t i = 0; i < COUNT_OF(traces); i++)
        CHECK(power_scan(traces[i]), "%s is not there to begin with", traces[i]);
    db_op gone = { .kind = DB_DELETE_USER, .user = { .id = text("person-123") } };
    CHECK_OK(db_write_now(d, &gone, 1, err));
    CHECK(gone.changed == 18 + 1 + 1, "%u rows went", gone.changed);
    for (size_t i = 0; i < COUNT_OF(traces); i++)
        CHECK(!power_scan(traces[i]), "%s is still on the disk", traces[i]);
    CHECK(power_scan("person-124"), "somebody else is gone");
    db_close(d);
}

static void test_retention(void)
{
    const int64_t day = INT64_C(86400000000);
    db *d = fresh((db_options){ .keep_days = 10, .keep_events = 2, .keep_fields = "lat,lon" });
    db_op op[] = { event(NULL, "u", "a", day), event(NULL, "u", "c", 30 * day),
                   event(NULL, "u", "b", 20 * day), event(NULL, "v", "a", 5 * day) };
    op[1].event.fields = text("{\"name\":\"Ann\",\"lat\":3}");
    op[2].event.fields = text("{\"name\":\"Ann\"}");
    CHECK_OK(db_write_now(d, op, COUNT_OF(op), err));
    check_events(d, (db_events_of){ .user = text("u") },
                 "u b view 1728000000000 nan \nu c view 2592000000000 nan {\"lat\":3}\n",
                 "the latest two, with what may be kept");
    CHECK(!power_scan("Ann"), "a field that is not kept was written");
    CHECK_OK(db_expire(d, 31 * day, err));
    check_events(d, (db_events_of){ 0 }, "u c view 2592000000000 nan {\"lat\":3}\n", "ten days");
    op[0].event.fields = text("[1]");
    CHECK(db_write_now(d, op, 1, NULL) == HABIT_EINVAL, "fields that are no object");
    check_events(d, (db_events_of){ .user = text("u"), .item = text("a") }, "", "nothing of it");
    db_close(d);
}

// --- trouble ----------------------------------------------------------------------------------------

static void test_sync_fails(void)
{
    habit_error why = { 0 };
    db *d = fresh((db_options){ .durability = DB_ALWAYS });
    db_op one = event("1", "u", "a", 1), two = event("2", "u", "b", 2);
    CHECK_OK(db_write_now(d, &one, 1, err));
    power.syncs_fail = true;
    CHECK(db_write_now(d, &two, 1, NULL) == HABIT_EIO, "told that it is durable");
    power.syncs_fail = false;
    CHECK(db_write_now(d, &two, 1, &why) == HABIT_EIO && strstr(why.message, "no more writes"),
          "writes go on: %s", why.message);
    CHECK(db_look(d).refuses, "does not say so");
    check_events(d, (db_events_of){ 0 }, "u a view 1 nan \n", "reading goes on");
    db_close(d);
}

static void test_disk_full(void)
{
    habit_error why = { 0 };
    db *d = fresh((db_options){ .durability = DB_ALWAYS });
    db_op one = event("1", "u", "a", 1), two = event("2", "u", "b", 2);
    CHECK_OK(db_write_now(d, &one, 1, err));
    power.room = 0;
    CHECK(db_write_now(d, &two, 1, &why) == HABIT_ENOSPACE, "a full disk: %s", why.message);
    check_events(d, (db_events_of){ 0 }, "u a view 1 nan \n", "reading goes on");
    power.room = INT64_MAX;
    CHECK_OK(db_write_now(d, &two, 1, err));
    check_events(d, (db_events_of){ 0 }, "u a view 1 nan \nu b view 2 nan \n", "and writing");
    db_close(d);
}

// A write that is refused leaves its neighbours alone.
static void test_all_or_nothing(void)
{
    db *d = fresh((db_options){ .keep_fields = "x" });
    db_op bad[] = { event("1", "u", "a", 1), event("2", "u", "b", 2) },
          good = event("3", "u", "c", 3);
    bad[1].event.fields = text("nonsense");
    CHECK(db_write_now(d, bad, 2, NULL) == HABIT_EINVAL, "nonsense is taken");
    CHECK_OK(db_write_now(d, &good, 1, err));
    check_events(d, (db_events_of){ 0 }, "u c view 3 nan \n", "half a write is there");
    db_close(d);
}

static void test_files(void)
{
    db *d = fresh((db_options){ 0 }), *other = NULL;
    db_op one = event("1", "u", "a", 1);
    const db_options o = { .vfs = "power" };
    habit_error why = { 0 };
    CHECK_OK(db_write_now(d, &one, 1, err));
    CHECK_OK(db_backup(d, "copy.db", err));
    db_close(d);
    CHECK_OK(db_open(&other, "copy.db", &o, err));
    check_events(other, (db_events_of){ 0 }, "u a view 1 nan \n", "a copy");
    db_close(other);
    sqlite3 *c = NULL;
    sqlite3_open_v2("copy.db", &c, SQLITE_OPEN_READWRITE, "power");
    sqlite3_exec(c, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(c);
    CHECK(db_open(&other, "copy.db", &o, &why) == HABIT_EFORMAT && strstr(why.message, "newer"),
          "a newer one: %s", why.message);
    sqlite3_open_v2("else.db", &c, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "power");
    sqlite3_exec(c, "CREATE TABLE t(x)", NULL, NULL, NULL);
    sqlite3_close(c);
    CHECK(db_open(&other, "else.db", &o, &why) == HABIT_EFORMAT &&
              strstr(why.message, "something else"),
          "somebody else's: %s", why.message);
    CHECK(db_open(&other, "postgres://x", &o, &why) == HABIT_EINVAL, "a kind that is not built in");
}
#endif

int main(void)
{
#ifdef HAVE_SQLITE
    power_install(1);
    test_events();
    test_order_of_arrival();
    test_ids();
    test_items();
    test_patches();
    test_patched_user();
    test_delete_user();
    test_retention();
    test_sync_fails();
    test_disk_full();
    test_all_or_nothing();
    test_files();
    return CHECK_DONE();
#else
    puts("built without SQLite");
    return CHECK_SKIPPED;
#endif
}
