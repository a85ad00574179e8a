/* call.h - one call that a server has accepted: its request, and the answer.
 *
 *     a client's stream    HEADERS, then one message (frame.h), then its end
 *     the answer           HEADERS, messages, trailers with grpc-status and grpc-message
 *     a failure at once    one HEADERS with all of that
 *
 * A server hands out calls whose request is complete (ms_server_next). The call stays valid until
 * its stream has closed: compare ms_call_turn with what it was then. From then on the memory serves
 * another call. What is queued is sent when the loop waits.
 *
 * Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ms_call;
struct ms_text;

struct ms_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

/* How often this memory has served a call; another number than before: that call is over. */
uint64_t ms_call_turn(const struct ms_call *call);

/* A small number of this memory, from 1: no two calls of a server that are open share it. */
uint32_t ms_call_slot(const struct ms_call *call);

/* Bytes are borrowed from the call. */
const char *ms_call_path(const struct ms_call *call, size_t *out_size);
const char *ms_call_request(const struct ms_call *call, size_t *out_size);

/* A number that calls of this path alone have, from 1 to MS_SERVER_PATHS; 0 when the server has
 * seen too many others before. For whoever keeps something for each path. */
unsigned ms_call_path_number(const struct ms_call *call);

/* A header that the server was told to keep, by its place in that list; NULL when it was not sent.
 */
const char *ms_call_header(const struct ms_call *call, size_t which, size_t *out_size);

/* Who connected. */
const struct ms_peer *ms_call_peer(const struct ms_call *call);

/* When the deadline passes (timer.h's clock); INT64_MAX without one. */
int64_t ms_call_due(const struct ms_call *call);

/* False once it was ended here, or the client or the clock did. */
bool ms_call_alive(const struct ms_call *call);

/* True when all messages that were queued have gone to the connection, and it is alive. */
bool ms_call_writable(const struct ms_call *call);

/* Asks that ms_server_woken names the call when it is writable or over. */
void ms_call_wait(struct ms_call *call);

/* Begins a message: the text to append its bytes to, and nothing else. What was appended since the
 * last ms_call_send is forgotten. NULL when the call is not alive. */
struct ms_text *ms_call_begin(struct ms_call *call);

/* Queues the message that was begun. False when there was no memory: the call has failed with 8. */
bool ms_call_send(struct ms_call *call);

/* Sends what is queued now instead of when the loop waits. The call may be over then. */
void ms_call_flush(struct ms_call *call);

/* Ends the call with OK behind what is queued. */
void ms_call_finish(struct ms_call *call);

/* Ends the call with one of gRPC's numbers and any text, behind what is queued. Of a long text the
 * first 2000 bytes. */
void ms_call_fail(struct ms_call *call, int code, const char *message, size_t size);
