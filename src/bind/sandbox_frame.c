/* Frames: tables that a script reads as any other, and cannot change. In the guest a frame is an
 * empty table before the one with the content: {} with metatable {__index = content, __newindex =
 * refusal, and __len for a list}. What would see the empty table (next, pairs, rawget, ...) is in
 * sandbox_base.c and looks behind it; the refusal, which no script can get at, tells a frame. They
 * are made for each request: hence as little as that. */
#include <string.h>

#include "bind/box.h"
#include "bind/failure.h"
#include "bind/sandbox.h"
#include "bind/sandbox_guest.h"

/* ---- in the guest ----------------------------------------------------------------------------*/

static int refuse_change(lua_State *L) {
    return luaL_error(L, "this table cannot be changed: '%s'", luaL_tolstring(L, 2, NULL));
}

static int length(lua_State *L) {
    if (ms_frame_open(L, 1))
        lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
    else
        lua_pushinteger(L, 0);
    return 1;
}

bool ms_frame_open(lua_State *L, int index) {
    if (lua_getmetatable(L, index) == 0)
        return false;
    lua_pushliteral(L, "__newindex");
    (void)lua_rawget(L, -2);
    bool is_frame = lua_tocfunction(L, -1) == refuse_change;
    lua_pop(L, 1);
    if (is_frame) {
        lua_pushliteral(L, "__index");
        (void)lua_rawget(L, -2);
        lua_remove(L, -2);
    } else {
        lua_pop(L, 1);
    }
    return is_frame;
}

void ms_frame_wrap(lua_State *L) {
    bool is_list = lua_rawlen(L, -1) > 0;
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, is_list ? 3 : 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_change);
    lua_setfield(L, -2, "__newindex");
    if (is_list) {
        lua_pushcfunction(L, length);
        lua_setfield(L, -2, "__len");
    }
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

/* ---- the host's hold on one ------------------------------------------------------------------*/

/* What is to be copied, and where it is then. */
struct framing {
    struct ms_crossing copy;
    int index;
    int ref;
    bool copied;
};

static int do_frame(lua_State *G) {
    struct framing *framing = lua_touserdata(G, 1);
    framing->copied = ms_cross_in(&framing->copy, framing->index);
    if (framing->copied)
        framing->ref = luaL_ref(G, LUA_REGISTRYINDEX);
    return 0;
}

static int attempt(struct ms_guest *guest, struct framing *framing, lua_State *H, int kept) {
    framing->copied = false;
    memset(&framing->copy, 0, sizeof framing->copy);
    framing->copy.guest = guest;
    framing->copy.from = H;
    framing->copy.to = guest->L;
    framing->copy.frame = true;
    framing->copy.kept = kept;
    return ms_guest_attempt(guest, do_frame, framing);
}

int ms_frame_hold(lua_State *H, struct ms_handle *frame, int index, int kept, struct ms_err *err) {
    struct ms_guest *guest = frame->guest;
    struct framing framing = {.index = index, .ref = LUA_NOREF};
    int status = attempt(guest, &framing, H, kept);
    if (status == LUA_ERRMEM) { /* of frames that the host has dropped, too, but not collected */
        lua_settop(guest->L, guest->slots);
        (void)lua_gc(H, LUA_GCCOLLECT);
        status = attempt(guest, &framing, H, kept);
    }
    if (status == LUA_OK && !framing.copied)
        return ms_sandbox_refuse(H, &framing.copy, index);
    if (status != LUA_OK) {
        lua_settop(guest->L, guest->slots);
        return ms_guest_no_memory(guest, err, "frame");
    }
    ms_frame_drop(frame);
    frame->ref = framing.ref;
    return 0;
}

void ms_frame_drop(struct ms_handle *frame) {
    luaL_unref(frame->guest->L, LUA_REGISTRYINDEX, frame->ref);
    frame->ref = LUA_NOREF;
}

/* The index of the table of frames, or 0: arguments 2, a table, and 3, which may be missing. */
static int check_kept(lua_State *H) {
    luaL_checktype(H, 2, LUA_TTABLE);
    lua_settop(H, 3);
    if (lua_isnil(H, 3))
        return 0;
    luaL_checktype(H, 3, LUA_TTABLE);
    return 3;
}

/* frame(table, kept) */
static int sandbox_frame(lua_State *H) {
    struct ms_guest *guest = ms_box_check(H, 1, &ms_sandbox_class);
    struct ms_err err;
    int kept = check_kept(H);
    struct ms_box *box = ms_box_new(H, &ms_sandbox_frame_class, 1);
    if (!ms_handle_fill(box, guest, LUA_NOREF)) {
        (void)ms_guest_no_memory(guest, &err, "frame");
        return ms_failure(H, &err);
    }
    return ms_frame_hold(H, box->object, 2, kept, &err) < 0 ? ms_failure(H, &err) : 1;
}

/* frame:fill(table, kept): holds another one from now on */
static int frame_fill(lua_State *H) {
    struct ms_handle *frame = ms_box_check(H, 1, &ms_sandbox_frame_class);
    struct ms_err err;
    int kept = check_kept(H);
    if (ms_frame_hold(H, frame, 2, kept, &err) < 0)
        return ms_failure(H, &err);
    lua_settop(H, 1);
    return 1;
}

/* frame:clear(): lets go of the copy; of no use until it is filled */
static int frame_clear(lua_State *H) {
    ms_frame_drop(ms_box_check(H, 1, &ms_sandbox_frame_class));
    return 0;
}

void ms_sandbox_add_frames(lua_State *H) {
    static const luaL_Reg of_frames[] = {
        {"fill", frame_fill}, {"clear", frame_clear}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"frame", sandbox_frame}, {NULL, NULL}};
    ms_class_register(H, &ms_sandbox_frame_class, of_frames);
    ms_sandbox_add_methods(H, methods);
}
