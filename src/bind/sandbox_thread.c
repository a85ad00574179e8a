/* What suspends: coroutines of the guest, and words, which ask the host.
 *
 * Both yield. A word's yield, and that of a slice that is over, must reach the host through all
 * coroutines between: whoever resumes one passes such a yield on by yielding itself, and what comes
 * back goes the same way in. guest->signal tells them from a script's own yield. */
#include "bind/sandbox_guest.h"

#define RESUME_STEPS 100 /* as many as can go uncounted in a coroutine between two switches */
#define CLOSE_DEPTH 3    /* closing while closing: their use of C's stack adds up */

/* ---- words -----------------------------------------------------------------------------------*/

static int finish_word(lua_State *L, int status, lua_KContext extra) {
    struct ms_guest *guest = ms_guest_of(L);
    (void)status, (void)extra;
    if (!guest->raise)
        return lua_gettop(L);
    guest->raise = false;
    return lua_error(L);
}

static int word(lua_State *L) {
    struct ms_guest *guest = ms_guest_of(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    if (guest->blocked != 0 || !lua_isyieldable(L))
        return luaL_error(L,
                          "%s: not from within a function that sort, gsub, tostring or a "
                          "variable's closing calls",
                          lua_tostring(L, -1));
    lua_insert(L, 1);
    guest->signal = MS_SIGNAL_WORD;
    return lua_yieldk(L, lua_gettop(L), 0, finish_word);
}

void ms_guest_push_word(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    lua_pushcclosure(L, word, 1);
}

/* ---- coroutines ------------------------------------------------------------------------------*/

static lua_State *check_thread(lua_State *L) {
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co != NULL, 1, "coroutine");
    return co;
}

/* Whether co is the thread of a call, which no script resumes or closes. */
static bool is_call(const struct ms_guest *guest, const lua_State *co) {
    for (int i = 0; i < guest->slots; i++)
        if (guest->calls[i].thread == co)
            return true;
    return co == guest->L;
}

/* What resuming begins with: resume(co, ...) has the coroutine at 1, wrap's function as upvalue. */
enum way { WAY_RESUME, WAY_WRAP };

static lua_State *subject(lua_State *L, lua_KContext way) {
    return lua_tothread(L, way == WAY_WRAP ? lua_upvalueindex(1) : 1);
}

static int fail(lua_State *L, lua_KContext way) {
    if (way == WAY_RESUME) {
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* Ends a coroutine that failed, or is closed; what it ended with is on top of it. */
static int reset(struct ms_guest *guest, lua_State *co) {
    lua_State *before = guest->running;
    guest->closing++;
    guest->running = co;
    int status = lua_resetthread(co);
    guest->running = before;
    guest->closing--;
    return status;
}

static int after_error(lua_State *L, lua_State *co, lua_KContext way, int status) {
    struct ms_guest *guest = ms_guest_of(L);
    if (way == WAY_WRAP && lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD &&
        guest->over == MS_LIMIT_NONE && guest->closing < CLOSE_DEPTH)
        status = reset(guest, co);
    lua_xmove(co, L, 1);
    ms_guest_pass(L, guest, status);
    return fail(L, way);
}

/* From here on instructions are those of thread. Its hook may be from before the guest had big
 * strings. */
static void run_in(struct ms_guest *guest, lua_State *thread) {
    guest->running = thread;
    if (lua_gethookcount(thread) > guest->interval)
        ms_guest_count(thread, guest);
}

static int finish_resume(lua_State *L, int status, lua_KContext way);

/* Resumes with the count values on top of L. */
static int advance(lua_State *L, int count, lua_KContext way) {
    struct ms_guest *guest = ms_guest_of(L);
    lua_State *co = subject(L, way);
    int results = 0;
    ms_guest_spend(L, guest, RESUME_STEPS);
    if (is_call(guest, co) || !lua_checkstack(co, count + 1)) {
        lua_pushstring(L, is_call(guest, co) ? "cannot resume non-suspended coroutine"
                                             : "too many arguments to resume");
        return fail(L, way);
    }
    bool blocked = !lua_isyieldable(L);
    lua_xmove(L, co, count);
    guest->signal = MS_SIGNAL_NONE;
    guest->blocked += blocked;
    run_in(guest, co);
    int status = lua_resume(co, L, count, &results);
    run_in(guest, L);
    guest->blocked -= blocked;
    if (status != LUA_OK && status != LUA_YIELD)
        return after_error(L, co, way, status);
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return fail(L, way);
    }
    if (status == LUA_YIELD && guest->signal != MS_SIGNAL_NONE) {
        lua_xmove(co, L, results);
        return lua_yieldk(L, results, way, finish_resume);
    }
    if (way == WAY_RESUME)
        lua_pushboolean(L, 1);
    lua_xmove(co, L, results);
    return results + (way == WAY_RESUME);
}

/* Goes on when the host has answered. */
static int finish_resume(lua_State *L, int status, lua_KContext way) {
    (void)status;
    return advance(L, lua_gettop(L) - (way == WAY_RESUME), way);
}

static int co_resume(lua_State *L) {
    (void)check_thread(L);
    return advance(L, lua_gettop(L) - 1, WAY_RESUME);
}

static int wrapped(lua_State *L) { return advance(L, lua_gettop(L), WAY_WRAP); }

static int co_create(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    ms_guest_spend(L, ms_guest_of(L), RESUME_STEPS);
    lua_State *co = lua_newthread(L);
    ms_guest_count(co, ms_guest_of(L));
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int co_wrap(lua_State *L) {
    (void)co_create(L);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int co_yield (lua_State *L) {
    struct ms_guest *guest = ms_guest_of(L);
    if (is_call(guest, L))
        return luaL_error(L, "attempt to yield from outside a coroutine");
    guest->signal = MS_SIGNAL_NONE;
    return lua_yield(L, lua_gettop(L));
}

static const char *status_of(lua_State *L, lua_State *co) {
    lua_Debug at;
    if (L == co)
        return "running";
    if (is_call(ms_guest_of(L), co))
        return "normal";
    if (lua_status(co) == LUA_YIELD)
        return "suspended";
    if (lua_status(co) != LUA_OK)
        return "dead";
    if (lua_getstack(co, 0, &at) != 0)
        return "normal";
    return lua_gettop(co) == 0 ? "dead" : "suspended";
}

static int co_status(lua_State *L) {
    lua_pushstring(L, status_of(L, check_thread(L)));
    return 1;
}

static int co_running(lua_State *L) {
    (void)lua_pushthread(L);
    lua_pushboolean(L, is_call(ms_guest_of(L), L));
    return 2;
}

static int co_isyieldable(lua_State *L) {
    lua_pushboolean(L, !is_call(ms_guest_of(L), L) && lua_isyieldable(L));
    return 1;
}

static int co_close(lua_State *L) {
    struct ms_guest *guest = ms_guest_of(L);
    lua_State *co = check_thread(L);
    const char *state = status_of(L, co);
    if (*state == 'n' || *state == 'r')
        return luaL_error(L, "cannot close a %s coroutine", state);
    if (guest->closing >= CLOSE_DEPTH)
        return luaL_error(L, "coroutines closed while others are: too deep");
    int status = reset(guest, co);
    if (status == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_xmove(co, L, 1);
    ms_guest_pass(L, guest, status);
    return fail(L, WAY_RESUME);
}

void ms_guest_open_thread(lua_State *L) {
    static const luaL_Reg functions[] = {{"create", co_create},
                                         {"resume", co_resume},
                                         {"wrap", co_wrap},
                                         {"yield", co_yield },
                                         {"status", co_status},
                                         {"running", co_running},
                                         {"isyieldable", co_isyieldable},
                                         {"close", co_close},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setglobal(L, "coroutine");
}
