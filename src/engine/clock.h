/* clock.h - the time as rows hold it. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Nanoseconds since 1970, UTC. */
static inline int64_t ms_clock_now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds of a clock that only runs forward, for waits. */
static inline int64_t ms_clock_steady_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds that this thread has run. */
static inline int64_t ms_clock_thread_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
