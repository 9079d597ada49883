// jobs.h - what takes too long for a thread that answers: done one after the other by one of its own.
#ifndef SERVE_JOBS_H
#define SERVE_JOBS_H
#include "base/status.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct job {
    void (*run)(struct job *j); // may free j
    void *ctx;
    struct job *next;
} job;

typedef struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    job *first, **last;
    bool started, closing;
} jobs;

habit_status jobs_start(jobs *q, habit_error *err);
void jobs_add(jobs *q, job *j); // j stays until it is run
void jobs_stop(jobs *q);        // runs what waits; fine if it was not started

#endif
