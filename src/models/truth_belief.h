// truth_belief.h - what a person's past says about their taste: forward filtering.
//
// The taste of a session is hidden, one of S; it is the state of a hidden Markov chain that moves
// at the start of sessions (L. Rabiner, Proc. IEEE 77(2), 1989, section III.A, the forward
// variable, rescaled after each event).  Everything else that the next event depends on is seen.
#ifndef MODELS_TRUTH_BELIEF_H
#define MODELS_TRUTH_BELIEF_H
#include "data/simulate_world.h"
#include "models/model.h"

// The world and what is computed from it once.
typedef struct truth_tables {
    world w;          // arrays borrowed
    double *fade;     // [days + WORLD_PAST + 1] novelty left by age
    double *mass;     // [days][buckets] summed weight of the items on offer on each day
    uint32_t *bucket; // [items]
    double share;     // of sessions on platform 0, over the population
} truth_tables;

// Who asks.
typedef struct asker {
    bool stranger; // home, platforms and rhythm are not known: those of the population are used
    bool robot;
    uint32_t user;
    double share[WORLD_PLATFORMS]; // probability that a session is on each platform
} asker;

asker asker_of(const truth_tables *t, uint32_t user);

// What is known after some events.
typedef struct belief {
    double *state;  // [S] probability of each taste in the present session, given the past
    double *spare;  // [S] working memory
    bool any;       // an event was seen
    uint32_t last;  // its item
    int stage;      // and its funnel stage
    int64_t second; // and its time, seconds of the world
} belief;

void belief_begin(belief *b, const truth_tables *t); // state and spare are the caller's
// Takes one more event into account.  An event that cannot be, such as one at an impossible time
// or a second copy, is dirt and changes nothing.
void belief_see(belief *b, const truth_tables *t, const asker *who, uint32_t item, int64_t second);
// out[S]: taste of the session after the present one (or of the first).
void belief_next_session(double *out, const belief *b, const truth_tables *t);
// True if an event at this moment belongs to the present session.
bool belief_inside(const belief *b, int64_t second);

// --- parts of the model, shared with the prediction ------------------------------------------------

int truth_day(const truth_tables *t, int64_t second); // days outside the log: its first or last
const double *truth_taste(const truth_tables *t, size_t state, int daypart); // [C]

// 1 / the weight of a shelf for somebody living in `home`, times the decay to `cell`: the
// probability per unit of item weight of going there, once platform and category are chosen.
double truth_place(const truth_tables *t, const asker *who, size_t shelf, int cell, int day);

// Probability of browsing to `item`, once platform and category are chosen.
double truth_browse(const truth_tables *t, const asker *who, uint32_t item, int day);

// --- the prediction (truth_answer.c) -----------------------------------------------------------------

// scores[items] = P(the next event is about the item); they add up to 1.  The scratch must have
// truth_answer_scratch() bytes left.
void truth_answer(float *scores, const truth_tables *t, const query *q, arena *scratch);
size_t truth_answer_scratch(const truth_tables *t);

#endif
