// simulated.h - a simulated log read back from its file, for tests: plain columns in file order.
#ifndef TESTS_SIMULATED_H
#define TESTS_SIMULATED_H
#include "tests/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/simulate.h"

#include <string.h>
#include <unistd.h>

typedef struct seen_event {
    uint32_t user, item;
    int64_t time; // seconds since 1970; -1 where the field does not parse
    int stage;    // enum funnel, or -1
    int rating;   // 0: none
} seen_event;

typedef struct seen_log {
    seen_event *event;
    size_t n;
    uint64_t hash; // of the file's bytes
} seen_log;

static const simulate_options simulated_small = {
    .users = 500,
    .items = 300,
    .events = 20000,
    .days = 60,
    .start = "2024-01-01",
    .states = 8,
    .categories = 12,
    .follow = 0.3,
    .drift = 0.15,
    .columns = "full",
};

static inline char *simulated_folder(char out[64], const char *name)
{
    snprintf(out, 64, "simulated-%s-%ld.tmp", name, (long)getpid());
    return out;
}

// Removes what simulate() wrote.
static inline void simulated_remove(const char *dir)
{
    static const char *const files[] = { "events.csv",        "items.csv",
                                         "users.csv",         "truth/model.safetensors",
                                         "truth/config.json", "truth/users.jsonl",
                                         "truth/items.jsonl", "truth/history.safetensors",
                                         "truth/metrics.json" };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char *path = path_join(dir, files[i]);
        unlink(path);
        mem_free(path);
    }
    char *truth = path_join(dir, "truth");
    rmdir(truth);
    mem_free(truth);
    rmdir(dir);
}

static inline int simulated_stage(const char *text)
{
    for (int k = 0; k < FUNNEL_STAGES; k++)
        if (strncmp(text, funnel_names[k], strlen(funnel_names[k])) == 0) return k;
    return -1;
}

// One line "u7,i3,1704068161,rate,4,..."; empty or spoilt fields become UINT32_MAX, -1 and 0.
static inline seen_event simulated_line(const char *line)
{
    seen_event e = { UINT32_MAX, UINT32_MAX, -1, -1, 0 };
    const char *field[5] = { line, "", "", "", "" };
    for (int k = 1; k < 5; k++) {
        const char *comma = strpbrk(field[k - 1], ",\n");
        if (!comma || *comma == '\n') return e;
        field[k] = comma + 1;
    }
    if (*field[0] == 'u') e.user = (uint32_t)strtoul(field[0] + 1, NULL, 10) - 1;
    if (*field[1] == 'i') e.item = (uint32_t)strtoul(field[1] + 1, NULL, 10) - 1;
    if (*field[2] >= '0' && *field[2] <= '9') e.time = strtoll(field[2], NULL, 10);
    e.stage = simulated_stage(field[3]);
    e.rating = (int)strtol(field[4], NULL, 10);
    return e;
}

static inline seen_log simulated_read(const char *dir)
{
    seen_log log = { .hash = 14695981039346656037u };
    char *path = path_join(dir, "events.csv"), *text = NULL;
    size_t len = 0, lines = 0;
    CHECK_OK(file_read(&text, &len, path, (size_t)1 << 30, err));
    for (size_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
        log.hash = (log.hash ^ (unsigned char)text[i]) * 1099511628211u; // FNV-1a
    }
    log.event = NEW(seen_event, lines);
    const char *line = text ? strchr(text, '\n') : NULL;
    for (; line && line[1]; line = strchr(line + 1, '\n'))
        log.event[log.n++] = simulated_line(line + 1);
    mem_free(text);
    mem_free(path);
    return log;
}

#endif
