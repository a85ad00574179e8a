#include "rpc/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "rpc/conn.h"

#define ACCEPTS 64           /* of one turn */
#define AGAIN_NS 100000000LL /* until accepting again when descriptors are short */
#define DRAIN_NS 100000000LL /* between the two steps of a drain: a round trip of any client */

/* ---- the loop --------------------------------------------------------------------------------*/

static struct ms_server *of_part(const struct ms_part *part) {
    return (struct ms_server *)((char *)part - offsetof(struct ms_server, part));
}

static bool pending(const struct ms_part *part) {
    const struct ms_server *server = of_part(part);
    return server->ready_first != NULL || server->woken_first != NULL;
}

static void flush_all(struct ms_part *part) {
    struct ms_server *server = of_part(part);
    while (server->dirty != NULL) {
        struct ms_conn *conn = server->dirty;
        server->dirty = conn->next_dirty;
        conn->dirty = false;
        ms_conn_flush(conn);
    }
}

/* ---- accepting -------------------------------------------------------------------------------*/

static void accept_again(struct ms_timer *timer) {
    struct ms_server *server =
        (struct ms_server *)((char *)timer - offsetof(struct ms_server, again));
    ms_loop_change(server->loop, &server->listener, EPOLLIN);
}

/* Descriptors or memory are short: the listener stays ready, so it must not be looked at. */
static void pause_accepting(struct ms_server *server) {
    struct ms_err err;
    if (ms_timer_set(&server->loop->timers, &server->again, ms_steady_ns() + AGAIN_NS, &err) == 0)
        ms_loop_change(server->loop, &server->listener, 0);
}

static void accept_some(struct ms_source *source, uint32_t events) {
    struct ms_server *server =
        (struct ms_server *)((char *)source - offsetof(struct ms_server, listener));
    (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        struct ms_err err;
        int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(server);
            return;
        }
        if (server->conn_count >= server->options.max_connections) {
            server->counters.refused++;
            (void)close(fd);
            continue;
        }
        (void)ms_server_adopt(server, fd, &err);
    }
}

int ms_server_adopt(struct ms_server *server, int fd, struct ms_err *err) {
    struct ms_conn *conn;
    if (ms_conn_new(server, fd, &conn, err) < 0) {
        server->counters.refused++;
        return err->kind;
    }
    server->counters.connections++;
    return 0;
}

/* ---- beginning and end -----------------------------------------------------------------------*/

static void set_options(struct ms_server *server, const struct ms_server_options *options) {
    struct ms_server_options *own = &server->options;
    *own = *options;
    own->keep = NULL;
    if (own->max_message == 0)
        own->max_message = (size_t)16 << 20;
    if (own->max_unfinished == 0)
        own->max_unfinished = (size_t)256 << 20;
    if (own->max_streams == 0)
        own->max_streams = 1000;
    if (own->max_connections == 0)
        own->max_connections = 1000;
    if (own->preface_ms == 0)
        own->preface_ms = 10000;
}

static int keep_headers(struct ms_server *server, const char *const *names, struct ms_err *err) {
    for (; names != NULL && *names != NULL; names++) {
        if (server->keep_count == MS_SERVER_KEEP)
            return ms_err_set(err, MS_INVALID_ARGUMENT, "serve: more than %d headers to keep",
                              MS_SERVER_KEEP);
        char *name = strdup(*names);
        if (name == NULL)
            return ms_err_memory(err);
        server->keep[server->keep_count++] = name;
    }
    return 0;
}

static void drain_more(struct ms_timer *timer);

static int listen_on(struct ms_server *server, struct ms_err *err) {
    struct ms_source *listener = &server->listener;
    if (listener->fd < 0)
        return 0;
    int flags = fcntl(listener->fd, F_GETFL);
    if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(listener->fd, F_SETFD, FD_CLOEXEC) < 0)
        return ms_err_sys(err, errno, "serve on descriptor %d", listener->fd);
    return ms_loop_add(server->loop, listener, err);
}

int ms_server_new(struct ms_loop *loop, int fd, const struct ms_server_options *options,
                  struct ms_server **out, struct ms_err *err) {
    struct ms_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return ms_err_memory(err);
    }
    server->loop = loop;
    server->part = (struct ms_part){.before = flush_all, .pending = pending};
    ms_loop_join(loop, &server->part);
    server->listener = (struct ms_source){.ready = accept_some, .fd = fd, .events = EPOLLIN};
    server->again.fire = accept_again;
    server->drain.fire = drain_more;
    set_options(server, options);
    server->in = malloc(MS_CONN_IN);
    server->out = malloc(MS_CONN_OUT);
    if (server->in == NULL || server->out == NULL)
        (void)ms_err_memory(err);
    if (server->in == NULL || server->out == NULL || ms_session_callbacks_new(server, err) < 0 ||
        keep_headers(server, options->keep, err) < 0 || listen_on(server, err) < 0) {
        ms_server_free(server);
        return err->kind;
    }
    *out = server;
    return 0;
}

static void close_listener(struct ms_server *server) {
    if (server->listener.fd < 0)
        return;
    ms_timer_cancel(&server->loop->timers, &server->again);
    ms_loop_remove(server->loop, &server->listener);
    (void)close(server->listener.fd);
    server->listener.fd = -1;
}

static void drain_more(struct ms_timer *timer) {
    struct ms_server *server =
        (struct ms_server *)((char *)timer - offsetof(struct ms_server, drain));
    for (struct ms_conn *conn = server->conns; conn != NULL; conn = conn->next) {
        int32_t last = nghttp2_session_get_last_proc_stream_id(conn->session);
        (void)nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL,
                                    0);
        ms_conn_touch(conn);
    }
}

void ms_server_drain(struct ms_server *server) {
    struct ms_err err;
    if (server->draining)
        return;
    server->draining = true;
    if (server->listener.fd >= 0)
        accept_some(&server->listener, EPOLLIN); /* who has connected is answered */
    close_listener(server);
    for (struct ms_conn *conn = server->conns; conn != NULL; conn = conn->next) {
        conn->lasting = conn->calls != NULL;
        (void)nghttp2_submit_shutdown_notice(conn->session);
        ms_conn_touch(conn);
    }
    if (ms_timer_set(&server->loop->timers, &server->drain, ms_steady_ns() + DRAIN_NS, &err) < 0)
        drain_more(&server->drain);
}

/* Calls that nobody will answer any more. */
static void end_calls(struct ms_server *server) {
    static const char text[] = "the server has ended";
    for (struct ms_conn *conn = server->conns; conn != NULL; conn = conn->next)
        for (struct ms_call *call = conn->calls; call != NULL; call = call->next)
            ms_call_fail(call, 14, text, sizeof text - 1);
}

void ms_server_free(struct ms_server *server) {
    end_calls(server);
    flush_all(&server->part);
    while (server->conns != NULL)
        ms_conn_free(server->conns);
    close_listener(server);
    ms_timer_cancel(&server->loop->timers, &server->drain);
    ms_loop_leave(server->loop, &server->part);
    for (uint32_t i = 0; i < server->slots; i++) {
        struct ms_call *call = server->all[i];
        ms_text_clear(&call->head);
        ms_text_clear(&call->in);
        ms_text_clear(&call->out);
        ms_text_clear(&call->message);
        free(call);
    }
    free((void *)server->all);
    for (size_t i = 0; i < server->keep_count; i++)
        free(server->keep[i]);
    for (unsigned i = 0; i < server->path_count; i++)
        ms_text_clear(&server->paths[i]);
    nghttp2_session_callbacks_del(server->callbacks);
    nghttp2_option_del(server->settings);
    free(server->in);
    free(server->out);
    free(server);
}

void ms_server_poke(struct ms_server *server) { ms_loop_poke(server->loop); }

size_t ms_server_connections(const struct ms_server *server) { return server->conn_count; }

size_t ms_server_calls(const struct ms_server *server) { return server->call_count; }

const struct ms_server_counters *ms_server_counters(const struct ms_server *server) {
    return &server->counters;
}
