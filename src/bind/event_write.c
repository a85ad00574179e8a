/* Events of our own, cursors, and who delivers. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/names.h"
#include "base/own.h"
#include "bind/args.h"
#include "bind/event.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/store/events.h"

/* store_id() -> 16 hexadecimal digits */
static int store_id(lua_State *L) {
    struct ms_err err;
    char id[MS_STORE_ID_SIZE];
    if (ms_store_id(ms_store_check_arg(L), id, &err) < 0)
        return ms_failure(L, &err);
    lua_pushstring(L, id);
    return 1;
}

/* A string without NUL; "" for nil. NULL and err for one with. */
static const char *plain_arg(lua_State *L, int arg, const char *what, struct ms_err *err) {
    size_t size;
    const char *text = luaL_optlstring(L, arg, "", &size);
    if (strlen(text) == size)
        return text;
    (void)ms_err_set(err, MS_INVALID_ARGUMENT, "%s holds a NUL", what);
    return NULL;
}

/* add_event(ns, topic, key, data) -> true; key and data (a JSON object's text) may be nil */
static int add_event(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 5);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_new_event event = {.ns = ms_arg_key(L, 2, "namespace", &err)};
    luaL_checkstring(L, 3);
    if (event.ns != NULL)
        event.topic = plain_arg(L, 3, "the topic", &err);
    if (event.topic != NULL)
        event.key = plain_arg(L, 4, "the key", &err);
    if (event.key != NULL)
        event.data = plain_arg(L, 5, "the data", &err);
    if (event.data == NULL)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_add_event(store, &event, &err), &err);
}

/* ---- cursors ---------------------------------------------------------------------------------*/

static void clear_cursor(void *cursor) { ms_cursor_clear(cursor); }

/* cursor_get(name) -> {sequence, updated, attempts, due, given_up, error}, or nothing */
static int cursor_get(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 2);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_cursor *cursor = ms_scratch_new(L, sizeof *cursor, clear_cursor);
    const char *name = ms_arg_key(L, 2, "cursor", &err);
    int found = name != NULL ? ms_store_cursor(store, name, cursor, &err) : err.kind;
    if (found < 0)
        return ms_failure(L, &err);
    if (found == 0)
        return 0;
    lua_createtable(L, 0, 6);
    ms_set_integer(L, "sequence", cursor->sequence);
    ms_set_integer(L, "updated", cursor->updated_ns);
    ms_set_integer(L, "attempts", cursor->attempts);
    ms_set_integer(L, "due", cursor->due_ns);
    ms_set_integer(L, "given_up", cursor->given_up);
    ms_set_string(L, "error", cursor->error);
    return 1;
}

/* cursor_set(name, sequence, attempts, due, given_up, error) -> true; what is nil is 0 or "" */
static int cursor_set(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 7);
    struct ms_store *store = ms_store_check_arg(L);
    const char *name = ms_arg_key(L, 2, "cursor", &err);
    const struct ms_cursor cursor = {
        .sequence = luaL_checkinteger(L, 3),
        .attempts = luaL_optinteger(L, 4, 0),
        .due_ns = luaL_optinteger(L, 5, 0),
        .given_up = luaL_optinteger(L, 6, 0),
        .error = (char *)luaL_optstring(L, 7, ""), /* borrowed, and only read */
    };
    if (name == NULL)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_set_cursor(store, name, &cursor, &err), &err);
}

/* cursor_drop(name) -> true */
static int cursor_drop(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    const char *name = ms_arg_key(L, 2, "cursor", &err);
    if (name == NULL)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_drop_cursor(store, name, &err), &err);
}

static void clear_names(void *names) { ms_names_clear(names); }

/* cursors() -> their names, sorted */
static int cursors(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_names *names = ms_scratch_new(L, sizeof *names, clear_names);
    if (ms_store_cursor_names(store, names, &err) < 0)
        return ms_failure(L, &err);
    ms_push_strings(L, names->items, names->count);
    return 1;
}

/* ---- who delivers ----------------------------------------------------------------------------*/

static void free_delivering(void *object) {
    ms_own_close(object);
    free(object);
}

static const struct ms_class delivering_class = {
    .name = "moonsnap.core.delivering", .word = "delivery", .free = free_delivering, .apart = true};

/* deliver() -> what makes this process the one that delivers until it, or the store, is closed;
 * nothing when another one does */
static int deliver(lua_State *L) {
    struct ms_err err;
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_box *box = ms_box_new(L, &delivering_class, 1);
    int *fd = malloc(sizeof *fd);
    if (fd == NULL) {
        (void)ms_err_memory(&err);
        return ms_failure(L, &err);
    }
    *fd = -1;
    int held = ms_store_deliver(store, fd, &err);
    if (held <= 0) {
        free(fd);
        return held < 0 ? ms_failure(L, &err) : 0;
    }
    ms_box_fill(box, fd);
    return 1;
}

const luaL_Reg ms_event_write_verbs[] = {{"store_id", store_id},       {"add_event", add_event},
                                         {"cursor_get", cursor_get},   {"cursor_set", cursor_set},
                                         {"cursor_drop", cursor_drop}, {"cursors", cursors},
                                         {"deliver", deliver},         {NULL, NULL}};

void ms_event_setup(lua_State *L) { ms_class_register(L, &delivering_class, NULL); }
