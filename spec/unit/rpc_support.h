/* rpc_support.h - a server on a loop, and a client of bytes: it sends the frames it is told to,
 * right or wrong, and notes what comes back.
 */
#pragma once

#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"
#include "rpc/frame.h"
#include "rpc/server.h"
#include "unit_support.h"

#define STREAMS 64 /* that are noted: numbers below 2 * STREAMS */

struct heard {
    char http[8];
    char status[8];
    char message[8000];
    struct ms_text data;
    bool ended;
    int64_t reset; /* -1: not */
};

struct world {
    struct ms_loop *loop;
    struct ms_server *server;
    int fd; /* the client's end */
    nghttp2_hd_inflater *inflater;
    struct ms_text in; /* what was not taken apart yet */
    struct heard heard[STREAMS];
    int64_t goaway; /* the last one's code; -1: none */
    int32_t last_stream;
    unsigned goaways;
    unsigned acks; /* of PINGs */
    bool settings;
    bool mute; /* the server has closed: what it said before may still be heard */
    bool closed;
};

static inline struct heard *heard_of(struct world *world, uint32_t stream) {
    CHECK(stream % 2 == 1 && stream / 2 < STREAMS);
    return &world->heard[stream / 2];
}

static inline void connect_world(struct world *world) {
    int pair[2];
    struct ms_err err = {0};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    world->fd = pair[0];
    CHECK(ms_server_adopt(world->server, pair[1], &err) == 0);
    CHECK(nghttp2_hd_inflate_new(&world->inflater) == 0);
    for (int i = 0; i < STREAMS; i++)
        world->heard[i].reset = -1;
    world->goaway = -1;
}

static inline void open_world(struct world *world, const struct ms_server_options *options) {
    static const char *const keep[] = {"x-kept", "x-other", NULL};
    struct ms_server_options with = *options;
    struct ms_err err = {0};
    with.keep = keep;
    *world = (struct world){0};
    CHECK(ms_loop_new(&world->loop, &err) == 0);
    CHECK(ms_server_new(world->loop, -1, &with, &world->server, &err) == 0);
    connect_world(world);
}

static inline void disconnect_world(struct world *world) {
    for (int i = 0; i < STREAMS; i++)
        ms_text_clear(&world->heard[i].data);
    if (world->inflater != NULL)
        nghttp2_hd_inflate_del(world->inflater);
    ms_text_clear(&world->in);
    if (world->fd >= 0)
        CHECK(close(world->fd) == 0);
}

static inline void close_world(struct world *world) {
    disconnect_world(world);
    ms_server_free(world->server);
    ms_loop_free(world->loop);
}

/* ---- what the client says --------------------------------------------------------------------*/

static inline void say(struct world *world, const void *bytes, size_t size) {
    const char *at = bytes;
    for (int tries = 0; size > 0 && !world->mute; tries++) {
        ssize_t sent = send(world->fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EPIPE) {
            world->mute = true;
            return;
        }
        CHECK(tries < 100000 && (sent >= 0 || errno == EAGAIN));
        if (sent < 0)
            ms_loop_wait(world->loop, 0);
        at += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static inline void say_frame(struct world *world, int type, int flags, uint32_t stream,
                             const void *payload, size_t size) {
    uint8_t head[9] = {(uint8_t)(size >> 16),   (uint8_t)(size >> 8),   (uint8_t)size,
                       (uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
                       (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    say(world, head, sizeof head);
    say(world, payload, size);
}

static inline void say_hello(struct world *world) {
    say(world, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    say_frame(world, NGHTTP2_SETTINGS, 0, 0, "", 0);
}

/* One literal field, not indexed. */
static inline void put_field(struct ms_text *out, const char *name, const char *value) {
    const char *const words[] = {name, value};
    ms_text_append(out, "", 1);
    for (int i = 0; i < 2; i++) {
        size_t size = strlen(words[i]);
        uint8_t length[4] = {0x7f, (uint8_t)((size - 127) | 0x80), (uint8_t)((size - 127) >> 7)};
        if (size < 127)
            length[0] = (uint8_t)size;
        ms_text_append(out, length, size < 127 ? 1 : 3);
        ms_text_puts(out, words[i]);
    }
}

/* HEADERS of a call; name and value, name and value, and a NULL come before what every call has:
 * the first of a name counts. */
static inline void say_headers(struct world *world, uint32_t stream, int flags,
                               const char *const *fields) {
    static const char *const usual[] = {
        ":path",      "/unit.Test/Call", ":method", "POST",     ":scheme",      "http",
        ":authority", "/run/x.sock",     "te",      "trailers", "content-type", "application/grpc"};
    ms_auto_text struct ms_text block = {0};
    size_t given = 0;
    while (fields != NULL && fields[given] != NULL)
        given += 2;
    for (size_t i = 0; i < given; i += 2)
        put_field(&block, fields[i], fields[i + 1]);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i += 2) {
        bool there = false;
        for (size_t j = 0; j < given; j += 2)
            there = there || strcmp(fields[j], usual[i]) == 0;
        if (!there)
            put_field(&block, usual[i], usual[i + 1]);
    }
    say_frame(world, NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, stream, block.bytes,
              block.size);
}

/* DATA with a message's prefix in front. */
static inline void say_message(struct world *world, uint32_t stream, int flags, const char *text) {
    ms_auto_text struct ms_text message = {0};
    uint8_t prefix[MS_FRAME_PREFIX];
    ms_frame_prefix(prefix, (uint32_t)strlen(text));
    ms_text_append(&message, prefix, sizeof prefix);
    ms_text_puts(&message, text);
    say_frame(world, NGHTTP2_DATA, flags, stream, message.bytes, message.size);
}

static inline void say_call(struct world *world, uint32_t stream, const char *text) {
    say_headers(world, stream, 0, NULL);
    say_message(world, stream, NGHTTP2_FLAG_END_STREAM, text);
}

/* ---- what it hears ---------------------------------------------------------------------------*/

static inline uint32_t number_at(const char *bytes) { /* four bytes, big-endian */
    return ms_frame_length((const uint8_t *)bytes - 1);
}

static inline void hear_field(struct heard *heard, const nghttp2_nv *field) {
    static const struct {
        const char *name;
        size_t at, room;
    } known[] = {{":status", offsetof(struct heard, http), 8},
                 {"grpc-status", offsetof(struct heard, status), 8},
                 {"grpc-message", offsetof(struct heard, message), 8000}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) == field->namelen &&
            memcmp(known[i].name, field->name, field->namelen) == 0) {
            CHECK(field->valuelen < known[i].room);
            memcpy((char *)heard + known[i].at, field->value, field->valuelen);
        }
    }
}

static inline void hear_headers(struct world *world, struct heard *heard, const char *block,
                                size_t size) {
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
        nghttp2_nv field;
        ssize_t taken = nghttp2_hd_inflate_hd2(world->inflater, &field, &flags,
                                               (const uint8_t *)block, size, 1);
        CHECK(taken >= 0);
        block += taken;
        size -= (size_t)taken;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
            hear_field(heard, &field);
    }
    CHECK(nghttp2_hd_inflate_end_headers(world->inflater) == 0);
}

static inline void hear_frame(struct world *world, const char *head, const char *payload,
                              size_t size) {
    int type = (uint8_t)head[3];
    int flags = (uint8_t)head[4];
    uint32_t stream = number_at(head + 5);
    if (type == NGHTTP2_SETTINGS) {
        world->settings = true;
    } else if (type == NGHTTP2_PING) {
        world->acks++;
    } else if (type == NGHTTP2_GOAWAY) {
        world->goaways++;
        world->last_stream = (int32_t)number_at(payload);
        world->goaway = number_at(payload + 4);
    } else if (type == NGHTTP2_RST_STREAM) {
        heard_of(world, stream)->reset = number_at(payload);
    } else if (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) {
        struct heard *heard = heard_of(world, stream);
        CHECK(!heard->ended);
        if (type == NGHTTP2_HEADERS)
            hear_headers(world, heard, payload, size);
        else
            ms_text_append(&heard->data, payload, size);
        heard->ended = (flags & NGHTTP2_FLAG_END_STREAM) != 0;
    }
}

/* Takes what there is; true when there was something. */
static inline bool hear(struct world *world) {
    static char buffer[65536];
    if (world->closed)
        return false;
    ssize_t size = recv(world->fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN)
        return false;
    if (size <= 0) {
        world->closed = true;
        return true;
    }
    ms_text_append(&world->in, buffer, (size_t)size);
    size_t at = 0;
    while (world->in.size - at >= 9) {
        const char *head = world->in.bytes + at;
        size_t length = number_at(head) >> 8;
        if (world->in.size - at < 9 + length)
            break;
        hear_frame(world, head, head + 9, length);
        at += 9 + length;
    }
    memmove(world->in.bytes, world->in.bytes + at, world->in.size - at);
    world->in.size -= at;
    return true;
}

/* Turns until nothing moves any more. */
static inline void settle(struct world *world) {
    for (int still = 0; still < 3; still++) {
        ms_loop_wait(world->loop, 0);
        while (hear(world))
            still = 0;
    }
}

/* Turns until a condition holds; five seconds are too long. */
#define UNTIL(world, condition)                                                                    \
    do {                                                                                           \
        int64_t until_ns_ = ms_steady_ns() + 5000000000LL;                                         \
        while (!(condition)) {                                                                     \
            CHECK(ms_steady_ns() < until_ns_ && #condition);                                       \
            ms_loop_wait((world)->loop, 5);                                                        \
            while (hear(world))                                                                    \
                ;                                                                                  \
        }                                                                                          \
    } while (0)

/* The next call; there must be one. */
static inline struct ms_call *take(struct world *world) {
    settle(world);
    struct ms_call *call = ms_server_next(world->server);
    CHECK(call != NULL);
    return call;
}

static inline void send_text(struct ms_call *call, const char *text, size_t size) {
    struct ms_text *out = ms_call_begin(call);
    CHECK(out != NULL);
    ms_text_append(out, text, size);
    CHECK(ms_call_send(call));
}

/* What a stream's data must be: one message. */
static inline void check_message(const struct heard *heard, const char *text) {
    CHECK(heard->data.size == MS_FRAME_PREFIX + strlen(text));
    CHECK(ms_frame_length((const uint8_t *)heard->data.bytes) == strlen(text));
    CHECK_TEXT(heard->data.bytes + MS_FRAME_PREFIX, text);
}

static inline void fail_text(struct ms_call *call, int code, const char *text) {
    ms_call_fail(call, code, text, strlen(text));
}
