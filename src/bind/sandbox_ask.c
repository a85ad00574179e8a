/* question and ask: several functions asked the same, of which most have nothing to say. One call
 * of the host for all of them costs a fraction of one for each. */
#include "bind/sandbox.h"
#include "bind/sandbox_guest.h"

/* A function with its budget, and what its calls that said nothing have used. */
struct question {
    struct ms_handle handle; /* first: it is let go of as one */
    struct ms_budget budget;
    int64_t calls;
    int64_t instructions;
    int64_t ns;
};

const struct ms_class ms_sandbox_question_class = {
    .name = "moonsnap.sandbox.Question", .word = "question", .free = ms_handle_free};

/* question(fn, budget) */
static int sandbox_question(lua_State *H) {
    struct ms_guest *guest = ms_box_check(H, 1, &ms_sandbox_class);
    const struct ms_handle *fn = ms_box_check(H, 2, &ms_sandbox_function_class);
    struct ms_budget budget;
    luaL_argcheck(H, fn->guest == guest, 2, "of another sandbox");
    ms_sandbox_budget(H, 3, &budget);
    struct ms_box *box = ms_box_new(H, &ms_sandbox_question_class, 1);
    struct question *question = (struct question *)ms_handle_copy(fn, sizeof *question);
    if (question == NULL)
        return luaL_error(H, "question: out of memory");
    question->budget = budget;
    ms_box_fill(box, question);
    return 1;
}

/* take() -> calls, instructions, seconds since the last time, of calls that answered nothing */
static int question_take(lua_State *H) {
    struct question *question = ms_box_check(H, 1, &ms_sandbox_question_class);
    lua_pushinteger(H, question->calls);
    lua_pushinteger(H, question->instructions);
    lua_pushnumber(H, (double)question->ns * 1e-9);
    question->calls = question->instructions = question->ns = 0;
    return 3;
}

/* The question of entry at of the list at 2. The class is told by its metatable's address: looking
 * that up by name costs as much as many a call. */
static struct question *question_at(lua_State *H, const struct ms_guest *guest, lua_Integer at) {
    luaL_argexpected(H, lua_rawgeti(H, 2, at) == LUA_TTABLE, 2, "list of tables");
    lua_getfield(H, -1, "question");
    bool is_question = lua_type(H, -1) == LUA_TUSERDATA && lua_getmetatable(H, -1) != 0 &&
                       lua_topointer(H, -1) == guest->host_question;
    luaL_argcheck(H, is_question, 2, "an entry has no question");
    const struct ms_box *box = lua_touserdata(H, -2);
    struct question *question = box->object;
    luaL_argcheck(H, question != NULL, 2, "a question is closed");
    luaL_argcheck(H, question->handle.guest == guest, 2, "a question of another sandbox");
    lua_settop(H, 5);
    return question;
}

static bool says_nothing(lua_State *thread, int results) {
    while (results > 0 && lua_isnil(thread, -results))
        results--;
    return results == 0;
}

/* Asks one, behind another one straight_on. 0 when it said nothing; else what call() answers, on
 * the host's stack. */
static int ask_one(lua_State *H, struct ms_guest *guest, struct question *question, int frame,
                   bool straight_on) {
    struct ms_guest_call *call = NULL;
    struct ms_err err;
    int results = 0;
    if (ms_guest_open(guest, &question->budget, &call, &err) < 0)
        return ms_sandbox_refuse_call(H, guest, &err);
    call->ref = question->handle.ref;
    lua_rawgeti(call->thread, LUA_REGISTRYINDEX, call->ref);
    lua_rawgeti(call->thread, LUA_REGISTRYINDEX, frame);
    guest->now = straight_on ? guest->left : 0;
    enum ms_outcome outcome = ms_guest_run(guest, call, 1, &results);
    if (outcome != MS_OUTCOME_DONE || !says_nothing(call->thread, results))
        return ms_sandbox_answer(H, guest, call, outcome, results);
    question->calls++;
    question->instructions += call->instructions;
    question->ns += call->ns;
    ms_guest_end(guest, call);
    return 0;
}

/* ask(list, first, last, frame) */
static int sandbox_ask(lua_State *H) {
    struct ms_guest *guest = ms_box_check(H, 1, &ms_sandbox_class);
    luaL_checktype(H, 2, LUA_TTABLE);
    lua_Integer last = luaL_checkinteger(H, 4);
    const struct ms_handle *frame = ms_box_check(H, 5, &ms_sandbox_frame_class);
    luaL_argcheck(H, frame->guest == guest, 5, "of another sandbox");
    int ref = frame->ref;
    luaL_argcheck(H, ref != LUA_NOREF, 5, "cleared");
    lua_settop(H, 5);
    lua_Integer first = luaL_checkinteger(H, 3);
    for (lua_Integer at = first; at <= last; at++) {
        int count = ask_one(H, guest, question_at(H, guest, at), ref, at > first);
        if (count > 0) {
            lua_pushinteger(H, at);
            lua_insert(H, -count - 1);
            return count + 1;
        }
    }
    return 0;
}

void ms_sandbox_add_ask(lua_State *H) {
    static const luaL_Reg of_questions[] = {{"take", question_take}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"question", sandbox_question}, {"ask", sandbox_ask}, {NULL, NULL}};
    ms_class_register(H, &ms_sandbox_question_class, of_questions);
    ms_sandbox_add_methods(H, methods);
}
