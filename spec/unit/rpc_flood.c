/* Floods, frames that break HTTP/2, and too many of everything. */
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>

#include "rpc_support.h"

static const struct ms_server_options plain = {0};

/* Opens, says something, and expects the connection to be closed with a GOAWAY. */
static void check_closed(void (*say_it)(struct world *world), int64_t code) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    settle(&world);
    say_it(&world);
    UNTIL(&world, world.closed);
    CHECK(code == -1 || world.goaway == code);
    CHECK(ms_server_connections(world.server) == 0 && ms_server_calls(world.server) == 0);
    CHECK(ms_server_counters(world.server)->protocol_errors >= 1);
    close_world(&world);
}

static void rapid_resets(struct world *world) {
    const uint8_t cancel[4] = {0, 0, 0, NGHTTP2_CANCEL};
    for (uint32_t i = 0; i < 3000 && !world->mute; i++) {
        say_headers(world, 2 * i + 1, 0, NULL);
        say_frame(world, NGHTTP2_RST_STREAM, 0, 2 * i + 1, cancel, 4);
    }
}

static void continuations(struct world *world) {
    say_frame(world, NGHTTP2_HEADERS, 0, 1, "", 0);
    for (int i = 0; i < 1000 && !world->mute; i++)
        say_frame(world, NGHTTP2_CONTINUATION, 0, 1, "\0\1a\1b", 5);
}

static void pings(struct world *world) {
    for (int i = 0; i < 100000 && !world->mute; i++)
        say_frame(world, NGHTTP2_PING, 0, 0, "12345678", 8);
}

static void settings(struct world *world) {
    for (int i = 0; i < 100000 && !world->mute; i++)
        say_frame(world, NGHTTP2_SETTINGS, 0, 0, "", 0);
}

static void data_on_stream_0(struct world *world) {
    say_frame(world, NGHTTP2_DATA, 0, 0, "abc", 3);
}

static void data_on_an_idle_stream(struct world *world) {
    say_frame(world, NGHTTP2_DATA, 0, 5, "abc", 3);
}

static void an_even_stream(struct world *world) { say_headers(world, 2, 0, NULL); }

static void a_frame_that_is_too_long(struct world *world) {
    static char bytes[20000];
    say_headers(world, 1, 0, NULL);
    say_frame(world, NGHTTP2_DATA, 0, 1, bytes, sizeof bytes);
}

static void bad_compression(struct world *world) {
    say_frame(world, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff", 6);
}

static void a_window_that_overflows(struct world *world) {
    say_frame(world, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4);
}

static void a_push(struct world *world) {
    say_frame(world, NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, "\0\0\0\2", 4);
}

static void frames_that_break_http2_end_the_connection(void) {
    check_closed(data_on_stream_0, NGHTTP2_PROTOCOL_ERROR);
    check_closed(data_on_an_idle_stream, NGHTTP2_PROTOCOL_ERROR);
    check_closed(an_even_stream, NGHTTP2_PROTOCOL_ERROR);
    check_closed(a_frame_that_is_too_long, NGHTTP2_FRAME_SIZE_ERROR);
    check_closed(bad_compression, NGHTTP2_COMPRESSION_ERROR);
    check_closed(a_window_that_overflows, NGHTTP2_FLOW_CONTROL_ERROR);
    check_closed(a_push, NGHTTP2_PROTOCOL_ERROR);
}

static void floods_end_the_connection(void) {
    check_closed(rapid_resets, NGHTTP2_INTERNAL_ERROR);
    check_closed(continuations, -1);
    check_closed(pings, -1);
    check_closed(settings, -1);
}

static void a_client_that_speaks_http1_is_let_go(void) {
    struct world world;
    open_world(&world, &plain);
    say(&world, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
    UNTIL(&world, world.closed);
    close_world(&world);
}

static void pings_are_acknowledged(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    for (int i = 0; i < 200; i++) {
        say_frame(&world, NGHTTP2_PING, 0, 0, "\2\4\x10\x10\x09\x0e\7\7", 8);
        settle(&world);
    }
    CHECK(world.acks == 200 && !world.closed);
    close_world(&world);
}

/* ---- the listener ----------------------------------------------------------------------------*/

static struct sockaddr_un here = {.sun_family = AF_UNIX, .sun_path = "socket"};

static int connect_here(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&here, sizeof here) == 0);
    return fd;
}

static void listen_here(struct world *world, const struct ms_server_options *options) {
    struct ms_err err = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&here, sizeof here) == 0);
    CHECK(listen(fd, 100) == 0);
    *world = (struct world){.fd = -1};
    CHECK(ms_loop_new(&world->loop, &err) == 0);
    CHECK(ms_server_new(world->loop, fd, options, &world->server, &err) == 0);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void connections_beyond_the_limit_are_closed(void) {
    struct world world;
    struct ms_server_options options = {.max_connections = 2};
    int fds[3];
    char byte;
    listen_here(&world, &options);
    for (int i = 0; i < 3; i++)
        fds[i] = connect_here();
    UNTIL(&world, ms_server_counters(world.server)->refused == 1);
    CHECK(ms_server_connections(world.server) == 2);
    CHECK(recv(fds[2], &byte, 1, 0) == 0);
    CHECK(close(fds[0]) == 0);
    UNTIL(&world, ms_server_connections(world.server) == 1);
    fds[0] = connect_here();
    UNTIL(&world, ms_server_connections(world.server) == 2);
    for (int i = 0; i < 3; i++)
        CHECK(close(fds[i]) == 0);
    world.closed = true;
    close_world(&world);
}

/* The listener stays ready while no descriptor is free: it must not spin, and must go on later. */
static void accepting_waits_while_descriptors_are_short(void) {
    struct world world;
    struct rlimit before;
    listen_here(&world, &plain);
    int fd = connect_here();
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)fd + 1, before.rlim_max}) == 0);
    struct timespec began;
    struct timespec ended;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began) == 0);
    ms_loop_wait(world.loop, 250);
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended) == 0);
    CHECK((ended.tv_sec - began.tv_sec) * 1000000000 + ended.tv_nsec - began.tv_nsec < 50000000);
    CHECK(ms_server_connections(world.server) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    UNTIL(&world, ms_server_connections(world.server) == 1);
    CHECK(close(fd) == 0);
    world.closed = true;
    close_world(&world);
}

/* ---- drain -----------------------------------------------------------------------------------*/

static void a_drain_lets_calls_end(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    struct ms_call *call = take(&world);
    ms_server_drain(world.server);
    settle(&world);
    CHECK(world.goaways == 1 && world.last_stream == INT32_MAX && world.goaway == 0);
    say_call(&world, 3, "on its way"); /* said before the client heard */
    struct ms_call *late = take(&world);
    UNTIL(&world, world.goaways == 2);
    CHECK(world.last_stream == 3 && world.goaway == 0 && !world.closed);
    ms_call_finish(call);
    ms_call_finish(late);
    UNTIL(&world, world.closed);
    CHECK_TEXT(heard_of(&world, 1)->status, "0");
    CHECK_TEXT(heard_of(&world, 3)->status, "0");
    CHECK(ms_server_connections(world.server) == 0);
    close_world(&world);
}

/* Closing would fail a client that says something before it has read its answer. */
static void a_drain_waits_until_the_last_answer_is_read(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    struct ms_call *call = take(&world);
    ms_server_drain(world.server);
    UNTIL(&world, world.goaways == 2);
    send_text(call, "late", 4);
    ms_call_finish(call);
    for (int i = 0; i < 5; i++)
        ms_loop_wait(world.loop, 10);
    CHECK(ms_server_calls(world.server) == 0 && ms_server_connections(world.server) == 1);
    say_frame(&world, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
    CHECK(!world.mute);
    UNTIL(&world, world.closed);
    check_message(heard_of(&world, 1), "late");
    CHECK(heard_of(&world, 1)->ended && ms_server_connections(world.server) == 0);
    close_world(&world);
}

static void a_drain_closes_what_is_idle(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    settle(&world);
    int64_t began_ns = ms_steady_ns();
    ms_server_drain(world.server);
    UNTIL(&world, world.closed);
    CHECK(ms_steady_ns() - began_ns >= 100000000);
    CHECK(world.goaways == 2);
    close_world(&world);
}

static void the_end_tells_who_still_waits(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    say_call(&world, 3, "x");
    CHECK(take(&world) != NULL);
    send_text(take(&world), "begun", 5);
    ms_server_free(world.server);
    while (hear(&world))
        ;
    CHECK(world.closed);
    CHECK_TEXT(heard_of(&world, 1)->status, "14");
    CHECK_TEXT(heard_of(&world, 3)->status, "14");
    disconnect_world(&world);
    ms_loop_free(world.loop);
}

int main(void) {
    RUN(frames_that_break_http2_end_the_connection);
    RUN(floods_end_the_connection);
    RUN(a_client_that_speaks_http1_is_let_go);
    RUN(pings_are_acknowledged);
    RUN(connections_beyond_the_limit_are_closed);
    RUN(accepting_waits_while_descriptors_are_short);
    RUN(a_drain_lets_calls_end);
    RUN(a_drain_waits_until_the_last_answer_is_read);
    RUN(a_drain_closes_what_is_idle);
    RUN(the_end_tells_who_still_waits);
    return 0;
}
