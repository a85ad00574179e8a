#include "bind/sys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "bind/failure.h"
#include "bind/listen.h"
#include "bind/spawn.h"
#include "bind/store.h"
#include "engine/clock.h"
#include "engine/mount/attach.h"
#include "sys/priority.h"
#include "sys/userns.h"

static int in_initial_user_namespace(lua_State *L) {
    lua_pushboolean(L, ms_userns_initial());
    return 1;
}

static int can_mount(lua_State *L) {
    lua_pushboolean(L, ms_can_mount());
    return 1;
}

static int enter_user_namespace(lua_State *L) {
    struct ms_err err;
    return ms_answer(L, ms_userns_enter(&err), &err);
}

static int enter_mount_namespace(lua_State *L) {
    struct ms_err err;
    return ms_answer(L, ms_mountns_enter(&err), &err);
}

static int attach_way(lua_State *L) {
    lua_pushstring(L, ms_attach_way());
    return 1;
}

static int pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

/* seconds of a clock that only runs forward */
static int steady(lua_State *L) {
    lua_pushnumber(L, (double)ms_clock_steady_ns() * 1e-9);
    return 1;
}

/* nanoseconds since 1970 */
static int now(lua_State *L) {
    lua_pushinteger(L, ms_clock_now_ns());
    return 1;
}

/* 16 hexadecimal digits that nobody guesses: part of throw-away keys */
static int random_digits(lua_State *L) {
    unsigned char bytes[8];
    char digits[2 * sizeof bytes + 1];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return luaL_error(L, "getrandom gave nothing");
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
    lua_pushstring(L, digits);
    return 1;
}

static int uid(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)geteuid());
    return 1;
}

static int gid(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)getegid());
    return 1;
}

/* Is there anything by that name, be it a link to nowhere? What cannot be looked at is there. */
static int exists(lua_State *L) {
    struct stat found;
    const char *path = luaL_checkstring(L, 1);
    bool missing = lstat(path, &found) < 0 && (errno == ENOENT || errno == ENOTDIR);
    lua_pushboolean(L, !missing);
    return 1;
}

/* io_priority(number) -> what it was */
static int io_priority(lua_State *L) {
    struct ms_err err;
    int before = 0;
    lua_Integer priority = luaL_checkinteger(L, 1);
    luaL_argcheck(L, priority >= 0 && priority <= UINT16_MAX, 1, "class << 13 | level");
    if (ms_io_priority_set((int)priority, &before, &err) < 0)
        return ms_failure(L, &err);
    lua_pushinteger(L, before);
    return 1;
}

void ms_sys_push(lua_State *L) {
    static const luaL_Reg functions[] = {{"in_initial_user_namespace", in_initial_user_namespace},
                                         {"can_mount", can_mount},
                                         {"enter_user_namespace", enter_user_namespace},
                                         {"enter_mount_namespace", enter_mount_namespace},
                                         {"attach_way", attach_way},
                                         {"pid", pid},
                                         {"uid", uid},
                                         {"gid", gid},
                                         {"exists", exists},
                                         {"random", random_digits},
                                         {"steady", steady},
                                         {"now", now},
                                         {"io_priority", io_priority},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    ms_listen_add(L);
    ms_pidfd_add(L);
    ms_spawn_add(L);
}
