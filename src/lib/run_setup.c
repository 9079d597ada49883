// run_setup.c - the run of one call.
#include "lib/run_setup.h"
#include "data/import_options.h"
#include "lib/tables.h"

habit_status run_open(run *out, const habit_options *options, habit_error *err)
{
    const general_options *general = options_of(options, general_table);
    const import_options *import = options_of(options, import_table);
    run r = { .hooks = options->hooks };
    *out = r;
    if (!general->deterministic)
        return fail(
            err, HABIT_EINVAL,
            "--no-deterministic: every model here is deterministic, at no cost; leave it out");
    TRY(pool_new(&r.pool, general->threads ? general->threads : pool_cores(), err));
    r.seed = (uint64_t)general->seed;
    if (import) {
        r.memory = (size_t)import->memory;
        r.scratch = import->scratch;
    }
    *out = r;
    return HABIT_OK;
}

void run_close(run *r)
{
    pool_free(r->pool);
    *r = (run){ 0 };
}
