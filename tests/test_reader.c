// test_reader.c - every format a log may have, and what is wrong with bad ones.
#include "tests/check.h"
#include "tests/reading.h"

// clang-format off
static const struct {
    const char *name, *text;
    import_options options;
    const char *format, *unit, *want;
} cases[] = {
    { "csv", "user_id,item_id,timestamp,rating\n1,10,978300760,5\n2,20,978302109,3.5\n", { 0 }, "csv", "s",
      "1 10 2000-12-31T22:12:40Z 5\n2 20 2000-12-31T22:35:09Z 3.5\n" },
    { "no line break at the end", "userId,movieId\n1,10\n2,20", { 0 }, "csv", "", "1 10\n2 20\n" },
    { "crlf, byte order mark, empty lines", "\xEF\xBB\xBFuser,item\r\n\r\n1,10\r\n\r\n\r\n2,20\r\n", { 0 }, "csv", "",
      "1 10\n2 20\n" },
    { "quotes", "user,item,kind\n\"a,b\",\"say \"\"x\"\"\",v\n\"line\nbreak\",y,\"\"\nplain,5\" disk,\"z\"\n", { 0 }, "csv", "",
      "a,b say \"x\" kind=v\nline\nbreak y kind=\nplain 5\" disk kind=z\n" },
    { "a stray quote before a quoted break", "user,item\na,5\" x\n\"b\nc\",d\n", { 0 }, "csv", "", "a 5\" x\nb\nc d\n" },
    { "negative numbers", "user,item,lat\n1,2,-5\n-1,-2,-3.5\n", { 0 }, "csv", "", "1 2 lat=-5\n-1 -2 lat=-3.5\n" },
    { "quoted with crlf", "user,item\r\n\"a\",\"b\"\r\n\"c\",\"d\"\r\n", { 0 }, "csv", "", "a b\nc d\n" },
    { "quoted header", "\"user_id\",\"item_id\",\"note, long\"\n1,2,x\n", { 0 }, "csv", "", "1 2 note, long=x\n" },
    { "semicolons", "user;item;value\n1;2;0.5\n", { 0 }, "csv", "", "1 2 0.5\n" },
    { "tsv", "SessionId\tItemId\tTime\n1\ta b\t1396861271.277\n", { 0 }, "tsv", "s", "1 a b 2014-04-07T09:01:11.277000Z\n" },
    { "tsv with loose quotes", "user\titem\tname\n1\t2\t\"Best\" of\n1\t3\t\"all\"\n", { 0 }, "tsv", "",
      "1 2 name=\"Best\" of\n1 3 name=all\n" },
    { "milliseconds", "user,item,ts\n1,2,1396861271277\n", { 0 }, "csv", "ms", "1 2 2014-04-07T09:01:11.277000Z\n" },
    { "microseconds", "user,item,ts\n1,2,1396861271277001\n", { 0 }, "csv", "us", "1 2 2014-04-07T09:01:11.277001Z\n" },
    { "nanoseconds", "user,item,ts\n1,2,1396861271277001999\n", { 0 }, "csv", "ns", "1 2 2014-04-07T09:01:11.277001Z\n" },
    { "iso", "user,item,datetime\n1,2,2014-04-07 09:01:11+02:00\n1,3,\n", { 0 }, "csv", "iso",
      "1 2 2014-04-07T07:01:11Z\n1 3 never\n" },
    { "minutes by name", "user\tpoi\tminute\n1\t698\t99366\n", { 0 }, "tsv", "min", "1 698 1970-03-11T00:06:00Z\n" },
    { "minutes by option", "user,poi,t\n1,698,3\n", { .time_unit = "min", .columns = "time=t" }, "csv", "min",
      "1 698 1970-01-01T00:03:00Z\n" },
    { "behaviour and extras", "action_time,user_id,sku_id,type,sessionId,lat,code\n2018-03-01 00:00:06,27,15,1,s42,1.5,007\n", { 0 },
      "csv", "iso", "27 15 2018-03-01T00:00:06Z 1 sessionId=s42 lat=1.5 code=007\n" },
    { "keep none", "user,item,lat,x\n1,2,1.5,a\n", { .keep = "none" }, "csv", "", "1 2\n" },
    { "keep a list", "user,item,lat,x\n1,2,1.5,a\n", { .keep = "x" }, "csv", "", "1 2 x=a\n" },
    { "missing values", "user,item,rating,lat\n1,2,,\n1,3,NaN,null\n1,4,2,5\n", { 0 }, "csv", "",
      "1 2 nan lat=nan\n1 3 nan lat=nan\n1 4 2 lat=5\n" },
    { "another value", "user,item,rating,watch_ratio\n1,2,5,0.5\n", { .value = "watch_ratio" }, "csv", "",
      "1 2 0.5 rating=5\n" },
    { "columns by name", "who,what,when\n1,2,86400\n", { .columns = "user=who,item=what,time=when" }, "csv", "s",
      "1 2 1970-01-02T00:00:00Z\n" },
    { "columns by number", "5,1,2,pv,86400\n6,1,3,buy,86401\n", { .columns = "user=1,item=2,behaviour=4,time=5", .keep = "none" },
      "csv", "s", "5 1 1970-01-02T00:00:00Z pv\n6 1 1970-01-02T00:00:01Z buy\n" },
    { "no time wanted", "user,item,time\n1,2,86400\n", { .columns = "time=none" }, "csv", "", "1 2 time=86400\n" },
    { "a value of words is a tag", "user,item,value\n1,2,good\n", { 0 }, "csv", "", "1 2 value=good\n" },
    { "movielens", "1::1193::5::978300760\n1::661::3::978302109\n", { 0 }, "movielens", "s",
      "1 1193 2000-12-31T22:12:40Z 5\n1 661 2000-12-31T22:35:09Z 3\n" },
    { "movielens without time", "1::1193::5\n1::661::3\n", { 0 }, "movielens", "", "1 1193 5\n1 661 3\n" },
    { "triples", "196\t242\t3\t881250949\n186\t302\t4\t891717742\n", { 0 }, "triples", "s",
      "196 242 1997-12-04T15:55:49Z 3\n186 302 1998-04-04T19:22:22Z 4\n" },
    { "triples with time third", "a x 881250949\nb y 891717742\n", { 0 }, "triples", "s",
      "a x 1997-12-04T15:55:49Z\nb y 1998-04-04T19:22:22Z\n" },
    { "triples of counts", "424\t4076\t993\r\n1311\t1574\t957\r\n", { 0 }, "triples", "", "424 4076 993\n1311 1574 957\n" },
    { "triples with behaviour", "1,2,view,881250949\n1,3,buy,881250950\n", { 0 }, "triples", "s",
      "1 2 1997-12-04T15:55:49Z view\n1 3 1997-12-04T15:55:50Z buy\n" },
    { "pairs", "1 1\n1 2\n2 1\n", { 0 }, "pairs", "", "1 1\n1 2\n2 1\n" },
    { "pairs of words", "ann  bread\n\tbob milk \n", { 0 }, "pairs", "", "ann bread\nbob milk\n" },
    { "pairs by tab", "0\t3\n1\t17\n", { 0 }, "pairs", "", "0 3\n1 17\n" },
    { "pairs by comma", "0,3\n1,17\n", { 0 }, "pairs", "", "0 3\n1 17\n" },
    { "sequences", "1 5 6 7\n2 5\n3 9 5 \n4\n", { 0 }, "sequences", "", "1 5\n1 6\n1 7\n2 5\n3 9\n3 5\n" },
    { "sequences with crlf", "1 5 6\r\n2 5\r7\r\n\r\n3 \r\n", { 0 }, "sequences", "", "1 5\n1 6\n2 5\r7\n" },
    { "sequences of lists", "1\t150,10198,17425\n2\t285,29682\n3\t7\n", { 0 }, "sequences", "",
      "1 150\n1 10198\n1 17425\n2 285\n2 29682\n3 7\n" },
    { "sequences all of one length", "1 5 6 7 8 9\n2 5 6 7 8 1\n", { 0 }, "sequences", "",
      "1 5\n1 6\n1 7\n1 8\n1 9\n2 5\n2 6\n2 7\n2 8\n2 1\n" },
    { "sessions", "1 2\n3 4 5\n\n1 4\n", { 0 }, "sessions", "", "1 1\n1 2\n2 3\n2 4\n2 5\n4 1\n4 4\n" },
    { "sessions with targets", "5 6 7\t8\n5\t9\n", { 0 }, "sessions", "", "1 5\n1 6\n1 7\n1 8\n2 5\n2 9\n" },
    { "pairs said to be sequences", "1 5\n2 6\n", { .format = "sequences" }, "sequences", "", "1 5\n2 6\n" },
    { "pairs said to be sessions", "1 5\n2 6\n", { .format = "sessions" }, "sessions", "", "1 1\n1 5\n2 2\n2 6\n" },
    { "atomic", "user_id:token\titem_id:token\trating:float\ttimestamp:float\ttags:token_seq\n1\t1193\t5\t978300760\ta b\n", { 0 },
      "atomic", "s", "1 1193 2000-12-31T22:12:40Z 5 tags=a b\n" },
    { "jsonl", "{\"user\":1,\"item\":\"a\\n\\u00e9\",\"timestamp\":86400,\"ok\":true,\"l\":[1]}\n\n{\"item\":\"b\",\"user\":\"2\"}\n", { 0 },
      "jsonl", "s", "1 a\n\xC3\xA9 1970-01-02T00:00:00Z ok=1\n2 b never ok=nan\n" },
    { "gorse", "{\"FeedbackType\":\"read\",\"UserId\":\"u1\",\"ItemId\":\"i1\",\"Value\":1,\"Timestamp\":\"2021-10-24T06:42:20.207Z\"}\n", { 0 },
      "jsonl", "iso", "u1 i1 2021-10-24T06:42:20.207000Z 1 read\n" },
    { "metarank", "{\"event\":\"item\",\"id\":\"x\",\"item\":\"i\",\"timestamp\":\"1599391467000\"}\n"
      "{\"event\":\"interaction\",\"id\":\"y\",\"user\":\"u\",\"type\":\"click\",\"item\":\"i\",\"timestamp\":\"1599391467000\",\"fields\":[]}\n",
      { 0 }, "jsonl", "ms", "u i 2020-09-06T11:24:27Z click\n" },
    { "tolerated", "user,item,time\n1,2,3\n,5,6\n7,8,x\n9,1,2\n1,2\n", { .skip_bad_rows = 3 }, "csv", "s",
      "1 2 1970-01-01T00:00:03Z\n9 1 1970-01-01T00:00:02Z\n" },
    { "tolerated quotes", "user,item\n\"a\"x,b\n\"c\",d\n", { .skip_bad_rows = 1 }, "csv", "", "c d\n" },
};

static const struct {
    const char *name, *text;
    import_options options;
    const char *message;
} wrong[] = {
    { "nothing", "", { 0 }, "log: empty" },
    { "blank", "\n \r\n", { 0 }, "log: empty" },
    { "empty user", "user,item\n1,2\n,3\n", { 0 },
      "log:3:1: user is empty: mend it, or leave such rows out with --skip-bad-rows N" },
    { "empty item", "user,item\n\n1,\n", { 0 },
      "log:3:3: item is empty: mend it, or leave such rows out with --skip-bad-rows N" },
    { "bad time", "user,item,time\n1,2,3\n1,2,1x\n", { 0 },
      "log:3:5: time '1x' is not a number of s: mend it, or leave such rows out with --skip-bad-rows N" },
    { "bad moment", "user,item,time\n1,2,2020-01-01\n1,2,2020-13-01\n", { 0 },
      "log:3:5: time '2020-13-01' is not a moment like 2021-10-24T06:42:20Z: mend it, or leave such rows out with --skip-bad-rows N" },
    { "bad value", "user,item,rating\n1,2,3\n1,2,4\n1,2,inf\n", { 0 },
      "log:4:5: rating 'inf' is not a number: mend it, or leave such rows out with --skip-bad-rows N" },
    { "too few", "user,item,lat\n1,2,3\n1,2\n", { 0 },
      "log:3:1: 2 columns where the header has 3: mend it, or leave such rows out with --skip-bad-rows N" },
    { "too many", "user,item\n1,2\n\n\n1,2,3\n", { 0 },
      "log:5:1: 3 columns where the header has 2: mend it, or leave such rows out with --skip-bad-rows N" },
    { "after quotes", "user,item\n\"a\nb\",c\n\"d\"e,f\n", { 0 },
      "log:4:4: text after a closing quote: quotes inside a field are written twice: mend it, or leave such rows out with --skip-bad-rows N" },
    { "open quote", "user,item\n1,\"a\n2,3\n", { 0 },
      "log:2:3: a quote opened here is never closed: mend it, or leave such rows out with --skip-bad-rows N" },
    { "after doubled quotes", "user,item\n\"\"\"a\"\"\nb\nc\",d\n,3\n", { 0 },
      "log:5:1: user is empty: mend it, or leave such rows out with --skip-bad-rows N" },
    { "JSON after line breaks", "{\"user\":\"a\\n\\n\",\"item\":2}\n{\"user\":\"\",\"item\":2}\n", { 0 },
      "log:2:1: user is empty: mend it, or leave such rows out with --skip-bad-rows N" },
    { "beyond what is tolerated", "user,item\n,1\n,2\n", { .skip_bad_rows = 1 },
      "log:3:1: user is empty: mend it, or leave such rows out with --skip-bad-rows N" },
    { "unknown names", "customer name,thing,when\nx,y,1\n", { 0 },
      "log:1: no user or item column among customer name, thing, when: name it with --columns user=NAME,item=NAME" },
    { "no item", "user_id,thing,when\n1,2,1\n", { 0 },
      "log:1: no item column among user_id, thing, when: name it with --columns user=NAME,item=NAME" },
    { "unknown column", "user,item\n1,2\n", { .columns = "user=usr" }, "log: --columns: there is no column 'usr': it has user, item" },
    { "unknown role", "user,item\n1,2\n", { .columns = "owner=user" },
      "--columns: 'owner' is not user=NAME, item=, time=, value= or behaviour=" },
    { "unknown keep", "user,item,x\n1,2,3\n", { .keep = "x,y" }, "log: --keep: there is no column 'y': it has user, item, x" },
    { "unknown value beside a known one", "user,item,rating\n1,2,3\n", { .value = "ratng" }, "log: --value: there is no column 'ratng': it has user, item, rating" },
    { "unknown value", "user,item,x\n1,2,3\n", { .value = "stars" }, "log: --value: there is no column 'stars': it has user, item, x" },
    { "unreadable times", "user,item,date\n1,2,3 May\n", { 0 },
      "log: column date holds neither numbers nor moments like 2021-10-24T06:42:20Z: convert it, name another with --columns time=NAME, or leave it out with --columns time=none" },
    { "one column", "a\nb\n", { 0 }, "log:1: one column only: a log has at least a user and an item in a row" },
    { "one open quote", "\"a,b,c", { 0 }, "log:1: one column only: a log has at least a user and an item in a row" },
    { "many columns", "1,2,3,4,5\n2,3,4,5,6\n", { 0 },
      "log:1: 5 columns without a header: say which is which by number, e.g. --columns user=1,item=2,time=3" },
    { "columns of sequences", "1 2 3\n2 3\n", { .columns = "user=1" }, "log: a line holds a user and its items: --columns has no meaning" },
    { "not atomic", "1\t2\n", { .format = "atomic" },
      "log:1: no typed header: an atomic file begins with user_id:token<TAB>item_id:token<TAB>timestamp:float" },
    { "Parquet", "PAR1\x15\x04", { 0 },
      "log: is Parquet: convert it first, e.g. duckdb -c \"COPY 'log.parquet' TO 'log.csv'\" or python3 -c \"import polars; polars.read_parquet('log.parquet').write_csv('log.csv')\"" },
    { "bzip2", "BZh91AY", { 0 }, "log: is bzip2: unpack it first, or pipe it: bzcat FILE | habit import - ..." },
    { "array", "[{\"user\":1}]\n", { 0 }, "log:1: a JSON array: write an object a line, e.g. jq -c '.[]' FILE" },
    { "JSON without item", "{\"user\":1,\"x\":2}\n", { 0 }, "log:1: no item key among user, x: name it with --columns user=NAME,item=NAME" },
    { "broken JSON", "{\"user\":1,\"item\":2}\n{\"user\":1,,}\n", { 0 },
      "log:2:11: no JSON object: string or '}' expected near ',': mend it, or leave such rows out with --skip-bad-rows N" },
    { "broken gzip", "\x1f\x8b\x08zzzz", { 0 }, "log: broken gzip data: unknown header flags set" },
};
// clang-format on

static void check_case(size_t i, size_t block, size_t part, pool *threads)
{
    reading r;
    reading_text(&r, cases[i].text, strlen(cases[i].text), block, part, &cases[i].options, threads);
    CHECK(r.status == HABIT_OK, "%s: %s", cases[i].name, r.err.message);
    const char *got = r.rows.data ? r.rows.data : "";
    CHECK(strcmp(got, cases[i].want) == 0, "%s (blocks of %zu): got\n%swant\n%s", cases[i].name,
          block, got, cases[i].want);
    CHECK(strcmp(r.format, cases[i].format) == 0, "%s: format %s", cases[i].name, r.format);
    CHECK(strcmp(r.unit, cases[i].unit) == 0, "%s: unit %s", cases[i].name, r.unit);
    reading_free(&r);
}

static void check_wrong(size_t i, size_t block, size_t part, pool *threads)
{
    reading r;
    reading_text(&r, wrong[i].text, strlen(wrong[i].text), block, part, &wrong[i].options, threads);
    CHECK(r.status != HABIT_OK, "%s: accepted", wrong[i].name);
    CHECK(strcmp(r.err.message, wrong[i].message) == 0, "%s (blocks of %zu):\n%s\nwant\n%s",
          wrong[i].name, block, r.err.message, wrong[i].message);
    reading_free(&r);
}

static void test_rejects(void)
{
    const char *text = "user,item,time\n1,2,3\n,5,6\n7,8,x\n9,1,2\n1,2\n";
    const import_options options = { .skip_bad_rows = 3 };
    for (size_t part = 1; part < 40; part += 13) {
        reading r;
        reading_text(&r, text, strlen(text), 8, part, &options, NULL);
        CHECK(r.bad == 3, "%d bad rows", (int)r.bad);
        CHECK(r.rejects.data &&
                  strcmp(r.rejects.data, "log:3:1: user is empty\t,5,6\n"
                                         "log:4:5: time 'x' is not a number of s\t7,8,x\n"
                                         "log:6:1: 2 columns where the header has 3\t1,2\n") == 0,
              "%s", r.rejects.data);
        reading_free(&r);
    }
}

// The choice is said in one line.
static void test_log(void)
{
    // clang-format off
    static const struct { const char *text, *said; } said[] = {
        { "1::2::3::978300760\n1::3::4::978300760\n", "log: movielens, user::item::rating::time; times in s\n" },
        { "1 2\n", "log: pairs, user item; no times: the order of rows counts\n" },
        { "1\t2\tview\n", "log: triples, user<TAB>item<TAB>behaviour; no times: the order of rows counts\n" },
        { "userId,movieId,ts,stars,lat\n1,2,2020-01-01,4,5\n",
          "log: csv, user=userId, item=movieId, time=ts, value=stars; kept: lat; times in iso\n" },
        { "1 2 3\n2 3\n", "log: sequences, a user and its items in a line\n" },
        { "1 2 3\n1 3\n", "log: sessions, a session's items in a line; no users (else --format sequences)\n" },
        { "1 2\t3\n", "log: sessions, a test session in a line, its target after the tab; no users\n" },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        reading r;
        reading_text(&r, said[i].text, strlen(said[i].text), 0, 0, &(import_options){ 0 }, NULL);
        CHECK(r.log.data && strcmp(r.log.data, said[i].said) == 0, "%s", r.log.data);
        reading_free(&r);
    }
}

int main(void)
{
    static const size_t sizes[][2] = { { 0, 0 }, { 1, 1 }, { 7, 3 }, { 64, 16 } };
    const long live = mem_live();
    for (int threads = 1; threads <= 3; threads += 2) {
        pool *p = NULL;
        CHECK_OK(pool_new(&p, threads, err));
        for (size_t k = 0; k < COUNT_OF(sizes); k++) {
            for (size_t i = 0; i < COUNT_OF(cases); i++) check_case(i, sizes[k][0], sizes[k][1], p);
            for (size_t i = 0; i < COUNT_OF(wrong); i++)
                check_wrong(i, sizes[k][0], sizes[k][1], p);
        }
        pool_free(p);
    }
    test_rejects();
    test_log();
    CHECK(mem_live() == live, "%ld blocks leaked", mem_live() - live);
    return CHECK_DONE();
}
