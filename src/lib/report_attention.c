// report_attention.c - what a user's events look at, as a picture.
//
//     a panel for each block and head:      older  e1 e2 e3 e4      looked at
//                                      e1     .     .
//                                      e2     .     .  .
//                                asked e3     .     .  .  .
//                                after e4     .     .  .  .  .
#include "lib/report_attention.h"
#include "base/memory.h"
#include "eval/plot.h"
#include "lib/answer.h"
#include "models/network.h"

#include <math.h>
#include <string.h>

enum { PANELS = 64, LETTERS = 24, PAGE = 760, TOP = 62, TITLE = 26, GAP = 14 };
#define RIGHT 0.915 // of the page; beyond it the scale of colours
#define LINE 10.5   // pixels that a name needs, and
#define LETTER 5.3  // each of its letters

#define OLDER "all older"

// What was seen.  The latest `shown` of `all` rows and keys; column 0 is the
// sum over older ones.
typedef struct sight {
    size_t all, shown, first, blocks, heads;
    size_t seen;    // attentions so far
    bool foreign;   // one that is not of the user's events to themselves
    double *weight; // [blocks * heads][shown][1 + shown]; NAN: hidden
} sight;

static double *cell(const sight *s, size_t panel, size_t row, size_t place)
{
    return &s->weight[(panel * s->shown + row) * (s->shown + 1) + place];
}

static void see(void *ctx, const attention_seen *x)
{
    sight *s = ctx;
    if (x->head == 0 && x->sequence == 0 && x->row == 0) s->seen++;
    if (x->rows != s->all || x->keys != s->all || (size_t)x->heads != s->heads) s->foreign = true;
    if (s->foreign || s->seen > s->blocks || x->row < s->first) return;
    const size_t panel = (s->seen - 1) * s->heads + (size_t)x->head, row = x->row - s->first;
    double older = 0;
    for (size_t j = 0; j < s->first; j++) older += x->weight[j];
    *cell(s, panel, row, 0) = older;
    for (size_t j = s->first; j < s->all; j++)
        *cell(s, panel, row, 1 + j - s->first) = x->weight[j] != 0 ? x->weight[j] : (double)NAN;
}

static habit_status look(sight *s, const network *n, const query *q, size_t shown, habit_error *err)
{
    const batch_sequence w = network_window(n, q);
    const attention_watch watch = { see, s };
    s->all = w.n + w.mask;
    s->shown = shown < s->all ? shown : s->all;
    s->first = s->all - s->shown;
    s->blocks = (size_t)n->options.blocks;
    s->heads = (size_t)n->options.heads;
    const size_t panels = s->blocks * s->heads, cells = panels * s->shown * (s->shown + 1);
    if (panels > PANELS)
        return fail(err, HABIT_EINVAL,
                    "--user: %zu blocks of %zu heads are too many to draw: %d panels", s->blocks,
                    s->heads, PANELS);
    s->weight = NEW(double, cells);
    if (!s->weight) return fail_memory(err, "attention", cells * sizeof *s->weight);
    for (size_t i = 0; i < cells; i++) s->weight[i] = NAN;
    TRY(network_watch(n, q, &watch, err));
    if (s->foreign || s->seen != s->blocks)
        return fail(
            err, HABIT_EINVAL,
            "--user: %s has no attention among a user's events to draw; sasrec, esasrec, bert4rec "
            "and hstu have",
            n->base.class->name);
    return HABIT_OK;
}

// --- the script -------------------------------------------------------------------------------------

void picture_label(buffer *b, const habit_model *m, uint32_t item, size_t letters)
{
    const id_list *list = m->titles.count ? &m->titles : &m->items;
    const char *name = id_list_at(list, item);
    const size_t all = id_list_len(list, item);
    size_t len = 0;
    for (size_t n = 0; len < all && n < letters; n++) // whole UTF-8 letters
        while (++len < all && (name[len] & 0xC0) == 0x80) continue;
    buffer_text(b, "\"");
    for (size_t i = 0; i < len; i++) {
        const char c = name[i];
        buffer_add(b, c == '"' || c == '\\' || c == '`' || (unsigned char)c < ' ' ? " " : &c, 1);
    }
    buffer_text(b, len < all ? "…\"" : "\"");
}

// "name" place, ... for the shown events, every `step`-th from the latest back.
static void add_names(buffer *b, const habit_model *m, const sight *s, const query *q, size_t step)
{
    const size_t events = s->all < q->n ? s->all : q->n; // a hidden one may follow them
    const uint32_t *item = q->item + q->n - events;
    for (size_t k = 0; k < s->shown; k++) {
        if ((s->shown - 1 - k) % step) continue;
        const size_t e = s->first + k;
        if (e < events)
            picture_label(b, m, item[e], LETTERS);
        else
            buffer_text(b, "\"?\"");
        buffer_format(b, " %zu%s", k, k + 1 < s->shown ? ", " : "");
    }
}

typedef struct range {
    double least, most;
} range;

// Of all but the first few events, which have next to nothing to choose from.
static range range_of(const sight *s)
{
    range r = { 0, 0 };
    const size_t from = s->first == 0 && s->shown > 6 ? 3 : 0;
    for (size_t p = 0; p < s->blocks * s->heads; p++)
        for (size_t row = from; row < s->shown; row++)
            for (size_t c = 1; c <= s->shown; c++) {
                const double w = *cell(s, p, row, c);
                if (w < r.least) r.least = w;
                if (w > r.most) r.most = w;
            }
    if (r.most <= 0) r.most = r.least < 0 ? -r.least : 1;
    return r;
}

// Small weights get most of the shades: what matters is rarely the greatest alone.
static void add_palette(buffer *b, const sight *s)
{
    const range r = range_of(s);
    if (r.least < -0.02 * r.most) {
        const double most = fmax(r.most, -r.least);
        buffer_format(b,
                      "set palette defined (-1 '#7A3000', -0.3 '#D55E00', -0.05 '#F6C79B', 0 "
                      "'#F4F4F4', 0.05 '#B5D3EA', 0.3 '#0072B2', 1 '#00304D')\n"
                      "set cbrange [%.6g:%.6g]\n",
                      -most, most);
        return;
    }
    buffer_format(
        b,
        "set palette defined (0 '#EFF4F8', 0.03 '#CFE1EF', 0.12 '#8DBCDD', 0.35 '#2F86C0', "
        "0.65 '#005C92', 1 '#00304D')\nset cbrange [0:%.6g]\n",
        r.most);
}

// The cells, all of them since they are an image; and what goes to older events, in words.
static void add_data(buffer *b, const sight *s, size_t panel)
{
    const bool shares = range_of(s).least >= 0; // softmax; SiLU's weights may have any sum
    buffer_format(b, "$p%zu << EOD\n", panel);
    for (size_t r = 0; r < s->shown; r++)
        for (size_t c = 1; c <= s->shown; c++) {
            const double w = *cell(s, panel, r, c);
            buffer_format(b, "%zu %zu ", c - 1, r);
            if (isfinite(w))
                buffer_format(b, "%.5g\n", w);
            else
                buffer_text(b, "NaN\n");
        }
    buffer_format(b, "EOD\n$o%zu << EOD\n", panel);
    for (size_t r = 0; r < s->shown && s->first; r++)
        buffer_format(b, shares ? "-1.2 %zu \"%.0f%%\"\n" : "-1.2 %zu \"%.2f\"\n", r,
                      (shares ? 100 : 1) * *cell(s, panel, r, 0));
    buffer_text(b, "EOD\n");
}

typedef struct grid {
    size_t columns, rows;
    double names;               // pixels of the longest
    double left, width, height; // of a panel, as shares of the page
    double page;                // pixels
    size_t step_x, step_y;
} grid;

static size_t longest_name(const habit_model *m, const sight *s, const query *q)
{
    size_t most = s->first ? strlen(OLDER) : 0;
    const id_list *list = m->titles.count ? &m->titles : &m->items;
    const size_t events = s->shown < q->n ? s->shown : q->n;
    for (size_t e = q->n - events; e < q->n; e++) {
        const size_t len = id_list_len(list, q->item[e]);
        if (len > most) most = len;
    }
    return most < LETTERS ? most : LETTERS;
}

static grid grid_of(const habit_model *m, const sight *s, const query *q)
{
    const size_t panels = s->blocks * s->heads;
    grid g = { .columns = panels < 2 ? 1 : 2 };
    g.names = LETTER * (double)longest_name(m, s, q) + 22;
    g.left = g.names / PAGE;
    g.rows = (panels + g.columns - 1) / g.columns;
    g.width = (RIGHT - g.left - (double)(g.columns - 1) * GAP / PAGE) / (double)g.columns;
    const double side = g.width * PAGE, wanted = (double)s->shown * LINE; // square, or all names
    const double tall = g.columns == 1 ? fmin(side, fmax(wanted, 240)) : side;
    g.page = TOP + g.names + (double)g.rows * (tall + TITLE);
    g.height = tall / g.page;
    g.step_x = (size_t)ceil(LINE * (double)(s->shown + (s->first ? 3 : 0)) / side);
    g.step_y = (size_t)ceil(LINE * (double)s->shown / tall);
    return g;
}

static void add_panel(buffer *b, const habit_model *m, const sight *s, const query *q,
                      const grid *g, size_t panel)
{
    const size_t across = panel % g->columns, row = panel / g->columns;
    const bool lowest = panel + g->columns >= s->blocks * s->heads;
    const double x = g->left + (double)across * (g->width + GAP / (double)PAGE);
    const double y = 1 - (TOP + (double)row * (g->height * g->page + TITLE)) / g->page;
    buffer_format(b,
                  "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen "
                  "%.4f\nset bmargin at screen %.4f\n",
                  x, x + g->width, y, y - g->height);
    if (s->heads > 1)
        buffer_format(b, "set title 'block %zu, head %zu'", 1 + panel / s->heads,
                      1 + panel % s->heads);
    else
        buffer_format(b, "set title 'block %zu'", 1 + panel);
    buffer_text(b, " offset 0,-0.7 textcolor rgb '" PLOT_INK "'\n");
    buffer_text(b, lowest ? "set xtics rotate by 90 right (" : "set xtics (");
    if (lowest && s->first) buffer_text(b, "\"" OLDER "\" -2, ");
    if (lowest) add_names(b, m, s, q, g->step_x);
    buffer_text(b, lowest ? ") font ',14'\nset ytics (" : "\"\" 0)\nset ytics (");
    if (across == 0) add_names(b, m, s, q, g->step_y);
    buffer_text(b, across == 0 ? ") font ',14'\n" : "\"\" 0)\n");
    buffer_text(b, panel ? "unset colorbox\n" : "");
    buffer_format(b, "plot $p%zu using 1:2:3 with image pixels notitle", panel);
    if (s->first)
        buffer_format(b,
                      ", $o%zu using 1:2:3 with labels right font ',13' textcolor rgb '" PLOT_INK
                      "' notitle",
                      panel);
    buffer_text(b, "\n");
}

static void add_script(buffer *b, int *height, const habit_model *m, const sight *s, const query *q,
                       const char *user)
{
    const grid g = grid_of(m, s, q);
    *height = (int)g.page;
    for (size_t p = 0; p < s->blocks * s->heads; p++) add_data(b, s, p);
    add_palette(b, s);
    const double top = 1 - TOP / g.page;
    buffer_format(
        b,
        "set colorbox user origin screen %.4f, screen %.4f size screen 0.016, screen %.4f\n"
        "set cbtics font ',14'\nunset grid\nunset key\nset border 0\nset tics scale 0\n"
        "set xrange [%s:%zu.5]\nset yrange [%zu.5:-0.5]\nset label 1 ",
        RIGHT + 0.015, top - fmin(g.height, 240 / g.page), fmin(g.height, 240 / g.page),
        s->first ? "-3.2" : "-0.5", s->shown - 1, s->shown - 1);
    buffer habit_title = { 0 };
    buffer_format(&habit_title, "%s, user %s: what each event (row) looks at (column)",
                  m->model->class->name, user);
    buffer_add(&habit_title, "", 1);
    plot_text(b, habit_title.data ? habit_title.data : "");
    buffer_free(&habit_title);
    buffer_format(
        b, " at screen %.4f, screen %.4f left textcolor rgb '" PLOT_DARK "'\nset multiplot\n", 0.02,
        1 - 16 / g.page);
    for (size_t p = 0; p < s->blocks * s->heads; p++) {
        add_panel(b, m, s, q, &g, p);
        if (p == 0) buffer_text(b, "unset label 1\n");
    }
    buffer_text(b, "unset multiplot\n");
}

habit_status attention_picture(buffer *script, int *height, const habit_model *m,
                               const picture_options *o, habit_error *err)
{
    const uint32_t user = id_list_find(&m->users, o->user, strlen(o->user));
    const history *h = &m->history;
    sight s = { 0 };
    if (!m->model->class->network)
        return fail(err, HABIT_EINVAL,
                    "--user: %s has no attention to draw; sasrec, esasrec, bert4rec and hstu have",
                    m->model->class->name);
    if (user == UINT32_MAX || h->offset[user + 1] == h->offset[user])
        return fail(err, HABIT_ENOTFOUND, "--user: the model knows no user '%s'", o->user);
    const query q = answer_query(m, user);
    habit_status st = look(&s, (const network *)m->model, &q, (size_t)o->events, err);
    if (st == HABIT_OK) add_script(script, height, m, &s, &q, o->user);
    mem_free(s.weight);
    return st;
}
