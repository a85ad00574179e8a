/* message_plan.h - what message.c needs to know of each type, worked out once.
 *
 * A plan is made of the descriptor that protoc-c generates (names, numbers, types). The plans of a
 * Lua state lie in one userdata, which its registry keeps; names of fields are Lua strings in one
 * table, and a plan holds their positions in it.
 *
 * Known shapes of fields are those that our .proto files use; a further one fails an assertion when
 * the module opens. No type contains itself, so messages are as deep as the types are.
 */
#pragma once

#include <lua.h>
#include <stdint.h>

#include "base/text.h"

enum ms_shape {
    MS_SHAPE_INTEGER,
    MS_SHAPE_BOOLEAN,
    MS_SHAPE_STRING,
    MS_SHAPE_BYTES,
    MS_SHAPE_MESSAGE,
    MS_SHAPE_TIME, /* google.protobuf.Timestamp */
    MS_SHAPE_MASK, /* google.protobuf.FieldMask */
    MS_SHAPE_STRINGS,
    MS_SHAPE_MESSAGES,
    MS_SHAPE_MAP, /* of strings to strings */
};

enum ms_width { MS_WIDTH_64, MS_WIDTH_INT32, MS_WIDTH_UINT32 };

struct ms_plan_field {
    const char *text; /* its name; borrowed */
    int name;         /* where the table of names has it */
    uint32_t number;
    enum ms_shape shape;
    enum ms_width width;       /* of an integer */
    int slot;                  /* of a repeated one or a map: 0, 1, ...; else -1 */
    const struct ms_plan *sub; /* of a message */
};

#define MS_PLAN_NUMBERS 16 /* field numbers are smaller */
#define MS_PLAN_SLOTS 4    /* repeated fields and maps of one type, at most */

struct ms_plan {
    const char *name; /* full */
    struct ms_plan_field *fields;
    int count;
    int slots;
    int8_t by_number[MS_PLAN_NUMBERS]; /* index into fields, or -1 */
};

struct ms_plans {
    struct ms_text spare; /* what an encoding is put together in */
    struct ms_plan *plans;
    struct ms_plan_field *fields;
    int count;
};

/* Makes the plans of this Lua state. Called once. */
void ms_plans_setup(lua_State *L);

/* The plans of this Lua state. */
struct ms_plans *ms_plans_of(lua_State *L);

/* The plan of a type by its full name, or NULL. */
const struct ms_plan *ms_plan_find(const struct ms_plans *plans, const char *name);

/* Pushes the table of field names. */
void ms_plan_push_names(lua_State *L);
