// dataset.c - opening a dataset file: header, section table, columns.
//
// Nothing is copied but a few short strings: columns are used where the mapping has them.  The
// order of work is that of trust: header and table first (their checksum makes the rest cheap to
// believe), then which sections there are and of what shape, then, in data/dataset_check.c, every
// element once.
#include "base/memory.h"
#include "data/dataset_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

size_t section_size(section_type type)
{
    static const unsigned char size[] = { 1, 4, 8, 8, 4, 8 };
    return size[type];
}

uint64_t header_checksum(const unsigned char *header, const unsigned char *table, size_t table_len)
{
    return XXH3_64bits_withSeed(table, table_len, XXH3_64bits(header, 56));
}

// --- sections ------------------------------------------------------------------------------------

static int by_name(const void *a, const void *b)
{
    return strcmp((*(section_entry *const *)a)->name, (*(section_entry *const *)b)->name);
}

void sections_sort(sections *s)
{
    for (uint32_t i = 0; i < s->count; i++) s->by_name[i] = &s->of_file[i];
    if (s->count) qsort(s->by_name, s->count, sizeof *s->by_name, by_name);
}

section_entry *sections_find(const sections *s, const char *name)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        const int c = strcmp(name, s->by_name[mid]->name);
        if (c == 0) return s->by_name[mid];
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

uint64_t sections_fingerprint(const sections *s, uint64_t events, uint32_t users, uint32_t items)
{
    unsigned char bytes[DATASET_NAME + 24] = { 0 };
    store64(bytes, events);
    store32(bytes + 8, users);
    store32(bytes + 12, items);
    uint64_t hash = XXH3_64bits(bytes, 16); // then chained: the hash so far seeds the next
    for (uint32_t i = 0; i < s->count; i++) {
        const section_entry *k = s->by_name[i];
        if (strcmp(k->name, "provenance") == 0) continue;
        memcpy(bytes, k->name, DATASET_NAME);
        store32(bytes + DATASET_NAME, (uint32_t)k->type);
        store64(bytes + DATASET_NAME + 4, k->count);
        store64(bytes + DATASET_NAME + 12, k->checksum);
        hash = XXH3_64bits_withSeed(bytes, DATASET_NAME + 20, hash);
    }
    return hash;
}

// Reads the table, which must lay the sections out exactly as the format says, zeros between.
static habit_status sections_read(dataset_file *f, const unsigned char *bytes, uint64_t table_at,
                                  uint32_t count, const char *path, habit_error *err)
{
    sections *s = &f->sections;
    s->of_file = ZNEW(section_entry, (size_t)count + 1);
    s->by_name = ZNEW(section_entry *, (size_t)count + 1);
    if (!s->of_file || !s->by_name)
        return fail_memory(err, "section table", count * sizeof(section_entry));
    uint64_t end = DATASET_HEADER;
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *p = bytes + table_at + (size_t)i * DATASET_ENTRY;
        const uint32_t type = load32(p + 96);
        section_entry k = { .name = (const char *)p,
                            .at = load64(p + 104),
                            .count = load64(p + 112),
                            .checksum = load64(p + 120) };
        if (p[0] == 0 || p[DATASET_NAME - 1] != 0 || type > SECTION_F64)
            return fail(err, HABIT_EFORMAT, "%s: entry %u of the section table is malformed", path,
                        i);
        k.type = (section_type)type;
        k.data = bytes + k.at;
        while (end % DATASET_ALIGN && end < table_at && bytes[end] == 0) end++;
        if (k.at != end || end > table_at || k.count > (table_at - end) / section_size(k.type))
            return fail(err, HABIT_EFORMAT, "%s: section '%s' is out of place", path, k.name);
        end = k.at + k.count * section_size(k.type);
        s->of_file[i] = k;
    }
    while (end % DATASET_ALIGN && end < table_at && bytes[end] == 0) end++;
    if (end != table_at)
        return fail(err, HABIT_EFORMAT, "%s: bytes between the last section and the table", path);
    s->count = count;
    sections_sort(s);
    for (uint32_t i = 1; i < count; i++)
        if (by_name(&s->by_name[i - 1], &s->by_name[i]) == 0)
            return fail(err, HABIT_EFORMAT, "%s: two sections '%s'", path, s->by_name[i]->name);
    return HABIT_OK;
}

static habit_status header_read(dataset_file *f, const unsigned char *bytes, size_t len,
                                const char *path, habit_error *err)
{
    if (len < DATASET_HEADER || memcmp(bytes, DATASET_MAGIC, 8) != 0)
        return fail(err, HABIT_EFORMAT, "%s: not a habit dataset", path);
    if (load32(bytes + 8) != DATASET_VERSION)
        return fail(err, HABIT_EFORMAT, "%s: dataset version %u, this build reads %d: import again",
                    path, load32(bytes + 8), DATASET_VERSION);
    const uint32_t count = load32(bytes + 12);
    const uint64_t table_len = (uint64_t)count * DATASET_ENTRY, table_at = load64(bytes + 48);
    if (load64(bytes + 40) != len)
        return fail(err, HABIT_EFORMAT, "%s: %zu bytes, the header says %llu: truncated?", path,
                    len, (unsigned long long)load64(bytes + 40));
    if (table_len > len || table_at != len - table_len || table_at < DATASET_HEADER)
        return fail(err, HABIT_EFORMAT, "%s: the section table is out of place", path);
    if (load64(bytes + 56) != header_checksum(bytes, bytes + table_at, (size_t)table_len))
        return fail(err, HABIT_EFORMAT, "%s: header or section table is damaged (checksum)", path);
    f->d.events = load64(bytes + 16);
    f->d.users = load32(bytes + 24);
    f->d.items = load32(bytes + 28);
    f->d.fingerprint = load64(bytes + 32);
    if (f->d.users == USER_NONE || f->d.items == ITEM_NONE || f->d.events > len)
        return fail(err, HABIT_EFORMAT, "%s: impossible counts in the header", path);
    TRY(sections_read(f, bytes, table_at, count, path, err));
    if (f->d.fingerprint != sections_fingerprint(&f->sections, f->d.events, f->d.users, f->d.items))
        return fail(err, HABIT_EFORMAT, "%s: the fingerprint does not fit the contents", path);
    return HABIT_OK;
}

// --- columns -------------------------------------------------------------------------------------

// What a column is being looked for in.
typedef struct finder {
    dataset_file *f;
    const char *path;
    habit_error *err;
} finder;

enum { ANY_COUNT = -1 };

// *out becomes the data of the section, or NULL if it is absent and not required.
static habit_status take(const finder *w, const char *name, section_type type, int64_t count,
                         bool required, const section_entry **out)
{
    const section_entry *s = sections_find(&w->f->sections, name);
    *out = s;
    if (!s && required) return fail(w->err, HABIT_EFORMAT, "%s: no section '%s'", w->path, name);
    if (s && s->type != type)
        return fail(w->err, HABIT_EFORMAT, "%s: section '%s' has the wrong type", w->path, name);
    if (s && count != ANY_COUNT && s->count != (uint64_t)count)
        return fail(w->err, HABIT_EFORMAT, "%s: section '%s' has %llu elements, not %lld", w->path,
                    name, (unsigned long long)s->count, (long long)count);
    return HABIT_OK;
}

// "<name>.start" and "<name>.bytes"; count ANY_COUNT takes what is there.
static habit_status take_names(const finder *w, const char *name, int64_t count, names *out)
{
    char full[2 * DATASET_NAME];
    const section_entry *start, *bytes;
    snprintf(full, sizeof full, "%.110s.start", name);
    TRY(take(w, full, SECTION_U64, count == ANY_COUNT ? ANY_COUNT : count + 1, true, &start));
    snprintf(full, sizeof full, "%.110s.bytes", name);
    TRY(take(w, full, SECTION_U8, ANY_COUNT, true, &bytes));
    if (start->count == 0 || start->count > UINT32_MAX)
        return fail(w->err, HABIT_EFORMAT, "%s: '%s' has an impossible number of names", w->path,
                    name);
    *out = (names){ .count = (uint32_t)(start->count - 1),
                    .start = start->data,
                    .bytes = bytes->data };
    return HABIT_OK;
}

static habit_status standard_columns(const finder *w)
{
    dataset *d = &w->f->d;
    const section_entry *s;
    const int64_t events = (int64_t)d->events;
    TRY(take(w, "offset", SECTION_U64, (int64_t)d->users + 1, true, &s));
    d->offset = s->data;
    TRY(take(w, "item", SECTION_U32, events, true, &s));
    d->item = s->data;
    TRY(take(w, "time", SECTION_I64, events, false, &s));
    d->time = s ? s->data : NULL;
    TRY(take(w, "value", SECTION_F32, events, false, &s));
    d->value = s ? s->data : NULL;
    TRY(take(w, "session", SECTION_U32, events, false, &s));
    d->session = s ? s->data : NULL;
    TRY(take(w, "behaviour", SECTION_U8, events, false, &s));
    d->behaviour = s ? s->data : NULL;
    if (s) TRY(take_names(w, "behaviour.name", ANY_COUNT, &d->behaviours));
    if (d->behaviours.count > 255)
        return fail(w->err, HABIT_EFORMAT, "%s: more than 255 behaviours", w->path);
    TRY(take_names(w, "user.id", d->users, &d->user_ids));
    return take_names(w, "item.id", d->items, &d->item_ids);
}

static bool ends_in(const char *s, const char *end, size_t *stem)
{
    const size_t a = strlen(s), b = strlen(end);
    *stem = a - b;
    return a > b && memcmp(s + a - b, end, b) == 0;
}

// If section `s` is the one that announces an extra column, true, and its kind and the length of
// "event:NAME".
static bool leads_column(const sections *all, const section_entry *s, column_kind *kind,
                         size_t *stem)
{
    char list[DATASET_NAME + 8];
    if (ends_in(s->name, ".number", stem)) return *kind = COLUMN_NUMBER, true;
    if (ends_in(s->name, ".vector", stem)) return *kind = COLUMN_VECTOR, true;
    if (ends_in(s->name, ".list", stem)) return *kind = COLUMN_TAGS, true;
    if (ends_in(s->name, ".text.start", stem)) return *kind = COLUMN_TEXT, true;
    if (!ends_in(s->name, ".tag", stem)) return false;
    snprintf(list, sizeof list, "%.*s.list", (int)*stem, s->name);
    return *kind = COLUMN_TAG, !sections_find(all, list);
}

// The arrays of one extra column, whose stem is "event:NAME".
static habit_status column_arrays(const finder *w, column *c, const char *stem)
{
    char name[2 * DATASET_NAME];
    const section_entry *s, *list;
    const int64_t rows = (int64_t)c->rows;
    switch (c->kind) {
    case COLUMN_NUMBER:
        snprintf(name, sizeof name, "%.110s.number", stem);
        TRY(take(w, name, SECTION_F64, rows, true, &s));
        c->number = s->data;
        return HABIT_OK;
    case COLUMN_VECTOR:
        snprintf(name, sizeof name, "%.110s.vector", stem);
        TRY(take(w, name, SECTION_F32, ANY_COUNT, true, &s));
        const uint64_t width = rows ? s->count / c->rows : 0;
        if (width * c->rows != s->count || width > UINT32_MAX)
            return fail(w->err, HABIT_EFORMAT, "%s: column '%s' is ragged", w->path, c->name);
        c->vector = s->data;
        c->width = (uint32_t)width;
        return HABIT_OK;
    case COLUMN_TEXT:
        if (c->rows >= UINT32_MAX)
            return fail(w->err, HABIT_EFORMAT, "%s: column '%s': too many texts", w->path, c->name);
        snprintf(name, sizeof name, "%.110s.text", stem);
        return take_names(w, name, rows, &c->names);
    case COLUMN_TAG:
    case COLUMN_TAGS:
        snprintf(name, sizeof name, "%.110s.tag", stem);
        TRY(take(w, name, SECTION_U32, c->kind == COLUMN_TAG ? rows : ANY_COUNT, true, &s));
        c->tag = s->data;
        snprintf(name, sizeof name, "%.110s.list", stem);
        TRY(take(w, name, SECTION_U64, rows + 1, c->kind == COLUMN_TAGS, &list));
        c->list = list ? list->data : NULL;
        snprintf(name, sizeof name, "%.110s.name", stem);
        return take_names(w, name, ANY_COUNT, &c->names);
    }
    return HABIT_OK;
}

// Two passes over the table: count, then fill.  Short strings are copied, so that they end in NUL.
static habit_status extra_columns(const finder *w, char *text)
{
    static const char *const prefix[] = { "event:", "user:", "item:" };
    dataset_file *f = w->f;
    const uint64_t rows[] = { f->d.events, f->d.users, f->d.items };
    f->columns = ZNEW(column, (size_t)f->sections.count + 1);
    if (!f->columns) return fail_memory(w->err, "columns", f->sections.count * sizeof(column));
    for (uint32_t i = 0; i < f->sections.count; i++) {
        const section_entry *s = &f->sections.of_file[i];
        size_t stem, p = 0;
        column c = { 0 };
        while (p < COUNT_OF(prefix) && strncmp(s->name, prefix[p], strlen(prefix[p])) != 0) p++;
        if (p == COUNT_OF(prefix) || !leads_column(&f->sections, s, &c.kind, &stem)) continue;
        if (stem <= strlen(prefix[p])) continue;
        memcpy(text, s->name, stem);
        c.of = (column_of)p;
        c.name = text + strlen(prefix[p]);
        c.rows = rows[p];
        for (size_t k = 0; k < f->d.columns_count; k++)
            if (f->columns[k].of == c.of && strcmp(f->columns[k].name, c.name) == 0)
                return fail(w->err, HABIT_EFORMAT, "%s: two columns '%s'", w->path, text);
        TRY(column_arrays(w, &c, text));
        text += stem + 1;
        f->columns[f->d.columns_count++] = c;
    }
    f->d.columns = f->columns;
    return HABIT_OK;
}

static habit_status copied_text(const finder *w)
{
    const section_entry *value, *provenance;
    TRY(take(w, "value.name", SECTION_U8, ANY_COUNT, false, &value));
    TRY(take(w, "provenance", SECTION_U8, ANY_COUNT, false, &provenance));
    const size_t a = value ? (size_t)value->count : 0;
    const size_t b = provenance ? (size_t)provenance->count : 0;
    char *text = mem_zalloc(a + 1 + b + 1 + (size_t)w->f->sections.count * DATASET_NAME, 1);
    if (!text) return fail_memory(w->err, "provenance", a + b);
    w->f->text = text;
    if (a) memcpy(text, value->data, a);
    if (b) memcpy(text + a + 1, provenance->data, b);
    w->f->d.value_name = text;
    w->f->d.provenance = text + a + 1;
    return extra_columns(w, text + a + 1 + b + 1);
}

// --- opening and closing -------------------------------------------------------------------------

static void release(dataset_file *f)
{
    if (f->mapped) file_map_close(&f->d.map);
    mem_free(f->sections.of_file);
    mem_free(f->sections.by_name);
    mem_free(f->columns);
    mem_free(f->text);
    mem_free(f->d.path);
    mem_free(f);
}

// Takes over `map` if it succeeds.
static habit_status open_map(dataset **out, file_map map, bool mapped, const char *path,
                             habit_error *err)
{
    dataset_file *f = ZNEW(dataset_file, 1);
    if (!f) return fail_memory(err, "dataset", sizeof *f);
    const finder w = { f, path, err };
    f->d.map = map;
    f->d.path = mem_strdup(path);
    habit_status st = f->d.path ? HABIT_OK : fail_memory(err, "path", strlen(path));
    if (st == HABIT_OK) st = header_read(f, map.bytes, map.len, path, err);
    if (st == HABIT_OK) st = standard_columns(&w);
    if (st == HABIT_OK) st = copied_text(&w);
    f->mapped = mapped;
    if (st == HABIT_OK) st = dataset_check(f, path, err);
    if (st != HABIT_OK) {
        f->mapped = false; // the caller keeps the map
        release(f);
        return st;
    }
    *out = &f->d;
    return HABIT_OK;
}

habit_status dataset_open(dataset **out, const char *path, habit_error *err)
{
    file_map map;
    TRY(file_map_open(&map, path, err));
    const habit_status st = open_map(out, map, true, path, err);
    if (st != HABIT_OK) file_map_close(&map);
    return st;
}

habit_status dataset_open_bytes(dataset **out, const unsigned char *bytes, size_t len,
                                const char *path, habit_error *err)
{
    return open_map(out, (file_map){ bytes, len }, false, path, err);
}

void dataset_close(dataset *d)
{
    if (!d) return;
    if (d->unlink_on_close) unlink(d->path);
    release((dataset_file *)d);
}

void dataset_forget(const dataset *d, const void *from, size_t len)
{
    const uintptr_t at = (uintptr_t)from, base = (uintptr_t)d->map.bytes;
    if (!base || !((const dataset_file *)d)->mapped || at < base || at - base > d->map.len) return;
    file_map_forget(&d->map, at - base, len);
}

bool dataset_recognise(const char *path)
{
    char magic[8];
    FILE *f = fopen(path, "rbe");
    if (!f) return false;
    const bool whole = fread(magic, 1, sizeof magic, f) == sizeof magic;
    fclose(f);
    return whole && memcmp(magic, DATASET_MAGIC, sizeof magic) == 0;
}

// --- looking things up ---------------------------------------------------------------------------

const column *dataset_column(const dataset *d, column_of of, const char *name)
{
    for (size_t i = 0; i < d->columns_count; i++)
        if (d->columns[i].of == of && strcmp(d->columns[i].name, name) == 0) return &d->columns[i];
    return NULL;
}

uint32_t names_find(const names *n, const char *s, size_t len)
{
    uint32_t low = 0, high = n->count;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        size_t mid_len;
        const char *at = names_at(n, mid, &mid_len);
        const int c = ids_compare(s, len, at, mid_len);
        if (c == 0) return mid;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return UINT32_MAX;
}
