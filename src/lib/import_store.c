// import_store.c - rows of a dataset as writes of a store.
#include "lib/import_store.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "data/batch.h"
#include "store/db.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 2048 };

typedef struct filling {
    db *db;
    const dataset *d;
    const run *run;
    db_op *op;                   // [BLOCK]
    buffer *fields, *categories; // [BLOCK] their texts
    size_t ops;
} filling;

bool import_is_store(const char *path)
{
    static const char *const endings[] = { ".db", ".sqlite", ".sqlite3" };
    static const char magic[] = "SQLite format 3";
    char head[sizeof magic] = "";
    const size_t len = strlen(path);
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        const size_t n = strlen(endings[i]);
        if (len > n && strcmp(path + len - n, endings[i]) == 0) return true;
    }
    FILE *f = fopen(path, "rb");
    const bool read = f && fread(head, 1, sizeof head, f) == sizeof head;
    if (f) fclose(f);
    return read && memcmp(head, magic, sizeof magic) == 0;
}

// --- columns ----------------------------------------------------------------------------------------

static void add_name(buffer *to, const names *n, uint32_t k)
{
    size_t len;
    const char *s = names_at(n, k, &len);
    json_quote(to, s, len);
}

static void add_list(buffer *to, const column *c, uint64_t row)
{
    buffer_text(to, "[");
    for (uint64_t i = c->list[row]; i < c->list[row + 1]; i++) {
        if (i > c->list[row]) buffer_text(to, ",");
        add_name(to, &c->names, c->tag[i]);
    }
    buffer_text(to, "]");
}

// False if the row has no value there.
static bool has_value(const column *c, uint64_t row)
{
    switch (c->kind) {
    case COLUMN_NUMBER:
        return !isnan(c->number[row]);
    case COLUMN_TAG:
        return c->tag[row] != TAG_NONE;
    case COLUMN_TAGS:
        return c->list[row] < c->list[row + 1];
    case COLUMN_TEXT:
        return c->names.start[row] < c->names.start[row + 1];
    case COLUMN_VECTOR:
        break; // for models, not for people
    }
    return false;
}

// The extra columns of a row as a JSON object; none: {NULL}.
static db_text fields_of(buffer *to, const dataset *d, column_of of, uint64_t row)
{
    buffer_clear(to);
    for (size_t i = 0; i < d->columns_count; i++) {
        const column *c = &d->columns[i];
        if (c->of != of || !has_value(c, row)) continue;
        buffer_text(to, to->len ? "," : "{");
        json_quote(to, c->name, strlen(c->name));
        buffer_text(to, ":");
        if (c->kind == COLUMN_NUMBER)
            buffer_format(to, "%.15g", c->number[row]);
        else if (c->kind == COLUMN_TAGS)
            add_list(to, c, row);
        else
            add_name(to, &c->names, c->kind == COLUMN_TAG ? c->tag[row] : (uint32_t)row);
    }
    if (to->len) buffer_text(to, "}");
    return to->len ? (db_text){ to->data, to->len } : (db_text){ 0 };
}

// What an item's column of that name says, as a JSON array.
static db_text categories_of(buffer *to, const dataset *d, uint64_t row)
{
    static const char *const known[] = { "categories", "category", "genres", "genre" };
    buffer_clear(to);
    for (size_t i = 0; i < COUNT_OF(known) && !to->len; i++) {
        const column *c = dataset_column(d, OF_ITEMS, known[i]);
        if (!c || !has_value(c, row)) continue;
        if (c->kind == COLUMN_TAGS) {
            add_list(to, c, row);
        } else if (c->kind == COLUMN_TAG) {
            buffer_text(to, "[");
            add_name(to, &c->names, c->tag[row]);
            buffer_text(to, "]");
        }
    }
    return to->len ? (db_text){ to->data, to->len } : (db_text){ 0 };
}

static bool any_columns(const dataset *d, column_of of)
{
    for (size_t i = 0; i < d->columns_count; i++)
        if (d->columns[i].of == of) return true;
    return false;
}

// --- rows -------------------------------------------------------------------------------------------

static habit_status flush(filling *f, habit_error *err)
{
    for (size_t i = 0; i < f->ops; i++) {
        TRY(buffer_check(&f->fields[i], err));
        TRY(buffer_check(&f->categories[i], err));
    }
    const habit_status st = f->ops ? db_write_now(f->db, f->op, f->ops, err) : HABIT_OK;
    f->ops = 0;
    return st;
}

// Room for one more; *op is NULL if there is none.
static habit_status next(filling *f, db_kind kind, db_op **op, habit_error *err)
{
    if (f->ops == BLOCK) TRY(flush(f, err));
    *op = &f->op[f->ops++];
    **op = (db_op){ .kind = kind };
    return HABIT_OK;
}

static db_text text_of(const names *n, uint32_t k)
{
    db_text t;
    t.at = names_at(n, k, &t.len);
    return t;
}

static habit_status fill_items(filling *f, habit_error *err)
{
    const dataset *d = f->d;
    db_op *op;
    for (uint32_t i = 0; i < d->items && any_columns(d, OF_ITEMS); i++) {
        TRY(next(f, DB_PUT_ITEM, &op, err));
        op->item = (db_item){ .id = text_of(&d->item_ids, i),
                              .categories = categories_of(&f->categories[f->ops - 1], d, i),
                              .fields = fields_of(&f->fields[f->ops - 1], d, OF_ITEMS, i),
                              .time = TIME_NONE };
    }
    for (uint32_t u = 0; u < d->users && any_columns(d, OF_USERS); u++) {
        TRY(next(f, DB_PUT_USER, &op, err));
        op->user = (db_user){ .id = text_of(&d->user_ids, u),
                              .fields = fields_of(&f->fields[f->ops - 1], d, OF_USERS, u) };
    }
    return HABIT_OK;
}

static db_event event_of(const dataset *d, uint32_t user, uint64_t e, int64_t now)
{
    const bool typed = d->behaviour && d->behaviour[e] < d->behaviours.count;
    const int64_t left = (int64_t)(d->offset[user + 1] - e); // without times: a second apart
    return (db_event){ .user = text_of(&d->user_ids, user),
                       .item = text_of(&d->item_ids, d->item[e]),
                       .behaviour = typed ? text_of(&d->behaviours, d->behaviour[e])
                                          : (db_text){ "view", 4 },
                       .time = d->time ? d->time[e] : now - left * 1000000,
                       .value = d->value ? (double)d->value[e] : NAN };
}

static habit_status fill_events(filling *f, habit_error *err)
{
    const dataset *d = f->d;
    const int64_t now = clock_now();
    for (uint32_t u = 0; u < d->users; u++) {
        for (uint64_t e = d->offset[u]; e < d->offset[u + 1]; e++) {
            db_op *op;
            TRY(next(f, DB_PUT_EVENT, &op, err));
            op->event = event_of(d, u, e, now);
            op->event.fields = fields_of(&f->fields[f->ops - 1], d, OF_EVENTS, e);
        }
        if (u % 64 == 0) TRY(run_progress(f->run, "writing events", d->offset[u], d->events, err));
    }
    return flush(f, err);
}

static habit_status fill(const dataset *d, const char *store, const run *r, habit_error *err)
{
    filling f = { .d = d, .run = r };
    const db_options quick = { .durability = DB_NONE }; // it is a copy that nobody sees yet
    f.op = NEW(db_op, BLOCK);
    f.fields = ZNEW(buffer, BLOCK);
    f.categories = ZNEW(buffer, BLOCK);
    habit_status st = f.op && f.fields && f.categories ? db_open(&f.db, store, &quick, err)
                                                       : fail_memory(err, "writes", BLOCK);
    if (st == HABIT_OK) st = fill_items(&f, err);
    if (st == HABIT_OK) st = fill_events(&f, err);
    db_close(f.db);
    for (size_t i = 0; i < BLOCK; i++) {
        if (f.fields) buffer_free(&f.fields[i]);
        if (f.categories) buffer_free(&f.categories[i]);
    }
    mem_free(f.op);
    mem_free(f.fields);
    mem_free(f.categories);
    return st;
}

habit_status import_to_store(const dataset *d, const char *store, const run *r, habit_error *err)
{
    char copy[4096];
    static const char *const parts[] = { "", "-wal", "-shm" };
    if (snprintf(copy, sizeof copy - 8, "%s.tmp-%ld", store, (long)getpid()) >=
        (int)sizeof copy - 8)
        return fail(err, HABIT_EINVAL, "the path of the store is too long");
    const size_t len = strlen(copy);
    habit_status st = HABIT_OK;
    if (file_exists(store)) {
        TRY(db_unused(store, err));
        st = db_backup_file(store, copy, err);
    }
    if (st == HABIT_OK) st = fill(d, copy, r, err);
    if (st == HABIT_OK) st = db_restore_file(copy, store, err);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        snprintf(copy + len, sizeof copy - len, "%s", parts[i]);
        unlink(copy);
    }
    return st;
}
