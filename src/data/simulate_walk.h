// simulate_walk.h - what one user does, event by event.
//
// A walker is one user's whole state, 32 bytes.  It has its own random numbers, so its walk is the
// same whatever the windows of time and the threads it is computed in.
#ifndef DATA_SIMULATE_WALK_H
#define DATA_SIMULATE_WALK_H
#include "data/simulate_market.h"

typedef struct walker {
    rng r;
    int64_t next;  // second of the next event
    uint32_t item; // the last event's
    uint8_t state, stage, platform;
    bool arrived, inside; // had a session; is in one
} walker;

// What a row of the log is.  PEOPLE rows are the log as it should be: the others come in addition,
// and cleaning can take them out again.
enum row_kind {
    ROW_PEOPLE,
    ROW_ROBOT,
    ROW_DUPLICATE,
    ROW_BAD_TIME,
    ROW_BAD_RATING,
    ROW_MALFORMED,
    ROW_KINDS
};

typedef struct log_row {
    uint32_t time; // seconds
    uint32_t user, item;
    uint16_t value;      // seconds that a view lasted, stars of a rating
    uint8_t stage, kind; // enum funnel, enum row_kind
} log_row;

typedef struct log_rows {
    log_row *row;
    size_t n, cap;
} log_rows;

typedef struct walk_plan {
    double activity;        // sessions a day for user_activity 1
    double dirt, malformed; // see simulate_options
    double burst;           // mean rows of one visit of a robot
    double burst_wait;      // mean seconds between them
} walk_plan;

// Mean rows and seconds of a session, for estimates.
double walk_session_rows(const world *w);
double walk_session_seconds(const world *w);

void walk_begin(walker *me, const world *w, const walk_plan *plan, uint32_t user);
// Adds the rows of this user before second `until`; the market must be open on that day.
habit_status walk_until(walker *me, const market *m, const walk_plan *plan, uint32_t user,
                        int64_t until, log_rows *rows);

#endif
