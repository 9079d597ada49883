// recommend_all.c - habit_recommend_all(): the best items of every user, in blocks on all cores.
//
// Users are answered in rounds of fixed pieces; each piece writes its lines into its own buffer, and
// the buffers go to the file in order.  So the file is the same at any number of threads.
#include "base/clock.h"
#include "base/memory.h"
#include "lib/answer.h"
#include "base/json.h"
#include "lib/run_setup.h"
#include "lib/tables.h"
#include "lib/tsv.h"

#include <stdio.h>
#include <string.h>

enum { PIECES = 64 }; // of a round: PIECES * ANSWER_BLOCK users between two writes

typedef struct bulk {
    const habit_model *model;
    answer_room *room; // [threads]
    buffer text[PIECES];
    uint32_t first; // user of the round
    bool exclude, json;
} bulk;

static void put_answer(const bulk *b, buffer *out, uint32_t user, const topk *best)
{
    const habit_model *m = b->model;
    const char *id = id_list_at(&m->users, user);
    const size_t len = id_list_len(&m->users, user);
    if (b->json) {
        buffer_text(out, "{\"user\":");
        json_quote(out, id, len);
        buffer_text(out, ",\"items\":[");
        for (size_t i = 0; i < best->n; i++) {
            if (i) buffer_text(out, ",");
            json_quote(out, id_list_at(&m->items, best->item[i]),
                       id_list_len(&m->items, best->item[i]));
        }
        buffer_text(out, "],\"scores\":[");
        for (size_t i = 0; i < best->n; i++)
            buffer_format(out, "%s%.9g", i ? "," : "", (double)best->score[i]);
        buffer_text(out, "]}\n");
        return;
    }
    for (size_t i = 0; i < best->n; i++) {
        tsv_field(out, id, len);
        buffer_text(out, "\t");
        tsv_field(out, id_list_at(&m->items, best->item[i]), id_list_len(&m->items, best->item[i]));
        buffer_format(out, "\t%.9g\t%zu\n", (double)best->score[i], i + 1);
    }
}

static void answer_piece(void *ctx, size_t piece, int worker)
{
    bulk *b = ctx;
    const uint32_t users = b->model->users.count;
    const uint64_t first = b->first + (uint64_t)piece * ANSWER_BLOCK;
    query q[ANSWER_BLOCK];
    size_t n = 0;
    buffer_clear(&b->text[piece]);
    for (uint64_t u = first; u < users && n < ANSWER_BLOCK; u++)
        q[n++] = answer_query(b->model, (uint32_t)u);
    if (n == 0) return;
    answer_room *room = &b->room[worker];
    answer_block(b->model, q, n, b->exclude, room);
    for (size_t i = 0; i < n; i++)
        put_answer(b, &b->text[piece], (uint32_t)(first + i), &room->top[i].answer);
}

static habit_status write_rounds(bulk *b, file_writer *w, const run *r, habit_error *err)
{
    const uint32_t users = b->model->users.count;
    if (!b->json) fputs("user\titem\tscore\trank\n", w->stream);
    for (uint64_t u = 0; u < users; u += PIECES * ANSWER_BLOCK) {
        TRY(run_progress(r, "recommending", u, users, err));
        b->first = (uint32_t)u;
        pool_run(run_pool(r), PIECES, answer_piece, b);
        for (size_t p = 0; p < PIECES; p++) {
            TRY(buffer_check(&b->text[p], err));
            fwrite(b->text[p].data ? b->text[p].data : "", 1, b->text[p].len, w->stream);
        }
        if (ferror(w->stream)) break; // file_commit() says why
    }
    return HABIT_OK;
}

static size_t longest_history(const habit_model *m)
{
    size_t longest = 0;
    for (uint32_t u = 0; u < m->users.count; u++) {
        const size_t n = (size_t)(m->history.offset[u + 1] - m->history.offset[u]);
        if (n > longest) longest = n;
    }
    return longest;
}

static habit_status recommend_to(const habit_model *m, const char *file, const run *r,
                                 const recommend_options *o, habit_error *err)
{
    const size_t len = strlen(file), threads = (size_t)run_threads(r);
    bulk b = { .model = m,
               .exclude = strcmp(o->seen, "filter") == 0,
               .json = len > 6 && strcmp(file + len - 6, ".jsonl") == 0 };
    file_writer w = { 0 };
    b.room = ZNEW(answer_room, threads);
    habit_status st = b.room ? HABIT_OK : fail_memory(err, "answers", threads);
    for (size_t t = 0; st == HABIT_OK && t < threads; t++)
        st = answer_room_open(&b.room[t], m, (size_t)o->n, longest_history(m), err);
    if (st == HABIT_OK) st = file_create(&w, file, err);
    if (st == HABIT_OK) st = write_rounds(&b, &w, r, err);
    if (st == HABIT_OK) st = file_commit(&w, err);
    file_abandon(&w);
    for (size_t t = 0; b.room && t < threads; t++) answer_room_close(&b.room[t]);
    mem_free(b.room);
    for (size_t p = 0; p < PIECES; p++) buffer_free(&b.text[p]);
    return st;
}

habit_status habit_recommend_all(const habit_options *options, const char *folder, const char *file,
                                 char **report, habit_error *err)
{
    TRY(options_expect(options, "recommend", err));
    run r;
    habit_model *m = NULL;
    const recommend_options *o = options_of(options, recommend_table);
    const double began = clock_wall();
    habit_status st = run_open(&r, options, err);
    if (st == HABIT_OK) st = habit_model_open(&m, folder, err);
    if (st == HABIT_OK && o->steps)
        st = fail(err, HABIT_EINVAL, "--steps goes with --user or --history");
    if (st == HABIT_OK) st = recommend_to(m, file, &r, o, err);
    if (st == HABIT_OK) {
        const double seconds = clock_wall() - began;
        st = json_hand_over(report,
                            json_pack("{s:s, s:I, s:f, s:f}", "file", file, "users",
                                      (json_int_t)m->users.count, "seconds", seconds,
                                      "users_per_second", m->users.count / (seconds + 1e-9)),
                            err);
    }
    habit_model_free(m);
    run_close(&r);
    return st;
}
