// registry.h - every model class there is.
//
// To add a model: define its class in its own file, declare it here, list it in registry.c.
#ifndef MODELS_REGISTRY_H
#define MODELS_REGISTRY_H
#include "models/model.h"

extern const model_class model_class_pop;
extern const model_class model_class_markov;
extern const model_class model_class_itemknn;
extern const model_class model_class_userknn;
extern const model_class model_class_ease;
extern const model_class model_class_bpr;
extern const model_class model_class_ials;
extern const model_class model_class_svdpp;
extern const model_class model_class_rnn;
extern const model_class model_class_lstm;
extern const model_class model_class_gru4rec;
extern const model_class model_class_bert4rec;
extern const model_class model_class_seq2seq;
extern const model_class model_class_esasrec;
extern const model_class model_class_hstu;
extern const model_class model_class_sasrec;
extern const model_class model_class_lru;
extern const model_class model_class_twotower;
extern const model_class model_class_truth;

#endif
