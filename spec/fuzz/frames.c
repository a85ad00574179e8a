/* A client's bytes, any bytes, behind its preface and SETTINGS: a server must bear them.
 *
 * First byte: how the calls that arrive are answered, and in what pieces the rest arrives.
 */
#include <assert.h>
#include <stdint.h>

#include "base/err.h"
#include "rpc/conn.h"

static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

/* Looks at all of a request, then answers in one of eight ways. */
static void answer(struct ms_call *call, unsigned how) {
    static const char bytes[3000];
    size_t sum = 0;
    size_t size;
    const char *path = ms_call_path(call, &size);
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)path[i];
    const char *request = ms_call_request(call, &size);
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)request[i];
    for (size_t i = 0; i < MS_SERVER_KEEP; i++)
        if (ms_call_header(call, i, &size) != NULL)
            sum += size;
    if ((how & 1) != 0) {
        ms_text_append(ms_call_begin(call), bytes, sum % sizeof bytes);
        assert(ms_call_send(call));
    }
    if ((how & 2) != 0)
        ms_call_wait(call);
    if ((how & 4) != 0)
        ms_call_fail(call, (int)(sum % 16) + 1, request, size % 100);
    else if ((how & 2) == 0)
        ms_call_finish(call);
}

static void work(struct ms_server *server, unsigned how) {
    uint32_t slot;
    struct ms_call *call;
    while ((call = ms_server_next(server)) != NULL)
        answer(call, how);
    while ((call = ms_server_woken(server, &slot)) != NULL)
        if (ms_call_alive(call))
            ms_call_finish(call);
    server->part.before(&server->part); /* sends, and closes */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const keep[] = {"x-kept", NULL};
    const struct ms_server_options options = {
        .max_message = 4096, .max_unfinished = 16384, .max_streams = 20, .keep = keep};
    struct ms_loop *loop;
    struct ms_server *server;
    struct ms_conn *conn;
    struct ms_err err;
    ms_auto_text struct ms_text out = {0};
    if (size == 0)
        return 0;
    unsigned how = bytes[0];
    size_t piece = how / 8 + 1;
    if (ms_loop_new(&loop, &err) < 0 || ms_server_new(loop, -1, &options, &server, &err) < 0 ||
        ms_conn_new(server, -1, &conn, &err) < 0)
        return 0;
    conn->memory = &out;
    ms_conn_feed(conn, hello, sizeof hello - 1);
    work(server, how);
    for (size_t at = 1; at < size && ms_server_connections(server) == 1;) {
        size_t now = size - at < piece ? size - at : piece;
        ms_conn_feed(conn, bytes + at, now);
        at += now;
        piece *= 2; /* small ones first: where a frame is cut matters at its beginning */
        work(server, how);
    }
    assert(server->unfinished <= options.max_unfinished + 16384);
    ms_server_drain(server);
    work(server, how);
    ms_server_free(server);
    ms_loop_free(loop);
    return 0;
}
