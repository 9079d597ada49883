// bench.c - habit_bench(): what kernels and models reach on this machine.
#include "lib/bench.h"
#include "base/json.h"
#include "lib/run_setup.h"
#include "lib/tables.h"

habit_status habit_bench(const habit_options *options, char **report, habit_error *err)
{
    TRY(options_expect(options, "bench", err));
    const bench_options *o = options_of(options, bench_table);
    json_t *kernels = NULL, *training = NULL;
    run r = { 0 };
    TRY(run_open(&r, options, err));
    habit_status st = bench_kernels(&kernels, o->seconds, err);
    if (st == HABIT_OK) st = bench_training(&training, o->seconds, &r, err);
    const int threads = run_threads(&r);
    run_close(&r);
    if (st != HABIT_OK) {
        json_decref(kernels);
        return st;
    }
    return json_hand_over(report,
                          json_pack("{s:s, s:i, s:i, s:s, s:o, s:o}", "kernels", habit_kernels(),
                                    "cores", pool_cores(), "threads", threads, "note",
                                    "kernels: one core, best of all turns; an exponential counts "
                                    "as one operation",
                                    "rows", kernels, "training", training),
                          err);
}
