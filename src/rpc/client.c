#include "rpc/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"
#include "rpc/client_session.h"
#include "rpc/frame.h"
#include "rpc/metadata.h"
#include "rpc/timer.h"

#define READ_SIZE 65536
#define MS_NS INT64_C(1000000)

static void client_release(struct ms_client **client) { ms_client_free(*client); }
#define auto_client __attribute__((cleanup(client_release)))

static void answer_release(struct ms_answer **answer) { ms_answer_free(*answer); }
#define auto_answer __attribute__((cleanup(answer_release)))

/* No more goes over the connection. */
static int broken(struct ms_client *client, const char *why) {
    if (!client->broken)
        (void)ms_err_set(&client->failure, MS_UNAVAILABLE, "the connection is gone: %s", why);
    client->broken = true;
    return client->failure.kind;
}

/* Puts the next of what the session has to say into client->out; false when there is nothing. */
static bool refill(struct ms_client *client) {
    const uint8_t *bytes;
    client->out.size = client->out_at = 0;
    ssize_t size = nghttp2_session_mem_send(client->session, &bytes);
    if (size < 0)
        broken(client, nghttp2_strerror((int)size));
    if (size <= 0)
        return false;
    ms_text_append(&client->out, bytes, (size_t)size);
    if (client->out.failed)
        broken(client, "out of memory");
    return true;
}

/* Sends all that the session has to say, or as much as fits into the socket. */
static void flush(struct ms_client *client) {
    while (!client->broken && (client->out_at < client->out.size || refill(client))) {
        ssize_t sent = send(client->fd, client->out.bytes + client->out_at,
                            client->out.size - client->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (sent < 0 && errno != EINTR)
            broken(client, strerror(errno));
        if (sent > 0)
            client->out_at += (size_t)sent;
    }
}

/* Reads what is there. */
static void take(struct ms_client *client) {
    uint8_t bytes[READ_SIZE];
    ssize_t size = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            broken(client, strerror(errno));
        return;
    }
    if (size == 0) {
        broken(client, "the server closed it");
        return;
    }
    ssize_t used = nghttp2_session_mem_recv(client->session, bytes, (size_t)size);
    if (used < 0)
        broken(client, nghttp2_strerror((int)used));
}

/* Sends what is queued and waits once for more, not beyond due_ns. True: stop_fd is readable. */
static bool turn(struct ms_client *client, int64_t due_ns, int stop_fd) {
    flush(client);
    if (client->broken)
        return false;
    int wait = -1;
    if (due_ns != INT64_MAX) {
        int64_t left = (due_ns - ms_steady_ns() + MS_NS - 1) / MS_NS;
        wait = left < 0 ? 0 : left < 60000 ? (int)left : 60000;
    }
    bool full = client->out_at != client->out.size;
    struct pollfd fds[] = {{.fd = client->fd, .events = (short)(POLLIN | (full ? POLLOUT : 0))},
                           {.fd = stop_fd, .events = POLLIN}};
    if (poll(fds, stop_fd > 0 ? 2 : 1, wait) <= 0)
        return false;
    if ((fds[0].revents & ~POLLOUT) != 0)
        take(client);
    return fds[1].revents != 0;
}

static int dial(const char *path, int *out, struct ms_err *err) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address.sun_path)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "connect '%s': a socket's path has 1 to %zu bytes", path,
                          sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, size);
    ms_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ms_err_sys(err, errno, "connect '%s'", path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int sys = errno;
        (void)ms_err_sys(err, sys, "connect '%s'", path);
        if (sys == ENOENT || sys == ECONNREFUSED || sys == EAGAIN)
            err->kind = MS_UNAVAILABLE;
        return err->kind;
    }
    *out = ms_take_fd(&fd);
    return 0;
}

int ms_client_connect(const char *path, struct ms_client **out, struct ms_err *err) {
    auto_client struct ms_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return ms_err_memory(err);
    client->fd = -1;
    int kind = dial(path, &client->fd, err);
    if (kind == 0)
        kind = ms_client_session_open(client, err);
    if (kind < 0)
        return kind;
    flush(client);
    *out = ms_take_ptr(&client);
    return 0;
}

void ms_client_free(struct ms_client *client) {
    if (client == NULL)
        return;
    while (client->answers != NULL)
        ms_answer_free(client->answers);
    nghttp2_session_del(client->session);
    if (client->fd >= 0)
        (void)close(client->fd);
    ms_text_clear(&client->out);
    free(client);
}

/* ---- calls -----------------------------------------------------------------------------------*/

static nghttp2_nv pair(const char *name, const char *value) {
    return (nghttp2_nv){.name = (uint8_t *)name,
                        .value = (uint8_t *)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static int check_headers(const struct ms_client_call *call, struct ms_err *err) {
    if (call->header_count > MS_CLIENT_HEADERS)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "a call has at most %d headers",
                          MS_CLIENT_HEADERS);
    for (size_t i = 0; i < call->header_count; i++) {
        const struct ms_client_header *header = &call->headers[i];
        for (size_t at = 0; at < header->value_size; at++)
            if (header->value[at] < 0x20 || header->value[at] > 0x7e)
                return ms_err_set(err, MS_INVALID_ARGUMENT,
                                  "header %s: it may hold printable ASCII only", header->name);
    }
    return 0;
}

static int submit(struct ms_answer *answer, const struct ms_client_call *call, struct ms_err *err) {
    char timeout[MS_TIMEOUT_ROOM];
    nghttp2_nv headers[8 + MS_CLIENT_HEADERS];
    size_t count = 0;
    headers[count++] = pair(":method", "POST");
    headers[count++] = pair(":scheme", "http");
    headers[count++] = pair(":path", call->path);
    headers[count++] = pair(":authority", "localhost");
    headers[count++] = pair("content-type", "application/grpc");
    headers[count++] = pair("te", "trailers");
    if (call->timeout_ms > 0) {
        ms_timeout_format(call->timeout_ms * MS_NS, timeout);
        headers[count++] = pair("grpc-timeout", timeout);
    }
    for (size_t i = 0; i < call->header_count; i++)
        headers[count++] = pair(call->headers[i].name, call->headers[i].value);
    nghttp2_data_provider provider = {.read_callback = ms_answer_read_request};
    answer->stream_id =
        nghttp2_submit_request(answer->client->session, NULL, headers, count, &provider, answer);
    if (answer->stream_id < 0)
        return ms_err_set(err, MS_UNAVAILABLE, "the connection takes no more calls: %s",
                          nghttp2_strerror(answer->stream_id));
    return 0;
}

/* Puts the frame of a request into answer->request. */
static int frame(struct ms_answer *answer, const struct ms_client_call *call, struct ms_err *err) {
    uint8_t prefix[MS_FRAME_PREFIX];
    if (call->size > UINT32_MAX)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "the request is too long");
    ms_frame_prefix(prefix, (uint32_t)call->size);
    ms_text_append(&answer->request, prefix, sizeof prefix);
    ms_text_append(&answer->request, call->request, call->size);
    return ms_text_check(&answer->request, err);
}

int ms_client_begin(struct ms_client *client, const struct ms_client_call *call,
                    struct ms_answer **out, struct ms_err *err) {
    int kind = check_headers(call, err);
    if (kind < 0)
        return kind;
    if (client->broken) {
        *err = client->failure;
        return err->kind;
    }
    if (!nghttp2_session_check_request_allowed(client->session))
        return ms_err_set(err, MS_UNAVAILABLE, "the server ends, and takes no more calls");
    auto_answer struct ms_answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL)
        return ms_err_memory(err);
    answer->client = client;
    answer->stream_id = -1;
    answer->status = -1;
    answer->stop_fd = call->stop_fd;
    answer->due_ns = call->timeout_ms > 0 ? ms_steady_ns() + call->timeout_ms * MS_NS : INT64_MAX;
    answer->next = client->answers;
    if (client->answers != NULL)
        client->answers->previous = answer;
    client->answers = answer;
    kind = frame(answer, call, err);
    if (kind == 0)
        kind = submit(answer, call, err);
    if (kind < 0)
        return kind;
    flush(client);
    *out = ms_take_ptr(&answer);
    return 0;
}

/* Hands out the message at answer->in_at. */
static int hand_out(struct ms_answer *answer, const char **bytes, size_t size) {
    size_t next;
    *bytes = answer->in.bytes + answer->in_at + MS_FRAME_PREFIX;
    answer->in_at += MS_FRAME_PREFIX + size;
    if (!ms_answer_ready(answer, &next))
        ms_answer_consume(answer);
    return 1;
}

/* Forgets the message that was handed out before. */
static void shift(struct ms_answer *answer) {
    if (answer->in_at == 0)
        return;
    answer->in.size -= answer->in_at;
    memmove(answer->in.bytes, answer->in.bytes + answer->in_at, answer->in.size);
    answer->in_at = 0;
}

int ms_answer_next(struct ms_answer *answer, const char **bytes, size_t *size, struct ms_err *err) {
    size_t ready;
    if (!ms_answer_ready(answer, &ready))
        shift(answer);
    ms_answer_check(answer);
    while (answer->failed || !ms_answer_ready(answer, size)) {
        if (answer->failed) {
            *err = answer->failure;
            return err->kind;
        }
        if (answer->over)
            return ms_answer_ended(answer, err);
        if (answer->client->broken) {
            *err = answer->client->failure;
            return err->kind;
        }
        if (answer->due_ns <= ms_steady_ns())
            return ms_err_set(err, MS_DEADLINE_EXCEEDED, "the time is over");
        if (turn(answer->client, answer->due_ns, answer->stop_fd))
            return ms_err_set(err, MS_CANCELED, "interrupted");
    }
    return hand_out(answer, bytes, *size);
}

void ms_answer_free(struct ms_answer *answer) {
    if (answer == NULL)
        return;
    struct ms_client *client = answer->client;
    if (answer->stream_id > 0 && !answer->over && !client->broken) {
        (void)nghttp2_session_set_stream_user_data(client->session, answer->stream_id, NULL);
        (void)nghttp2_submit_rst_stream(client->session, NGHTTP2_FLAG_NONE, answer->stream_id,
                                        NGHTTP2_CANCEL);
        flush(client);
    }
    if (answer->previous != NULL)
        answer->previous->next = answer->next;
    else
        client->answers = answer->next;
    if (answer->next != NULL)
        answer->next->previous = answer->previous;
    ms_text_clear(&answer->request);
    ms_text_clear(&answer->in);
    ms_text_clear(&answer->message);
    free(answer);
}
