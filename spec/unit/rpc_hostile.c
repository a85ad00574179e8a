/* Clients that are wrong, slow or hostile. */
#include "rpc_support.h"

static const struct ms_server_options plain = {0};
static const struct ms_server_options small = {
    .max_message = 1000, .max_unfinished = 3000, .max_streams = 10};

/* A call that ends by itself, with a status. */
static void check_refused(struct world *world, uint32_t stream, const char *status,
                          const char *message) {
    settle(world);
    CHECK(ms_server_next(world->server) == NULL);
    CHECK(heard_of(world, stream)->ended);
    CHECK_TEXT(heard_of(world, stream)->status, status);
    CHECK_TEXT(heard_of(world, stream)->message, message);
    CHECK(ms_server_calls(world->server) == 0 && !world->closed);
}

static void a_request_that_is_too_large_is_refused_by_its_length(void) {
    struct world world;
    open_world(&world, &small);
    say_hello(&world);
    say_headers(&world, 1, 0, NULL);
    say_frame(&world, NGHTTP2_DATA, 0, 1, "\0\0\0\3\xe9", 5);
    check_refused(&world, 1, "8", "Received message larger than max (1001 vs. 1000)");
    CHECK(heard_of(&world, 1)->reset == NGHTTP2_NO_ERROR); /* the client stops sending */
    say_frame(&world, NGHTTP2_DATA, 0, 1, "more", 4);      /* it did not know yet */
    say_headers(&world, 3, 0, NULL);
    say_frame(&world, NGHTTP2_DATA, 0, 3, "\0\xff\xff\xff\xff", 5);
    check_refused(&world, 3, "8", "Received message larger than max (4294967295 vs. 1000)");
    close_world(&world);
}

static void bodies_that_are_no_message_are_refused(void) {
    static const struct {
        const char *bytes;
        size_t size;
        const char *status, *message;
    } rows[] = {
        {"", 0, "13", "the request is truncated"},
        {"\0\0", 2, "13", "the request is truncated"},
        {"\0\0\0\0\4abc", 8, "13", "the request is truncated"},
        {"\0\0\0\0\1ab", 7, "13", "more than one message in the request of a unary call"},
        {"\0\0\0\0\1a\0\0\0\0\1b", 12, "13",
         "more than one message in the request of a unary call"},
        {"\1\0\0\0\1a", 6, "12", "compressed messages are not supported"},
        {"\7\0\0\0\1a", 6, "13", "the request's first byte is none of gRPC's"},
    };
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        say_headers(&world, 2 * i + 1, 0, NULL);
        say_frame(&world, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 2 * i + 1, rows[i].bytes,
                  rows[i].size);
        check_refused(&world, 2 * i + 1, rows[i].status, rows[i].message);
    }
    say_headers(&world, 101, NGHTTP2_FLAG_END_STREAM, NULL); /* no DATA at all */
    check_refused(&world, 101, "13", "the request is truncated");
    say_headers(&world, 103, 0, NULL); /* twice one message, in two frames */
    say_message(&world, 103, 0, "a");
    say_message(&world, 103, NGHTTP2_FLAG_END_STREAM, "b");
    check_refused(&world, 103, "13", "more than one message in the request of a unary call");
    close_world(&world);
}

static void headers_that_are_no_call_are_refused(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_headers(&world, 1, 0, (const char *const[]){":method", "GET", NULL});
    check_refused(&world, 1, "13", "the method is not POST");
    say_headers(&world, 3, 0, (const char *const[]){"grpc-timeout", "banana", NULL});
    check_refused(&world, 3, "13", "malformed grpc-timeout");
    say_headers(&world, 5, 0, (const char *const[]){"content-type", "application/json", NULL});
    check_refused(&world, 5, "", "");
    CHECK_TEXT(heard_of(&world, 5)->http, "415");
    close_world(&world);
}

static void what_clients_call_the_socket_does_not_matter(void) {
    static const char *const names[] = {"", "/run/x.sock", "localhost", "%2Frun%2Fx.sock"};
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    for (uint32_t i = 0; i < 4; i++) {
        say_headers(&world, 2 * i + 1, 0, (const char *const[]){":authority", names[i], NULL});
        say_message(&world, 2 * i + 1, NGHTTP2_FLAG_END_STREAM, "x");
        ms_call_finish(take(&world));
    }
    close_world(&world);
}

static void headers_are_bounded(void) {
    static char value[15000];
    struct world world;
    memset(value, 'a', sizeof value - 1);
    open_world(&world, &plain);
    say_hello(&world);
    say_headers(&world, 1, 0, (const char *const[]){"x-other", value, NULL});
    say_message(&world, 1, NGHTTP2_FLAG_END_STREAM, "x");
    size_t size;
    CHECK(ms_call_header(take(&world), 1, &size) != NULL && size == sizeof value - 1);
    say_headers(&world, 3, 0, (const char *const[]){"x-1", value, "x-kept", "y", NULL});
    settle(&world);
    CHECK(heard_of(&world, 3)->reset == -1); /* 16 KiB and no more */
    ms_auto_text struct ms_text block = {0};
    for (int i = 0; i < 400; i++)
        put_field(&block, "x-field", "value");
    say_frame(&world, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 5, block.bytes, block.size);
    settle(&world);
    CHECK(heard_of(&world, 5)->reset == NGHTTP2_INTERNAL_ERROR && !world.closed);
    close_world(&world);
}

static void unfinished_requests_are_bounded(void) {
    static char bytes[900] = {0, 0, 0, 3, (char)0xe0}; /* 992 bytes to come: never */
    struct world world;
    open_world(&world, &small);
    say_hello(&world);
    for (uint32_t i = 0; i < 5; i++) {
        say_headers(&world, 2 * i + 1, 0, NULL);
        say_frame(&world, NGHTTP2_DATA, 0, 2 * i + 1, bytes, sizeof bytes);
    }
    settle(&world);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(!heard_of(&world, 2 * i + 1)->ended);
    CHECK_TEXT(heard_of(&world, 7)->status, "8");
    CHECK_TEXT(heard_of(&world, 9)->status,
               "8"); /* the bytes of 7 are free, 9's are too many again */
    CHECK(ms_server_calls(world.server) == 3);
    close_world(&world);
}

static void streams_beyond_the_limit_are_refused(void) {
    struct world world;
    open_world(&world, &small);
    say_hello(&world);
    for (uint32_t i = 0; i < 11; i++)
        say_headers(&world, 2 * i + 1, 0, NULL);
    settle(&world);
    CHECK(heard_of(&world, 21)->reset == NGHTTP2_REFUSED_STREAM);
    CHECK(ms_server_calls(world.server) == 10);
    close_world(&world);
}

/* ---- deadlines -------------------------------------------------------------------------------*/

static const char *const soon[] = {"grpc-timeout", "250m", NULL};

static void a_deadline_ends_a_call(void) {
    struct world world;
    open_world(&world, &plain);
    say_hello(&world);
    say_headers(&world, 1, 0, soon);
    say_message(&world, 1, NGHTTP2_FLAG_END_STREAM, "x");
    struct ms_call *call = take(&world);
    CHECK(ms_call_due(call) - ms_steady_ns() <= 250000000);
    uint32_t slot;
    UNTIL(&world, heard_of(&world, 1)->ended);
    CHECK_TEXT(heard_of(&world, 1)->status, "4");
    CHECK(ms_server_woken(world.server, &slot) == NULL); /* nobody waited */
    say_headers(&world, 3, 0, soon);                     /* and one whose request is never whole */
    UNTIL(&world, heard_of(&world, 3)->ended);
    CHECK_TEXT(heard_of(&world, 3)->status, "4");
    CHECK(ms_server_calls(world.server) == 0);
    close_world(&world);
}

static void a_deadline_ends_a_stream(void) {
    static char bytes[70000];
    struct world world;
    uint32_t slot;
    open_world(&world, &plain);
    say_hello(&world);
    say_headers(&world, 1, 0, soon);
    say_message(&world, 1, NGHTTP2_FLAG_END_STREAM, "x");
    struct ms_call *call = take(&world);
    send_text(call, "one", 3);
    UNTIL(&world, heard_of(&world, 1)->ended); /* all was sent: trailers */
    CHECK_TEXT(heard_of(&world, 1)->status, "4");
    say_headers(&world, 3, 0, soon);
    say_message(&world, 3, NGHTTP2_FLAG_END_STREAM, "x");
    call = take(&world);
    send_text(call, bytes, sizeof bytes); /* more than the window: trailers would never come */
    ms_call_wait(call);
    UNTIL(&world, heard_of(&world, 3)->reset != -1);
    CHECK(heard_of(&world, 3)->reset == NGHTTP2_CANCEL);
    CHECK(ms_server_woken(world.server, &slot) == call && ms_server_calls(world.server) == 0);
    close_world(&world);
}

static void a_client_that_says_nothing_is_let_go(void) {
    struct ms_server_options options = {.preface_ms = 30};
    struct world world;
    open_world(&world, &options);
    UNTIL(&world, world.closed);
    disconnect_world(&world);
    world = (struct world){.loop = world.loop, .server = world.server};
    connect_world(&world);
    say(&world, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN); /* and no SETTINGS */
    UNTIL(&world, world.closed);
    CHECK(world.settings && ms_server_connections(world.server) == 0);
    close_world(&world);
}

int main(void) {
    RUN(a_request_that_is_too_large_is_refused_by_its_length);
    RUN(bodies_that_are_no_message_are_refused);
    RUN(headers_that_are_no_call_are_refused);
    RUN(what_clients_call_the_socket_does_not_matter);
    RUN(headers_are_bounded);
    RUN(unfinished_requests_are_bounded);
    RUN(streams_beyond_the_limit_are_refused);
    RUN(a_deadline_ends_a_call);
    RUN(a_deadline_ends_a_stream);
    RUN(a_client_that_says_nothing_is_let_go);
    return 0;
}
