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

/* The object of the userdata at index, told by its metatable's address: looking that up by name
 * costs as much as many a call. */
static void *object_of(lua_State *H, int index, const void *class) {
    const struct ms_box *box = lua_touserdata(H, index);
    if (box == NULL || lua_getmetatable(H, index) == 0)
        return NULL;
    void *object = lua_topointer(H, -1) == class ? box->object : NULL;
    lua_pop(H, 1);
    return object;
}

/* The question at a place of the list at 2; NULL when there is none of this sandbox. */
static struct question *question_at(lua_State *H, const struct ms_guest *guest, lua_Integer at) {
    (void)lua_rawgeti(H, 2, at);
    struct question *question = object_of(H, -1, guest->host_question);
    lua_pop(H, 1);
    return question != NULL && question->handle.guest == guest ? question : NULL;
}

static bool says_nothing(lua_State *thread, int results) {
    while (results > 0 && lua_isnil(thread, -results))
        results--;
    return results == 0;
}

/* Asks one; call is an open one. Whether it said nothing. */
static bool is_silent(struct ms_guest *guest, struct ms_guest_call *call, struct question *question,
                      int frame, enum ms_outcome *outcome, int *results) {
    call->ref = question->handle.ref;
    lua_rawgeti(call->thread, LUA_REGISTRYINDEX, call->ref);
    lua_rawgeti(call->thread, LUA_REGISTRYINDEX, frame);
    *outcome = ms_guest_run(guest, call, 1, results);
    if (*outcome != MS_OUTCOME_DONE || !says_nothing(call->thread, *results))
        return false;
    question->calls++;
    question->instructions += call->instructions;
    question->ns += call->ns;
    return true;
}

/* Asks those from place *at to last, all in one call that begins anew for each. 0 when they said
 * nothing; else what call() answers, on the host's stack, and *at is where. */
static int ask_all(lua_State *H, struct ms_guest *guest, lua_Integer *at, lua_Integer last,
                   int frame) {
    static const struct ms_budget none = {INT64_MAX, INT64_MAX, INT64_MAX, -1};
    struct ms_guest_call *call = NULL;
    struct question *question = NULL;
    struct ms_err err;
    enum ms_outcome outcome = MS_OUTCOME_DONE;
    int results = 0;
    if (ms_guest_open(guest, &none, &call, &err) < 0)
        return ms_sandbox_refuse_call(H, guest, &err);
    guest->now = 0;
    for (; *at <= last && (question = question_at(H, guest, *at)) != NULL; ++*at) {
        ms_guest_again(guest, call, &question->budget);
        if (!is_silent(guest, call, question, frame, &outcome, &results))
            return ms_sandbox_answer(H, guest, call, outcome, results);
        guest->now = guest->left; /* the next one begins when this one has ended */
    }
    guest->now = 0;
    ms_guest_end(guest, call);
    luaL_argcheck(H, *at > last, 2, "list of this sandbox's questions expected");
    return 0;
}

/* ask(questions, first, last, frame, value, kept): with a value, the frame holds a copy of that,
 * and of nothing any more when nobody has said anything. */
static int sandbox_ask(lua_State *H) {
    struct ms_guest *guest = ms_box_check(H, 1, &ms_sandbox_class);
    struct ms_err err;
    luaL_checktype(H, 2, LUA_TTABLE);
    lua_Integer at = luaL_checkinteger(H, 3);
    lua_Integer last = luaL_checkinteger(H, 4);
    lua_settop(H, 7);
    struct ms_handle *frame = object_of(H, 5, guest->host_frame);
    if (frame == NULL || frame->guest != guest)
        return luaL_argerror(H, 5, "a frame of this sandbox expected");
    bool fills = lua_istable(H, 6);
    if (fills && ms_frame_hold(H, frame, 6, lua_istable(H, 7) ? 7 : 0, &err) < 0) {
        lua_pushboolean(H, false);
        return 1;
    }
    luaL_argcheck(H, frame->ref != LUA_NOREF, 5, "cleared");
    int count = at <= last ? ask_all(H, guest, &at, last, frame->ref) : 0;
    if (count == 0) {
        if (fills)
            ms_frame_drop(frame);
        return 0;
    }
    lua_pushinteger(H, at);
    lua_insert(H, -count - 1);
    return count + 1;
}

void ms_sandbox_add_ask(lua_State *H) {
    static const luaL_Reg of_questions[] = {{"take", question_take}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"question", sandbox_question}, {"ask", sandbox_ask}, {NULL, NULL}};
    ms_class_register(H, &ms_sandbox_question_class, of_questions);
    ms_sandbox_add_methods(H, methods);
}
