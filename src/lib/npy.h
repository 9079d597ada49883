// npy.h - matrices of floats for NumPy.
#ifndef LIB_NPY_H
#define LIB_NPY_H
#include "base/status.h"

// rows x columns, C order, little-endian f32; format 1.0 (numpy/lib/format.py), data at byte 128.
habit_status npy_write(const char *path, const float *x, size_t rows, size_t columns,
                       habit_error *err);

#endif
