#include "bind/box.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SCRATCH "moonsnap.core.scratch"

static const char open_count_key; /* its address is the registry's key */
static const char class_key;      /* and this one's the metatables' */

/* ---- boxes -----------------------------------------------------------------------------------*/

static void close_one(struct ms_box *box) {
    if (box->busy != NULL)
        box->busy->settle(box->busy);
    if (box->parent != NULL) {
        if (box->previous != NULL)
            box->previous->next = box->next;
        else
            box->parent->child = box->next;
        if (box->next != NULL)
            box->next->previous = box->previous;
        box->parent = box->next = box->previous = NULL;
    }
    if (box->object != NULL) {
        box->class->free(box->object);
        ms_box_empty(box);
    }
}

void ms_box_close(struct ms_box *box) {
    while (box->child != NULL) {
        struct ms_box *last = box->child;
        while (last->child != NULL)
            last = last->child;
        close_one(last);
    }
    close_one(box);
}

/* Raises when a thread works on the object. */
static void check_idle(lua_State *L, const struct ms_box *box) {
    if (box->busy != NULL)
        luaL_error(L, "%s is busy", box->class->word);
}

/* __gc of every class; the class is the upvalue. */
static int box_collect(lua_State *L) {
    const struct ms_class *class = lua_touserdata(L, lua_upvalueindex(1));
    ms_box_close(luaL_checkudata(L, 1, class->name));
    for (int held = 1; held <= MS_BOX_HELD + 1; held++) {
        lua_pushnil(L);
        lua_setiuservalue(L, 1, held);
    }
    return 0;
}

/* close and __close. */
static int box_close(lua_State *L) {
    const struct ms_class *class = lua_touserdata(L, lua_upvalueindex(1));
    const struct ms_box *box = luaL_checkudata(L, 1, class->name);
    check_idle(L, box);
    for (const struct ms_box *child = box->child; child != NULL; child = child->next)
        check_idle(L, child);
    return box_collect(L);
}

void ms_class_register(lua_State *L, const struct ms_class *class, const luaL_Reg *methods) {
    luaL_newmetatable(L, class->name);
    lua_pushlightuserdata(L, (void *)class);
    lua_rawsetp(L, -2, &class_key);
    lua_pushlightuserdata(L, (void *)class);
    lua_pushcclosure(L, box_collect, 1);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    if (methods != NULL)
        luaL_setfuncs(L, methods, 0);
    lua_pushlightuserdata(L, (void *)class);
    lua_pushcclosure(L, box_close, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "__close");
    lua_setfield(L, -2, "close");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

static void adopt(struct ms_box *parent, struct ms_box *box) {
    box->parent = parent;
    box->next = parent->child;
    if (box->next != NULL)
        box->next->previous = box;
    parent->child = box;
}

struct ms_box *ms_box_new(lua_State *L, const struct ms_class *class, int parent) {
    luaL_checkstack(L, 4, NULL);
    if (parent != 0)
        parent = lua_absindex(L, parent);
    struct ms_box *box = lua_newuserdatauv(L, sizeof *box, MS_BOX_HELD + 1);
    memset(box, 0, sizeof *box);
    box->class = class;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &open_count_key);
    box->open = lua_touserdata(L, -1);
    lua_pop(L, 1);
    luaL_setmetatable(L, class->name);
    if (parent != 0) {
        lua_pushvalue(L, parent);
        lua_setiuservalue(L, -2, 1);
        adopt(lua_touserdata(L, parent), box);
    }
    return box;
}

void ms_box_fill(struct ms_box *box, void *object) {
    box->object = object;
    ++*box->open;
}

void ms_box_empty(struct ms_box *box) {
    box->object = NULL;
    --*box->open;
}

/* Whether the value is a box of the class. By name, as luaL_checkudata looks it up, takes twice as
 * long. */
static bool is_of(lua_State *L, int arg, const struct ms_class *class) {
    if (lua_getmetatable(L, arg) == 0)
        return false;
    (void)lua_rawgetp(L, -1, &class_key);
    bool same = lua_touserdata(L, -1) == class;
    lua_pop(L, 2);
    return same;
}

void *ms_box_peek(lua_State *L, int arg, const struct ms_class *class) {
    const struct ms_box *box =
        is_of(L, arg, class) ? lua_touserdata(L, arg) : luaL_checkudata(L, arg, class->name);
    if (box->object == NULL)
        luaL_error(L, "%s is closed", class->word);
    return box->object;
}

void *ms_box_check(lua_State *L, int arg, const struct ms_class *class) {
    void *object = ms_box_peek(L, arg, class);
    const struct ms_box *box = lua_touserdata(L, arg);
    check_idle(L, box);
    while (!box->class->apart && (box = box->parent) != NULL)
        check_idle(L, box);
    return object;
}

struct ms_box *ms_box_check_work(lua_State *L, int arg) {
    const struct ms_class *class = NULL;
    if (lua_getmetatable(L, arg) != 0) {
        lua_rawgetp(L, -1, &class_key);
        class = lua_touserdata(L, -1);
        lua_pop(L, 2);
    }
    luaL_argexpected(L, class != NULL && class->step != NULL, arg, "work");
    (void)ms_box_check(L, arg, class);
    return lua_touserdata(L, arg);
}

void *ms_box_check_child(lua_State *L, int arg, const struct ms_class *class,
                         bool (*alike)(const void *left, const void *right)) {
    void *object = ms_box_check(L, arg, class);
    const struct ms_box *box = lua_touserdata(L, arg);
    const struct ms_box *parent = lua_touserdata(L, 1);
    bool right = box->parent == parent ||
                 (alike != NULL && box->parent != NULL && box->parent->object != NULL &&
                  alike(box->parent->object, parent->object));
    luaL_argcheck(L, right, arg, "made by another store");
    return object;
}

long ms_box_open_count(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &open_count_key);
    long count = *(long *)lua_touserdata(L, -1);
    lua_pop(L, 1);
    return count;
}

/* ---- scratch ---------------------------------------------------------------------------------*/

struct scratch {
    void (*clear)(void *bytes);
    int64_t bytes[]; /* aligned for whatever Lua aligns userdata for */
};

static int scratch_close(lua_State *L) {
    struct scratch *scratch = luaL_checkudata(L, 1, SCRATCH);
    scratch->clear(scratch->bytes);
    return 0;
}

void *ms_scratch_new(lua_State *L, size_t size, void (*clear)(void *bytes)) {
    luaL_checkstack(L, 4, NULL);
    struct scratch *scratch = lua_newuserdatauv(L, sizeof *scratch + size, 0);
    memset(scratch, 0, sizeof *scratch + size);
    scratch->clear = clear;
    luaL_setmetatable(L, SCRATCH);
    lua_toclose(L, -1);
    return scratch->bytes;
}

void ms_box_setup(lua_State *L) {
    long *count = lua_newuserdatauv(L, sizeof *count, 0);
    *count = 0;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &open_count_key);

    luaL_newmetatable(L, SCRATCH);
    lua_pushcfunction(L, scratch_close);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
    lua_pop(L, 1);
}
