/* loop.h - one epoll that everything hangs on: connections, signals, pools, watched descriptors.
 *
 *     source   a descriptor and what to do when it is ready
 *     timer    what to do at a time (timer.h)
 *     part     something that takes part in each turn: sends what is queued before the wait, and
 *              says whether it has something for the caller to take
 *
 * Sources and parts lie inside of what they belong to; their owner takes them out before it goes.
 * One thread. Nothing here sleeps but the epoll_wait of ms_loop_wait.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "rpc/timer.h"

struct ms_err;

struct ms_source {
    void (*ready)(struct ms_source *source, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, ... */
    int fd;                                                   /* not owned */
    uint32_t events;                                          /* what it waits for */
};

struct ms_part {
    void (*before)(struct ms_part *part);        /* each time before the loop waits; or NULL */
    bool (*pending)(const struct ms_part *part); /* there is something to take; or NULL */
    struct ms_part *next;
};

#define MS_LOOP_BATCH 64

struct ms_loop {
    int epoll_fd;
    bool news; /* the next wait must not block, or this one is over */
    struct ms_timers timers;
    struct ms_part *parts;
    struct epoll_event events[MS_LOOP_BATCH];
    int at, count; /* of the events that are being worked on */
};

/* Makes a loop; free it with ms_loop_free. */
int ms_loop_new(struct ms_loop **out, struct ms_err *err);
void ms_loop_free(struct ms_loop *loop);

/* Watches source->fd for source->events. Level-triggered. */
int ms_loop_add(struct ms_loop *loop, struct ms_source *source, struct ms_err *err);

/* Changes what a source waits for. */
void ms_loop_change(struct ms_loop *loop, struct ms_source *source, uint32_t events);

/* Takes a source out; it is not called again, not even in this turn. Before its fd is closed. */
void ms_loop_remove(struct ms_loop *loop, struct ms_source *source);

void ms_loop_join(struct ms_loop *loop, struct ms_part *part);
void ms_loop_leave(struct ms_loop *loop, struct ms_part *part);

/* Tells that there is something to take: this wait ends, or the next one does not block. */
void ms_loop_poke(struct ms_loop *loop);

/* Sends what is queued, waits at most ms (negative: without end) until something can be taken, and
 * does the sources' and timers' work meanwhile. */
void ms_loop_wait(struct ms_loop *loop, int64_t ms);
