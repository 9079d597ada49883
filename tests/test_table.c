// test_table.c - item and user tables of every format, and the kinds of their columns.
#include "tests/check.h"
#include "base/memory.h"
#include "data/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = { "number", "tag", "tags", "text", "vector" };

// "id: name/kind=value ..." a row; lists with '+' between.
static void write_out(buffer *b, const side_table *t)
{
    for (uint32_t r = 0; r < t->id.count; r++) {
        size_t len;
        const char *id = ids_at(&t->id, r, &len);
        buffer_add(b, id, len);
        for (size_t i = 0; i < t->columns_count; i++) {
            const side_column *c = &t->columns[i];
            buffer_format(b, " %s/%s=", c->name, kinds[c->kind]);
            if (c->kind == COLUMN_NUMBER) buffer_format(b, "%g", c->number[r]);
            for (uint32_t k = 0; c->kind == COLUMN_VECTOR && k < c->width; k++)
                buffer_format(b, "%s%g", k ? "+" : "", (double)c->vector[r * c->width + k]);
            if (c->text && c->text[r]) buffer_text(b, c->text[r]);
        }
        buffer_text(b, "\n");
    }
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] == TABLE_LIST) b->data[i] = '+';
}

static habit_status read_text(buffer *out, const char *text, bool of_items,
                              const import_options *options, habit_error *err)
{
    source *s = NULL;
    side_table t = { 0 };
    TRY(source_memory(&s, "table", text, strlen(text), err));
    TRY(side_table_from(&t, s, of_items, options, NULL, err));
    write_out(out, &t);
    side_table_free(&t);
    return buffer_check(out, err);
}

// clang-format off
static const struct {
    const char *name, *text;
    bool users;
    import_options options;
    const char *want;
} cases[] = {
    { "csv", "item_id,price,colour,title\n1,2.5,red,\"The long, long way\"\n2,,blue,\n3,1,red,x\n", false, { 0 },
      "1 price/number=2.5 colour/tag=red title/text=The long, long way\n2 price/number=nan colour/tag=blue title/text=\n"
      "3 price/number=1 colour/tag=red title/text=x\n" },
    { "codes are tags", "item_id,zip\n1,01234\n2,99999\n", false, { 0 }, "1 zip/tag=01234\n2 zip/tag=99999\n" },
    { "numbers that are names", "item_id,brand_id,i_category,paid\n1,7,0,5\n", false, { 0 }, "1 brand_id/tag=7 i_category/tag=0 paid/number=5\n" },
    { "bars", "movieId,title,genres\n1,Toy Story,Adventure|Comedy\n2,Heat,Action\n", false, { 0 },
      "1 title/text=Toy Story genres/tags=Adventure+Comedy\n2 title/text=Heat genres/tags=Action\n" },
    { "commas in categories", "item,categories\n1,\"a b, c, a b\"\n2,d\n", false, { 0 }, "1 categories/tags=a b+c\n2 categories/tags=d\n" },
    { "brackets", "item_id,r\n1,\"[4, 19,4]\"\n2,\"['x, y', \"\"z\"\"]\"\n3,[]\n", false, { 0 }, "1 r/tags=4+19\n2 r/tags=x, y+z\n3 r/tags=\n" },
    { "leftovers", ",Unnamed: 0,movie id,x\n0,0,7,a\n", false, { 0 }, "7 x/tag=a\n" },
    { "quotes", "user_id\tsays\n7\t\"a \"\"b\"\"\"\n", true, { 0 }, "7 says/tag=a \"b\"\n" },
    { "long text", "item_id,x\n1,one of many\n2,another thing\n3,something else\n", false, { 0 },
      "1 x/text=one of many\n2 x/text=another thing\n3 x/text=something else\n" },
    { "named ids", "sku,who,x\n1,2,a\n", true, { .columns = "user=who" }, "2 sku/number=1 x/tag=a\n" },
    { "repeated id", "item_id,x\n1,a\n1,b\n", false, { 0 }, "1 x/tag=a\n" },
    { "ids of one row", "item_id,x\n1,\n", false, { 0 }, "1\n" },
    { "tolerated", "item_id,x\n,a\n2,b\n3\n", false, { .skip_bad_rows = 2 }, "2 x/tag=b\n" },
    { "movies.dat", "1::Toy Story (1995)::Animation|Children's\n2::Caf\xE9: a::Drama\n", false, { 0 },
      "1 title/text=Toy Story (1995) genres/tags=Animation+Children's\n2 title/text=Caf\xC3\xA9: a genres/tags=Drama\n" },
    { "users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n", true, { 0 },
      "1 gender/tag=F age/number=1 occupation/tag=10 zip/tag=48067\n2 gender/tag=M age/number=56 occupation/tag=16 zip/tag=70072\n" },
    { "u.item", "1|Toy Story (1995)|01-Jan-1995||http://x/y|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n", false, { 0 },
      "1 title/text=Toy Story (1995) release_date/text=01-Jan-1995 url/text=http://x/y genres/tags=Animation+Children's+Comedy\n" },
    { "u.user", "1|24|M|technician|85711\n2|53|F|other|94043\n", true, { 0 },
      "1 age/number=24 gender/tag=M occupation/tag=technician zip/tag=85711\n2 age/number=53 gender/tag=F occupation/tag=other zip/tag=94043\n" },
    { "atomic", "item_id:token\tmovie_title:token_seq\tgenre:token_seq\tyear:float\temb:float_seq\n7\tToy Story\tA B\t1995\t0.5 1\n8\tX\t\t\t\n",
      false, { 0 }, "7 movie_title/text=Toy Story genre/tags=A+B year/number=1995 emb/vector=0.5+1\n"
      "8 movie_title/text=X genre/tags= year/number=nan emb/vector=nan+nan\n" },
    { "jsonl", "{\"item_id\":\"a\",\"n\":1,\"tags\":[\"x\",\"y\"],\"v\":[0.5,1.0]}\n{\"item_id\":\"b\",\"late\":\"z\",\"v\":[2,3]}\n", false, { 0 },
      "a n/number=1 tags/tags=x+y v/vector=0.5+1 late/tag=\nb n/number=nan tags/tags= v/vector=2+3 late/tag=z\n" },
    { "map of lists", "{\"4\": [1, 2, 1], \"83\": [4]}", false, { 0 }, "4 attributes/tags=1+2\n83 attributes/tags=4\n" },
    { "map of objects", "{\n \"0\": {\"title\": \"The Great Greek\"},\n \"1\": {\"title\": \"x\", \"n\": 3}\n}", false, { 0 },
      "0 title/text=The Great Greek n/number=nan\n1 title/text=x n/number=3\n" },
    { "map of texts", "{\"7\": \"once upon a time\"}", false, { 0 }, "7 text/text=once upon a time\n" },
    { "array of objects", "[{\"user\": 1, \"age\": 30}, {\"user\": 2, \"age\": 31}]", true, { 0 }, "1 age/number=30\n2 age/number=31\n" },
};

static const struct {
    const char *name, *text;
    bool users;
    const char *message;
} wrong[] = {
    { "empty", " \n", false, "table: empty" },
    { "no ids", "a,b\n1,2\n", false,
      "table:1: no item column among a, b: a table begins with a header; name the ids with --columns item=NAME" },
    { "empty id", "user_id,b\nx,\"y\nz\"\n,2\n", true,
      "table:4:1: id is empty: mend it, or leave such rows out with --skip-bad-rows N" },
    { "too few", "item_id,b\n1\n", false,
      "table:2:1: 1 columns where there should be 2: mend it, or leave such rows out with --skip-bad-rows N" },
    { "open quote", "item_id,b\n1,\"x\n", false,
      "table:2:3: a quote opened here is never closed: mend it, or leave such rows out with --skip-bad-rows N" },
    { "number of words", "item_id:token\tx:float\n1\tabc\n", false, "table: x of '1' is 'abc', not a number" },
    { "ragged vectors", "item_id:token\tv:float_seq\n1\t1 2\n2\t1 2 3\n", false,
      "table: v of '2' has 3 numbers where others have 2: vectors are of one length" },
    { "broken JSON", "{\"1\": [1,}", false, "table:1:10: broken JSON: unexpected token near '}'" },
    { "broken line", "{\"item_id\": 1}\n{\"item_id\": 2\n", false,
      "table:2:13: no JSON object: '}' expected near end of file: mend it, or leave such rows out with --skip-bad-rows N" },
    { "objects without ids", "[{\"x\": 1}]", false, "table: the objects have no item key: name it with --columns item=NAME" },
    { "Parquet", "PAR1", false,
      "table: is Parquet: convert it first, e.g. duckdb -c \"COPY 'log.parquet' TO 'log.csv'\" or python3 -c \"import polars; polars.read_parquet('log.parquet').write_csv('log.csv')\"" },
};
// clang-format on

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buffer got = { 0 };
        habit_error e = { 0 };
        const habit_status st =
            read_text(&got, cases[i].text, !cases[i].users, &cases[i].options, &e);
        CHECK(st == HABIT_OK, "%s: %s", cases[i].name, e.message);
        CHECK(got.data && strcmp(got.data, cases[i].want) == 0, "%s: got\n%swant\n%s",
              cases[i].name, got.data ? got.data : "", cases[i].want);
        buffer_free(&got);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        buffer got = { 0 };
        habit_error e = { 0 };
        const habit_status st =
            read_text(&got, wrong[i].text, !wrong[i].users, &(import_options){ 0 }, &e);
        CHECK(st != HABIT_OK, "%s: accepted", wrong[i].name);
        CHECK(strcmp(e.message, wrong[i].message) == 0, "%s:\n%s\nwant\n%s", wrong[i].name,
              e.message, wrong[i].message);
        buffer_free(&got);
    }
}

// Whatever allocation fails, the answer is "out of memory" and nothing is lost.
static void test_memory(void)
{
    const long live = mem_live();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (long n = 0;; n++) {
            buffer got = { 0 };
            habit_error e = { 0 };
            mem_fail_after(n);
            const habit_status st =
                read_text(&got, cases[i].text, !cases[i].users, &cases[i].options, &e);
            mem_fail_after(-1);
            buffer_free(&got);
            if (st == HABIT_OK) break;
            CHECK(st == HABIT_ENOMEM, "%s: allocation %ld: %d %s", cases[i].name, n, st, e.message);
            if (mem_live() != live || n > 10000) {
                CHECK(false, "%s: allocation %ld leaks %ld", cases[i].name, n, mem_live() - live);
                return;
            }
        }
}

int main(void)
{
    const long live = mem_live();
    test_cases();
    test_memory();
    CHECK(mem_live() == live, "%ld blocks leaked", mem_live() - live);
    return CHECK_DONE();
}
