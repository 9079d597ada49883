// clean_sequences.h - the users of the output, each a stretch of one user's events of the input.
//
// One per user, or one per session: seq[k] owns the kept events of [begin, end).  In canonical
// order of their ids, which by session are "<user>#<session>".  For data/clean*.c only.
#ifndef DATA_CLEAN_SEQUENCES_H
#define DATA_CLEAN_SEQUENCES_H
#include "data/clean_parts.h"

typedef struct sequence {
    uint64_t begin, end;
    uint32_t user, session;
} sequence;

typedef struct sequences {
    sequence *seq;
    size_t count, cap;
    bool by_session;
    uint64_t sessions;      // of all users; 0 if the log is not cut into sessions
    names ids;              // by session only; owned
    uint32_t *item;         // [items] number in the output, ITEM_NONE if it vanishes
    uint32_t items;         // that stay
    uint8_t behaviour[256]; // code in the output, UINT8_MAX if it vanishes
} sequences;

habit_status sequences_list(sequences *out, cleaning *c, habit_error *err);
void sequences_free(sequences *s);

bool sessions_wanted(const cleaning *c);
// Whether a session ends between two kept events of one user, neighbours among those kept.
bool session_ends(const cleaning *c, uint64_t before, uint64_t e);

#endif
