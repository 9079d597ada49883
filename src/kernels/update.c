// update.c - the loops of update.h for any machine, and the choice among versions.
#define UPDATE_NAME "ref"
#define UPDATE_NEEDS 0
#define UPDATE_TABLE update_kernels_ref
#include "kernels/update.inc.h"

#if defined(__x86_64__)
extern const update_kernels update_kernels_avx2, update_kernels_avx512;
#elif defined(__aarch64__)
extern const update_kernels update_kernels_neon;
#endif

static const update_kernels *const versions[] = {
#if defined(__x86_64__)
    &update_kernels_avx512,
    &update_kernels_avx2,
#elif defined(__aarch64__)
    &update_kernels_neon,
#endif
    &update_kernels_ref,
};

const update_kernels *update_kernels_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const update_kernels *update_kernels_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}
