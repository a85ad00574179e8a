#include "bind/message_plan.h"

#include <assert.h>
#include <lauxlib.h>
#include <protobuf-c/protobuf-c.h>
#include <string.h>

#include "bind/message_types.h"

static const char plans_key, names_key;

static bool is_type(const ProtobufCMessageDescriptor *type, const char *name) {
    return strcmp(type->name, name) == 0;
}

/* A map is a repeated message "<Field>Entry" with a key and a value. */
static bool is_map(const ProtobufCFieldDescriptor *field) {
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t size = strlen(entry->short_name);
    if (size < 5 || strcmp(entry->short_name + size - 5, "Entry") != 0 || entry->n_fields != 2)
        return false;
    for (unsigned i = 0; i < 2; i++)
        if (entry->fields[i].id != i + 1 || entry->fields[i].type != PROTOBUF_C_TYPE_STRING ||
            strcmp(entry->fields[i].name, i == 0 ? "key" : "value") != 0)
            return false;
    return true;
}

static enum ms_shape message_shape(const ProtobufCFieldDescriptor *field) {
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (repeated)
        return is_map(field) ? MS_SHAPE_MAP : MS_SHAPE_MESSAGES;
    if (is_type(field->descriptor, "google.protobuf.Timestamp"))
        return MS_SHAPE_TIME;
    if (is_type(field->descriptor, "google.protobuf.FieldMask"))
        return MS_SHAPE_MASK;
    return MS_SHAPE_MESSAGE;
}

static void set_shape(struct ms_plan_field *out, const ProtobufCFieldDescriptor *field) {
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    out->width = MS_WIDTH_64;
    out->shape = MS_SHAPE_INTEGER;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        out->width = MS_WIDTH_INT32;
        break;
    case PROTOBUF_C_TYPE_UINT32:
        out->width = MS_WIDTH_UINT32;
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        break;
    case PROTOBUF_C_TYPE_BOOL:
        out->shape = MS_SHAPE_BOOLEAN;
        break;
    case PROTOBUF_C_TYPE_STRING:
        out->shape = repeated ? MS_SHAPE_STRINGS : MS_SHAPE_STRING;
        break;
    case PROTOBUF_C_TYPE_BYTES:
        out->shape = MS_SHAPE_BYTES;
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        out->shape = message_shape(field);
        break;
    default:
        assert(!"a field of a shape that nobody needed yet");
    }
    assert(!repeated || out->shape >= MS_SHAPE_STRINGS);
}

/* Gives a name its position in the table of names on top of the stack; index[name] is the same. */
static int intern(lua_State *L, const char *name) {
    if (lua_getfield(L, -2, name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1) + 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, -4, name);
        lua_pushstring(L, name);
        lua_rawseti(L, -3, lua_tointeger(L, -2));
    }
    int position = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return position;
}

static const struct ms_plan *plan_of(const struct ms_plans *plans, const void *type,
                                     const ProtobufCMessageDescriptor *const *types) {
    for (int i = 0; i < plans->count; i++)
        if (types[i] == type)
            return &plans->plans[i];
    assert(!"a message of a type that is not in message_types.c");
    return NULL;
}

static void make(lua_State *L, const struct ms_plans *plans, struct ms_plan *plan,
                 const ProtobufCMessageDescriptor *const *types) {
    const ProtobufCMessageDescriptor *type = types[plan - plans->plans];
    plan->name = type->name;
    plan->count = (int)type->n_fields;
    memset(plan->by_number, -1, sizeof plan->by_number);
    for (int i = 0; i < plan->count; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        struct ms_plan_field *out = &plan->fields[i];
        set_shape(out, field);
        out->text = field->name;
        out->name = intern(L, field->name);
        out->number = field->id;
        out->slot = out->shape >= MS_SHAPE_STRINGS ? plan->slots++ : -1;
        if (out->shape == MS_SHAPE_MESSAGE || out->shape == MS_SHAPE_MESSAGES)
            out->sub = plan_of(plans, field->descriptor, types);
        assert(field->id < MS_PLAN_NUMBERS);
        plan->by_number[field->id] = (int8_t)i;
    }
    assert(plan->slots <= MS_PLAN_SLOTS);
}

static int clear(lua_State *L) {
    struct ms_plans *plans = lua_touserdata(L, 1);
    ms_text_clear(&plans->spare);
    return 0;
}

static struct ms_plans *new_plans(lua_State *L, size_t count, size_t fields) {
    size_t plan_bytes = count * sizeof(struct ms_plan);
    size_t field_bytes = fields * sizeof(struct ms_plan_field);
    struct ms_plans *plans = lua_newuserdatauv(L, sizeof *plans + plan_bytes + field_bytes, 0);
    memset(plans, 0, sizeof *plans + plan_bytes + field_bytes);
    plans->plans = (struct ms_plan *)(plans + 1);
    plans->fields = (struct ms_plan_field *)(plans->plans + count);
    plans->count = (int)count;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, clear);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &plans_key);
    return plans;
}

void ms_plans_setup(lua_State *L) {
    size_t count = 0;
    size_t fields = 0;
    const ProtobufCMessageDescriptor *const *types = ms_message_types(&count);
    for (size_t i = 0; i < count; i++)
        fields += types[i]->n_fields;
    struct ms_plans *plans = new_plans(L, count, fields);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    struct ms_plan_field *next = plans->fields;
    for (size_t i = 0; i < count; i++) {
        plans->plans[i].fields = next;
        make(L, plans, &plans->plans[i], types);
        next += types[i]->n_fields;
    }
    lua_pop(L, 2);
}

struct ms_plans *ms_plans_of(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &plans_key);
    struct ms_plans *plans = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return plans;
}

const struct ms_plan *ms_plan_find(const struct ms_plans *plans, const char *name) {
    for (int i = 0; i < plans->count; i++)
        if (strcmp(plans->plans[i].name, name) == 0)
            return &plans->plans[i];
    return NULL;
}

void ms_plan_push_names(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key); }
