/* Many clients at once that call, cancel, stall, and go without a word; and a server that answers
 * in all ways, and at last drains. Afterwards nothing is left. `unit_rpc_storm [SEED]`
 */
#include <time.h>

#include "rpc/conn.h"
#include "rpc_support.h"

enum { CLIENTS = 12, ACTIONS = 20000, HELD = 64 };

struct client {
    struct world world; /* loop and server are the storm's */
    uint32_t stream;    /* the next one */
    bool open;
};

/* What the server's side holds without having answered. */
struct held {
    struct ms_call *call;
    uint64_t turn;
};

static uint64_t seed;
static struct client clients[CLIENTS];
static struct held held[HELD];

static unsigned draw(unsigned below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 33) % below);
}

static void open_client(struct client *client, const struct world *base) {
    client->world = (struct world){.loop = base->loop, .server = base->server};
    connect_world(&client->world);
    client->stream = 1;
    client->open = true;
    if (draw(20) != 0)
        say_hello(&client->world);
}

static void close_client(struct client *client) {
    if (draw(3) == 0)
        (void)shutdown(client->world.fd, SHUT_WR);
    disconnect_world(&client->world);
    client->open = false;
}

/* Most sockets are small: what does not fit is not said. */
static bool has_room(const struct client *client) {
    return client->stream < 2 * STREAMS - 2 && !client->world.mute;
}

static void act(struct client *client, const struct world *base) {
    static const char *const timed[] = {"grpc-timeout", "2m", NULL};
    uint8_t code[4] = {0, 0, 0, NGHTTP2_CANCEL};
    uint8_t window[4] = {0, 0, (uint8_t)draw(256), 1};
    struct world *world = &client->world;
    if (!client->open) {
        open_client(client, base);
        return;
    }
    unsigned action = draw(16);
    if (action < 6 && has_room(client)) {
        say_headers(world, client->stream, 0, draw(3) == 0 ? timed : NULL);
        if (draw(8) != 0)
            say_message(world, client->stream, NGHTTP2_FLAG_END_STREAM, "what is asked");
        client->stream += 2;
    } else if (action < 8 && client->stream > 1 && has_room(client)) {
        uint32_t stream = 2 * draw(client->stream / 2) + 1;
        say_frame(world, NGHTTP2_RST_STREAM, 0, stream, code, 4);
    } else if (action < 10 && client->stream > 1 && has_room(client)) {
        uint32_t stream = 2 * draw(client->stream / 2) + 1;
        say_frame(world, NGHTTP2_WINDOW_UPDATE, 0, draw(2) * stream, window, 4);
    } else if (action < 14) {
        (void)hear(world);
    } else if (action == 14 || !has_room(client)) {
        close_client(client);
    }
}

static void answer(struct ms_call *call) {
    static const char bytes[30000];
    unsigned how = draw(8);
    if (how < 4)
        send_text(call, bytes, draw(how < 2 ? 10 : sizeof bytes));
    if (how < 2) {
        ms_call_finish(call);
    } else if (how == 2) {
        fail_text(call, 14, "later");
    } else if (how < 6) { /* answered when it is woken, or another time */
        struct held *place = &held[draw(HELD)];
        if (place->call != NULL && ms_call_turn(place->call) == place->turn)
            ms_call_finish(place->call);
        *place = (struct held){call, ms_call_turn(call)};
        if (how == 3)
            ms_call_wait(call);
    }
}

static void serve(const struct world *base) {
    uint32_t slot;
    struct ms_call *call;
    while ((call = ms_server_next(base->server)) != NULL)
        answer(call);
    while ((call = ms_server_woken(base->server, &slot)) != NULL)
        if (ms_call_alive(call))
            answer(call);
}

static void a_storm_leaves_nothing_behind(void) {
    struct world base;
    const struct ms_server_options options = {.max_streams = 40, .preface_ms = 20};
    uint64_t first = seed;
    open_world(&base, &options);
    for (int i = 0; i < ACTIONS; i++) {
        act(&clients[draw(CLIENTS)], &base);
        if (i == ACTIONS - ACTIONS / 10)
            ms_server_drain(base.server);
        if (draw(4) == 0) {
            ms_loop_wait(base.loop, 0);
            serve(&base);
        }
    }
    const struct ms_server_counters *counters = ms_server_counters(base.server);
    (void)printf("seed %llu: %llu connections, %llu calls, %llu resets\n",
                 (unsigned long long)first, (unsigned long long)counters->connections,
                 (unsigned long long)counters->accepted, (unsigned long long)counters->resets);
    CHECK(counters->connections > 500 && counters->accepted > 5000);
    for (int i = 0; i < CLIENTS; i++)
        if (clients[i].open)
            close_client(&clients[i]);
    CHECK(close(base.fd) == 0);
    base.fd = -1;
    base.closed = true;
    UNTIL(&base, ms_server_connections(base.server) == 0);
    serve(&base);
    CHECK(ms_server_calls(base.server) == 0 && base.server->unfinished == 0);
    UNTIL(&base, ms_timers_due(&base.loop->timers) == INT64_MAX); /* the drain's own is the last */
    close_world(&base);
}

int main(int argc, char **argv) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)now.tv_nsec * 2654435761U + 1;
    RUN(a_storm_leaves_nothing_behind);
    return 0;
}
