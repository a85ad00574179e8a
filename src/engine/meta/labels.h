/* labels.h - all labels of a snapshot as bytes, as they stand in its row.
 *
 * The bytes are protobuf, the entries of a map<string, string> that is field 6 of its message,
 * sorted by name:
 *
 *     32 <length> 0a <length> NAME 12 <length> VALUE      lengths as varints
 *
 * So a row becomes a message of List by copying, and stat reads one row. The table labels holds the
 * same and serves filters; check compares the two. An empty value is no label and is left out.
 *
 * Source: protobuf's encoding; containerd.services.snapshots.v1.Info has its labels there.
 */
#pragma once

#include <stddef.h>

#include "engine/snapshot.h"

struct ms_err;
struct ms_text;
struct ms_wire_in;

#define MS_LABELS_FIELD 6

/* The labels that a store keeps of labels (NULL: none): without empty values, sorted by name. The
 * strings stay those of labels; the caller frees items alone. Fails: resource_exhausted. */
int ms_labels_kept(const struct ms_labels *labels, struct ms_labels *out, struct ms_err *err);

/* Appends the entries of labels (NULL: none), which may be in any order. Fails:
 * resource_exhausted. */
int ms_labels_encode(const struct ms_labels *labels, struct ms_text *out, struct ms_err *err);

/* Appends one entry. */
void ms_labels_encode_one(const char *name, size_t name_size, const char *value, size_t value_size,
                          struct ms_text *out);

/* Reads entries into *out, which the caller clears. Fails: data_loss (no such bytes),
 * resource_exhausted. */
int ms_labels_decode(const void *bytes, size_t size, struct ms_labels *out, struct ms_err *err);

/* The next entry: 1, 0 at the end, or data_loss. */
struct ms_label_span {
    const char *name; /* borrowed; not NUL-terminated */
    size_t name_size;
    const char *value;
    size_t value_size;
};
int ms_labels_next(struct ms_wire_in *in, struct ms_label_span *out, struct ms_err *err);
