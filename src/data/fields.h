// fields.h - a line of text into fields.
//
// A dialect says what stands between fields and whether they may be quoted:
//
//     ','  ';'  '|'  '\t'   that byte
//     ' '                   any run of blanks and tabs; none at the ends
//     ':'                   two colons, as MovieLens has it
//
// QUOTES_CSV is RFC 4180: a field that begins with '"' ends at the next '"' that stands alone;
// separators, line breaks and doubled quotes may lie between.  A quote inside an unquoted field
// is a letter like any other.  QUOTES_LINE, for tab-separated text, takes quotes off only where
// the field is well quoted within its line, and else leaves them: titles often begin with one.
#ifndef DATA_FIELDS_H
#define DATA_FIELDS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELDS_MAX = 1024 }; // columns of a row that are looked at

typedef enum quoting { QUOTES_NONE, QUOTES_CSV, QUOTES_LINE } quoting;

typedef struct dialect {
    char separator;
    quoting quotes;
} dialect;

// Text between separators, without its outer quotes.
typedef struct field {
    const char *s;
    uint32_t len;
    uint32_t doubled; // "" inside still stand for "
} field;

// What splitting a row found.
typedef struct cut_row {
    const char *next; // where the next row begins
    const char *end;  // where this one ends, without its line break
    size_t n;         // fields there are; only the first `max` of them are stored
    const char *flaw; // where quoting went wrong, or NULL
    bool open;        // the quote at `flaw` is never closed; else text follows the closing one
} cut_row;

// Splits the row at p < end.  At most `max` fields are stored.
cut_row fields_split(dialect d, const char *p, const char *end, field *out, size_t max);

// Puts single quotes for doubled ones, in place.  The text must be writable.
void field_undouble(field *f);

// The end of the quoted field whose opening quote is at p: its closing quote, or NULL.
const char *quote_close(const char *p, const char *end, bool *doubled);

#endif
