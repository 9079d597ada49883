// objects.h - JSON values as text, for readers that think in columns of text.
#ifndef DATA_OBJECTS_H
#define DATA_OBJECTS_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { OBJECT_NUMBER = 40 }; // bytes that the text of a number needs

// One object out of a line of text; *out is NULL for an empty line.  False, with the reason in
// `bad`, if the line is anything else.
bool object_parse(const char *line, size_t len, json_t **out, json_error_t *bad);

// The text of a string, number, boolean (1 or 0) or null (nothing); numbers are written to
// `text`.  NULL for lists and objects.
const char *object_text(const json_t *value, char text[OBJECT_NUMBER], size_t *len);

#endif
