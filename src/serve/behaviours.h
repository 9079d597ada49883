// behaviours.h - types of behaviour, numbered in the order in which the service hears of them.
#ifndef SERVE_BEHAVIOURS_H
#define SERVE_BEHAVIOURS_H
#include "base/ids.h"
#include "data/batch.h"
#include "store/db.h"

#include <pthread.h>

typedef struct behaviours {
    pthread_rwlock_t lock;
    ids names;
} behaviours;

void behaviours_init(behaviours *b);
void behaviours_free(behaviours *b);
// The number of a type, given one if it has none; BEHAVIOUR_NONE if there are too many already.
uint8_t behaviours_number(behaviours *b, db_text name);
uint8_t behaviours_find(behaviours *b, db_text name); // BEHAVIOUR_NONE if it has none

#endif
