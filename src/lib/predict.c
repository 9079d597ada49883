// predict.c - habit_model_predict(): what a model says of some items to one person.
#include "base/memory.h"
#include "lib/asked.h"
#include "lib/predictor.h"

#include <math.h>
#include <string.h>

habit_status predictor_open(predictor *out, const habit_model *m, habit_error *err)
{
    const model_class *c = m->model->class;
    const size_t need = c->scratch ? c->scratch(m->model, 1) : 0;
    predictor p = { .row = NEW(float, c->encode ? (size_t)m->model->dim : m->model->items) };
    if (!p.row) return fail_memory(err, "prediction", m->model->items * sizeof *p.row);
    const habit_status st = arena_init_bytes(&p.scratch, need ? need : ARENA_ALIGN, err);
    if (st != HABIT_OK)
        mem_free(p.row);
    else
        *out = p;
    return st;
}

void predictor_close(predictor *p)
{
    mem_free(p->row);
    arena_free(&p->scratch);
    *p = (predictor){ 0 };
}

void predictor_ask(predictor *p, const habit_model *m, const query *q, const uint32_t *item,
                   size_t n, float *score, float *value)
{
    const model *of = m->model;
    const size_t dim = (size_t)of->dim;
    arena_rewind(&p->scratch, 0);
    (of->class->encode ? of->class->encode : of->class->score)(of, q, 1, p->row, &p->scratch);
    for (size_t i = 0; i < n; i++) {
        value[i] = NAN;
        score[i] = of->class->encode ? 0 : p->row[item[i]];
        if (!of->class->encode) continue;
        double sum = of->item_bias ? (double)of->item_bias[item[i]] : 0;
        for (size_t d = 0; d < dim; d++)
            sum += (double)p->row[d] * (double)of->item_vector[item[i] * dim + d];
        score[i] = (float)sum;
    }
    arena_rewind(&p->scratch, 0);
    if (model_says(of) != ANSWERS_SCORE) of->class->predict(of, q, item, n, value, &p->scratch);
}

static habit_status ask(const habit_model *m, const query *q, const char *const *items, size_t n,
                        habit_prediction *out, habit_error *err)
{
    predictor p;
    TRY(predictor_open(&p, m, err));
    for (size_t i = 0; i < n; i++) {
        const char *id = items[i] ? items[i] : "";
        const uint32_t item = id_list_find(&m->items, id, strlen(id));
        out[i] = (habit_prediction){ .title = "", .score = NAN, .value = NAN };
        if (item == ITEM_NONE) continue;
        out[i].known = 1;
        if (m->titles.count) out[i].title = id_list_at(&m->titles, item);
        predictor_ask(&p, m, q, &item, 1, &out[i].score, &out[i].value);
    }
    predictor_close(&p);
    return HABIT_OK;
}

habit_status habit_model_predict(const habit_model *m, const habit_query *from,
                                 const char *const *items, size_t n, habit_prediction *out,
                                 habit_error *err)
{
    asked a;
    TRY(asked_open(&a, m, from, err));
    const habit_status st = ask(m, &a.query, items, n, out, err);
    asked_close(&a);
    return st;
}

const char *habit_model_predicts(const habit_model *m)
{
    static const char *const words[] = {
        [ANSWERS_SCORE] = "score", [ANSWERS_PROBABILITY] = "probability", [ANSWERS_VALUE] = "rating"
    };
    return words[model_says(m->model)];
}
