/* call, resume and what belongs to them: arguments in, running; sandbox_answer.c brings results
 * out. */
#include <string.h>

#include "bind/failure.h"
#include "bind/sandbox.h"
#include "bind/sandbox_guest.h"

struct feed {
    struct ms_crossing copy;
    lua_State *thread;
    int first;
    int last;
    int bad;  /* the argument that cannot cross, or 0 */
    bool raw; /* no argument needed memory */
};

static struct ms_guest *check(lua_State *H) { return ms_box_check(H, 1, &ms_sandbox_class); }

/* ---- arguments -------------------------------------------------------------------------------*/

/* Copies the arguments, in the guest, protected. */
static int feed_all(lua_State *G) {
    struct feed *feed = lua_touserdata(G, 1);
    int count = feed->last - feed->first + 1;
    luaL_checkstack(G, count + 8, NULL);
    lua_settop(G, 0);
    for (int arg = feed->first; arg <= feed->last; arg++) {
        if (!ms_cross_in(&feed->copy, arg)) {
            feed->bad = arg;
            return 0;
        }
    }
    if (!lua_checkstack(feed->thread, count + 1))
        return luaL_error(G, "stack overflow");
    lua_xmove(G, feed->thread, count);
    return 0;
}

/* Whether the host's argument is passed without memory of the guest. */
static bool is_plain(lua_State *H, int arg) {
    int type = lua_type(H, arg);
    return type != LUA_TSTRING && type != LUA_TTABLE;
}

/* Passes arguments that need no memory without protection; true when all were such. */
static bool feed_plain(struct feed *feed) {
    lua_State *H = feed->copy.from;
    if (feed->last - feed->first >= LUA_MINSTACK / 2)
        return false;
    for (int arg = feed->first; arg <= feed->last; arg++)
        if (!is_plain(H, arg))
            return false;
    if (!lua_checkstack(feed->thread, LUA_MINSTACK))
        return false;
    feed->copy.to = feed->thread;
    for (int arg = feed->first; arg <= feed->last && feed->bad == 0; arg++)
        if (!ms_cross_in(&feed->copy, arg))
            feed->bad = arg;
    return true;
}

/* Puts the arguments first.. of the host on the call's thread. LUA_OK, or a status of the guest. */
static int put_arguments(struct ms_guest *guest, struct ms_guest_call *call, struct feed *feed) {
    lua_State *G = guest->L;
    if (feed_plain(feed))
        return LUA_OK;
    guest->call = call;
    guest->over = guest->refused = MS_LIMIT_NONE;
    lua_pushcfunction(G, feed_all);
    lua_pushlightuserdata(G, feed);
    int status = lua_pcall(G, 1, 0, 0);
    guest->call = &guest->idle;
    if (status != LUA_OK) {
        guest->failed = guest->over != MS_LIMIT_NONE ? guest->over
                        : status == LUA_ERRMEM       ? guest->refused
                                                     : MS_LIMIT_DEPTH;
        guest->over = MS_LIMIT_NONE;
        guest->where[0] = guest->trace[0] = '\0';
        lua_pop(G, 1);
    }
    return status;
}

int ms_sandbox_refuse(lua_State *H, const struct ms_crossing *copy, int arg) {
    return luaL_argerror(H, arg,
                         lua_pushfstring(H, "cannot go into a sandbox%s%s: %s",
                                         copy->where[0] != '\0' ? " at " : "", copy->where,
                                         copy->why));
}

/* ---- calling -------------------------------------------------------------------------------*/

/* Runs the call with the host's arguments first.. */
static int run(lua_State *H, struct ms_guest *guest, struct ms_guest_call *call, int first) {
    struct feed feed = {.copy = {.guest = guest, .from = H, .to = guest->L},
                        .thread = call->thread,
                        .first = first,
                        .last = lua_gettop(H)};
    int results = 0;
    int top = lua_gettop(call->thread);
    if (put_arguments(guest, call, &feed) != LUA_OK) {
        guest->raise = false;
        return ms_sandbox_answer(H, guest, call, MS_OUTCOME_FAILED, 0);
    }
    if (feed.bad != 0) {
        guest->raise = false;
        lua_settop(call->thread, top);
        if (lua_status(call->thread) == LUA_OK)
            ms_guest_end(guest, call);
        return ms_sandbox_refuse(H, &feed.copy, feed.bad);
    }
    enum ms_outcome outcome =
        ms_guest_run(guest, call, feed.last >= first ? feed.last - first + 1 : 0, &results);
    return ms_sandbox_answer(H, guest, call, outcome, results);
}

int ms_sandbox_refuse_call(lua_State *H, const struct ms_guest *guest, const struct ms_err *err) {
    lua_pushvalue(H, MS_OUTCOME_WORD_AT(MS_OUTCOME_FAILED));
    ms_failure_push(H, err);
    lua_pushstring(H, ms_limit_name(guest->failed));
    return 3;
}

/* call(fn, budget, ...) */
static int sandbox_call(lua_State *H) {
    struct ms_guest *guest = check(H);
    const struct ms_handle *handle = ms_box_check(H, 2, &ms_sandbox_function_class);
    struct ms_guest_call *call = NULL;
    struct ms_budget budget;
    struct ms_err err;
    luaL_argcheck(H, handle->guest == guest, 2, "of another sandbox");
    ms_sandbox_budget(H, 3, &budget);
    if (lua_gettop(H) < 3)
        lua_settop(H, 3);
    if (ms_guest_open(guest, &budget, &call, &err) < 0)
        return ms_sandbox_refuse_call(H, guest, &err);
    call->ref = handle->ref;
    lua_rawgeti(call->thread, LUA_REGISTRYINDEX, handle->ref);
    return run(H, guest, call, 4);
}

static struct ms_guest_call *innermost(lua_State *H, const struct ms_guest *guest) {
    if (guest->open == 0)
        luaL_error(H, "no call of this sandbox is suspended");
    return guest->order[guest->open - 1];
}

/* resume(...) */
static int sandbox_resume(lua_State *H) {
    struct ms_guest *guest = check(H);
    struct ms_guest_call *call = innermost(H, guest);
    if (!call->word)
        lua_settop(H, 1);
    return run(H, guest, call, 2);
}

/* raise(err) */
static int sandbox_raise(lua_State *H) {
    struct ms_guest *guest = check(H);
    struct ms_guest_call *call = innermost(H, guest);
    if (!call->word)
        return luaL_error(H, "the call waits for no word");
    lua_settop(H, 2);
    guest->raise = true;
    return run(H, guest, call, 2);
}

/* pick(): a number for the innermost suspended call; pick(number): makes that one the innermost. */
static int sandbox_pick(lua_State *H) {
    struct ms_guest *guest = check(H);
    const struct ms_guest_call *call = innermost(H, guest);
    if (lua_isnoneornil(H, 2)) {
        lua_pushinteger(H, call->number);
        return 1;
    }
    lua_Integer number = luaL_checkinteger(H, 2);
    int at = 0;
    while (at < guest->open && guest->order[at]->number != number)
        at++;
    if (at == guest->open)
        return luaL_argerror(H, 2, "no suspended call has this number");
    struct ms_guest_call *picked = guest->order[at];
    for (; at + 1 < guest->open; at++)
        guest->order[at] = guest->order[at + 1];
    guest->order[at] = picked;
    return 0;
}

static int sandbox_cancel(lua_State *H) {
    struct ms_guest *guest = check(H);
    ms_guest_end(guest, innermost(H, guest));
    return 0;
}

void ms_sandbox_add_methods(lua_State *H, const luaL_Reg *methods) {
    luaL_getmetatable(H, ms_sandbox_class.name);
    lua_getfield(H, -1, "__index");
    lua_pushliteral(H, "done");
    lua_pushliteral(H, "word");
    lua_pushliteral(H, "slice");
    lua_pushliteral(H, "failed");
    luaL_setfuncs(H, methods, 4);
    lua_pop(H, 2);
}

void ms_sandbox_add_calls(lua_State *H) {
    static const luaL_Reg methods[] = {{"call", sandbox_call},   {"resume", sandbox_resume},
                                       {"raise", sandbox_raise}, {"cancel", sandbox_cancel},
                                       {"pick", sandbox_pick},   {NULL, NULL}};
    ms_sandbox_add_methods(H, methods);
}
