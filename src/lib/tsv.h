// tsv.h - fields of tab-separated files.
#ifndef LIB_TSV_H
#define LIB_TSV_H
#include "base/buffer.h"

// As it is, or quoted where it would break the line.
void tsv_field(buffer *out, const char *id, size_t len);

#endif
