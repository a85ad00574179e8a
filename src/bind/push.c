#include "bind/push.h"

#include <lauxlib.h>

#include "engine/store/store.h"

void ms_set_string(lua_State *L, const char *name, const char *value) {
    lua_pushstring(L, value != NULL ? value : "");
    lua_setfield(L, -2, name);
}

void ms_set_integer(lua_State *L, const char *name, int64_t value) {
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

void ms_set_boolean(lua_State *L, const char *name, int value) {
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

void ms_push_strings(lua_State *L, char *const *strings, size_t count) {
    luaL_checkstack(L, 3, NULL);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, strings[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_mount(lua_State *L, const struct ms_mount *mount) {
    lua_createtable(L, 0, 4);
    ms_set_string(L, "type", mount->type);
    ms_set_string(L, "source", mount->source);
    ms_set_string(L, "target", mount->target);
    ms_push_strings(L, mount->options, mount->options_count);
    lua_setfield(L, -2, "options");
}

void ms_push_mounts(lua_State *L, const struct ms_mounts *mounts) {
    luaL_checkstack(L, 5, NULL);
    lua_createtable(L, (int)mounts->count, 0);
    for (size_t i = 0; i < mounts->count; i++) {
        push_mount(L, &mounts->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void ms_push_info(lua_State *L, const struct ms_info *info) {
    luaL_checkstack(L, 5, NULL);
    lua_createtable(L, 0, 10);
    ms_set_string(L, "name", info->name);
    ms_set_string(L, "parent", info->parent);
    ms_set_string(L, "kind", ms_snapshot_kind_name(info->kind));
    ms_set_integer(L, "created", info->created_ns);
    ms_set_integer(L, "updated", info->updated_ns);
    ms_set_integer(L, "used", info->used_ns);
    ms_set_integer(L, "use_count", info->use_count);
    ms_set_integer(L, "number", info->number);
    if (info->damaged)
        ms_set_boolean(L, "damaged", 1);
    lua_createtable(L, 0, (int)info->labels.count);
    for (size_t i = 0; i < info->labels.count; i++)
        ms_set_string(L, info->labels.items[i].name, info->labels.items[i].value);
    lua_setfield(L, -2, "labels");
}

void ms_push_usage(lua_State *L, const struct ms_usage *usage) {
    luaL_checkstack(L, 3, NULL);
    lua_createtable(L, 0, 2);
    ms_set_integer(L, "size", usage->size_bytes);
    ms_set_integer(L, "inodes", usage->inodes);
}
