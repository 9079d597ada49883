// similarity.c - how alike two rows of a log are.
#include "models/similarity.h"

#include <math.h>
#include <string.h>

habit_status similarity_open(similarity *out, const similarity_options *o, habit_error *err)
{
    static const char *const kinds[] = { [SIMILARITY_COSINE] = "cosine",
                                         [SIMILARITY_ASYMMETRIC] = "asymmetric",
                                         [SIMILARITY_JACCARD] = "jaccard",
                                         [SIMILARITY_DOT] = "dot" };
    static const char *const weightings[] = {
        [WEIGHTING_NONE] = "none", [WEIGHTING_TFIDF] = "tfidf", [WEIGHTING_BM25] = "bm25"
    };
    similarity s = { .alpha = o->alpha, .shrink = o->shrink, .k1 = o->k1, .b = o->b };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(o->similarity, kinds[i]) == 0) s.kind = (similarity_kind)i;
    for (size_t i = 0; i < COUNT_OF(weightings); i++)
        if (strcmp(o->weighting, weightings[i]) == 0) s.weighting = (weighting_kind)i;
    if (s.kind == SIMILARITY_DOT && s.shrink > 0)
        return fail(err, HABIT_EINVAL,
                    "--shrink %g: --similarity dot has no denominator to shrink; use cosine",
                    s.shrink);
    *out = s;
    return HABIT_OK;
}

float similarity_idf(uint64_t documents, uint64_t with)
{
    if (documents == 0) return 0;
    const double idf = log((double)documents) - log1p((double)with);
    return idf > 0 ? (float)idf : 0;
}

float similarity_entry(const similarity *s, float w, float idf, double length)
{
    switch (s->weighting) {
    case WEIGHTING_TFIDF:
        return sqrtf(w) * idf;
    case WEIGHTING_BM25: {
        const double norm = 1 - s->b + (s->mean_length > 0 ? s->b * length / s->mean_length : 0);
        const double denominator = (double)w + s->k1 * norm;
        return denominator > 0 ? (float)((double)w * (s->k1 + 1) / denominator) * idf : 0;
    }
    case WEIGHTING_NONE:
        break;
    }
    return w;
}

float similarity_value(const similarity *s, double dot, double x_norm2, double y_norm2)
{
    double denominator = 1;
    switch (s->kind) {
    case SIMILARITY_COSINE:
        denominator = sqrt(x_norm2) * sqrt(y_norm2) + s->shrink;
        break;
    case SIMILARITY_ASYMMETRIC:
        denominator = pow(x_norm2, s->alpha) * pow(y_norm2, 1 - s->alpha) + s->shrink;
        break;
    case SIMILARITY_JACCARD:
        denominator = x_norm2 + y_norm2 - dot + s->shrink;
        break;
    case SIMILARITY_DOT:
        break;
    }
    return denominator > 0 ? (float)(dot / denominator) : 0;
}

void similarity_weigh(similarity *s, csr *rows, float *idf, float *norm2)
{
    float *weight = (float *)rows->weight;
    double sum = 0;
    for (uint64_t e = 0; e < rows->count; e++) sum += (double)weight[e];
    s->mean_length = rows->rows ? sum / (double)rows->rows : 0;

    // Counts of up to 2^24 rows a term are exact in float.
    memset(idf, 0, (size_t)rows->columns * sizeof *idf);
    for (uint64_t e = 0; e < rows->count; e++) idf[rows->index[e]] += 1;
    for (uint32_t c = 0; c < rows->columns; c++)
        idf[c] = similarity_idf(rows->rows, (uint64_t)idf[c]);

    for (uint64_t r = 0; r < rows->rows; r++) {
        double length = 0, squares = 0;
        for (uint64_t e = rows->start[r]; e < rows->start[r + 1]; e++) length += (double)weight[e];
        for (uint64_t e = rows->start[r]; e < rows->start[r + 1]; e++) {
            weight[e] = similarity_entry(s, weight[e], idf[rows->index[e]], length);
            squares += (double)weight[e] * (double)weight[e];
        }
        norm2[r] = (float)squares;
    }
}
