// tables.h - the option tables of the verbs themselves, and which tables each verb has.
#ifndef LIB_TABLES_H
#define LIB_TABLES_H
#include "base/opt.h"
#include "lib/options.h"

typedef struct general_options {
    int threads; // 0: every core
    int64_t seed;
    bool deterministic;
} general_options;

typedef struct train_options {
    const char *model, *valid_metric, *log;
    bool resume;
} train_options;

typedef struct tune_options {
    const char *model, *metric, *journal, *best, *how, *plots;
    int trials;
} tune_options;

typedef struct contest_options {
    const char *test, *report, *plots;
    bool allow_leak, baseline;
} contest_options;

typedef struct recommend_options {
    int n, steps, beam;
    const char *seen;
} recommend_options;

typedef struct export_options {
    const char *of;
} export_options;

typedef struct picture_options {
    int labels, points, events;
    const char *user;
} picture_options;

typedef struct bench_options {
    double seconds;
} bench_options;

extern const opt general_table[], train_table[], tune_table[], contest_table[], recommend_table[],
    export_table[], picture_table[], bench_table[];

typedef struct verb_table {
    const opt *rows;
    size_t (*size)(void);
    enum option_owner owner;
} verb_table;

enum { VERB_TABLES = 5 };

typedef struct verb_tables {
    const char *verb;
    verb_table table[VERB_TABLES]; // ends at the first without rows
} verb_tables;

const verb_tables *verb_at(size_t i); // NULL past the end

#endif
