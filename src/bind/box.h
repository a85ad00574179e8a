/* box.h - userdata that own what C gives, so that nothing is lost when Lua raises.
 *
 *     box       an engine object that Lua code holds: store, walk, seal, ...
 *     scratch   a result or an argument that lives for one call: mounts, labels, ...
 *
 * Order in every binding: read the arguments and make an empty box (may raise), run the engine (no
 * Lua), fill the box and hand it back (may raise). Lua owns the box before the engine runs; no C
 * resource is ever held outside of one across a call that takes a lua_State.
 *
 * A box closes once, whoever comes first: close(), a <close> variable, or the collector, which are
 * one function. A box made of another one (a walk of a store) keeps that one alive, and is closed
 * with it when that one is closed first. A method on a closed box raises.
 *
 * A box whose object a thread works on (see pool.c) is busy: methods on it raise, and so does
 * close(); the collector waits for the thread. So do methods of what was made of it, but for
 * objects that use nothing of their parent.
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct ms_err;

/* One sort of box. Static; name is the metatable's, word stands in "<word> is closed". */
struct ms_class {
    const char *name;
    const char *word;
    void (*free)(void *object);
    /* One step for a worker: 1 more, 0 done, negative kind; NULL for what no worker does. It
     * touches nothing that the loop uses. */
    int (*step)(void *object, struct ms_err *err);
    bool apart; /* its methods use nothing of what it was made of */
};

/* What makes a box busy. settle waits for the thread and ends that. */
struct ms_busy {
    void (*settle)(struct ms_busy *busy);
};

struct ms_box {
    void *object; /* NULL: not filled yet, or closed */
    const struct ms_class *class;
    struct ms_box *parent; /* what it was made of, or NULL; kept alive by user value 1 */
    struct ms_box *child;  /* first of what was made of it */
    struct ms_box *next;   /* siblings */
    struct ms_box *previous;
    struct ms_busy *busy; /* a thread works on the object, or NULL */
    long *open;           /* how many filled boxes this Lua state has */
};

#define MS_BOX_HELD 2 /* user values 2 and 3 are free for what the object borrows */

/* Makes what all boxes of a Lua state need. Called once, before any other. */
void ms_box_setup(lua_State *L);

/* Makes the metatable of class with methods (may be NULL) and close, __close, __gc. */
void ms_class_register(lua_State *L, const struct ms_class *class, const luaL_Reg *methods);

/* Pushes an empty box; parent is the stack index of the box it will be made of, 0 for none. */
struct ms_box *ms_box_new(lua_State *L, const struct ms_class *class, int parent);

/* Gives object to the box. Calls no Lua. */
void ms_box_fill(struct ms_box *box, void *object);

/* Takes the object out of the box, which does not free it any more. Calls no Lua. */
void ms_box_empty(struct ms_box *box);

/* The object of the box at an argument; raises when it is no such box, is closed, or busy. */
void *ms_box_check(lua_State *L, int arg, const struct ms_class *class);

/* The same for what may be asked while a thread works on it. */
void *ms_box_peek(lua_State *L, int arg, const struct ms_class *class);

/* The filled, idle box of any class that has a step; raises for anything else. */
struct ms_box *ms_box_check_work(lua_State *L, int arg);

/* The same as check, and it must have been made of the box at argument 1, or of one that alike says
 * is like it (NULL: none is): raises when it is of another one. */
void *ms_box_check_child(lua_State *L, int arg, const struct ms_class *class,
                         bool (*alike)(const void *left, const void *right));

/* Closes a box and all that was made of it, waiting for threads. Calls no Lua; a second time does
 * nothing. */
void ms_box_close(struct ms_box *box);

/* How many boxes are filled and not closed in this Lua state. */
long ms_box_open_count(lua_State *L);

/* Pushes a zeroed scratch of size bytes, to be closed when the calling C function returns or is
 * left by an error; clear gets the bytes and is called at least once. */
void *ms_scratch_new(lua_State *L, size_t size, void (*clear)(void *bytes));
