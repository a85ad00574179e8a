#include "bind/listen.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/own.h"
#include "bind/args.h"
#include "bind/box.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "sys/listen.h"

static void free_listener(void *object) {
    struct ms_listener *listener = object;
    (void)ms_listener_remove(listener);
    ms_listener_close(listener);
    free(listener);
}

static const struct ms_class listener_class = {
    .name = "moonsnap.core.listener", .word = "listener", .free = free_listener};

/* listen(path) -> listener */
static int listen_on(lua_State *L) {
    struct ms_err err;
    const char *path = ms_arg_path(L, 1, "socket", &err);
    if (path == NULL)
        return ms_failure(L, &err);
    struct ms_box *box = ms_box_new(L, &listener_class, 0);
    struct ms_listener *listener = malloc(sizeof *listener);
    if (listener == NULL) {
        (void)ms_err_memory(&err);
        return ms_failure(L, &err);
    }
    *listener = (struct ms_listener)MS_LISTENER_NONE;
    if (ms_listen(path, listener, &err) < 0) {
        free(listener);
        return ms_failure(L, &err);
    }
    ms_box_fill(box, listener);
    return 1;
}

static int listener_take(lua_State *L) {
    struct ms_listener *listener = ms_box_check(L, 1, &listener_class);
    if (listener->fd < 0)
        return luaL_error(L, "listener: its descriptor was taken before");
    lua_pushinteger(L, ms_take_fd(&listener->fd));
    return 1;
}

static int listener_remove(lua_State *L) {
    struct ms_listener *listener = ms_box_check(L, 1, &listener_class);
    lua_pushboolean(L, ms_listener_remove(listener));
    return 1;
}

static void clear_fds(void *bytes) {
    struct ms_listen_fds *fds = bytes;
    free(fds->names);
    fds->names = NULL;
}

/* Sets name from the colon-separated names at *at, and goes on to the next. */
static void set_name(lua_State *L, const char **at) {
    size_t size = *at != NULL ? strcspn(*at, ":") : 0;
    lua_pushlstring(L, *at != NULL ? *at : "", size);
    lua_setfield(L, -2, "name");
    if (*at != NULL)
        *at = (*at)[size] == ':' ? *at + size + 1 : NULL;
}

/* listen_fds() -> list of {fd, name, unix} */
static int listen_fds(lua_State *L) {
    struct ms_err err;
    struct ms_listen_fds *fds = ms_scratch_new(L, sizeof *fds, clear_fds);
    if (ms_listen_fds(fds, &err) < 0)
        return ms_failure(L, &err);
    const char *name = fds->names;
    lua_createtable(L, fds->count, 0);
    for (int i = 0; i < fds->count; i++) {
        lua_createtable(L, 0, 3);
        ms_set_integer(L, "fd", MS_LISTEN_FDS_FIRST + i);
        ms_set_boolean(L, "unix", fds->unix_stream[i]);
        set_name(L, &name);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int notify(lua_State *L) {
    struct ms_err err;
    size_t size = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    int sent = ms_notify(text, size, &err);
    if (sent < 0)
        return ms_failure(L, &err);
    lua_pushboolean(L, sent);
    return 1;
}

void ms_listen_add(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"take", listener_take}, {"remove", listener_remove}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"listen", listen_on}, {"listen_fds", listen_fds}, {"notify", notify}, {NULL, NULL}};
    ms_class_register(L, &listener_class, methods);
    luaL_setfuncs(L, functions, 0);
}
