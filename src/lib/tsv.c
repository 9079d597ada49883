// tsv.c - fields of tab-separated files.
#include "lib/tsv.h"

void tsv_field(buffer *out, const char *id, size_t len)
{
    bool plain = len > 0 && id[0] != '"';
    for (size_t i = 0; i < len && plain; i++)
        plain = id[i] != '\t' && id[i] != '\n' && id[i] != '\r';
    if (plain) {
        buffer_add(out, id, len);
        return;
    }
    buffer_add(out, "\"", 1);
    for (size_t i = 0; i < len; i++)
        buffer_add(out, id[i] == '"' ? "\"\"" : &id[i], id[i] == '"' ? 2 : 1);
    buffer_add(out, "\"", 1);
}
