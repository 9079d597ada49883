// test_serve_recommend.c - recommendations over the wire: filters, histories, refinement, order, what
// is alike; each event in the next answer, equal to what the model says of the whole history.
#include <config.h>

#ifdef HAVE_SERVE
#include "tests/serve_client.h"

#include <math.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

static serve_place place;
static serve_process server;
static serve_client *c;

static bool make_models(void)
{
    static const char *const models[][3] = { { "gru4rec", "gru.model", "8" },
                                             { "sasrec", "sas.model", "8" },
                                             { "bpr", "bpr.model", "8" } };
    if (serve_run(&place, "simulate", "--out", "shop", "--users", "300", "--items", "120",
                  "--events", "8000", "--quiet", NULL) ||
        serve_run(&place, "train", "shop/events.csv", "--model", "itemknn", "--out", "knn.model",
                  "--quiet", NULL))
        return false;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (serve_run(&place, "train", "shop/events.csv", "--model", models[i][0], "--out",
                      models[i][1], "--dim", models[i][2], "--epochs", "1", "--quiet", NULL))
            return false;
    return true;
}

static void ask(const char *method, const char *path, const char *body, int status)
{
    const int got = client_ask(c, method, path, body);
    CHECK(got == status, "%s %s %s: %d %s", method, path, body ? body : "", got, c->body);
}

static void get(const char *path)
{
    ask("GET", path, NULL, 200);
}

// A text of the answer by a pattern of its path: text("items.%d.item", 3).
static const char *text(const char *pattern, int i)
{
    static char at[100];
    snprintf(at, sizeof at, pattern, i);
    return client_text(c, at);
}

static int items(void)
{
    return (int)client_count(c, "items");
}

static bool answered(const char *item)
{
    for (int i = 0; i < items(); i++)
        if (strcmp(text("items.%d.item", i), item) == 0) return true;
    return false;
}

// Ids of the latest answer, one after the other.
static void copy_ids(char *to, size_t room)
{
    *to = '\0';
    for (int i = 0; i < items(); i++)
        snprintf(to + strlen(to), room - strlen(to), "%s ", text("items.%d.item", i));
}

// --- what is refused ------------------------------------------------------------------------------------

// clang-format off
static const struct {
    const char *name, *method, *path, *body;
    int status;
    const char *says; // a part of the message
} cases[] = {
    { "n is none", "GET", "/v1/users/u/recommendations?n=0", NULL, 400, "n=0: not a whole number in [1, 1000]" },
    { "n is half", "GET", "/v1/users/u/recommendations?n=2.5", NULL, 400, "whole number" },
    { "n is huge", "GET", "/v1/users/u/recommendations?n=1e30", NULL, 400, "whole number" },
    { "offset", "GET", "/v1/users/u/recommendations?offset=-1", NULL, 400, "offset=-1" },
    { "diversity", "GET", "/v1/users/u/recommendations?diversity=2", NULL, 400, "diversity=2: not a number in [0, 1]" },
    { "a flag", "GET", "/v1/users/u/recommendations?exclude_seen=maybe", NULL, 400, "true or false" },
    { "an age", "GET", "/v1/users/u/recommendations?max_age=old", NULL, 400, "not a time span" },
    { "a filter", "GET", "/v1/users/u/recommendations?filter=price%20%3C", NULL, 400, "filter, character" },
    { "two filters", "GET", "/v1/users/u/recommendations?filter=a&filter=b", NULL, 400, "more than one filter" },
    { "many categories", "GET", "/v1/popular?category=1&category=2&category=3&category=4&category=5&category=6&category=7&category=8&category=9",
      NULL, 413, "more than 8 categories" },
    { "a model", "GET", "/v1/items/i/similar?model=none", NULL, 404, "no such model" },
    { "no id", "GET", "/v1/items//similar", NULL, 400, "the id of the item is empty" },
    { "no JSON", "POST", "/v1/recommend", "{\"n\":", 400, "the body is not JSON" },
    { "a list", "POST", "/v1/recommend", "[]", 400, "not a JSON object" },
    { "an unknown member", "POST", "/v1/recommend", "{\"histroy\":[]}", 400, "'histroy' is no member" },
    { "n is a word", "POST", "/v1/recommend", "{\"n\":\"7\"}", 400, "n is not a number" },
    { "history is no list", "POST", "/v1/recommend", "{\"history\":\"i1\"}", 400, "history is not a list" },
    { "an event of nothing", "POST", "/v1/recommend", "{\"history\":[{}]}", 400, "history: no item" },
    { "an event of a list", "POST", "/v1/recommend", "{\"history\":[[]]}", 400, "neither a string nor a number" },
    { "a time", "POST", "/v1/recommend", "{\"history\":[{\"item\":\"i\",\"time\":\"soon\"}]}", 400, "time 'soon'" },
    { "a boost of nothing", "POST", "/v1/recommend", "{\"boost\":{\"i1\":0}}", 400, "boost of i1" },
    { "a boost of a word", "POST", "/v1/recommend", "{\"boost\":{\"i1\":\"2\"}}", 400, "boost of i1" },
    { "a boost of a bad filter", "POST", "/v1/recommend", "{\"boost_filter\":{\"price <\":2}}", 400, "filter, character" },
    { "categories", "POST", "/v1/recommend", "{\"categories\":[1]}", 400, "a category is not a string" },
    { "much to like", "POST", "/v1/recommend", "{\"more_like\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", 413, "at most 16" },
    { "a user", "POST", "/v1/recommend", "{\"user\":\"\"}", 400, "user is empty" },
    { "nothing to rerank", "POST", "/v1/rerank", "{\"user\":\"u\"}", 400, "items: a list" },
    { "allow is not of rerank", "POST", "/v1/rerank", "{\"allow\":[]}", 400, "'allow' is no member" },
};
// clang-format on

static void test_refusals(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(cases[i].method, cases[i].path, cases[i].body, cases[i].status);
        CHECK(strstr(client_text(c, "error.message"), cases[i].says), "%s: %s", cases[i].name,
              c->body);
    }
}

// --- filters --------------------------------------------------------------------------------------------

// Items i001 .. i120: categories by number, prices, moments, some hidden.
static void put_items(void)
{
    char body[120 * 160] = "[";
    for (int i = 1; i <= 120; i++) {
        char time[32];
        time_format_iso(time, clock_now() - (int64_t)(i % 30) * 86400 * 1000000);
        snprintf(
            body + strlen(body), sizeof body - strlen(body),
            "%s{\"item\":\"i%03d\",\"categories\":[\"c%d\",\"%s\"],\"price\":%d,\"time\":\"%s\","
            "\"hidden\":%s}",
            i > 1 ? "," : "", i, i % 6, i % 2 ? "odd" : "even", i, time,
            i % 13 == 5 ? "true" : "false");
    }
    snprintf(body + strlen(body), sizeof body - strlen(body), "]");
    ask("POST", "/v1/items", body, 200);
    CHECK(client_number(c, "accepted") == 120, "%s", c->body);
}

static int number(int place_in_answer)
{
    return (int)strtol(text("items.%d.item", place_in_answer) + 1, NULL, 10);
}

typedef bool good_fn(int i);

static bool is_c2(int i)
{
    return i % 6 == 2;
}
static bool is_c2_or_c3(int i)
{
    return i % 6 == 2 || i % 6 == 3;
}
static bool is_cheap(int i)
{
    return i < 50;
}
static bool is_new(int i)
{
    return i % 30 < 5;
}
static bool is_cheap_even_and_new(int i)
{
    return i < 50 && i % 2 == 0 && i % 30 < 10;
}
static bool is_odd_of_ten(int i)
{
    return i < 10 && i % 2;
}
static bool is_from_100(int i)
{
    return i >= 100;
}

// clang-format off
static const struct {
    const char *method, *path, *body;
    good_fn *good;
} filters[] = {
    { "GET", "/v1/users/bob/recommendations?n=200&category=c2", NULL, is_c2 },
    { "GET", "/v1/users/bob/recommendations?n=200&category=c2&category=c3", NULL, is_c2_or_c3 },
    { "GET", "/v1/users/bob/recommendations?n=200&filter=price%20%3C%2050", NULL, is_cheap },
    { "GET", "/v1/users/bob/recommendations?n=200&max_age=4d12h", NULL, NULL },
    { "GET", "/v1/users/bob/recommendations?n=200&max_age=5d", NULL, is_new },
    { "GET", "/v1/users/bob/recommendations?n=200&max_age=10d&category=even&filter=price+%3C+50", NULL, is_cheap_even_and_new },
    { "GET", "/v1/users/bob/recommendations?n=200&diversity=0.5&filter=price%20%3C%2050", NULL, is_cheap },
    { "GET", "/v1/users/bob/recommendations?n=200&model=knn&category=c2", NULL, is_c2 },
    { "POST", "/v1/recommend", "{\"user\":\"bob\",\"n\":200,\"categories\":[\"odd\"],"
      "\"allow\":[\"i000\",\"i001\",\"i002\",\"i003\",\"i004\",\"i005\",\"i006\",\"i007\",\"i008\",\"i009\"]}", is_odd_of_ten },
    { "POST", "/v1/recommend", "{\"n\":200,\"filter\":\"price >= 100\"}", is_from_100 },
    { "POST", "/v1/recommend", "{\"history\":[\"i007\"],\"n\":200,\"filter\":\"price >= 100\",\"more_like\":[\"i001\"]}", is_from_100 },
    { "GET", "/v1/popular?n=200&category=c2", NULL, is_c2 },
    { "GET", "/v1/latest?n=200&filter=price%20%3C%2050", NULL, is_cheap },
    { "GET", "/v1/items/i001/similar?n=200&category=c2", NULL, is_c2 },
};
// clang-format on

// None leaks, and of a person's all that may come do.
static void test_filters(void)
{
    ask("POST", "/v1/events",
        "[{\"user\":\"bob\",\"item\":\"i002\"},{\"user\":\"bob\",\"item\":\"i008\"},"
        "{\"user\":\"bob\",\"item\":\"i103\"},{\"user\":\"amy\",\"item\":\"i020\"},"
        "{\"user\":\"amy\",\"item\":\"i014\"}]",
        200);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (!filters[i].good) {
            ask(filters[i].method, filters[i].path, filters[i].body, 400); // "4d12h" is no span
            continue;
        }
        ask(filters[i].method, filters[i].path, filters[i].body, 200);
        const bool bob =
            strstr(filters[i].path, "bob") || (filters[i].body && strstr(filters[i].body, "bob"));
        int may = 0;
        for (int k = 1; k <= 120; k++)
            may += filters[i].good(k) && k % 13 != 5 && !(bob && (k == 2 || k == 8 || k == 103));
        CHECK(items() > 0, "%s: nothing", filters[i].path);
        for (int k = 0; k < items(); k++)
            CHECK(filters[i].good(number(k)) && number(k) % 13 != 5, "%s: %s", filters[i].path,
                  text("items.%d.item", k));
        if (bob || filters[i].body)
            CHECK(items() == may, "%s: %d of %d", filters[i].path, items(), may);
    }
    get("/v1/users/bob/recommendations?n=200&exclude_seen=false");
    CHECK(answered("i002") && items() == 111, "%d", items());
    ask("POST", "/v1/recommend",
        "{\"user\":\"bob\",\"n\":200,\"deny\":[\"i003\",\"i001\",\"none\",7]}", 200);
    CHECK(!answered("i003") && !answered("i001") && items() == 106, "%d", items());
}

static void test_caps_and_pages(void)
{
    char whole[2000], pages[2000] = "";
    int of[6] = { 0 };
    get("/v1/users/bob/recommendations?n=12&per_category=2");
    for (int k = 0; k < items(); k++) of[number(k) % 6]++;
    for (int k = 0; k < 6; k++) CHECK(of[k] <= 2, "%d of c%d", of[k], k);
    CHECK(items() == 4, "two odd ones, two even ones: %s", c->body);
    for (int turn = 0; turn < 2; turn++) {
        const char *more = turn ? "&diversity=0.4" : "";
        char path[200];
        snprintf(path, sizeof path, "/v1/users/bob/recommendations?n=40%s", more);
        get(path);
        copy_ids(whole, sizeof whole);
        *pages = '\0';
        for (int offset = 0; offset < 40; offset += 8) {
            snprintf(path, sizeof path, "/v1/users/bob/recommendations?n=8&offset=%d%s", offset,
                     more);
            get(path);
            copy_ids(pages + strlen(pages), sizeof pages - strlen(pages));
        }
        CHECK(strcmp(whole, pages) == 0, "pages: %s, %s", whole, pages);
    }
}

// --- histories ------------------------------------------------------------------------------------------

// After each event the answer is that of the model to the whole history at once.
static void test_events(void)
{
    static const char *const models[] = { "gru", "sas", "bpr", "knn" };
    char history[4000] = "", body[5000], path[100];
    for (int e = 0; e < 25; e++) {
        const int item = 1 + e * 37 % 120;
        snprintf(body, sizeof body,
                 "{\"user\":\"eve\",\"item\":\"i%03d\",\"time\":\"2024-05-01T12:00:%02dZ\"}", item,
                 e);
        ask("POST", "/v1/events", body, 200);
        snprintf(history + strlen(history), sizeof history - strlen(history),
                 "%s{\"item\":\"i%03d\",\"time\":\"2024-05-01T12:00:%02dZ\"}", e ? "," : "", item,
                 e);
        for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
            double score[10];
            char ids[200];
            snprintf(path, sizeof path, "/v1/users/eve/recommendations?model=%s&fresh=0",
                     models[m]);
            get(path);
            copy_ids(ids, sizeof ids);
            CHECK(items() == 10, "%s", c->body);
            for (int i = 0; i < 10; i++) {
                snprintf(path, sizeof path, "items.%d.score", i);
                score[i] = client_number(c, path);
            }
            snprintf(body, sizeof body, "{\"model\":\"%s\",\"history\":[%s],\"fresh\":0}",
                     models[m], history);
            ask("POST", "/v1/recommend", body, 200);
            for (int i = 0; i < 10; i++) {
                snprintf(path, sizeof path, "items.%d.score", i);
                const double other = client_number(c, path);
                CHECK(fabs(other - score[i]) < 1e-4 * (1 + fabs(score[i])),
                      "%s, event %d, place %d: %g, all at once %g; %s", models[m], e, i, score[i],
                      other, ids);
            }
        }
    }
}

// Before anybody came, what the model's log says is popular is.
static void test_start(void)
{
    get("/v1/popular?n=5");
    CHECK(items() == 5 && client_number(c, "items.0.score") >= client_number(c, "items.4.score"),
          "%s", c->body);
    char most[20];
    snprintf(most, sizeof most, "%s", text("items.%d.item", 0));
    get("/v1/users/nobody/recommendations");
    CHECK(strcmp(text("items.%d.item", 0), most) == 0 &&
              strcmp(text("items.%d.source", 9), "popular") == 0,
          "%s", c->body);
    // What the log says follows on an item, for a model that says nothing of it alone.
    get("/v1/items/i001/similar?model=knn&n=3");
    CHECK(items() == 3 && strcmp(text("items.%d.source", 0), "together") == 0, "%s", c->body);
}

// A posted history is no trace: nobody is remembered, no item is made known.
static void test_posted(void)
{
    ask("POST", "/v1/recommend",
        "{\"history\":[\"i003\",\"never\",7,{\"item\":\"i004\"}],\"n\":200}", 200);
    CHECK(json_is_null(client_value(c, "user")) && !answered("i003") && !answered("i004") &&
              !answered("never") && strcmp(text("items.%d.source", 0), "model") == 0,
          "%s", c->body);
    ask("GET", "/v1/items/never", NULL, 404);
    // After what is stored: both are left out.
    ask("POST", "/v1/recommend", "{\"user\":\"bob\",\"history\":[\"i003\"],\"n\":200}", 200);
    CHECK(!answered("i003") && !answered("i008") && strcmp(client_text(c, "user"), "bob") == 0,
          "%s", c->body);
    get("/v1/users/bob");
    CHECK(client_count(c, "events") == 3, "%s", c->body);
    // Of nobody, and of people with ids of any bytes.
    ask("POST", "/v1/recommend", "{}", 200);
    CHECK(items() == 10, "%s", c->body);
    static const char *const ids[] = { "nobody",    "a%2Fb", "%FF%FE", "x%20y",
                                       "%E2%98%83", "-",     "..",     "%22%5C" };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char path[100];
        snprintf(path, sizeof path, "/v1/users/%s/recommendations", ids[i]);
        get(path);
        if (ids[i][1] != 'F') // what is not UTF-8 comes back as surrogates, which jansson refuses
            CHECK(items() == 10 && strcmp(text("items.%d.source", 0), "model") != 0, "%s: %s",
                  ids[i], c->body);
        snprintf(path, sizeof path, "/v1/users/%s/similar", ids[i]);
        get(path);
        snprintf(path, sizeof path, "/v1/items/%s/similar", ids[i]);
        get(path);
        CHECK(items() == 0, "%s", c->body);
    }
}

// An item that came today is recommended, with where it comes from.
static void test_new_item(void)
{
    for (int k = 0; k < 8; k++) {
        char body[200];
        snprintf(body, sizeof body,
                 "[{\"user\":\"new%d\",\"item\":\"i055\"},{\"user\":\"new%d\",\"item\":\"today\"}]",
                 k, k);
        ask("POST", "/v1/events", body, 200);
    }
    ask("POST", "/v1/events", "{\"user\":\"late\",\"item\":\"i055\"}", 200);
    get("/v1/users/late/recommendations");
    CHECK(strcmp(text("items.%d.item", 9), "today") == 0 &&
              strcmp(text("items.%d.source", 9), "session") == 0,
          "%s", c->body);
    get("/v1/users/late/recommendations?fresh=0");
    CHECK(!answered("today"), "%s", c->body);
    ask("DELETE", "/v1/items/today", NULL, 200);
    get("/v1/users/late/recommendations");
    CHECK(!answered("today") && items() == 10, "%s", c->body);
}

// --- order ----------------------------------------------------------------------------------------------

static void test_refinement(void)
{
    char before[300], after[300];
    ask("POST", "/v1/recommend", "{\"user\":\"bob\",\"model\":\"bpr\",\"n\":5}", 200);
    copy_ids(before, sizeof before);
    ask("POST", "/v1/recommend",
        "{\"user\":\"bob\",\"model\":\"bpr\",\"n\":5,\"more_like\":[\"i001\"],\"strength\":50}",
        200);
    copy_ids(after, sizeof after);
    CHECK(strcmp(before, after) != 0, "more_like changes nothing");
    get("/v1/items/i001/similar?model=bpr&n=3");
    CHECK(strcmp(text("items.%d.source", 0), "model") == 0, "%s", c->body);
    char nearest[20];
    snprintf(nearest, sizeof nearest, "%s ", text("items.%d.item", 0));
    CHECK(strstr(after, nearest), "%s is not among %s", nearest, after);
    ask("POST", "/v1/recommend",
        "{\"user\":\"bob\",\"n\":3,\"boost\":{\"i099\":1000000,\"none\":2}}", 200);
    CHECK(strcmp(text("items.%d.item", 0), "i099") == 0, "%s", c->body);
    ask("POST", "/v1/recommend",
        "{\"user\":\"bob\",\"n\":9,\"boost_category\":{\"odd\":1000000},\"boost_filter\":{\"price "
        "> 90\":"
        "1000}}",
        200);
    for (int i = 0; i < 9; i++) CHECK(number(i) % 2 && number(i) > 90, "%s", c->body);
}

static void test_rerank(void)
{
    ask("POST", "/v1/rerank",
        "{\"user\":\"bob\",\"items\":[\"what\",\"i002\",\"i050\",\"i051\",\"i005\",12,\"i052\","
        "\"what\"]}",
        200);
    CHECK(items() == 7 && answered("i002") && !answered("i005"), "%s", c->body); // i005 is hidden
    CHECK(strcmp(text("items.%d.item", 4), "what") == 0 &&
              strcmp(text("items.%d.item", 5), "12") == 0 &&
              strcmp(text("items.%d.source", 4), "unknown") == 0 &&
              json_is_null(client_value(c, "items.4.score")),
          "%s", c->body);
    double last = INFINITY;
    for (int i = 0; i < 4; i++) {
        char path[40];
        snprintf(path, sizeof path, "items.%d.score", i);
        CHECK(client_number(c, path) <= last, "%s", c->body);
        last = client_number(c, path);
    }
    ask("POST", "/v1/rerank", "{\"items\":[]}", 200);
    CHECK(items() == 0, "%s", c->body);
}

static void test_alike(void)
{
    get("/v1/users/bob/recommendations?model=bpr"); // now the model's thoughts are in memory
    get("/v1/users/eve/recommendations?model=bpr");
    get("/v1/users/bob/similar?model=bpr");
    CHECK(client_count(c, "users") > 0 && strcmp(text("users.%d.source", 0), "model") == 0 &&
              strcmp(client_text(c, "model"), "bpr") == 0,
          "%s", c->body);
    get("/v1/users/bob/similar?model=knn");
    CHECK(strcmp(text("users.%d.source", 0), "items") == 0 &&
              strcmp(text("users.%d.user", 0), "bob") != 0,
          "%s", c->body);
}

// --- many at once ---------------------------------------------------------------------------------------

static atomic_int troubles;

// One connection of several: events, questions of all kinds, items that change.
static void *crowd(void *ctx)
{
    static const char *const paths[] = {
        "/v1/users/crowd%d/recommendations?filter=price%%3C50",
        "/v1/users/crowd%d/recommendations?diversity=0.4&model=sas",
        "/v1/users/crowd%d/similar?model=bpr", "/v1/items/i0%02d/similar?model=bpr",
        "/v1/popular?category=c%d"
    };
    serve_client one;
    client_open(&one, server.port);
    for (int turn = 0; turn < 60; turn++) {
        char path[100], body[200];
        const int who = (turn + (int)(size_t)ctx) % 10;
        snprintf(body, sizeof body, "{\"user\":\"crowd%d\",\"item\":\"i0%02d\"}", who, turn + 10);
        troubles += client_ask(&one, "POST", "/v1/events", body) != 200;
        snprintf(path, sizeof path, paths[turn % 5], who);
        troubles += client_get(&one, path) != 200;
        snprintf(body, sizeof body, "{\"history\":[\"i0%02d\"],\"boost_filter\":{\"price > 7\":2}}",
                 turn + 10);
        troubles += client_ask(&one, "POST", "/v1/recommend", body) != 200;
        snprintf(path, sizeof path, "/v1/items/i0%02d", turn + 10);
        snprintf(body, sizeof body, "{\"price\":%d,\"categories\":[\"c1\"]}", turn);
        if (turn % 5 == 0) troubles += client_ask(&one, "PUT", path, body) != 200;
    }
    client_close(&one);
    return NULL;
}

static void test_crowd(void)
{
    pthread_t t[4];
    for (size_t i = 0; i < 4; i++) pthread_create(&t[i], NULL, crowd, (void *)i);
    for (size_t i = 0; i < 4; i++) pthread_join(t[i], NULL);
    CHECK(troubles == 0, "%d of several hundred requests failed", (int)troubles);
}

// --- the log of answers ---------------------------------------------------------------------------------

static void test_log(void)
{
    static const char sql[] = "select count(*) from answers";
    char id[40];
    double given = 0, want = 0;
    ask("POST", "/v1/recommend", "{\"user\":\"bob\"}", 200);
    snprintf(id, sizeof id, "%s", client_text(c, "recommendation_id"));
    CHECK(strlen(id) == 32, "%s", c->body);
    client_get(c, "/metrics");
    for (const char *line = c->body; (line = strstr(line, "\nhabit_recommendations_total{"));
         line++)
        want += strtod(strchr(line, '}') + 1, NULL);
    for (int turn = 0; turn < 100 && given < want; turn++) {
        sqlite3 *db = NULL;
        sqlite3_stmt *s = NULL;
        poll(NULL, 0, 50);
        CHECK(sqlite3_open_v2("live.db", &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK, "live.db");
        if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
            given = sqlite3_column_double(s, 0);
        sqlite3_finalize(s);
        sqlite3_close(db);
    }
    CHECK(want > 10 && given == want, "%g answers given, %g are in the log", want, given);
}
#else
#include "tests/check.h"
#endif

int main(int argc, char **argv)
{
#ifdef HAVE_SERVE
    serve_client one;
    serve_place_open(&place, argc, argv);
    CHECK(make_models(), "no models");
    CHECK(serve_begin(&server, &place, "gru=gru.model", "sas=sas.model", "bpr=bpr.model",
                      "knn=knn.model", "--store", "live.db", NULL),
          "no server");
    client_open(c = &one, server.port);
    test_start();
    put_items();
    test_refusals();
    test_filters();
    test_caps_and_pages();
    test_posted();
    test_events();
    test_new_item();
    test_refinement();
    test_rerank();
    test_alike();
    test_crowd();
    test_log();
    client_close(c);
    CHECK(serve_end(&server, SIGTERM) == 0, "exit code");
    serve_place_close(&place);
    return CHECK_DONE();
#else
    (void)argc, (void)argv;
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
