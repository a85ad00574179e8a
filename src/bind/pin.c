/* The verbs on pins. */
#include <string.h>

#include "base/err.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/clock.h"
#include "engine/store/store_pin.h"

static void clear_pins(void *pins) { ms_pins_clear(pins); }

/* pin(ns, key, reason, until) -> true; until in nanoseconds since 1970, nil: for good */
static int pin(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    size_t size = 0;
    lua_settop(L, 5);
    struct ms_store *store = ms_store_check_arg(L);
    const char *reason = luaL_optlstring(L, 4, "", &size);
    int64_t until_ns = luaL_optinteger(L, 5, 0);
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    if (strlen(reason) != size) {
        (void)ms_err_set(&err, MS_INVALID_ARGUMENT, "a reason with a NUL byte");
        return ms_failure(L, &err);
    }
    return ms_answer(L, ms_store_pin(store, place.ns, place.key, reason, until_ns, &err), &err);
}

/* unpin(ns, key) -> true */
static int unpin(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place = {0};
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    if (ms_arg_place(L, &place, &err) < 0)
        return ms_failure(L, &err);
    return ms_answer(L, ms_store_unpin(store, place.ns, place.key, &err), &err);
}

/* pins(ns) -> list of {key=, reason=, created=, until_=, ended=} */
static int pins(lua_State *L) {
    struct ms_err err;
    lua_settop(L, 2);
    struct ms_store *store = ms_store_check_arg(L);
    struct ms_pins *found = ms_scratch_new(L, sizeof *found, clear_pins);
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL || ms_store_pins(store, ns, found, &err) < 0)
        return ms_failure(L, &err);
    int64_t now_ns = ms_clock_now_ns();
    lua_createtable(L, (int)found->count, 0);
    for (size_t i = 0; i < found->count; i++) {
        const struct ms_pin *item = &found->items[i];
        lua_createtable(L, 0, 5);
        ms_set_string(L, "key", item->key);
        ms_set_string(L, "reason", item->reason);
        ms_set_integer(L, "created", item->created_ns);
        if (item->until_ns != 0)
            ms_set_integer(L, "until_", item->until_ns);
        if (!ms_pin_holds(item, now_ns))
            ms_set_boolean(L, "ended", 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg ms_pin_verbs[] = {{"pin", pin}, {"unpin", unpin}, {"pins", pins}, {NULL, NULL}};
