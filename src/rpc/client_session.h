/* client_session.h - a client's HTTP/2 session and what comes in by it: inside of rpc only.
 *
 *     client.c           the socket, waiting, calls
 *     client_session.c   what nghttp2 tells: headers, data, ends
 */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

#define MS_CLIENT_MESSAGE_MAX (16U * 1024 * 1024) /* as containerd's own clients have it */
#define MS_CLIENT_WINDOW (1024 * 1024)

struct ms_client {
    int fd;
    nghttp2_session *session;
    struct ms_text out; /* what the socket has not taken yet, from out_at */
    size_t out_at;
    struct ms_answer *answers; /* open ones */
    bool broken;               /* no more goes in or out; failure says why */
    struct ms_err failure;
};

struct ms_answer {
    struct ms_client *client;
    struct ms_answer *next, *previous;
    int32_t stream_id;
    int64_t due_ns;         /* INT64_MAX: none */
    int stop_fd;            /* 0: none */
    struct ms_text request; /* its frame */
    size_t request_at;
    struct ms_text in; /* frames that came and were not handed out, from in_at */
    size_t in_at;
    size_t held;            /* bytes that the stream's window does not have back yet */
    int status;             /* grpc-status; -1 before it came */
    int http;               /* :status */
    struct ms_text message; /* grpc-message as it came */
    bool over;              /* the stream has closed */
    uint32_t reason;        /* by this of HTTP/2's error codes */
    bool failed;            /* failure says why */
    struct ms_err failure;
};

/* Makes client->session and queues its SETTINGS. */
int ms_client_session_open(struct ms_client *client, struct ms_err *err);

/* Whether a whole message waits in answer->in, and its size. */
bool ms_answer_ready(const struct ms_answer *answer, size_t *size);

/* Fails the answer when the frame that comes in next can be none of ours. */
void ms_answer_check(struct ms_answer *answer);

/* Gives the stream's window back what was held. */
void ms_answer_consume(struct ms_answer *answer);

/* Fails as the stream ended: 0 when it ended well. */
int ms_answer_ended(struct ms_answer *answer, struct ms_err *err);

/* What the session reads a request by. */
ssize_t ms_answer_read_request(nghttp2_session *session, int32_t stream_id, uint8_t *buffer,
                               size_t length, uint32_t *flags, nghttp2_data_source *source,
                               void *user);
