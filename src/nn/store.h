// store.h - the parameters of one network, by name.
//
//     store *s;
//     TRY(store_new(&s, TENSOR_F32, err));
//     param *w = store_add(s, "block.0.query", rows, cols, INIT_XAVIER, 0);
//     ...
//     TRY(store_allocate(s, err));      // or store_map(): the arrays of a safetensors file
//     store_draw(s, seed);
//
// A parameter is a matrix [rows][cols]; a vector is one row and stands in files with one size.
// Declaring never fails at the call: what went wrong is told by store_check() and store_allocate().
#ifndef NN_STORE_H
#define NN_STORE_H
#include "nn/safetensors.h"

#include <stdbool.h>

typedef enum initialiser {
    INIT_ZERO,
    INIT_ONE,
    INIT_NORMAL,    // standard deviation `spread`
    INIT_TRUNCATED, // the same, drawn again beyond two of them
    INIT_UNIFORM,   // within +- `spread`
    INIT_XAVIER,    // uniform within sqrt(6 / (rows + cols)): Glorot & Bengio, AISTATS 2010
    INIT_ORTHOGONAL, // rows x cols in square blocks of the smaller size: Saxe et al., arXiv:1312.6120
    INIT_CONSTANT,   // `spread` itself
} initialiser;

typedef struct param {
    const char *name; // owned by the store
    size_t rows, cols;
    size_t index; // its place in the store
    void *data;   // [rows][cols] of the store's type
    initialiser init;
    double spread;
    bool vector; // one row, written with one size
    bool open;   // its rows, or columns of a vector, are known only from the file that will be read
} param;

typedef struct store store;

// type: TENSOR_F32, or TENSOR_F64 for gradient checks.
habit_status store_new(store **out, tensor_type type, habit_error *err);
void store_free(store *s);

// Names may be made on the spot: store_name() formats one into the store's own memory.
const char *store_name(store *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
// The parameters are valid until store_free(); never NULL.
param *store_add(store *s, const char *name, size_t rows, size_t cols, initialiser init,
                 double spread);
param *store_add_vector(store *s, const char *name, size_t cols, initialiser init, double spread);

habit_status store_check(const store *s, habit_error *err);   // all could be declared
habit_status store_allocate(store *s, habit_error *err);      // zeroed
void store_draw(store *s, uint64_t seed);                     // every parameter by its initialiser
void store_put(store *s, const param *p, size_t i, double v); // number i of p becomes v

tensor_type store_type(const store *s);
size_t store_count(const store *s);
param *store_at(const store *s, size_t i);
param *store_find(const store *s, const char *name); // NULL if absent
size_t store_numbers(const store *s);                // elements of all

// One parameter as a named array of a file, and all of them against a file: same names, shapes and
// type, else HABIT_EFORMAT.  store_read copies (converting f32 <-> f64).
void store_view(const store *s, size_t i, tensor_view *out);
habit_status store_write(const store *s, const char *path, habit_error *err);
habit_status store_read(store *s, const char *path, habit_error *err);

#endif
