// commands.c - the table of verbs, in the order in which people meet them.
#include "cli/command.h"

#include <string.h>

// clang-format off
#define AT(field) offsetof(cli_options, field)
#define ROW_JSON { "json", NULL, OPT_FLAG, AT(json), "", 0, 0, NULL, "print one JSON object instead of text" }
#define ROW_CONFIG { "config", "FILE.yaml", OPT_STRING, AT(config), "", 0, 0, NULL, "read options from a file of `name: value` lines; the command line wins" }
#define ROW_WORDS \
    { "quiet", NULL, OPT_FLAG, AT(quiet), "", 0, 0, NULL, "no words and no progress on stderr; errors only" }, \
    { "verbose", NULL, OPT_FLAG, AT(verbose), "", 0, 0, NULL, "more words on stderr" }, \
    { "help", NULL, OPT_FLAG, AT(help), "", 0, 0, NULL, "explain this verb" }

static const opt simulate_rows[] = {
    { "out", "DIR", OPT_STRING, AT(out), "", 0, 0, NULL, "folder to write (required)" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt import_rows[] = {
    { "to", "FILE", OPT_STRING, AT(to), "", 0, 0, NULL, "Dataset file to write, or store to add to (required)" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt train_rows[] = {
    { "out", "DIR", OPT_STRING, AT(out), "", 0, 0, NULL, "model folder to write (required)" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt tune_rows[] = {
    { "space", "FILE.yaml", OPT_STRING, AT(space), "", 0, 0, NULL, "lists of values to try, as `dim: [32, 64, 128]` (required)" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt recommend_rows[] = {
    { "user", "ID", OPT_STRING, AT(user), "", 0, 0, NULL, "a user of the training log" },
    { "history", "A,B,C", OPT_LIST, AT(history), "", 0, 0, NULL, "items this person had, oldest first; after the log's own if --user is given too" },
    { "users", "all", OPT_CHOICE, AT(users), "", 0, 0, "all", "everybody the model knows; needs --out" },
    { "out", "FILE", OPT_STRING, AT(out), "", 0, 0, NULL, "with --users all: tab-separated user, item, score, rank; or JSON lines if it ends in .jsonl" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt predict_rows[] = {
    { "user", "ID", OPT_STRING, AT(user), "", 0, 0, NULL, "a user of the training log" },
    { "history", "A,B,C", OPT_LIST, AT(history), "", 0, 0, NULL, "items this person had, oldest first; after the log's own if --user is given too" },
    { "item", "A,B,C", OPT_LIST, AT(item), "", 0, 0, NULL, "the items asked about" },
    { "pairs", "FILE", OPT_STRING, AT(pairs), "", 0, 0, NULL, "a file of users and items to ask about instead, in any format that import reads; needs --out" },
    { "out", "FILE", OPT_STRING, AT(out), "", 0, 0, NULL, "with --pairs: tab-separated user, item, score and what is predicted, in the order of the pairs; or JSON lines if it ends in .jsonl" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt export_rows[] = {
    { "embeddings", "FILE", OPT_STRING, AT(embeddings), "", 0, 0, NULL, "file to write: .npy, or word2vec text for any other ending" },
    { "lines", "FILE", OPT_STRING, AT(lines), "", 0, 0, NULL, "file to write: everything that a store has, as JSON lines" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt report_rows[] = { ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END };
static const opt picture_rows[] = {
    { "out", "DIR", OPT_STRING, AT(out), "", 0, 0, NULL, "folder to write the pictures to (required)" },
    ROW_CONFIG, ROW_JSON, ROW_WORDS, OPT_END,
};
static const opt serve_rows[] = { ROW_CONFIG, ROW_WORDS, OPT_END };
static const opt key_rows[] = {
    { "to", "FILE", OPT_STRING, AT(to), "", 0, 0, NULL, "file of hashes to add to, for `habit serve --api-keys` (required)" },
    ROW_WORDS, OPT_END,
};
static const opt backup_rows[] = {
    { "to", "FILE", OPT_STRING, AT(to), "", 0, 0, NULL, "the copy; an earlier one is replaced (required)" },
    ROW_WORDS, OPT_END,
};
static const opt restore_rows[] = {
    { "to", "STORE", OPT_STRING, AT(to), "", 0, 0, NULL, "the store that becomes what the copy is (required)" },
    ROW_WORDS, OPT_END,
};
static const opt models_rows[] = { ROW_JSON, ROW_WORDS, OPT_END };
static const opt help_rows[] = {
    { "model", "NAME", OPT_STRING, AT(model), "", 0, 0, NULL, "show this model's own options too" },
    ROW_WORDS, OPT_END,
};

#define ANY ((size_t)-1)

static const command commands[] = {
    { "simulate", "", "write a realistic log whose truth is known",
      "Writes events.csv, items.csv, users.csv and truth/, a model folder that ranks as well as any "
      "model can on this log.  Use it to try habit without data, and to see how far a model is from "
      "the best possible.",
      "habit simulate --out shop --users 2000 --items 500 --events 100000",
      0, 0, true, true, simulate_rows, cmd_simulate },
    { "import", "SOURCE...", "read, clean and pack logs into a Dataset file",
      "Reads any supported source, cleans it as asked, and reports what it dropped and why.  Sources "
      "are files (plain, gzip or zstd), - for standard input, SQLite files or postgres:// addresses; "
      "formats are found by content.  If --to ends in .db, or is one already, events, items and users are "
      "added to the store of a service, which must not run meanwhile.",
      "habit import shop/events.csv --items shop/items.csv --dedupe --to shop.habit",
      1, ANY, true, true, import_rows, cmd_import },
    { "inspect", "DATA", "count, measure and check a log",
      "Shows users, items, events, time span, density, lengths of histories and problems found.  "
      "DATA is a Dataset file or any source that import reads.",
      "habit inspect shop.habit --json",
      1, 1, true, false, report_rows, cmd_inspect },
    { "train", "DATA", "fit a model",
      "Fits --model to what the protocol lets it see and writes the folder --out.  What the protocol "
      "holds out is never learned from, so that `habit evaluate` can be trusted; `--protocol all` "
      "learns from everything, for production.",
      "habit train shop.habit --model ease --out ease.model",
      1, 1, true, true, train_rows, cmd_train },
    { "tune", "DATA", "search options on validation events",
      "Tries every point of the space, or --trials random ones, and ranks them by a metric on the "
      "validation events.  Test events are never looked at.  With --journal an interrupted search "
      "goes on where it was.",
      "habit tune shop.habit --model ease --space space.yaml --journal trials.jsonl --best best.yaml",
      1, 1, true, true, tune_rows, cmd_tune },
    { "evaluate", "DATA MODEL...", "measure models on the same users",
      "Ranks the whole catalogue for every user with held-out events, and prints metrics with 95 % "
      "intervals and paired comparisons.  Refuses a model that saw what it must predict.  Without "
      "--protocol the first model's own is used.",
      "habit evaluate shop.habit ease.model --report report.html",
      1, ANY, true, true, report_rows, cmd_evaluate },
    { "recommend", "MODEL", "ask a model, for one person or for all",
      "Ranks the items for a --user of the log, for a --history of items, or for --users all into a "
      "file.  With --steps a model that learns sequences from sequences (seq2seq) tells what comes "
      "next step by step: item, behaviour and their probabilities, and that of all steps so far.",
      "habit recommend ease.model --user 17 -n 5",
      1, 1, true, false, recommend_rows, cmd_recommend },
    { "predict", "MODEL", "ask a model about pairs of a person and an item",
      "Prints the score of each --item for a --user of the log or a --history of items, and the "
      "probability or rating where the model was trained for one (--task); or does so for all --pairs "
      "of a file.  Where an item is not known to the model nothing is said; an unknown user of a file is "
      "a stranger without history.",
      "habit predict ratings.model --user 17 --item 5,8",
      1, 1, true, false, predict_rows, cmd_predict },
    { "export", "MODEL|STORE", "write the vectors of a model, or all that a store has",
      "Writes one row per item or user as .npy, with the ids one per line in FILE.ids.txt, or as "
      "word2vec text.  Of a store, --lines writes its users, items, events and the answers given, each a "
      "line of JSON with its kind; a service may be running.",
      "habit export bpr.model --embeddings items.npy",
      1, 1, true, true, export_rows, cmd_export },
    { "report", "MODEL", "draw a model: its training and its items",
      "Writes training.png, loss and validation metric by epoch, and items.png, the item vectors on "
      "their two principal axes with the most met items named; as far as the model has them.  With --user "
      "also attention.png: how much each of that user's latest events looks at those before it, in "
      "every block and head of an attention network.  Needs gnuplot.",
      "habit report sasrec.model --user 42 --out pictures",
      1, 1, true, false, picture_rows, cmd_report },
    { "serve", "[MODEL]...", "answer over HTTP, and learn of every event at once",
      "Serves model folders, each as NAME=FOLDER or under its folder's own name, from the database "
      "--store: POST /v1/events takes what people do, and the next GET /v1/users/ID/recommendations "
      "counts it in; docs/http.md lists all routes.  Prints its port on standard output when it is "
      "ready.  SIGHUP loads the models again, SIGTERM and SIGINT stop it: what is at hand is "
      "answered, what was acknowledged is kept.",
      "habit serve ease.model --store shop.db --port 8088",
      0, ANY, true, false, serve_rows, cmd_serve },
    { "key", "NAME", "make a key for clients of the service",
      "Prints a new key and adds its hash to the file --to, under NAME; the key itself is kept nowhere. "
      "Clients show it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.  To take a key back, delete "
      "its line and send the service SIGHUP.",
      "habit key shop --to keys.txt", 1, 1, false, false, key_rows, cmd_key },
    { "backup", "STORE", "copy a store, also of a service that runs",
      "The copy is the store as of one moment, and appears whole or not at all.  Writing goes on meanwhile.",
      "habit backup shop.db --to monday.db", 1, 1, false, false, backup_rows, cmd_backup },
    { "restore", "FILE", "make a store what a copy is",
      "Checks the copy first.  The store must not be in use: a service that runs restores by itself "
      "(POST /v1/restore).",
      "habit restore monday.db --to shop.db", 1, 1, false, false, restore_rows, cmd_restore },
    { "models", "", "list every model: paper, needs, options",
      "Lists the models that train knows, with the paper each follows.", "habit models --json",
      0, 0, false, false, models_rows, cmd_models },
    { "bench", "", "measure this machine",
      "Says which version of each kernel was chosen for this machine, how fast it is on one core and "
      "what share that is of the core's own peak; then how many targets a second networks learn from, "
      "on a log like MovieLens-1M.",
      "habit bench", 0, 0, true, true, report_rows, cmd_bench },
    { "help", "[VERB]", "explain habit, or one verb",
      "Lists the verbs, or the options of one; with --model those of a model too.",
      "habit help train --model ials", 0, 1, false, false, help_rows, cmd_help },
    { "docs", "cli|man", "print the generated documents", NULL, NULL, 1, 1, false, false, help_rows,
      cmd_docs },
};
#undef AT
// clang-format on

const command *command_at(size_t i)
{
    return i < COUNT_OF(commands) ? &commands[i] : NULL;
}

const command *command_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

const char *command_nearest(const char *name)
{
    const char *best = NULL;
    int best_distance = 4;
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        const int d = edit_distance(name, commands[i].name);
        if (!commands[i].details || d >= best_distance) continue;
        best = commands[i].name;
        best_distance = d;
    }
    return best;
}
