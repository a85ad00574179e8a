/* wire.h - protobuf's encoding: fields out of bytes, and fields into bytes. Knows no message type.
 *
 *     reading   struct ms_wire_in in = {bytes, bytes + size};
 *               while ((got = ms_wire_next(&in, &field)) > 0) look at field.number, field.type
 *     writing   appends to a struct ms_text, whose failed is looked at once, at the end
 *
 * Reading allocates nothing and borrows the bytes. A field that is not known is simply not looked
 * at. Groups are refused, as nobody sends them.
 *
 * Source: protobuf.dev/programming-guides/encoding.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_text;

enum ms_wire_type {
    MS_WIRE_VARINT = 0,
    MS_WIRE_FIXED64 = 1,
    MS_WIRE_BYTES = 2, /* strings, bytes, messages, map entries */
    MS_WIRE_FIXED32 = 5,
};

struct ms_wire_in {
    const uint8_t *at;
    const uint8_t *end;
};

struct ms_wire_field {
    uint32_t number;
    enum ms_wire_type type;
    uint64_t value;       /* of a varint or a fixed one */
    const uint8_t *bytes; /* of MS_WIRE_BYTES */
    size_t size;
};

/* Reads the next field: 1 when there is one, 0 at the end, -1 for what is no protobuf (a varint or
 * a length that does not end, a number that can be none, a group). */
int ms_wire_next(struct ms_wire_in *in, struct ms_wire_field *out);

/* Whether bytes can be a string of ours: UTF-8 without a NUL. */
bool ms_wire_plain(const void *bytes, size_t size);

/* Nanoseconds since 1970 of a google.protobuf.Timestamp's fields; false when they are outside of
 * int64 or nanos is none. */
bool ms_wire_nanoseconds(int64_t seconds, int64_t nanos, int64_t *out);

/* One field of a message. As proto3 has it, 0, false and "" are not written. */
void ms_wire_put_integer(struct ms_text *out, uint32_t number, uint64_t value);
void ms_wire_put_bytes(struct ms_text *out, uint32_t number, const void *bytes, size_t size);

/* The same, but written though it is empty: an element of a repeated field. */
void ms_wire_put_element(struct ms_text *out, uint32_t number, const void *bytes, size_t size);

/* A google.protobuf.Timestamp. */
void ms_wire_put_time(struct ms_text *out, uint32_t number, int64_t nanoseconds);

/* An entry of a map<string, string>. */
void ms_wire_put_entry(struct ms_text *out, uint32_t number, const void *key, size_t key_size,
                       const void *value, size_t value_size);

/* A message inside: its fields are put between begin and end, which gets what begin gave. */
size_t ms_wire_begin(struct ms_text *out, uint32_t number);
void ms_wire_end(struct ms_text *out, size_t begun);
