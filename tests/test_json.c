// test_json.c - what the service takes for JSON (RFC 8259), case by case, with counts.
//
// A text stands where the value of a member stands, in an event that is good otherwise: a text that
// is JSON is kept and means the same when it is read back, one that is none makes the event refused.
// Where the RFC leaves a choice, the table says what ours is.
#include "tests/check.h"
#include "base/clock.h"

#include <config.h>

#ifdef HAVE_SERVE
#include "base/memory.h"
#include "serve/body.h"

#include <math.h>
#include <string.h>

enum { BODY = 1 << 16 };

// YES and NO: the RFC says so.  TAKEN and REFUSED: it lets us choose.
enum verdict { YES, NO, TAKEN, REFUSED, VERDICTS };

#define T(name, text, verdict)                                                                     \
    {                                                                                              \
        name, text, sizeof(text) - 1, verdict                                                      \
    }

// clang-format off
static const struct {
    const char *name, *text;
    size_t len;
    enum verdict verdict;
} values[] = {
    // numbers
    T("zero", "0", YES), T("minus zero", "-0", YES), T("integer", "17", YES), T("negative", "-17", YES),
    T("fraction", "0.5", YES), T("fraction of minus zero", "-0.0", YES), T("exponent", "1e3", YES),
    T("capital exponent", "1E3", YES), T("signed exponents", "[1e+3,1e-3]", YES), T("fraction and exponent", "1.25e-2", YES),
    T("zero with exponent", "0e1", YES), T("2^53 + 1", "9007199254740993", YES), T("the largest 64-bit", "9223372036854775807", YES),
    T("the smallest 64-bit", "-9223372036854775808", YES), T("many digits", "0.12345678901234567890123456789", YES),
    T("very small", "1e-320", TAKEN), T("smaller than any", "1e-400", TAKEN), T("larger than any", "1e400", REFUSED),
    T("past 64 bits", "9223372036854775808", REFUSED), T("huge integer", "123456789012345678901234567890", REFUSED),
    T("leading zero", "017", NO), T("leading zero, negative", "-017", NO), T("two zeros", "00", NO), T("plus", "+1", NO),
    T("no digit before the point", ".5", NO), T("none after it", "1.", NO), T("none before an exponent", "e3", NO),
    T("none after it", "1e", NO), T("sign without digits", "1e+", NO), T("a lone minus", "-", NO), T("two minuses", "--1", NO),
    T("minus and space", "- 1", NO), T("hexadecimal", "0x1F", NO), T("NaN", "NaN", NO), T("nan", "nan", NO),
    T("Infinity", "Infinity", NO), T("-Infinity", "-Infinity", NO), T("two points", "1.2.3", NO), T("underscore", "1_000", NO),
    T("comma in a number", "1,5", NO), T("full-width digit", "\xEF\xBC\x91", NO), T("letter after", "1a", NO), T("point and exponent", "1.e3", NO),
    // literals
    T("true", "true", YES), T("false", "false", YES), T("null", "null", YES), T("True", "True", NO), T("NULL", "NULL", NO),
    T("cut", "tru", NO), T("run together", "truefalse", NO), T("undefined", "undefined", NO), T("a word", "word", NO), T("nothing", "", NO),
    // strings
    T("empty string", "\"\"", YES), T("letters", "\"abc\"", YES), T("every escape", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", YES),
    T("\\u of a letter", "\"\\u0041\"", YES), T("\\u, small and capital", "\"\\u00e9\\u00E9\"", YES), T("\\u of a control", "\"\\u001f\"", YES),
    T("two bytes", "\"\xC3\xA9\"", YES), T("three bytes", "\"\xE2\x82\xAC\"", YES), T("four bytes", "\"\xF0\x9F\x98\x80\"", YES),
    T("a surrogate pair", "\"\\uD83D\\uDE00\"", YES), T("the last code point", "\"\xF4\x8F\xBF\xBF\"", YES), T("a slash", "\"a/b\"", YES),
    T("line separators", "\"\xE2\x80\xA8\xE2\x80\xA9\"", YES), T("DEL", "\"\x7F\"", YES), T("noncharacter", "\"\xEF\xBF\xBF\"", YES),
    T("\\u0000", "\"a\\u0000b\"", REFUSED), T("a first surrogate alone", "\"\\uD83D\"", REFUSED), T("a second one alone", "\"\\uDE00\"", REFUSED),
    T("surrogates in the wrong order", "\"\\uDE00\\uD83D\"", REFUSED), T("a first one and a letter", "\"\\uD83Dx\"", REFUSED),
    T("a first one and an escape", "\"\\uD83D\\n\"", REFUSED), T("two first ones", "\"\\uD83D\\uD83D\"", REFUSED),
    T("bytes that are not UTF-8", "\"\xFF\xFE\"", REFUSED), T("a lone second byte", "\"\x80\"", REFUSED), T("cut UTF-8", "\"\xE2\x82\"", REFUSED),
    T("overlong", "\"\xC0\xAF\"", REFUSED), T("overlong, three bytes", "\"\xE0\x80\xAF\"", REFUSED), T("a surrogate in UTF-8", "\"\xED\xA0\x80\"", REFUSED),
    T("past the last code point", "\"\xF4\x90\x80\x80\"", REFUSED), T("five bytes", "\"\xF8\x88\x80\x80\x80\"", REFUSED),
    T("a raw NUL", "\"a\0b\"", NO), T("a raw newline", "\"a\nb\"", NO), T("a raw tab", "\"a\tb\"", NO), T("a raw 1F", "\"\x1F\"", NO),
    T("\\x", "\"\\x41\"", NO), T("\\a", "\"\\a\"", NO), T("\\'", "\"\\'\"", NO), T("\\u with three digits", "\"\\u004\"", NO),
    T("\\u with a letter", "\"\\u00G1\"", NO), T("\\U", "\"\\U0041\"", NO), T("no end", "\"abc", NO), T("an escaped end", "\"abc\\\"", NO),
    T("single quotes", "'abc'", NO), T("backquotes", "`abc`", NO), T("a quote inside", "\"a\"b\"", NO), T("a lone backslash", "\"\\", NO),
    // arrays
    T("empty array", "[]", YES), T("array", "[1,\"a\",null,[true]]", YES), T("spaces", "[ 1 ,\t2 ,\r3 ]", YES), T("nested 500 deep", "NEST500", YES),
    T("nested 5000 deep", "NEST5000", REFUSED), T("trailing comma", "[1,]", NO), T("leading comma", "[,1]", NO), T("two commas", "[1,,2]", NO),
    T("only a comma", "[,]", NO), T("no comma", "[1 2]", NO), T("no end", "[1", NO), T("no end after a comma", "[1,", NO), T("wrong end", "[1}", NO),
    T("two ends", "[1]]", NO), T("colon", "[1:2]", NO), T("semicolon", "[1;2]", NO), T("form feed", "[\f1]", NO), T("no-break space", "[\xC2\xA0" "1]", NO),
    T("a comment", "[1/*one*/]", NO), T("a line comment", "[1]//one", NO), T("ellipsis", "[1,...]", NO),
    // objects
    T("empty object", "{}", YES), T("object", "{\"a\":1,\"b\":{\"c\":[]}}", YES), T("empty name", "{\"\":0}", YES), T("spaces", "{ \"a\" : 1 }", YES),
    T("escaped name", "{\"\\u0061\":1}", YES), T("name beyond ASCII", "{\"\xC3\xA9\":1}", YES), T("names that differ by case", "{\"a\":1,\"A\":2}", YES),
    T("the same name twice", "{\"a\":1,\"a\":2}", REFUSED), T("the same, escaped", "{\"a\":1,\"\\u0061\":2}", REFUSED),
    T("NUL in a name", "{\"a\\u0000b\":1}", REFUSED), T("trailing comma", "{\"a\":1,}", NO), T("no value", "{\"a\":}", NO), T("no colon", "{\"a\"}", NO),
    T("two colons", "{\"a\"::1}", NO), T("name without quotes", "{a:1}", NO), T("name in single quotes", "{'a':1}", NO), T("a number for a name", "{1:1}", NO),
    T("null for a name", "{null:1}", NO), T("comma for a colon", "{\"a\",1}", NO), T("no end", "{\"a\":1", NO), T("wrong end", "{\"a\":1]", NO),
    T("two commas", "{\"a\":1,,\"b\":2}", NO), T("no comma", "{\"a\":1 \"b\":2}", NO), T("a value that is a name", "{\"a\":b}", NO),
};

// Whole bodies, and how many events they are; -1: refused as a whole.
static const struct {
    const char *name, *text;
    size_t len;
    int events;
} bodies[] = {
#define EVENT "{\"user\":\"u\",\"item\":\"i\"}"
    T("an object", EVENT, 1), T("space around", " \t\r\n" EVENT "\r\n ", 1), T("an array", "[" EVENT "," EVENT "]", 2), T("an empty array", "[]", 0),
    T("two lines", EVENT "\n" EVENT, 2), T("lines with empty ones between", EVENT "\n\n\r\n" EVENT "\n", 2), T("CRLF lines", EVENT "\r\n" EVENT "\r\n", 2),
    T("a byte order mark", "\xEF\xBB\xBF" EVENT, -1), T("UTF-16", "{\0\"\0}\0", -1), T("two objects on a line", EVENT EVENT, -1),
    T("two with a comma", EVENT "," EVENT, -1), T("garbage after", EVENT "x", -1), T("NUL after", EVENT "\0", -1), T("a bracket after", EVENT "]", -1),
    T("a cut array", "[" EVENT ",", -1), T("a trailing comma", "[" EVENT ",]", -1), T("a number", "1", -1), T("a string", "\"u\"", -1), T("null", "null", -1),
    T("true", "true", -1), T("space alone", "  ", -1), T("empty", "", -1), T("a form", "user=u&item=i", -1), T("XML", "<user>u</user>", -1),
    T("a lone bracket", "[", -1), T("a lone brace", "{", -1), T("a lone quote", "\"", -1), T("NUL alone", "\0", -1), T("user twice", "{\"user\":\"a\",\"item\":\"i\",\"user\":\"b\"}", -1),
};
// clang-format on

static size_t write_value(char *to, size_t k)
{
    const char *text = values[k].text;
    if (strncmp(text, "NEST", 4) != 0) {
        memcpy(to, text, values[k].len);
        return values[k].len;
    }
    const size_t deep = strtoul(text + 4, NULL, 10);
    memset(to, '[', deep);
    memset(to + deep, ']', deep);
    return 2 * deep;
}

static habit_status read_body(body *b, const char *text, size_t len)
{
    // of its exact size, so that a sanitizer sees a read past its end
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    *b = (body){ .now = clock_now() };
    const habit_status st = body_read(b, copy, len, body_event, NULL);
    free(copy);
    return st;
}

// The member as it was kept means what was sent; of a fraction 15 digits are kept.
static bool same(const db_text *fields, const char *text, size_t len)
{
    json_t *kept = json_loadb(fields->at, fields->len, 0, NULL);
    json_t *sent = json_loadb(text, len, JSON_DECODE_ANY, NULL);
    const json_t *x = json_object_get(kept, "x");
    const double a = json_real_value(x), b = json_real_value(sent);
    const bool same = json_equal(x, sent) ||
                      (json_is_real(x) && json_is_real(sent) && fabs(a - b) <= 1e-14 * fabs(b));
    json_decref(kept);
    json_decref(sent);
    return same;
}

static void test_values(void)
{
    static const char *const name[VERDICTS] = { "valid, taken", "invalid, refused",
                                                "our choice, taken", "our choice, refused" };
    static const char head[] = "{\"user\":\"u\",\"item\":\"i\",\"x\":", tail[] = "}";
    static char text[BODY];
    size_t right[VERDICTS] = { 0 }, all[VERDICTS] = { 0 };
    for (size_t k = 0; k < COUNT_OF(values); k++) {
        body b;
        const size_t before = sizeof head - 1;
        memcpy(text, head, before);
        const size_t len = write_value(text + before, k);
        memcpy(text + before + len, tail, sizeof tail);
        const habit_status st = read_body(&b, text, before + len + sizeof tail - 1);
        const bool taken = st == HABIT_OK && b.ops == 1 && b.refusals == 0;
        const enum verdict v = values[k].verdict;
        const bool good = taken == (v == YES || v == TAKEN);
        CHECK(good, "%s: %s", values[k].name, taken ? "taken" : "refused");
        CHECK(taken || st != HABIT_OK || b.refusals, "%s: neither taken nor refused",
              values[k].name);
        if (taken)
            CHECK(same(&b.op[0].event.fields, text + before, len), "%s: kept as %.*s",
                  values[k].name, (int)b.op[0].event.fields.len, b.op[0].event.fields.at);
        all[v]++, right[v] += good;
        body_free(&b);
    }
    for (int v = 0; v < VERDICTS; v++) printf("%-20s %3zu of %3zu\n", name[v], right[v], all[v]);
}

static void test_bodies(void)
{
    size_t right = 0;
    for (size_t k = 0; k < COUNT_OF(bodies); k++) {
        body b;
        const habit_status st = read_body(&b, bodies[k].text, bodies[k].len);
        const int events = st == HABIT_OK && b.refusals == 0 ? (int)b.ops : -1;
        CHECK(events == bodies[k].events, "%s: %d events, not %d", bodies[k].name, events,
              bodies[k].events);
        right += events == bodies[k].events;
        body_free(&b);
    }
    printf("%-20s %3zu of %3zu\n", "whole bodies", right, COUNT_OF(bodies));
}
#endif

int main(void)
{
#ifdef HAVE_SERVE
    test_values();
    test_bodies();
    CHECK(mem_live() == 0, "%zu bytes were not given back", mem_live());
    return CHECK_DONE();
#else
    puts("built without the live service");
    return CHECK_SKIPPED;
#endif
}
