/* What call and resume answer: results, a word with its arguments, a failure. */
#include <stdio.h>
#include <string.h>

#include "bind/failure.h"
#include "bind/sandbox.h"
#include "bind/sandbox_guest.h"

/* ---- failures --------------------------------------------------------------------------------*/

const char *ms_limit_name(enum ms_limit limit) {
    static const char *const names[] = {NULL, "instructions", "seconds", "memory", "depth", NULL};
    return names[limit];
}

static void push_limit_text(lua_State *H, const struct ms_guest *guest,
                            const struct ms_guest_call *call) {
    const char *where = guest->where;
    switch (guest->failed) {
    case MS_LIMIT_INSTRUCTIONS:
        lua_pushfstring(H, "%sover its limit of %I instructions", where,
                        (LUAI_UACINT)call->budget.instructions);
        return;
    case MS_LIMIT_SECONDS:
        lua_pushfstring(H, "%sover its limit of %f seconds", where,
                        (LUAI_UACNUMBER)((double)call->budget.ns * 1e-9));
        return;
    case MS_LIMIT_MEMORY:
        lua_pushfstring(
            H, "%sover its limit of %I bytes of memory", where,
            (LUAI_UACINT)(call->cap < guest->limit ? (size_t)call->budget.bytes : guest->limit));
        return;
    case MS_LIMIT_DEPTH:
        lua_pushfstring(H, "%scalls too deep in each other", where);
        return;
    default:
        lua_pushfstring(H, "%sout of memory: the process has none", where);
    }
}

/* What a script raised, as an error value: on top of the call's thread. */
static void push_raised(lua_State *H, struct ms_guest *guest, lua_State *thread, int box) {
    struct ms_crossing copy = {.guest = guest, .from = thread, .to = H};
    int top = lua_gettop(H);
    int type = lua_type(thread, -1);
    if (type == LUA_TTABLE && ms_cross_out(&copy, lua_gettop(thread), box) &&
        luaL_getmetafield(H, -1, "__tostring") != LUA_TNIL) {
        lua_pop(H, 1);
        return;
    }
    lua_settop(H, top);
    size_t size = 0;
    lua_createtable(H, 0, 3);
    lua_pushliteral(H, "internal");
    lua_setfield(H, -2, "kind");
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        const char *text = lua_tolstring(thread, -1, &size);
        lua_pushlstring(H, text, size);
    } else {
        lua_pushfstring(H, "raised a %s, which is no message and no error value",
                        lua_typename(H, type));
    }
    lua_setfield(H, -2, "message");
    luaL_setmetatable(H, MS_FAILURE);
}

/* Pushes the error value, and the limit or nil. */
static void push_failure(lua_State *H, struct ms_guest *guest, struct ms_guest_call *call,
                         int box) {
    if (guest->failed != MS_LIMIT_NONE) {
        lua_createtable(H, 0, 3);
        lua_pushliteral(H, "resource_exhausted");
        lua_setfield(H, -2, "kind");
        push_limit_text(H, guest, call);
        lua_setfield(H, -2, "message");
        luaL_setmetatable(H, MS_FAILURE);
    } else {
        push_raised(H, guest, call->thread, box);
    }
    if (guest->trace[0] != '\0') {
        lua_pushstring(H, guest->trace);
        lua_setfield(H, -2, "trace");
    }
    lua_pushstring(H, ms_limit_name(guest->failed));
}

/* ---- results ---------------------------------------------------------------------------------*/

struct harvest {
    struct ms_guest *guest;
    struct ms_guest_call *call;
    enum ms_outcome outcome;
    int count;
    struct ms_crossing copy;
    int bad;        /* the value that cannot cross, or 0 */
    char where[96]; /* it comes from, then */
};

/* Called with the harvest and the sandbox's box: what call and resume answer after the first word.
 */
static int bring_out(lua_State *H) {
    struct harvest *harvest = lua_touserdata(H, 1);
    lua_State *thread = harvest->call->thread;
    if (harvest->outcome == MS_OUTCOME_FAILED) {
        push_failure(H, harvest->guest, harvest->call, 2);
        return 2;
    }
    luaL_checkstack(H, harvest->count + 4, "too many results");
    int first = lua_gettop(thread) - harvest->count + 1;
    for (int i = 0; i < harvest->count; i++) {
        if (!lua_checkstack(thread, 4) || !ms_cross_out(&harvest->copy, first + i, 2)) {
            harvest->bad = i + 1;
            return 0;
        }
    }
    return harvest->count;
}

/* While values come out nobody may use the sandbox: the host's collector can run anything. */
static void settle(struct ms_busy *busy) { (void)busy; }

static int harvest_protected(lua_State *H, struct harvest *harvest) {
    struct ms_busy busy = {settle};
    struct ms_box *box = lua_touserdata(H, 1);
    memset(&harvest->copy, 0, sizeof harvest->copy);
    harvest->copy.guest = harvest->guest;
    harvest->copy.from = harvest->call->thread;
    harvest->copy.to = H;
    harvest->bad = 0;
    lua_pushcfunction(H, bring_out);
    lua_pushlightuserdata(H, harvest);
    lua_pushvalue(H, 1);
    box->busy = &busy;
    int status = lua_pcall(H, 2, LUA_MULTRET, 0);
    box->busy = NULL;
    return status;
}

/* Whether the results are such that they come out without memory. */
static bool are_plain(lua_State *thread, int count) {
    for (int index = lua_gettop(thread) - count + 1; count > 0; count--, index++) {
        int type = lua_type(thread, index);
        if (type != LUA_TNIL && type != LUA_TBOOLEAN && type != LUA_TNUMBER)
            return false;
    }
    return true;
}

/* Notes the place that a value comes from: of the word's call, or where the function is. */
static void note_origin(struct harvest *harvest) {
    lua_State *G = harvest->guest->L;
    lua_State *thread = harvest->call->thread;
    lua_Debug at;
    int line = 0;
    if (harvest->outcome == MS_OUTCOME_WORD) {
        for (int i = 0; line <= 0 && lua_getstack(thread, i, &at) != 0; i++)
            line = lua_getinfo(thread, "Sl", &at) != 0 ? at.currentline : 0;
    } else if (lua_rawgeti(G, LUA_REGISTRYINDEX, harvest->call->ref) == LUA_TFUNCTION) {
        line = lua_getinfo(G, ">S", &at) != 0 ? at.linedefined + (at.what[0] == 'm') : 0;
    } else {
        lua_pop(G, 1);
    }
    if (line > 0)
        (void)snprintf(harvest->where, sizeof harvest->where, "%s:%d: ", at.short_src, line);
}

/* A result that cannot cross makes a failure of the call; what a word was given, an error in it. */
static int refuse_result(lua_State *H, struct harvest *harvest) {
    const struct ms_crossing *copy = &harvest->copy;
    lua_pushvalue(H, MS_OUTCOME_WORD_AT(MS_OUTCOME_FAILED));
    lua_createtable(H, 0, 2);
    lua_pushliteral(H, "internal");
    lua_setfield(H, -2, "kind");
    lua_pushfstring(H, "%s%s %d%s%s cannot leave the sandbox: %s", harvest->where,
                    harvest->outcome == MS_OUTCOME_WORD ? "argument" : "result",
                    harvest->outcome == MS_OUTCOME_WORD ? harvest->bad - 1 : harvest->bad,
                    copy->where[0] != '\0' ? " at " : "", copy->where, copy->why);
    lua_setfield(H, -2, "message");
    luaL_setmetatable(H, MS_FAILURE);
    lua_pushnil(H);
    return 3;
}

int ms_sandbox_answer(lua_State *H, struct ms_guest *guest, struct ms_guest_call *call,
                      enum ms_outcome outcome, int count) {
    struct harvest harvest = {.guest = guest, .call = call, .outcome = outcome, .count = count};
    bool ends = outcome == MS_OUTCOME_DONE || outcome == MS_OUTCOME_FAILED;
    lua_settop(H, 1);
    lua_pushvalue(H, MS_OUTCOME_WORD_AT(outcome));
    int status = LUA_OK;
    if (outcome != MS_OUTCOME_FAILED && count < LUA_MINSTACK / 2 &&
        are_plain(call->thread, count)) {
        harvest.copy = (struct ms_crossing){.guest = guest, .from = call->thread, .to = H};
        for (int i = 0; i < count; i++)
            (void)ms_cross_out(&harvest.copy, lua_gettop(call->thread) - count + 1 + i, 0);
    } else {
        status = harvest_protected(H, &harvest);
    }
    if (harvest.bad != 0)
        note_origin(&harvest);
    if (ends || status != LUA_OK || harvest.bad != 0)
        ms_guest_end(guest, call);
    else
        lua_pop(call->thread, count);
    if (status != LUA_OK)
        return lua_error(H);
    return harvest.bad != 0 ? refuse_result(H, &harvest) : lua_gettop(H) - 1;
}
