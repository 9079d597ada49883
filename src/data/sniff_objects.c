// sniff_objects.c - the columns of JSON lines: the keys that the first objects have.
#include "base/memory.h"
#include "data/objects.h"
#include "data/sniff.h"

#include <string.h>

// Adds up what the objects of the sample hold.
typedef struct object_sample {
    column_stats stats[FIELDS_MAX];
    uint64_t objects, interactions, events; // "event" is "interaction"; is a Metarank word
} object_sample;

static bool is_metarank_word(const char *s)
{
    static const char *const words[] = { "item", "user", "ranking", "interaction" };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(s, words[i]) == 0) return true;
    return false;
}

static habit_status add_object(layout *l, object_sample *o, const json_t *object, habit_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        char text[OBJECT_NUMBER];
        size_t len;
        const char *s = object_text(value, text, &len);
        if (!s) continue; // lists and objects are no columns
        int k = column_names_find(&l->columns, key);
        if (k < 0) {
            if (l->columns.n == FIELDS_MAX) continue;
            TRY(column_names_add(&l->columns, key, strlen(key), err));
            k = (int)l->columns.n - 1;
        }
        column_stats_add(&o->stats[k], s, len);
    }
    const char *event = json_string_value(json_object_get(object, "event"));
    o->objects++;
    o->events += event && is_metarank_word(event);
    o->interactions += event && strcmp(event, "interaction") == 0;
    return HABIT_OK;
}

static habit_status add_sample(layout *l, object_sample *o, const sample *s, habit_error *err)
{
    enum { OBJECTS = 2000 };
    const char *p = s->bytes + l->skip, *begin = p, *end = s->bytes + s->len;
    uint64_t line = 1;
    for (; p < end && o->objects < OBJECTS; line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl && !s->whole) break;
        if (!nl) nl = end;
        json_error_t bad;
        json_t *object = NULL;
        if (!object_parse(p, (size_t)(nl - p), &object, &bad)) {
            if (*p == '[')
                return fail(err, HABIT_EFORMAT,
                            "%s:%llu: a JSON array: write an object a line, e.g. jq -c '.[]' FILE",
                            s->name, (unsigned long long)line);
            if (!o->objects)
                return fail(err, HABIT_EFORMAT, "%s:%llu:%d: no JSON object in this line: %s",
                            s->name, (unsigned long long)line, bad.column, bad.text);
        }
        const habit_status st = object ? add_object(l, o, object, err) : HABIT_OK;
        json_decref(object);
        if (st != HABIT_OK) return st;
        p = nl < end ? nl + 1 : end;
    }
    if (p > begin) l->rows_per_byte = (double)o->objects / (double)(p - begin);
    return HABIT_OK;
}

// Metarank's "event" says what kind of line it is; the behaviour is "type".
static void metarank_roles(layout *l, roles *r)
{
    l->interactions = true;
    r->behaviour = column_names_find(&l->columns, "type");
}

static habit_status objects_layout(layout *l, object_sample *o, const sample *s,
                                   const import_options *options, habit_error *err)
{
    TRY(add_sample(l, o, s, err));
    roles r = roles_by_name(&l->columns);
    if (o->interactions && o->events == o->objects) metarank_roles(l, &r);
    TRY(roles_override(&r, &l->columns, options, s->name, err));
    if (r.user < 0 || r.item < 0 || r.user == r.item) {
        char list[240];
        column_names_list(&l->columns, list, sizeof list);
        return fail(err, HABIT_EFORMAT,
                    "%s:1: no %s key among %s: name it with --columns user=NAME,item=NAME", s->name,
                    r.user >= 0   ? "item"
                    : r.item >= 0 ? "user"
                                  : "user or item",
                    list);
    }
    l->roles = r;
    import_options choice = *options;
    if (l->interactions && (!options->keep || strcmp(options->keep, "all") == 0))
        choice.keep = "none"; // ids of events and rankings
    return sniff_finish(l, s, o->stats, &choice, err);
}

habit_status sniff_objects(layout *l, const sample *s, const import_options *options,
                           habit_error *err)
{
    l->shape = SHAPE_OBJECTS;
    l->format = "jsonl";
    object_sample *o = ZNEW(object_sample, 1);
    if (!o) return fail_memory(err, "sniffing", sizeof *o);
    const habit_status st = objects_layout(l, o, s, options, err);
    mem_free(o);
    return st;
}
