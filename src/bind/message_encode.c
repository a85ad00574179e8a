#include <inttypes.h>
#include <lauxlib.h>

#include "base/wire.h"
#include "bind/message.h"
#include "bind/message_plan.h"

struct writer {
    lua_State *L;
    int names; /* stack index of the field names */
    struct ms_text *out;
    size_t start; /* where out was */
};

/* Raises; out is what it was before. */
static int refuse(const struct writer *writer, const struct ms_plan *plan, const char *field,
                  const char *why) {
    writer->out->size = writer->start;
    return luaL_error(writer->L, "%s of %s: %s", field, plan->name, why);
}

static int wrong_type(const struct writer *writer, const struct ms_plan *plan,
                      const struct ms_plan_field *field, const char *wanted, int index) {
    return refuse(writer, plan, field->text,
                  lua_pushfstring(writer->L, "a %s is wanted, not a %s", wanted,
                                  luaL_typename(writer->L, index)));
}

static const char *need_string(const struct writer *writer, const struct ms_plan *plan,
                               const struct ms_plan_field *field, int index, size_t *size) {
    if (lua_type(writer->L, index) != LUA_TSTRING)
        wrong_type(writer, plan, field, "string", index);
    return lua_tolstring(writer->L, index, size);
}

static void need_table(const struct writer *writer, const struct ms_plan *plan,
                       const struct ms_plan_field *field, int index) {
    if (!lua_istable(writer->L, index))
        wrong_type(writer, plan, field, "table", index);
}

static lua_Integer need_integer(const struct writer *writer, const struct ms_plan *plan,
                                const struct ms_plan_field *field, int index) {
    if (!lua_isinteger(writer->L, index))
        wrong_type(writer, plan, field, "integer", index);
    lua_Integer value = lua_tointeger(writer->L, index);
    if (field->width == MS_WIDTH_INT32 && (value < INT32_MIN || value > INT32_MAX))
        refuse(writer, plan, field->text, "32 bits cannot hold it");
    if (field->width == MS_WIDTH_UINT32 && (value < 0 || value > UINT32_MAX))
        refuse(writer, plan, field->text, "32 bits without sign cannot hold it");
    return value;
}

static void put_message(const struct writer *writer, const struct ms_plan *plan, int index);

static void put_map(const struct writer *writer, const struct ms_plan *plan,
                    const struct ms_plan_field *field, int index) {
    lua_State *L = writer->L;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        size_t key_size;
        size_t value_size;
        const char *key = need_string(writer, plan, field, -2, &key_size);
        const char *value = need_string(writer, plan, field, -1, &value_size);
        ms_wire_put_entry(writer->out, field->number, key, key_size, value, value_size);
        lua_pop(L, 1);
    }
}

static void put_strings(const struct writer *writer, const struct ms_plan *plan,
                        const struct ms_plan_field *field, uint32_t number, int index) {
    lua_State *L = writer->L;
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    for (lua_Integer i = 1; i <= count; i++) {
        size_t size;
        lua_rawgeti(L, index, i);
        const char *bytes = need_string(writer, plan, field, -1, &size);
        ms_wire_put_element(writer->out, number, bytes, size);
        lua_pop(L, 1);
    }
}

static void put_messages(const struct writer *writer, const struct ms_plan *plan,
                         const struct ms_plan_field *field, int index) {
    lua_State *L = writer->L;
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        need_table(writer, plan, field, -1);
        size_t begun = ms_wire_begin(writer->out, field->number);
        put_message(writer, field->sub, lua_gettop(L));
        ms_wire_end(writer->out, begun);
        lua_pop(L, 1);
    }
}

/* Puts a field whose value is a table, which is at index. */
static void put_table(const struct writer *writer, const struct ms_plan *plan,
                      const struct ms_plan_field *field, int index) {
    need_table(writer, plan, field, index);
    if (field->shape == MS_SHAPE_MAP) {
        put_map(writer, plan, field, index);
    } else if (field->shape == MS_SHAPE_STRINGS) {
        put_strings(writer, plan, field, field->number, index);
    } else if (field->shape == MS_SHAPE_MESSAGES) {
        put_messages(writer, plan, field, index);
    } else {
        size_t begun = ms_wire_begin(writer->out, field->number);
        if (field->shape == MS_SHAPE_MASK)
            put_strings(writer, plan, field, 1, index);
        else
            put_message(writer, field->sub, index);
        ms_wire_end(writer->out, begun);
    }
}

/* Puts the field whose value is on top of the stack. */
static void put_field(const struct writer *writer, const struct ms_plan *plan,
                      const struct ms_plan_field *field) {
    lua_State *L = writer->L;
    size_t size;
    switch (field->shape) {
    case MS_SHAPE_INTEGER:
        ms_wire_put_integer(writer->out, field->number,
                            (uint64_t)need_integer(writer, plan, field, -1));
        break;
    case MS_SHAPE_BOOLEAN:
        if (!lua_isboolean(L, -1))
            wrong_type(writer, plan, field, "boolean", -1);
        ms_wire_put_integer(writer->out, field->number, (uint64_t)lua_toboolean(L, -1));
        break;
    case MS_SHAPE_STRING:
    case MS_SHAPE_BYTES: {
        const char *bytes = need_string(writer, plan, field, -1, &size);
        ms_wire_put_bytes(writer->out, field->number, bytes, size);
        break;
    }
    case MS_SHAPE_TIME:
        ms_wire_put_time(writer->out, field->number, need_integer(writer, plan, field, -1));
        break;
    default:
        put_table(writer, plan, field, lua_gettop(L));
        break;
    }
}

/* Raises when the table at index has more than the fields that were found in it. */
static void check_fields(const struct writer *writer, const struct ms_plan *plan, int index,
                         int found) {
    lua_State *L = writer->L;
    int have = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        have++;
    if (have == found)
        return;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        bool known = false;
        for (int i = 0; i < plan->count && !known; i++) {
            lua_rawgeti(L, writer->names, plan->fields[i].name);
            known = lua_rawequal(L, -1, -3) != 0;
            lua_pop(L, 1);
        }
        if (!known)
            refuse(writer, plan, luaL_tolstring(L, -2, NULL), "there is no such field");
    }
}

static void put_message(const struct writer *writer, const struct ms_plan *plan, int index) {
    lua_State *L = writer->L;
    int found = 0;
    luaL_checkstack(L, 8, NULL);
    for (int i = 0; i < plan->count; i++) {
        lua_rawgeti(L, writer->names, plan->fields[i].name);
        if (lua_rawget(L, index) != LUA_TNIL) {
            put_field(writer, plan, &plan->fields[i]);
            found++;
        }
        lua_pop(L, 1);
    }
    check_fields(writer, plan, index, found);
}

void ms_message_encode(lua_State *L, int index, const struct ms_plan *plan, struct ms_text *out) {
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, 4, NULL);
    index = lua_absindex(L, index);
    ms_plan_push_names(L);
    struct writer writer = {L, lua_gettop(L), out, out->size};
    put_message(&writer, plan, index);
    lua_pop(L, 1);
    if (out->failed)
        luaL_error(L, "out of memory");
}
