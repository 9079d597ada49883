// test_gorse_body.c - what clients of Gorse put comes back equal; what is bad is refused by name.
#include "tests/check.h"
#include <config.h>

#ifdef HAVE_SERVE
#include "base/clock.h"
#include "base/memory.h"
#include "serve/gorse_body.h"
#include "serve/gorse_time.h"

#include <string.h>

#define NOW INT64_C(1700000000000000)

static void write_row(buffer *to, const db_op *op)
{
    if (op->kind == DB_PUT_USER)
        gorse_write_user(to, &op->user);
    else if (op->kind == DB_PUT_ITEM)
        gorse_write_item(to, &op->item);
    else
        gorse_write_feedback(to, &op->event);
}

// clang-format off
static const struct {
    const char *name;
    gorse_noun noun;
    const char *put, *got; // got NULL: the same
} rows[] = {
    { "user", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":{\"age\":30,\"x\":[1,2.5,1e-07]},\"Comment\":\"hello\"}", NULL },
    { "labels as a list", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":[\"a\",\"b\"],\"Comment\":\"\"}", NULL },
    { "labels as a text", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":\"a\",\"Comment\":\"\"}", NULL },
    { "labels false", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":false,\"Comment\":\"\"}", NULL },
    { "no labels", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":null,\"Comment\":\"\"}", NULL },
    { "empty labels", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":{},\"Comment\":\"\"}", NULL },
    { "labels that read like ours", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":{\"labels\":[1]},\"Comment\":\"\"}", NULL },
    { "and once more", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":{\"labels\":{\"labels\":1}},\"Comment\":\"\"}", NULL },
    { "with subscribe inside", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":{\"labels\":1,\"subscribe\":2},\"Comment\":\"\"}", NULL },
    { "labels beside others", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":{\"labels\":1,\"b\":2},\"Comment\":\"\"}", NULL },
    { "subscribe", GORSE_USER, "{\"UserId\":\"u1\",\"Labels\":[\"a\"],\"Subscribe\":[\"d\",\"e\"],\"Comment\":\"c\"}", NULL },
    { "subscribe alone", GORSE_USER, "{\"UserId\":\"u1\",\"Subscribe\":[\"d\"]}",
      "{\"UserId\":\"u1\",\"Labels\":null,\"Subscribe\":[\"d\"],\"Comment\":\"\"}" },
    { "an id alone", GORSE_USER, "{\"UserId\":\"caf\xc3\xa9/\\\"1\\\"\"}",
      "{\"UserId\":\"caf\xc3\xa9/\\\"1\\\"\",\"Labels\":null,\"Comment\":\"\"}" },
    { "capitals do not matter", GORSE_USER, "{\"userid\":\"u1\",\"COMMENT\":\"c\"}",
      "{\"UserId\":\"u1\",\"Labels\":null,\"Comment\":\"c\"}" },
    { "a number as id", GORSE_USER, "{\"UserId\":12345678901}", "{\"UserId\":\"12345678901\",\"Labels\":null,\"Comment\":\"\"}" },
    { "exact numbers", GORSE_USER, "{\"UserId\":\"u\",\"Labels\":{\"v\":[0.1,0.30000000000000004,1.0,-0.0,1e+300,9007199254740993]},"
      "\"Comment\":\"\"}", NULL },
    { "order and nesting", GORSE_USER, "{\"UserId\":\"u\",\"Labels\":{\"z\":{\"b\":[[],{},null,true]},\"a\":\"\\u0001\xe2\x82\xac\"},"
      "\"Comment\":\"\"}", NULL },
    { "item", GORSE_ITEM, "{\"ItemId\":\"i1\",\"IsHidden\":true,\"Categories\":[\"a\",\"b/c\"],\"Timestamp\":\"2022-10-23T03:50:24Z\","
      "\"Labels\":{\"tags\":[\"x\"]},\"Comment\":\"c\"}", NULL },
    { "no categories", GORSE_ITEM, "{\"ItemId\":\"i1\",\"IsHidden\":false,\"Categories\":[],\"Timestamp\":\"2022-10-23T03:50:24.5Z\","
      "\"Labels\":null,\"Comment\":\"\"}", NULL },
    { "an item alone", GORSE_ITEM, "{\"ItemId\":\"i1\"}", "{\"ItemId\":\"i1\",\"IsHidden\":false,\"Categories\":null,"
      "\"Timestamp\":\"0001-01-01T00:00:00Z\",\"Labels\":null,\"Comment\":\"\"}" },
    { "no time comes back as no time", GORSE_ITEM, "{\"ItemId\":\"i1\",\"IsHidden\":false,\"Categories\":null,"
      "\"Timestamp\":\"0001-01-01T00:00:00Z\",\"Labels\":[],\"Comment\":\"\"}", NULL },
    { "feedback", GORSE_FEEDBACK, "{\"FeedbackType\":\"read\",\"UserId\":\"u1\",\"ItemId\":\"i1\",\"Value\":2.5,"
      "\"Timestamp\":\"2021-10-24T06:42:20.207Z\",\"Labels\":{\"a\":[1]},\"Comment\":\"c\"}", NULL },
    { "no value is 0", GORSE_FEEDBACK, "{\"FeedbackType\":\"read\",\"UserId\":\"u1\",\"ItemId\":\"i1\",\"Timestamp\":\"2021-10-24\"}",
      "{\"FeedbackType\":\"read\",\"UserId\":\"u1\",\"ItemId\":\"i1\",\"Value\":0,\"Timestamp\":\"2021-10-24T00:00:00Z\",\"Comment\":\"\"}" },
    { "no time is now", GORSE_FEEDBACK, "{\"FeedbackType\":\"read\",\"UserId\":\"u1\",\"ItemId\":\"i1\",\"Timestamp\":\"\"}",
      "{\"FeedbackType\":\"read\",\"UserId\":\"u1\",\"ItemId\":\"i1\",\"Value\":0,\"Timestamp\":\"2023-11-14T22:13:20Z\",\"Comment\":\"\"}" },
    { "an item of a session", GORSE_SESSION, "{\"ItemId\":\"i1\"}",
      "{\"FeedbackType\":null,\"UserId\":null,\"ItemId\":\"i1\",\"Value\":0,\"Timestamp\":\"2023-11-14T22:13:20Z\",\"Comment\":\"\"}" },
};

static const struct {
    const char *name;
    gorse_noun noun;
    const char *put, *why;
} refusals[] = {
    { "nothing", GORSE_USER, "", "the body is empty" },
    { "no JSON", GORSE_USER, "{", "not JSON" },
    { "a text", GORSE_USER, "\"u1\"", "neither an object nor a list" },
    { "a list of numbers", GORSE_USER, "[1]", "user 0: that is not an object" },
    { "no id", GORSE_USER, "[{\"UserId\":\"u\"},{\"Labels\":[]}]", "user 1: UserId is missing" },
    { "an empty id", GORSE_ITEM, "{\"ItemId\":\"\"}", "item 0: ItemId is empty" },
    { "an id that is a list", GORSE_ITEM, "{\"ItemId\":[]}", "item 0: ItemId is not a string" },
    { "no user", GORSE_FEEDBACK, "[{\"FeedbackType\":\"a\",\"ItemId\":\"i\"}]", "feedback 0: UserId is missing" },
    { "no type", GORSE_FEEDBACK, "[{\"UserId\":\"a\",\"ItemId\":\"i\"}]", "FeedbackType is missing" },
    { "a bad time", GORSE_ITEM, "{\"ItemId\":\"i\",\"Timestamp\":\"soon\"}", "Timestamp is not a time" },
    { "a time that is true", GORSE_ITEM, "{\"ItemId\":\"i\",\"Timestamp\":true}", "Timestamp is not a time" },
    { "a bad value", GORSE_FEEDBACK, "{\"FeedbackType\":\"a\",\"UserId\":\"a\",\"ItemId\":\"i\",\"Value\":\"1\"}", "Value is not a number" },
    { "categories as a text", GORSE_ITEM, "{\"ItemId\":\"i\",\"Categories\":\"a\"}", "Categories is not a list" },
    { "a category that is none", GORSE_ITEM, "{\"ItemId\":\"i\",\"Categories\":[\"a\",1]}", "not a string" },
    { "hidden as a text", GORSE_ITEM, "{\"ItemId\":\"i\",\"IsHidden\":\"no\"}", "IsHidden is neither" },
    { "a comment that is none", GORSE_USER, "{\"UserId\":\"u\",\"Comment\":1}", "Comment is not a string" },
};

static const struct {
    const char *text, *want; // NULL: refused
} times[] = {
    { "2021-10-24T06:42:20.207Z", "2021-10-24T06:42:20.207Z" },
    { "2021-10-24T06:42:20.207123999Z", "2021-10-24T06:42:20.207123Z" },
    { "2021-10-24T06:42:20.000Z", "2021-10-24T06:42:20Z" },
    { "2021-10-24T08:42:20+02:00", "2021-10-24T06:42:20Z" },
    { "2021-10-24 06:42:20", "2021-10-24T06:42:20Z" },
    { "2021-10-24", "2021-10-24T00:00:00Z" },
    { "2021/10/24", "2021-10-24T00:00:00Z" },
    { "2021/10/24 06:42:20", "2021-10-24T06:42:20Z" },
    { "10/24/2021", "2021-10-24T00:00:00Z" },
    { "10/24/2021 06:42", "2021-10-24T06:42:00Z" },
    { "1635057740", "2021-10-24T06:42:20Z" },
    { "1635057740207", "2021-10-24T06:42:20.207Z" },
    { "20211024064220", "2021-10-24T06:42:20Z" },
    { "Sun, 24 Oct 2021 06:42:20 GMT", "2021-10-24T06:42:20Z" },
    { "Sun, 24 Oct 2021 08:42:20 +0200", "2021-10-24T06:42:20Z" },
    { "", "0001-01-01T00:00:00Z" },
    { "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z" },
    { "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z" },
    { "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" },
    { "9999-12-31T23:59:59-01:00", NULL },
    { "99999999999999999999999", NULL },
    { "soon", NULL }, { "2021-13-01", NULL }, { "2021/13/01", NULL }, { "13/40/2021", NULL }, { "2021-10", NULL },
    { "Sun, 24 Xxx 2021 06:42:20 GMT", NULL }, { "Sun, 24 anF 2021 06:42:20 GMT", NULL }, { "Sun, 24 Oct 2021 06:42:20 PST", NULL },
};

static const struct {
    const char *text;
    double want; // seconds; < -1e9: refused
} spans[] = {
    { "10m", 600 }, { "1h30m", 5400 }, { "1.5s", 1.5 }, { "300ms", .3 }, { "0", 0 }, { "-2h", -7200 }, { "0h0m0s", 0 },
    { "5us", 5e-6 }, { "5\xc2\xb5s", 5e-6 }, { "", -1e10 }, { "5", -1e10 }, { "5x", -1e10 }, { "m", -1e10 }, { "1e99h", -1e10 },
    { "1h ", -1e10 }, { "-", -1e10 },
};
// clang-format on

static void test_rows(void)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *want = rows[i].got ? rows[i].got : rows[i].put;
        gorse_body b = { 0 }, again = { 0 };
        buffer text = { 0 }, twice = { 0 };
        CHECK_OK(gorse_body_read(&b, rows[i].noun, rows[i].put, strlen(rows[i].put), NOW, err));
        if (b.ops == 1) write_row(&text, b.op);
        CHECK(b.ops == 1 && text.data && strcmp(text.data, want) == 0, "%s: got\n%s", rows[i].name,
              text.data ? text.data : "");
        if (rows[i].noun != GORSE_SESSION && text.data) { // and what came back may be put again
            CHECK_OK(gorse_body_read(&again, rows[i].noun, text.data, text.len, NOW, err));
            if (again.ops == 1) write_row(&twice, again.op);
            CHECK(twice.data && strcmp(twice.data, text.data) == 0, "%s twice: got\n%s",
                  rows[i].name, twice.data ? twice.data : "");
        }
        gorse_body_free(&b);
        gorse_body_free(&again);
        buffer_free(&text);
        buffer_free(&twice);
    }
}

static void test_refusals(void)
{
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        gorse_body b = { 0 };
        habit_error why = { 0 };
        const habit_status st = gorse_body_read(&b, refusals[i].noun, refusals[i].put,
                                                strlen(refusals[i].put), NOW, &why);
        CHECK(st == HABIT_EFORMAT && strstr(why.message, refusals[i].why), "%s: %s",
              refusals[i].name, why.message);
        gorse_body_free(&b);
    }
}

static void test_times(void)
{
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        int64_t t;
        buffer text = { 0 };
        const bool good = gorse_time_parse(times[i].text, strlen(times[i].text), &t);
        CHECK(good == (times[i].want != NULL), "'%s'", times[i].text);
        if (good) gorse_time_write(&text, t);
        CHECK(!good || !times[i].want ||
                  (text.len == strlen(times[i].want) + 2 &&
                   memcmp(text.data + 1, times[i].want, text.len - 2) == 0),
              "'%s': got %s", times[i].text, text.data);
        buffer_free(&text);
    }
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        int64_t t = 0;
        const bool good = gorse_span_parse(spans[i].text, strlen(spans[i].text), &t);
        CHECK(good == (spans[i].want > -1e9) && (!good || t == (int64_t)(spans[i].want * 1e6)),
              "'%s': %d %lld", spans[i].text, good, (long long)t);
    }
}

// A patch keeps what it does not name, labels beside subscriptions included.
static void test_patches(void)
{
    static const struct {
        const char *name, *before, *patch, *fields;
    } cases[] = {
        { "a comment", "{\"a\":1}", "{\"Comment\":\"c\",\"Labels\":null}", NULL },
        { "labels", "{\"a\":1}", "{\"Labels\":{\"b\":2}}", "{\"b\":2}" },
        { "labels keep subscribe", "{\"labels\":[1],\"subscribe\":[2]}", "{\"Labels\":[3]}",
          "{\"labels\":[3],\"subscribe\":[2]}" },
        { "subscribe keeps labels", "{\"a\":1}", "{\"Subscribe\":[4]}",
          "{\"labels\":{\"a\":1},\"subscribe\":[4]}" },
        { "subscribe keeps a list", "{\"labels\":[1]}", "{\"Subscribe\":[4]}",
          "{\"labels\":[1],\"subscribe\":[4]}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        gorse_body b = { 0 };
        json_t *before = json_loads(cases[i].before, 0, NULL);
        CHECK_OK(gorse_patch_read(&b, GORSE_USER, (db_text){ "u", 1 }, before, cases[i].patch,
                                  strlen(cases[i].patch), err));
        const db_text got = b.op ? b.op->user.fields : (db_text){ 0 };
        CHECK(cases[i].fields ? got.len == strlen(cases[i].fields) &&
                                    memcmp(got.at, cases[i].fields, got.len) == 0
                              : !got.at,
              "%s: got %.*s", cases[i].name, (int)got.len, got.at ? got.at : "");
        json_decref(before);
        gorse_body_free(&b);
    }
    gorse_body b = { 0 };
    const char *patch = "{\"Categories\":null,\"Comment\":\"\",\"IsHidden\":null,\"Labels\":null,"
                        "\"Timestamp\":null}";
    CHECK_OK(
        gorse_patch_read(&b, GORSE_ITEM, (db_text){ "i", 1 }, NULL, patch, strlen(patch), err));
    const db_item *item = &b.op->item;
    CHECK(b.op->kind == DB_PATCH_ITEM && item->keep_hidden && item->time == TIME_NONE &&
              !item->categories.at && !item->fields.at && item->comment.at,
          "nulls stay, texts do not");
    gorse_body_free(&b);
}

// Two feedbacks are one if type, user and item are the same, whatever is in their names.
static void test_ids(void)
{
    const char *two = "[{\"FeedbackType\":\"a\",\"UserId\":\"b\\\",\\\"c\",\"ItemId\":\"d\"},"
                      "{\"FeedbackType\":\"a\",\"UserId\":\"b\",\"ItemId\":\"c\\\",\\\"d\"}]";
    gorse_body b = { 0 };
    CHECK_OK(gorse_body_read(&b, GORSE_FEEDBACK, two, strlen(two), NOW, err));
    CHECK(b.ops == 2 && (b.op[0].event.id.len != b.op[1].event.id.len ||
                         memcmp(b.op[0].event.id.at, b.op[1].event.id.at, b.op[0].event.id.len)),
          "the same id");
    gorse_body_free(&b);
    const char *same = "[{\"FeedbackType\":\"a\",\"UserId\":\"1\",\"ItemId\":\"d\"},"
                       "{\"FeedbackType\":\"a\",\"UserId\":1,\"ItemId\":\"d\",\"Value\":3}]";
    CHECK_OK(gorse_body_read(&b, GORSE_FEEDBACK, same, strlen(same), NOW, err));
    CHECK(b.ops == 2 && b.op[0].event.id.len == b.op[1].event.id.len &&
              memcmp(b.op[0].event.id.at, b.op[1].event.id.at, b.op[0].event.id.len) == 0,
          "another id");
    gorse_body_free(&b);
}

// Every allocation that can fail does, once.
static void test_no_memory(void)
{
    const char *body =
        "[{\"ItemId\":\"i\",\"Labels\":[0.5],\"Categories\":[\"a\"]},{\"ItemId\":\"j\"}]";
    for (int n = 0; n < 40; n++) {
        gorse_body b = { 0 };
        mem_fail_after(n);
        const habit_status st = gorse_body_read(&b, GORSE_ITEM, body, strlen(body), NOW, NULL);
        mem_fail_after(-1);
        CHECK(st == HABIT_OK || st == HABIT_ENOMEM, "allocation %d: status %d", n, (int)st);
        gorse_body_free(&b);
        if (st == HABIT_OK) break;
    }
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    test_rows();
    test_refusals();
    test_times();
    test_patches();
    test_ids();
    test_no_memory();
    CHECK(mem_live() == 0, "%ld allocations left", mem_live());
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
