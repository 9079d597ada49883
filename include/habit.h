// habit.h - the public interface of libhabit, all of it.
//
// habit learns what people do next from the log of what they did before.  The way through:
//
//     habit_import     a raw log (csv, jsonl, SQLite, ...)     ->  a Dataset file
//     habit_train      a Dataset, or a raw log, and a model    ->  a model folder
//     habit_evaluate   a Dataset and model folders             ->  numbers with intervals
//     habit_model_open, habit_model_recommend                  ->  answers, inside your program
//
// Every verb takes a habit_options: named values checked against one table (see `habit help VERB`),
// and may carry hooks for log lines and progress.  Long results come back as JSON text, owned by
// the caller and given back with habit_free().
//
// Rules for every call: it returns a status; on failure nothing is written to its outputs, and
// `err` (which may be NULL) says what was seen, where, and how to mend it.  The library never
// prints, never exits, and never aborts on input.  Strings are UTF-8 and end in NUL; ids may hold
// any other byte.
#ifndef HABIT_H
#define HABIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HABIT_VERSION_MAJOR 0
#define HABIT_VERSION_MINOR 1
#define HABIT_VERSION_PATCH 0

#if defined(__GNUC__)
#define HABIT_API __attribute__((visibility("default")))
#else
#define HABIT_API
#endif

// --- status ----------------------------------------------------------------------------------

// One list feeds the enum, habit_status_text(), the HTTP status and the exit code.
// Numbers are part of the ABI: append, never renumber.  0 is success, negatives are failures.
// clang-format off
#define HABIT_STATUS_MAP(X)                                                     \
    X(OK, 0, 200, 0, "ok")                                                      \
    X(EINVAL, -1, 400, 64, "invalid argument")                                  \
    X(EFORMAT, -2, 400, 65, "malformed data")                                   \
    X(ENOTFOUND, -3, 404, 66, "not found")                                      \
    X(ENOMEM, -4, 503, 71, "out of memory")                                     \
    X(EIO, -5, 500, 74, "input/output error")                                   \
    X(ELIMIT, -6, 413, 65, "limit exceeded")                                    \
    X(EDIVERGED, -7, 500, 70, "training diverged: loss is not finite")          \
    X(ELEAK, -8, 409, 65, "the model saw what it must predict")                 \
    X(ESTOPPED, -9, 503, 130, "stopped on request")                             \
    X(EINTERNAL, -10, 500, 70, "internal error")                                \
    X(ENOSPACE, -11, 507, 74, "no space left")
// clang-format on

typedef enum habit_status {
#define X(name, value, http, exit, text) HABIT_##name = value,
    HABIT_STATUS_MAP(X)
#undef X
} habit_status;

HABIT_API const char *habit_status_text(habit_status st);
HABIT_API int habit_status_exit(habit_status st); // the exit code of a command that failed so

// Where a failing call writes what went wrong.  Owned by the caller, never allocated, untouched
// on success.
typedef struct habit_error {
    habit_status status;
    char message[500];
} habit_error;

HABIT_API const char *habit_version(void);
HABIT_API const char *habit_kernels(void); // the instruction set in use: "avx512", ..., "ref"

// Gives back a string or array that this library returned.  NULL is fine.
HABIT_API void habit_free(void *p);

// --- options ---------------------------------------------------------------------------------

// Named, checked values for one verb.  Defaults come from the table; nothing is clamped: a value
// out of range, and a name nobody knows, are errors that name the nearest known one.
typedef struct habit_options habit_options;

// One row of the table.  All strings live as long as the library.
typedef struct habit_option {
    const char *name;     // "dim": --dim on the command line, `dim:` in YAML
    const char *argument; // "N", "FILE", "SPAN", ...; NULL for a switch
    const char *fallback; // the default, as text; "" for none
    const char *choices;  // "a|b|c", or NULL
    const char *help;
    double min, max; // of numbers; both 0 for any
    int owner;       // 0 the verb's own; 1 of reading and cleaning; 2 the model's
} habit_option;

// Where long calls send their words and their progress.  `size` is sizeof(habit_hooks).
typedef struct habit_hooks {
    size_t size;
    void *ctx;
    // level 0 error, 1 warning, 2 note, 3 detail; one line, no newline.
    void (*log)(void *ctx, int level, const char *text);
    // Called now and then, from the calling thread; total 0 if unknown.  `what` names the step, and
    // may say more behind a comma, such as the loss so far.  Nonzero asks to stop: the call then
    // returns HABIT_ESTOPPED, and nothing half-written is left.
    int (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total);
} habit_hooks;

// verb: "import", "inspect", "simulate", "train", "tune", "evaluate", "recommend", "predict",
// "export", "report", "serve", "bench".  *out is set only on success and belongs to the caller.
HABIT_API habit_status habit_options_new(habit_options **out, const char *verb, habit_error *err);
HABIT_API void habit_options_free(habit_options *opt);

// Adds the rows of a model's own table ("ease", "ials", ...); for train and tune.  Setting the
// option "model", by hand or from a file, does the same.
HABIT_API habit_status habit_options_model(habit_options *opt, const char *model, habit_error *err);

HABIT_API habit_status habit_options_set(habit_options *opt, const char *name, const char *value,
                                         habit_error *err);
// Reads a YAML mapping `name: value`.  What habit_options_set() sets, before or after, wins.
HABIT_API habit_status habit_options_load(habit_options *opt, const char *yaml_file,
                                          habit_error *err);
// The present value as text, or NULL if there is no such option.  Valid until the next set.
HABIT_API const char *habit_options_get(const habit_options *opt, const char *name);

HABIT_API size_t habit_options_count(const habit_options *opt);
HABIT_API const habit_option *habit_options_at(const habit_options *opt, size_t i);
HABIT_API void habit_options_hooks(habit_options *opt, const habit_hooks *hooks);

// --- the verbs -------------------------------------------------------------------------------
//
// DATA is a Dataset file, raw files (detected by content), `-` for standard input, an SQLite
// file or a postgres:// address.  *report is JSON, set only on success; pass NULL if not wanted.
// Files and folders appear whole or not at all.

// Writes a realistic log with known truth into the folder `dir` (docs/simulator.md).
HABIT_API habit_status habit_simulate(const habit_options *opt, const char *dir, char **report,
                                      habit_error *err);

// Reads, cleans and packs `n` sources into the Dataset file `to` (docs/data.md).
HABIT_API habit_status habit_import(const habit_options *opt, const char *const *sources, size_t n,
                                    const char *to, char **report, habit_error *err);

// Counts, spans, density, histograms, problems found.
HABIT_API habit_status habit_inspect(const habit_options *opt, const char *data, char **report,
                                     habit_error *err);

// Fits `model` to what the protocol lets it see, and writes the folder `out`.
HABIT_API habit_status habit_train(const habit_options *opt, const char *data, const char *model,
                                   const char *out, char **report, habit_error *err);

// Searches the space in the YAML file `space` on validation data only; refits nothing on test.
HABIT_API habit_status habit_tune(const habit_options *opt, const char *data, const char *model,
                                  const char *space, char **report, habit_error *err);

// Measures model folders on the same users.  Refuses a model that saw what it must predict.
HABIT_API habit_status habit_evaluate(const habit_options *opt, const char *data,
                                      const char *const *models, size_t n, char **report,
                                      habit_error *err);

// Writes the recommendations of all users that the model knows to `file`, as TSV
// (user, item, score, rank) or JSON lines.
HABIT_API habit_status habit_recommend_all(const habit_options *opt, const char *model,
                                           const char *file, char **report, habit_error *err);

// Writes what the model says of the users and items in the file `pairs`, in its order, to `file`, as TSV
// (user, item, score, and "probability" or "rating" if the model has one) or JSON lines.  Items that
// the model does not know have empty fields; users that it does not know are strangers.
HABIT_API habit_status habit_predict_all(const habit_options *opt, const char *model,
                                         const char *pairs, const char *file, char **report,
                                         habit_error *err);

// Writes item (or user) vectors to `file`: .npy with an id list beside it, or word2vec text.
HABIT_API habit_status habit_export(const habit_options *opt, const char *model, const char *file,
                                    char **report, habit_error *err);

// Writes pictures of a model into the folder `out`: training.png, loss and validation metric by
// epoch, where the model learned in epochs; items.png, its item vectors on their two principal
// axes, where it has vectors; attention.png, what a user's events look at, if the option "user" names
// one and the model has such attention (else HABIT_EINVAL).  The report lists the files.  Needs gnuplot (HABIT_ENOTFOUND).
HABIT_API habit_status habit_report(const habit_options *opt, const char *model, const char *out,
                                    char **report, habit_error *err);

// Measures kernels and models on this machine.
HABIT_API habit_status habit_bench(const habit_options *opt, char **report, habit_error *err);

// The live service (docs/http.md): `n` model folders, "NAME=FOLDER" or "FOLDER", over HTTP from
// threads of its own, until it is stopped.  Returns when it is ready to answer.  The option "store"
// names its database.  `opt` and its hooks stay as they are until it has stopped; the log hook is
// called from any thread.  HABIT_EINVAL where it was left out of the build.
typedef struct habit_server habit_server;
HABIT_API habit_status habit_serve(habit_server **out, const habit_options *opt,
                                   const char *const *models, size_t n, habit_error *err);
HABIT_API int habit_server_port(const habit_server *server);
// All models anew from their folders, while it answers; those that cannot be read stay as they are.
HABIT_API habit_status habit_server_reload(habit_server *server, habit_error *err);
// Answers what is at hand, then stops and frees it.  NULL is fine.
HABIT_API void habit_server_stop(habit_server *server);

// Makes a key for clients of the service and adds its hash, under `name`, to `file`, which the option
// "api-keys" names.  *key is the key itself, which is kept nowhere; the caller frees it.
HABIT_API habit_status habit_key(const char *name, const char *file, char **key, habit_error *err);

// Copies the store of a service, which may be running, to `file`: whole or not at all, in place of an
// earlier copy.
HABIT_API habit_status habit_backup(const char *store, const char *file, habit_error *err);
// Makes the store, which no service has open, what a copy is.  Checks the copy first.
HABIT_API habit_status habit_restore(const char *file, const char *store, habit_error *err);
// Writes all of a store as JSON lines, each with its "kind": user, item, event, answer.  *report counts
// them.
HABIT_API habit_status habit_store_lines(const char *store, const char *file, char **report,
                                         habit_error *err);

// Every model: name, title, paper, needs, options, as JSON.
HABIT_API habit_status habit_models(char **report, habit_error *err);

// --- a model inside a program ----------------------------------------------------------------

typedef struct habit_model habit_model; // immutable once open: share freely between threads

typedef struct habit_answer {
    const char *item;  // owned by the model
    const char *title; // owned by the model; "" if the log had none
    float score;
} habit_answer;

// What is known about the person who asks.  Give `user`, or `history`, or both: the history then
// counts as what this user did after the training log ended.
typedef struct habit_query {
    size_t size;                // sizeof(habit_query)
    const char *user;           // NULL for a stranger
    const char *const *history; // item ids, oldest first; ids the model does not know are skipped
    size_t history_count;
    int64_t now;      // microseconds since 1970 UTC; 0 for the time of the last known event
    int exclude_seen; // 1 leaves out what the user already has
} habit_query;

// Opens and checks a model folder.  *out is set only on success and belongs to the caller.
HABIT_API habit_status habit_model_open(habit_model **out, const char *dir, habit_error *err);
HABIT_API void habit_model_free(habit_model *model);

// The best `n` items, best first; *count <= n of them are written to out[].
HABIT_API habit_status habit_model_recommend(const habit_model *model, const habit_query *query,
                                             habit_answer *out, size_t n, size_t *count,
                                             habit_error *err);

// One of the next several behaviours.
typedef struct habit_step {
    const char *item;             // owned by the model
    const char *title;            // owned by the model; "" if the log had none
    const char *behaviour;        // owned by the model: "view", "buy", ...; "" if the log had none
    double item_probability;      // 0..1, of the item among all items, after the steps before
    double behaviour_probability; // 0..1, of the behaviour given the item; 1 if there is one alone
    double joint_probability;     // 0..1, of all steps up to this one
} habit_step;

// What the person does in the next `n` events, first to last, as a model that learns sequences from
// sequences (`seq2seq`) tells it; *count <= n steps are written to out[], fewer only where items run
// out, and none for a user without events.  Every step is told after those before it: the likeliest item and its likeliest behaviour with
// a `beam` of 1; else so many ways are followed (at most 100), and the likeliest of them told, which
// is at least as likely.  With exclude_seen no item is told that the person has had or that has been
// told before; probabilities remain those among all items.
//
// HABIT_EINVAL: the model tells single items, was trained to tell fewer steps than `n`, or `n` or
// `beam` is out of range.  HABIT_ENOTFOUND: neither user nor history is known.
HABIT_API habit_status habit_model_steps(const habit_model *model, const habit_query *query,
                                         size_t beam, habit_step *out, size_t n, size_t *count,
                                         habit_error *err);

// What the model says of one item to one person.
typedef struct habit_prediction {
    int known; // 0: the item is not in the model; nothing else is then set but to NaN and ""
    const char *title; // owned by the model; "" if the log had none
    float score;       // what ranks
    float value; // the probability or rating, NaN if the model has none: habit_model_predicts()
} habit_prediction;

// "probability" or "rating", or "score" for models that only rank.  What a probability is of:
// docs/models.md, or `habit help train --model NAME`.
HABIT_API const char *habit_model_predicts(const habit_model *model);

// out[n] for the `n` item ids; query->exclude_seen does not matter.
HABIT_API habit_status habit_model_predict(const habit_model *model, const habit_query *query,
                                           const char *const *items, size_t n,
                                           habit_prediction *out, habit_error *err);

// The model's own description (config.json).  Owned by the model.
HABIT_API const char *habit_model_config(const habit_model *model);

#ifdef __cplusplus
}
#endif
#endif
