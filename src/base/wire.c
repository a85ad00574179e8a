#include "base/wire.h"

#include <string.h>

#include "base/text.h"

#define NUMBER_MAX ((1U << 29) - 1)
#define SECOND INT64_C(1000000000)

/* Reads up to ten bytes; the tenth may only hold the 64th bit. */
static bool read_varint(struct ms_wire_in *in, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool read_fixed(struct ms_wire_in *in, size_t size, uint64_t *out) {
    if ((size_t)(in->end - in->at) < size)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)in->at[i] << (8 * i);
    in->at += size;
    *out = value;
    return true;
}

static bool read_bytes(struct ms_wire_in *in, struct ms_wire_field *out) {
    uint64_t size = 0;
    if (!read_varint(in, &size) || size > (uint64_t)(in->end - in->at))
        return false;
    out->bytes = in->at;
    out->size = (size_t)size;
    in->at += size;
    return true;
}

int ms_wire_next(struct ms_wire_in *in, struct ms_wire_field *out) {
    if (in->at == in->end)
        return 0;
    uint64_t tag = 0;
    if (!read_varint(in, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
        return -1;
    *out = (struct ms_wire_field){.number = (uint32_t)(tag >> 3)};
    bool read = false;
    switch (tag & 7) {
    case MS_WIRE_VARINT:
        out->type = MS_WIRE_VARINT;
        read = read_varint(in, &out->value);
        break;
    case MS_WIRE_FIXED64:
        out->type = MS_WIRE_FIXED64;
        read = read_fixed(in, 8, &out->value);
        break;
    case MS_WIRE_BYTES:
        out->type = MS_WIRE_BYTES;
        read = read_bytes(in, out);
        break;
    case MS_WIRE_FIXED32:
        out->type = MS_WIRE_FIXED32;
        read = read_fixed(in, 4, &out->value);
        break;
    default:
        break;
    }
    return read ? 1 : -1;
}

/* The length of the front part that is ASCII without a NUL, eight bytes at a time. */
static size_t ascii(const uint8_t *bytes, size_t size) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones << 7;
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        if (((word | (word - ones)) & tops) != 0)
            break;
    }
    while (at < size && bytes[at] != 0 && bytes[at] < 0x80)
        at++;
    return at;
}

bool ms_wire_plain(const void *bytes, size_t size) {
    size_t front = ascii(bytes, size);
    if (front == size)
        return true;
    const uint8_t *rest = (const uint8_t *)bytes + front;
    return memchr(rest, 0, size - front) == NULL && ms_utf8_valid(rest, size - front);
}

bool ms_wire_nanoseconds(int64_t seconds, int64_t nanos, int64_t *out) {
    if (nanos < 0 || nanos >= SECOND)
        return false;
    /* of a negative time the product may lie outside though the sum does not */
    if (seconds < 0 && nanos > 0) {
        seconds += 1;
        nanos -= SECOND;
    }
    int64_t product = 0;
    return !__builtin_mul_overflow(seconds, SECOND, &product) &&
           !__builtin_add_overflow(product, nanos, out);
}

static size_t encode_varint(uint8_t out[10], uint64_t value) {
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

static size_t encode_tag(uint8_t *out, uint32_t number, enum ms_wire_type type) {
    return encode_varint(out, (uint64_t)number << 3 | type);
}

/* Appends a head and what follows it; most of the time there is room, and nothing to call for. */
static void put(struct ms_text *out, const uint8_t *head, size_t head_size, const void *bytes,
                size_t size) {
    if (out->failed || out->room - out->size <= head_size ||
        size >= out->room - out->size - head_size) {
        ms_text_append(out, head, head_size);
        ms_text_append(out, bytes, size);
        return;
    }
    char *at = out->bytes + out->size;
    memcpy(at, head, head_size);
    if (size != 0)
        memcpy(at + head_size, bytes, size);
    out->size += head_size + size;
    out->bytes[out->size] = '\0';
}

void ms_wire_put_integer(struct ms_text *out, uint32_t number, uint64_t value) {
    uint8_t bytes[20];
    if (value == 0)
        return;
    size_t size = encode_tag(bytes, number, MS_WIRE_VARINT);
    size += encode_varint(bytes + size, value);
    put(out, bytes, size, NULL, 0);
}

void ms_wire_put_element(struct ms_text *out, uint32_t number, const void *bytes, size_t size) {
    uint8_t head[20];
    size_t head_size = encode_tag(head, number, MS_WIRE_BYTES);
    head_size += encode_varint(head + head_size, size);
    put(out, head, head_size, bytes, size);
}

void ms_wire_put_bytes(struct ms_text *out, uint32_t number, const void *bytes, size_t size) {
    if (size != 0)
        ms_wire_put_element(out, number, bytes, size);
}

void ms_wire_put_time(struct ms_text *out, uint32_t number, int64_t nanoseconds) {
    int64_t seconds = nanoseconds / SECOND;
    int64_t nanos = nanoseconds % SECOND;
    if (nanos < 0) {
        seconds -= 1;
        nanos += SECOND;
    }
    size_t begun = ms_wire_begin(out, number);
    ms_wire_put_integer(out, 1, (uint64_t)seconds);
    ms_wire_put_integer(out, 2, (uint64_t)nanos);
    ms_wire_end(out, begun);
}

void ms_wire_put_entry(struct ms_text *out, uint32_t number, const void *key, size_t key_size,
                       const void *value, size_t value_size) {
    size_t begun = ms_wire_begin(out, number);
    ms_wire_put_bytes(out, 1, key, key_size);
    ms_wire_put_bytes(out, 2, value, value_size);
    ms_wire_end(out, begun);
}

size_t ms_wire_begin(struct ms_text *out, uint32_t number) {
    uint8_t head[11];
    size_t size = encode_tag(head, number, MS_WIRE_BYTES);
    head[size++] = 0; /* the length, when it has one byte */
    put(out, head, size, NULL, 0);
    return out->size;
}

void ms_wire_end(struct ms_text *out, size_t begun) {
    uint8_t head[10];
    if (out->failed)
        return;
    size_t inside = out->size - begun;
    size_t size = encode_varint(head, inside);
    put(out, head, size - 1, NULL, 0); /* room for the further bytes of the length */
    if (out->failed)
        return;
    char *at = out->bytes + begun;
    if (size > 1)
        memmove(at - 1 + size, at, inside);
    memcpy(at - 1, head, size);
}
