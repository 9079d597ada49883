// npy.c - matrices of floats for NumPy.
//
//     offset  size  field
//     0       6     "\x93NUMPY"
//     6       2     version 1, 0
//     8       2     length of the header, little-endian: 118
//     10      118   Python dict, spaces, newline
//     128           data
#include "lib/npy.h"
#include "base/file.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

habit_status npy_write(const char *path, const float *x, size_t rows, size_t columns,
                       habit_error *err)
{
    enum { HEADER = 128 };
    char header[HEADER + 1];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    const int n =
        snprintf(header + 10, HEADER - 10,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, columns);
    header[10 + n] = ' '; // snprintf's NUL
    header[HEADER - 1] = '\n';
    file_writer w;
    TRY(file_create(&w, path, err));
    fwrite(header, 1, HEADER, w.stream);
    unsigned char bytes[4096];
    size_t used = 0;
    for (size_t i = 0; i < rows * columns; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], 4);
        for (int b = 0; b < 4; b++) bytes[used++] = (unsigned char)(bits >> 8 * b);
        if (used < sizeof bytes) continue;
        fwrite(bytes, 1, used, w.stream);
        used = 0;
    }
    if (used) fwrite(bytes, 1, used, w.stream);
    return file_commit(&w, err);
}
