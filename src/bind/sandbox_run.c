/* Calls of a guest: each runs on a thread of its own, so that it can be suspended. */
#include <stdio.h>
#include <string.h>

#include "bind/sandbox_guest.h"
#include "engine/clock.h"

/* What variables to be closed may use when a call is abandoned or failed. */
static const struct ms_budget closing = {10000, 10000000, INT64_MAX, 1 << 16};

static int make_thread(lua_State *L) {
    (void)lua_newthread(L);
    return 1;
}

/* Gives a slot a new thread. False when there is no memory for it. */
static bool renew(struct ms_guest *guest, int slot) {
    lua_State *G = guest->L;
    lua_pushcfunction(G, make_thread);
    if (lua_pcall(G, 0, 1, 0) != LUA_OK) {
        lua_pop(G, 1);
        return false;
    }
    guest->calls[slot - 1].thread = lua_tothread(G, -1);
    guest->calls[slot - 1].broken = false;
    if (slot <= guest->slots)
        lua_replace(G, slot);
    else
        guest->slots++;
    return true;
}

/* The slot of a thread that no open call has; 0 when there is no memory for one. */
static int free_slot(struct ms_guest *guest) {
    bool taken[MS_GUEST_CALLS + 1] = {false};
    int slot = 1;
    for (int i = 0; i < guest->open; i++)
        taken[guest->order[i]->slot] = true;
    while (taken[slot])
        slot++;
    bool usable = slot <= guest->slots && !guest->calls[slot - 1].broken;
    return usable || renew(guest, slot) ? slot : 0;
}

static size_t cap_of(const struct ms_guest *guest, int64_t bytes) {
    size_t cap = bytes < 0 ? guest->limit : guest->used + (size_t)bytes;
    return cap < guest->used || cap > guest->limit ? guest->limit : cap;
}

static void begin(struct ms_guest *guest, struct ms_guest_call *call,
                  const struct ms_budget *budget) {
    call->budget = *budget;
    call->instructions = call->ns = 0;
    call->windows = 0;
    call->begin = call->peak = guest->used;
    call->cap = cap_of(guest, budget->bytes);
    call->word = false;
}

int ms_guest_open(struct ms_guest *guest, const struct ms_budget *budget,
                  struct ms_guest_call **out, struct ms_err *err) {
    if (guest->open == MS_GUEST_CALLS) {
        guest->failed = MS_LIMIT_DEPTH;
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "call: %d calls are suspended already",
                          guest->open);
    }
    int slot = free_slot(guest);
    if (slot == 0) {
        guest->failed = guest->refused;
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED,
                          "call: no memory in the sandbox for one more");
    }
    struct ms_guest_call *call = &guest->calls[slot - 1];
    call->slot = slot;
    call->number = ++guest->numbers;
    begin(guest, call, budget);
    guest->order[guest->open++] = call;
    *out = call;
    return 0;
}

void ms_guest_again(struct ms_guest *guest, struct ms_guest_call *call,
                    const struct ms_budget *budget) {
    lua_settop(call->thread, 0);
    begin(guest, call, budget);
}

/* Debits call from now on. Answers when that was. */
static int64_t enter(struct ms_guest *guest, struct ms_guest_call *call) {
    int64_t now = guest->now != 0 ? guest->now : ms_clock_steady_ns();
    int64_t left = call->budget.ns - call->ns;
    guest->now = 0;
    guest->call = call;
    guest->over = guest->refused = MS_LIMIT_NONE;
    guest->signal = MS_SIGNAL_NONE;
    guest->where[0] = '\0';
    guest->unclocked = 0;
    guest->deadline = call->budget.ns == INT64_MAX ? INT64_MAX : now + left;
    guest->slice_end = call->budget.slice_ns == INT64_MAX ? INT64_MAX : now + call->budget.slice_ns;
    return now;
}

static void leave(struct ms_guest *guest, struct ms_guest_call *call, int64_t since) {
    guest->left = ms_clock_steady_ns();
    call->ns += guest->left - since;
    guest->call = &guest->idle;
    guest->running = NULL;
    guest->deadline = guest->slice_end = INT64_MAX;
    guest->over = MS_LIMIT_NONE;
}

/* Writes where thread is, line by line. */
static void trace(struct ms_guest *guest, lua_State *thread) {
    size_t size = 0;
    lua_Debug at;
    guest->trace[0] = '\0';
    for (int level = 0; level < 20 && lua_getstack(thread, level, &at) != 0; level++) {
        if (lua_getinfo(thread, "Sln", &at) == 0 || at.what[0] == 'C')
            continue;
        int more = snprintf(guest->trace + size, sizeof guest->trace - size, "%s%s:%d: in %s%s",
                            size != 0 ? "\n" : "", at.short_src, at.currentline,
                            at.name != NULL     ? at.name
                            : at.what[0] == 'm' ? "main chunk"
                                                : "function",
                            at.istailcall ? " (tail call)" : "");
        if (more < 0 || size + (size_t)more >= sizeof guest->trace)
            return;
        size += (size_t)more;
    }
}

enum ms_outcome ms_guest_run(struct ms_guest *guest, struct ms_guest_call *call, int count,
                             int *results) {
    int64_t since = enter(guest, call);
    if (lua_status(call->thread) == LUA_OK)
        ms_guest_count(call->thread, guest);
    guest->running = call->thread;
    int status = lua_resume(call->thread, guest->L, count, results);
    enum ms_limit limit = MS_LIMIT_NONE;
    enum ms_outcome outcome = MS_OUTCOME_DONE;
    if (status == LUA_YIELD && guest->signal == MS_SIGNAL_STOP) {
        outcome = MS_OUTCOME_FAILED;
        limit = guest->over;
        trace(guest, call->thread);
    } else if (status == LUA_YIELD) {
        call->word = guest->signal == MS_SIGNAL_WORD;
        outcome = call->word ? MS_OUTCOME_WORD : MS_OUTCOME_SLICE;
    } else if (status != LUA_OK) {
        outcome = MS_OUTCOME_FAILED;
        limit = ms_guest_limit_of(guest, call->thread, status);
        call->broken = guest->over != MS_LIMIT_NONE; /* perhaps a hook has raised */
        trace(guest, call->thread);
    }
    leave(guest, call, since);
    guest->raise = false;
    guest->failed = limit;
    return outcome;
}

void ms_guest_end(struct ms_guest *guest, struct ms_guest_call *call) {
    int at = guest->open - 1;
    guest->last = *call;
    if (lua_status(call->thread) == LUA_OK) {
        lua_settop(call->thread, 0);
    } else if (!call->broken) {
        begin(guest, call, &closing);
        int64_t since = enter(guest, call);
        ms_guest_count(call->thread, guest);
        guest->running = call->thread;
        (void)lua_resetthread(call->thread);
        lua_settop(call->thread, 0);
        leave(guest, call, since);
        call->broken = true;
    }
    while (at >= 0 && guest->order[at] != call)
        at--;
    for (guest->open--; at < guest->open; at++)
        guest->order[at] = guest->order[at + 1];
}
