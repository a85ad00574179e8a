/* timer.h - things to do at a time: a heap of timers that their owners hold.
 *
 * A timer lies inside of what it belongs to and is never allocated here. Zero-initialised it is not
 * set. Times are nanoseconds of the clock that only runs forward.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_err;

struct ms_timer {
    void (*fire)(struct ms_timer *timer); /* it is not set any more; may set it again */
    int64_t due_ns;
    size_t place; /* in the heap, from 1; 0 when not set */
};

struct ms_timers {
    struct ms_timer **heap;
    size_t count;
    size_t room;
};

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t ms_steady_ns(void);

/* Frees the heap; timers that are set are forgotten. */
void ms_timers_clear(struct ms_timers *timers);

/* Sets or moves a timer. resource_exhausted when there is no memory for one more. */
int ms_timer_set(struct ms_timers *timers, struct ms_timer *timer, int64_t due_ns,
                 struct ms_err *err);

/* Forgets a timer; nothing when it is not set. */
void ms_timer_cancel(struct ms_timers *timers, struct ms_timer *timer);

/* When the next one is due; INT64_MAX for none. */
int64_t ms_timers_due(const struct ms_timers *timers);

/* Fires those that are due, in their order. */
void ms_timers_run(struct ms_timers *timers, int64_t now_ns);
