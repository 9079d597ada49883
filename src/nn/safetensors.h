// safetensors.h - named arrays in the file format that every ML tool reads.
//
//     8 bytes    length N of the header, little-endian
//     N bytes    JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//     the rest   the arrays, end to end
//
// Format: github.com/huggingface/safetensors, README "Format".  Our writer pads the header with
// spaces so that data begins at a multiple of 64, and orders arrays by element size so that each
// is aligned; the reader refuses files whose arrays are not aligned for their type, overlap, leave
// holes, or are of a type not listed below.
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H
#include "base/file.h"
#include "base/status.h"

typedef enum tensor_type {
    TENSOR_F32,
    TENSOR_F64,
    TENSOR_I32,
    TENSOR_I64,
    TENSOR_U8,
    TENSOR_U32,
    TENSOR_U64
} tensor_type;

enum { TENSOR_DIMS = 4 };

typedef struct tensor_view {
    char name[64];
    tensor_type type;
    int dims;
    uint64_t shape[TENSOR_DIMS];
    const void *data;
} tensor_view;

uint64_t tensor_count(const tensor_view *t);    // elements
size_t tensor_size(tensor_type type);           // bytes of one
const char *tensor_type_name(tensor_type type); // "F32"

// Writes the file atomically.
habit_status safetensors_write(const char *path, const tensor_view *tensors, size_t n,
                               habit_error *err);

typedef struct safetensors {
    file_map map;
    tensor_view *tensors; // data points into the mapping: valid until close
    size_t count;
} safetensors;

habit_status safetensors_open(safetensors *out, const char *path, habit_error *err);
// Bytes in memory, aligned to 8, which must outlive it; for tests and fuzzing.
habit_status safetensors_open_bytes(safetensors *out, const unsigned char *bytes, size_t len,
                                    const char *path, habit_error *err);
void safetensors_close(safetensors *s);
const tensor_view *safetensors_find(const safetensors *s, const char *name); // NULL if absent

#endif
