// test_safetensors.c - arrays written are read back; files that lie are refused.
#include "base/memory.h"
#include "nn/safetensors.h"
#include "tests/check.h"

#include <string.h>
#include <unistd.h>

static void test_round_trip(void)
{
    const float f[6] = { 1, 2, 3, 4, 5, 6 };
    const double x[1] = { 0.5 };
    const uint8_t b[3] = { 7, 8, 9 };
    const int64_t l[2] = { -1, 5 };
    const uint32_t u[2] = { 3, 4 };
    const tensor_view in[] = {
        { .name = "bytes", .type = TENSOR_U8, .dims = 1, .shape = { 3 }, .data = b },
        { .name = "matrix", .type = TENSOR_F32, .dims = 2, .shape = { 2, 3 }, .data = f },
        { .name = "scalar", .type = TENSOR_F64, .dims = 0, .data = x },
        { .name = "odd \"name\"", .type = TENSOR_I64, .dims = 1, .shape = { 2 }, .data = l },
        { .name = "empty", .type = TENSOR_F32, .dims = 2, .shape = { 0, 9 }, .data = NULL },
        { .name = "codes", .type = TENSOR_U32, .dims = 1, .shape = { 2 }, .data = u },
    };
    safetensors s = { 0 };
    CHECK_OK(safetensors_write("round.safetensors", in, COUNT_OF(in), err));
    CHECK_OK(safetensors_open(&s, "round.safetensors", err));
    CHECK(s.count == COUNT_OF(in), "%zu arrays", s.count);
    uint64_t header = 0;
    memcpy(&header, s.map.bytes, 8);
    CHECK((8 + header) % 64 == 0, "data begins at %llu", (unsigned long long)(8 + header));
    for (size_t i = 0; i < COUNT_OF(in); i++) {
        const tensor_view *t = safetensors_find(&s, in[i].name);
        CHECK(t && t->type == in[i].type && t->dims == in[i].dims, "%s", in[i].name);
        if (!t) continue;
        CHECK(memcmp(t->shape, in[i].shape, sizeof t->shape) == 0, "%s", t->name);
        const size_t bytes = (size_t)tensor_count(t) * tensor_size(t->type);
        CHECK(bytes == 0 || memcmp(t->data, in[i].data, bytes) == 0, "%s", t->name);
        CHECK((uintptr_t)t->data % tensor_size(t->type) == 0, "%s is not aligned", t->name);
    }
    CHECK(!safetensors_find(&s, "none"), "an array that is not there");
    safetensors_close(&s);
    CHECK_OK(safetensors_write("round.safetensors", NULL, 0, err));
    CHECK_OK(safetensors_open(&s, "round.safetensors", err));
    CHECK(s.count == 0, "%zu arrays in an empty file", s.count);
    safetensors_close(&s);
    unlink("round.safetensors");
}

static void test_bad_writes(void)
{
    const float f = 1;
    const tensor_view twice[] = {
        { .name = "a", .dims = 0, .data = &f },
        { .name = "a", .dims = 0, .data = &f },
    };
    const tensor_view nameless = { .dims = 0, .data = &f };
    const tensor_view reserved = { .name = "__metadata__", .dims = 0, .data = &f };
    CHECK(safetensors_write("bad.safetensors", twice, 2, NULL) == HABIT_EINVAL, "two of one name");
    CHECK(safetensors_write("bad.safetensors", &nameless, 1, NULL) == HABIT_EINVAL, "no name");
    CHECK(safetensors_write("bad.safetensors", &reserved, 1, NULL) == HABIT_EINVAL, "reserved");
    CHECK(!file_exists("bad.safetensors"), "written all the same");
}

// A header and eight bytes of data, opened from memory.  `pad` spaces align the data.
static habit_status open_text(const char *header, size_t data_len, char *message)
{
    const size_t len = strlen(header), padded = (8 + len + 7) / 8 * 8 - 8;
    unsigned char *bytes = mem_zalloc(8 + padded + data_len, 1);
    safetensors s = { 0 };
    habit_error error = { 0 };
    bytes[0] = (unsigned char)padded, bytes[1] = (unsigned char)(padded >> 8);
    memset(bytes + 8, ' ', padded);
    memcpy(bytes + 8, header, len);
    const habit_status st =
        safetensors_open_bytes(&s, bytes, 8 + padded + data_len, "text", &error);
    if (st == HABIT_OK) safetensors_close(&s);
    snprintf(message, 500, "%s", error.message);
    mem_free(bytes);
    return st;
}

static void test_refusals(void)
{
    // clang-format off
    static const struct { const char *name, *header; size_t data; habit_status want; } cases[] = {
        { "good", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, HABIT_OK },
        { "metadata", "{\"__metadata__\":{\"by\":\"x\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, HABIT_OK },
        { "no json", "{\"a\":", 8, HABIT_EFORMAT },
        { "a list", "[1]", 8, HABIT_EFORMAT },
        { "twice", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, HABIT_EFORMAT },
        { "overlap", "{\"a\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, HABIT_EFORMAT },
        { "hole", "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, HABIT_EFORMAT },
        { "tail", "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 8, HABIT_EFORMAT },
        { "beyond", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 8, HABIT_EFORMAT },
        { "shape and size differ", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, HABIT_EFORMAT },
        { "overflow", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, HABIT_EFORMAT },
        { "negative", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, HABIT_EFORMAT },
        { "backwards", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, HABIT_EFORMAT },
        { "five sizes", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,2],\"data_offsets\":[0,8]}}", 8, HABIT_EFORMAT },
        { "type", "{\"a\":{\"dtype\":\"Q4\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, HABIT_EFORMAT },
        { "no type", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, HABIT_EFORMAT },
        { "not aligned", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}", 5, HABIT_EFORMAT },
        { "no name", "{\"\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, HABIT_EFORMAT },
        { "entry is a number", "{\"a\":3}", 0, HABIT_EFORMAT },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char message[500];
        const habit_status st = open_text(cases[i].header, cases[i].data, message);
        CHECK(st == cases[i].want, "%s: %s (%s)", cases[i].name, habit_status_text(st), message);
    }
    safetensors s = { 0 };
    unsigned char huge[16] = { 255, 255, 255, 255, 255, 255, 255, 255, '{', '}' };
    CHECK(safetensors_open_bytes(&s, huge, 16, "huge", NULL) == HABIT_EFORMAT, "huge header");
    CHECK(safetensors_open_bytes(&s, huge, 3, "short", NULL) == HABIT_EFORMAT, "three bytes");
    CHECK(safetensors_open(&s, "nowhere.safetensors", NULL) == HABIT_ENOTFOUND, "no such file");
}

int main(void)
{
    test_round_trip();
    test_bad_writes();
    test_refusals();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
