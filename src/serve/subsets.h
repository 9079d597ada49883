// subsets.h - sets of items that requests ask for again and again: those of a category, those whose
// fields fulfil a condition (filter.h).
//
// A set is a bitmap, made when first asked for, which looks at every item, and kept; when items have
// changed only those are looked at again.  The sets asked for least recently go first.
//
//     subset *s;
//     TRY(subsets_take(all, &s, SUBSET_FILTER, text, table, err));
//     ... subset_and(s, allowed, items) ...
//     subsets_give(all, s);
#ifndef SERVE_SUBSETS_H
#define SERVE_SUBSETS_H
#include "serve/items.h"

enum { SUBSETS = 256 }; // kept

typedef enum subset_kind { SUBSET_FILTER, SUBSET_CATEGORY } subset_kind;

// Constant while it is taken.
typedef struct subset {
    const uint64_t *bit;
    size_t items; // as many as bit[] has room for
    bool others;  // whether items of higher numbers are in it: nothing is known of them
} subset;

typedef struct subsets subsets; // shared by threads

subsets *subsets_new(void); // NULL when out of memory
void subsets_free(subsets *all);

// Not between items_read() and items_done().  HABIT_EINVAL: the condition cannot be understood.
habit_status subsets_take(subsets *all, const subset **out, subset_kind kind, db_text text,
                          items *table, habit_error *err);
void subsets_give(subsets *all, const subset *s); // NULL is fine

static inline bool subset_has(const subset *s, uint32_t item)
{
    return item < s->items ? s->bit[item / 64] >> item % 64 & 1 : s->others;
}
// 64 items of the set.
static inline uint64_t subset_word(const subset *s, size_t word)
{
    const uint64_t others = s->others ? ~UINT64_C(0) : 0;
    if ((word + 1) * 64 <= s->items) return s->bit[word];
    if (word * 64 >= s->items) return others;
    const uint64_t known = (UINT64_C(1) << s->items % 64) - 1;
    return (s->bit[word] & known) | (others & ~known);
}

#endif
