/* Calls: the request, and the answer. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "bind/failure.h"
#include "bind/message.h"
#include "bind/rpc.h"
#include "rpc/server.h"

#define CALL "moonsnap.rpc.Call"

/* User values of a call. */
#define HELD_PATH 1
#define HELD_SERVER 2

struct handle {
    struct ms_box *server; /* kept alive by a user value */
    struct ms_call *call;
    uint64_t turn;
    int64_t due; /* what left counts to, when the call is over too */
    struct ms_peer peer;
};

/* Pushes the path: one string for all calls of it, so that its hash is computed once. */
static void push_path(lua_State *L, int server, const struct ms_call *call) {
    size_t size;
    lua_Integer number = ms_call_path_number(call);
    if (number > 0) {
        lua_getiuservalue(L, server, MS_SERVER_WAITERS);
        if (lua_rawgeti(L, -1, -number) != LUA_TNIL) {
            lua_replace(L, -2);
            return;
        }
        lua_pop(L, 1);
    }
    const char *path = ms_call_path(call, &size);
    lua_pushlstring(L, path, size);
    if (number > 0) {
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, -number);
        lua_replace(L, -2);
    }
}

void ms_rpc_call_push(lua_State *L, int server, struct ms_call *call) {
    luaL_checkstack(L, 5, NULL);
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 2);
    handle->server = lua_touserdata(L, server);
    handle->call = call;
    handle->turn = ms_call_turn(call);
    handle->due = ms_call_due(call);
    handle->peer = *ms_call_peer(call);
    luaL_setmetatable(L, CALL);
    push_path(L, server, call);
    lua_setiuservalue(L, -2, HELD_PATH);
    lua_pushvalue(L, server);
    lua_setiuservalue(L, -2, HELD_SERVER);
}

/* As luaL_checkudata, without looking the class up: the methods have its metatable beside them. */
static struct handle *check(lua_State *L) {
    struct handle *handle = lua_touserdata(L, 1);
    if (handle != NULL && lua_getmetatable(L, 1)) {
        int same = lua_rawequal(L, -1, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (same)
            return handle;
    }
    return luaL_checkudata(L, 1, CALL);
}

/* The call while its stream is open; NULL afterwards. */
static struct ms_call *open_call(const struct handle *handle) {
    if (handle->server->object == NULL || ms_call_turn(handle->call) != handle->turn)
        return NULL;
    return handle->call;
}

static struct ms_call *check_open(lua_State *L) { return open_call(check(L)); }

/* The same, and nobody has ended it. */
static struct ms_call *check_alive(lua_State *L) {
    struct ms_call *call = check_open(L);
    return call != NULL && ms_call_alive(call) ? call : NULL;
}

static int call_path(lua_State *L) {
    (void)check(L);
    lua_getiuservalue(L, 1, HELD_PATH);
    return 1;
}

static int call_read(lua_State *L) {
    struct ms_call *call = check_open(L);
    const struct ms_plan *plan = lua_isnoneornil(L, 2) ? NULL : ms_message_check(L, 2);
    struct ms_err err;
    size_t size;
    if (call == NULL) {
        (void)ms_err_set(&err, MS_CANCELED, "the call is over");
        return ms_failure(L, &err);
    }
    const char *bytes = ms_call_request(call, &size);
    if (plan == NULL)
        lua_pushlstring(L, bytes, size);
    else if (ms_message_decode(L, plan, bytes, size, &err) < 0)
        return ms_failure(L, &err);
    return 1;
}

static int call_header(lua_State *L) {
    const struct ms_call *call = check_open(L);
    const char *name = luaL_checkstring(L, 2);
    const char *value = NULL;
    size_t size = 0;
    for (size_t i = 0; call != NULL && ms_rpc_kept[i] != NULL; i++)
        if (strcmp(ms_rpc_kept[i], name) == 0)
            value = ms_call_header(call, i, &size);
    lua_pushlstring(L, value != NULL ? value : "", size);
    if (value == NULL)
        lua_pushnil(L);
    return 1;
}

static int call_peer(lua_State *L) {
    const struct handle *handle = check(L);
    lua_pushinteger(L, handle->peer.uid);
    lua_pushinteger(L, handle->peer.gid);
    lua_pushinteger(L, handle->peer.pid);
    return 3;
}

static int call_left(lua_State *L) {
    const struct handle *handle = check(L);
    if (handle->due == INT64_MAX) {
        lua_pushnil(L);
        return 1;
    }
    int64_t left_ns = handle->due - ms_steady_ns();
    lua_pushinteger(L, left_ns > 0 ? left_ns / 1000000 : 0);
    return 1;
}

static int call_alive(lua_State *L) {
    lua_pushboolean(L, check_alive(L) != NULL);
    return 1;
}

/* Queues the message at 2 as the type at 3 has it, or as the bytes that it is. What an encoder that
 * raises has written so far is forgotten with the next begin. */
static void put_message(lua_State *L, struct ms_call *call) {
    const struct ms_plan *plan = lua_type(L, 2) == LUA_TSTRING ? NULL : ms_message_check(L, 3);
    struct ms_text *out = ms_call_begin(call);
    if (plan == NULL) {
        size_t size;
        const char *bytes = lua_tolstring(L, 2, &size);
        ms_text_append(out, bytes, size);
    } else {
        ms_message_encode(L, 2, plan, out);
    }
    (void)ms_call_send(call);
}

static int call_reply(lua_State *L) {
    struct ms_call *call = check_alive(L);
    if (call != NULL) {
        put_message(L, call);
        ms_call_finish(call);
    }
    return 0;
}

static int call_send(lua_State *L) {
    struct ms_call *call = check_alive(L);
    if (call != NULL)
        put_message(L, call);
    return 0;
}

struct ms_text *ms_rpc_call_begin(lua_State *L, int arg) {
    struct ms_call *call = open_call(luaL_checkudata(L, arg, CALL));
    return call != NULL ? ms_call_begin(call) : NULL;
}

void ms_rpc_call_send(lua_State *L, int arg) {
    struct ms_call *call = open_call(luaL_checkudata(L, arg, CALL));
    if (call != NULL)
        (void)ms_call_send(call);
}

static int call_flush(lua_State *L) {
    struct ms_call *call = check_alive(L);
    if (call != NULL)
        ms_call_flush(call);
    return 0;
}

static int call_writable(lua_State *L) {
    const struct ms_call *call = check_alive(L);
    lua_pushboolean(L, call != NULL && ms_call_writable(call));
    return 1;
}

/* Keeps the call for woken(): by its slot, or among those that were over before. */
static int call_wait(lua_State *L) {
    const struct handle *handle = check(L);
    struct ms_call *call = open_call(handle);
    if (handle->server->object == NULL)
        return 0;
    lua_getiuservalue(L, 1, HELD_SERVER);
    lua_getiuservalue(L, -1, call != NULL ? MS_SERVER_WAITERS : MS_SERVER_OVER);
    lua_pushvalue(L, 1);
    if (call != NULL) {
        lua_rawseti(L, -2, ms_call_slot(call));
        ms_call_wait(call);
    } else {
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        ms_server_poke(handle->server->object);
    }
    return 0;
}

static int call_finish(lua_State *L) {
    struct ms_call *call = check_alive(L);
    if (call != NULL)
        ms_call_finish(call);
    return 0;
}

static int call_fail(lua_State *L) {
    struct ms_call *call = check_alive(L);
    size_t size;
    lua_Integer code = luaL_checkinteger(L, 2);
    const char *message = luaL_checklstring(L, 3, &size);
    luaL_argcheck(L, code >= 1 && code <= 16, 2, "a code from 1 to 16 expected");
    if (call != NULL)
        ms_call_fail(call, (int)code, message, size);
    return 0;
}

void ms_rpc_call_setup(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"path", call_path},         {"read", call_read}, {"header", call_header},
        {"peer", call_peer},         {"left", call_left}, {"alive", call_alive},
        {"reply", call_reply},       {"send", call_send}, {"flush", call_flush},
        {"writable", call_writable}, {"wait", call_wait}, {"fail", call_fail},
        {"finish", call_finish},     {NULL, NULL}};
    luaL_newmetatable(L, CALL);
    luaL_newlibtable(L, methods);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, methods, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
