// answer.h - questions to an opened model, in blocks: the best items for one user or for many.
#ifndef LIB_ANSWER_H
#define LIB_ANSWER_H
#include "index/topk.h"
#include "lib/model_folder.h"

enum { ANSWER_BLOCK = 32 }; // queries of one block: their scores fit the cache

// Room for one thread's blocks.
typedef struct answer_room {
    arena scratch;  // the model's
    float *rows;    // vectors [block][dim], or scores [1][items] for direct models
    float *sweep;   // of the catalogue
    uint32_t *seen; // [block][seen_room] items a user has, ascending
    size_t seen_room;
    uint32_t *items;
    float *scores; // [block][k]
    topk_query top[ANSWER_BLOCK];
    size_t k;
} answer_room;

// For the best k items of queries with at most `longest` events.
habit_status answer_room_open(answer_room *out, const habit_model *m, size_t k, size_t longest,
                              habit_error *err);
void answer_room_close(answer_room *r);

// Answers n <= ANSWER_BLOCK queries into r->top[].answer.  With `exclude`, the items of each
// query's history are left out.
void answer_block(const habit_model *m, const query *q, size_t n, bool exclude, answer_room *r);

// The query of a user whom the model knows, at the time of the user's last event.
query answer_query(const habit_model *m, uint32_t user);

#endif
