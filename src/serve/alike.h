// alike.h - people who are like somebody: by what a model thinks of them, else by what they took.
//
// Of those in memory only, the ones asked for last, and at most so many: what it costs is bounded.
#ifndef SERVE_ALIKE_H
#define SERVE_ALIKE_H
#include "serve/served.h"

enum {
    ALIKE_MOST = 100,    // of an answer
    ALIKE_PEOPLE = 4096, // looked at
    ALIKE_ID = 1024,
};

typedef struct alike_person {
    double score;   // cosine: of the vectors, or of the sets of items
    bool by_vector; // those come first
    size_t len;
    char id[ALIKE_ID];
} alike_person;

typedef struct alike alike;

alike *alike_new(void); // NULL when out of memory
void alike_free(alike *a);

// Whom the others are compared with; locked.  m: NULL or without vectors: by items alone.
void alike_hear(alike *a, const served *m, person *p, uint32_t user, int64_t now, arena *scratch);
// Then: the n most alike, the most alike first.  Nobody may be locked by this thread.
size_t alike_find(alike *a, people *all, size_t n, const alike_person **out);

#endif
