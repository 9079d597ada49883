// test_damage.c - a model folder cut short at every byte, and with bits turned over: it is refused
// in words, never believed, and never ends the program.
//
// Twice: with its checksums, where any change at all is refused; and without them, as a folder of
// an early version is, where the reader has to look for itself.  There a changed weight is a weight:
// what opens must answer.  HABIT_FLIPS=1000000 turns over more than the 100,000 of every day.
#include "tests/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "models/checksums.h"
#include "models/folder.h"

#include <habit.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FLIPS = 6000, EVERY = 23, SPARSE = 101 }; // of the places to cut at, every so many
#else
enum { FLIPS = 100000, EVERY = 1, SPARSE = 13 };
#endif

enum { ANSWERS = 5, ASKERS = 8, FILES = MODEL_FILES + 1 };

static char dir[64];

typedef struct counts {
    unsigned long refused, opened, silent; // silent: without a word
} counts;

static void set_option(habit_options *o, const char *name, const char *value)
{
    CHECK_OK(habit_options_set(o, name, value, err));
}

static char *file_of(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    if (!path) exit(EXIT_FAILURE);
    return path;
}

static void make_log(void)
{
    habit_options *o = NULL;
    char *report = NULL;
    CHECK_OK(habit_options_new(&o, "simulate", err));
    set_option(o, "users", "30");
    set_option(o, "items", "60");
    set_option(o, "events", "500");
    CHECK_OK(habit_simulate(o, "shop", &report, err));
    habit_free(report);
    habit_options_free(o);
}

static void train(const char *name, const char *const *options, const char *out)
{
    habit_options *o = NULL;
    char *report = NULL;
    CHECK_OK(habit_options_new(&o, "train", err));
    CHECK_OK(habit_options_model(o, name, err));
    for (; *options; options += 2) set_option(o, options[0], options[1]);
    CHECK_OK(habit_train(o, "shop/events.csv", name, out, &report, err));
    habit_free(report);
    habit_options_free(o);
}

// Opens the folder; what opens must answer, whatever its numbers are by now.
static void try_folder(const char *folder, counts *c)
{
    habit_model *m = NULL;
    habit_error err = { 0 };
    if (habit_model_open(&m, folder, &err) != HABIT_OK) {
        c->refused++;
        c->silent += strlen(err.message) < 10;
        return;
    }
    habit_answer answer[ANSWERS];
    const char *past[] = { "i3", "i11", "i7" };
    size_t n = 0;
    habit_query q = { .size = sizeof q, .history = past, .history_count = 3, .exclude_seen = 1 };
    c->opened++;
    for (uint32_t u = 0; u <= ASKERS; u++) { // the last one is a stranger
        if (u < ASKERS && u < m->users.count)
            q.user = id_list_at(&m->users, u), q.history_count = 0;
        else
            q.user = NULL, q.history_count = 3;
        if (habit_model_recommend(m, &q, answer, ANSWERS, &n, &err) == HABIT_OK)
            for (size_t i = 0; i < n; i++) c->silent += strlen(answer[i].item) > 1024;
    }
    habit_model_free(m);
}

static size_t size_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (size_t)s.st_size : 0;
}

// Every prefix of every file, or of each `every` bytes; the file is whole again afterwards.
static void cut_files(const char *folder, const char *const *file, size_t n, size_t every,
                      counts *c)
{
    for (size_t i = 0; i < n; i++) {
        char *path = file_of(folder, file[i]), *bytes = NULL;
        size_t len = 0;
        if (file_exists(path)) CHECK_OK(file_read(&bytes, &len, path, 1 << 24, err));
        for (size_t left = len; left-- > 0;) {
            if (left % every && left > 20) continue;
            if (truncate(path, (off_t)left)) break;
            try_folder(folder, c);
        }
        if (bytes) CHECK_OK(file_write(path, bytes, len, err));
        mem_free(bytes);
        mem_free(path);
    }
}

static void flip(int fd, size_t bit)
{
    unsigned char byte = 0;
    const off_t at = (off_t)(bit / 8);
    if (pread(fd, &byte, 1, at) != 1) exit(EXIT_FAILURE);
    byte ^= (unsigned char)(1 << bit % 8);
    if (pwrite(fd, &byte, 1, at) != 1) exit(EXIT_FAILURE);
}

static void flip_bits(const char *folder, const char *const *file, size_t n, long flips, counts *c)
{
    rng dice = rng_at(5, 0, 0);
    int fd[FILES];
    size_t size[FILES], files = 0;
    for (size_t i = 0; i < n; i++) {
        char *path = file_of(folder, file[i]);
        if ((size[files] = size_of(path)) > 0 && (fd[files] = open(path, O_RDWR)) >= 0) files++;
        mem_free(path);
    }
    CHECK(files >= 5, "%zu files in %s", files, folder);
    for (long i = 0; i < flips; i++) {
        const size_t f = (size_t)rng_below(&dice, files);
        const size_t bit = (size_t)rng_below(&dice, 8 * size[f]);
        flip(fd[f], bit);
        try_folder(folder, c);
        flip(fd[f], bit);
    }
    for (size_t f = 0; f < files; f++) close(fd[f]);
}

static void check_counts(const char *name, const char *how, const counts *c, bool none_opens)
{
    printf("%-9s %-28s %8lu refused, %7lu opened and answered\n", name, how, c->refused, c->opened);
    CHECK(c->refused > 0, "%s, %s: nothing was refused", name, how);
    CHECK(c->silent == 0, "%s, %s: %lu without a word", name, how, c->silent);
    CHECK(!none_opens || c->opened == 0, "%s, %s: %lu were believed", name, how, c->opened);
}

// clang-format off
static const struct {
    const char *model, *option[9];
} cases[] = {
    { "itemknn", { NULL } },
    { "bpr", { "dim", "4", "epochs", "2", NULL } },
    { "sasrec", { "dim", "4", "epochs", "1", "max-len", "8", "heads", "1", NULL } },
};
// clang-format on

static void test_model(size_t k, long flips)
{
    const char *const name = cases[k].model;
    const char *files[FILES];
    char folder[32];
    counts c = { 0 };
    memcpy(files, model_files, sizeof model_files);
    files[MODEL_FILES] = CHECKSUMS_FILE;
    snprintf(folder, sizeof folder, "%s.model", name);
    train(name, cases[k].option, folder);
    try_folder(folder, &c);
    CHECK(c.opened == 1 && c.silent == 0, "%s: the whole folder", name);
    c = (counts){ 0 };
    cut_files(folder, files, FILES, SPARSE, &c);
    check_counts(name, "cut, with checksums", &c, true);
    c = (counts){ 0 };
    flip_bits(folder, files, FILES, flips / 3, &c);
    check_counts(name, "bits, with checksums", &c, true);
    char *sums = file_of(folder, CHECKSUMS_FILE);
    unlink(sums);
    mem_free(sums);
    c = (counts){ 0 };
    cut_files(folder, files, MODEL_FILES, EVERY, &c);
    check_counts(name, "cut, without checksums", &c, false);
    c = (counts){ 0 };
    flip_bits(folder, files, MODEL_FILES, flips - flips / 3, &c);
    check_counts(name, "bits, without checksums", &c, false);
}

int main(void)
{
    const char *more = getenv("HABIT_FLIPS");
    const long flips = more ? strtol(more, NULL, 10) : FLIPS;
    // in memory where that is to be had: some 200,000 folders are opened
    snprintf(dir, sizeof dir, "%s/habit-damage-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(dir) || chdir(dir)) {
        fprintf(stderr, "%s: %s\n", dir, strerror(errno));
        return EXIT_FAILURE;
    }
    make_log();
    for (size_t k = 0; k < COUNT_OF(cases); k++) test_model(k, flips / (long)COUNT_OF(cases));
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    CHECK(chdir("/") == 0 && system(command) == 0, "%s stays", dir);
    return CHECK_DONE();
}
