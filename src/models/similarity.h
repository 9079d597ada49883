// similarity.h - how alike two rows of a log are: what item-kNN and user-kNN share.
//
// A row is a "document" (an item, say) and its columns are "terms" (the users who had it).  First
// the entries are weighted, then rows are compared:
//
//     weighting   none    w
//                 tfidf   sqrt(w) * idf
//                 bm25    w (k1 + 1) / (w + k1 (1 - b + b length / mean length)) * idf
//                         with idf = log(documents / (1 + documents with the term)), at least 0,
//                         and length the sum of a row
//
//     similarity  dot         x.y
//                 cosine      x.y / (|x| |y| + shrink)
//                 asymmetric  x.y / (|x|^(2 alpha) |y|^(2 - 2 alpha) + shrink)
//                             x is what is known, y what is predicted: alpha = 1 asks how likely
//                             y is given x, which favours popular y; alpha = 1/2 is the cosine
//                 jaccard     x.y / (|x|^2 + |y|^2 - x.y + shrink)
//
// TF-IDF: G. Salton and C. Buckley, Inf. Proc. & Management 24(5), 1988.  BM25: S. Robertson and
// H. Zaragoza, Foundations and Trends in IR 3(4), 2009.  Their use on logs, with users as terms,
// is that of the library `implicit` (github.com/benfred/implicit, nearest_neighbours.py), whose
// idf we take.  Asymmetric cosine: F. Aiolli, RecSys 2013.  Shrinkage towards 0, which mistrusts
// pairs that rarely met: R. Bell and Y. Koren, ICDM 2007, section 3.
#ifndef MODELS_SIMILARITY_H
#define MODELS_SIMILARITY_H
#include "models/csr.h"

typedef struct similarity_options {
    const char *similarity, *weighting;
    double alpha, shrink, k1, b;
} similarity_options;

#define SIMILARITY_ROWS(type, field, default_similarity, default_weighting)                        \
    { "similarity",           "KIND", OPT_CHOICE, offsetof(type, field.similarity),                \
      default_similarity,     0,      0,          "cosine|asymmetric|jaccard|dot",                 \
      "how rows are compared" },                                                                   \
        { "alpha",                                                                                 \
          "R",                                                                                     \
          OPT_REAL,                                                                                \
          offsetof(type, field.alpha),                                                             \
          "0.5",                                                                                   \
          0,                                                                                       \
          1,                                                                                       \
          NULL,                                                                                    \
          "of the asymmetric cosine: share of the norm of what is known" },                        \
        { "shrink",                                                                                \
          "R",                                                                                     \
          OPT_REAL,                                                                                \
          offsetof(type, field.shrink),                                                            \
          "0",                                                                                     \
          0,                                                                                       \
          1e9,                                                                                     \
          NULL,                                                                                    \
          "added to the denominator: mistrusts pairs that rarely met; not for dot" },              \
        { "weighting",                                                                             \
          "KIND",                                                                                  \
          OPT_CHOICE,                                                                              \
          offsetof(type, field.weighting),                                                         \
          default_weighting,                                                                       \
          0,                                                                                       \
          0,                                                                                       \
          "none|tfidf|bm25",                                                                       \
          "of the entries before rows are compared" },                                             \
        { "k1",                                                                                    \
          "R",                                                                                     \
          OPT_REAL,                                                                                \
          offsetof(type, field.k1),                                                                \
          "1.2",                                                                                   \
          0,                                                                                       \
          1e6,                                                                                     \
          NULL,                                                                                    \
          "of bm25: how soon repetition saturates" },                                              \
    {                                                                                              \
        "b", "R", OPT_REAL, offsetof(type, field.b), "0.75", 0, 1, NULL,                           \
            "of bm25: how much long rows are held back"                                            \
    }

typedef enum similarity_kind {
    SIMILARITY_COSINE,
    SIMILARITY_ASYMMETRIC,
    SIMILARITY_JACCARD,
    SIMILARITY_DOT
} similarity_kind;

typedef enum weighting_kind { WEIGHTING_NONE, WEIGHTING_TFIDF, WEIGHTING_BM25 } weighting_kind;

// The options made ready for inner loops.
typedef struct similarity {
    similarity_kind kind;
    weighting_kind weighting;
    double alpha, shrink, k1, b;
    double mean_length; // of rows, for bm25
} similarity;

// Refuses combinations without meaning.  mean_length is set by similarity_weigh().
habit_status similarity_open(similarity *out, const similarity_options *o, habit_error *err);

// idf of a term that `with` of `documents` documents have.
float similarity_idf(uint64_t documents, uint64_t with);
// A weighted entry.
float similarity_entry(const similarity *s, float w, float idf, double length);
// Compares rows x (known) and y (predicted) by their product and squared norms; 0 if undefined.
float similarity_value(const similarity *s, double dot, double x_norm2, double y_norm2);

// Weighs all entries of a matrix that was built here, in place.  idf[columns] is filled in, and so
// is norm2[rows], the squared norms after weighting.
void similarity_weigh(similarity *s, csr *rows, float *idf, float *norm2);

#endif
