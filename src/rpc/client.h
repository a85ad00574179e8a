/* client.h - calls gRPC services on a unix socket, and waits for what they answer.
 *
 *     client    one connection; any number of calls open at once
 *     answer    what comes back of one call: messages, then its end
 *
 *     ms_client_begin       sends the call; does not wait
 *     ms_answer_next        waits for the next message: 1; at the end 0, or the status as an error
 *     ms_answer_free        gives it up when it has not ended
 *
 * Whoever waits does the work of the whole connection, so a call may be made while the answer of
 * another one is being read. What nobody reads stays with the server: at most a window of bytes and
 * one message are held for each answer.
 *
 * Errors: the kind is the one of gRPC's number (unknown and those that have no kind: internal), the
 * text what the server said. unavailable, too, when the connection is gone, deadline_exceeded when
 * the time is over. One thread; no global state. An answer is freed before its client.
 *
 * Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ms_answer;
struct ms_client;
struct ms_err;

/* A header of a call; borrowed. Names are lower case. */
struct ms_client_header {
    const char *name;
    const char *value;
    size_t value_size;
};

#define MS_CLIENT_HEADERS 8

struct ms_client_call {
    const char *path; /* "/containerd.services.snapshots.v1.Snapshots/Stat" */
    const void *request;
    size_t size;
    const struct ms_client_header *headers;
    size_t header_count; /* at most MS_CLIENT_HEADERS */
    int64_t timeout_ms;  /* 0: none */
    int stop_fd; /* once it is readable, waiting for the answer is over: canceled; 0: none */
};

/* Connects; free it with ms_client_free. unavailable when nobody listens there, invalid_argument
 * for a path that is too long. */
int ms_client_connect(const char *path, struct ms_client **out, struct ms_err *err);
void ms_client_free(struct ms_client *client);

/* Sends a call; free the answer with ms_answer_free. invalid_argument for a header that can be
 * none. */
int ms_client_begin(struct ms_client *client, const struct ms_client_call *call,
                    struct ms_answer **out, struct ms_err *err);

/* Waits for the next message: 1 and its bytes, which are valid until the next call of
 * anything here; 0 when it has ended well; negative kind. */
int ms_answer_next(struct ms_answer *answer, const char **bytes, size_t *size, struct ms_err *err);

/* NULL is nothing. */
void ms_answer_free(struct ms_answer *answer);
