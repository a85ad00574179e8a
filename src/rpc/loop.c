#include "rpc/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

int ms_loop_new(struct ms_loop **out, struct ms_err *err) {
    struct ms_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return ms_err_memory(err);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        ms_err_sys(err, errno, "make a loop");
        free(loop);
        return err->kind;
    }
    *out = loop;
    return 0;
}

void ms_loop_free(struct ms_loop *loop) {
    ms_timers_clear(&loop->timers);
    (void)close(loop->epoll_fd);
    free(loop);
}

int ms_loop_add(struct ms_loop *loop, struct ms_source *source, struct ms_err *err) {
    struct epoll_event event = {.events = source->events, .data.ptr = source};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0)
        return ms_err_sys(err, errno, "watch descriptor %d", source->fd);
    return 0;
}

void ms_loop_change(struct ms_loop *loop, struct ms_source *source, uint32_t events) {
    if (source->events == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = source};
    source->events = events;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void ms_loop_remove(struct ms_loop *loop, struct ms_source *source) {
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    for (int i = loop->at; i < loop->count; i++)
        if (loop->events[i].data.ptr == source)
            loop->events[i].data.ptr = NULL;
}

void ms_loop_join(struct ms_loop *loop, struct ms_part *part) {
    part->next = loop->parts;
    loop->parts = part;
}

void ms_loop_leave(struct ms_loop *loop, struct ms_part *part) {
    for (struct ms_part **at = &loop->parts; *at != NULL; at = &(*at)->next) {
        if (*at == part) {
            *at = part->next;
            return;
        }
    }
}

void ms_loop_poke(struct ms_loop *loop) { loop->news = true; }

static bool has_pending(const struct ms_loop *loop) {
    if (loop->news)
        return true;
    for (const struct ms_part *part = loop->parts; part != NULL; part = part->next)
        if (part->pending != NULL && part->pending(part))
            return true;
    return false;
}

static void prepare(struct ms_loop *loop) {
    for (struct ms_part *part = loop->parts; part != NULL; part = part->next)
        if (part->before != NULL)
            part->before(part);
}

/* Milliseconds until the earlier of two times, rounded up; -1 for never. */
static int milliseconds_until(int64_t due_ns, int64_t until_ns, int64_t now_ns) {
    int64_t next_ns = due_ns < until_ns ? due_ns : until_ns;
    if (next_ns == INT64_MAX)
        return -1;
    if (next_ns <= now_ns)
        return 0;
    int64_t ms = (next_ns - now_ns + 999999) / 1000000;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void dispatch(struct ms_loop *loop) {
    for (loop->at = 0; loop->at < loop->count; loop->at++) {
        struct ms_source *source = loop->events[loop->at].data.ptr;
        if (source != NULL)
            source->ready(source, loop->events[loop->at].events);
    }
    loop->at = loop->count = 0;
}

void ms_loop_wait(struct ms_loop *loop, int64_t ms) {
    int64_t now_ns = ms_steady_ns();
    int64_t until_ns = INT64_MAX;
    if (ms >= 0 && ms < (INT64_MAX - now_ns) / 1000000)
        until_ns = now_ns + ms * 1000000;
    for (;;) {
        prepare(loop);
        int wait_ms = 0;
        if (!has_pending(loop))
            wait_ms = milliseconds_until(ms_timers_due(&loop->timers), until_ns, now_ns);
        int count = epoll_wait(loop->epoll_fd, loop->events, MS_LOOP_BATCH, wait_ms);
        loop->count = count > 0 ? count : 0;
        dispatch(loop);
        now_ns = ms_steady_ns();
        ms_timers_run(&loop->timers, now_ns);
        if (has_pending(loop) || now_ns >= until_ns)
            break;
    }
    loop->news = false;
}
