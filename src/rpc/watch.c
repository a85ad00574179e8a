#include "rpc/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"

struct ms_watch {
    struct ms_source source;
    struct ms_watches *watches;
    struct ms_watch *next;
    bool ready;
};

static bool pending(const struct ms_part *part) {
    const struct ms_watches *watches =
        (const struct ms_watches *)((const char *)part - offsetof(struct ms_watches, part));
    return watches->ready > 0 || watches->signalled;
}

void ms_watches_init(struct ms_watches *watches, struct ms_loop *loop) {
    *watches =
        (struct ms_watches){.loop = loop, .part = {.pending = pending}, .signals = {.fd = -1}};
    ms_loop_join(loop, &watches->part);
}

static void drop(struct ms_watches *watches, struct ms_watch *watch) {
    ms_loop_remove(watches->loop, &watch->source);
    if (watch->ready)
        watches->ready--;
    if (watches->next == watch)
        watches->next = watch->next;
    free(watch);
}

void ms_watches_clear(struct ms_watches *watches) {
    while (watches->first != NULL) {
        struct ms_watch *watch = watches->first;
        watches->first = watch->next;
        drop(watches, watch);
    }
    if (watches->signals.fd >= 0) {
        ms_loop_remove(watches->loop, &watches->signals);
        (void)close(watches->signals.fd);
        (void)pthread_sigmask(SIG_SETMASK, &watches->before, NULL);
    }
    ms_loop_leave(watches->loop, &watches->part);
}

static void watched_ready(struct ms_source *source, uint32_t events) {
    struct ms_watch *watch = (struct ms_watch *)source;
    (void)events;
    if (!watch->ready) {
        watch->ready = true;
        watch->watches->ready++;
    }
}

static int add(struct ms_watches *watches, int fd, uint32_t events, struct ms_err *err) {
    struct ms_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return ms_err_memory(err);
    watch->source = (struct ms_source){.ready = watched_ready, .fd = fd, .events = events};
    watch->watches = watches;
    if (ms_loop_add(watches->loop, &watch->source, err) < 0) {
        free(watch);
        return err->kind;
    }
    watch->next = watches->first;
    watches->first = watch;
    return 0;
}

int ms_watches_set(struct ms_watches *watches, int fd, uint32_t events, struct ms_err *err) {
    for (struct ms_watch **at = &watches->first; *at != NULL; at = &(*at)->next) {
        struct ms_watch *watch = *at;
        if (watch->source.fd != fd)
            continue;
        *at = watch->next;
        drop(watches, watch);
        break;
    }
    return events == 0 ? 0 : add(watches, fd, events, err);
}

int ms_watches_next(struct ms_watches *watches) {
    if (watches->ready == 0)
        return -1;
    for (;;) {
        struct ms_watch *watch = watches->next != NULL ? watches->next : watches->first;
        watches->next = watch->next;
        if (watch->ready) {
            watch->ready = false;
            watches->ready--;
            return watch->source.fd;
        }
    }
}

static void signals_ready(struct ms_source *source, uint32_t events) {
    struct ms_watches *watches =
        (struct ms_watches *)((char *)source - offsetof(struct ms_watches, signals));
    (void)events;
    watches->signalled = true;
}

int ms_signals_take(struct ms_watches *watches, const sigset_t *set, struct ms_err *err) {
    if (watches->signals.fd >= 0)
        return ms_err_set(err, MS_FAILED_PRECONDITION, "signals are taken already");
    int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return ms_err_sys(err, errno, "take signals");
    watches->signals = (struct ms_source){.ready = signals_ready, .fd = fd, .events = EPOLLIN};
    if (ms_loop_add(watches->loop, &watches->signals, err) < 0) {
        (void)close(fd);
        watches->signals.fd = -1;
        return err->kind;
    }
    (void)pthread_sigmask(SIG_BLOCK, set, &watches->before);
    return 0;
}

int ms_signals_next(struct ms_watches *watches) {
    struct signalfd_siginfo info;
    if (!watches->signalled)
        return 0;
    if (read(watches->signals.fd, &info, sizeof info) == (ssize_t)sizeof info)
        return (int)info.ssi_signo;
    watches->signalled = false;
    return 0;
}
