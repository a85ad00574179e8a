#include "bind/core.h"

#include "bind/box.h"
#include "bind/client.h"
#include "bind/event.h"
#include "bind/failure.h"
#include "bind/message.h"
#include "bind/push.h"
#include "bind/rpc.h"
#include "bind/sandbox.h"
#include "bind/store.h"
#include "bind/sys.h"

#ifndef MS_VERSION
#define MS_VERSION "0.1.0"
#endif

static int open_count(lua_State *L) {
    lua_pushinteger(L, ms_box_open_count(L));
    return 1;
}

static void add_verbs(lua_State *L) {
    static const luaL_Reg *const groups[] = {
        ms_store_verbs,       ms_make_verbs, ms_look_verbs,   ms_walk_verbs,  ms_diff_verbs,
        ms_page_verbs,        ms_step_verbs, ms_import_verbs, ms_mount_verbs, ms_run_verbs,
        ms_lease_verbs,       ms_pin_verbs,  ms_survey_verbs, ms_plan_verbs,  ms_event_verbs,
        ms_event_write_verbs, NULL};
    ms_class_register(L, &ms_store_class, NULL);
    luaL_getmetatable(L, ms_store_class.name);
    lua_getfield(L, -1, "__index");
    for (size_t i = 0; groups[i] != NULL; i++)
        luaL_setfuncs(L, groups[i], 0);
    lua_pop(L, 2);
}

int luaopen_moonsnap_core(lua_State *L) {
    static const luaL_Reg functions[] = {{"open", ms_store_open_lua},
                                         {"rebuild", ms_store_rebuild_lua},
                                         {"filter", ms_filter_lua},
                                         {"error", ms_failure_make},
                                         {"kinds", ms_failure_kinds},
                                         {"open_count", open_count},
                                         {NULL, NULL}};

    luaL_checkversion(L);
    ms_box_setup(L);
    ms_failure_setup(L);
    ms_store_setup(L);
    ms_look_setup(L);
    ms_walk_setup(L);
    ms_page_setup(L);
    ms_diff_setup(L);
    ms_steps_setup(L);
    ms_survey_setup(L);
    ms_event_setup(L);
    ms_import_setup(L);
    ms_pool_setup(L);
    add_verbs(L);
    luaL_newlib(L, functions);
    ms_set_string(L, "version", MS_VERSION);
    ms_sys_push(L);
    lua_setfield(L, -2, "sys");
    ms_message_push(L);
    lua_setfield(L, -2, "message");
    ms_sandbox_push(L);
    lua_setfield(L, -2, "sandbox");
    ms_rpc_push(L);
    ms_client_setup(L);
    lua_pushcfunction(L, ms_pool_lua);
    lua_setfield(L, -2, "pool");
    lua_setfield(L, -2, "rpc");
    return 1;
}
