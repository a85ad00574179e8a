/* Servers: what arrived, who waits, how many. */
#include <string.h>

#include "base/err.h"
#include "bind/push.h"
#include "bind/rpc.h"
#include "rpc/server.h"

const char *const ms_rpc_kept[] = {"containerd-namespace", "containerd-lease", "user-agent",
                                   "traceparent", NULL};

static void free_server(void *object) { ms_server_free(object); }

const struct ms_class ms_server_class = {
    .name = "moonsnap.rpc.Server", .word = "server", .free = free_server};

static struct ms_server *check(lua_State *L) { return ms_box_check(L, 1, &ms_server_class); }

/* A field of the options that is a number; 0 when absent. */
static lua_Integer number_of(lua_State *L, const char *name, lua_Integer most) {
    lua_Integer value = 0;
    if (lua_getfield(L, 2, name) != LUA_TNIL) {
        int whole;
        value = lua_tointegerx(L, -1, &whole);
        if (!whole || value < 1 || value > most)
            return luaL_error(L, "serve: %s is no number from 1 to %I", name, most);
    }
    lua_pop(L, 1);
    return value;
}

int ms_rpc_serve(lua_State *L) {
    struct ms_err err;
    struct ms_server *server;
    struct ms_loop *loop = ms_rpc_loop_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct ms_server_options options = {
        .max_message = (size_t)number_of(L, "max_message", (lua_Integer)1 << 30),
        .max_unfinished = (size_t)number_of(L, "max_unfinished", (lua_Integer)1 << 40),
        .max_streams = (unsigned)number_of(L, "max_streams", 1000000),
        .max_connections = (unsigned)number_of(L, "max_connections", 1000000),
        .preface_ms = (unsigned)number_of(L, "preface_ms", 3600000),
        .keep = ms_rpc_kept,
    };
    if (lua_getfield(L, 2, "fd") != LUA_TNUMBER)
        return luaL_error(L, "serve: no fd");
    int fd = (int)lua_tointeger(L, -1);
    struct ms_box *box = ms_box_new(L, &ms_server_class, 1);
    lua_newtable(L);
    lua_setiuservalue(L, -2, MS_SERVER_WAITERS);
    lua_newtable(L);
    lua_setiuservalue(L, -2, MS_SERVER_OVER);
    if (ms_server_new(loop, fd, &options, &server, &err) < 0)
        return luaL_error(L, "%s", err.text);
    ms_box_fill(box, server);
    return 1;
}

static int server_next(lua_State *L) {
    struct ms_call *call = ms_server_next(check(L));
    if (call != NULL)
        ms_rpc_call_push(L, 1, call);
    else
        lua_pushnil(L);
    return 1;
}

/* Takes the last of a table's sequence off; false when there is none, then nothing is pushed. */
static bool take_last(lua_State *L, int held) {
    lua_getiuservalue(L, 1, held);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    if (count == 0) {
        lua_pop(L, 1);
        return false;
    }
    lua_rawgeti(L, -1, count);
    lua_pushnil(L);
    lua_rawseti(L, -3, count);
    return true;
}

static int server_woken(lua_State *L) {
    struct ms_server *server = check(L);
    uint32_t slot;
    while (ms_server_woken(server, &slot) != NULL) {
        lua_getiuservalue(L, 1, MS_SERVER_WAITERS);
        if (lua_rawgeti(L, -1, slot) != LUA_TNIL) {
            lua_pushnil(L);
            lua_rawseti(L, -3, slot);
            return 1;
        }
        lua_pop(L, 2);
    }
    if (!take_last(L, MS_SERVER_OVER))
        lua_pushnil(L);
    return 1;
}

static int server_drain(lua_State *L) {
    ms_server_drain(check(L));
    return 0;
}

static int server_open(lua_State *L) {
    const struct ms_server *server = check(L);
    lua_pushinteger(L, (lua_Integer)ms_server_connections(server));
    lua_pushinteger(L, (lua_Integer)ms_server_calls(server));
    return 2;
}

static int server_counters(lua_State *L) {
    const struct ms_server_counters *counters = ms_server_counters(check(L));
    lua_newtable(L);
    ms_set_integer(L, "connections", (int64_t)counters->connections);
    ms_set_integer(L, "accepted", (int64_t)counters->accepted);
    ms_set_integer(L, "refused", (int64_t)counters->refused);
    ms_set_integer(L, "protocol_errors", (int64_t)counters->protocol_errors);
    ms_set_integer(L, "resets", (int64_t)counters->resets);
    ms_set_integer(L, "bytes_in", (int64_t)counters->bytes_in);
    ms_set_integer(L, "bytes_out", (int64_t)counters->bytes_out);
    return 1;
}

void ms_rpc_server_setup(lua_State *L) {
    static const luaL_Reg methods[] = {{"next", server_next},         {"woken", server_woken},
                                       {"drain", server_drain},       {"open", server_open},
                                       {"counters", server_counters}, {NULL, NULL}};
    ms_class_register(L, &ms_server_class, methods);
}
