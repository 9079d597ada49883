// library.c - the library's version, and how it takes back what it gave.
#include "base/memory.h"
#include "base/status.h"
#include "kernels/cpu.h"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *habit_version(void)
{
    return VERSION_TEXT(HABIT_VERSION_MAJOR, HABIT_VERSION_MINOR, HABIT_VERSION_PATCH);
}

const char *habit_kernels(void)
{
    return cpu_kernel_row();
}

void habit_free(void *p)
{
    mem_free(p);
}
