// test_best.c - on a simulated log no model ranks better than the truth.
//
// The whole way: simulate with robots and dirt, import with cleaning, split, fit every model,
// evaluate all of them on the same users.
#include "tests/simulated.h"
#include "data/import.h"
#include "eval/evaluate.h"
#include "models/registry.h"
#include "models/truth.h"
#include "train/trainer.h"

#include <math.h>

static opt_values options_with(const opt *table, size_t size, const char *const (*set)[2])
{
    opt_values v = { 0 };
    CHECK_OK(opt_values_init(&v, table, size, err));
    for (; set && (*set)[0]; set++) CHECK_OK(opt_set(&v, opt_find(&v, (*set)[0]), (*set)[1], err));
    return v;
}

// Ids are "u0017": numbers of the world count from 0.
static uint32_t *numbers_of(const names *list)
{
    uint32_t *out = NEW(uint32_t, list->count);
    for (uint32_t k = 0; k < list->count; k++) {
        size_t len;
        const char *id = names_at(list, k, &len);
        uint32_t number = 0;
        for (size_t i = 1; i < len; i++) number = number * 10 + (uint32_t)(id[i] - '0');
        out[k] = number - 1;
    }
    return out;
}

static dataset *import_clean(const char *dir)
{
    static const char *const cleaning[][2] = {
        { "skip-bad-rows", "1000" }, { "dedupe", "yes" }, { "times", "2024-01-01..2025-01-01" },
        { "robot-rate", "200" },     { NULL, NULL },
    };
    char *events = path_join(dir, "events.csv");
    const char *const sources[] = { events };
    char to[128];
    snprintf(to, sizeof to, "%s.habit", dir);
    opt_values v = options_with(import_table, import_options_size(), cleaning);
    CHECK_OK(import_files(sources, 1, to, v.values, NULL, NULL, err));
    dataset *d = NULL;
    CHECK_OK(dataset_open(&d, to, err));
    unlink(to);
    snprintf(to, sizeof to, "%s.habit.rejects", dir);
    unlink(to);
    opt_values_free(&v);
    mem_free(events);
    return d;
}

// Cleaning with the options above leaves people alone, and of the dirt no more than the ratings
// that no scale allows.
static void check_clean(const dataset *d, const simulate_options *o, const json_t *report)
{
    const json_t *dirt = json_object_get(report, "dirt");
    const uint64_t ratings =
        (uint64_t)json_integer_value(json_object_get(dirt, "impossible_ratings"));
    CHECK(d->events == (uint64_t)o->events + ratings, "%llu events are left of %lld and %llu",
          (unsigned long long)d->events, (long long)o->events, (unsigned long long)ratings);
    CHECK(d->users <= (uint64_t)o->users, "%u users: robots are left", d->users);
}

static void test_protocol(const dataset *d, const model *truth, const char *protocol)
{
    const char *const chosen[][2] = { { "protocol", protocol }, { NULL, NULL } };
    opt_values how = options_with(split_table, sizeof(split_options), chosen);
    opt_values asked = options_with(evaluate_table, sizeof(evaluate_options), NULL);
    uint32_t *users = numbers_of(&d->user_ids), *items = numbers_of(&d->item_ids);
    split *s = NULL;
    CHECK_OK(split_make(&s, d, NULL, false, how.values, NULL, err));
    const log_view train = split_train(s);
    double best = 0;
    const contestant c = { "truth", truth, items, users };
    CHECK_OK(evaluate_metric(&best, s, &c, "NDCG@10", STAGE_TEST, asked.values, NULL, err));
    CHECK(best > 0.05, "%s: the truth's NDCG@10 is %.4f", protocol, best);
    for (size_t k = 0; model_at(k); k++) {
        const model_class *class = model_at(k);
        if (class == &model_class_truth || class->needs & (NEEDS_VALUE | PREDICTS_VALUE)) continue;
        // A few passes of a small network: enough to see that it learns nothing it must not know.
        static const char *const small[][2] = {
            { "dim", "16" }, { "epochs", "4" }, { "max-len", "50" }, { NULL, NULL }
        };
        opt_values v =
            options_with(class->table, class->options_size, class->network ? small : NULL);
        model *m = NULL;
        double got = 0;
        const run r = { .seed = 1 };
        const training_plan plan = { 0 };
        CHECK_OK(class->network ? trainer_fit(&m, class, v.values, &train, &plan, &r, err)
                                : class->fit(&m, &train, v.values, &r, err));
        const contestant rival = { class->name, m, NULL, NULL };
        CHECK_OK(evaluate_metric(&got, s, &rival, "NDCG@10", STAGE_TEST, asked.values, NULL, err));
        CHECK(got < best, "%s: %s has NDCG@10 %.4f, the truth %.4f", protocol, class->name, got,
              best);
        printf("%s: %-10s NDCG@10 %.4f, %.0f %% of the best possible %.4f\n", protocol, class->name,
               got, 100 * got / best, best);
        model_free(m);
        opt_values_free(&v);
    }
    split_free(s);
    mem_free(users);
    mem_free(items);
    opt_values_free(&how);
    opt_values_free(&asked);
}

int main(void)
{
    char dir[64], path[128];
    simulate_options o = simulated_small;
    o.users = 1200, o.events = 60000, o.states = 16, o.categories = 16, o.items = 600;
    o.robots = 0.02, o.dirt = 0.02, o.malformed = 0.001;
    const truth_writer writer = { truth_save, NULL };
    const run r = { .seed = 4 };
    json_t *report = NULL;
    simulated_folder(dir, "best");
    CHECK_OK(simulate(dir, &o, &writer, &r, &report, err));
    dataset *d = import_clean(dir);
    model *truth = NULL;
    snprintf(path, sizeof path, "%s/truth/model.safetensors", dir);
    CHECK_OK(model_load(&truth, &model_class_truth, path, NULL, err));
    if (d && truth) {
        check_clean(d, &o, report);
        test_protocol(d, truth, "leave-one-out");
        test_protocol(d, truth, "time-split");
    }
    model_free(truth);
    dataset_close(d);
    json_decref(report);
    simulated_remove(dir);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
