/* Timers, watched descriptors, signals. */
#include "rpc/loop.h"

#include <stddef.h>
#include <unistd.h>

#include "base/err.h"
#include "rpc/watch.h"
#include "unit_support.h"

struct note {
    struct ms_timer timer;
    int number;
};

static int fired[64];
static int fired_count;

static void note_it(struct ms_timer *timer) {
    fired[fired_count++] = ((struct note *)timer)->number;
}

static void timers_fire_in_their_order(void) {
    struct ms_timers timers = {0};
    struct note notes[40] = {0};
    struct ms_err err = {0};
    fired_count = 0;
    for (int i = 0; i < 40; i++) {
        notes[i] = (struct note){.timer.fire = note_it, .number = i * 7 % 40};
        CHECK(ms_timer_set(&timers, &notes[i].timer, 100 + i * 7 % 40, &err) == 0);
    }
    CHECK(ms_timers_due(&timers) == 100);
    for (int i = 0; i < 40; i++)
        if (notes[i].number % 2 == 1)
            ms_timer_cancel(&timers, &notes[i].timer);
    ms_timer_cancel(&timers, &notes[0].timer); /* number 0; cancelled twice */
    ms_timer_cancel(&timers, &notes[0].timer);
    CHECK(ms_timer_set(&timers, &notes[0].timer, 131, &err) == 0);
    ms_timers_run(&timers, 130);
    CHECK(fired_count == 15);
    for (int i = 0; i < fired_count; i++)
        CHECK(fired[i] == 2 * i + 2);
    ms_timers_run(&timers, 131);
    CHECK(fired_count == 16 && fired[15] == 0);
    ms_timers_clear(&timers);
    CHECK(ms_timers_due(&timers) == INT64_MAX);
}

static void a_wait_ends_when_its_time_is_over(void) {
    struct ms_loop *loop;
    struct ms_err err = {0};
    struct note note = {.timer.fire = note_it, .number = 5};
    fired_count = 0;
    CHECK(ms_loop_new(&loop, &err) == 0);
    int64_t began_ns = ms_steady_ns();
    CHECK(ms_timer_set(&loop->timers, &note.timer, began_ns + 10000000, &err) == 0);
    ms_loop_wait(loop, 20); /* a timer alone ends no wait */
    CHECK(fired_count == 1 && ms_steady_ns() - began_ns >= 20000000);
    ms_loop_poke(loop);
    ms_loop_wait(loop, -1);
    ms_loop_free(loop);
}

struct reader {
    struct ms_source source;
    struct ms_loop *loop;
    struct reader *other;
    int calls;
};

static void remove_other(struct ms_source *source, uint32_t events) {
    struct reader *self = (struct reader *)source;
    (void)events;
    self->calls++;
    ms_loop_remove(self->loop, &self->other->source);
    ms_loop_poke(self->loop);
}

static void a_source_that_was_removed_is_not_called(void) {
    struct ms_loop *loop;
    struct ms_err err = {0};
    int pipe_ends[2];
    CHECK(ms_loop_new(&loop, &err) == 0 && pipe(pipe_ends) == 0);
    int copy = dup(pipe_ends[0]);
    CHECK(copy >= 0);
    struct reader left = {{remove_other, pipe_ends[0], EPOLLIN}, loop, NULL, 0};
    struct reader right = {{remove_other, copy, EPOLLIN}, loop, &left, 0};
    left.other = &right;
    CHECK(ms_loop_add(loop, &left.source, &err) == 0 &&
          ms_loop_add(loop, &right.source, &err) == 0);
    CHECK(write(pipe_ends[1], "x", 1) == 1);
    ms_loop_wait(loop, -1);
    CHECK(left.calls + right.calls == 1);
    ms_loop_remove(loop, left.calls == 1 ? &left.source : &right.source);
    ms_loop_free(loop);
    CHECK(close(pipe_ends[0]) == 0 && close(pipe_ends[1]) == 0 && close(copy) == 0);
}

static void watched_descriptors_are_named(void) {
    struct ms_loop *loop;
    struct ms_watches watches;
    struct ms_err err = {0};
    int one[2];
    int two[2];
    CHECK(ms_loop_new(&loop, &err) == 0 && pipe(one) == 0 && pipe(two) == 0);
    ms_watches_init(&watches, loop);
    CHECK(ms_watches_set(&watches, one[0], EPOLLIN, &err) == 0);
    CHECK(ms_watches_set(&watches, two[0], EPOLLIN, &err) == 0);
    ms_loop_wait(loop, 0);
    CHECK(ms_watches_next(&watches) == -1);
    CHECK(write(one[1], "x", 1) == 1 && write(two[1], "x", 1) == 1);
    ms_loop_wait(loop, -1);
    int first = ms_watches_next(&watches);
    int second = ms_watches_next(&watches);
    CHECK(first + second == one[0] + two[0] && first != second);
    CHECK(ms_watches_next(&watches) == -1);
    CHECK(ms_watches_set(&watches, one[0], 0, &err) == 0);
    ms_loop_wait(loop, -1); /* still readable */
    CHECK(ms_watches_next(&watches) == two[0] && ms_watches_next(&watches) == -1);
    CHECK(ms_watches_set(&watches, two[1], EPOLLOUT, &err) == 0);
    ms_loop_wait(loop, -1);
    CHECK(ms_watches_set(&watches, two[1], 0, &err) == 0); /* ready, and not named yet */
    CHECK(ms_watches_next(&watches) == two[0] && ms_watches_next(&watches) == -1);
    CHECK(ms_watches_set(&watches, 9999, EPOLLIN, &err) == MS_INTERNAL && err.sys == EBADF);
    ms_watches_clear(&watches);
    ms_loop_free(loop);
    CHECK(close(one[0]) + close(one[1]) + close(two[0]) + close(two[1]) == 0);
}

static void signals_are_taken_and_given_back(void) {
    struct ms_loop *loop;
    struct ms_watches watches;
    struct ms_err err = {0};
    sigset_t set;
    sigset_t now;
    CHECK(ms_loop_new(&loop, &err) == 0);
    ms_watches_init(&watches, loop);
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGHUP) == 0 && sigaddset(&set, SIGTERM) == 0);
    CHECK(ms_signals_take(&watches, &set, &err) == 0);
    CHECK(ms_signals_take(&watches, &set, &err) == MS_FAILED_PRECONDITION);
    CHECK(ms_signals_next(&watches) == 0);
    CHECK(kill(getpid(), SIGHUP) == 0 && kill(getpid(), SIGTERM) == 0);
    ms_loop_wait(loop, -1);
    int first = ms_signals_next(&watches);
    CHECK(first == SIGHUP && ms_signals_next(&watches) == SIGTERM);
    CHECK(ms_signals_next(&watches) == 0);
    ms_loop_wait(loop, 0);
    ms_watches_clear(&watches);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGHUP) == 0);
    ms_loop_free(loop);
}

int main(void) {
    RUN(timers_fire_in_their_order);
    RUN(a_wait_ends_when_its_time_is_over);
    RUN(a_source_that_was_removed_is_not_called);
    RUN(watched_descriptors_are_named);
    RUN(signals_are_taken_and_given_back);
    return 0;
}
