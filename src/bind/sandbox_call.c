/* call, resume and what belongs to them: arguments in, running, results out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bind/failure.h"
#include "bind/sandbox.h"
#include "bind/sandbox_guest.h"

/* Words for what a call ended with: upvalues of the methods, so that no string is made. */
#define WORD_OF(outcome) lua_upvalueindex((int)(outcome) + 1)

struct feed {
    struct ms_crossing copy;
    lua_State *thread;
    int first;
    int last;
    int bad;  /* the argument that cannot cross, or 0 */
    bool raw; /* no argument needed memory */
};

static struct ms_guest *check(lua_State *H) { return ms_box_check(H, 1, &ms_sandbox_class); }

/* ---- budgets ---------------------------------------------------------------------------------*/

static int64_t integer_of(lua_State *H, int index, const char *name, int64_t without) {
    int type = lua_getfield(H, index, name);
    int64_t value = without;
    if (type != LUA_TNIL) {
        int exact = 0;
        value = lua_tointegerx(H, -1, &exact);
        if (!exact || value < 0)
            luaL_error(H, "budget: %s: a number of at least 0 expected", name);
    }
    lua_pop(H, 1);
    return value;
}

static int64_t ns_of(lua_State *H, int index, const char *name) {
    int64_t ns = INT64_MAX;
    if (lua_getfield(H, index, name) != LUA_TNIL) {
        double seconds = lua_type(H, -1) == LUA_TNUMBER ? lua_tonumber(H, -1) : -1;
        if (isnan(seconds) || seconds < 0)
            luaL_error(H, "budget: %s: a number of at least 0 expected", name);
        ns = seconds < 1e9 ? (int64_t)(seconds * 1e9) : INT64_MAX;
    }
    lua_pop(H, 1);
    return ns;
}

static void read_budget(lua_State *H, int index, struct ms_budget *out) {
    static const struct ms_budget none = {INT64_MAX, INT64_MAX, INT64_MAX, -1};
    *out = none;
    if (lua_isnoneornil(H, index))
        return;
    luaL_checktype(H, index, LUA_TTABLE);
    out->instructions = integer_of(H, index, "instructions", INT64_MAX);
    out->bytes = integer_of(H, index, "memory", -1);
    out->ns = ns_of(H, index, "seconds");
    out->slice_ns = ns_of(H, index, "slice");
}

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

static int refuse_argument(lua_State *H, const struct feed *feed) {
    const struct ms_crossing *copy = &feed->copy;
    return luaL_argerror(H, feed->bad,
                         lua_pushfstring(H, "cannot go into a sandbox%s%s: %s",
                                         copy->where[0] != '\0' ? " at " : "", copy->where,
                                         copy->why));
}

/* ---- failures --------------------------------------------------------------------------------*/

static const char *const limit_names[] = {NULL, "instructions", "seconds", "memory", "depth", NULL};

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
    lua_pushstring(H, limit_names[guest->failed]);
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
    lua_pushvalue(H, WORD_OF(MS_OUTCOME_FAILED));
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

static int answer(lua_State *H, struct ms_guest *guest, struct ms_guest_call *call,
                  enum ms_outcome outcome, int count) {
    struct harvest harvest = {.guest = guest, .call = call, .outcome = outcome, .count = count};
    bool ends = outcome == MS_OUTCOME_DONE || outcome == MS_OUTCOME_FAILED;
    lua_settop(H, 1);
    lua_pushvalue(H, WORD_OF(outcome));
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
        return answer(H, guest, call, MS_OUTCOME_FAILED, 0);
    }
    if (feed.bad != 0) {
        guest->raise = false;
        lua_settop(call->thread, top);
        if (lua_status(call->thread) == LUA_OK)
            ms_guest_end(guest, call);
        return refuse_argument(H, &feed);
    }
    enum ms_outcome outcome =
        ms_guest_run(guest, call, feed.last >= first ? feed.last - first + 1 : 0, &results);
    return answer(H, guest, call, outcome, results);
}

/* call(fn, budget, ...) */
static int sandbox_call(lua_State *H) {
    struct ms_guest *guest = check(H);
    const struct ms_handle *handle = ms_box_check(H, 2, &ms_sandbox_function_class);
    struct ms_guest_call *call = NULL;
    struct ms_budget budget;
    struct ms_err err;
    luaL_argcheck(H, handle->guest == guest, 2, "of another sandbox");
    read_budget(H, 3, &budget);
    if (lua_gettop(H) < 3)
        lua_settop(H, 3);
    if (ms_guest_open(guest, &budget, &call, &err) < 0) {
        lua_pushvalue(H, WORD_OF(MS_OUTCOME_FAILED));
        ms_failure_push(H, &err);
        lua_pushstring(H, limit_names[guest->failed]);
        return 3;
    }
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

void ms_sandbox_add_calls(lua_State *H) {
    static const luaL_Reg methods[] = {{"call", sandbox_call},   {"resume", sandbox_resume},
                                       {"raise", sandbox_raise}, {"cancel", sandbox_cancel},
                                       {"pick", sandbox_pick},   {NULL, NULL}};
    luaL_getmetatable(H, ms_sandbox_class.name);
    lua_getfield(H, -1, "__index");
    lua_pushliteral(H, "done");
    lua_pushliteral(H, "word");
    lua_pushliteral(H, "slice");
    lua_pushliteral(H, "failed");
    luaL_setfuncs(H, methods, 4);
    lua_pop(H, 2);
}
