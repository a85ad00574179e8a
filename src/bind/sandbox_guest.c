#include "bind/sandbox_guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/clock.h"

#define INTERVAL 100         /* instructions between two calls of the hook */
#define BIG_STRING (1 << 16) /* bytes from which on there are fewer: `<` reads 40 of them a us */
#define INTERVAL_BIG 10      /* once there was such a string; the bigger the fewer */
#define BLOCK 4096           /* bytes from which on a block is debited */
#define BLOCK_STEP 32        /* bytes a step */
#define SLOT 16              /* bytes of a value on a stack */
#define STACK_BIG (8192 * SLOT)
#define CAUGHT 100            /* steps of an error that is caught, */
#define CAUGHT_BYTES 16384    /* and bytes of the state for one more */
#define UNCLOCKED 1000        /* steps without a look at the clock, at most */
#define PASSED_STEP 4         /* keys passed in a table that grows, a step */
#define PASSED_NS 3           /* and what each takes */
#define UNTIMED_NS 1000000000 /* for all of them, while a text is read */
#define WINDOW_NS 1000000000  /* what a call that is late may run on, twice as long as it must */
#define WINDOWS 50            /* of these, at most */

static void go_over(struct ms_guest *guest, enum ms_limit limit) {
    if (guest->over == MS_LIMIT_NONE)
        guest->over = limit;
}

/* Whether the call's time is over. By the clock alone it would be for whoever the machine lets
 * wait, as where processors are metered: so a call that is late is ended once it has really run for
 * half a window since, or after some of them. */
static bool is_late(struct ms_guest *guest, int64_t now) {
    struct ms_guest_call *call = guest->call;
    if (now < guest->deadline)
        return false;
    int64_t window = call->budget.ns < WINDOW_NS ? call->budget.ns : WINDOW_NS;
    int64_t run = ms_clock_thread_ns();
    if (call->windows == 0)
        call->late_at = run;
    if (run - call->late_at >= window / 2 || call->windows == WINDOWS)
        return true;
    call->windows++;
    guest->deadline = now + window;
    return false;
}

static void look_at_clock(struct ms_guest *guest) {
    guest->unclocked = 0;
    if (guest->deadline != INT64_MAX && is_late(guest, ms_clock_steady_ns()))
        go_over(guest, MS_LIMIT_SECONDS);
}

static void debit(struct ms_guest *guest, int64_t steps) {
    struct ms_guest_call *call = guest->call;
    call->instructions += steps;
    guest->unclocked += steps;
    if (call->instructions >= call->budget.instructions)
        go_over(guest, MS_LIMIT_INSTRUCTIONS);
    if (guest->unclocked > UNCLOCKED)
        look_at_clock(guest);
}

/* ---- memory ----------------------------------------------------------------------------------*/

/* Whether the state may grow by size bytes. A no makes Lua collect, and ask once more. */
static bool may_grow(struct ms_guest *guest, size_t size) {
    if (size >= BLOCK)
        debit(guest, (int64_t)(size / BLOCK_STEP));
    if (guest->over != MS_LIMIT_NONE)
        return false;
    if (guest->used + size <= guest->call->cap)
        return true;
    guest->refused = MS_LIMIT_MEMORY;
    debit(guest, (int64_t)(guest->used / 128)); /* for the collection */
    return false;
}

/* Debits what a table costs that grows into size bytes, before it does. */
static void debit_nodes(struct ms_guest *guest, size_t size) {
    int64_t passed = ms_nodes_passed(&guest->nodes, size);
    debit(guest, passed / PASSED_STEP);
    bool timed = guest->deadline != INT64_MAX;
    int64_t left = timed ? guest->deadline - ms_clock_steady_ns() : UNTIMED_NS;
    if (passed != 0 && passed * PASSED_NS > left && (timed || guest->call == &guest->idle))
        go_over(guest, MS_LIMIT_SECONDS);
}

/* Lua calls a table through __call, and that value's __call, without an instruction between, and
 * each step moves all arguments: a chain without end takes the square of the stack. It shows here
 * alone: a big stack (its slots and 5 more) doubles twice while nothing counts. */
static bool is_endless_call(const struct ms_guest *guest, size_t size) {
    const size_t extra = 5 * SLOT;
    return size >= STACK_BIG && size - extra == 2 * (guest->big - extra) &&
           guest->big_at == guest->call->instructions;
}

/* One instruction may compare all of a string, and for NULs that is slow: from here on the clock is
 * looked at more often. */
static void note_string(struct ms_guest *guest, size_t size) {
    int interval = (int)(INTERVAL_BIG * (size_t)BIG_STRING / size);
    interval = interval < 1 ? 1 : interval;
    if (interval >= guest->interval)
        return;
    guest->interval = interval;
    if (guest->running != NULL)
        ms_guest_count(guest->running, guest);
}

static void *allocate(void *data, void *block, size_t old, size_t size) {
    struct ms_guest *guest = data;
    bool nodes = block == NULL && old == 0 && ms_nodes_is_big(size);
    if (block != NULL && ms_nodes_is_big(old))
        ms_nodes_drop(&guest->nodes, block);
    if (block == NULL) {
        if (old == LUA_TSTRING && size >= BIG_STRING)
            note_string(guest, size);
        old = 0;
    }
    if (size == 0) {
        free(block);
        guest->used -= old;
        return NULL;
    }
    if (size > old && is_endless_call(guest, size))
        go_over(guest, MS_LIMIT_DEPTH);
    if (nodes)
        debit_nodes(guest, size);
    if (size > old && !may_grow(guest, size - old))
        return NULL;
    if (size >= STACK_BIG) {
        guest->big = size;
        guest->big_at = guest->call->instructions;
    }
    void *moved = realloc(block, size);
    if (moved == NULL && size <= old)
        return block; /* Lua counts on it that blocks shrink */
    if (nodes && moved != NULL && !ms_nodes_add(&guest->nodes, moved, size)) {
        free(moved);
        moved = NULL;
    }
    if (moved == NULL) {
        guest->refused = MS_LIMIT_HOST;
        return NULL;
    }
    guest->used += size - old;
    if (guest->used > guest->call->peak)
        guest->call->peak = guest->used;
    return moved;
}

struct ms_guest *ms_guest_new(size_t limit) {
    static const struct ms_budget none = {INT64_MAX, INT64_MAX, INT64_MAX, -1};
    struct ms_guest *guest = calloc(1, sizeof *guest);
    if (guest == NULL)
        return NULL;
    guest->limit = guest->idle.cap = limit;
    guest->idle.budget = none;
    guest->call = &guest->idle;
    guest->deadline = guest->slice_end = INT64_MAX;
    guest->interval = INTERVAL;
    guest->L = lua_newstate(allocate, guest);
    if (guest->L == NULL) {
        free(guest);
        return NULL;
    }
    *(struct ms_guest **)lua_getextraspace(guest->L) = guest;
    return guest;
}

void ms_guest_free(struct ms_guest *guest) {
    lua_close(guest->L);
    ms_nodes_clear(&guest->nodes);
    free(guest);
}

/* ---- limits ----------------------------------------------------------------------------------*/

static void on_count(lua_State *L, lua_Debug *at);

static int interval_of(const struct ms_guest *guest) {
    int64_t left = guest->call->budget.instructions - guest->call->instructions;
    int next = guest->over != MS_LIMIT_NONE ? 1 : guest->interval;
    return left < 1 ? 1 : left < next ? (int)left : next;
}

void ms_guest_count(lua_State *L, const struct ms_guest *guest) {
    lua_sethook(L, on_count, LUA_MASKCOUNT, interval_of(guest));
}

/* Notes where L is, level calls up. */
static void note_where(lua_State *L, struct ms_guest *guest, int level) {
    lua_Debug at;
    guest->where[0] = '\0';
    for (; lua_getstack(L, level, &at) != 0; level++) {
        if (lua_getinfo(L, "Sl", &at) != 0 && at.currentline > 0) {
            (void)snprintf(guest->where, sizeof guest->where, "%s:%d: ", at.short_src,
                           at.currentline);
            return;
        }
    }
}

/* Ends what runs in L, whose call is over a limit: by a yield that goes through everything to the
 * host and from which nothing comes back, or, where nothing can yield, by an error. The error is no
 * string: there may be no memory. */
static void stop(lua_State *L, struct ms_guest *guest, int level) {
    if (guest->where[0] == '\0')
        note_where(L, guest, level);
    ms_guest_count(L, guest);
    if (guest->blocked == 0 && lua_isyieldable(L)) {
        guest->signal = MS_SIGNAL_STOP;
        (void)lua_yield(L, 0); /* comes back in a hook only */
        return;
    }
    lua_pushlightuserdata(L, guest);
    (void)lua_error(L);
}

static void on_count(lua_State *L, lua_Debug *at) {
    struct ms_guest *guest = ms_guest_of(L);
    struct ms_guest_call *call = guest->call;
    (void)at;
    call->instructions += lua_gethookcount(L);
    if (call->instructions >= call->budget.instructions)
        go_over(guest, MS_LIMIT_INSTRUCTIONS);
    guest->unclocked = 0;
    int64_t now = ms_clock_steady_ns();
    if (is_late(guest, now))
        go_over(guest, MS_LIMIT_SECONDS);
    if (guest->over != MS_LIMIT_NONE) {
        stop(L, guest, 0);
        return;
    }
    if (lua_gethookcount(L) != interval_of(guest))
        ms_guest_count(L, guest);
    if (now >= guest->slice_end && guest->blocked == 0 && lua_isyieldable(L)) {
        guest->signal = MS_SIGNAL_SLICE;
        (void)lua_yield(L, 0);
    }
}

void ms_guest_spend(lua_State *L, struct ms_guest *guest, int64_t steps) {
    debit(guest, steps);
    if (guest->over != MS_LIMIT_NONE)
        stop(L, guest, 1);
}

static bool ends_with(const char *text, size_t size, const char *end) {
    size_t length = strlen(end);
    return size >= length && memcmp(text + size - length, end, length) == 0;
}

enum ms_limit ms_guest_limit_of(struct ms_guest *guest, lua_State *thread, int status) {
    size_t size = 0;
    if (guest->over != MS_LIMIT_NONE)
        return guest->over;
    if (status == LUA_ERRMEM)
        return guest->refused;
    if (status == LUA_ERRERR)
        return MS_LIMIT_DEPTH;
    const char *text =
        lua_type(thread, -1) == LUA_TSTRING ? lua_tolstring(thread, -1, &size) : NULL;
    return text != NULL && ends_with(text, size, "stack overflow") ? MS_LIMIT_DEPTH : MS_LIMIT_NONE;
}

void ms_guest_pass(lua_State *L, struct ms_guest *guest, int status) {
    enum ms_limit limit = ms_guest_limit_of(guest, L, status);
    if (limit == MS_LIMIT_NONE) { /* Lua looks at all calls that are open when it catches */
        ms_guest_spend(L, guest, CAUGHT + (int64_t)(guest->used / CAUGHT_BYTES));
        return;
    }
    go_over(guest, limit);
    stop(L, guest, 1);
}
