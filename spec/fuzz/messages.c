/* Any bytes as a message: refused, or a table whose encoding reads as the same table.
 *
 * First byte: which type. Raising is a bug: what was decoded can always be encoded.
 */
#include <assert.h>
#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "bind/message.h"
#include "bind/message_plan.h"

static lua_State *state(void) {
    static lua_State *L;
    if (L == NULL) {
        L = luaL_newstate();
        ms_plans_setup(L);
    }
    return L;
}

/* Pushes the table of bytes; false when they are refused. */
static bool decode(lua_State *L, const struct ms_plan *plan, const void *bytes, size_t size) {
    struct ms_err err = {0};
    int top = lua_gettop(L);
    if (ms_message_decode(L, plan, bytes, size, &err) == 0) {
        assert(lua_gettop(L) == top + 1 && lua_istable(L, -1));
        return true;
    }
    assert(lua_gettop(L) == top);
    assert(err.kind == MS_INTERNAL || err.kind == MS_INVALID_ARGUMENT);
    assert(memchr(err.text, 0, sizeof err.text) != NULL);
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    lua_State *L = state();
    const struct ms_plans *plans = ms_plans_of(L);
    ms_auto_text struct ms_text first = {0};
    ms_auto_text struct ms_text second = {0};
    if (size == 0)
        return 0;
    const struct ms_plan *plan = &plans->plans[bytes[0] % plans->count];
    if (decode(L, plan, bytes + 1, size - 1)) {
        ms_message_encode(L, -1, plan, &first);
        bool again = decode(L, plan, first.size != 0 ? first.bytes : "", first.size);
        assert(again);
        ms_message_encode(L, -1, plan, &second);
        assert(first.size == second.size); /* maps may come in another order */
    }
    lua_settop(L, 0);
    return 0;
}
