/* Loops: waiting, signals, descriptors. */
#include "bind/rpc.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rpc/watch.h"

struct loop {
    struct ms_loop *loop;
    struct ms_watches watches;
};

static void free_loop(void *object) {
    struct loop *self = object;
    ms_watches_clear(&self->watches);
    ms_loop_free(self->loop);
    free(self);
}

static const struct ms_class loop_class = {
    .name = "moonsnap.rpc.Loop", .word = "loop", .free = free_loop};

static int make(struct loop **out, struct ms_err *err) {
    struct loop *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ms_err_memory(err);
    if (ms_loop_new(&self->loop, err) < 0) {
        free(self);
        return err->kind;
    }
    ms_watches_init(&self->watches, self->loop);
    *out = self;
    return 0;
}

static int new_loop(lua_State *L) {
    struct ms_err err;
    struct loop *self = NULL;
    struct ms_box *box = ms_box_new(L, &loop_class, 0);
    if (make(&self, &err) < 0)
        return luaL_error(L, "%s", err.text);
    ms_box_fill(box, self);
    return 1;
}

static struct loop *check(lua_State *L) { return ms_box_check(L, 1, &loop_class); }

struct ms_loop *ms_rpc_loop_check(lua_State *L, int arg) {
    return ((struct loop *)ms_box_check(L, arg, &loop_class))->loop;
}

static int loop_wait(lua_State *L) {
    struct loop *self = check(L);
    ms_loop_wait(self->loop, luaL_checkinteger(L, 2));
    return 0;
}

static const struct {
    const char *name;
    int number;
} signals[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},
               {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {NULL, 0}};

static int loop_take_signals(lua_State *L) {
    struct loop *self = check(L);
    struct ms_err err;
    sigset_t set;
    luaL_checktype(L, 2, LUA_TTABLE);
    (void)sigemptyset(&set);
    for (lua_Integer i = 1; lua_geti(L, 2, i) != LUA_TNIL; i++) {
        const char *name = luaL_checkstring(L, -1);
        size_t at = 0;
        while (signals[at].name != NULL && strcmp(signals[at].name, name) != 0)
            at++;
        if (signals[at].name == NULL)
            return luaL_error(L, "no signal that can be taken: %s", name);
        (void)sigaddset(&set, signals[at].number);
        lua_pop(L, 1);
    }
    if (ms_signals_take(&self->watches, &set, &err) < 0)
        return luaL_error(L, "%s", err.text);
    return 0;
}

static int loop_signal(lua_State *L) {
    int number = ms_signals_next(&check(L)->watches);
    for (size_t at = 0; number != 0 && signals[at].name != NULL; at++) {
        if (signals[at].number == number) {
            lua_pushstring(L, signals[at].name);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

static int loop_fd(lua_State *L) {
    lua_pushinteger(L, check(L)->loop->epoll_fd);
    return 1;
}

static int loop_watch(lua_State *L) {
    struct loop *self = check(L);
    struct ms_err err;
    lua_Integer fd = luaL_checkinteger(L, 2);
    const char *word = luaL_checkstring(L, 3);
    uint32_t events = 0;
    for (const char *at = word; *at != '\0'; at++) {
        luaL_argcheck(L, *at == 'r' || *at == 'w', 3, "'r', 'w', 'rw' or '' expected");
        events |= *at == 'r' ? EPOLLIN : EPOLLOUT;
    }
    if (ms_watches_set(&self->watches, (int)fd, events, &err) < 0)
        return luaL_error(L, "%s", err.text);
    return 0;
}

static int loop_ready(lua_State *L) {
    int fd = ms_watches_next(&check(L)->watches);
    if (fd >= 0)
        lua_pushinteger(L, fd);
    else
        lua_pushnil(L);
    return 1;
}

void ms_rpc_push(lua_State *L) {
    static const luaL_Reg methods[] = {{"wait", loop_wait},     {"take_signals", loop_take_signals},
                                       {"signal", loop_signal}, {"watch", loop_watch},
                                       {"ready", loop_ready},   {"fd", loop_fd},
                                       {"serve", ms_rpc_serve}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"loop", new_loop}, {NULL, NULL}};
    ms_class_register(L, &loop_class, methods);
    ms_rpc_server_setup(L);
    ms_rpc_call_setup(L);
    luaL_newlib(L, functions);
}
