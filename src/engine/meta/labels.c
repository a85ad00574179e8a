#include "engine/meta/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/wire.h"

void ms_labels_encode_one(const char *name, size_t name_size, const char *value, size_t value_size,
                          struct ms_text *out) {
    ms_wire_put_entry(out, MS_LABELS_FIELD, name, name_size, value, value_size);
}

static int by_name(const void *left, const void *right) {
    return strcmp(((const struct ms_label *)left)->name, ((const struct ms_label *)right)->name);
}

int ms_labels_kept(const struct ms_labels *labels, struct ms_labels *out, struct ms_err *err) {
    *out = (struct ms_labels){0};
    if (labels == NULL || labels->count == 0)
        return MS_OK;
    out->items = malloc(labels->count * sizeof *out->items);
    if (out->items == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; i < labels->count; i++)
        if (labels->items[i].value[0] != '\0')
            out->items[out->count++] = labels->items[i];
    qsort(out->items, out->count, sizeof *out->items, by_name);
    return MS_OK;
}

int ms_labels_encode(const struct ms_labels *labels, struct ms_text *out, struct ms_err *err) {
    struct ms_labels kept;
    int code = ms_labels_kept(labels, &kept, err);
    if (code < 0)
        return code;
    for (size_t i = 0; i < kept.count; i++)
        ms_labels_encode_one(kept.items[i].name, strlen(kept.items[i].name), kept.items[i].value,
                             strlen(kept.items[i].value), out);
    free(kept.items);
    return ms_text_check(out, err);
}

/* ---- reading ---------------------------------------------------------------------------------*/

/* The name and the value in one entry. */
static bool read_entry(const struct ms_wire_field *entry, struct ms_label_span *out) {
    struct ms_wire_in in = {entry->bytes, entry->bytes + entry->size};
    struct ms_wire_field field;
    int code;
    *out = (struct ms_label_span){.name = "", .value = ""};
    while ((code = ms_wire_next(&in, &field)) == 1) {
        if (field.type != MS_WIRE_BYTES)
            return false;
        if (field.number == 1) {
            out->name = (const char *)field.bytes;
            out->name_size = field.size;
        } else if (field.number == 2) {
            out->value = (const char *)field.bytes;
            out->value_size = field.size;
        }
    }
    return code == 0 && out->name_size != 0 && out->value_size != 0;
}

int ms_labels_next(struct ms_wire_in *in, struct ms_label_span *out, struct ms_err *err) {
    struct ms_wire_field field;
    int code = ms_wire_next(in, &field);
    if (code == 0)
        return 0;
    if (code < 0 || field.number != MS_LABELS_FIELD || field.type != MS_WIRE_BYTES ||
        !read_entry(&field, out))
        return ms_err_set(err, MS_DATA_LOSS, "the labels in a row are not readable");
    return 1;
}

int ms_labels_decode(const void *bytes, size_t size, struct ms_labels *out, struct ms_err *err) {
    struct ms_wire_in in = {bytes, (const uint8_t *)bytes + size};
    struct ms_label_span span = {0};
    int code;
    if (size == 0)
        return MS_OK;
    while ((code = ms_labels_next(&in, &span, err)) == 1) {
        code = ms_labels_append_spans(out, span.name, span.name_size, span.value, span.value_size,
                                      err);
        if (code < 0)
            return code;
    }
    return code;
}
