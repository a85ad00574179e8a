#include "bind/sandbox.h"

#include <stdlib.h>
#include <string.h>

#include "bind/box.h"
#include "bind/failure.h"
#include "bind/sandbox_guest.h"

static void free_guest(void *guest) { ms_guest_free(guest); }

void ms_handle_free(void *object) {
    struct ms_handle *handle = object;
    luaL_unref(handle->guest->L, LUA_REGISTRYINDEX, handle->ref);
    free(handle);
}

const struct ms_class ms_sandbox_class = {
    .name = "moonsnap.sandbox.Sandbox", .word = "sandbox", .free = free_guest};
const struct ms_class ms_sandbox_function_class = {
    .name = "moonsnap.sandbox.Function", .word = "function", .free = ms_handle_free};
const struct ms_class ms_sandbox_frame_class = {
    .name = "moonsnap.sandbox.Frame", .word = "frame", .free = ms_handle_free};

static struct ms_guest *check(lua_State *H) { return ms_box_check(H, 1, &ms_sandbox_class); }

/* ---- protected work in the guest -------------------------------------------------------------*/

/* Something to do in the guest, which may lack memory for it. */
struct task {
    struct ms_crossing copy;
    int first; /* arguments of the host: first..last */
    int last;
    const char *name;
    const char *text;
    size_t size;
    lua_State *thread;
    int ref;
    bool copied;
};

static void task_init(struct task *task, struct ms_guest *guest, lua_State *H) {
    memset(task, 0, sizeof *task);
    task->copy.guest = guest;
    task->copy.from = H;
    task->copy.to = guest->L;
}

int ms_guest_attempt(struct ms_guest *guest, lua_CFunction work, void *task) {
    lua_State *G = guest->L;
    guest->over = guest->refused = MS_LIMIT_NONE;
    lua_pushcfunction(G, work);
    lua_pushlightuserdata(G, task);
    return lua_pcall(G, 1, 0, 0);
}

int ms_guest_no_memory(const struct ms_guest *guest, struct ms_err *err, const char *what) {
    if (guest->refused == MS_LIMIT_HOST)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "%s: out of memory", what);
    if (guest->over != MS_LIMIT_NONE)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED,
                          "%s: numbers that take too long to put into a table", what);
    return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "%s: over the sandbox's limit of %zu bytes", what,
                      guest->limit);
}

/* ---- new, load, set --------------------------------------------------------------------------*/

static int open_libraries(lua_State *G) {
    ms_guest_open_base(G);
    ms_guest_open_thread(G);
    ms_guest_open_string(G);
    ms_guest_open_table(G);
    ms_guest_open_utf8(G);
    luaL_checkstack(G, 3 * MS_GUEST_CALLS, NULL);
    return 0;
}

static int do_word(lua_State *G) {
    const struct task *task = lua_touserdata(G, 1);
    ms_guest_push_word(G, task->name);
    ms_guest_set(G, task->name);
    return 0;
}

static const void *metatable_of(lua_State *H, const char *name) {
    (void)luaL_getmetatable(H, name);
    const void *address = lua_topointer(H, -1);
    lua_pop(H, 1);
    return address;
}

static int add_words(lua_State *H, struct ms_guest *guest, int index) {
    struct task task;
    task_init(&task, guest, H);
    for (lua_Integer i = 1; lua_rawgeti(H, index, i) != LUA_TNIL; i++) {
        if (lua_type(H, -1) != LUA_TSTRING)
            return luaL_argerror(H, 1, "words: a list of strings expected");
        task.name = lua_tostring(H, -1);
        if (ms_guest_attempt(guest, do_word, &task) != LUA_OK)
            return luaL_argerror(H, 1, "memory: too little for the words");
        lua_pop(H, 1);
    }
    lua_pop(H, 1);
    return 0;
}

/* new{memory =, words =} */
static int new_sandbox(lua_State *H) {
    luaL_checktype(H, 1, LUA_TTABLE);
    lua_settop(H, 1);
    lua_getfield(H, 1, "memory");
    luaL_argcheck(H, lua_isinteger(H, 2) && lua_tointeger(H, 2) > 0, 1, "memory: bytes expected");
    int words = lua_getfield(H, 1, "words");
    luaL_argcheck(H, words == LUA_TNIL || words == LUA_TTABLE, 1, "words: a list expected");
    struct ms_box *box = ms_box_new(H, &ms_sandbox_class, 0);
    struct ms_guest *guest = ms_guest_new((size_t)lua_tointeger(H, 2));
    if (guest == NULL)
        return luaL_argerror(H, 1, "memory: too little for a state");
    ms_box_fill(box, guest);
    guest->host_failure = metatable_of(H, MS_FAILURE);
    guest->host_function = metatable_of(H, ms_sandbox_function_class.name);
    guest->host_frame = metatable_of(H, ms_sandbox_frame_class.name);
    guest->host_question = metatable_of(H, ms_sandbox_question_class.name);
    ms_guest_count(guest->L, guest);
    struct task task;
    task_init(&task, guest, H);
    if (ms_guest_attempt(guest, open_libraries, &task) != LUA_OK)
        return luaL_argerror(H, 1, "memory: too little for the libraries");
    if (words == LUA_TTABLE)
        (void)add_words(H, guest, 3);
    return 1;
}

static int hold(lua_State *G) {
    struct task *task = lua_touserdata(G, 1);
    if (task->thread != NULL)
        lua_xmove(task->thread, G, 1);
    task->ref = luaL_ref(G, LUA_REGISTRYINDEX);
    return 0;
}

static int hold_again(lua_State *G) {
    struct task *task = lua_touserdata(G, 1);
    lua_rawgeti(G, LUA_REGISTRYINDEX, task->ref);
    task->ref = luaL_ref(G, LUA_REGISTRYINDEX);
    return 0;
}

bool ms_handle_fill(struct ms_box *box, struct ms_guest *guest, int ref) {
    struct ms_handle *handle = malloc(sizeof *handle);
    if (handle == NULL) {
        luaL_unref(guest->L, LUA_REGISTRYINDEX, ref);
        return false;
    }
    handle->guest = guest;
    handle->ref = ref;
    ms_box_fill(box, handle);
    return true;
}

bool ms_handle_push(struct ms_crossing *copy, int index, int box) {
    struct task task;
    task_init(&task, copy->guest, copy->to);
    struct ms_box *held = ms_box_new(copy->to, &ms_sandbox_function_class, box);
    lua_pushvalue(copy->from, index);
    task.thread = copy->from;
    if (ms_guest_attempt(copy->guest, hold, &task) != LUA_OK) {
        lua_pop(copy->guest->L, 1);
        return false;
    }
    return ms_handle_fill(held, copy->guest, task.ref);
}

void *ms_handle_copy(const struct ms_handle *handle, size_t size) {
    lua_State *G = handle->guest->L;
    struct task task;
    task_init(&task, handle->guest, NULL);
    struct ms_handle *copy = calloc(1, size);
    if (copy == NULL)
        return NULL;
    task.ref = handle->ref;
    if (ms_guest_attempt(handle->guest, hold_again, &task) != LUA_OK) {
        lua_pop(G, 1);
        free(copy);
        return NULL;
    }
    copy->guest = handle->guest;
    copy->ref = task.ref;
    return copy;
}

static int do_load(lua_State *G) {
    struct task *task = lua_touserdata(G, 1);
    if (luaL_loadbufferx(G, task->text, task->size, task->name, "t") != LUA_OK)
        return lua_error(G);
    return hold(G);
}

/* load(name, text) */
static int sandbox_load(lua_State *H) {
    struct ms_guest *guest = check(H);
    struct ms_err err;
    struct task task;
    task_init(&task, guest, H);
    luaL_checktype(H, 2, LUA_TSTRING);
    luaL_checktype(H, 3, LUA_TSTRING);
    task.text = lua_tolstring(H, 3, &task.size);
    task.name = lua_pushfstring(H, "@%s", lua_tostring(H, 2));
    struct ms_box *box = ms_box_new(H, &ms_sandbox_function_class, 1);
    int status = ms_guest_attempt(guest, do_load, &task);
    if (status == LUA_OK && ms_handle_fill(box, guest, task.ref))
        return 1;
    if (status == LUA_ERRSYNTAX || status == LUA_ERRRUN)
        (void)ms_err_set(&err, MS_INVALID_ARGUMENT, "%s", lua_tostring(guest->L, -1));
    else
        (void)ms_guest_no_memory(guest, &err, lua_tostring(H, 2));
    lua_settop(guest->L, guest->slots);
    return ms_failure(H, &err);
}

static int do_hold_word(lua_State *G) {
    struct task *task = lua_touserdata(G, 1);
    ms_guest_push_word(G, task->name);
    return hold(G);
}

/* word(name) */
static int sandbox_word(lua_State *H) {
    struct ms_guest *guest = check(H);
    struct ms_err err;
    struct task task;
    task_init(&task, guest, H);
    luaL_checktype(H, 2, LUA_TSTRING);
    task.name = lua_tostring(H, 2);
    struct ms_box *box = ms_box_new(H, &ms_sandbox_function_class, 1);
    if (ms_guest_attempt(guest, do_hold_word, &task) == LUA_OK &&
        ms_handle_fill(box, guest, task.ref))
        return 1;
    lua_settop(guest->L, guest->slots);
    (void)ms_guest_no_memory(guest, &err, task.name);
    return ms_failure(H, &err);
}

static int do_set(lua_State *G) {
    struct task *task = lua_touserdata(G, 1);
    task->copied = ms_cross_in(&task->copy, 3);
    if (task->copied)
        ms_guest_set(G, task->name);
    return 0;
}

/* set(name, value) */
static int sandbox_set(lua_State *H) {
    struct ms_guest *guest = check(H);
    struct ms_err err;
    struct task task;
    task_init(&task, guest, H);
    luaL_checktype(H, 2, LUA_TSTRING);
    lua_settop(H, 3);
    task.name = lua_tostring(H, 2);
    if (ms_guest_attempt(guest, do_set, &task) != LUA_OK) {
        lua_settop(guest->L, guest->slots);
        (void)ms_guest_no_memory(guest, &err, task.name);
        return ms_failure(H, &err);
    }
    if (!task.copied)
        return ms_sandbox_refuse(H, &task.copy, 3);
    lua_pushboolean(H, 1);
    return 1;
}

static int sandbox_spent(lua_State *H) {
    const struct ms_guest_call *last = &check(H)->last;
    lua_pushinteger(H, last->instructions);
    lua_pushnumber(H, (double)last->ns * 1e-9);
    lua_pushinteger(H, (lua_Integer)(last->peak - last->begin));
    return 3;
}

static int sandbox_memory(lua_State *H) {
    lua_pushinteger(H, (lua_Integer)check(H)->used);
    return 1;
}

void ms_sandbox_push(lua_State *H) {
    static const luaL_Reg methods[] = {{"load", sandbox_load},     {"set", sandbox_set},
                                       {"word", sandbox_word},     {"spent", sandbox_spent},
                                       {"memory", sandbox_memory}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"new", new_sandbox}, {NULL, NULL}};
    ms_class_register(H, &ms_sandbox_class, methods);
    ms_class_register(H, &ms_sandbox_function_class, NULL);
    ms_sandbox_add_calls(H);
    ms_sandbox_add_frames(H);
    ms_sandbox_add_ask(H);
    luaL_newlib(H, functions);
}
