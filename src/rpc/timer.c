#include "rpc/timer.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"

int64_t ms_steady_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void ms_timers_clear(struct ms_timers *timers) {
    for (size_t i = 0; i < timers->count; i++)
        timers->heap[i]->place = 0;
    free((void *)timers->heap);
    *timers = (struct ms_timers){0};
}

static void put(struct ms_timers *timers, size_t place, struct ms_timer *timer) {
    timers->heap[place - 1] = timer;
    timer->place = place;
}

/* Moves a timer from a place towards the root, then towards the leaves. */
static void sift(struct ms_timers *timers, size_t place, struct ms_timer *timer) {
    while (place > 1 && timers->heap[place / 2 - 1]->due_ns > timer->due_ns) {
        put(timers, place, timers->heap[place / 2 - 1]);
        place /= 2;
    }
    for (;;) {
        size_t child = 2 * place;
        if (child > timers->count)
            break;
        if (child < timers->count && timers->heap[child]->due_ns < timers->heap[child - 1]->due_ns)
            child++;
        if (timers->heap[child - 1]->due_ns >= timer->due_ns)
            break;
        put(timers, place, timers->heap[child - 1]);
        place = child;
    }
    put(timers, place, timer);
}

int ms_timer_set(struct ms_timers *timers, struct ms_timer *timer, int64_t due_ns,
                 struct ms_err *err) {
    if (timer->place == 0) {
        if (timers->count == timers->room) {
            size_t room = timers->room != 0 ? 2 * timers->room : 16;
            struct ms_timer **heap =
                (struct ms_timer **)realloc((void *)timers->heap, room * sizeof(struct ms_timer *));
            if (heap == NULL)
                return ms_err_memory(err);
            timers->heap = heap;
            timers->room = room;
        }
        put(timers, ++timers->count, timer);
    }
    timer->due_ns = due_ns;
    sift(timers, timer->place, timer);
    return 0;
}

void ms_timer_cancel(struct ms_timers *timers, struct ms_timer *timer) {
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    struct ms_timer *last = timers->heap[--timers->count];
    if (last != timer)
        sift(timers, place, last);
}

int64_t ms_timers_due(const struct ms_timers *timers) {
    return timers->count == 0 ? INT64_MAX : timers->heap[0]->due_ns;
}

void ms_timers_run(struct ms_timers *timers, int64_t now_ns) {
    while (timers->count > 0 && timers->heap[0]->due_ns <= now_ns) {
        struct ms_timer *timer = timers->heap[0];
        ms_timer_cancel(timers, timer);
        timer->fire(timer);
    }
}
