// tables.c - one row per option of the verbs; the layers below bring the rest.
#include "lib/tables.h"
#include "data/import.h"
#include "data/simulate.h"
#include "data/split.h"
#include "eval/evaluate.h"
#include "serve/serve_options.h"

// clang-format off
const opt general_table[] = {
#define AT(field) offsetof(general_options, field)
    { "threads", "N", OPT_INT, AT(threads), "0", 0, 1024, NULL, "worker threads; 0 takes every core" },
    { "seed", "N", OPT_LONG, AT(seed), "1", 0, 9e15, NULL, "where all random numbers begin: same seed, same bits" },
    { "deterministic", NULL, OPT_FLAG, AT(deterministic), "yes", 0, 0, NULL,
      "the same bits at any number of threads; always on, work is cut in fixed pieces" },
#undef AT
    OPT_END,
};

const opt train_table[] = {
#define AT(field) offsetof(train_options, field)
    { "model", "NAME", OPT_STRING, AT(model), "", 0, 0, NULL, "which model; `habit models` lists them" },
    { "valid-metric", "METRIC", OPT_STRING, AT(valid_metric), "", 0, 0, NULL,
      "measure this on the validation events, such as NDCG@10; networks stop early by it" },
    { "resume", NULL, OPT_FLAG, AT(resume), "", 0, 0, NULL,
      "go on from OUT.checkpoint, which a training that was stopped leaves" },
    { "log", "FILE", OPT_STRING, AT(log), "", 0, 0, NULL, "write a line of JSON per epoch to this file" },
#undef AT
    OPT_END,
};

const opt tune_table[] = {
#define AT(field) offsetof(tune_options, field)
    { "model", "NAME", OPT_STRING, AT(model), "", 0, 0, NULL, "which model; `habit models` lists them" },
    { "valid-metric", "METRIC", OPT_STRING, AT(metric), "", 0, 0, NULL,
      "what to make as good as possible; unless told NDCG@10, or LogLoss of probabilities and RMSE of ratings" },
    { "trials", "N", OPT_INT, AT(trials), "0", 0, 1000000, NULL,
      "try this many points of the space; 0 tries all of them" },
    { "search", "NAME", OPT_CHOICE, AT(how), "tpe", 0, 0, "tpe|random",
      "how --trials points are chosen: from how the tried ones did (TPE), or by chance" },
    { "journal", "FILE", OPT_STRING, AT(journal), "", 0, 0, NULL,
      "keep a line of JSON per trial; trials found there are not run again" },
    { "best", "FILE", OPT_STRING, AT(best), "", 0, 0, NULL, "write the best options as YAML, for --config" },
    { "plots", "DIR", OPT_STRING, AT(plots), "", 0, 0, NULL,
      "write trials.png, values by trial with the best so far, and options.png, values by each option, into this "
      "folder; with a finished --journal, of that" },
#undef AT
    OPT_END,
};

const opt contest_table[] = {
#define AT(field) offsetof(contest_options, field)
    { "test", "FILE", OPT_STRING, AT(test), "", 0, 0, NULL,
      "events to predict come from this file; all of DATA is history" },
    { "allow-leak", NULL, OPT_FLAG, AT(allow_leak), "", 0, 0, NULL,
      "measure models that may have seen the answers, and say so in the output" },
    { "baseline", NULL, OPT_FLAG, AT(baseline), "yes", 0, 0, NULL,
      "add a popularity list of the last 7 days (of all time where there is no time)" },
    { "report", "FILE.html", OPT_STRING, AT(report), "", 0, 0, NULL, "write a page with tables and plots" },
    { "plots", "DIR", OPT_STRING, AT(plots), "", 0, 0, NULL, "write the plots as PNG files into this folder" },
#undef AT
    OPT_END,
};

const opt recommend_table[] = {
#define AT(field) offsetof(recommend_options, field)
    { "n", "N", OPT_INT, AT(n), "10", 1, 100000, NULL, "how many items" },
    { "steps", "N", OPT_INT, AT(steps), "0", 0, 64, NULL,
      "tell the next N behaviours one after the other instead of items to choose from: seq2seq" },
    { "beam", "N", OPT_INT, AT(beam), "1", 1, 100, NULL,
      "--steps: follow the N likeliest ways and tell the best of them; 1: the likeliest step after each" },
    { "seen", "WHAT", OPT_CHOICE, AT(seen), "filter", 0, 0, "filter|keep", "leave out what the user already has, or not" },
#undef AT
    OPT_END,
};

const opt export_table[] = {
#define AT(field) offsetof(export_options, field)
    { "of", "WHAT", OPT_CHOICE, AT(of), "items", 0, 0, "items|users", "whose vectors" },
#undef AT
    OPT_END,
};

const opt picture_table[] = {
#define AT(field) offsetof(picture_options, field)
    { "labels", "N", OPT_INT, AT(labels), "25", 0, 1000, NULL, "name this many of the items most met" },
    { "points", "N", OPT_INT, AT(points), "3000", 1, 1000000, NULL, "items on the map, those most met" },
    { "user", "ID", OPT_STRING, AT(user), "", 0, 0, NULL,
      "draw what this user's events look at, a panel for each block and head: sasrec, esasrec, bert4rec, hstu" },
    { "events", "N", OPT_INT, AT(events), "25", 2, 100, NULL, "of that user, the latest" },
#undef AT
    OPT_END,
};

const opt bench_table[] = {
#define AT(field) offsetof(bench_options, field)
    { "seconds", "S", OPT_REAL, AT(seconds), "0.5", 0.01, 60, NULL, "how long each measurement lasts" },
#undef AT
    OPT_END,
};
// clang-format on

#define SIZE_FN(name, type)                                                                        \
    static size_t name(void)                                                                       \
    {                                                                                              \
        return sizeof(type);                                                                       \
    }
SIZE_FN(general_size, general_options)
SIZE_FN(train_size, train_options)
SIZE_FN(tune_size, tune_options)
SIZE_FN(contest_size, contest_options)
SIZE_FN(recommend_size, recommend_options)
SIZE_FN(export_size, export_options)
SIZE_FN(picture_size, picture_options)
SIZE_FN(bench_size, bench_options)
SIZE_FN(serve_size, serve_options)
SIZE_FN(split_size, split_options)
SIZE_FN(evaluate_size, evaluate_options)

#define GENERAL                                                                                    \
    {                                                                                              \
        general_table, general_size, OWNER_VERB                                                    \
    }
#define IMPORT                                                                                     \
    {                                                                                              \
        import_table, import_options_size, OWNER_DATA                                              \
    }
#define SPLIT                                                                                      \
    {                                                                                              \
        split_table, split_size, OWNER_VERB                                                        \
    }
#define EVALUATE                                                                                   \
    {                                                                                              \
        evaluate_table, evaluate_size, OWNER_VERB                                                  \
    }

// clang-format off
static const verb_tables verbs[] = {
    { "import",    { GENERAL, IMPORT } },
    { "inspect",   { GENERAL, IMPORT } },
    { "simulate",  { { simulate_table, simulate_options_size, OWNER_VERB }, GENERAL } },
    { "train",     { { train_table, train_size, OWNER_VERB }, SPLIT, GENERAL, IMPORT } },
    { "tune",      { { tune_table, tune_size, OWNER_VERB }, SPLIT, EVALUATE, GENERAL, IMPORT } },
    { "evaluate",  { { contest_table, contest_size, OWNER_VERB }, SPLIT, EVALUATE, GENERAL, IMPORT } },
    { "recommend", { { recommend_table, recommend_size, OWNER_VERB }, GENERAL } },
    { "predict",   { GENERAL, IMPORT } },
    { "export",    { { export_table, export_size, OWNER_VERB }, GENERAL } },
    { "report",    { { picture_table, picture_size, OWNER_VERB }, GENERAL } },
    { "serve",     { { serve_table, serve_size, OWNER_VERB } } },
    { "bench",     { { bench_table, bench_size, OWNER_VERB }, GENERAL } },
};
// clang-format on

const verb_tables *verb_at(size_t i)
{
    return i < COUNT_OF(verbs) ? &verbs[i] : NULL;
}
