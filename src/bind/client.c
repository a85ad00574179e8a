#include "bind/client.h"

#include <lauxlib.h>
#include <string.h>

#include "base/err.h"
#include "bind/box.h"
#include "bind/failure.h"
#include "rpc/client.h"

static void free_client(void *client) { ms_client_free(client); }
static void free_answer(void *answer) { ms_answer_free(answer); }

static const struct ms_class client_class = {
    .name = "moonsnap.rpc.Client", .word = "client", .free = free_client};
static const struct ms_class answer_class = {
    .name = "moonsnap.rpc.answer", .word = "stream", .free = free_answer};

static int connect_to(lua_State *L) {
    struct ms_err err;
    struct ms_client *client;
    size_t size;
    const char *path = luaL_checklstring(L, 1, &size);
    if (strlen(path) != size) {
        (void)ms_err_set(&err, MS_INVALID_ARGUMENT, "connect: the path holds a NUL");
        return ms_failure(L, &err);
    }
    struct ms_box *box = ms_box_new(L, &client_class, 0);
    if (ms_client_connect(path, &client, &err) < 0)
        return ms_failure(L, &err);
    ms_box_fill(box, client);
    return 1;
}

/* Reads options at 4 into call; headers is where its headers go. */
static void read_options(lua_State *L, struct ms_client_call *call,
                         struct ms_client_header headers[MS_CLIENT_HEADERS]) {
    if (lua_isnoneornil(L, 4))
        return;
    luaL_checktype(L, 4, LUA_TTABLE);
    if (lua_getfield(L, 4, "timeout_ms") != LUA_TNIL)
        call->timeout_ms = luaL_checkinteger(L, -1);
    luaL_argcheck(L, call->timeout_ms >= 0 && call->timeout_ms < INT64_C(1) << 40, 4, "timeout_ms");
    lua_pop(L, 1);
    if (lua_getfield(L, 4, "stop_fd") != LUA_TNIL)
        call->stop_fd = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    if (lua_getfield(L, 4, "headers") == LUA_TNIL)
        return;
    luaL_checktype(L, -1, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        luaL_argcheck(L, call->header_count < MS_CLIENT_HEADERS, 4, "too many headers");
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING, 4,
                      "headers are strings");
        struct ms_client_header *header = &headers[call->header_count++];
        header->name = lua_tostring(L, -2);
        header->value = lua_tolstring(L, -1, &header->value_size);
    }
    call->headers = headers;
}

/* The client at 1, and what is to be called. What call borrows stays on the stack. */
static struct ms_client *read_call(lua_State *L, struct ms_client_call *call,
                                   struct ms_client_header headers[MS_CLIENT_HEADERS]) {
    struct ms_client *client = ms_box_check(L, 1, &client_class);
    *call = (struct ms_client_call){.path = luaL_checkstring(L, 2)};
    call->request = luaL_checklstring(L, 3, &call->size);
    read_options(L, call, headers);
    return client;
}

static void clear_answer(void *bytes) {
    struct ms_answer **answer = bytes;
    ms_answer_free(*answer);
    *answer = NULL;
}

/* client:call(path, request, options) */
static int call_one(lua_State *L) {
    struct ms_err err;
    struct ms_client_header headers[MS_CLIENT_HEADERS];
    struct ms_client_call call;
    const char *bytes = NULL;
    size_t size = 0;
    size_t rest;
    struct ms_client *client = read_call(L, &call, headers);
    struct ms_answer **answer = ms_scratch_new(L, sizeof(struct ms_answer *), clear_answer);
    if (ms_client_begin(client, &call, answer, &err) < 0)
        return ms_failure(L, &err);
    int got = ms_answer_next(*answer, &bytes, &size, &err);
    if (got < 0)
        return ms_failure(L, &err);
    if (got == 0) {
        (void)ms_err_set(&err, MS_INTERNAL, "the answer has no message");
        return ms_failure(L, &err);
    }
    lua_pushlstring(L, bytes, size);
    got = ms_answer_next(*answer, &bytes, &rest, &err);
    if (got < 0)
        return ms_failure(L, &err);
    if (got > 0) {
        (void)ms_err_set(&err, MS_INTERNAL, "the answer has more than one message");
        return ms_failure(L, &err);
    }
    return 1;
}

static int next_message(lua_State *L) {
    struct ms_err err;
    const char *bytes;
    size_t size;
    struct ms_answer *answer = ms_box_check(L, 1, &answer_class);
    int got = ms_answer_next(answer, &bytes, &size, &err);
    if (got < 0)
        return ms_failure_raise(L, &err);
    if (got == 0)
        lua_pushnil(L);
    else
        lua_pushlstring(L, bytes, size);
    return 1;
}

/* client:stream(path, request, options) */
static int stream(lua_State *L) {
    struct ms_err err;
    struct ms_client_header headers[MS_CLIENT_HEADERS];
    struct ms_client_call call;
    struct ms_answer *answer;
    struct ms_client *client = read_call(L, &call, headers);
    lua_pushcfunction(L, next_message);
    struct ms_box *box = ms_box_new(L, &answer_class, 1);
    if (ms_client_begin(client, &call, &answer, &err) < 0)
        return ms_failure_raise(L, &err);
    ms_box_fill(box, answer);
    lua_pushnil(L);
    lua_pushvalue(L, -2);
    return 4;
}

void ms_client_setup(lua_State *L) {
    static const luaL_Reg methods[] = {{"call", call_one}, {"stream", stream}, {NULL, NULL}};
    ms_class_register(L, &client_class, methods);
    ms_class_register(L, &answer_class, NULL);
    lua_pushcfunction(L, connect_to);
    lua_setfield(L, -2, "connect");
}
