// behaviours.c - names and numbers of types.
#include "serve/behaviours.h"

void behaviours_init(behaviours *b)
{
    *b = (behaviours){ 0 };
    pthread_rwlock_init(&b->lock, NULL);
}

void behaviours_free(behaviours *b)
{
    ids_free(&b->names);
    pthread_rwlock_destroy(&b->lock);
}

uint8_t behaviours_find(behaviours *b, db_text name)
{
    pthread_rwlock_rdlock(&b->lock);
    const uint32_t number = ids_get(&b->names, name.at, name.len);
    pthread_rwlock_unlock(&b->lock);
    return number < BEHAVIOUR_NONE ? (uint8_t)number : BEHAVIOUR_NONE;
}

uint8_t behaviours_number(behaviours *b, db_text name)
{
    uint32_t number = behaviours_find(b, name);
    if (number != BEHAVIOUR_NONE) return (uint8_t)number;
    pthread_rwlock_wrlock(&b->lock);
    number = ids_get(&b->names, name.at, name.len);
    if (number == IDS_NONE && (b->names.count == BEHAVIOUR_NONE ||
                               ids_add(&b->names, name.at, name.len, &number, NULL) != HABIT_OK))
        number = BEHAVIOUR_NONE;
    pthread_rwlock_unlock(&b->lock);
    return (uint8_t)number;
}
