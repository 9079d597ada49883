// test_verbs.c - the public interface from a program's side: train, ask, measure; and that nothing
// leaks, and nothing half-done stays, when memory runs out or somebody says stop.
#include "tests/check.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/habit-test-verbs-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

// Forty users; user k has items k, k+1, ... k+5 (mod 12), so neighbours share most of theirs.  One
// item id is not UTF-8 and one title is missing.
static void write_log(void)
{
    buffer b = { 0 };
    buffer_text(&b, "user_id,item_id,timestamp\n");
    for (int user = 0; user < 40; user++)
        for (int step = 0; step < 6; step++) {
            const int item = (user + step) % 12;
            if (item == 11)
                buffer_format(&b, "u%d,caf\xe9,%d\n", user, 1000000000 + user * 100 + step);
            else
                buffer_format(&b, "u%d,i%d,%d\n", user, item, 1000000000 + user * 100 + step);
        }
    CHECK_OK(file_write(in_folder("log.csv"), b.data, b.len, err));
    buffer_clear(&b);
    buffer_text(&b, "item_id,title\n");
    for (int item = 0; item < 10; item++) buffer_format(&b, "i%d,The %d items\n", item, item);
    CHECK_OK(file_write(in_folder("items.csv"), b.data, b.len, err));
    buffer_free(&b);
}

// Entries of the folder; a writer that gave up leaves none behind.
static int entries(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static habit_options *options_for(const char *verb, const char *model)
{
    habit_options *o = NULL;
    CHECK_OK(habit_options_new(&o, verb, err));
    CHECK_OK(habit_options_set(o, "threads", "1", err));
    if (model) CHECK_OK(habit_options_set(o, "model", model, err));
    return o;
}

// --- asking --------------------------------------------------------------------------------------

static void test_train_and_ask(void)
{
    habit_options *o = options_for("train", "itemknn");
    char *report = NULL;
    CHECK_OK(habit_options_set(o, "items", in_folder("items.csv"), err));
    CHECK_OK(habit_train(o, in_folder("log.csv"), NULL, in_folder("knn"), &report, err));
    CHECK(report && strstr(report, "\"model\":\"itemknn\""), "report %s", report ? report : "");
    habit_free(report);
    habit_options_free(o);

    habit_model *m = NULL;
    CHECK_OK(habit_model_open(&m, in_folder("knn"), err));
    if (!m) return;
    CHECK(strstr(habit_model_config(m), "\"habit-model\"") != NULL, "config");
    const char *history[] = { "i3", "never seen", "i4" };
    const habit_query known = { .size = sizeof known, .user = "u3", .exclude_seen = 1 };
    const habit_query stranger = {
        .size = sizeof stranger, .history = history, .history_count = 3, .exclude_seen = 1
    };
    habit_answer best[12];
    size_t n = 0;
    CHECK_OK(habit_model_recommend(m, &known, best, 12, &n, err));
    CHECK(n > 0 && n <= 6, "%zu answers of 12 items, 6 of them seen", n);
    for (size_t i = 0; i < n; i++) {
        CHECK(i == 0 || best[i].score <= best[i - 1].score, "not in order at %zu", i);
        for (int seen = 3; seen < 9; seen++) {
            char id[8];
            snprintf(id, sizeof id, "i%d", seen);
            CHECK(strcmp(best[i].item, id) != 0, "%s was seen", id);
        }
    }
    CHECK_OK(habit_model_recommend(m, &stranger, best, 2, &n, err));
    CHECK(n == 2 && (strcmp(best[0].item, "i2") == 0 || strcmp(best[0].item, "i5") == 0),
          "after i3 and i4: %s", n ? best[0].item : "nothing");
    CHECK(n && strncmp(best[0].title, "The ", 4) == 0, "title '%s'", n ? best[0].title : "");

    const char *odd[] = { "caf\xe9" };
    const habit_query bytes = { .size = sizeof bytes, .history = odd, .history_count = 1 };
    CHECK_OK(habit_model_recommend(m, &bytes, best, 12, &n, err));
    bool there = false;
    for (size_t i = 0; i < n; i++) there = there || strcmp(best[i].item, odd[0]) == 0;
    CHECK(there, "an id that is not UTF-8 is lost, or what is seen was left out");
    habit_model_free(m);
}

static habit_status work_predict_all(void)
{
    habit_options *o = NULL;
    char *report = NULL;
    habit_status st = habit_options_new(&o, "predict", NULL);
    if (st == HABIT_OK) st = habit_options_set(o, "threads", "1", NULL);
    if (st == HABIT_OK)
        st = habit_predict_all(o, in_folder("knn"), in_folder("log.csv"), in_folder("said.tsv"),
                               &report, NULL);
    CHECK((st == HABIT_OK) == (report != NULL), "report on failure");
    habit_free(report);
    habit_options_free(o);
    return st;
}

// Scores are those of recommendations, and nothing is said of what the model does not know.
static void test_predict(void)
{
    habit_model *m = NULL;
    CHECK_OK(habit_model_open(&m, in_folder("knn"), err));
    if (!m) return;
    const habit_query q = { .size = sizeof q, .user = "u3" };
    const char *items[12];
    habit_answer best[12];
    habit_prediction p[12];
    size_t n = 0;
    CHECK_OK(habit_model_recommend(m, &q, best, 12, &n, err));
    for (size_t i = 0; i < n; i++) items[i] = best[i].item;
    CHECK_OK(habit_model_predict(m, &q, items, n, p, err));
    CHECK(strcmp(habit_model_predicts(m), "score") == 0, "%s", habit_model_predicts(m));
    for (size_t i = 0; i < n; i++) {
        CHECK(p[i].known && p[i].score == best[i].score, "%s: %g, not %g", items[i],
              (double)p[i].score, (double)best[i].score);
        CHECK(isnan(p[i].value) && strcmp(p[i].title, best[i].title) == 0, "%s: %g, '%s'", items[i],
              (double)p[i].value, p[i].title);
    }
    const char *odd[] = { "never seen", NULL, "caf\xe9" };
    CHECK_OK(habit_model_predict(m, &q, odd, 3, p, err));
    CHECK(!p[0].known && isnan(p[0].score) && *p[0].title == '\0', "an unknown item");
    CHECK(!p[1].known && p[2].known, "no item, and one that is not UTF-8");
    const habit_query nobody = { .size = sizeof nobody, .user = "nobody" };
    CHECK(habit_model_predict(m, &nobody, odd, 3, p, NULL) == HABIT_ENOTFOUND, "nobody");
    const habit_query small = { .size = 8 };
    CHECK(habit_model_predict(m, &small, odd, 3, p, NULL) == HABIT_EINVAL, "another query");
    CHECK_OK(work_predict_all());
    CHECK(access(in_folder("said.tsv"), R_OK) == 0, "no answers");
    habit_model_free(m);
}

static void test_bad_questions(void)
{
    habit_model *m = NULL;
    CHECK_OK(habit_model_open(&m, in_folder("knn"), err));
    if (!m) return;
    const char *unknown[] = { "x", "y" };
    const struct {
        habit_query q;
        habit_status want;
        const char *says;
    } cases[] = {
        { { .size = 8, .user = "u1" }, HABIT_EINVAL, "sizeof" },
        { { .size = sizeof(habit_query), .user = "nobody" }, HABIT_ENOTFOUND, "'nobody'" },
        { { .size = sizeof(habit_query), .history = unknown, .history_count = 2 },
          HABIT_ENOTFOUND,
          "none of the 2" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        habit_error e = { 0 };
        habit_answer best[3] = { { 0 } };
        size_t n = 77;
        const habit_status st = habit_model_recommend(m, &cases[i].q, best, 3, &n, &e);
        CHECK(st == cases[i].want && strstr(e.message, cases[i].says), "case %zu: %d %s", i, st,
              e.message);
        CHECK(n == 77 && !best[0].item, "case %zu: outputs were touched", i);
    }
    habit_model_free(m);
}

// --- steps ----------------------------------------------------------------------------------------

// The same people, who view even items and buy odd ones.
static void write_typed_log(void)
{
    buffer b = { 0 };
    buffer_text(&b, "user_id,item_id,timestamp,event\n");
    for (int user = 0; user < 40; user++)
        for (int step = 0; step < 8; step++) {
            const int item = (user + step) % 12;
            buffer_format(&b, "u%d,i%d,%d,%s\n", user, item, 1000000000 + user * 100 + step,
                          item % 2 ? "buy" : "view");
        }
    CHECK_OK(file_write(in_folder("typed.csv"), b.data, b.len, err));
    buffer_free(&b);
}

static void check_steps(const habit_model *m)
{
    const char *history[] = { "i2", "i3" };
    habit_query q = { .size = sizeof q, .history = history, .history_count = 2 };
    habit_step s[3];
    size_t n = 0;
    double joint = 1;
    CHECK_OK(habit_model_steps(m, &q, 1, s, 3, &n, err));
    CHECK(n == 3, "%zu steps", n);
    for (size_t k = 0; k < n; k++) {
        char item[8];
        snprintf(item, sizeof item, "i%zu", 4 + k);
        CHECK(strcmp(s[k].item, item) == 0, "step %zu: %s", k, s[k].item);
        CHECK(strcmp(s[k].behaviour, k % 2 ? "buy" : "view") == 0, "%s %s", s[k].behaviour, item);
        joint *= s[k].item_probability * s[k].behaviour_probability;
        CHECK(joint > 0.5 && fabs(joint / s[k].joint_probability - 1) < 1e-9, "joint %g", joint);
    }
    const char *others[] = { "i4", "i2", "i3" };
    q = (habit_query){ .size = sizeof q, .history = others, .history_count = 3, .exclude_seen = 1 };
    CHECK_OK(habit_model_steps(m, &q, 8, s, 3, &n, err));
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < 3; i++) CHECK(strcmp(s[k].item, others[i]) != 0, "%s", others[i]);
        for (size_t i = 0; i < k; i++) CHECK(strcmp(s[k].item, s[i].item) != 0, "twice");
    }
    q.user = "u3"; // and what the log knows of her
    CHECK_OK(habit_model_steps(m, &q, 2, s, 3, &n, err));
    CHECK(n == 3, "%zu steps after the log's own events", n);
}

static void check_bad_steps(const habit_model *m, const habit_model *single)
{
    const habit_query q = { .size = sizeof q, .user = "u3" };
    const habit_query nobody = { .size = sizeof nobody, .user = "nobody" };
    const struct {
        const habit_model *m;
        const habit_query *q;
        size_t beam, steps;
        habit_status want;
        const char *says;
    } cases[] = {
        { single, &q, 1, 2, HABIT_EINVAL, "itemknn tells the next item alone; train --model" },
        { m, &q, 1, 4, HABIT_EINVAL, "train with --steps 4" },
        { m, &q, 1, 0, HABIT_EINVAL, "0 steps" },
        { m, &q, 0, 3, HABIT_EINVAL, "a beam of 0" },
        { m, &q, 101, 3, HABIT_EINVAL, "a beam of 101" },
        { m, &nobody, 1, 3, HABIT_ENOTFOUND, "'nobody'" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        habit_error e = { 0 };
        habit_step s[4] = { { 0 } };
        size_t n = 77;
        const habit_status st =
            habit_model_steps(cases[i].m, cases[i].q, cases[i].beam, s, cases[i].steps, &n, &e);
        CHECK(st == cases[i].want && strstr(e.message, cases[i].says), "case %zu: %d %s", i, st,
              e.message);
        CHECK(n == 77 && !s[0].item, "case %zu: outputs were touched", i);
    }
}

static void test_steps(void)
{
    habit_options *o = options_for("train", "seq2seq");
    static const char *const set[][2] = { { "steps", "3" },    { "dim", "16" },
                                          { "epochs", "60" },  { "lr", "0.01" },
                                          { "batch", "16" },   { "dropout", "0" },
                                          { "max-len", "12" }, { "protocol", "all" } };
    habit_model *m = NULL, *single = NULL;
    write_typed_log();
    for (size_t i = 0; i < COUNT_OF(set); i++)
        CHECK_OK(habit_options_set(o, set[i][0], set[i][1], err));
    CHECK_OK(habit_train(o, in_folder("typed.csv"), NULL, in_folder("seq2seq"), NULL, err));
    habit_options_free(o);
    CHECK_OK(habit_model_open(&m, in_folder("seq2seq"), err));
    CHECK_OK(habit_model_open(&single, in_folder("knn"), err));
    if (m) check_steps(m);
    if (m && single) check_bad_steps(m, single);
    habit_model_free(m);
    habit_model_free(single);
}

// --- measuring -----------------------------------------------------------------------------------

static habit_status evaluate(const char *model, const char *protocol, const char *allow,
                             char **report, habit_error *why)
{
    habit_options *o = options_for("evaluate", NULL);
    CHECK_OK(habit_options_set(o, "resamples", "50", err));
    if (protocol) CHECK_OK(habit_options_set(o, "protocol", protocol, err));
    if (allow) CHECK_OK(habit_options_set(o, allow, NULL, err));
    const char *models[] = { model };
    const habit_status st = habit_evaluate(o, in_folder("log.csv"), models, 1, report, why);
    habit_options_free(o);
    return st;
}

static void test_leaks_are_refused(void)
{
    habit_options *o = options_for("train", "pop");
    habit_error e = { 0 };
    char *report = NULL;
    CHECK_OK(habit_options_set(o, "protocol", "all", err));
    CHECK_OK(habit_train(o, in_folder("log.csv"), NULL, in_folder("all"), NULL, err));
    habit_options_free(o);
    CHECK(evaluate(in_folder("all"), "leave-one-out", NULL, &report, &e) == HABIT_ELEAK && !report,
          "a leak went through: %s", e.message);
    CHECK_OK(evaluate(in_folder("all"), "leave-one-out", "allow-leak", &report, err));
    CHECK(report && strstr(report, "\"leak\":true"), "the leak is not marked");
    habit_free(report);
    report = NULL;
    // the item table of its training is remembered, so the data is the same
    CHECK_OK(evaluate(in_folder("knn"), NULL, NULL, &report, err));
    CHECK(report && strstr(report, "\"protocol\":\"leave-one-out\"") &&
              strstr(report, "\"pop-7d\"") && !strstr(report, "\"leak\""),
          "%.300s", report ? report : "");
    habit_free(report);
}

// --- trouble -------------------------------------------------------------------------------------

// Calls `work` with the n-th allocation failing, for growing n, until it goes through.
static void fail_everywhere(const char *what, habit_status (*work)(void), long stride)
{
    const int before = entries();
    for (long n = 0; n < 200000; n += 1 + n / stride) {
        const long live = mem_live();
        mem_fail_after(n);
        const habit_status st = work();
        mem_fail_after(-1);
        CHECK(mem_live() == live, "%s: allocation %ld leaks %ld blocks", what, n,
              mem_live() - live);
        CHECK(entries() == before, "%s: allocation %ld leaves files", what, n);
        if (st == HABIT_OK) {
            CHECK(n > 10, "%s: only %ld allocations", what, n);
            return;
        }
        CHECK(st == HABIT_ENOMEM, "%s: allocation %ld: %s", what, n, habit_status_text(st));
    }
    CHECK(0, "%s: never enough memory", what);
}

static habit_status work_open(void)
{
    habit_model *m = NULL;
    const habit_status st = habit_model_open(&m, in_folder("knn"), NULL);
    CHECK((st == HABIT_OK) == (m != NULL), "output on failure");
    habit_model_free(m);
    return st;
}

static habit_status work_ask(void)
{
    habit_model *m = NULL;
    habit_status st = habit_model_open(&m, in_folder("knn"), NULL);
    const habit_query q = { .size = sizeof q, .user = "u1", .exclude_seen = 1 };
    habit_answer best[3];
    size_t n;
    if (st == HABIT_OK) st = habit_model_recommend(m, &q, best, 3, &n, NULL);
    habit_model_free(m);
    return st;
}

static habit_status work_steps(void)
{
    habit_model *m = NULL;
    habit_status st = habit_model_open(&m, in_folder("seq2seq"), NULL);
    const habit_query q = { .size = sizeof q, .user = "u1", .exclude_seen = 1 };
    habit_step s[3];
    size_t n;
    if (st == HABIT_OK) st = habit_model_steps(m, &q, 2, s, 3, &n, NULL);
    habit_model_free(m);
    return st;
}

static habit_status work_predict(void)
{
    habit_model *m = NULL;
    habit_status st = habit_model_open(&m, in_folder("knn"), NULL);
    const habit_query q = { .size = sizeof q, .user = "u1" };
    const char *items[] = { "i1", "i2" };
    habit_prediction p[2];
    if (st == HABIT_OK) st = habit_model_predict(m, &q, items, 2, p, NULL);
    habit_model_free(m);
    return st;
}

static habit_status work_train(void)
{
    habit_options *o = NULL;
    char *report = NULL;
    habit_status st = habit_options_new(&o, "train", NULL);
    if (st == HABIT_OK) st = habit_options_set(o, "threads", "1", NULL);
    if (st == HABIT_OK) st = habit_options_set(o, "memory", "1M", NULL);
    if (st == HABIT_OK) st = habit_options_set(o, "model", "pop", NULL);
    if (st == HABIT_OK)
        st = habit_train(o, in_folder("log.csv"), NULL, in_folder("all"), &report, NULL);
    CHECK((st == HABIT_OK) == (report != NULL), "report on failure");
    habit_free(report);
    habit_options_free(o);
    return st;
}

static int stop_at_once(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    (void)what, (void)done, (void)total;
    return ++*(int *)ctx > 0;
}

static void test_stop(void)
{
    habit_options *o = options_for("train", "ials");
    int calls = 0;
    const habit_hooks hooks = { .size = sizeof hooks, .ctx = &calls, .progress = stop_at_once };
    habit_error e = { 0 };
    char *report = NULL;
    const int before = entries();
    habit_options_hooks(o, &hooks);
    CHECK(habit_train(o, in_folder("log.csv"), NULL, in_folder("stopped"), &report, &e) ==
                  HABIT_ESTOPPED &&
              !report,
          "%s", e.message);
    CHECK(calls > 0 && entries() == before, "%d calls, files left", calls);
    habit_options_free(o);
}

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        char *child = path_join(path, e->d_name);
        if (child && unlink(child) != 0) remove_folder(child);
        mem_free(child);
    }
    if (d) closedir(d);
    rmdir(path);
}

int main(void)
{
    if (!mkdtemp(folder)) return EXIT_FAILURE;
    write_log();
    test_train_and_ask();
    test_predict();
    test_bad_questions();
    test_steps();
    test_leaks_are_refused();
    test_stop();
    fail_everywhere("open", work_open, 1000);
    fail_everywhere("ask", work_ask, 1000);
    fail_everywhere("steps", work_steps, 1000);
    fail_everywhere("predict", work_predict, 1000);
    fail_everywhere("predict all", work_predict_all, 1000);
    fail_everywhere("train", work_train, 20);
    remove_folder(folder);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
