#include <lauxlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "bind/message.h"
#include "bind/message_plan.h"

struct reader {
    lua_State *L;
    int names; /* stack index of the field names */
    struct ms_err *err;
};

static int no_message(const struct reader *reader, const struct ms_plan *plan) {
    return ms_err_set(reader->err, MS_INTERNAL, "failed to unmarshal %s: it is no protobuf",
                      plan->name);
}

static int push_string(const struct reader *reader, const struct ms_plan *plan,
                       const struct ms_plan_field *field, const struct ms_wire_field *in) {
    if (!ms_wire_plain(in->bytes, in->size))
        return ms_err_set(reader->err, MS_INVALID_ARGUMENT, "%s of %s: %s", field->text, plan->name,
                          in->size != 0 && memchr(in->bytes, 0, in->size) != NULL
                              ? "it has a NUL byte"
                              : "it is no UTF-8");
    lua_pushlstring(reader->L, (const char *)in->bytes, in->size);
    return 0;
}

static void push_integer(lua_State *L, enum ms_width width, uint64_t value) {
    switch (width) {
    case MS_WIDTH_64:
        lua_pushinteger(L, (lua_Integer)value);
        break;
    case MS_WIDTH_INT32:
        lua_pushinteger(L, (int32_t)(uint32_t)value);
        break;
    case MS_WIDTH_UINT32:
        lua_pushinteger(L, (uint32_t)value);
        break;
    }
}

/* Pushes the nanoseconds, or nil when int64 does not have them. */
static int push_time(const struct reader *reader, const struct ms_plan *plan,
                     const struct ms_wire_field *field) {
    struct ms_wire_in in = {field->bytes, field->bytes + field->size};
    struct ms_wire_field part;
    int64_t seconds = 0;
    int64_t nanos = 0;
    int64_t time = 0;
    int got;
    while ((got = ms_wire_next(&in, &part)) > 0) {
        if (part.number == 1 && part.type == MS_WIRE_VARINT)
            seconds = (int64_t)part.value;
        if (part.number == 2 && part.type == MS_WIRE_VARINT)
            nanos = (int32_t)(uint32_t)part.value;
    }
    if (got < 0)
        return no_message(reader, plan);
    if (ms_wire_nanoseconds(seconds, nanos, &time))
        lua_pushinteger(reader->L, time);
    else
        lua_pushnil(reader->L);
    return 0;
}

/* Pushes the sequence of paths. */
static int push_mask(const struct reader *reader, const struct ms_plan *plan,
                     const struct ms_plan_field *mask, const struct ms_wire_field *field) {
    struct ms_wire_in in = {field->bytes, field->bytes + field->size};
    struct ms_wire_field part;
    lua_Integer count = 0;
    int got;
    lua_newtable(reader->L);
    while ((got = ms_wire_next(&in, &part)) > 0) {
        if (part.number != 1 || part.type != MS_WIRE_BYTES)
            continue;
        int kind = push_string(reader, plan, mask, &part);
        if (kind < 0)
            return kind;
        lua_rawseti(reader->L, -2, ++count);
    }
    return got < 0 ? no_message(reader, plan) : 0;
}

/* Sets an entry of the map at a stack index. */
static int add_entry(const struct reader *reader, const struct ms_plan *plan,
                     const struct ms_plan_field *map, const struct ms_wire_field *field,
                     int index) {
    struct ms_wire_in in = {field->bytes, field->bytes + field->size};
    struct ms_wire_field part;
    struct ms_wire_field pair[2] = {{.bytes = in.at}, {.bytes = in.at}};
    int got;
    while ((got = ms_wire_next(&in, &part)) > 0)
        if (part.number <= 2 && part.type == MS_WIRE_BYTES)
            pair[part.number - 1] = part;
    if (got < 0)
        return no_message(reader, plan);
    for (int i = 0; i < 2; i++) {
        int kind = push_string(reader, plan, map, &pair[i]);
        if (kind < 0)
            return kind;
    }
    lua_rawset(reader->L, index);
    return 0;
}

static int push_message(const struct reader *reader, const struct ms_plan *plan,
                        const uint8_t *bytes, size_t size);

/* Pushes what a field holds that is no repeated one. */
static int push_single(const struct reader *reader, const struct ms_plan *plan,
                       const struct ms_plan_field *field, const struct ms_wire_field *in) {
    switch (field->shape) {
    case MS_SHAPE_INTEGER:
        push_integer(reader->L, field->width, in->value);
        return 0;
    case MS_SHAPE_BOOLEAN:
        lua_pushboolean(reader->L, in->value != 0);
        return 0;
    case MS_SHAPE_STRING:
        return push_string(reader, plan, field, in);
    case MS_SHAPE_BYTES:
        lua_pushlstring(reader->L, (const char *)in->bytes, in->size);
        return 0;
    case MS_SHAPE_TIME:
        return push_time(reader, plan, in);
    case MS_SHAPE_MASK:
        return push_mask(reader, plan, field, in);
    default:
        return push_message(reader, field->sub, in->bytes, in->size);
    }
}

/* Adds to the table at a stack index, which is made when it is not there. */
static int add_element(const struct reader *reader, const struct ms_plan *plan,
                       const struct ms_plan_field *field, const struct ms_wire_field *in,
                       int index) {
    lua_State *L = reader->L;
    if (field->shape == MS_SHAPE_MAP)
        return add_entry(reader, plan, field, in, index);
    int kind = field->shape == MS_SHAPE_STRINGS
                   ? push_string(reader, plan, field, in)
                   : push_message(reader, field->sub, in->bytes, in->size);
    if (kind < 0)
        return kind;
    lua_rawseti(L, index, (lua_Integer)lua_rawlen(L, index) + 1);
    return 0;
}

static const struct ms_plan_field *find(const struct ms_plan *plan,
                                        const struct ms_wire_field *in) {
    if (in->number >= MS_PLAN_NUMBERS || plan->by_number[in->number] < 0)
        return NULL;
    const struct ms_plan_field *field = &plan->fields[plan->by_number[in->number]];
    bool varint = field->shape == MS_SHAPE_INTEGER || field->shape == MS_SHAPE_BOOLEAN;
    return in->type == (varint ? MS_WIRE_VARINT : MS_WIRE_BYTES) ? field : NULL;
}

static void push_default(lua_State *L, enum ms_shape shape) {
    switch (shape) {
    case MS_SHAPE_INTEGER:
        lua_pushinteger(L, 0);
        break;
    case MS_SHAPE_BOOLEAN:
        lua_pushboolean(L, 0);
        break;
    case MS_SHAPE_STRING:
    case MS_SHAPE_BYTES:
        lua_pushliteral(L, "");
        break;
    case MS_SHAPE_STRINGS:
    case MS_SHAPE_MESSAGES:
    case MS_SHAPE_MAP:
        lua_newtable(L);
        break;
    default:
        lua_pushnil(L);
        break;
    }
}

/* Sets what was absent, and the repeated ones, in the table at base. */
static void finish(const struct reader *reader, const struct ms_plan *plan, int base,
                   uint32_t seen) {
    lua_State *L = reader->L;
    for (int i = 0; i < plan->count; i++) {
        const struct ms_plan_field *field = &plan->fields[i];
        bool there = (seen >> i & 1) != 0;
        if (there ? field->slot < 0 : field->shape >= MS_SHAPE_MESSAGE && field->slot < 0)
            continue;
        lua_rawgeti(L, reader->names, field->name);
        if (there)
            lua_pushvalue(L, base + 1 + field->slot);
        else
            push_default(L, field->shape);
        lua_rawset(L, base);
    }
}

/* Sets what a field holds in the table at base, or in the one of its slot. */
static int set_field(const struct reader *reader, const struct ms_plan *plan,
                     const struct ms_plan_field *field, const struct ms_wire_field *in, int base,
                     bool first) {
    lua_State *L = reader->L;
    if (field->slot >= 0) {
        int slot = base + 1 + field->slot;
        if (first) {
            lua_newtable(L);
            lua_replace(L, slot);
        }
        return add_element(reader, plan, field, in, slot);
    }
    lua_rawgeti(L, reader->names, field->name);
    int kind = push_single(reader, plan, field, in);
    if (kind == 0)
        lua_rawset(L, base);
    return kind;
}

static int push_message(const struct reader *reader, const struct ms_plan *plan,
                        const uint8_t *bytes, size_t size) {
    lua_State *L = reader->L;
    struct ms_wire_in in = {bytes, bytes + size};
    struct ms_wire_field got;
    uint32_t seen = 0;
    int more;
    luaL_checkstack(L, plan->slots + 6, NULL);
    lua_createtable(L, 0, plan->count);
    int base = lua_gettop(L);
    lua_settop(L, base + plan->slots);
    while ((more = ms_wire_next(&in, &got)) > 0) {
        const struct ms_plan_field *field = find(plan, &got);
        if (field == NULL)
            continue;
        uint32_t bit = 1U << (field - plan->fields);
        int kind = set_field(reader, plan, field, &got, base, (seen & bit) == 0);
        if (kind < 0)
            return kind;
        seen |= bit;
    }
    if (more < 0)
        return no_message(reader, plan);
    finish(reader, plan, base, seen);
    lua_settop(L, base);
    return 0;
}

int ms_message_decode(lua_State *L, const struct ms_plan *plan, const void *bytes, size_t size,
                      struct ms_err *err) {
    luaL_checkstack(L, 4, NULL);
    int top = lua_gettop(L);
    ms_plan_push_names(L);
    struct reader reader = {.L = L, .names = top + 1};
    reader.err = err;
    int kind = push_message(&reader, plan, size != 0 ? bytes : (const void *)"", size);
    if (kind < 0) {
        lua_settop(L, top);
        return kind;
    }
    lua_remove(L, top + 1);
    return 0;
}
