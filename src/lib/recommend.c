// recommend.c - one question to an opened model: the best items, or the next several behaviours.
#include "base/memory.h"
#include "lib/answer.h"
#include "lib/asked.h"

#include <stdlib.h>
#include <string.h>

static const char *title_of(const habit_model *m, uint32_t item)
{
    return m->titles.count ? id_list_at(&m->titles, item) : "";
}

// --- items ------------------------------------------------------------------------------------------

static habit_status ask(const habit_model *m, const query *q, bool exclude, habit_answer *out,
                        size_t n, size_t *count, habit_error *err)
{
    answer_room room;
    TRY(answer_room_open(&room, m, n, q->n, err));
    answer_block(m, q, 1, exclude, &room);
    const topk *best = &room.top[0].answer;
    for (size_t i = 0; i < best->n; i++)
        out[i] = (habit_answer){
            .item = id_list_at(&m->items, best->item[i]),
            .title = title_of(m, best->item[i]),
            .score = best->score[i],
        };
    *count = best->n;
    answer_room_close(&room);
    return HABIT_OK;
}

habit_status habit_model_recommend(const habit_model *m, const habit_query *from, habit_answer *out,
                                   size_t n, size_t *count, habit_error *err)
{
    asked a;
    TRY(asked_open(&a, m, from, err));
    const habit_status st = ask(m, &a.query, from->exclude_seen != 0, out, n, count, err);
    asked_close(&a);
    return st;
}

// --- steps ------------------------------------------------------------------------------------------

enum { BEAM_MOST = 100 };

static habit_status check_steps(const habit_model *m, size_t n, size_t beam, habit_error *err)
{
    const model_class *c = m->model->class;
    const size_t most = c->tell ? c->most_steps(m->model) : 0;
    if (most == 0)
        return fail(err, HABIT_EINVAL, "%s tells the next item alone; %s for several steps",
                    c->name, c->tell ? "train with --task ranking" : "train --model seq2seq");
    if (n < 1 || n > most)
        return fail(
            err, HABIT_EINVAL,
            "%zu steps: this model learned to tell 1 to %zu; train with --steps %zu for more", n,
            most, n);
    if (beam < 1 || beam > BEAM_MOST)
        return fail(err, HABIT_EINVAL, "a beam of %zu: 1 to %d", beam, BEAM_MOST);
    return HABIT_OK;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static habit_step public_step(const habit_model *m, const told_step *s)
{
    return (habit_step){
        .item = id_list_at(&m->items, s->item),
        .title = title_of(m, s->item),
        .behaviour =
            s->behaviour < m->behaviours.count ? id_list_at(&m->behaviours, s->behaviour) : "",
        .item_probability = s->item_chance,
        .behaviour_probability = s->behaviour_chance,
        .joint_probability = s->joint,
    };
}

static habit_status tell(const habit_model *m, const query *q, steps_plan *plan, habit_step *out,
                         size_t *count, habit_error *err)
{
    const size_t had = plan->once ? q->n : 0;
    uint32_t *seen = NEW(uint32_t, had);
    told_step *told = NEW(told_step, plan->steps);
    habit_status st = HABIT_OK;
    if (!seen || !told) st = fail_memory(err, "steps", had * sizeof *seen);
    if (st == HABIT_OK) {
        if (had) memcpy(seen, q->item, had * sizeof *seen);
        if (had) qsort(seen, had, sizeof *seen, by_number);
        plan->excluded = seen;
        plan->excluded_count = had;
        st = m->model->class->tell(m->model, q, plan, told, count, err);
    }
    for (size_t k = 0; st == HABIT_OK && k < *count; k++) out[k] = public_step(m, &told[k]);
    mem_free(seen);
    mem_free(told);
    return st;
}

habit_status habit_model_steps(const habit_model *m, const habit_query *from, size_t beam,
                               habit_step *out, size_t n, size_t *count, habit_error *err)
{
    asked a;
    TRY(check_steps(m, n, beam, err));
    TRY(asked_open(&a, m, from, err));
    steps_plan plan = { .steps = n, .beam = beam, .once = from->exclude_seen != 0 };
    const habit_status st = tell(m, &a.query, &plan, out, count, err);
    asked_close(&a);
    return st;
}
