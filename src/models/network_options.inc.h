// network_options.inc.h - the option rows of every network.
//
// Included inside a model's table, where AT(field) finds a field of network_options and the recipe
// of the paper may be defined before: DIM, MAX_LEN, ..., each as text; NO_HEADS leaves out what
// only attention has, NO_INIT_STD what a model decides by itself.  All are undefined again at the end.
#ifndef DIM
#define DIM "64"
#endif
#ifndef MAX_LEN
#define MAX_LEN "200"
#endif
#ifndef BLOCKS
#define BLOCKS "2"
#endif
#ifndef HEADS
#define HEADS "1"
#endif
#ifndef DROPOUT
#define DROPOUT "0.2"
#endif
#ifndef INIT_STD
#define INIT_STD "0.02"
#endif
#ifndef LOSS
#define LOSS "softmax"
#endif
#ifndef NEGATIVES
#define NEGATIVES "256"
#endif
#ifndef NEGATIVES_OF
#define NEGATIVES_OF "step"
#endif
#ifndef COSINE
#define COSINE "no"
#endif
#ifndef TEMPERATURE
#define TEMPERATURE "1"
#endif
#ifndef BATCH
#define BATCH "128"
#endif
#ifndef EPOCHS
#define EPOCHS "200"
#endif
#ifndef PATIENCE
#define PATIENCE "10"
#endif
#ifndef LR
#define LR "0.001"
#endif
#ifndef BETA2
#define BETA2 "0.999"
#endif
#ifndef OPTIMISER
#define OPTIMISER "adam"
#endif
#ifndef WEIGHT_DECAY
#define WEIGHT_DECAY "0"
#endif
#ifndef CLIP
#define CLIP "0"
#endif
#define ROW(name, arg, kind, field, fallback, min, max, choices, help)                             \
    {                                                                                              \
        name, arg, kind, AT(field), fallback, min, max, choices, help                              \
    }
// clang-format off
    ROW("task", "NAME", OPT_CHOICE, task, "ranking", 0, 0, "ranking|probability|rating",
        "what is answered beside a ranked list: nothing; how likely an item is taken, or with "
        "--positive liked; or what value, such as a rating, it is given"),
    ROW("positive", "R", OPT_STRING, positive, "", 0, 0, NULL,
        "probability: of a value of at least R, given that the item is met; else of being taken"),
    ROW("dim", "N", OPT_INT, dim, DIM, 1, 4096, NULL, "width of item vectors and layers"),
    ROW("inputs", "LIST", OPT_LIST, inputs, "", 0, 0, NULL,
        "what is told of events beside items: behaviour, value, time-gap, item:COLUMN"),
    ROW("max-len", "N", OPT_INT, max_len, MAX_LEN, 1, 16384, NULL,
        "latest events of a user that are looked at"),
    ROW("blocks", "N", OPT_INT, blocks, BLOCKS, 1, 64, NULL, "layers on top of each other"),
#ifndef NO_HEADS
    ROW("heads", "N", OPT_INT, heads, HEADS, 1, 64, NULL, "attention heads; divides --dim"),
#endif
    ROW("dropout", "P", OPT_REAL, dropout, DROPOUT, 0, 0.95, NULL,
        "chance of leaving a unit out while training"),
#ifndef NO_INIT_STD
    ROW("init-std", "R", OPT_REAL, init_std, INIT_STD, 1e-6, 10, NULL,
        "standard deviation of item vectors, and of what else is drawn normally, at the start"),
#endif
    ROW("loss", "NAME", OPT_CHOICE, loss, LOSS, 0, 0,
        "softmax|sampled|bce|gbce|bpr|bpr-max|top1|top1-max",
        "what is made small: cross-entropy over all items or over --negatives, or pairwise"),
    ROW("negatives", "N", OPT_INT, negatives, NEGATIVES, 1, 1000000, NULL,
        "items drawn against the target; of bce, gbce and bpr each target has its own, and of bce "
        "one unless told"),
    ROW("negatives-of", "WHO", OPT_CHOICE, negatives_of, NEGATIVES_OF, 0, 0,
        "step|sequence|target", "sampled, bpr-max, top1, top1-max: what shares its negatives"),
    ROW("sampler", "NAME", OPT_CHOICE, sampler, "uniform", 0, 0, "uniform|popularity|mixed",
        "how negatives are drawn; mixed: half of them each way"),
    ROW("sampler-power", "R", OPT_REAL, sampler_power, "0.5", 0, 2, NULL,
        "popularity, mixed: items are drawn by this power of their count"),
    ROW("logq", NULL, OPT_FLAG, logq, "no", 0, 0, NULL,
        "sampled: correct scores for how likely items are drawn"),
    ROW("gbce-t", "R", OPT_REAL, gbce_t, "0.75", 0, 1, NULL,
        "gbce: calibration, 0 as bce, 1 as softmax"),
    ROW("elu", "R", OPT_REAL, elu, "0.5", 0, 100, NULL,
        "bpr-max: slope far below zero of what scores go through, ELU; 0: nothing"),
    ROW("bpreg", "R", OPT_REAL, bpreg, "1", 0, 1000, NULL,
        "bpr-max: weight of the penalty for large scores of negatives"),
    ROW("cosine", NULL, OPT_FLAG, cosine, COSINE, 0, 0, NULL,
        "scores are cosines; wants a low --temperature"),
    ROW("temperature", "R", OPT_REAL, temperature, TEMPERATURE, 1e-4, 1e4, NULL,
        "scores are divided by this in the loss"),
    ROW("augment", "LIST", OPT_LIST, augment, "", 0, 0, NULL,
        "two views of every history, changed by one of crop, mask, reorder (crop:0.6 keeps 60 %), are "
        "told apart from those of others"),
    ROW("contrast", "R", OPT_REAL, contrast, "0.1", 0, 1000, NULL,
        "weight of telling views apart beside the loss"),
    ROW("contrast-temperature", "R", OPT_REAL, contrast_temperature, "1", 1e-4, 1e4, NULL,
        "similarities of views are divided by this"),
    ROW("epochs", "N", OPT_INT, epochs, EPOCHS, 1, 1000000, NULL, "most passes over the data"),
    ROW("windows", "NAME", OPT_CHOICE, windows, "last", 0, 0, "last|sliding",
        "of longer histories: learn from the latest --max-len events, or from all, a window each"),
    ROW("batch", "N", OPT_INT, batch, BATCH, 1, 1000000, NULL, "users of one step, or windows"),
    ROW("patience", "N", OPT_INT, patience, PATIENCE, 0, 1000000, NULL,
        "stop when the validation metric has not risen this many times; 0: never"),
    ROW("valid-every", "N", OPT_INT, valid_every, "1", 1, 1000000, NULL,
        "epochs between validations"),
    ROW("shards", "N", OPT_INT, shards, "8", 1, 1024, NULL,
        "parts of a step, whatever the number of threads; part of the result, as a seed is"),
    ROW("precision", "NAME", OPT_CHOICE, precision, "f32", 0, 0, "f32|bf16",
        "what matrix products multiply while training; sums, parameters and all else stay f32; bf16 needs "
        "a CPU with AVX512_BF16"),
    ROW("lr", "R", OPT_REAL, lr, LR, 0, 1000, NULL, "learning rate"),
    ROW("optimiser", "NAME", OPT_CHOICE, optimiser, OPTIMISER, 0, 0, "adam|adamw|adagrad|sgd",
        "how gradients move parameters"),
    ROW("momentum", "R", OPT_REAL, momentum, "0", 0, 1, NULL,
        "adagrad, sgd: share of the last move that is made again"),
    ROW("beta1", "R", OPT_REAL, beta1, "0.9", 0, 1, NULL, "Adam: average of gradients"),
    ROW("beta2", "R", OPT_REAL, beta2, BETA2, 0, 1, NULL, "Adam: average of squares"),
    ROW("weight-decay", "R", OPT_REAL, weight_decay, WEIGHT_DECAY, 0, 1000, NULL,
        "adam: L2 penalty; adamw: decay per step, times the learning rate"),
    ROW("clip", "R", OPT_REAL, clip, CLIP, 0, 1e9, NULL, "largest norm of the gradient; 0: any"),
    ROW("lazy", NULL, OPT_FLAG, lazy, "yes", 0, 0, NULL,
        "rows of item vectors that a step did not meet are left alone"),
    ROW("schedule", "NAME", OPT_CHOICE, schedule, "constant", 0, 0, "constant|cosine|linear|step",
        "how the learning rate goes on"),
    ROW("warmup", "R", OPT_REAL, warmup, "0", 0, 1000000, NULL,
        "epochs in which the learning rate rises"),
    ROW("lr-end", "R", OPT_REAL, lr_end, "0.1", 0, 1, NULL,
        "cosine, linear: share of the learning rate that is left at the end; step: at each tenth")
// clang-format on
#undef ROW
#undef DIM
#undef MAX_LEN
#undef BLOCKS
#undef HEADS
#undef NO_HEADS
#undef NO_INIT_STD
#undef DROPOUT
#undef INIT_STD
#undef LOSS
#undef NEGATIVES
#undef NEGATIVES_OF
#undef COSINE
#undef TEMPERATURE
#undef BATCH
#undef EPOCHS
#undef PATIENCE
#undef LR
#undef BETA2
#undef OPTIMISER
#undef WEIGHT_DECAY
#undef CLIP
