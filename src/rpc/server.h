/* server.h - gRPC on a listening unix socket: connections, and the calls that arrived.
 *
 * One HTTP/2 session a connection, all on one loop and in its thread. The server knows no service:
 * it hands out calls whose request is complete, and ends by itself those that can never be right
 * (their messages, their timeouts) or whose deadline passes.
 *
 *     a limit                          what happens beyond it
 *     connections                      closed when accepted
 *     streams of a connection          refused by HTTP/2
 *     bytes of headers (16 KiB)        the stream is reset
 *     bytes of a request               8, when its length is announced
 *     unfinished requests, all         8
 *     time until a client's SETTINGS   the connection is closed
 *     resets, CONTINUATIONs, acks      GOAWAY, closed
 *     output of one turn (1 MiB)       goes on in the next turn
 *
 * Source: RFC 9113; gRPC over HTTP2 (PROTOCOL-HTTP2.md).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/call.h"
#include "rpc/loop.h"

struct ms_err;
struct ms_server;

#define MS_SERVER_KEEP 8
#define MS_SERVER_PATHS 64

/* Zero means the number behind it. */
struct ms_server_options {
    size_t max_message;       /* bytes of one request: 16 MiB */
    size_t max_unfinished;    /* bytes of all requests that are not complete: 256 MiB */
    unsigned max_streams;     /* of one connection: 1000 */
    unsigned max_connections; /* 1000 */
    unsigned preface_ms;      /* 10000 */
    const char *const *keep;  /* names of headers, lower case, a NULL behind; or NULL. Copied */
};

struct ms_server_counters {
    uint64_t connections; /* accepted since the beginning */
    uint64_t accepted;    /* calls: streams that clients opened */
    uint64_t refused;     /* connections */
    uint64_t protocol_errors;
    uint64_t resets; /* by clients */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* Makes a server on a loop that outlives it. fd is a listening socket, which is the server's from
 * now on, also on failure; -1 for none. */
int ms_server_new(struct ms_loop *loop, int fd, const struct ms_server_options *options,
                  struct ms_server **out, struct ms_err *err);

/* Ends the calls that are open with 14, sends what can be sent at once, closes all, frees all. */
void ms_server_free(struct ms_server *server);

/* Serves a connected socket, which is the server's from now on, also on failure. */
int ms_server_adopt(struct ms_server *server, int fd, struct ms_err *err);

/* The next call whose request is complete; NULL for none. */
struct ms_call *ms_server_next(struct ms_server *server);

/* The next call that ms_call_wait was asked for: writable, or over, then valid no more: *out_slot
 * is the number that it had, and it is not alive. */
struct ms_call *ms_server_woken(struct ms_server *server, uint32_t *out_slot);

/* Closes the listener, tells all clients (GOAWAY), and 100 ms later refuses their new streams.
 * Connections close when they have no call any more. */
void ms_server_drain(struct ms_server *server);

/* The next wait of the loop does not block. */
void ms_server_poke(struct ms_server *server);

size_t ms_server_connections(const struct ms_server *server);
size_t ms_server_calls(const struct ms_server *server);
const struct ms_server_counters *ms_server_counters(const struct ms_server *server);
