// schedule.c - the learning rate of every step.
#include "train/schedule.h"

#include <math.h>

double schedule_at(const schedule *s, uint64_t step)
{
    if (step < s->warmup) return s->lr * (double)(step + 1) / (double)s->warmup;
    const uint64_t all = s->steps > s->warmup ? s->steps - s->warmup : 1;
    const double share = fmin(1, (double)(step - s->warmup) / (double)all);
    switch (s->kind) {
    case SCHEDULE_COSINE: // Loshchilov & Hutter, arXiv:1608.03983, without restarts
        return s->lr * (s->end + (1 - s->end) * 0.5 * (1 + cos(3.14159265358979323846 * share)));
    case SCHEDULE_LINEAR:
        return s->lr * (1 + (s->end - 1) * share);
    case SCHEDULE_STEP:
        return s->every ? s->lr * pow(s->end, (double)((step - s->warmup) / s->every)) : s->lr;
    default:
        return s->lr;
    }
}
