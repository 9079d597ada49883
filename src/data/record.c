// record.c - which columns a packed event has, and where.
#include "data/record.h"
#include "base/memory.h"

static int extra_find(const record_format *f, const char *name)
{
    for (int k = 0; k < f->extras; k++)
        if (strcmp(f->extra[k].name, name) == 0) return k;
    return -1;
}

static habit_status extra_add(record_format *f, const char *name, bool tag, const char *source,
                              habit_error *err)
{
    const int known = extra_find(f, name);
    if (known >= 0 && f->extra[known].tag != tag)
        return fail(err, HABIT_EFORMAT,
                    "%s: column '%s' has %s, but %s in the sources before; leave it out with "
                    "--keep",
                    source, name, tag ? "words" : "numbers", tag ? "numbers" : "words");
    if (known >= 0) return HABIT_OK;
    if (f->extras == READER_EXTRAS)
        return fail(err, HABIT_ELIMIT, "%s: more than %d extra columns; choose some with --keep",
                    source, READER_EXTRAS);
    char *copy = mem_strdup(name);
    if (!copy) return fail_memory(err, "column names", strlen(name));
    f->extra[f->extras++] = (record_extra){ .name = copy, .tag = tag };
    return HABIT_OK;
}

habit_status record_format_add(record_format *f, const schema *s, const char *source,
                               habit_error *err)
{
    if (s->has_time) f->time = 1; // any offset but 0: record_place() has the last word
    if (s->has_value) f->value = 1;
    if (s->has_behaviour) f->behaviour = 1;
    if (s->has_value && !f->value_name) {
        f->value_name = mem_strdup(s->value_name ? s->value_name : "value");
        if (!f->value_name) return fail_memory(err, "column names", 0);
    }
    for (int k = 0; k < s->extras; k++)
        TRY(extra_add(f, s->extra_name[k], s->extra_kind[k] != EXTRA_NUMBER, source, err));
    return HABIT_OK;
}

void record_place(record_format *f)
{
    size_t at = RECORD_ITEM + sizeof(uint32_t);
    if (f->time) f->time = at, at += sizeof(int64_t);
    if (f->value) f->value = at, at += sizeof(float);
    for (int k = 0; k < f->extras; k++) {
        f->extra[k].at = at;
        at += f->extra[k].tag ? sizeof(uint32_t) : sizeof(double);
    }
    if (f->behaviour) f->behaviour = at, at += sizeof(uint8_t);
    f->width = at;
}

void record_match(const record_format *f, const schema *s, int from[READER_EXTRAS])
{
    for (int k = 0; k < READER_EXTRAS; k++) from[k] = -1;
    for (int k = 0; k < s->extras; k++) {
        const int to = extra_find(f, s->extra_name[k]);
        if (to >= 0) from[to] = k;
    }
}

void record_format_free(record_format *f)
{
    mem_free(f->value_name);
    for (int k = 0; k < f->extras; k++) mem_free(f->extra[k].name);
    *f = (record_format){ 0 };
}
