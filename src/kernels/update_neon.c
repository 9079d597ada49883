// update_neon.c - the loops of update.h for aarch64.
#define UPDATE_NAME "neon"
#define UPDATE_NEEDS CPU_NEON
#define UPDATE_TABLE update_kernels_neon
#include "kernels/update.inc.h"
