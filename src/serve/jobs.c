// jobs.c - a queue and its thread.
#include "serve/jobs.h"

static void *jobs_run(void *ctx)
{
    jobs *q = ctx;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        job *j = q->first;
        if (!j) {
            if (q->closing) break;
            pthread_cond_wait(&q->wake, &q->lock);
            continue;
        }
        q->first = j->next;
        if (!q->first) q->last = &q->first;
        pthread_mutex_unlock(&q->lock);
        j->run(j);
        pthread_mutex_lock(&q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

habit_status jobs_start(jobs *q, habit_error *err)
{
    *q = (jobs){ 0 };
    q->last = &q->first;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->wake, NULL);
    if (pthread_create(&q->thread, NULL, jobs_run, q))
        return fail(err, HABIT_EIO, "cannot start a thread");
    q->started = true;
    return HABIT_OK;
}

void jobs_add(jobs *q, job *j)
{
    j->next = NULL;
    pthread_mutex_lock(&q->lock);
    *q->last = j;
    q->last = &j->next;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

void jobs_stop(jobs *q)
{
    if (!q->started) return;
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->wake);
    q->started = false;
}
