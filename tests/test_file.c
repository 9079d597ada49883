// test_file.c - files and folders that appear whole or not at all; buffers, arenas, YAML.
#include "tests/check.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/yaml.h"

#include <dirent.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

static char folder[] = "/tmp/habit-test-file-XXXXXX";

static char *in_folder(const char *name)
{
    return path_join(folder, name);
}

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static void test_replace(void)
{
    char *path = in_folder("a"), *text = NULL;
    CHECK_OK(file_write(path, "old", 3, err));
    file_writer w;
    CHECK_OK(file_create(&w, path, err));
    fputs("new and longer", w.stream);
    file_abandon(&w);
    CHECK_OK(file_read(&text, NULL, path, 100, err));
    CHECK(strcmp(text, "old") == 0, "abandoned, yet the file reads '%s'", text);
    mem_free(text);

    CHECK_OK(file_write(path, "new", 3, err));
    CHECK_OK(file_read(&text, NULL, path, 100, err));
    CHECK(strcmp(text, "new") == 0, "'%s'", text);
    mem_free(text);
    CHECK(file_read(&text, NULL, path, 2, NULL) == HABIT_ELIMIT, "limit ignored");
    CHECK(entries() == 1, "%d files left behind", entries());
    unlink(path);
    mem_free(path);
}

// A disk that fills up while writing: the old file stays, the new one is gone, and it says so.
static void test_full_disk(void)
{
    char *path = in_folder("big"), *text = NULL;
    CHECK_OK(file_write(path, "old", 3, err));
    struct rlimit was, small = { 4096, RLIM_INFINITY };
    getrlimit(RLIMIT_FSIZE, &was);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    static char block[100000];
    habit_error why = { 0 };
    const habit_status st = file_write(path, block, sizeof block, &why);
    setrlimit(RLIMIT_FSIZE, &was);
    CHECK(st == HABIT_EIO, "status %d: %s", (int)st, why.message);
    CHECK_OK(file_read(&text, NULL, path, 100, err));
    CHECK(strcmp(text, "old") == 0, "'%s'", text);
    CHECK(entries() == 1, "%d files left behind", entries());
    mem_free(text);
    unlink(path);
    mem_free(path);
}

static void test_folder(void)
{
    char *path = in_folder("model"), *file;
    for (int round = 0; round < 2; round++) { // the second replaces the first
        folder_writer w;
        CHECK_OK(folder_create(&w, path, err));
        file = path_join(w.temporary, "config.json");
        CHECK_OK(file_write(file, "{}", 2, err));
        mem_free(file);
        CHECK_OK(folder_commit(&w, "config.json", err));
        CHECK(file_is_folder(path) && entries() == 1, "round %d", round);
    }
    file = path_join(path, "config.json");
    unlink(file);
    mem_free(file);
    file = path_join(path, "diary.txt");
    CHECK_OK(file_write(file, "dear", 4, err));
    folder_writer w;
    CHECK_OK(folder_create(&w, path, err));
    CHECK(folder_commit(&w, "config.json", NULL) == HABIT_EIO, "a stranger's folder was replaced");
    CHECK(file_exists(file) && entries() == 1, "the stranger's file is gone");
    unlink(file);
    rmdir(path);
    mem_free(file);
    mem_free(path);
}

// Whenever somebody looks while a folder is replaced, the old one or the new one is there.
static void test_always_there(void)
{
    enum { TIMES = 300 };
    char *path = in_folder("model"), *file = path_join(path, "config.json");
    long missed = 0, looked = 0;
    const pid_t writer = fork();
    for (int k = 0; k < TIMES + 1 && writer == 0; k++) {
        folder_writer w;
        habit_error err = { 0 };
        if (folder_create(&w, path, &err) != HABIT_OK) _exit(1);
        char *config = path_join(w.temporary, "config.json");
        if (file_write(config, "{}", 2, &err) != HABIT_OK) _exit(1);
        mem_free(config);
        if (folder_commit(&w, "config.json", &err) != HABIT_OK) _exit(1);
    }
    if (writer == 0) _exit(0);
    int status = 0;
    while (waitpid(writer, &status, WNOHANG) == 0) {
        if (!looked && !file_exists(file)) continue; // the first is still to come
        looked++;
        missed += !file_exists(file);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the writer failed");
    CHECK(looked > TIMES && missed == 0, "gone %ld times of %ld", missed, looked);
    CHECK(entries() == 1, "%d entries", entries());
    unlink(file);
    rmdir(path);
    mem_free(file);
    mem_free(path);
}

static void test_errors(void)
{
    habit_error why = { 0 };
    file_map m;
    CHECK(file_map_open(&m, "/no/such/file", &why) == HABIT_ENOTFOUND, "%s", why.message);
    CHECK(strstr(why.message, "/no/such/file"), "%s", why.message);
    CHECK(file_map_open(&m, folder, &why) == HABIT_EINVAL, "%s", why.message);
    CHECK(file_write("/no/such/folder/x", "", 0, &why) == HABIT_ENOTFOUND, "%s", why.message);
}

static habit_status collect(void *ctx, const char *name, const char *const *values, size_t n,
                            size_t line, habit_error *err)
{
    (void)err;
    buffer_format(ctx, "%zu:%s=", line, name);
    for (size_t i = 0; i < n; i++) buffer_format(ctx, "%s%s", i ? "," : "", values[i]);
    buffer_text(ctx, ";");
    return HABIT_OK;
}

static void test_yaml(void)
{
    // clang-format off
    static const struct { const char *yaml, *want; } cases[] = {
        { "dim: 64\nlr: [0.1, 0.2]\n", "1:dim=64;2:lr=0.1,0.2;" },
        { "# nothing\n", "" },
        { "name: 'a b'\n", "1:name=a b;" },
        { "deep:\n  a: 1\n", NULL },
        { "- a\n- b\n", NULL },
        { "a: [1, [2]]\n", NULL },
        { "a: 'open\n", NULL },
    };
    // clang-format on
    char *path = in_folder("x.yaml");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK_OK(file_write(path, cases[i].yaml, strlen(cases[i].yaml), err));
        buffer b = { 0 };
        habit_error why = { 0 };
        const habit_status st = yaml_read(path, collect, &b, &why);
        if (!cases[i].want)
            CHECK(st == HABIT_EFORMAT && strstr(why.message, "x.yaml:"), "%zu: %s", i, why.message);
        else
            CHECK(st == HABIT_OK && strcmp(b.data ? b.data : "", cases[i].want) == 0, "%zu: %s", i,
                  b.data ? b.data : why.message);
        buffer_free(&b);
    }
    unlink(path);
    mem_free(path);
}

static void test_arena(void)
{
    arena plan = { 0 }, a;
    for (int i = 1; i < 50; i++) arena_alloc(&plan, (size_t)i, 3);
    CHECK_OK(arena_init(&a, &plan, err));
    for (int i = 1; i < 50; i++) {
        const unsigned char *p = arena_alloc(&a, (size_t)i, 3);
        CHECK(p && (uintptr_t)p % ARENA_ALIGN == 0 && p[i * 3 - 1] == 0, "block %d", i);
    }
    CHECK(a.used == a.cap && !a.failed, "measured %zu, placed %zu", a.cap, a.used);
    CHECK(!arena_alloc(&a, 1, 1) && a.failed, "an arena gave more than it has");
    arena_free(&a);
    arena huge = { 0 };
    arena_alloc(&huge, SIZE_MAX / 2, 3);
    CHECK(arena_init(&a, &huge, NULL) == HABIT_ENOMEM, "an overflow was not noticed");
}

int main(void)
{
    if (!mkdtemp(folder)) return EXIT_FAILURE;
    test_replace();
    test_full_disk();
    test_folder();
    test_always_there();
    test_errors();
    test_yaml();
    test_arena();
    rmdir(folder);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
