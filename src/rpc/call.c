/* Calls: what the request says, and the answer. */
#include "rpc/call.h"

#include <string.h>

#include "rpc/conn.h"
#include "rpc/frame.h"
#include "rpc/metadata.h"

#define CODES 17

/* ---- the request -----------------------------------------------------------------------------*/

uint64_t ms_call_turn(const struct ms_call *call) { return call->turn; }

uint32_t ms_call_slot(const struct ms_call *call) { return call->slot; }

static const char *span(const struct ms_call *call, const struct ms_span *at, size_t *out_size) {
    *out_size = at->size;
    return at->size == 0 ? "" : call->head.bytes + at->at;
}

const char *ms_call_path(const struct ms_call *call, size_t *out_size) {
    return span(call, &call->path, out_size);
}

unsigned ms_call_path_number(const struct ms_call *call) { return call->path_number; }

const char *ms_call_request(const struct ms_call *call, size_t *out_size) {
    if (call->in.size < MS_FRAME_PREFIX) {
        *out_size = 0;
        return "";
    }
    *out_size = call->in.size - MS_FRAME_PREFIX;
    return call->in.bytes + MS_FRAME_PREFIX;
}

const char *ms_call_header(const struct ms_call *call, size_t which, size_t *out_size) {
    if (which >= MS_SERVER_KEEP || !call->kept[which].there)
        return NULL;
    return span(call, &call->kept[which], out_size);
}

const struct ms_peer *ms_call_peer(const struct ms_call *call) { return &call->conn->peer; }

int64_t ms_call_due(const struct ms_call *call) { return call->due_ns; }

bool ms_call_alive(const struct ms_call *call) { return call->conn != NULL && !call->ended; }

bool ms_call_writable(const struct ms_call *call) {
    return ms_call_alive(call) && call->out_ready == 0;
}

void ms_call_wait(struct ms_call *call) {
    call->waiting = true;
    if (!ms_call_alive(call) || ms_call_writable(call))
        ms_server_wake(call);
}

/* ---- header lists ----------------------------------------------------------------------------*/

#define STATIC_NV(name, value)                                                                     \
    {                                                                                              \
        (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1,                \
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE                           \
    }

static const nghttp2_nv ok_headers[] = {STATIC_NV(":status", "200"),
                                        STATIC_NV("content-type", "application/grpc")};

/* grpc-status, and grpc-message when there is one, into nv: how many. */
static size_t status_headers(const struct ms_call *call, nghttp2_nv nv[2]) {
    static const char *const codes[CODES] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                             "9", "10", "11", "12", "13", "14", "15", "16"};
    const char *code = codes[call->code >= 0 && call->code < CODES ? call->code : 2];
    nv[0] = (nghttp2_nv)STATIC_NV("grpc-status", "");
    nv[0].value = (uint8_t *)code;
    nv[0].valuelen = strlen(code);
    if (call->message.size == 0)
        return 1;
    nv[1] = (nghttp2_nv)STATIC_NV("grpc-message", "");
    nv[1].value = (uint8_t *)call->message.bytes;
    nv[1].valuelen = call->message.size;
    nv[1].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    return 2;
}

/* ---- the answer ------------------------------------------------------------------------------*/

/* NOLINTNEXTLINE(readability-function-size): as nghttp2 has it */
ssize_t ms_call_read(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t length,
                     uint32_t *flags, nghttp2_data_source *source, void *user) {
    struct ms_call *call = source->ptr;
    (void)user;
    size_t size = call->out_ready - call->out_sent;
    if (size > length)
        size = length;
    if (size > 0)
        memcpy(buffer, call->out.bytes + call->out_sent, size);
    call->out_sent += size;
    if (call->out_sent < call->out_ready)
        return (ssize_t)size;
    call->out.size = call->out_ready = call->out_sent = 0;
    if (call->ended) {
        nghttp2_nv nv[2];
        size_t count = status_headers(call, nv);
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, stream_id, nv, count) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        return (ssize_t)size;
    }
    ms_server_wake(call);
    if (size == 0) {
        call->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)size;
}

/* Sees to it that the session asks for what is there now. */
static void push(struct ms_call *call) {
    nghttp2_session *session = call->conn->session;
    if (!call->answered) {
        nghttp2_data_provider provider = {.source.ptr = call, .read_callback = ms_call_read};
        call->answered = true;
        (void)nghttp2_submit_response(session, call->stream_id, ok_headers, 2, &provider);
    } else if (call->deferred) {
        call->deferred = false;
        (void)nghttp2_session_resume_data(session, call->stream_id);
    }
    ms_conn_touch(call->conn);
}

struct ms_text *ms_call_begin(struct ms_call *call) {
    static const char prefix[MS_FRAME_PREFIX];
    if (!ms_call_alive(call))
        return NULL;
    call->out.size = call->out_ready;
    call->out.failed = false;
    ms_text_append(&call->out, prefix, sizeof prefix);
    return &call->out;
}

bool ms_call_send(struct ms_call *call) {
    if (call->out.failed || call->out.size - call->out_ready - MS_FRAME_PREFIX > UINT32_MAX) {
        call->out.failed = false;
        call->out.size = call->out_ready;
        ms_call_fail_text(call, 8, "out of memory");
        return false;
    }
    size_t size = call->out.size - call->out_ready - MS_FRAME_PREFIX;
    ms_frame_prefix((uint8_t *)call->out.bytes + call->out_ready, (uint32_t)size);
    call->out_ready = call->out.size;
    push(call);
    return true;
}

void ms_call_flush(struct ms_call *call) { ms_conn_flush(call->conn); }

void ms_call_finish(struct ms_call *call) {
    if (!ms_call_alive(call))
        return;
    call->ended = true;
    push(call);
}

/* A message that fits the headers of any client, cut between two characters. */
#define MESSAGE_MAX 2000
static size_t cut(const char *message, size_t size) {
    if (size <= MESSAGE_MAX)
        return size;
    size = MESSAGE_MAX;
    while (size > MESSAGE_MAX - 4 && (message[size] & 0xc0) == 0x80)
        size--;
    return size;
}

void ms_call_fail(struct ms_call *call, int code, const char *message, size_t size) {
    if (!ms_call_alive(call))
        return;
    call->ended = true;
    call->code = code;
    ms_percent_encode(&call->message, message, cut(message, size));
    if (call->answered) {
        push(call);
        return;
    }
    nghttp2_nv nv[4] = {ok_headers[0], ok_headers[1]};
    size_t count = status_headers(call, nv + 2);
    call->answered = true;
    (void)nghttp2_submit_response(call->conn->session, call->stream_id, nv, 2 + count, NULL);
    ms_conn_touch(call->conn);
}

void ms_call_fail_text(struct ms_call *call, int code, const char *message) {
    ms_call_fail(call, code, message, strlen(message));
}

void ms_call_refuse(struct ms_call *call, const char *http_status) {
    nghttp2_nv nv = STATIC_NV(":status", "");
    nv.value = (uint8_t *)http_status;
    nv.valuelen = strlen(http_status);
    nv.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    call->ended = call->answered = true;
    (void)nghttp2_submit_response(call->conn->session, call->stream_id, &nv, 1, NULL);
    ms_conn_touch(call->conn);
}

void ms_call_expire(struct ms_timer *timer) {
    struct ms_call *call = (struct ms_call *)((char *)timer - offsetof(struct ms_call, timer));
    if (call->answered && (call->ended || call->out_ready != 0)) {
        /* trailers would stand behind data that the client does not take */
        call->ended = true;
        (void)nghttp2_submit_rst_stream(call->conn->session, NGHTTP2_FLAG_NONE, call->stream_id,
                                        NGHTTP2_CANCEL);
        ms_conn_touch(call->conn);
    } else {
        ms_call_fail_text(call, 4, "context deadline exceeded");
    }
    ms_server_wake(call);
}
