// fuzz_safetensors.c - any bytes at all are either refused or arrays that can be read.
#include "base/memory.h"
#include "nn/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    void *copy = NULL; // of the exact size and aligned, as a mapping is
    if (posix_memalign(&copy, 64, len ? len : 1) != 0) return 0;
    if (len) memcpy(copy, bytes, len);
    safetensors s;
    if (safetensors_open_bytes(&s, copy, len, "input", NULL) == HABIT_OK) {
        size_t total = 0, sum = 0;
        for (size_t i = 0; i < s.count; i++) {
            const tensor_view *t = &s.tensors[i];
            const size_t n = (size_t)tensor_count(t) * tensor_size(t->type);
            for (size_t k = 0; k < n; k++) sum += ((const unsigned char *)t->data)[k];
            if (safetensors_find(&s, t->name) != t) abort();
            total += n;
        }
        if (total > len || sum > 255 * len) abort();
        safetensors_close(&s);
    }
    free(copy);
    if (mem_live() != 0) abort();
    return 0;
}
