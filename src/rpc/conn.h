/* conn.h - a connection of a server, its streams, and the server's own fields: inside of rpc only.
 *
 *     server.c    listener, limits, drain
 *     calls.c     memory of calls; those that are ready, those that are woken
 *     conn.c      bytes in and out of a session
 *     session.c   what nghttp2 tells: headers, data, ends
 *     call.c      the answer
 *
 * A connection without a descriptor (-1) lives in memory: its output goes to a text. Nothing here
 * is freed inside of nghttp2's callbacks.
 */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "rpc/loop.h"
#include "rpc/server.h"

struct ms_conn {
    struct ms_source source;
    struct ms_timer timer; /* until SETTINGS; after a half close until the end; while it lingers */
    int64_t linger_until_ns;
    struct ms_server *server;
    struct ms_conn *next, *previous;
    struct ms_conn *next_dirty;
    struct ms_call *calls; /* whose stream is open */
    nghttp2_session *session;
    struct ms_text rest; /* output that the socket did not take, from rest_at */
    size_t rest_at;
    struct ms_text *memory; /* where output goes when there is no descriptor; NULL: nowhere */
    struct ms_peer peer;
    bool dirty;   /* has perhaps something to send */
    bool half;    /* the client sends no more */
    bool failed;  /* flush what says why, then close */
    bool lasting; /* had calls when the server began to end: its client may still read */
    bool lingers; /* all is sent; open until the client has read it */
};

/* Where in call.head something is. */
struct ms_span {
    uint32_t at;
    uint32_t size;
    bool there;
};

struct ms_call {
    struct ms_timer timer; /* the deadline */
    struct ms_conn *conn;
    struct ms_call *next, *previous; /* of the connection; next alone in the free list */
    struct ms_call *next_ready;
    struct ms_call *next_woken;
    uint64_t turn;
    int64_t due_ns;
    int32_t stream_id;
    uint32_t slot;
    struct ms_text head; /* path and kept headers */
    struct ms_span path;
    unsigned path_number; /* see ms_call_path_number */
    struct ms_span kept[MS_SERVER_KEEP];
    size_t head_size;       /* as HTTP/2 counts */
    struct ms_text in;      /* prefix and request */
    struct ms_text out;     /* prefixes and messages */
    size_t out_ready;       /* bytes of out that are whole messages */
    size_t out_sent;        /* bytes of out that went to the session */
    int code;               /* the status it ended with */
    struct ms_text message; /* the status's text, coded */

    bool headers_done; /* the request's HEADERS have ended */
    bool post;         /* :method POST */
    bool grpc;         /* content-type application/grpc */
    bool bad_timeout;
    bool complete; /* the request is whole */
    bool answered; /* HEADERS were submitted */
    bool deferred; /* the session waits for more */
    bool ended;    /* code and message are final */
    bool queued;   /* in the list of ready calls */
    bool waiting;  /* ms_server_woken is to name it */
    bool woken;    /* in that list */
    bool closed;   /* the stream is closed; only a list still names it */
};

struct ms_server {
    struct ms_loop *loop;
    struct ms_part part;
    struct ms_source listener; /* fd -1 when closed */
    struct ms_timer again;     /* accepting, after descriptors were short */
    struct ms_timer drain;     /* its second step */
    struct ms_server_options options;
    char *keep[MS_SERVER_KEEP]; /* names of headers */
    size_t keep_count;
    struct ms_text paths[MS_SERVER_PATHS]; /* of calls, the first ones */
    unsigned path_count;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *settings;
    struct ms_conn *conns;
    struct ms_conn *dirty;
    size_t conn_count;
    size_t call_count;
    size_t unfinished; /* bytes of requests that are not complete */
    struct ms_call *free_calls;
    size_t free_count;
    uint32_t slots;
    struct ms_call **all; /* by slot - 1 */
    struct ms_call *ready_first, *ready_last;
    struct ms_call *woken_first, *woken_last;
    bool draining;
    struct ms_server_counters counters;
    char *in;  /* what is read from a socket */
    char *out; /* what is gathered for a socket */
};

#define MS_CONN_IN 65536
#define MS_CONN_GATHER 65536                 /* sent at once */
#define MS_CONN_OUT (MS_CONN_GATHER + 32768) /* and room for one frame more */
#define MS_CONN_TURN (1024 * 1024)           /* of one connection and turn, each way */
#define MS_CONN_QUEUE 2000                   /* frames to send; with more nothing is read */
#define MS_HEADERS_MAX 16384

/* ---- session.c -------------------------------------------------------------------------------*/

int ms_session_callbacks_new(struct ms_server *server, struct ms_err *err);
int ms_session_open(struct ms_conn *conn, struct ms_err *err);

/* ---- conn.c ----------------------------------------------------------------------------------*/

/* fd -1: in memory. */
int ms_conn_new(struct ms_server *server, int fd, struct ms_conn **out, struct ms_err *err);

/* Closes at once and frees; the calls are gone. Never inside of a callback. */
void ms_conn_free(struct ms_conn *conn);

/* Input, as from a socket. */
void ms_conn_feed(struct ms_conn *conn, const void *bytes, size_t size);

/* Notes that there may be something to send. */
void ms_conn_touch(struct ms_conn *conn);

/* Sends up to a turn's bytes; frees the connection when it is over. */
void ms_conn_flush(struct ms_conn *conn);

/* ---- calls.c --------------------------------------------------------------------------------*/

/* A call for a new stream; NULL without memory. */
struct ms_call *ms_server_take_call(struct ms_conn *conn, int32_t stream_id);

/* The stream has closed. */
void ms_server_drop_call(struct ms_call *call);

/* Hands the call out. */
void ms_server_offer(struct ms_call *call);

/* Names a call that waits, if it does. */
void ms_server_wake(struct ms_call *call);

/* ---- call.c ----------------------------------------------------------------------------------*/

/* The deadline passed. */
void ms_call_expire(struct ms_timer *timer);

/* HTTP's own refusal, before any gRPC. */
void ms_call_refuse(struct ms_call *call, const char *http_status);

/* Fails with a string. */
void ms_call_fail_text(struct ms_call *call, int code, const char *message);

/* What read callbacks of the session do. */
ssize_t ms_call_read(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t length,
                     uint32_t *flags, nghttp2_data_source *source, void *user);
