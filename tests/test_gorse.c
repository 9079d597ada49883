// test_gorse.c - every route of the Gorse API, as its clients call them.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"

static serve_place place;

static bool make_model(void)
{
    return serve_run(&place, "simulate", "--out", "shop", "--users", "300", "--items", "120",
                     "--events", "8000", "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--model", "itemknn", "--out", "knn.model",
                     "--quiet", NULL) == 0;
}

#define ITEM_1                                                                                     \
    "{\"ItemId\":\"g1\",\"IsHidden\":false,\"Categories\":[\"book\",\"new\"],\"Timestamp\":"       \
    "\"2022-10-23T03:50:24.25Z\",\"Labels\":{\"tags\":[\"a\"],\"price\":9.5},\"Comment\":\"one\"}"
#define ODD "a%2Fb%20caf%C3%A9%3F" // a/b café?
#define FEED(type, user, item, value, time)                                                        \
    "{\"FeedbackType\":\"" type "\",\"UserId\":\"" user "\",\"ItemId\":\"" item                    \
    "\",\"Value\":" value ",\"Timestamp\":\"" time "\",\"Comment\":\"\"}"
#define T1 "2024-05-01T12:00:00Z"
#define T2 "2024-05-01T12:00:01Z"

// In their order: each row stands on those before it.  want: the whole answer; or, beginning with
// '~', a part of it.
// clang-format off
static const struct {
    const char *name, *method, *path, *body;
    int status;
    const char *want;
} cases[] = {
    { "alive", "GET", "/api/health/live", NULL, 200, "~\"Ready\":true,\"DataStoreError\":null" },
    { "ready", "GET", "/api/health/ready", NULL, 200, "~\"DataStoreConnected\":true,\"CacheStoreConnected\":true" },

    { "put a user", "POST", "/api/user", "{\"UserId\":\"u1\",\"Labels\":[\"a\"],\"Comment\":\"c\"}", 200, "{\"RowAffected\":1}" },
    { "it comes back", "GET", "/api/user/u1", NULL, 200, "{\"UserId\":\"u1\",\"Labels\":[\"a\"],\"Comment\":\"c\"}" },
    { "a slash at the end", "GET", "/api/user/u1/", NULL, 200, "{\"UserId\":\"u1\",\"Labels\":[\"a\"],\"Comment\":\"c\"}" },
    { "put it again", "POST", "/api/user", "{\"UserId\":\"u1\",\"Labels\":{\"x\":1}}", 200, "{\"RowAffected\":1}" },
    { "all of it is new", "GET", "/api/user/u1", NULL, 200, "{\"UserId\":\"u1\",\"Labels\":{\"x\":1},\"Comment\":\"\"}" },
    { "patch a user", "PATCH", "/api/user/u1", "{\"Comment\":\"hi\",\"Labels\":null}", 200, "{\"RowAffected\":1}" },
    { "only that", "GET", "/api/user/u1", NULL, 200, "{\"UserId\":\"u1\",\"Labels\":{\"x\":1},\"Comment\":\"hi\"}" },
    { "patch nobody", "PATCH", "/api/user/u0", "{\"Comment\":\"new\"}", 200, "{\"RowAffected\":1}" },
    { "who is there now", "GET", "/api/user/u0", NULL, 200, "{\"UserId\":\"u0\",\"Labels\":null,\"Comment\":\"new\"}" },
    { "put users", "POST", "/api/users", "[{\"UserId\":\"u2\"},{\"UserId\":\"a/b caf\xc3\xa9?\"},{\"UserId\":\"u3\"}]", 200, "{\"RowAffected\":3}" },
    { "put none", "POST", "/api/users", "[]", 200, "{\"RowAffected\":0}" },
    { "an odd id", "GET", "/api/user/" ODD, NULL, 200, "{\"UserId\":\"a/b caf\xc3\xa9?\",\"Labels\":null,\"Comment\":\"\"}" },
    { "an id of other bytes", "PATCH", "/api/user/%FFx", "{\"Comment\":\"b\"}", 200, "{\"RowAffected\":1}" },
    { "comes back as it can", "GET", "/api/user/%FFx", NULL, 200, "{\"UserId\":\"\\udcffx\",\"Labels\":null,\"Comment\":\"b\"}" },
    { "gone", "DELETE", "/api/user/%FFx", NULL, 200, "{\"RowAffected\":1}" },
    { "users", "GET", "/api/users?n=10", NULL, 200, "~\"Cursor\":\"\"}" },
    { "a user nobody knows", "GET", "/api/user/none", NULL, 404, "none: user not found" },
    { "delete a user", "DELETE", "/api/user/u3", NULL, 200, "{\"RowAffected\":1}" },
    { "who is gone", "GET", "/api/user/u3", NULL, 404, "u3: user not found" },
    { "delete nobody", "DELETE", "/api/user/u3", NULL, 200, "{\"RowAffected\":1}" },
    { "a bad user", "POST", "/api/users", "[{\"UserId\":\"u4\"},{\"UserId\":\"\"}]", 400, "user 1: UserId is empty" },
    { "and nothing of it is taken", "GET", "/api/user/u4", NULL, 404, "u4: user not found" },
    { "no body", "POST", "/api/user", NULL, 400, "the body is empty" },
    { "no id", "GET", "/api/user//feedback", NULL, 400, "the id of the user is empty" },

    { "put an item", "POST", "/api/item", ITEM_1, 200, "{\"RowAffected\":1}" },
    { "the item comes back", "GET", "/api/item/g1", NULL, 200, ITEM_1 },
    { "patch an item", "PATCH", "/api/item/g1", "{\"IsHidden\":true,\"Categories\":null,\"Labels\":[1],\"Timestamp\":null}", 200, "{\"RowAffected\":1}" },
    { "only what was named", "GET", "/api/item/g1", NULL, 200,
      "{\"ItemId\":\"g1\",\"IsHidden\":true,\"Categories\":[\"book\",\"new\"],\"Timestamp\":\"2022-10-23T03:50:24.25Z\",\"Labels\":[1],\"Comment\":\"one\"}" },
    { "a time", "PATCH", "/api/item/g1", "{\"Timestamp\":\"2023-01-01\",\"IsHidden\":false}", 200, "{\"RowAffected\":1}" },
    { "the time is new", "GET", "/api/item/g1", NULL, 200, "~\"IsHidden\":false,\"Categories\":[\"book\",\"new\"],\"Timestamp\":\"2023-01-01T00:00:00Z\"" },
    { "a category more", "PUT", "/api/item/g1/category/a%2Fb", NULL, 200, "{\"RowAffected\":1}" },
    { "twice is once", "PUT", "/api/item/g1/category/a%2Fb", NULL, 200, "{\"RowAffected\":1}" },
    { "it has three", "GET", "/api/item/g1", NULL, 200, "~\"Categories\":[\"book\",\"new\",\"a/b\"]" },
    { "a category less", "DELETE", "/api/item/g1/category/book", NULL, 200, "{\"RowAffected\":1}" },
    { "it has two", "GET", "/api/item/g1", NULL, 200, "~\"Categories\":[\"new\",\"a/b\"]" },
    { "of an item nobody knows", "PUT", "/api/item/none/category/x", NULL, 404, "item not found" },
    { "a category that is no text", "PUT", "/api/item/g1/category/%FF", NULL, 400, "the category is not UTF-8" },
    { "put items", "POST", "/api/items", "[{\"ItemId\":\"g2\",\"Comment\":\"Blue Shoes\"},{\"ItemId\":\"a/b caf\xc3\xa9?\",\"Labels\":\"shoe\"}]", 200, "{\"RowAffected\":2}" },
    { "search", "GET", "/api/items?q=SHOE&n=1", NULL, 200, "~{\"Items\":[{\"ItemId\":\"a/b caf\xc3\xa9?\"" },
    { "search for nothing", "GET", "/api/items?q=trousers", NULL, 200, "{\"Items\":[],\"Cursor\":\"\"}" },
    { "an item nobody knows", "GET", "/api/item/none", NULL, 404, "none: item not found" },
    { "delete an item", "DELETE", "/api/item/" ODD, NULL, 200, "{\"RowAffected\":1}" },
    { "it is gone", "GET", "/api/item/" ODD, NULL, 404, "~item not found" },
    { "a bad item", "POST", "/api/item", "{\"ItemId\":\"g3\",\"Categories\":{}}", 400, "item 0: Categories is not a list" },

    { "feedback", "POST", "/api/feedback", "[" FEED("like", "f1", "i1", "1", T1) "," FEED("read", "f1", "i2", "0", T2) "," FEED("like", "f2", "i1", "2", T1) "]", 200, "{\"RowAffected\":3}" },
    { "of a user", "GET", "/api/user/f1/feedback", NULL, 200, "[" FEED("like", "f1", "i1", "1", T1) "," FEED("read", "f1", "i2", "0", T2) "]" },
    { "with a slash", "GET", "/api/user/f1/feedback/", NULL, 200, "[" FEED("like", "f1", "i1", "1", T1) "," FEED("read", "f1", "i2", "0", T2) "]" },
    { "of a type", "GET", "/api/user/f1/feedback/read", NULL, 200, "[" FEED("read", "f1", "i2", "0", T2) "]" },
    { "of another type", "GET", "/api/user/f1/feedback/buy", NULL, 200, "[]" },
    { "on an item", "GET", "/api/item/i1/feedback/", NULL, 200, "[" FEED("like", "f1", "i1", "1", T1) "," FEED("like", "f2", "i1", "2", T1) "]" },
    { "on an item, of a type", "GET", "/api/item/i1/feedback/like", NULL, 200, "[" FEED("like", "f1", "i1", "1", T1) "," FEED("like", "f2", "i1", "2", T1) "]" },
    { "of a user on an item", "GET", "/api/feedback/f1/i1", NULL, 200, "[" FEED("like", "f1", "i1", "1", T1) "]" },
    { "one", "GET", "/api/feedback/like/f1/i1", NULL, 200, FEED("like", "f1", "i1", "1", T1) },
    { "none", "GET", "/api/feedback/read/f1/i1", NULL, 404, "feedback not found" },
    { "values add up", "POST", "/api/feedback", FEED("like", "f1", "i1", "4", T2), 200, "{\"RowAffected\":1}" },
    { "to five", "GET", "/api/feedback/like/f1/i1", NULL, 200, FEED("like", "f1", "i1", "5", T2) },
    { "or are replaced", "PUT", "/api/feedback", "[" FEED("like", "f1", "i1", "2.5", T1) "]", 200, "{\"RowAffected\":1}" },
    { "by this one", "GET", "/api/feedback/like/f1/i1", NULL, 200, FEED("like", "f1", "i1", "2.5", T1) },
    { "odd ids", "PUT", "/api/feedback", "[" FEED("a/b", "a/b caf\xc3\xa9?", "a/b caf\xc3\xa9?", "1", T1) "]", 200, "{\"RowAffected\":1}" },
    { "found", "GET", "/api/feedback/a%2Fb/" ODD "/" ODD, NULL, 200, FEED("a/b", "a/b caf\xc3\xa9?", "a/b caf\xc3\xa9?", "1", T1) },
    { "of a type, all", "GET", "/api/feedback/like?n=1", NULL, 200, "~{\"Feedback\":[" FEED("like", "f1", "i1", "2.5", T1) "],\"Cursor\":\"1" },
    { "delete one", "DELETE", "/api/feedback/read/f1/i2", NULL, 200, "{\"RowAffected\":1}" },
    { "delete it again", "DELETE", "/api/feedback/read/f1/i2", NULL, 200, "{\"RowAffected\":0}" },
    { "delete between two", "DELETE", "/api/feedback/f2/i1", NULL, 200, "{\"RowAffected\":1}" },
    { "what is left", "GET", "/api/item/i1/feedback", NULL, 200, "[" FEED("like", "f1", "i1", "2.5", T1) "]" },
    { "users were made", "GET", "/api/user/f2", NULL, 200, "{\"UserId\":\"f2\",\"Labels\":null,\"Comment\":\"\"}" },
    { "an item goes with its feedback", "DELETE", "/api/item/i1", NULL, 200, "{\"RowAffected\":1}" },
    { "so none is left", "GET", "/api/user/f1/feedback", NULL, 200, "[]" },
    { "bad feedback", "POST", "/api/feedback", "[" FEED("like", "f9", "i1", "1", T1) "," FEED("like", "", "i1", "1", T1) "]", 400, "feedback 1: UserId is empty" },
    { "takes nothing", "GET", "/api/user/f9", NULL, 404, "f9: user not found" },
    { "a cursor of somebody else", "GET", "/api/feedback?cursor=x", NULL, 400, "this cursor is none of ours" },
    { "a cursor that is none", "GET", "/api/users?cursor=xyz", NULL, 400, "this cursor is none of ours" },
    { "n is a word", "GET", "/api/items?n=ten", NULL, 400, "n=ten: not a whole number" },
    { "no such path", "GET", "/api/nothing", NULL, 404, "~there is nothing at this path" },
    { "another method", "PATCH", "/api/feedback", NULL, 405, "~PATCH is not for this path" },
};
// clang-format on

static void test_cases(serve_client *c)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *want = cases[i].want;
        const int status = client_ask(c, cases[i].method, cases[i].path, cases[i].body);
        CHECK(status == cases[i].status, "%s: %d %s", cases[i].name, status, c->body);
        CHECK(*want == '~' ? strstr(c->body, want + 1) != NULL : strcmp(c->body, want) == 0,
              "%s: %s", cases[i].name, c->body);
        const char *type = client_header(c, "Content-Type");
        CHECK(type && strncmp(type, status < 400 ? "application/json" : "text/plain", 10) == 0,
              "%s: %s", cases[i].name, c->head);
    }
}

// Cursors lead through all, once each, whatever the size of a page and the name of the parameter.
static void test_pages(serve_client *c, const char *path, const char *list, const char *id,
                       size_t all)
{
    static const char *const names[] = { "cursor", "Cursor" };
    for (int n = 1; n <= 7; n += 3) {
        size_t got = 0, pages = 0;
        char cursor[3000] = "", last[200] = "", at[40], ask[4000];
        do {
            snprintf(ask, sizeof ask, "%s?n=%d&%s=%s", path, n, names[n % 2], cursor);
            CHECK(client_get(c, ask) == 200, "%s: %s", ask, c->body);
            const size_t rows = client_count(c, list);
            for (size_t k = 0; k < rows && id; k++) {
                snprintf(at, sizeof at, "%s.%zu.%s", list, k, id);
                CHECK(strcmp(client_text(c, at), last) > 0, "%s after %s", client_text(c, at),
                      last);
                snprintf(last, sizeof last, "%s", client_text(c, at));
            }
            got += rows;
            snprintf(cursor, sizeof cursor, "%s", client_text(c, "Cursor"));
            CHECK(rows == (size_t)n || !*cursor, "a short page that is not the last: %s", c->body);
        } while (*cursor && ++pages < 100);
        CHECK(got == all && pages == (all - 1) / (size_t)n, "%s by %d: %zu rows, %zu pages", path,
              n, got, pages);
    }
}

// What is written through one API is there in the other.
static void test_both(serve_client *c)
{
    CHECK(client_ask(
              c, "POST", "/v1/events",
              "{\"user\":\"both\",\"item\":\"i5\",\"behaviour\":\"buy\",\"value\":3,\"page\":1,"
              "\"time\":\"2024-05-01T12:00:00Z\"}") == 200,
          "%s", c->body);
    client_get(c, "/api/user/both/feedback/buy");
    CHECK(strcmp(c->body, "[" FEED("buy", "both", "i5", "3", T1) "]") == 0, "%s", c->body);
    client_ask(c, "PUT", "/api/feedback",
               "{\"FeedbackType\":\"like\",\"UserId\":\"both\",\"ItemId\":"
               "\"i6\",\"Timestamp\":\"2024-05-02\",\"Comment\":\"x\"}");
    CHECK(client_get(c, "/v1/users/both") == 200 && client_count(c, "events") == 2 &&
              strcmp(client_text(c, "events.0.item"), "i6") == 0 &&
              strcmp(client_text(c, "events.0.fields.comment"), "x") == 0,
          "%s", c->body);
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#ifdef HAVE_SERVE
    serve_process p;
    serve_client c;
    serve_place_open(&place, argc, argv);
    CHECK(make_model(), "no model");
    CHECK(serve_begin(&p, &place, "knn.model", "--store", "live.db", NULL), "no server");
    client_open(&c, p.port);
    test_cases(&c);
    client_ask(&c, "DELETE", "/api/user/f2", NULL);
    test_pages(&c, "/api/users", "Users", "UserId", 5);
    test_pages(&c, "/api/items", "Items", "ItemId", 4);
    client_ask(
        &c, "PUT", "/api/feedback",
        "[" FEED("like", "p1", "g1", "1", T1) "," FEED("like", "p1", "g2", "1", T1) "," FEED(
            "read", "p1", "g2", "1",
            T1) "," FEED("like", "p2", "g1", "1",
                         T2) "," FEED("like", "p2", "g2", "1",
                                      T2) "," FEED("like", "p3", "g2", "1",
                                                   T2) "," FEED("like", "p4", "g2", "1", T2) "]");
    test_pages(&c, "/api/feedback", "Feedback", NULL, 8);
    test_pages(&c, "/api/feedback/like", "Feedback", NULL, 6);
    test_both(&c);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
