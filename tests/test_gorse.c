// test_gorse.c - every route of the Gorse API, as its clients call them.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"

#include <pthread.h>

static serve_place place;

static bool make_model(void)
{
    return serve_run(&place, "simulate", "--out", "shop", "--users", "300", "--items", "120",
                     "--events", "8000", "--quiet", NULL) == 0 &&
           serve_run(&place, "train", "shop/events.csv", "--model", "gru4rec", "--epochs", "1",
                     "--dim", "8", "--out", "gru.model", "--quiet", NULL) == 0;
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
// --- recommendations --------------------------------------------------------------------------------

// The ids of an answer, "i1 i2 i3 ", whether or not they come with scores, which never grow.
static const char *ids(serve_client *c, const char *path)
{
    static char text[20][4000];
    static int turn;
    char *out = text[turn++ % 20], at[40];
    *out = '\0';
    CHECK(client_get(c, path) == 200, "%s: %s", path, c->body);
    double last = 1e300;
    for (size_t k = 0; k < client_count(c, ""); k++) {
        snprintf(at, sizeof at, "%zu", k);
        const char *id = client_text(c, at);
        if (!*id) {
            snprintf(at, sizeof at, "%zu.Score", k);
            const double score = client_number(c, at);
            CHECK(score <= last && score > -1e299, "%s: a score that grows: %s", path, c->body);
            last = score;
            snprintf(at, sizeof at, "%zu.Id", k);
            id = client_text(c, at);
        }
        strncat(out, id, sizeof text[0] - strlen(out) - 2);
        strncat(out, " ", 2);
    }
    return out;
}

static size_t words(const char *s)
{
    size_t n = 0;
    while ((s = strchr(s, ' '))) n++, s++;
    return n;
}

static void put(serve_client *c, const char *path, const char *body)
{
    CHECK(client_ask(c, "PUT", path, body) == 200 || client_ask(c, "POST", path, body) == 200,
          "%s: %s", path, c->body);
}

static void test_recommend(serve_client *c)
{
    put(c, "/api/feedback",
        "[" FEED("view", "r1", "i003", "1", T1) "," FEED("view", "r1", "i017", "1", T2) "]");
    put(c, "/api/items",
        "[{\"ItemId\":\"only\",\"Categories\":[\"c/1\",\"c2\"],\"Timestamp\":\"2024-01-01\"},"
        "{\"ItemId\":\"other\",\"Categories\":[\"c2\"],\"Timestamp\":\"2024-01-02\"}]");
    const char *ten = ids(c, "/api/recommend/r1");
    CHECK(words(ten) == 10 && !strstr(ten, "i003 ") && !strstr(ten, "i017 "), "%s", ten);
    CHECK(*c->body == '[' && c->body[1] == '"', "ids alone: %s", c->body);
    CHECK(client_header(c, "X-Recommendation-Id") != NULL, "%s", c->head);
    static const char *const same[] = {
        "/api/recommend/r1/",
        "/api/recommend/r1//",
        "/api/recommend/r1?category=",
        "/api/recommend/r1/?n=10&offset=0",
        "/api/collaborative-filtering/r1",
        "/api/collaborative-filtering/r1/",
        "/api/intermediate/recommend/r1/",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        CHECK(strcmp(ids(c, same[i]), ten) == 0, "%s: %s, not %s", same[i], c->body, ten);
    c->extra = "X-API-Version: 2\r\n";
    CHECK(strcmp(ids(c, "/api/recommend/r1/"), ten) == 0 && *client_text(c, "0.Id"), "%s", c->body);
    c->extra = NULL;
    char pages[4000] = "";
    for (int k = 0; k < 10; k += 5) {
        char path[60];
        snprintf(path, sizeof path, "/api/recommend/r1?n=5&offset=%d", k);
        strncat(pages, ids(c, path), sizeof pages - strlen(pages) - 1);
    }
    CHECK(strcmp(pages, ten) == 0, "pages: %s, not %s", pages, ten);
    CHECK(words(ids(c, "/api/recommend/r1?n=0")) == 0, "none: %s", c->body);
    const size_t all = words(ids(c, "/api/recommend/r1?n=100000"));
    CHECK(all > 100 && all == words(ids(c, "/api/recommend/r1?n=-1")), "all: %zu", all);
    CHECK(words(ids(c, "/api/recommend/r1?offset=100000")) == 0, "behind all: %s", c->body);
    CHECK(strcmp(ids(c, "/api/recommend/r1/c%2F1"), "only ") == 0, "of a category: %s", c->body);
    CHECK(strcmp(ids(c, "/api/recommend/r1?category=c2&category=c%2F1"), "only ") == 0,
          "of two: %s", c->body);
    CHECK(words(ids(c, "/api/recommend/r1/c2/")) == 2, "of another: %s", c->body);
    CHECK(words(ids(c, "/api/recommend/r1/none")) == 0, "of none: %s", c->body);
    ids(c, "/api/recommend/caf%C3%A9%2F%FF");
    CHECK(client_count(c, "") == 10, "of a stranger: %s", c->body);
    CHECK(client_get(c, "/api/recommend/r1?category=a&category=b&category=c") == 400 &&
              strcmp(c->body, "more than two categories") == 0,
          "%s", c->body);
    CHECK(client_get(c, "/api/recommend/r1?write-back-type=read&write-back-delay=soon") == 400,
          "%s", c->body);
    CHECK(client_get(c, "/api/recommend/") == 404, "%s", c->body);
}

// What is written back is there as feedback, and not shown again; hidden and deleted items are not.
static void test_seen(serve_client *c)
{
    char shown[4000], read[4000] = "";
    snprintf(shown, sizeof shown, "%s", ids(c, "/api/recommend/w1?n=3&write-back-type=saw"));
    CHECK(client_get(c, "/api/user/w1/feedback/saw") == 200 && client_count(c, "") == 3, "%s",
          c->body);
    for (int k = 0; k < 3; k++) {
        char at[20];
        snprintf(at, sizeof at, "%d.ItemId", k);
        strncat(read, client_text(c, at), sizeof read - strlen(read) - 2);
        strncat(read, " ", 2);
    }
    CHECK(strcmp(read, shown) == 0, "%s, not %s", read, shown);
    const char *next = ids(c, "/api/recommend/w1?n=3");
    read[strcspn(read, " ")] = '\0';
    CHECK(words(next) == 3 && !strstr(next, read), "%s after %s", next, shown);
    char first[60], hide[100];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(next, " "), next);
    snprintf(hide, sizeof hide, "/api/item/%s", first);
    CHECK(client_ask(c, "PATCH", hide, "{\"IsHidden\":true}") == 200, "%s", c->body);
    CHECK(!strstr(ids(c, "/api/recommend/w1?n=-1"), first), "%s is hidden: %s", first, c->body);
    CHECK(client_ask(c, "PATCH", hide, "{\"IsHidden\":false}") == 200, "%s", c->body);
    CHECK(strncmp(ids(c, "/api/recommend/w1?n=3"), first, strlen(first)) == 0, "shown again: %s",
          c->body);
    CHECK(client_ask(c, "DELETE", hide, NULL) == 200, "%s", c->body);
    CHECK(!strstr(ids(c, "/api/recommend/w1?n=-1"), first), "%s is deleted: %s", first, c->body);
    put(c, "/api/feedback", "[" FEED("view", "w2", "gone", "1", T1) "]");
    CHECK(client_ask(c, "DELETE", "/api/item/gone", NULL) == 200, "%s", c->body);
    CHECK(!strstr(ids(c, "/api/popular?n=-1"), "gone "), "%s", c->body);
    put(c, "/api/feedback", "[" FEED("view", "w2", "gone", "1", T2) "]");
    CHECK(strstr(ids(c, "/api/popular?n=-1"), "gone ") != NULL, "an event brings it back: %s",
          c->body);
    CHECK(client_ask(c, "DELETE", "/api/feedback/view/w2/gone", NULL) == 200 &&
              strstr(ids(c, "/api/recommend/w2?n=-1"), "gone ") != NULL,
          "it is not seen any more: %s", c->body);
}

// --seen-types saw: nothing follows from it but that it was seen.
static void test_seen_types(serve_client *c)
{
    static const char *const scores = "/api/collaborative-filtering/s1?n=10";
    char item[60], body[300];
    put(c, "/api/feedback", "[" FEED("view", "s1", "i003", "1", T1) "]");
    ids(c, scores);
    const double score = client_number(c, "0.Score");
    snprintf(item, sizeof item, "%s", client_text(c, "1.Id"));
    const size_t popular = words(ids(c, "/api/popular?n=-1"));
    for (int same = 0; same < 2; same++) { // in memory, and out of the database
        snprintf(body, sizeof body,
                 "[{\"FeedbackType\":\"saw\",\"UserId\":\"s1\",\"ItemId\":\"%s\"}]", item);
        put(c, "/api/feedback", body);
        const char *after = ids(c, scores);
        CHECK(!strstr(after, item), "%s was seen: %s", item, after);
        CHECK(client_number(c, "0.Score") == score, "what was seen is no history: %s", c->body);
        put(c, "/api/feedback", body); // changed: loaded again
    }
    CHECK(words(ids(c, "/api/popular?n=-1")) == popular, "nor popular: %s", c->body);
}

static void test_lists(serve_client *c)
{
    put(c, "/api/feedback",
        "[" FEED("view", "l1", "only", "1", T1) "," FEED("view", "l2", "only", "1", T1) "," FEED(
            "view", "l1", "other", "1", T2) "]");
    static const char *const of_c2[] = { "/api/popular/c2", "/api/popular/c2/",
                                         "/api/popular?category=c2", "/api/popular/c2?n=2&user-id=",
                                         "/api/non-personalized/any?category=c2" };
    for (size_t i = 0; i < sizeof of_c2 / sizeof *of_c2; i++)
        CHECK(strcmp(ids(c, of_c2[i]), "only other ") == 0, "%s: %s", of_c2[i], c->body);
    const char *all = ids(c, "/api/popular");
    CHECK(words(all) >= 5 && *client_text(c, "0.Id"), "%s", c->body);
    CHECK(strcmp(ids(c, "/api/popular/"), all) == 0 &&
              strcmp(ids(c, "/api/popular//?offset=0"), all) == 0,
          "%s", c->body);
    CHECK(strcmp(ids(c, "/api/popular/c2?user-id=l2"), "other ") == 0, "what l2 had: %s", c->body);
    static const char *const latest[] = { "/api/latest/c2", "/api/latest?category=c2",
                                          "/api/non-personalized/latest?category=c2" };
    for (size_t i = 0; i < sizeof latest / sizeof *latest; i++)
        CHECK(strcmp(ids(c, latest[i]), "other only ") == 0, "%s: %s", latest[i], c->body);
    CHECK(client_number(c, "0.Score") == 1704153600, "the time: %s", c->body);
    CHECK(strcmp(ids(c, "/api/latest//?n=1&offset=1"), ids(c, "/api/latest?n=1&offset=1")) == 0,
          "%s", c->body);
    CHECK(strcmp(ids(c, "/api/latest/c2?user-id=l1"), "") == 0, "%s", c->body);
}

static void test_neighbours(serve_client *c)
{
    const char *near = ids(c, "/api/item/i003/neighbors");
    CHECK(words(near) == 10 && !strstr(near, "i003 "), "%s", near);
    static const char *const same[] = { "/api/item/i003/neighbors/", "/api/item/i003/neighbors//",
                                        "/api/item-to-item/any/i003",
                                        "/api/item-to-item/any/i003/?category=" };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        CHECK(strcmp(ids(c, same[i]), near) == 0, "%s: %s", same[i], c->body);
    CHECK(words(ids(c, "/api/item/i003/neighbors/none")) == 0, "%s", c->body);
    CHECK(words(ids(c, "/api/item/nobody-knows/neighbors")) == 0, "%s", c->body);
    ids(c, "/api/recommend/l2");
    const char *people = ids(c, "/api/user/l1/neighbors/?n=100");
    CHECK(strstr(people, "l2 ") && !strstr(people, "l1 "), "%s", people);
    CHECK(strcmp(ids(c, "/api/user-to-user/any/l1?n=100"), people) == 0, "%s", c->body);
    CHECK(strcmp(ids(c, "/api/user/l1/neighbors?n=100&offset=1"), strchr(people, ' ') + 1) == 0,
          "%s", c->body);
}

// The latest of a posted history counts, whatever its order; nobody is written down.
static void test_sessions(serve_client *c)
{
    static const char *const
        forward =
            "[{\"ItemId\":\"i003\",\"Timestamp\":\"2024-01-01\"},"
            "{\"ItemId\":\"i017\",\"Timestamp\":\"2024-01-02\"},{\"ItemId\":\"nobody-knows\"}]",
        *const backward = "[{\"ItemId\":\"i017\",\"Timestamp\":\"2024-01-02\",\"FeedbackType\":"
                          "\"view\",\"UserId\":\"ghost\"},"
                          "{\"ItemId\":\"i003\",\"Timestamp\":\"2024-01-01\"}]";
    static const char *const paths[] = { "/api/session/recommend?n=5",
                                         "/api/session/recommend/?n=5&offset=0",
                                         "/api/session/recommend//?n=5" };
    char first[4000] = "";
    for (size_t i = 0; i < 3; i++) {
        CHECK(client_ask(c, "POST", paths[i], i % 2 ? backward : forward) == 200 &&
                  client_count(c, "") == 5,
              "%s", c->body);
        if (!i) snprintf(first, sizeof first, "%s", c->body);
        CHECK(strcmp(c->body, first) == 0 && !strstr(c->body, "i003") && !strstr(c->body, "i017"),
              "%s: %s", paths[i], c->body);
    }
    CHECK(client_ask(c, "POST", "/api/session/recommend/c2", forward) == 200 &&
              client_count(c, "") == 2,
          "%s", c->body);
    CHECK(client_ask(c, "POST", "/api/session/recommend", "[]") == 200 && client_count(c, "") == 10,
          "nothing yet: %s", c->body);
    CHECK(client_ask(c, "POST", "/api/session/recommend", "[{\"UserId\":\"x\"}]") == 400, "%s",
          c->body);
    CHECK(client_get(c, "/api/user/ghost") == 404, "%s", c->body);
}

// Feedback of a later moment does not count until then.
static void test_later(serve_client *c, bool then)
{
    static char shown[4000];
    if (!then) {
        snprintf(shown, sizeof shown, "%s",
                 ids(c, "/api/recommend/d1?n=2&write-back-type=saw&write-back-delay=8s"));
        CHECK(client_get(c, "/api/user/d1/feedback") == 200 && client_count(c, "") == 2, "%s",
              c->body);
        CHECK(strcmp(ids(c, "/api/recommend/d1?n=2"), shown) == 0, "not yet: %s", c->body);
        return;
    }
    for (int k = 0; k < 120 && strcmp(ids(c, "/api/recommend/d1?n=2"), shown) == 0; k++)
        poll(NULL, 0, 100);
    char first[60];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(shown, " "), shown);
    CHECK(!strstr(ids(c, "/api/recommend/d1?n=-1"), first), "still there: %s", c->body);
}
// --- many at once -----------------------------------------------------------------------------------

enum { CROWD = 8, EACH = 25 };

typedef struct busy {
    pthread_t thread;
    int port, number, failed;
} busy;

static void *change_much(void *arg)
{
    busy *b = arg;
    serve_client c;
    char path[100], body[200];
    client_open(&c, b->port);
    for (int k = 0; k < EACH; k++) {
        snprintf(path, sizeof path, "/api/item/crowd/category/c%d-%d", b->number, k);
        b->failed += client_ask(&c, "PUT", path, NULL) != 200;
        snprintf(body, sizeof body, b->number % 2 ? "{\"Comment\":\"%d\"}" : "{\"Labels\":[%d]}",
                 k);
        b->failed += client_ask(&c, "PATCH", "/api/item/crowd", body) != 200;
        b->failed +=
            client_ask(&c, "POST", "/api/feedback", FEED("like", "crowd", "crowd", "1", T1)) != 200;
        b->failed += client_get(&c, "/api/recommend/crowd?n=5&write-back-type=saw") != 200;
        b->failed += client_get(&c, "/api/popular/c1-1?n=5") != 200;
    }
    client_close(&c);
    return NULL;
}

// Nothing is lost when everybody changes the same item, the same feedback, the same person.
static void test_crowd(serve_client *c, int port)
{
    busy all[CROWD];
    put(c, "/api/item", "{\"ItemId\":\"crowd\",\"Timestamp\":\"2020-01-01\"}");
    for (int i = 0; i < CROWD; i++) {
        all[i] = (busy){ .port = port, .number = i };
        pthread_create(&all[i].thread, NULL, change_much, &all[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(all[i].thread, NULL);
        CHECK(all[i].failed == 0, "%d requests failed", all[i].failed);
    }
    CHECK(client_get(c, "/api/item/crowd") == 200 && client_count(c, "Categories") == CROWD * EACH,
          "%s", c->body);
    CHECK(client_number(c, "Labels.0") == EACH - 1 &&
              strtol(client_text(c, "Comment"), NULL, 10) == EACH - 1,
          "%s", c->body);
    CHECK(client_get(c, "/api/feedback/like/crowd/crowd") == 200 &&
              client_number(c, "Value") == CROWD * EACH,
          "%s", c->body);
}

// Once more from the database.
static void test_restart(void)
{
    serve_process p;
    serve_client c;
    CHECK(serve_begin(&p, &place, "gru.model", "--store", "live.db", "--cors",
                      "https://shop.example", NULL),
          "no server");
    client_open(&c, p.port);
    CHECK(client_get(&c, "/api/item/crowd") == 200 &&
              client_count(&c, "Categories") == CROWD * EACH,
          "%s", c.body);
    CHECK(client_get(&c, "/api/feedback/like/crowd/crowd") == 200 &&
              client_number(&c, "Value") == CROWD * EACH,
          "%s", c.body);
    CHECK(strcmp(ids(&c, "/api/popular/c%2F1"), "only ") == 0, "%s", c.body);
    CHECK(client_get(&c, "/api/user/caf%C3%A9%2F%FF") == 404, "a stranger who only asked: %s",
          c.body);
    const char *origin = client_header(&c, "Access-Control-Allow-Origin");
    CHECK(origin && strncmp(origin, "https://shop.example", 20) == 0, "%s", c.head);
    c.extra = "Access-Control-Request-Method: PUT\r\nOrigin: https://shop.example\r\n";
    CHECK(client_ask(&c, "OPTIONS", "/api/feedback", NULL) == 204, "%s", c.body);
    const char *headers = client_header(&c, "Access-Control-Allow-Headers");
    CHECK(headers && strstr(headers, "X-API-Key"), "%s", c.head);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
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
    CHECK(serve_begin(&p, &place, "gru.model", "--store", "live.db", "--seen-types", "saw", NULL),
          "no server");
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
    test_later(&c, false);
    test_recommend(&c);
    test_seen(&c);
    test_seen_types(&c);
    test_lists(&c);
    test_neighbours(&c);
    test_sessions(&c);
    test_later(&c, true);
    test_crowd(&c, p.port);
    CHECK(client_get(&c, "/apidocs.json") == 200 &&
              *client_text(&c, "paths./api/session/recommend.post.summary"),
          "%.200s", c.body);
    CHECK(!client_header(&c, "Access-Control-Allow-Origin"), "%s", c.head);
    client_close(&c);
    CHECK(serve_end(&p, SIGTERM) == 0, "exit code");
    test_restart();
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
