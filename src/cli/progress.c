// progress.c - bar, log lines, footer and signals.
#include "cli/progress.h"
#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// A signal handler can reach nothing but a global.
static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

bool progress_stopped(void)
{
    return stop_asked != 0;
}

void progress_init(progress *p, const char *verb)
{
    *p = (progress){ .verb = verb, .wall = clock_wall(), .bar = isatty(STDERR_FILENO) != 0 };
    struct sigaction act;
    memset(&act, 0, sizeof act);
    sigemptyset(&act.sa_mask);
    act.sa_handler = on_signal;
    act.sa_flags = SA_RESTART | (int)SA_RESETHAND; // the second one is obeyed at once
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    act.sa_handler = SIG_IGN; // a closed pipe is a write error with a message, not a death
    act.sa_flags = 0;
    sigaction(SIGPIPE, &act, NULL);
}

void progress_clear(progress *p)
{
    if (!p->drawn) return; // threads of a service come here, too
    fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void on_log(void *ctx, int level, const char *text)
{
    static const char *const prefix[] = { "error: ", "warning: ", "", "" };
    progress *p = ctx;
    if (p->quiet || level < 0 || level > (p->verbose ? 3 : 2)) return;
    progress_clear(p);
    fprintf(stderr, "%s%s\n", prefix[level], text);
}

// 1234567 -> "1.2M"
static void short_number(char out[16], double x)
{
    static const char *const units[] = { "", "k", "M", "G", "T" };
    size_t u = 0;
    while (x >= 999.5 && u + 1 < sizeof units / sizeof *units) x /= 1000, u++;
    snprintf(out, 16, x < 9.95 && u ? "%.1f%s" : "%.0f%s", x, units[u]);
}

static void short_time(char out[16], double seconds)
{
    const int s = seconds < 3.6e6 ? (int)(seconds + 0.5) : 3600000; // a thousand hours will do
    if (s < 3600)
        snprintf(out, 16, "%d:%02d", s / 60, s % 60);
    else
        snprintf(out, 16, "%dh%02dm", s / 3600 % 10000, s / 60 % 60);
}

static void draw(progress *p, uint64_t done, uint64_t total, double now)
{
    enum { WIDTH = 30 };
    char cells[WIDTH + 1], count[16], rate[16], left[16] = "";
    const double spent = now - p->began, share = total ? (double)done / (double)total : 0;
    const double fresh = (double)(done - p->first);
    const int full = share >= 1 ? WIDTH : (int)(share * WIDTH);
    for (int i = 0; i < WIDTH; i++) cells[i] = i < full ? '#' : '.';
    cells[WIDTH] = '\0';
    short_number(count, (double)done);
    short_number(rate, spent > 0 ? fresh / spent : 0);
    if (fresh > 0 && share < 1) short_time(left, spent * (double)(total - done) / fresh);
    if (total)
        fprintf(stderr, "\r\033[K%s [%s] %3.0f%%  %s  %s/s%s%s", p->what, cells, 100 * share, count,
                rate, *left ? "  left " : "", left);
    else
        fprintf(stderr, "\r\033[K%s  %s  %s/s", p->what, count, rate);
    fflush(stderr);
    p->drawn = true;
}

// Up to a comma: what is said behind it changes within a step.
static bool same_step(const char *a, const char *b)
{
    const size_t n = strcspn(a, ",");
    return n == strcspn(b, ",") && strncmp(a, b, n) == 0;
}

static int on_progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    progress *p = ctx;
    if (stop_asked) return 1;
    if (!p->bar || p->quiet) return 0;
    const double now = clock_wall();
    if (!same_step(p->what, what) || done < p->first) {
        p->began = now;
        p->first = done;
    } else if (now - p->last_draw < 0.1) {
        return 0;
    }
    snprintf(p->what, sizeof p->what, "%s", what);
    p->last_draw = now;
    if (now - p->wall > 0.5) draw(p, done, total, now); // short work needs no bar
    return 0;
}

habit_hooks progress_hooks(progress *p)
{
    return (habit_hooks){
        .size = sizeof(habit_hooks), .ctx = p, .log = on_log, .progress = on_progress
    };
}

void progress_footer(progress *p, const char *seed)
{
    progress_clear(p);
    if (p->quiet) return;
    fprintf(stderr, "habit %s %s: seed %s, kernels %s, %.1f s wall, %.1f s cpu, peak %.0f MB\n",
            habit_version(), p->verb, seed && *seed ? seed : "-", habit_kernels(),
            clock_wall() - p->wall, clock_cpu(), (double)memory_peak() / 1e6);
}
