/* Where calls live: one for each stream that is open, handed out when their requests are whole,
 * named when who waits for them can go on. Their memory serves one call after the other. */
#include <stdlib.h>
#include <string.h>

#include "rpc/conn.h"

#define TEXT_KEPT 4096 /* what a call's buffers may have when it waits for the next */

static struct ms_call *new_call(struct ms_server *server) {
    if ((server->slots & (server->slots - 1)) == 0) { /* grows at powers of two */
        size_t room = server->slots == 0 ? 1 : 2 * (size_t)server->slots;
        struct ms_call **all =
            (struct ms_call **)realloc((void *)server->all, room * sizeof(struct ms_call *));
        if (all == NULL)
            return NULL;
        server->all = all;
    }
    struct ms_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    server->all[server->slots++] = call;
    call->slot = server->slots;
    return call;
}

struct ms_call *ms_server_take_call(struct ms_conn *conn, int32_t stream_id) {
    struct ms_server *server = conn->server;
    struct ms_call *call = server->free_calls;
    if (call != NULL)
        server->free_calls = call->next;
    else
        call = new_call(server);
    if (call == NULL)
        return NULL;
    call->stream_id = stream_id;
    call->due_ns = INT64_MAX;
    call->conn = conn;
    conn->lasting = conn->lasting || conn->server->draining;
    call->previous = NULL;
    call->next = conn->calls;
    if (call->next != NULL)
        call->next->previous = call;
    conn->calls = call;
    server->call_count++;
    return call;
}

static void empty_text(struct ms_text *text) {
    if (text->room > TEXT_KEPT || text->failed)
        ms_text_clear(text);
    text->size = 0;
}

/* Nobody names the call any more: it waits for the next stream. */
static void release(struct ms_server *server, struct ms_call *call) {
    struct ms_call kept = {.turn = call->turn,
                           .slot = call->slot,
                           .head = call->head,
                           .in = call->in,
                           .out = call->out,
                           .message = call->message,
                           .next = server->free_calls};
    *call = kept;
    empty_text(&call->head);
    empty_text(&call->in);
    empty_text(&call->out);
    empty_text(&call->message);
    server->free_calls = call;
}

void ms_server_drop_call(struct ms_call *call) {
    struct ms_conn *conn = call->conn;
    struct ms_server *server = conn->server;
    ms_timer_cancel(&server->loop->timers, &call->timer);
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        conn->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    if (!call->complete)
        server->unfinished -= call->in.size;
    server->call_count--;
    call->closed = true;
    call->turn++;
    ms_server_wake(call);
    call->conn = NULL;
    if (!call->queued && !call->woken)
        release(server, call);
}

/* Gives the call its path's number. */
static void number_path(struct ms_call *call) {
    struct ms_server *server = call->conn->server;
    size_t size;
    const char *path = ms_call_path(call, &size);
    for (unsigned i = 0; i < server->path_count; i++) {
        if (server->paths[i].size == size && memcmp(server->paths[i].bytes, path, size) == 0) {
            call->path_number = i + 1;
            return;
        }
    }
    if (size == 0 || server->path_count == MS_SERVER_PATHS)
        return;
    struct ms_text *kept = &server->paths[server->path_count];
    ms_text_append(kept, path, size);
    if (!kept->failed)
        call->path_number = ++server->path_count;
}

void ms_server_offer(struct ms_call *call) {
    struct ms_server *server = call->conn->server;
    if (server->ready_last != NULL)
        server->ready_last->next_ready = call;
    else
        server->ready_first = call;
    server->ready_last = call;
    call->queued = true;
    number_path(call);
}

struct ms_call *ms_server_next(struct ms_server *server) {
    while (server->ready_first != NULL) {
        struct ms_call *call = server->ready_first;
        server->ready_first = call->next_ready;
        if (server->ready_first == NULL)
            server->ready_last = NULL;
        call->next_ready = NULL;
        call->queued = false;
        if (call->closed)
            release(server, call);
        else if (!call->ended)
            return call;
    }
    return NULL;
}

void ms_server_wake(struct ms_call *call) {
    if (!call->waiting)
        return;
    struct ms_server *server = call->conn->server;
    call->waiting = false;
    call->woken = true;
    if (server->woken_last != NULL)
        server->woken_last->next_woken = call;
    else
        server->woken_first = call;
    server->woken_last = call;
}

struct ms_call *ms_server_woken(struct ms_server *server, uint32_t *out_slot) {
    struct ms_call *call = server->woken_first;
    if (call == NULL)
        return NULL;
    server->woken_first = call->next_woken;
    if (server->woken_first == NULL)
        server->woken_last = NULL;
    call->next_woken = NULL;
    call->woken = false;
    *out_slot = call->slot;
    if (call->closed && !call->queued)
        release(server, call);
    return call;
}
