#include "rpc/client_session.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/frame.h"
#include "rpc/metadata.h"
#include "rpc/timer.h"

bool ms_answer_ready(const struct ms_answer *answer, size_t *size) {
    size_t have = answer->in.size - answer->in_at;
    if (have < MS_FRAME_PREFIX)
        return false;
    *size = ms_frame_length((const uint8_t *)answer->in.bytes + answer->in_at);
    return have - MS_FRAME_PREFIX >= *size;
}

void ms_answer_consume(struct ms_answer *answer) {
    if (answer->held != 0 && !answer->over)
        (void)nghttp2_session_consume_stream(answer->client->session, answer->stream_id,
                                             answer->held);
    answer->held = 0;
}

static void fail(struct ms_answer *answer, int kind, const char *text) {
    if (!answer->failed)
        (void)ms_err_set(&answer->failure, kind, "%s", text);
    answer->failed = true;
}

void ms_answer_check(struct ms_answer *answer) {
    const uint8_t *prefix = (const uint8_t *)answer->in.bytes + answer->in_at;
    if (answer->in.size - answer->in_at < MS_FRAME_PREFIX)
        return;
    if (prefix[0] != 0)
        fail(answer, MS_INTERNAL, "the answer is compressed");
    else if (ms_frame_length(prefix) > MS_CLIENT_MESSAGE_MAX)
        fail(answer, MS_RESOURCE_EXHAUSTED, "the answer has more than 16 MiB in one message");
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *bytes,
                   size_t size, void *user) {
    struct ms_answer *answer = nghttp2_session_get_stream_user_data(session, stream_id);
    size_t ready;
    (void)flags;
    (void)user;
    (void)nghttp2_session_consume_connection(session, size);
    if (answer == NULL) {
        (void)nghttp2_session_consume_stream(session, stream_id, size);
        return 0;
    }
    bool waits = ms_answer_ready(answer, &ready);
    ms_text_append(&answer->in, bytes, size);
    if (answer->in.failed)
        fail(answer, MS_RESOURCE_EXHAUSTED, "out of memory");
    else
        ms_answer_check(answer);
    answer->held += size;
    if (!waits)
        ms_answer_consume(answer);
    return 0;
}

static int parse_number(const uint8_t *value, size_t size) {
    int number = 0;
    if (size == 0 || size > 4)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (value[i] < '0' || value[i] > '9')
            return -1;
        number = number * 10 + (value[i] - '0');
    }
    return number;
}

static bool is(const uint8_t *name, size_t size, const char *word) {
    return size == strlen(word) && memcmp(name, word, size) == 0;
}

/* NOLINTNEXTLINE(readability-function-size): as nghttp2 has it */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user) {
    struct ms_answer *answer = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags;
    (void)user;
    if (answer == NULL)
        return 0;
    if (is(name, name_size, ":status"))
        answer->http = parse_number(value, value_size);
    if (is(name, name_size, "grpc-status")) {
        int status = parse_number(value, value_size);
        answer->status = status >= 0 ? status : 2;
    }
    if (is(name, name_size, "grpc-message")) {
        answer->message.size = 0;
        ms_percent_decode(&answer->message, (const char *)value, value_size);
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t reason, void *user) {
    struct ms_answer *answer = nghttp2_session_get_stream_user_data(session, stream_id);
    (void)user;
    if (answer != NULL) {
        answer->over = true;
        answer->reason = reason;
    }
    return 0;
}

/* A request that could not be sent has no stream that closes. */
static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int code, void *user) {
    struct ms_answer *answer = NULL;
    (void)user;
    (void)code;
    if (frame->hd.type == NGHTTP2_HEADERS)
        answer = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (answer != NULL) {
        answer->over = true;
        answer->reason = NGHTTP2_REFUSED_STREAM;
    }
    return 0;
}

/* The kind of one of gRPC's numbers. */
static int kind_of_status(int status) {
    int kind = -status;
    return ms_kind_of_name(ms_kind_name(kind)) == kind ? kind : MS_INTERNAL;
}

/* A stream that closed before its status came. */
static int ended_early(const struct ms_answer *answer, struct ms_err *err) {
    if (answer->due_ns <= ms_steady_ns())
        return ms_err_set(err, MS_DEADLINE_EXCEEDED, "the time is over");
    if (answer->http != 200 && answer->http > 0)
        return ms_err_set(err, MS_INTERNAL, "the server answered HTTP status %d", answer->http);
    if (answer->reason == NGHTTP2_REFUSED_STREAM)
        return ms_err_set(err, MS_UNAVAILABLE, "the server takes no more calls");
    if (answer->reason == NGHTTP2_CANCEL)
        return ms_err_set(err, MS_CANCELED, "the server gave the call up");
    return ms_err_set(err, MS_INTERNAL, "the server ended the call: %s",
                      nghttp2_http2_strerror(answer->reason));
}

int ms_answer_ended(struct ms_answer *answer, struct ms_err *err) {
    if (answer->status < 0)
        return ended_early(answer, err);
    if (answer->status == 0 && answer->in.size != answer->in_at)
        return ms_err_set(err, MS_INTERNAL, "the answer ends inside of a message");
    if (answer->status == 0)
        return 0;
    return ms_err_set(err, kind_of_status(answer->status), "%s",
                      answer->message.size != 0 ? answer->message.bytes : "no reason was given");
}

/* NOLINTNEXTLINE(readability-function-size): as nghttp2 has it */
ssize_t ms_answer_read_request(nghttp2_session *session, int32_t stream_id, uint8_t *buffer,
                               size_t length, uint32_t *flags, nghttp2_data_source *source,
                               void *user) {
    struct ms_answer *answer = nghttp2_session_get_stream_user_data(session, stream_id);
    (void)source;
    (void)user;
    if (answer == NULL) /* given up */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t left = answer->request.size - answer->request_at;
    size_t size = left < length ? left : length;
    memcpy(buffer, answer->request.bytes + answer->request_at, size);
    answer->request_at += size;
    if (size == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static int out_of_memory(int code, struct ms_err *err) {
    return code != 0 ? ms_err_memory(err) : 0;
}

static int make(struct ms_client *client, const nghttp2_session_callbacks *callbacks,
                struct ms_err *err) {
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        return ms_err_memory(err);
    nghttp2_option_set_no_auto_window_update(option, 1);
    int made = nghttp2_session_client_new2(&client->session, callbacks, client, option);
    nghttp2_option_del(option);
    return out_of_memory(made, err);
}

int ms_client_session_open(struct ms_client *client, struct ms_err *err) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, MS_CLIENT_WINDOW},
    };
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return ms_err_memory(err);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    int kind = make(client, callbacks, err);
    nghttp2_session_callbacks_del(callbacks);
    if (kind < 0)
        return kind;
    int code = nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings, 2);
    if (code == 0)
        code = nghttp2_session_set_local_window_size(client->session, NGHTTP2_FLAG_NONE, 0,
                                                     4 * MS_CLIENT_WINDOW);
    return out_of_memory(code, err);
}
