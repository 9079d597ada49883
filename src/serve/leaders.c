// leaders.c - a sorted array.
#include "serve/leaders.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

void leaders_clear(leaders *l)
{
    l->n = 0;
    l->left_out = false;
}

void leaders_free(leaders *l)
{
    mem_free(l->at);
    *l = (leaders){ .most = l->most };
}

static bool stands_before(leader a, leader b)
{
    return a.key > b.key || (a.key == b.key && a.item > b.item);
}

// Where `x` stands, or would.
static size_t place_of(const leaders *l, leader x)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (stands_before(l->at[middle], x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void leave_out(leaders *l, leader x)
{
    if (!l->left_out || stands_before(x, l->floor)) l->floor = x;
    l->left_out = true;
}

void leaders_move(leaders *l, uint32_t item, double old, double key)
{
    const size_t was = place_of(l, (leader){ old, item });
    if (was < l->n && l->at[was].item == item && l->at[was].key == old) {
        l->n--;
        memmove(l->at + was, l->at + was + 1, (l->n - was) * sizeof *l->at);
    }
    const leader x = { key, item };
    if (!(key > -INFINITY) || (l->left_out && !stands_before(x, l->floor))) return;
    const size_t at = place_of(l, x), room = l->n < l->most ? l->n + 1 : l->most;
    if (at == l->most ||
        mem_grow((void **)&l->at, &l->cap, room, sizeof *l->at, "leaders", NULL) != HABIT_OK) {
        leave_out(l, x);
        return;
    }
    if (l->n == l->most) leave_out(l, l->at[--l->n]);
    memmove(l->at + at + 1, l->at + at, (l->n - at) * sizeof *l->at);
    l->at[at] = x;
    l->n++;
}
