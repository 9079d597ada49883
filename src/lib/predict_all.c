// predict_all.c - habit_predict_all(): what a model says of the pairs of a file, in its order.
//
// Pairs are read a batch at a time; of a batch each person is asked once, on all cores, so the file is
// the same at any number of threads.
#include "base/clock.h"
#include "base/memory.h"
#include "data/reader.h"
#include "lib/answer.h"
#include "base/json.h"
#include "lib/predictor.h"
#include "lib/run_setup.h"
#include "lib/tables.h"
#include "lib/tsv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A pair that the model is asked for.
typedef struct wanted {
    uint32_t user, item; // USER_NONE: a stranger
    uint32_t row;        // of the batch
} wanted;

typedef struct bulk {
    const habit_model *model;
    predictor *predictor; // [threads]
    bool json;
    const char *value_name;
    // The present batch: pairs by user; person k has pairs person[k] .. person[k+1]-1.
    wanted *pair;
    size_t *person;
    uint32_t *item;       // [pairs] as asked, and the answers
    float *score, *value; //
    float *of_row[2];     // [rows] the same in the order of the file; NaN where nothing is known
    size_t pairs, persons, cap[7];
    buffer text;
    uint64_t rows, strangers, unknown;
} bulk;

static void bulk_close(bulk *b, size_t threads)
{
    for (size_t t = 0; b->predictor && t < threads; t++) predictor_close(&b->predictor[t]);
    mem_free(b->predictor);
    mem_free(b->pair);
    mem_free(b->person);
    mem_free(b->item);
    mem_free(b->score);
    mem_free(b->value);
    mem_free(b->of_row[0]);
    mem_free(b->of_row[1]);
    buffer_free(&b->text);
}

static habit_status make_room(bulk *b, size_t n, habit_error *err)
{
    static const char what[] = "pairs";
    TRY(mem_grow((void **)&b->pair, &b->cap[0], n, sizeof *b->pair, what, err));
    TRY(mem_grow((void **)&b->person, &b->cap[1], n + 1, sizeof *b->person, what, err));
    TRY(mem_grow((void **)&b->item, &b->cap[2], n, sizeof *b->item, what, err));
    TRY(mem_grow((void **)&b->score, &b->cap[3], n, sizeof *b->score, what, err));
    TRY(mem_grow((void **)&b->value, &b->cap[4], n, sizeof *b->value, what, err));
    TRY(mem_grow((void **)&b->of_row[0], &b->cap[5], n, sizeof(float), what, err));
    return mem_grow((void **)&b->of_row[1], &b->cap[6], n, sizeof(float), what, err);
}

static int by_user(const void *x, const void *y)
{
    const wanted *a = x, *b = y;
    if (a->user != b->user) return a->user < b->user ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void take_rows(bulk *b, const rows *r)
{
    const habit_model *m = b->model;
    b->pairs = b->persons = 0;
    for (size_t i = 0; i < r->n; i++) {
        const uint32_t user = id_list_find(&m->users, r->user[i].s, r->user[i].len);
        const uint32_t item = id_list_find(&m->items, r->item[i].s, r->item[i].len);
        b->of_row[0][i] = b->of_row[1][i] = NAN;
        b->strangers += user == USER_NONE;
        b->unknown += item == ITEM_NONE;
        if (item != ITEM_NONE) b->pair[b->pairs++] = (wanted){ user, item, (uint32_t)i };
    }
    b->rows += r->n;
    if (b->pairs) qsort(b->pair, b->pairs, sizeof *b->pair, by_user);
    for (size_t k = 0; k < b->pairs; k++) {
        b->item[k] = b->pair[k].item;
        if (k == 0 || b->pair[k].user != b->pair[k - 1].user) b->person[b->persons++] = k;
    }
    b->person[b->persons] = b->pairs;
}

static void ask_person(void *ctx, size_t k, int worker)
{
    bulk *b = ctx;
    const size_t from = b->person[k], n = b->person[k + 1] - from;
    const uint32_t user = b->pair[from].user;
    query q = { .user = USER_NONE, .now = b->model->history.last };
    if (user != USER_NONE) q = answer_query(b->model, user);
    predictor_ask(&b->predictor[worker], b->model, &q, b->item + from, n, b->score + from,
                  b->value + from);
    for (size_t i = from; i < from + n; i++) {
        b->of_row[0][b->pair[i].row] = b->score[i];
        b->of_row[1][b->pair[i].row] = b->value[i];
    }
}

static void put_json(bulk *b, const rows *r, size_t i, bool valued)
{
    buffer_text(&b->text, "{\"user\":");
    json_quote(&b->text, r->user[i].s, r->user[i].len);
    buffer_text(&b->text, ",\"item\":");
    json_quote(&b->text, r->item[i].s, r->item[i].len);
    for (int k = 0; k < 1 + valued; k++) {
        const double x = (double)b->of_row[k][i];
        buffer_format(&b->text, ",\"%s\":", k ? b->value_name : "score");
        if (isfinite(x))
            buffer_format(&b->text, "%.9g", x);
        else
            buffer_text(&b->text, "null");
    }
    buffer_text(&b->text, "}\n");
}

static void put_row(bulk *b, const rows *r, size_t i, bool valued)
{
    tsv_field(&b->text, r->user[i].s, r->user[i].len);
    buffer_text(&b->text, "\t");
    tsv_field(&b->text, r->item[i].s, r->item[i].len);
    for (int k = 0; k < 1 + valued; k++) {
        const double x = (double)b->of_row[k][i];
        buffer_text(&b->text, "\t");
        if (isfinite(x)) buffer_format(&b->text, "%.9g", x);
    }
    buffer_text(&b->text, "\n");
}

static habit_status predict_file(bulk *b, reader *in, FILE *out, const run *r, habit_error *err)
{
    const bool valued = model_says(b->model->model) != ANSWERS_SCORE;
    if (!b->json)
        fprintf(out, "user\titem\tscore%s%s\n", valued ? "\t" : "", valued ? b->value_name : "");
    for (;;) {
        rows got;
        TRY(reader_next(in, &got, r, err));
        if (got.n == 0) return HABIT_OK;
        TRY(run_progress(r, "predicting", reader_done(in), reader_schema(in)->bytes, err));
        TRY(make_room(b, got.n, err));
        take_rows(b, &got);
        pool_run(run_pool(r), b->persons, ask_person, b);
        buffer_clear(&b->text);
        for (size_t i = 0; i < got.n; i++) (b->json ? put_json : put_row)(b, &got, i, valued);
        TRY(buffer_check(&b->text, err));
        fwrite(b->text.data, 1, b->text.len, out);
        if (ferror(out)) return HABIT_OK; // file_commit() says why
    }
}

static habit_status predict_to(bulk *b, const char *pairs, const char *file, const run *r,
                               const import_options *reading, habit_error *err)
{
    const size_t len = strlen(file), threads = (size_t)run_threads(r);
    file_writer w = { 0 };
    reader *in = NULL;
    b->json = len > 6 && strcmp(file + len - 6, ".jsonl") == 0;
    b->value_name = habit_model_predicts(b->model);
    b->predictor = ZNEW(predictor, threads);
    habit_status st = b->predictor ? HABIT_OK : fail_memory(err, "predictions", threads);
    for (size_t t = 0; st == HABIT_OK && t < threads; t++)
        st = predictor_open(&b->predictor[t], b->model, err);
    if (st == HABIT_OK) st = reader_open(&in, pairs, reading, r, err);
    if (st == HABIT_OK) st = file_create(&w, file, err);
    if (st == HABIT_OK) st = predict_file(b, in, w.stream, r, err);
    if (st == HABIT_OK) st = file_commit(&w, err);
    file_abandon(&w);
    reader_close(in);
    bulk_close(b, threads);
    return st;
}

habit_status habit_predict_all(const habit_options *options, const char *folder, const char *pairs,
                               const char *file, char **report, habit_error *err)
{
    TRY(options_expect(options, "predict", err));
    run r;
    habit_model *m = NULL;
    bulk b = { 0 };
    const double began = clock_wall();
    habit_status st = run_open(&r, options, err);
    if (st == HABIT_OK) st = habit_model_open(&m, folder, err);
    if (st == HABIT_OK) {
        b.model = m;
        st = predict_to(&b, pairs, file, &r, options_of(options, import_table), err);
    }
    if (st == HABIT_OK)
        st = json_hand_over(report,
                            json_pack("{s:s, s:s, s:I, s:I, s:I, s:f}", "file", file, "predicts",
                                      habit_model_predicts(m), "pairs", (json_int_t)b.rows,
                                      "strangers", (json_int_t)b.strangers, "unknown_items",
                                      (json_int_t)b.unknown, "seconds", clock_wall() - began),
                            err);
    habit_model_free(m);
    run_close(&r);
    return st;
}
