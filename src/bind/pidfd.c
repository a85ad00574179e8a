/* Descriptors of processes, to watch for their end. */
#include <lauxlib.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/own.h"
#include "bind/box.h"
#include "bind/failure.h"
#include "bind/sys.h"
#include "sys/ident.h"

struct watch {
    int fd;
};

static void free_watch(void *object) {
    struct watch *watch = object;
    ms_own_close(&watch->fd);
    free(watch);
}

static const struct ms_class watch_class = {
    .name = "moonsnap.core.pidfd", .word = "pidfd", .free = free_watch};

/* pidfd(pid) -> pidfd */
static int pidfd(lua_State *L) {
    struct ms_err err;
    lua_Integer pid = luaL_checkinteger(L, 1);
    struct ms_box *box = ms_box_new(L, &watch_class, 0);
    struct watch *watch = malloc(sizeof *watch);
    if (watch == NULL) {
        (void)ms_err_memory(&err);
        return ms_failure(L, &err);
    }
    if (ms_ident_watch(pid, &watch->fd, &err) < 0) {
        free(watch);
        return ms_failure(L, &err);
    }
    ms_box_fill(box, watch);
    return 1;
}

/* pidfd:fd() -> its number; it stays the pidfd's */
static int watch_fd(lua_State *L) {
    const struct watch *watch = ms_box_check(L, 1, &watch_class);
    lua_pushinteger(L, watch->fd);
    return 1;
}

void ms_pidfd_add(lua_State *L) {
    static const luaL_Reg methods[] = {{"fd", watch_fd}, {NULL, NULL}};
    ms_class_register(L, &watch_class, methods);
    lua_pushcfunction(L, pidfd);
    lua_setfield(L, -2, "pidfd");
}
