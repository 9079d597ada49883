// notify.h - tells whoever supervises this process how it is doing, by the protocol of sd_notify(3):
// a datagram of lines to the socket that $NOTIFY_SOCKET names.
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

// "READY=1", "STOPPING=1", ... with a "MONOTONIC_USEC=" beside "RELOADING=1".  Nothing happens, and
// nothing fails, where nobody listens.
void notify(const char *state);

#endif
