// contrast.c - two views of everybody, each to be told apart from everybody else's.
//
// Paper    X. Xie et al., "Contrastive Learning for Sequential Recommendation" (CL4SRec), ICDE 2022,
//          arXiv:2010.14395, eq. 4, 5 and 11: the loss of the next item, plus a weight times that of the
//          views, each a mean of its own.
//
// A person's vector is what would be scored after the last event of a view.
//
// Where we differ:
//   - views are compared with those of the same portion of a step, not of the whole step: a portion is
//     what one thread learns from at once, about a thousand events of short histories
//   - a hidden event is the zero vector plus its position, where the paper learns a vector for it (in
//     bert4rec it is that network's mask)
//   - similarity is the dot product, as there, over --contrast-temperature, which is 1 there; with
//     --cosine it is the cosine
#include "models/network.h"

static tensor *view_vectors(tape *t, const network *n, const batch *b, uint64_t which)
{
    batch v;
    if (!view_changed(&v, t, b, &n->changes, which)) return NULL;
    tensor *h = network_answers(t, n, &v);
    return tensor_rows(h) == v.sequences ? h : op_pick(t, h, v.last, v.sequences);
}

tensor *network_learn(tape *t, const network *n, const batch *b)
{
    const network_options *o = &n->options;
    const network_class *c = n->base.class->network;
    tensor *loss = (c->loss ? c->loss : network_loss)(t, n, b);
    if (n->changes.count == 0 || o->contrast == 0) return loss;
    tensor *one = view_vectors(t, n, b, 0), *other = view_vectors(t, n, b, 1);
    if (!one || !other) return loss; // out of memory
    // the step divides by its targets
    const double mean = (double)b->step_targets / (2 * (double)b->step_sequences);
    tensor *apart = op_contrastive_loss(t, one, other, 1 / o->contrast_temperature);
    return op_add(t, loss, op_scale(t, apart, o->contrast * mean));
}
