// plot.c - gnuplot as a child process.
#include "eval/plot.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WIDTH = 760, PICTURE_MAX = 64 << 20 };

void plot_text(buffer *script, const char *text)
{
    buffer_text(script, "'");
    for (const char *s = text; *s; s++) {
        if (*s == '\'') buffer_text(script, "'");
        const char c = (unsigned char)*s < ' ' ? ' ' : *s == '`' ? '\'' : *s;
        if (*s == '`') buffer_text(script, "'");
        buffer_add(script, &c, 1);
    }
    buffer_text(script, "'");
}

static void add_terminal(buffer *b, plot_format format, int height)
{
    if (format == PLOT_SVG)
        buffer_format(b, "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,14'\n",
                      WIDTH, height);
    else // twice the pixels, for sharp text on dense screens and in print
        buffer_format(b,
                      "set terminal pngcairo size %d,%d noenhanced font 'sans,22' linewidth 2 "
                      "pointscale 1.6 background '#ffffff'\n",
                      2 * WIDTH, 2 * height);
    buffer_text(b, "set encoding utf8\n"
                   "set border 3 lc rgb '" PLOT_INK "'\n"
                   "set tics nomirror out scale 0.6 textcolor rgb '" PLOT_INK "'\n"
                   "set grid ytics lc rgb '" PLOT_INK "' lw 0.4 dt (1,3)\n"
                   "set key above left Left reverse samplen 1.5 textcolor rgb '" PLOT_INK "'\n");
}

// An unlinked file that holds the script, at its beginning.
static FILE *script_file(const buffer *head, const buffer *script)
{
    FILE *f = tmpfile();
    if (!f) return NULL;
    const bool ok = fwrite(head->data, 1, head->len, f) == head->len &&
                    fwrite(script->data, 1, script->len, f) == script->len && fflush(f) == 0 &&
                    fseek(f, 0, SEEK_SET) == 0;
    if (ok) return f;
    fclose(f);
    return NULL;
}

// Starts gnuplot with stdin from `in`, stdout to out[1], stderr to nowhere.
static int start(pid_t *pid, int in, const int out[2])
{
    char name[] = "gnuplot", defaults[] = "-d";
    char *const argv[] = { name, defaults, NULL };
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed) return failed;
    if ((failed = posix_spawn_file_actions_adddup2(&actions, in, 0)) == 0 &&
        (failed = posix_spawn_file_actions_adddup2(&actions, out[1], 1)) == 0 &&
        (failed = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0)) == 0 &&
        (failed = posix_spawn_file_actions_addclose(&actions, out[0])) == 0)
        failed = posix_spawnp(pid, name, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void read_all(buffer *out, int fd)
{
    char block[1 << 14];
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && out->len + (size_t)n <= PICTURE_MAX) buffer_add(out, block, (size_t)n);
}

static habit_status draw(buffer *out, FILE *in, habit_error *err)
{
    int ends[2], status = 0;
    pid_t pid;
    const size_t before = out->len;
    if (pipe(ends) != 0) return fail_io(err, "open a pipe to", "gnuplot");
    const int failed = start(&pid, fileno(in), ends);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        errno = failed;
        return fail_io(err, "run", "gnuplot");
    }
    read_all(out, ends[0]);
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) // what some systems say for "no such"
        return fail(err, HABIT_ENOTFOUND, "cannot run gnuplot: not found");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || out->len == before)
        return fail(err, HABIT_EIO, "gnuplot failed (status %d)", status);
    return buffer_check(out, err);
}

habit_status plot_draw(buffer *out, plot_format format, int height, const buffer *script,
                       habit_error *err)
{
    buffer head = { 0 };
    add_terminal(&head, format, height);
    habit_status st = buffer_check(&head, err);
    if (st == HABIT_OK) st = buffer_check(script, err);
    FILE *in = st == HABIT_OK ? script_file(&head, script) : NULL;
    if (st == HABIT_OK && !in) st = fail_io(err, "write", "a temporary file for gnuplot");
    if (in) {
        st = draw(out, in, err);
        fclose(in);
    }
    buffer_free(&head);
    return st;
}
