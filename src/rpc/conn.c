/* Bytes in and out of a connection. */
#include "rpc/conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define HALF_CLOSED_NS                                                                             \
    10000000000LL /* for what a client still reads after it has said its last                      \
                   */

static struct ms_timers *timers_of(struct ms_conn *conn) { return &conn->server->loop->timers; }

#define LINGER_NS 1000000000LL    /* for a client that reads the last answer */
#define LINGER_STEP_NS 10000000LL /* between two looks at what it has not read */

/* Has the client bytes to read? */
static bool unread(const struct ms_conn *conn) {
    int size = 0;
    return ioctl(conn->source.fd, SIOCOUTQ, &size) == 0 && size > 0;
}

static void timed_out(struct ms_timer *timer) {
    struct ms_err err;
    struct ms_conn *conn = (struct ms_conn *)((char *)timer - offsetof(struct ms_conn, timer));
    int64_t now_ns = ms_steady_ns();
    if (conn->lingers && now_ns < conn->linger_until_ns && unread(conn) &&
        ms_timer_set(timers_of(conn), timer, now_ns + LINGER_STEP_NS, &err) == 0)
        return;
    ms_conn_free(conn);
}

/* All is sent. Closing now would fail a client that writes (a window's update, say) before it has
 * read the end of its answer. False when there is nothing to wait for. */
static bool linger(struct ms_conn *conn) {
    struct ms_err err;
    if (!conn->lasting || conn->failed || conn->half || conn->source.fd < 0 || !unread(conn))
        return false;
    if (conn->lingers)
        return true;
    int64_t now_ns = ms_steady_ns();
    conn->linger_until_ns = now_ns + LINGER_NS;
    conn->lingers = ms_timer_set(timers_of(conn), &conn->timer, now_ns + LINGER_STEP_NS, &err) == 0;
    return conn->lingers;
}

/* Too late for all of it: closes, after what is queued when that can be sent at once. */
static void fail(struct ms_conn *conn) {
    conn->failed = true;
    ms_conn_touch(conn);
}

void ms_conn_feed(struct ms_conn *conn, const void *bytes, size_t size) {
    conn->server->counters.bytes_in += size;
    if (conn->failed || conn->lingers)
        return;
    if (nghttp2_session_mem_recv(conn->session, bytes, size) < 0) {
        conn->server->counters.protocol_errors++;
        fail(conn);
    }
    ms_conn_touch(conn);
}

/* The client says no more: what it has asked for is answered, what it was about to ask is not. */
static void half_close(struct ms_conn *conn) {
    struct ms_err err;
    conn->half = true;
    for (struct ms_call *call = conn->calls; call != NULL; call = call->next)
        if (!call->complete)
            (void)nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, call->stream_id,
                                            NGHTTP2_CANCEL);
    ms_loop_change(conn->server->loop, &conn->source, conn->source.events & ~(unsigned)EPOLLIN);
    if (conn->calls == NULL ||
        ms_timer_set(timers_of(conn), &conn->timer, ms_steady_ns() + HALF_CLOSED_NS, &err) < 0)
        conn->failed = true;
    ms_conn_touch(conn);
}

/* More waits to be sent than any client lets pile up that reads: each frame that is read now could
 * add one. */
static bool is_full(const struct ms_conn *conn) {
    return nghttp2_session_get_outbound_queue_size(conn->session) > MS_CONN_QUEUE;
}

static void take_input(struct ms_conn *conn) {
    char *buffer = conn->server->in;
    for (size_t taken = 0; taken < MS_CONN_TURN && !conn->failed && !is_full(conn);) {
        ssize_t size = recv(conn->source.fd, buffer, MS_CONN_IN, MSG_DONTWAIT);
        if (size > 0) {
            ms_conn_feed(conn, buffer, (size_t)size);
            taken += (size_t)size;
            if (size < MS_CONN_IN)
                return;
        } else if (size == 0) {
            half_close(conn);
            return;
        } else if (errno != EINTR) {
            if (errno != EAGAIN)
                fail(conn);
            return;
        }
    }
}

static void ready(struct ms_source *source, uint32_t events) {
    struct ms_conn *conn = (struct ms_conn *)source;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        ms_conn_free(conn);
        return;
    }
    if ((events & EPOLLOUT) != 0)
        ms_conn_touch(conn);
    if ((events & EPOLLIN) != 0)
        take_input(conn);
}

/* Sends bytes; how many the socket took, or -1. */
static ssize_t send_some(struct ms_conn *conn, const char *bytes, size_t size) {
    if (conn->source.fd < 0) {
        if (conn->memory != NULL)
            ms_text_append(conn->memory, bytes, size);
        return (ssize_t)size;
    }
    for (;;) {
        ssize_t sent = send(conn->source.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        if (errno == EAGAIN)
            return 0;
        if (errno != EINTR)
            return -1;
    }
}

/* Sends what the socket did not take before. False when some of it stays, or it is over. */
static bool send_rest(struct ms_conn *conn) {
    if (conn->rest_at == conn->rest.size)
        return true;
    ssize_t sent =
        send_some(conn, conn->rest.bytes + conn->rest_at, conn->rest.size - conn->rest_at);
    if (sent < 0) {
        conn->rest_at = conn->rest.size;
        conn->half = conn->failed = true;
        return false;
    }
    conn->rest_at += (size_t)sent;
    conn->server->counters.bytes_out += (uint64_t)sent;
    if (conn->rest_at < conn->rest.size)
        return false;
    ms_text_clear(&conn->rest);
    conn->rest_at = 0;
    return true;
}

/* Gathers frames into the server's buffer: how many bytes, or -1. */
static ssize_t gather(struct ms_conn *conn) {
    char *out = conn->server->out;
    size_t size = 0;
    while (size < MS_CONN_GATHER) {
        const uint8_t *frame;
        ssize_t count = nghttp2_session_mem_send(conn->session, &frame);
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        if (size + (size_t)count > MS_CONN_OUT)
            return -1;
        memcpy(out + size, frame, (size_t)count);
        size += (size_t)count;
    }
    return (ssize_t)size;
}

/* What stays for later: true when all was sent. */
static bool send_turn(struct ms_conn *conn) {
    if (!send_rest(conn))
        return false;
    for (size_t turn = 0; turn < MS_CONN_TURN;) {
        ssize_t size = gather(conn);
        if (size == 0)
            return true;
        ssize_t sent = size < 0 ? -1 : send_some(conn, conn->server->out, (size_t)size);
        if (sent < 0) {
            conn->half = conn->failed = true;
            return false;
        }
        turn += (size_t)sent;
        conn->server->counters.bytes_out += (uint64_t)sent;
        if (sent < size) {
            ms_text_append(&conn->rest, conn->server->out + sent, (size_t)(size - sent));
            conn->failed = conn->failed || conn->rest.failed;
            return false;
        }
        if (size < MS_CONN_GATHER)
            return true;
    }
    return false;
}

void ms_conn_flush(struct ms_conn *conn) {
    bool all = send_turn(conn);
    bool over = conn->failed || (conn->half && conn->calls == NULL && all) ||
                (all && nghttp2_session_want_read(conn->session) == 0 &&
                 nghttp2_session_want_write(conn->session) == 0);
    if (over && !linger(conn)) {
        ms_conn_free(conn);
    } else if (conn->source.fd >= 0) {
        bool deaf = conn->half || (!all && is_full(conn));
        uint32_t events = (deaf ? 0 : EPOLLIN) | (all ? 0 : EPOLLOUT);
        ms_loop_change(conn->server->loop, &conn->source, events);
    }
}

void ms_conn_touch(struct ms_conn *conn) {
    if (conn->dirty)
        return;
    conn->dirty = true;
    conn->next_dirty = conn->server->dirty;
    conn->server->dirty = conn;
}

int ms_conn_new(struct ms_server *server, int fd, struct ms_conn **out, struct ms_err *err) {
    struct ms_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return ms_err_memory(err);
    }
    socklen_t size = sizeof(struct ucred);
    struct ucred peer = {0};
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        conn->peer = (struct ms_peer){peer.uid, peer.gid, peer.pid};
    conn->server = server;
    conn->source = (struct ms_source){.ready = ready, .fd = fd, .events = EPOLLIN};
    conn->timer.fire = timed_out;
    conn->next = server->conns;
    if (conn->next != NULL)
        conn->next->previous = conn;
    server->conns = conn;
    server->conn_count++;
    int64_t until_ns = ms_steady_ns() + (int64_t)server->options.preface_ms * 1000000;
    if (ms_session_open(conn, err) < 0 ||
        ms_timer_set(timers_of(conn), &conn->timer, until_ns, err) < 0 ||
        (fd >= 0 && ms_loop_add(server->loop, &conn->source, err) < 0)) {
        ms_conn_free(conn);
        return err->kind;
    }
    ms_conn_touch(conn);
    *out = conn;
    return 0;
}

void ms_conn_free(struct ms_conn *conn) {
    struct ms_server *server = conn->server;
    while (conn->calls != NULL)
        ms_server_drop_call(conn->calls);
    nghttp2_session_del(conn->session);
    ms_timer_cancel(timers_of(conn), &conn->timer);
    if (conn->dirty) {
        struct ms_conn **at = &server->dirty;
        while (*at != conn)
            at = &(*at)->next_dirty;
        *at = conn->next_dirty;
    }
    if (conn->previous != NULL)
        conn->previous->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    server->conn_count--;
    if (server->draining)
        ms_loop_poke(server->loop); /* somebody waits for the last one */
    if (conn->source.fd >= 0) {
        ms_loop_remove(server->loop, &conn->source);
        (void)close(conn->source.fd);
    }
    ms_text_clear(&conn->rest);
    free(conn);
}
