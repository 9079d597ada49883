// browser.h - a headless Chromium for tests, spoken to by its DevTools protocol over two pipes.
//
//     browser b;
//     if (!browser_open(&b, ".")) return 77;                       // there is none here
//     browser_go(&b, "http://127.0.0.1:8088/");
//     CHECK(browser_until(&b, "document.title === 'habit'"), "...");
//     const char *text = browser_text(&b, "document.body.textContent"); // valid until the next call
//     CHECK(b.complaints == 0, "%s", b.complaint);                 // errors of scripts, alerts, broken policy
//     browser_close(&b);
#ifndef TESTS_BROWSER_H
#define TESTS_BROWSER_H
#include "base/clock.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BROWSER_PATIENCE = 30 };

typedef struct browser {
    pid_t pid;
    int to, from;
    char session[100];
    int calls;
    char *heard; // bytes that came and were not looked at yet
    size_t len, cap;
    json_t *answer; // of the latest call
    char text[65536];
    int complaints;
    char complaint[600]; // the first
} browser;

static inline const char *browser_program(void)
{
    static const char *const names[] = { "chromium-headless-shell", "chromium", "chromium-shell",
                                         "chromium-browser", "google-chrome" };
    static char path[4096];
    const char *dirs = getenv("PATH");
    for (size_t i = 0; dirs && i < sizeof names / sizeof *names; i++)
        for (const char *d = dirs; *d; d += strcspn(d, ":"), d += *d == ':') {
            snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(d, ":"), d, names[i]);
            if (access(path, X_OK) == 0) return path;
        }
    return NULL;
}

static inline void browser_complain(browser *b, const json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    if (b->complaints++ == 0) snprintf(b->complaint, sizeof b->complaint, "%s", text ? text : "");
    free(text);
}

// What a page should never do.
static inline void browser_note(browser *b, const json_t *message)
{
    static const char *const bad[] = { "Runtime.exceptionThrown", "Page.javascriptDialogOpening" };
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *params = json_object_get(message, "params");
    if (!method) return;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strcmp(method, bad[i]) == 0) browser_complain(b, message);
    const json_t *entry = json_object_get(params, "entry");
    const char *level = json_string_value(json_object_get(entry, "level"));
    const char *source = json_string_value(json_object_get(entry, "source"));
    // an answer of 404 is the page's to deal with
    if (level && source && strcmp(level, "error") == 0 && strcmp(source, "network") != 0)
        browser_complain(b, message);
    const char *type = json_string_value(json_object_get(params, "type"));
    if (strcmp(method, "Runtime.consoleAPICalled") == 0 && type && strcmp(type, "error") == 0)
        browser_complain(b, message);
}

// The next message, which ends with NUL; NULL if none comes.
static inline json_t *browser_hear(browser *b, double until)
{
    for (;;) {
        char *end = b->len ? memchr(b->heard, '\0', b->len) : NULL;
        if (end) {
            json_t *message = json_loads(b->heard, 0, NULL);
            b->len -= (size_t)(end + 1 - b->heard);
            memmove(b->heard, end + 1, b->len);
            return message;
        }
        struct pollfd ready = { .fd = b->from, .events = POLLIN };
        if (clock_wall() > until) return NULL;
        if (poll(&ready, 1, 200) <= 0) continue;
        if (b->cap < b->len + 65536) b->heard = realloc(b->heard, b->cap = 2 * b->cap + 131072);
        const ssize_t got = read(b->from, b->heard + b->len, 65536);
        if (got <= 0) return NULL;
        b->len += (size_t)got;
    }
}

// Calls a method with params (taken; NULL: none) and returns its result, valid until the next call.
static inline const json_t *browser_call(browser *b, const char *method, json_t *params)
{
    const double until = clock_wall() + BROWSER_PATIENCE;
    const int id = ++b->calls;
    json_t *message = json_pack("{s:i, s:s, s:o}", "id", id, "method", method, "params",
                                params ? params : json_object());
    if (*b->session) json_object_set_new(message, "sessionId", json_string(b->session));
    char *text = json_dumps(message, JSON_COMPACT);
    const size_t n = strlen(text) + 1;
    const bool sent = write(b->to, text, n) == (ssize_t)n;
    free(text);
    json_decref(message);
    json_decref(b->answer);
    b->answer = NULL;
    while (sent && !b->answer) {
        json_t *heard = browser_hear(b, until);
        if (!heard) break;
        if (json_integer_value(json_object_get(heard, "id")) == id)
            b->answer = heard;
        else {
            browser_note(b, heard);
            json_decref(heard);
        }
    }
    return json_object_get(b->answer, "result");
}

static inline void browser_close(browser *b)
{
    if (b->pid <= 0) return;
    *b->session = '\0';
    if (!browser_call(b, "Browser.close", NULL)) kill(b->pid, SIGTERM);
    waitpid(b->pid, NULL, 0);
    close(b->to);
    close(b->from);
    json_decref(b->answer);
    free(b->heard);
    b->pid = 0;
}

static inline void browser_exec(const char *program, const char *dir, const int *in, const int *out)
{
    char profile[300];
    snprintf(profile, sizeof profile, "--user-data-dir=%s/chromium", dir);
    // 3 and 4 are where it listens and speaks; by way of numbers out of their way
    const int listens = fcntl(in[0], F_DUPFD, 10), speaks = fcntl(out[1], F_DUPFD, 10);
    const int log = open("chromium.log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (dup2(listens, 3) < 0 || dup2(speaks, 4) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    execl(program, program, "--headless", "--remote-debugging-pipe", profile, "--disable-gpu",
          "--no-first-run", "--hide-scrollbars", "--disable-dev-shm-usage", "--lang=en",
          geteuid() == 0 ? "--no-sandbox" : "--disable-extensions", (char *)NULL);
    _exit(127);
}

static inline bool browser_attach(browser *b)
{
    const json_t *made =
        browser_call(b, "Target.createTarget", json_pack("{s:s}", "url", "about:blank"));
    const char *target = json_string_value(json_object_get(made, "targetId"));
    if (!target) return false;
    const json_t *session = browser_call(b, "Target.attachToTarget",
                                         json_pack("{s:s, s:b}", "targetId", target, "flatten", 1));
    const char *id = json_string_value(json_object_get(session, "sessionId"));
    if (!id) return false;
    snprintf(b->session, sizeof b->session, "%s", id);
    return browser_call(b, "Page.enable", NULL) && browser_call(b, "Runtime.enable", NULL) &&
           browser_call(b, "Log.enable", NULL);
}

// False if there is no Chromium, or it does not start: its words are in chromium.log.
static inline bool browser_open(browser *b, const char *dir)
{
    const char *program = browser_program();
    int in[2], out[2];
    *b = (browser){ 0 };
    if (!program || pipe(in) || pipe(out)) return false;
    fcntl(in[1], F_SETFD, FD_CLOEXEC);
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    b->pid = fork();
    if (b->pid == 0) browser_exec(program, dir, in, out);
    close(in[0]);
    close(out[1]);
    b->to = in[1], b->from = out[0];
    if (b->pid > 0 && browser_attach(b)) return true;
    browser_close(b);
    return false;
}

static inline bool browser_go(browser *b, const char *url)
{
    return browser_call(b, "Page.navigate", json_pack("{s:s}", "url", url)) != NULL;
}

// The value of an expression, waited for if it is a promise; NULL if it throws.
static inline const json_t *browser_value(browser *b, const char *expression)
{
    const json_t *said = browser_call(b, "Runtime.evaluate",
                                      json_pack("{s:s, s:b, s:b}", "expression", expression,
                                                "returnByValue", 1, "awaitPromise", 1));
    if (!said || json_object_get(said, "exceptionDetails")) return NULL;
    return json_object_get(json_object_get(said, "result"), "value");
}

static inline const char *browser_text(browser *b, const char *expression)
{
    const char *s = json_string_value(browser_value(b, expression));
    snprintf(b->text, sizeof b->text, "%s", s ? s : "");
    return b->text;
}

static inline double browser_number(browser *b, const char *expression)
{
    const json_t *v = browser_value(b, expression);
    return json_is_number(v) ? json_number_value(v) : -1e300;
}

static inline bool browser_is(browser *b, const char *expression)
{
    return json_is_true(browser_value(b, expression));
}

// Waits until an expression is true.
static inline bool browser_until(browser *b, const char *expression)
{
    const double until = clock_wall() + BROWSER_PATIENCE;
    while (clock_wall() < until) {
        if (browser_is(b, expression)) return true;
        poll(NULL, 0, 50);
    }
    return false;
}

static inline void browser_size(browser *b, int width, int height, double scale)
{
    browser_call(b, "Emulation.setDeviceMetricsOverride",
                 json_pack("{s:i, s:i, s:f, s:b}", "width", width, "height", height,
                           "deviceScaleFactor", scale, "mobile", 0));
}

static inline void browser_scheme(browser *b, const char *scheme) // "light", "dark"
{
    browser_call(
        b, "Emulation.setEmulatedMedia",
        json_pack("{s:[{s:s, s:s}]}", "features", "name", "prefers-color-scheme", "value", scheme));
}

// Writes what is to be seen as a PNG.
static inline bool browser_shot(browser *b, const char *path)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const json_t *shot =
        browser_call(b, "Page.captureScreenshot", json_pack("{s:s}", "format", "png"));
    const char *s = json_string_value(json_object_get(shot, "data"));
    FILE *f = s ? fopen(path, "wb") : NULL;
    unsigned bits = 0;
    if (!f) return false;
    for (int n = 0; *s && *s != '='; s++) { // base64
        const char *at = strchr(digits, *s);
        bits = bits << 6 | (at ? (unsigned)(at - digits) : 0);
        if (++n % 4 != 1) fputc((int)(bits >> (6 - 2 * ((n - 1) % 4)) & 255), f);
    }
    return fclose(f) == 0;
}

#endif
