// seq2seq_steps.c - what a person does next, step after step.
//
// Greedy: the likeliest item and, given it, its likeliest type, are the decoder's input for the step
// after.  With a beam, so many ways are kept at every step, those of the greatest joint chance among
// the likeliest items of each way with all types (I. Sutskever et al., arXiv:1409.3215, section 3.2).
// The greedy way is always one of them, so that the answer of a beam is never less likely.
//
// Chances are softmaxes over all items, excluded ones too, and over all types.  The history is encoded
// once; the steps of all ways are decoded together, from the first one again at every step, which costs
// less than reading the catalogue does.
#include "base/memory.h"
#include "kernels/vector.h"
#include "models/seq2seq.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct way {
    told_step step[SEQ2SEQ_STEPS];
    double joint; // logarithm of the chance of all steps
    bool greedy;
} way;

// One more step of a way.
typedef struct candidate {
    size_t way;
    told_step step;
    double joint;
    bool greedy;
} candidate;

typedef struct choice {
    uint32_t item;
    double chance;
} choice;

typedef struct telling {
    const seq2seq *m;
    const steps_plan *plan;
    tape *tape;
    arena memory; // of room
    batch_room room;
    batch batch; // the history
    tensor *source;
    way *ways, *next;     // [beam]
    size_t count;         // of ways
    choice *choice;       // [beam][beam] of each way, best first
    size_t *choices;      // [beam] how many
    candidate *candidate; // [beam] the likeliest so far, best first
    size_t candidates;
    candidate greedy;
    bool has_greedy;
    float *score; // [items]
} telling;

// --- the history ------------------------------------------------------------------------------------

static habit_status encode_history(telling *w, const query *q, habit_error *err)
{
    const unsigned columns = BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE;
    const batch_sequence s = network_window(&w->m->base, q);
    arena plan = { 0 };
    batch_room_place(&w->room, 1, s.n, columns, &plan);
    TRY(arena_init(&w->memory, &plan, err));
    batch_room_place(&w->room, 1, s.n, columns, &w->memory);
    batch_start(&w->batch, &w->room);
    batch_add(&w->batch, &w->room, &s, false);
    TRY(tape_new(&w->tape, w->m->base.params, NULL, err));
    tape_begin(w->tape, &(tape_pass){ .mode = TAPE_INFER });
    w->source = seq2seq_encode(w->tape, w->m, &w->batch);
    return HABIT_OK;
}

static habit_status telling_open(telling *w, const query *q, habit_error *err)
{
    const size_t beam = w->plan->beam, items = w->m->base.base.items;
    w->ways = ZNEW(way, beam);
    w->next = ZNEW(way, beam);
    w->choice = NEW(choice, beam * beam);
    w->choices = NEW(size_t, beam);
    w->candidate = NEW(candidate, beam);
    w->score = NEW(float, items);
    if (!w->ways || !w->next || !w->choice || !w->choices || !w->candidate || !w->score)
        return fail_memory(err, "steps", beam * (2 * sizeof *w->ways + beam * sizeof *w->choice));
    TRY(encode_history(w, q, err));
    w->count = 1;
    w->ways[0].greedy = true;
    return HABIT_OK;
}

static void telling_close(telling *w)
{
    tape_free(w->tape);
    arena_free(&w->memory);
    mem_free(w->ways);
    mem_free(w->next);
    mem_free(w->choice);
    mem_free(w->choices);
    mem_free(w->candidate);
    mem_free(w->score);
}

// --- decoding ---------------------------------------------------------------------------------------

// Row r of a way's target: the last event of the history, then what has been told.
static void fill_rows(const telling *w, size_t k, int32_t *item, uint8_t *behaviour, int32_t *step)
{
    const size_t last = w->batch.events - 1;
    for (size_t i = 0; i < w->count; i++)
        for (size_t r = 0; r <= k; r++, item++, behaviour++, step++) {
            const told_step *told = r ? &w->ways[i].step[r - 1] : NULL;
            *item = told ? (int32_t)told->item : w->batch.item[last];
            *behaviour = told ? told->behaviour : w->batch.behaviour[last];
            *step = (int32_t)r;
        }
}

// What is scored at step k of every way: [ways, D].  Not computed when out of memory.
static tensor *decode_ways(telling *w, size_t k)
{
    tape *t = w->tape;
    const size_t ways = w->count, rows = ways * (k + 1);
    int32_t *item = tape_memory(t, rows, sizeof *item), *step = tape_memory(t, rows, sizeof *step);
    uint8_t *behaviour = tape_memory(t, rows, 1);
    int32_t *offset = tape_memory(t, ways + 1, sizeof *offset);
    int32_t *key = tape_memory(t, ways, sizeof *key), *end = tape_memory(t, ways, sizeof *end);
    int32_t *newest = tape_memory(t, ways, sizeof *newest);
    if (!item || !step || !behaviour || !offset || !key || !end || !newest) return NULL;
    fill_rows(w, k, item, behaviour, step);
    offset[0] = 0;
    for (size_t i = 0; i < ways; i++) {
        offset[i + 1] = (int32_t)((i + 1) * (k + 1));
        newest[i] = offset[i + 1] - 1;
        key[i] = 0;
        end[i] = (int32_t)w->batch.events;
    }
    decoding d = { .rows = rows, .item = item, .behaviour = behaviour, .step = step };
    d.own = (attention_shape){
        .offset = offset, .sequences = ways, .heads = w->m->base.options.heads, .causal = true
    };
    d.source = d.own;
    d.source.causal = false;
    d.source.key_offset = key;
    d.source.key_end = end;
    return op_pick(t, seq2seq_decode(t, w->m, w->source, &d), newest, ways);
}

// --- items ------------------------------------------------------------------------------------------

static void score_items(telling *w, const float *h)
{
    const network *n = &w->m->base;
    const size_t D = (size_t)n->base.dim;
    const vector_kernels *k = vector_kernels_pick();
    const float scale = (float)(1 / n->options.temperature);
    for (size_t i = 0; i < n->base.items; i++)
        w->score[i] = scale * k->dot(h, n->base.item_vector + i * D, D) +
                      (n->base.item_bias ? n->base.item_bias[i] : 0);
}

// The logarithm of the sum of exp(score), n > 0.
static double log_sum(const float *score, size_t n)
{
    double most = -INFINITY, sum = 0;
    assert(n > 0);
    for (size_t i = 0; i < n; i++) most = fmax(most, (double)score[i]);
    for (size_t i = 0; i < n; i++) sum += exp((double)score[i] - most);
    return most + log(sum);
}

static bool was_told(const way *p, size_t k, uint32_t item)
{
    for (size_t r = 0; r < k; r++)
        if (p->step[r].item == item) return true;
    return false;
}

// Puts an item among the best, of which there are *n; of equal ones the first stays.
static void choose(choice *best, size_t *n, size_t most, choice c)
{
    size_t at = *n < most ? (*n)++ : most - 1;
    for (; at > 0 && best[at - 1].chance < c.chance; at--) best[at] = best[at - 1];
    best[at] = c;
}

// The likeliest items at step k of way i, whose scores stand there.
static void choose_items(telling *w, size_t i, size_t k)
{
    const steps_plan *plan = w->plan;
    choice *best = w->choice + i * plan->beam;
    const size_t items = w->m->base.base.items;
    const double all = log_sum(w->score, items);
    size_t n = 0, out = 0;
    for (uint32_t item = 0; item < items; item++) {
        while (out < plan->excluded_count && plan->excluded[out] < item) out++;
        if (out < plan->excluded_count && plan->excluded[out] == item) continue;
        const double x = (double)w->score[item];
        if (isnan(x) || (n == plan->beam && !(x > best[n - 1].chance))) continue;
        if (plan->once && was_told(&w->ways[i], k, item)) continue;
        choose(best, &n, plan->beam, (choice){ item, x });
    }
    for (size_t c = 0; c < n; c++) best[c].chance = exp(best[c].chance - all);
    w->choices[i] = n;
}

// --- types ------------------------------------------------------------------------------------------

// What types are scored with, for every choice of every way in turn; NULL: there is one type alone.
static const float *told_rows(telling *w, tensor *h)
{
    size_t n = 0, r = 0;
    for (size_t i = 0; i < w->count; i++) n += w->choices[i];
    if (w->m->type->rows < 2 || n == 0) return NULL;
    int32_t *item = tape_memory(w->tape, n, sizeof *item);
    int32_t *row = tape_memory(w->tape, n, sizeof *row);
    for (size_t i = 0; item && row && i < w->count; i++)
        for (size_t c = 0; c < w->choices[i]; c++, r++) {
            item[r] = (int32_t)w->choice[i * w->plan->beam + c].item;
            row[r] = (int32_t)i;
        }
    return tensor_data(seq2seq_told(w->tape, w->m, op_pick(w->tape, h, row, n), item, n));
}

// chance[T] given a row of told_rows().
static size_t type_chances(const telling *w, const float *told, double *chance)
{
    const seq2seq *m = w->m;
    const size_t T = told ? m->type->rows : 1, D = m->type_out->cols;
    const float *out = m->type_out->data, *bias = m->type_bias->data;
    const vector_kernels *k = vector_kernels_pick();
    float score[BEHAVIOUR_NONE] = { 0 };
    for (size_t b = 0; told && b < T; b++) score[b] = k->dot(told, out + b * D, D) + bias[b];
    const double all = log_sum(score, T);
    for (size_t b = 0; b < T; b++) chance[b] = exp((double)score[b] - all);
    return T;
}

// --- ways -------------------------------------------------------------------------------------------

static void offer(telling *w, const candidate *c)
{
    const size_t most = w->plan->beam;
    if (w->candidates == most && !(c->joint > w->candidate[most - 1].joint)) return;
    size_t at = w->candidates < most ? w->candidates++ : most - 1;
    for (; at > 0 && w->candidate[at - 1].joint < c->joint; at--)
        w->candidate[at] = w->candidate[at - 1];
    w->candidate[at] = *c;
}

// Choice c of way i with each type.
static void offer_types(telling *w, size_t i, size_t c, const float *told)
{
    double chance[BEHAVIOUR_NONE];
    const size_t T = type_chances(w, told, chance);
    const choice *x = &w->choice[i * w->plan->beam + c];
    const way *p = &w->ways[i];
    size_t likeliest = 0;
    for (size_t b = 1; b < T; b++)
        if (chance[b] > chance[likeliest]) likeliest = b;
    for (size_t b = 0; b < T; b++) {
        const double joint = p->joint + log(x->chance) + log(chance[b]);
        const candidate more = {
            .way = i,
            .step = { x->item, (uint8_t)b, x->chance, chance[b], exp(joint) },
            .joint = joint,
            .greedy = p->greedy && c == 0 && b == likeliest,
        };
        if (more.greedy) w->greedy = more, w->has_greedy = true;
        offer(w, &more);
    }
}

// The candidates become the ways; the greedy one is among them.
static void go_on(telling *w, size_t k)
{
    bool in = !w->has_greedy;
    for (size_t i = 0; i < w->candidates; i++) in = in || w->candidate[i].greedy;
    if (!in) w->candidate[w->candidates - 1] = w->greedy;
    for (size_t i = 0; i < w->candidates; i++) {
        const candidate *c = &w->candidate[i];
        w->next[i] = w->ways[c->way];
        w->next[i].step[k] = c->step;
        w->next[i].joint = c->joint;
        w->next[i].greedy = c->greedy;
    }
    way *old = w->ways;
    w->ways = w->next;
    w->next = old;
    w->count = w->candidates;
}

// Step k of all ways; false: there is none, or no memory.
static bool tell_one(telling *w, size_t k)
{
    const network *n = &w->m->base;
    tensor *h = decode_ways(w, k);
    const float *row = h ? tensor_data(n->options.cosine ? op_unit(w->tape, h) : h) : NULL;
    if (!row) return false;
    for (size_t i = 0; i < w->count; i++) {
        score_items(w, row + i * (size_t)n->base.dim);
        choose_items(w, i, k);
    }
    const float *told = told_rows(w, h);
    if (tape_failed(w->tape)) return false;
    w->candidates = 0;
    w->has_greedy = false;
    for (size_t i = 0; i < w->count; i++)
        for (size_t c = 0; c < w->choices[i]; c++) {
            offer_types(w, i, c, told);
            if (told) told += n->base.dim;
        }
    if (w->candidates == 0) return false;
    go_on(w, k);
    return true;
}

size_t seq2seq_most_steps(const model *m)
{
    const seq2seq *s = (const seq2seq *)m;
    return network_learns_values(&s->base) ? 0 : (size_t)s->steps;
}

habit_status seq2seq_tell(const model *m, const query *q, const steps_plan *plan, told_step *out,
                          size_t *count, habit_error *err)
{
    telling w = { .m = (const seq2seq *)m, .plan = plan };
    size_t k = 0;
    habit_status st = HABIT_OK;
    if (q->n == 0) {
        *count = 0;
        return HABIT_OK;
    }
    st = telling_open(&w, q, err);
    while (st == HABIT_OK && k < plan->steps && tell_one(&w, k)) k++;
    if (st == HABIT_OK && tape_failed(w.tape)) st = fail_memory(err, "steps", 0);
    if (st == HABIT_OK) {
        memcpy(out, w.ways[0].step, k * sizeof *out); // candidates stand best first
        *count = k;
    }
    telling_close(&w);
    return st;
}
