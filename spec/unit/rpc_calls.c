/* Calls as clients make them. */
#include "rpc_support.h"

static const struct ms_server_options plain = {0};

static void a_unary_call_is_answered(void) {
    struct world world;
    size_t size;
    open_world(&world, &plain);
    say_hello(&world);
    say_headers(
        &world, 1, 0,
        (const char *const[]){":path", "/a.B/C", "x-kept", "this", "x-dropped", "that", NULL});
    settle(&world);
    CHECK(ms_server_next(world.server) == NULL && ms_server_calls(world.server) == 1);
    say_message(&world, 1, NGHTTP2_FLAG_END_STREAM, "question");
    struct ms_call *call = take(&world);
    CHECK(ms_server_next(world.server) == NULL);
    CHECK(strncmp(ms_call_path(call, &size), "/a.B/C", 6) == 0 && size == 6);
    CHECK(strncmp(ms_call_request(call, &size), "question", 8) == 0 && size == 8);
    CHECK(strncmp(ms_call_header(call, 0, &size), "this", 4) == 0 && size == 4);
    CHECK(ms_call_header(call, 1, &size) == NULL && ms_call_header(call, 99, &size) == NULL);
    CHECK(ms_call_peer(call)->uid == getuid() && ms_call_peer(call)->pid == getpid());
    CHECK(ms_call_due(call) == INT64_MAX && ms_call_alive(call) && ms_call_writable(call));
    send_text(call, "answer", 6);
    ms_call_finish(call);
    CHECK(!ms_call_alive(call) && ms_call_begin(call) == NULL);
    uint64_t turn = ms_call_turn(call);
    settle(&world);
    struct heard *heard = heard_of(&world, 1);
    CHECK_TEXT(heard->http, "200");
    CHECK_TEXT(heard->status, "0");
    CHECK(heard->ended && heard->reset == -1);
    check_message(heard, "answer");
    CHECK(ms_call_turn(call) == turn + 1 && ms_server_calls(world.server) == 0);
    close_world(&world);
}

static void an_empty_message_is_a_message(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "");
    struct ms_call *call = take(&world);
    send_text(call, "", 0);
    ms_call_finish(call);
    settle(&world);
    check_message(heard_of(&world, 1), "");
    CHECK_TEXT(heard_of(&world, 1)->status, "0");
    close_world(&world);
}

static void a_failure_is_one_block_of_headers(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    fail_text(take(&world), 5, "no 100% \xc3\xbc");
    settle(&world);
    const struct heard *heard = heard_of(&world, 1);
    CHECK(heard->ended && heard->data.size == 0);
    CHECK_TEXT(heard->status, "5");
    CHECK_TEXT(heard->message, "no 100%25 %C3%BC");
    close_world(&world);
}

static void a_long_text_is_cut_between_characters(void) {
    ms_auto_text struct ms_text text = {0};
    ms_auto_text struct ms_text want = {0};
    struct world world;
    for (int i = 0; i < 667; i++)
        ms_text_puts(&text, "\xe2\x82\xac");
    for (int i = 0; i < 666; i++)
        ms_text_puts(&want, "%E2%82%AC");
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    fail_text(take(&world), 5, text.bytes);
    settle(&world);
    CHECK_TEXT(heard_of(&world, 1)->message, want.bytes);
    close_world(&world);
}

static void a_stream_ends_behind_its_messages(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    struct ms_call *call = take(&world);
    send_text(call, "one", 3);
    CHECK(!ms_call_writable(call));
    settle(&world);
    CHECK(ms_call_writable(call));
    check_message(heard_of(&world, 1), "one");
    CHECK(!heard_of(&world, 1)->ended);
    send_text(call, "two", 3);
    fail_text(call, 14, "later");
    settle(&world);
    CHECK(heard_of(&world, 1)->data.size == 2 * (MS_FRAME_PREFIX + 3));
    CHECK_TEXT(heard_of(&world, 1)->status, "14");
    say_call(&world, 3, "x");
    ms_call_finish(take(&world)); /* a stream without messages */
    settle(&world);
    CHECK(heard_of(&world, 3)->ended && heard_of(&world, 3)->data.size == 0);
    CHECK_TEXT(heard_of(&world, 3)->http, "200");
    CHECK_TEXT(heard_of(&world, 3)->status, "0");
    say_call(&world, 5, "x");
    call = take(&world);
    send_text(call, "all", 3);
    settle(&world);
    ms_call_finish(call); /* when all is sent already */
    settle(&world);
    CHECK(heard_of(&world, 5)->ended);
    check_message(heard_of(&world, 5), "all");
    close_world(&world);
}

/* The window is 65535 bytes: the second message stays until the client makes it larger. */
static void a_stalled_stream_wakes_whoever_waits(void) {
    static char bytes[60000];
    const uint8_t more[4] = {0, 1, 0, 0};
    struct world world;
    uint32_t slot = 0;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    struct ms_call *call = take(&world);
    send_text(call, bytes, sizeof bytes);
    ms_call_wait(call);
    settle(&world);
    CHECK(ms_server_woken(world.server, &slot) == call && slot == ms_call_slot(call));
    send_text(call, bytes, sizeof bytes);
    ms_call_wait(call);
    settle(&world);
    CHECK(ms_server_woken(world.server, &slot) == NULL && !ms_call_writable(call));
    say_frame(&world, NGHTTP2_WINDOW_UPDATE, 0, 0, more, 4);
    say_frame(&world, NGHTTP2_WINDOW_UPDATE, 0, 1, more, 4);
    settle(&world);
    CHECK(ms_server_woken(world.server, &slot) == call && ms_call_writable(call));
    ms_call_finish(call);
    settle(&world);
    CHECK(heard_of(&world, 1)->ended);
    CHECK(heard_of(&world, 1)->data.size == 2 * (MS_FRAME_PREFIX + sizeof bytes));
    close_world(&world);
}

/* Windows are wide open, and nobody reads: what the socket does not take stays, and goes on later.
 */
static void a_socket_that_is_full_is_gone_on_with(void) {
    static char bytes[3000000];
    const uint8_t window[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x40, 0, 0, 0};
    const uint8_t more[4] = {0x40, 0, 0, 0};
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_frame(&world, NGHTTP2_SETTINGS, 0, 0, window, 6);
    say_frame(&world, NGHTTP2_WINDOW_UPDATE, 0, 0, more, 4);
    say_call(&world, 1, "x");
    say_call(&world, 3, "x");
    struct ms_call *call = take(&world);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * i >> 7);
    send_text(call, bytes, sizeof bytes);
    ms_call_finish(call);
    for (int i = 0; i < 10; i++)
        ms_loop_wait(world.loop, 0);
    uint64_t sent = ms_server_counters(world.server)->bytes_out;
    CHECK(sent > 1000 && sent < sizeof bytes);
    ms_loop_wait(world.loop, 20); /* does not turn while the socket is full */
    CHECK(ms_server_counters(world.server)->bytes_out == sent);
    call = take(&world); /* reads all */
    CHECK(heard_of(&world, 1)->ended);
    CHECK(heard_of(&world, 1)->data.size == MS_FRAME_PREFIX + sizeof bytes);
    CHECK(memcmp(heard_of(&world, 1)->data.bytes + MS_FRAME_PREFIX, bytes, sizeof bytes) == 0);
    ms_call_finish(call);
    settle(&world);
    CHECK(heard_of(&world, 3)->ended);
    close_world(&world);
}

static void a_large_request_comes_in_pieces(void) {
    static char bytes[8192];
    struct world world;
    uint8_t prefix[MS_FRAME_PREFIX];
    size_t size;
    open_world(&world, &plain);
    say_hello(&world);
    say_headers(&world, 1, 0, NULL);
    ms_frame_prefix(prefix, 512 * sizeof bytes);
    for (size_t i = 0; i < sizeof prefix; i++)
        say_frame(&world, NGHTTP2_DATA, 0, 1, prefix + i, 1);
    for (int i = 0; i < 512; i++) {
        if (i % 4 == 3)
            settle(&world);
        say_frame(&world, NGHTTP2_DATA, i == 511 ? NGHTTP2_FLAG_END_STREAM : 0, 1, bytes,
                  sizeof bytes);
    }
    struct ms_call *call = take(&world);
    CHECK(ms_call_request(call, &size) != NULL && size == 512 * sizeof bytes);
    close_world(&world);
}

static void a_cancelled_call_is_over(void) {
    const uint8_t cancel[4] = {0, 0, 0, NGHTTP2_CANCEL};
    struct world world;
    uint32_t slot = 0;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    struct ms_call *call = take(&world);
    uint64_t turn = ms_call_turn(call);
    send_text(call, "x", 1); /* sent in the same turn as the client's end of it */
    ms_call_wait(call);
    say_frame(&world, NGHTTP2_RST_STREAM, 0, 1, cancel, 4);
    settle(&world);
    CHECK(ms_call_turn(call) == turn + 1);
    CHECK(ms_server_woken(world.server, &slot) == call && slot != 0);
    CHECK(ms_server_woken(world.server, &slot) == NULL);
    CHECK(ms_server_counters(world.server)->resets == 1);
    say_call(&world, 3, "y"); /* cancelled before anybody takes it */
    say_frame(&world, NGHTTP2_RST_STREAM, 0, 3, cancel, 4);
    settle(&world);
    CHECK(ms_server_next(world.server) == NULL && ms_server_calls(world.server) == 0);
    close_world(&world);
}

static void memory_serves_the_next_call(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    struct ms_call *first = take(&world);
    ms_call_finish(first);
    settle(&world);
    say_call(&world, 3, "x");
    CHECK(take(&world) == first);
    close_world(&world);
}

static void a_client_that_goes_takes_its_calls_along(void) {
    struct world world;
    uint32_t slot = 0;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    say_call(&world, 3, "x");
    struct ms_call *call = take(&world);
    uint64_t turn = ms_call_turn(call);
    send_text(call, "x", 1);
    settle(&world);
    send_text(call, "x", 1);
    ms_call_wait(call);
    CHECK(close(world.fd) == 0);
    world.fd = -1;
    world.closed = true;
    UNTIL(&world, ms_server_connections(world.server) == 0);
    CHECK(ms_call_turn(call) == turn + 1 && ms_server_calls(world.server) == 0);
    CHECK(ms_server_woken(world.server, &slot) == call);
    CHECK(ms_server_next(world.server) == NULL); /* the other one was never taken */
    close_world(&world);
}

/* It has asked and says so: the answers are still for it. */
static void a_half_closed_client_is_answered(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_call(&world, 1, "x");
    say_headers(&world, 3, 0, NULL); /* and this one will never be whole */
    CHECK(shutdown(world.fd, SHUT_WR) == 0);
    struct ms_call *call = take(&world);
    CHECK(ms_server_calls(world.server) == 1);
    send_text(call, "x", 1);
    ms_call_finish(call);
    UNTIL(&world, world.closed);
    check_message(heard_of(&world, 1), "x");
    CHECK(heard_of(&world, 3)->reset == NGHTTP2_CANCEL);
    CHECK(ms_server_connections(world.server) == 0);
    close_world(&world);
}

int main(void) {
    RUN(a_unary_call_is_answered);
    RUN(an_empty_message_is_a_message);
    RUN(a_failure_is_one_block_of_headers);
    RUN(a_long_text_is_cut_between_characters);
    RUN(a_stream_ends_behind_its_messages);
    RUN(a_stalled_stream_wakes_whoever_waits);
    RUN(a_socket_that_is_full_is_gone_on_with);
    RUN(a_large_request_comes_in_pieces);
    RUN(a_cancelled_call_is_over);
    RUN(memory_serves_the_next_call);
    RUN(a_client_that_goes_takes_its_calls_along);
    RUN(a_half_closed_client_is_answered);
    return 0;
}
