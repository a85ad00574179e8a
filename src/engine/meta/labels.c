#include "engine/meta/labels.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"

#define TAG_ENTRY (MS_LABELS_FIELD << 3 | 2)
#define TAG_NAME 0x0a
#define TAG_VALUE 0x12

static size_t put_varint(unsigned char *at, size_t number) {
    size_t used = 0;
    while (number >= 0x80) {
        at[used++] = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    at[used++] = (unsigned char)number;
    return used;
}

static size_t varint_size(size_t number) {
    size_t size = 1;
    while (number >= 0x80) {
        number >>= 7;
        size++;
    }
    return size;
}

void ms_labels_encode_one(const char *name, size_t name_size, const char *value, size_t value_size,
                          struct ms_text *out) {
    unsigned char head[24];
    size_t inner = 2 + varint_size(name_size) + name_size + varint_size(value_size) + value_size;
    size_t used = 0;
    head[used++] = TAG_ENTRY;
    used += put_varint(head + used, inner);
    head[used++] = TAG_NAME;
    used += put_varint(head + used, name_size);
    ms_text_append(out, head, used);
    ms_text_append(out, name, name_size);
    head[0] = TAG_VALUE;
    used = 1 + put_varint(head + 1, value_size);
    ms_text_append(out, head, used);
    ms_text_append(out, value, value_size);
}

static int by_name(const void *left, const void *right) {
    const struct ms_label *const *a = left;
    const struct ms_label *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

int ms_labels_encode(const struct ms_labels *labels, struct ms_text *out, struct ms_err *err) {
    if (labels == NULL || labels->count == 0)
        return MS_OK;
    ms_auto_free const struct ms_label **sorted = malloc(labels->count * sizeof *sorted);
    if (sorted == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; i < labels->count; i++)
        sorted[i] = &labels->items[i];
    qsort(sorted, labels->count, sizeof *sorted, by_name);
    for (size_t i = 0; i < labels->count; i++) {
        const struct ms_label *label = sorted[i];
        if (label->value[0] != '\0')
            ms_labels_encode_one(label->name, strlen(label->name), label->value,
                                 strlen(label->value), out);
    }
    return ms_text_check(out, err);
}

/* ---- reading ---------------------------------------------------------------------------------*/

/* A tag and the bytes behind it; false when that is not what stands at *at. */
static bool take(const unsigned char **at, const unsigned char *end, unsigned char tag,
                 const unsigned char **bytes, size_t *size) {
    uint64_t number = 0;
    const unsigned char *p = *at;
    if (p == end || *p++ != tag)
        return false;
    for (unsigned shift = 0;; shift += 7) {
        if (p == end || shift > 28)
            return false;
        number |= (uint64_t)(*p & 0x7f) << shift;
        if ((*p++ & 0x80) == 0)
            break;
    }
    if (number > (uint64_t)(end - p))
        return false;
    *bytes = p;
    *size = (size_t)number;
    *at = p + number;
    return true;
}

int ms_labels_next(const unsigned char **at, const unsigned char *end, struct ms_label_span *out,
                   struct ms_err *err) {
    const unsigned char *entry = NULL;
    const unsigned char *name = NULL;
    const unsigned char *value = NULL;
    size_t size = 0;
    if (*at == end)
        return 0;
    bool right = take(at, end, TAG_ENTRY, &entry, &size);
    const unsigned char *behind = right ? entry + size : NULL;
    right = right && take(&entry, behind, TAG_NAME, &name, &out->name_size) &&
            take(&entry, behind, TAG_VALUE, &value, &out->value_size) && entry == behind;
    if (!right)
        return ms_err_set(err, MS_DATA_LOSS, "the labels in a row are not readable");
    out->name = (const char *)name;
    out->value = (const char *)value;
    return 1;
}

int ms_labels_decode(const void *bytes, size_t size, struct ms_labels *out, struct ms_err *err) {
    const unsigned char *at = bytes;
    const unsigned char *end = at + size;
    struct ms_label_span span;
    int code;
    if (size == 0)
        return MS_OK;
    while ((code = ms_labels_next(&at, end, &span, err)) == 1) {
        code = ms_labels_append_spans(out, span.name, span.name_size, span.value, span.value_size,
                                      err);
        if (code < 0)
            return code;
    }
    return code;
}
