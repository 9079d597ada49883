// network_watch.c - what a network looks at.
#include "models/network.h"

habit_status network_watch(const network *n, const query *q, const attention_watch *watch,
                           habit_error *err)
{
    const unsigned columns = BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE;
    const batch_sequence s = network_window(n, q);
    arena plan = { 0 }, memory = { 0 };
    batch_room room;
    batch b;
    tape *t = NULL;
    batch_room_place(&room, 1, s.n + s.mask, columns, &plan);
    TRY(arena_init(&memory, &plan, err));
    batch_room_place(&room, 1, s.n + s.mask, columns, &memory);
    batch_start(&b, &room);
    batch_add(&b, &room, &s, false);
    habit_status st = tape_new(&t, n->params, NULL, err);
    if (st == HABIT_OK) {
        tape_begin(t, &(tape_pass){ .mode = TAPE_INFER, .watch = watch });
        network_answers(t, n, &b);
        if (tape_failed(t)) st = fail_memory(err, "attention", tape_used(t));
        tape_free(t);
    }
    arena_free(&memory);
    return st;
}
