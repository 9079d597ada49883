// check.h - the smallest test harness that cannot lie: a failing check makes a failing exit status.
//
//     int main(void)
//     {
//         CHECK(1 + 1 == 2, "sum is %d", 1 + 1);
//         return CHECK_DONE();
//     }
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H
#include <stdio.h>
#include <stdlib.h>

static int checks_run, checks_failed;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        checks_run++;                                                                              \
        if (!(condition) && checks_failed++ < 20) {                                                \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)

// A call that must succeed; prints its error.
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        habit_error check_err_ = { 0 };                                                            \
        habit_error *err = &check_err_;                                                            \
        const habit_status check_st_ = (call);                                                     \
        CHECK(check_st_ == HABIT_OK, "%s", check_err_.message);                                    \
        (void)err;                                                                                 \
    } while (0)

// Prints the count and gives the exit status; a test that checked nothing has failed.
static inline int check_done(void)
{
    printf("%d checks, %d failed\n", checks_run, checks_failed);
    return checks_failed || !checks_run ? EXIT_FAILURE : EXIT_SUCCESS;
}
#define CHECK_DONE() check_done()

// Exit status of a test that cannot run here; say why first.
enum { CHECK_SKIPPED = 77 };

#endif
