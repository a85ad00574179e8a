/* watch.h - descriptors that somebody else reads and writes, and signals as something to take.
 *
 * A struct ms_watches hangs on a loop; ms_watches_next names what is ready. Descriptors are
 * borrowed. Signals are blocked in this thread (and in those it starts) while they are taken.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/loop.h"

struct ms_err;
struct ms_watch;

struct ms_watches {
    struct ms_loop *loop;
    struct ms_part part;
    struct ms_watch *first;
    struct ms_watch *next;    /* where ms_watches_next goes on */
    int ready;                /* how many are ready and were not named yet */
    struct ms_source signals; /* a signalfd; fd -1 without */
    bool signalled;
    sigset_t before; /* the mask that clear puts back */
};

void ms_watches_init(struct ms_watches *watches, struct ms_loop *loop);
void ms_watches_clear(struct ms_watches *watches);

/* Watches fd for events (EPOLLIN, EPOLLOUT), changes them, or watches it no more (0). */
int ms_watches_set(struct ms_watches *watches, int fd, uint32_t events, struct ms_err *err);

/* The next descriptor that is ready; -1 for none. */
int ms_watches_next(struct ms_watches *watches);

/* Takes over the signals of a set. Once. */
int ms_signals_take(struct ms_watches *watches, const sigset_t *set, struct ms_err *err);

/* The number of the next signal that arrived; 0 for none. */
int ms_signals_next(struct ms_watches *watches);
