/* What nghttp2 tells of a connection. Messaging checks are off: clients on unix sockets send an
 * :authority that they refuse, or none; so what matters is looked at here. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rpc/conn.h"
#include "rpc/frame.h"
#include "rpc/metadata.h"

#define RESETS_BURST 1000
#define RESETS_PER_SECOND 33
#define CONTINUATIONS_MAX 8
#define WINDOW_CONN (16 << 20)
#define WINDOW_LARGE (1 << 20) /* of a stream whose request does not fit the usual one */

static struct ms_call *call_of(nghttp2_session *session, int32_t stream_id) {
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct ms_conn *conn = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct ms_call *call = ms_server_take_call(conn, frame->hd.stream_id);
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    conn->server->counters.accepted++;
    (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
    return 0;
}

static bool is(const uint8_t *name, size_t size, const char *word, size_t word_size) {
    return size == word_size && memcmp(name, word, size) == 0;
}
#define IS(name, size, word) is((name), (size), (word), sizeof(word) - 1)

static struct ms_span keep(struct ms_call *call, const uint8_t *value, size_t size) {
    struct ms_span span = {(uint32_t)call->head.size, (uint32_t)size, true};
    ms_text_append(&call->head, value, size);
    return span;
}

static void read_timeout(struct ms_call *call, const uint8_t *value, size_t size) {
    int64_t ns;
    if (!ms_timeout_parse((const char *)value, size, &ns)) {
        call->bad_timeout = true;
        return;
    }
    int64_t now_ns = ms_steady_ns();
    call->due_ns = ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + ns;
}

static void keep_listed(struct ms_call *call, const uint8_t *name, size_t name_size,
                        const uint8_t *value, size_t size) {
    const struct ms_server *server = call->conn->server;
    for (size_t i = 0; i < server->keep_count; i++) {
        const char *word = server->keep[i];
        if (!call->kept[i].there && is(name, name_size, word, strlen(word))) {
            call->kept[i] = keep(call, value, size);
            return;
        }
    }
}

/* NOLINTNEXTLINE(readability-function-size): as nghttp2 has it */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t size, uint8_t flags,
                     void *user) {
    static const char media[] = "application/grpc";
    struct ms_call *call = call_of(session, frame->hd.stream_id);
    (void)flags;
    (void)user;
    if (call == NULL || call->headers_done)
        return 0;
    call->head_size += name_size + size + 32;
    if (call->head_size > MS_HEADERS_MAX)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (IS(name, name_size, ":path")) {
        if (!call->path.there)
            call->path = keep(call, value, size);
    } else if (IS(name, name_size, ":method")) {
        call->post = IS(value, size, "POST");
    } else if (IS(name, name_size, "content-type")) {
        call->grpc = size >= sizeof media - 1 && memcmp(value, media, sizeof media - 1) == 0;
    } else if (IS(name, name_size, "grpc-timeout")) {
        read_timeout(call, value, size);
    } else {
        keep_listed(call, name, name_size, value, size);
    }
    return call->head.failed ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

/* The HEADERS of a request have ended. */
static void judge_headers(struct ms_call *call) {
    struct ms_err err;
    call->headers_done = true;
    if (!call->post) {
        ms_call_fail_text(call, 13, "the method is not POST");
    } else if (!call->grpc) {
        ms_call_refuse(call, "415");
    } else if (call->bad_timeout) {
        ms_call_fail_text(call, 13, "malformed grpc-timeout");
    } else if (call->due_ns != INT64_MAX) {
        call->timer.fire = ms_call_expire;
        if (ms_timer_set(&call->conn->server->loop->timers, &call->timer, call->due_ns, &err) < 0)
            ms_call_fail_text(call, 8, err.text);
    }
}

/* The client has ended its side: the request is whole, or never will be. */
static void judge_request(struct ms_call *call) {
    struct ms_server *server = call->conn->server;
    if (call->ended || call->complete)
        return;
    server->unfinished -= call->in.size;
    call->complete = true;
    if (call->in.size < MS_FRAME_PREFIX ||
        call->in.size - MS_FRAME_PREFIX < ms_frame_length((const uint8_t *)call->in.bytes))
        ms_call_fail_text(call, 13, "the request is truncated");
    else
        ms_server_offer(call);
}

/* What of a request is wrong already when its prefix is there. */
static void judge_prefix(struct ms_call *call) {
    const struct ms_server *server = call->conn->server;
    const uint8_t *prefix = (const uint8_t *)call->in.bytes;
    uint32_t length = ms_frame_length(prefix);
    char text[96];
    if (prefix[0] != 0) {
        ms_call_fail_text(call, prefix[0] == 1 ? 12 : 13,
                          prefix[0] == 1 ? "compressed messages are not supported"
                                         : "the request's first byte is none of gRPC's");
    } else if (length > server->options.max_message) {
        (void)snprintf(text, sizeof text, "Received message larger than max (%u vs. %zu)", length,
                       server->options.max_message);
        ms_call_fail_text(call, 8, text);
    } else if (call->in.size - MS_FRAME_PREFIX > length) {
        ms_call_fail_text(call, 13, "more than one message in the request of a unary call");
    }
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *user) {
    struct ms_conn *conn = user;
    struct ms_server *server = conn->server;
    struct ms_call *call = call_of(session, stream_id);
    (void)flags;
    if (call == NULL || call->ended || call->complete)
        return 0;
    bool was_small = call->in.size <= NGHTTP2_INITIAL_WINDOW_SIZE / 2;
    server->unfinished += size;
    ms_text_append(&call->in, data, size);
    if (call->in.failed || server->unfinished > server->options.max_unfinished) {
        server->unfinished -= call->in.failed ? size : 0;
        ms_call_fail_text(call, 8, "too many bytes of unfinished requests");
        return 0;
    }
    if (call->in.size >= MS_FRAME_PREFIX)
        judge_prefix(call);
    if (!call->ended && was_small && call->in.size > NGHTTP2_INITIAL_WINDOW_SIZE / 2)
        (void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, stream_id,
                                                    WINDOW_LARGE);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct ms_conn *conn = user;
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 &&
        !conn->half) {
        ms_timer_cancel(&conn->server->loop->timers, &conn->timer);
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        conn->server->counters.resets++;
    } else if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
        struct ms_call *call = call_of(session, frame->hd.stream_id);
        if (call != NULL && frame->hd.type == NGHTTP2_HEADERS && !call->headers_done)
            judge_headers(call);
        if (call != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            judge_request(call);
    }
    return 0;
}

/* An answer before the end of the request: the client is told to stop. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct ms_conn *conn = user;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        conn->server->counters.protocol_errors++;
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                        NGHTTP2_NO_ERROR);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user) {
    struct ms_call *call = call_of(session, stream_id);
    (void)code;
    (void)user;
    if (call != NULL)
        ms_server_drop_call(call);
    return 0;
}

int ms_session_callbacks_new(struct ms_server *server, struct ms_err *err) {
    if (nghttp2_session_callbacks_new(&server->callbacks) != 0 ||
        nghttp2_option_new(&server->settings) != 0)
        return ms_err_memory(err);
    nghttp2_session_callbacks *calls = server->callbacks;
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(calls, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_option_set_no_http_messaging(server->settings, 1);
    nghttp2_option_set_stream_reset_rate_limit(server->settings, RESETS_BURST, RESETS_PER_SECOND);
    nghttp2_option_set_max_continuations(server->settings, CONTINUATIONS_MAX);
    nghttp2_option_set_no_closed_streams(server->settings, 1);
    return 0;
}

int ms_session_open(struct ms_conn *conn, struct ms_err *err) {
    const struct ms_server *server = conn->server;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server->options.max_streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MS_HEADERS_MAX},
    };
    if (nghttp2_session_server_new2(&conn->session, server->callbacks, conn, server->settings) !=
            0 ||
        nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, entries,
                                sizeof entries / sizeof *entries) != 0 ||
        nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0, WINDOW_CONN) !=
            0)
        return ms_err_memory(err);
    return 0;
}
