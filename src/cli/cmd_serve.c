// cmd_serve.c - habit serve MODEL... --store FILE
#include "cli/command.h"
#include "cli/notify.h"

#include <signal.h>
#include <string.h>
#include <time.h>

// A signal handler can reach nothing but a global.
static volatile sig_atomic_t reload_asked;

static void on_hangup(int number)
{
    (void)number;
    reload_asked = 1;
}

static void listen_for_hangup(void)
{
    struct sigaction act;
    memset(&act, 0, sizeof act);
    sigemptyset(&act.sa_mask);
    act.sa_handler = on_hangup;
    act.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &act, NULL);
}

habit_status cmd_serve(const invocation *in, habit_error *err)
{
    const struct timespec pause = { 0, 100000000 };
    habit_server *server;
    listen_for_hangup();
    TRY(habit_serve(&server, in->options, in->operands, in->count, err));
    progress_clear(in->progress);
    printf("%d\n", habit_server_port(server)); // for whoever gave --port 0
    fflush(stdout);
    notify("READY=1");
    while (!progress_stopped()) {
        if (reload_asked) {
            reload_asked = 0;
            notify("RELOADING=1");
            habit_server_reload(server, NULL); // has told of its failures
            notify("READY=1");
        }
        nanosleep(&pause, NULL); // a signal ends it
    }
    notify("STOPPING=1");
    habit_server_stop(server);
    return HABIT_OK;
}
