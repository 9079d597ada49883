// client.c - a program of somebody else: opens a model and asks it for three items.
//
// Compiled as C11 and as C++11 against the installed library.  It has names of its own that the
// library uses inside: they must not meet.
#include <habit.h>

#include <stdio.h>
#include <string.h>

int model_free(void);
int model_free(void)
{
    return 0;
}

int main(int argc, char **argv)
{
    habit_model *model;
    habit_error err;
    habit_query query;
    habit_answer answers[3];
    size_t count, i;
    if (argc != 3) return 64;
    if (habit_model_open(&model, argv[1], &err) != HABIT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return habit_status_exit(err.status);
    }
    const char *history[1] = { argv[2] };
    memset(&query, 0, sizeof query);
    query.size = sizeof query;
    query.history = history;
    query.history_count = 1;
    query.exclude_seen = 1;
    if (habit_model_recommend(model, &query, answers, 3, &count, &err) != HABIT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return habit_status_exit(err.status);
    }
    for (i = 0; i < count; i++) printf("%s\n", answers[i].item);
    habit_model_free(model);
    return model_free();
}
