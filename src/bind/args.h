/* args.h - what Lua passes in: keys, paths, labels, lists.
 *
 * Wrong types raise. What has the right type and can be no key, label or path answers NULL or a
 * negative kind, and err says why. Results are borrowed from the arguments, which stay on the
 * caller's stack, or live in a scratch.
 */
#pragma once

#include <lua.h>
#include <stddef.h>

struct ms_err;
struct ms_labels;

/* A key, name or namespace; what is the word for it in the text. NULL and err when it can be none.
 */
const char *ms_arg_key(lua_State *L, int arg, const char *what, struct ms_err *err);

/* The namespace at 2 and the key at 3, as nearly all verbs have them. Negative kind when bad. */
struct ms_arg_place {
    const char *ns;
    const char *key;
};
int ms_arg_place(lua_State *L, struct ms_arg_place *out, struct ms_err *err);

/* A parent's name: nil and "" are *out NULL. */
int ms_arg_parent(lua_State *L, int arg, const char **out, struct ms_err *err);

/* The lease that a verb works under: nil is *out NULL. */
int ms_arg_lease(lua_State *L, int arg, const char **out, struct ms_err *err);

/* A path: not empty, no NUL. NULL and err when it can be none. */
const char *ms_arg_path(lua_State *L, int arg, const char *what, struct ms_err *err);

/* A durability's word; nil is 0 (the store's). */
int ms_arg_durability(lua_State *L, int arg, int *out, struct ms_err *err);

/* A table of strings to strings into a scratch; nil is NULL in *out (no labels). */
int ms_arg_labels(lua_State *L, int arg, struct ms_labels **out, struct ms_err *err);

/* A sequence of strings. Pushes the memory of items, which end with a NULL; nil is no items. */
struct ms_arg_list {
    const char **items;
    size_t *sizes;
    size_t count;
};
void ms_arg_list(lua_State *L, int arg, struct ms_arg_list *out);

/* Fails with invalid_argument when a string of list holds a NUL; what names them in the text. */
int ms_arg_list_plain(const struct ms_arg_list *list, const char *what, struct ms_err *err);
