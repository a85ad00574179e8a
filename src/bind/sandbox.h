/* sandbox.h - core.sandbox: a second Lua state in this process, for text that is not trusted to
 * end.
 *
 *     new{memory =, words =}           a state; lua/moonsnap/policy/types.lua has the rest:
 *     load, set, word, frame           what it knows
 *     call, resume, raise, cancel      what it does
 *     pick                             which of several suspended calls
 *     question, ask                    many functions, asked the same
 *     spent, memory, close
 *
 * Its Lua is 5.4's without load, dofile, require, print, collectgarbage, warn, string.dump, io, os,
 * debug, and without finalizers. Nothing in it outlives a budget, in C neither: see
 * sandbox_guest.h, which is the inside.
 */
#pragma once

#include <lua.h>

#include "bind/box.h"

extern const struct ms_class ms_sandbox_class;          /* its object: struct ms_guest */
extern const struct ms_class ms_sandbox_function_class; /* struct ms_handle */
extern const struct ms_class ms_sandbox_frame_class;    /* struct ms_handle */
extern const struct ms_class ms_sandbox_question_class;

/* Adds the methods that call, those that ask many, and those of frames: sandbox_call.c, _ask.c,
 * _frame.c. */
void ms_sandbox_add_calls(lua_State *H);
void ms_sandbox_add_frames(lua_State *H);
void ms_sandbox_add_ask(lua_State *H);

/* Makes what sandboxes need, and pushes the table core.sandbox. */
void ms_sandbox_push(lua_State *L);
