/* sandbox_guest.h - inside of sandbox.h: the second Lua state, and what bounds it.
 *
 *     sandbox_guest.c      the state: its memory, its clock, its count of instructions
 *     sandbox_nodes.c      what a table that grows would cost
 *     sandbox_run.c        calls: each has a thread of the guest
 *     sandbox_call.c, _answer.c, _ask.c   the methods that call: arguments in, results out; that
 *                          ask many at once
 *     sandbox_in.c, _out.c, _frame.c   values from the host, to the host, and those copied in once
 *     sandbox_base.c, _meta.c, _thread.c, _string.c, _match.c, _replace.c, _table.c, _sort.c,
 * _utf8.c what scripts find
 *
 * Host and guest are Lua states that know nothing of each other, and an error of one must never
 * leave through frames of the other. So values go in on the guest's side, within its protection,
 * reading the host with functions that never raise; and come out on the host's side, reading the
 * guest with functions that never raise.
 *
 * Instructions are the unit of all work: the count hook counts those of the VM, functions of C that
 * could run long debit steps (ms_guest_spend), and so does the allocator for big blocks. Whoever
 * finds the call over a limit says so in `over` and ends it by a yield, which passes pcall and all
 * coroutines on its way to the host. Where nothing can yield (a comparison that sort calls) it
 * raises; whatever catches errors in the guest (pcall, xpcall, resume, wrap, close) then goes on
 * ending it. Mind that a thread in which a hook has raised has no hooks any more, until something
 * protected in it has caught that: nothing is run in such a thread.
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bind/sandbox_nodes.h"

struct ms_box;

enum ms_limit {
    MS_LIMIT_NONE,
    MS_LIMIT_INSTRUCTIONS,
    MS_LIMIT_SECONDS,
    MS_LIMIT_MEMORY,
    MS_LIMIT_DEPTH,
    MS_LIMIT_HOST, /* the process has no memory: no limit of ours */
};

/* Why a thread of the guest yields to the host: set right before it does. */
enum ms_signal { MS_SIGNAL_NONE, MS_SIGNAL_WORD, MS_SIGNAL_SLICE, MS_SIGNAL_STOP };

/* What a call may use, and has used. */
struct ms_budget {
    int64_t instructions; /* INT64_MAX: no limit; so with ns and slice_ns */
    int64_t ns;
    int64_t slice_ns;
    int64_t bytes; /* beyond what the state holds when the call begins; -1: no limit */
};

struct ms_guest_call {
    struct ms_budget budget;
    lua_State *thread;
    int64_t number;       /* of the call: no other of this guest has it */
    int ref;              /* of the function that was called: in the registry */
    int slot;             /* of the guest's stack: where the thread is */
    int64_t instructions; /* used */
    int64_t ns;
    int64_t late_at; /* what the thread had run when the time was over */
    int windows;     /* that it was given since then */
    size_t begin;    /* bytes that the state held */
    size_t cap;      /* bytes that it may hold */
    size_t peak;
    bool word;   /* it is suspended, and waits for results of a word */
    bool broken; /* the thread is of no more use: something failed or was left behind in it */
};

#define MS_GUEST_CALLS 64 /* calls that can be open at a time */
#define MS_GUEST_DEPTH 32 /* of tables that cross */
#define MS_GUEST_ENTRIES 1000000
#define MS_GUEST_WILD 8192 /* keys that cross to the host and are numbers of the guest's choice */

struct ms_guest {
    lua_State *L; /* its main thread; the threads of calls lie at the bottom of its stack */
    size_t used;
    size_t limit;
    struct ms_guest_call *call; /* which is debited; never NULL */
    struct ms_guest_call idle;  /* between calls */
    struct ms_guest_call calls[MS_GUEST_CALLS];
    struct ms_guest_call *order[MS_GUEST_CALLS]; /* open ones, the innermost last */
    int open;
    int slots; /* threads that there are */
    int64_t numbers;
    int64_t deadline;
    int64_t slice_end;
    int64_t now;       /* the time, for the next run that begins; 0: it looks */
    int64_t left;      /* when the last run ended */
    int64_t unclocked; /* steps since a look at the clock */
    size_t big;        /* the last big block, and instructions at that time */
    int64_t big_at;
    struct ms_nodes nodes;
    lua_State *running; /* the thread that is, while a call is */
    int interval;       /* instructions between two calls of the hook */
    int blocked;        /* coroutines being resumed from where nothing can yield */
    int closing;        /* coroutines being closed, one in the other */
    bool raise;         /* the word that is waited for shall raise */
    enum ms_signal signal;
    enum ms_limit over;
    enum ms_limit failed;     /* what the call went over that failed last */
    enum ms_limit refused;    /* why the allocator said no the last time */
    const void *host_failure; /* metatables of the host, by address */
    const void *host_function;
    const void *host_frame;
    const void *host_question;
    const void *failure; /* metatable of error values, in here; its address is its registry key */
    char where[96];      /* it was when it went over a limit: "policy.lua:3: ", or "" */
    char trace[2048];
    struct ms_guest_call last; /* the call that ended last */
};

static inline struct ms_guest *ms_guest_of(lua_State *L) {
    return *(struct ms_guest **)lua_getextraspace(L);
}

/* Makes a state that may hold limit bytes, with no libraries. NULL when that is too little. */
struct ms_guest *ms_guest_new(size_t limit);
void ms_guest_free(struct ms_guest *guest);

/* Debits steps; raises when the call is over a limit. For functions of C called by L. */
void ms_guest_spend(lua_State *L, struct ms_guest *guest, int64_t steps);

/* Called with a caught error on top of L: when it means that the call is over a limit, raises. */
void ms_guest_pass(lua_State *L, struct ms_guest *guest, int status);

/* The hook that counts, at work in all threads: begins anew in L. */
void ms_guest_count(lua_State *L, const struct ms_guest *guest);

/* Runs work(task) in the guest between calls, protected, with task as light userdata; what it
 * leaves there is dropped. LUA_OK or a status, with what was raised on top of the guest. */
int ms_guest_attempt(struct ms_guest *guest, lua_CFunction work, void *task);

/* Says why an attempt for what had no memory; answers the kind. */
int ms_guest_no_memory(const struct ms_guest *guest, struct ms_err *err, const char *what);

/* Which limit an error on top of thread means, if any; status is not LUA_OK. */
enum ms_limit ms_guest_limit_of(struct ms_guest *guest, lua_State *thread, int status);

/* ---- calls: sandbox_run.c --------------------------------------------------------------------*/

enum ms_outcome { MS_OUTCOME_DONE, MS_OUTCOME_WORD, MS_OUTCOME_SLICE, MS_OUTCOME_FAILED };

/* Opens a call. Negative kind: resource_exhausted; guest->failed says which limit. */
int ms_guest_open(struct ms_guest *guest, const struct ms_budget *budget,
                  struct ms_guest_call **out, struct ms_err *err);

/* Runs the call with the count values on its thread. *results of them are there afterwards; after
 * FAILED the error, with failed and trace in the guest. */
enum ms_outcome ms_guest_run(struct ms_guest *guest, struct ms_guest_call *call, int count,
                             int *results);

/* The words for outcomes are upvalues of the methods, so that no string is made. */
#define MS_OUTCOME_WORD_AT(outcome) lua_upvalueindex((int)(outcome) + 1)

/* "instructions", ... or NULL. */
const char *ms_limit_name(enum ms_limit limit);

/* Goes on with an open call, whose thread has ended well, as another one with that budget. */
void ms_guest_again(struct ms_guest *guest, struct ms_guest_call *call,
                    const struct ms_budget *budget);

/* Ends a call, whatever its state. */
void ms_guest_end(struct ms_guest *guest, struct ms_guest_call *call);

/* ---- methods: sandbox_call.c, _budget.c ------------------------------------------------------*/

/* Reads the budget at index, which may be nil; raises in the host. */
void ms_sandbox_budget(lua_State *H, int index, struct ms_budget *out);

/* Adds methods that use the two below. */
void ms_sandbox_add_methods(lua_State *H, const luaL_Reg *methods);

/* Pushes what call() answers for an outcome, and ends the call if that is its end; the sandbox is
 * at 1, and nothing else stays on the stack. Answers how many values. */
int ms_sandbox_answer(lua_State *H, struct ms_guest *guest, struct ms_guest_call *call,
                      enum ms_outcome outcome, int count);

/* The same for a call that could not be opened. */
int ms_sandbox_refuse_call(lua_State *H, const struct ms_guest *guest, const struct ms_err *err);

/* ---- values ----------------------------------------------------------------------------------*/

struct ms_crossing {
    struct ms_guest *guest;
    lua_State *from;
    lua_State *to;
    int entries; /* so far */
    int wild;
    int depth;
    bool frame;      /* tables become such that cannot be changed */
    int kept;        /* index of the host's table of frames by the tables that they are of, or 0 */
    char where[120]; /* of what cannot cross: ".labels.x" */
    const char *why;
};

/* Pushes the value at index of the host onto the guest. For use within a protected call of the
 * guest: raises there when there is no memory. False when it cannot cross: copy->where, why. */
bool ms_cross_in(struct ms_crossing *copy, int index);

/* Pushes the value at index of the guest's thread `from` onto the host. For use where the host may
 * raise. box is the index of the sandbox's box in the host, for functions. */
bool ms_cross_out(struct ms_crossing *copy, int index, int box);

/* Raises in the host: what it is in argument arg that cannot cross. */
int ms_sandbox_refuse(lua_State *H, const struct ms_crossing *copy, int arg);

/* Puts the way to a value in front of copy->where: the key at index of L. */
void ms_cross_step(struct ms_crossing *copy, lua_State *L, int index);

/* A function or a frame that the host holds: the object of its box. */
struct ms_handle {
    struct ms_guest *guest;
    int ref; /* in the guest's registry */
};

/* Fills an empty box with a handle; false without memory for one: the box stays empty. */
bool ms_handle_fill(struct ms_box *box, struct ms_guest *guest, int ref);

/* Pushes the host's box of the function at index of copy->from. False without memory in the guest.
 */
bool ms_handle_push(struct ms_crossing *copy, int index, int box);

/* One more hold on what a handle holds: size bytes that begin with a struct ms_handle, the rest
 * zeroed. NULL without memory. */
void *ms_handle_copy(const struct ms_handle *handle, size_t size);
void ms_handle_free(void *handle);

/* Has the frame hold a copy of the host's table at index; kept is the index of a table of frames,
 * or 0. Raises in the host when something in it cannot cross. Fails: resource_exhausted. */
int ms_frame_hold(lua_State *H, struct ms_handle *frame, int index, int kept, struct ms_err *err);

/* Lets go of it. */
void ms_frame_drop(struct ms_handle *frame);

/* Puts before the table on top one that cannot be changed. */
void ms_frame_wrap(lua_State *L);

/* Pushes what is behind the frame at index, and answers true; false when it is none. */
bool ms_frame_open(lua_State *L, int index);

/* ---- what scripts find -----------------------------------------------------------------------*/

/* Each of them sets globals, or fields of the table on top; called in a protected call. */
void ms_guest_open_base(lua_State *L);
void ms_guest_open_thread(lua_State *L);
void ms_guest_open_string(lua_State *L);
void ms_guest_open_table(lua_State *L);
void ms_guest_open_utf8(lua_State *L);

/* Adds getmetatable, setmetatable, rawset to the table on top. */
void ms_guest_add_meta(lua_State *L);

/* Sets the global that name says, "log" or "store.stat", to the value on top; pops it. */
void ms_guest_set(lua_State *L, const char *name);

/* Pushes a function that asks the host by that name. */
void ms_guest_push_word(lua_State *L, const char *name);

/* Wraps functions of the table on top: their arguments first..last that are strings, their
 * arguments and their results are debited. */
struct ms_charge {
    const char *name;
    int first;
    int last;
};
void ms_guest_charge(lua_State *L, const struct ms_charge *charges);

/* Functions of string that take patterns: sandbox_match.c, sandbox_replace.c. */
int ms_match_find(lua_State *L);
int ms_match_match(lua_State *L);
int ms_match_gmatch(lua_State *L);
int ms_match_gsub(lua_State *L);
int ms_table_sort(lua_State *L);
