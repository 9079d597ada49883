// dataset_check.c - the one pass that makes a dataset file safe to read without checks.
//
// Each section goes by once, in blocks that fit the cache: first its checksum, then its rules.
// Behind the cursor the pages are given back, so that a file larger than memory can be opened.
// Event columns are checked with a second cursor over the users' offsets, which come first.
#include "base/clock.h"
#include "data/dataset_format.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

enum { BLOCK_BYTES = 256 << 10, FORGET_BYTES = 16 << 20 };

#define TIME_LIMIT (INT64_C(1) << 61) // about 73,000 years: differences of times cannot overflow

typedef struct scan scan;

// Checks elements [from, to) of the section being scanned.
typedef habit_status rule_fn(scan *s, uint64_t from, uint64_t to, habit_error *err);

struct scan {
    dataset_file *f;
    const char *path;
    XXH3_state_t *hash;
    const section_entry *now; // being scanned
    uint32_t user;            // owner of the event at the cursor
    uint64_t bound;           // of a code, or of the last entry of an offset column
    const names *names;       // whose starts are scanned
    bool in_order;            // names must ascend strictly, and not be empty
    bool may_be_none;         // TAG_NONE is allowed
    bool sorted;              // each user's items so far stand in ascending order
};

static habit_status refuse(const scan *s, uint64_t at, const char *what, habit_error *err)
{
    return fail(err, HABIT_EFORMAT, "%s: section '%s', element %llu: %s", s->path, s->now->name,
                (unsigned long long)at, what);
}

static habit_status scan_section(scan *s, section_entry *entry, rule_fn *rule, habit_error *err)
{
    const size_t size = section_size(entry->type);
    const uint64_t block = BLOCK_BYTES / size;
    const unsigned char *data = entry->data;
    uint64_t forgotten = 0;
    s->now = entry;
    s->user = 0;
    XXH3_64bits_reset(s->hash);
    for (uint64_t from = 0; from < entry->count; from += block) {
        const uint64_t to = entry->count - from < block ? entry->count : from + block;
        XXH3_64bits_update(s->hash, data + from * size, (size_t)(to - from) * size);
        if (rule) TRY(rule(s, from, to, err));
        if ((to - forgotten) * size >= FORGET_BYTES) {
            dataset_forget(&s->f->d, data + forgotten * size, (size_t)(to - forgotten) * size);
            dataset_forget(&s->f->d, s->f->d.offset, s->user * sizeof *s->f->d.offset);
            forgotten = to;
        }
    }
    if (s->f->d.map.len > 2 * FORGET_BYTES) // a small file may as well stay mapped
        dataset_forget(&s->f->d, data + forgotten * size,
                       (size_t)(entry->count - forgotten) * size);
    if (XXH3_64bits_digest(s->hash) != entry->checksum)
        return fail(err, HABIT_EFORMAT, "%s: section '%s' is damaged (checksum)", s->path,
                    entry->name);
    entry->checked = true;
    return HABIT_OK;
}

// --- rules ---------------------------------------------------------------------------------------

// An offset column: begins at 0, never descends, ends at `bound`.
static habit_status rule_offsets(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    const uint64_t *at = s->now->data;
    if (from == 0 && at[0] != 0) return refuse(s, 0, "does not begin at 0", err);
    for (uint64_t k = from ? from : 1; k < to; k++)
        if (at[k] < at[k - 1]) return refuse(s, k, "offsets descend", err);
    if (at[to - 1] > s->bound || (to == s->now->count && at[to - 1] != s->bound))
        return refuse(s, to - 1, "offsets do not cover the rows", err);
    return HABIT_OK;
}

// The starts of names; with in_order also the names themselves.
static habit_status rule_names(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    TRY(rule_offsets(s, from, to, err));
    if (!s->in_order) return HABIT_OK;
    for (uint64_t k = from ? from : 1; k < to; k++) {
        // name k - 1 ends at start[k], which has been checked
        size_t len, before_len;
        const char *name = names_at(s->names, (uint32_t)k - 1, &len);
        if (len == 0) return refuse(s, k - 1, "an empty name", err);
        if (memchr(name, 0, len)) return refuse(s, k - 1, "a name with a zero byte", err);
        if (k < 2) continue;
        const char *before = names_at(s->names, (uint32_t)k - 2, &before_len);
        if (ids_compare(before, before_len, name, len) >= 0)
            return refuse(s, k - 1, "names are not in canonical order", err);
    }
    return HABIT_OK;
}

static habit_status rule_codes8(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    const uint8_t *code = s->now->data;
    for (uint64_t k = from; k < to; k++)
        if (code[k] >= s->bound) return refuse(s, k, "no such behaviour", err);
    return HABIT_OK;
}

static habit_status rule_codes32(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    const uint32_t *code = s->now->data;
    for (uint64_t k = from; k < to; k++)
        if (code[k] >= s->bound && !(s->may_be_none && code[k] == TAG_NONE))
            return refuse(s, k, "no such name", err);
    return HABIT_OK;
}

static habit_status rule_values(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    const float *value = s->now->data;
    for (uint64_t k = from; k < to; k++)
        if (isinf(value[k])) return refuse(s, k, "an infinite value", err);
    return HABIT_OK;
}

// The end of the run of events of one user that begins at `at`; moves s->user there.
static uint64_t user_run(scan *s, uint64_t at, uint64_t to)
{
    const uint64_t *offset = s->f->d.offset;
    while (offset[s->user + 1] <= at) s->user++;
    return offset[s->user + 1] < to ? offset[s->user + 1] : to;
}

static habit_status rule_items(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    const uint32_t *item = s->now->data;
    const uint32_t items = s->f->d.items;
    for (uint64_t k = from; k < to; k++)
        if (item[k] >= items) return refuse(s, k, "no such item", err);
    if (s->f->d.time || !s->sorted) return HABIT_OK;
    for (uint64_t at = from, end; at < to && s->sorted; at = end) {
        end = user_run(s, at, to);
        const uint64_t first = at > s->f->d.offset[s->user] ? at : at + 1;
        for (uint64_t k = first; k < end; k++) s->sorted &= item[k] >= item[k - 1];
    }
    return HABIT_OK;
}

static habit_status rule_times(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    const int64_t *time = s->now->data;
    for (uint64_t at = from, end; at < to; at = end) {
        end = user_run(s, at, to);
        for (uint64_t k = at; k < end; k++) {
            if (time[k] <= -TIME_LIMIT || time[k] >= TIME_LIMIT)
                return refuse(s, k, "an impossible time", err);
            if (k > s->f->d.offset[s->user] && time[k] < time[k - 1])
                return refuse(s, k, "earlier than the user's event before", err);
        }
    }
    return HABIT_OK;
}

static habit_status rule_sessions(scan *s, uint64_t from, uint64_t to, habit_error *err)
{
    const uint32_t *session = s->now->data;
    for (uint64_t at = from, end; at < to; at = end) {
        end = user_run(s, at, to);
        for (uint64_t k = at; k < end; k++) {
            const bool first = k == s->f->d.offset[s->user];
            const uint64_t before = first ? 0 : session[k - 1];
            if (session[k] != before && (first || session[k] != before + 1))
                return refuse(s, k, "sessions do not count up from 0", err);
        }
    }
    return HABIT_OK;
}

// --- the whole file ------------------------------------------------------------------------------

static habit_status check_section(scan *s, const char *name, rule_fn *rule, habit_error *err)
{
    section_entry *entry = sections_find(&s->f->sections, name);
    return entry ? scan_section(s, entry, rule, err) : HABIT_OK;
}

static habit_status check_names(scan *s, const char *name, const names *n, bool in_order,
                                habit_error *err)
{
    char full[2 * DATASET_NAME];
    snprintf(full, sizeof full, "%.110s.bytes", name);
    const section_entry *bytes = sections_find(&s->f->sections, full);
    s->bound = bytes ? bytes->count : 0;
    s->names = n;
    s->in_order = in_order;
    snprintf(full, sizeof full, "%.110s.start", name);
    return check_section(s, full, rule_names, err);
}

static habit_status check_behaviours(scan *s, habit_error *err)
{
    const names *n = &s->f->d.behaviours;
    TRY(check_names(s, "behaviour.name", n, false, err));
    for (uint32_t a = 0; a < n->count; a++)
        for (uint32_t b = 0; b < a; b++) {
            size_t a_len, b_len;
            const char *p = names_at(n, a, &a_len), *q = names_at(n, b, &b_len);
            if (a_len == b_len && memcmp(p, q, a_len) == 0)
                return fail(err, HABIT_EFORMAT, "%s: behaviours %u and %u have one name", s->path,
                            b, a);
        }
    s->bound = n->count;
    return check_section(s, "behaviour", rule_codes8, err);
}

static habit_status check_column(scan *s, const column *c, habit_error *err)
{
    static const char *const owner[] = { "event:", "user:", "item:" };
    char stem[2 * DATASET_NAME], name[2 * DATASET_NAME + 8];
    snprintf(stem, sizeof stem, "%s%.100s", owner[c->of], c->name);
    if (c->kind == COLUMN_TEXT) {
        snprintf(name, sizeof name, "%s.text", stem);
        return check_names(s, name, &c->names, false, err);
    }
    if (c->kind != COLUMN_TAG && c->kind != COLUMN_TAGS) return HABIT_OK; // any number will do

    snprintf(name, sizeof name, "%s.name", stem);
    TRY(check_names(s, name, &c->names, true, err));
    snprintf(name, sizeof name, "%s.tag", stem);
    section_entry *tag = sections_find(&s->f->sections, name);
    s->bound = c->names.count;
    s->may_be_none = c->kind == COLUMN_TAG;
    TRY(scan_section(s, tag, rule_codes32, err));
    if (c->kind == COLUMN_TAG) return HABIT_OK;
    snprintf(name, sizeof name, "%s.list", stem);
    s->bound = tag->count;
    return check_section(s, name, rule_offsets, err);
}

// Without time, items standing sorted in every user's history mean that the log has lost its
// order; with a handful of short histories that can be chance.
static bool order_known(const scan *s)
{
    const dataset *d = &s->f->d;
    if (d->time || !s->sorted) return true;
    int long_enough = 0;
    for (uint32_t u = 0; u < d->users && long_enough < 10; u++)
        long_enough += d->offset[u + 1] - d->offset[u] >= 3;
    return long_enough < 10;
}

static habit_status check_all(scan *s, habit_error *err)
{
    dataset *d = &s->f->d;
    s->bound = d->events;
    TRY(check_section(s, "offset", rule_offsets, err));
    TRY(check_section(s, "item", rule_items, err));
    TRY(check_section(s, "time", rule_times, err));
    TRY(check_section(s, "value", rule_values, err));
    TRY(check_section(s, "session", rule_sessions, err));
    TRY(check_behaviours(s, err));
    TRY(check_names(s, "user.id", &d->user_ids, true, err));
    TRY(check_names(s, "item.id", &d->item_ids, true, err));
    for (size_t i = 0; i < d->columns_count; i++) TRY(check_column(s, &d->columns[i], err));
    for (uint32_t i = 0; i < s->f->sections.count; i++) // those without rules: the checksum
        if (!s->f->sections.of_file[i].checked)
            TRY(scan_section(s, &s->f->sections.of_file[i], NULL, err));
    d->ordered = order_known(s);
    return HABIT_OK;
}

habit_status dataset_check(dataset_file *f, const char *path, habit_error *err)
{
    scan s = { .f = f, .path = path, .hash = XXH3_createState(), .sorted = true };
    if (!s.hash) return fail_memory(err, "checksum", 576);
    const habit_status st = check_all(&s, err);
    XXH3_freeState(s.hash);
    return st;
}
