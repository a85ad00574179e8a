/* lease.h - leases and namespaces as plain data.
 *
 *     lease       a name under which somebody holds snapshots while working with them
 *     resource    what a lease holds: a type ("snapshots/overlayfs") and an id (a key)
 *     namespace   a name with labels; it needs no making to be used
 *
 * A lease and a namespace look alike: a record. Each struct owns its strings.
 *
 * Source: containerd core/leases/lease.go, pkg/namespaces/store.go.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/snapshot.h"

/* A lease whose time (RFC 3339) is over holds nothing any more; nobody removes it for that. */
#define MS_LABEL_EXPIRE "containerd.io/gc.expire"

struct ms_record {
    char *id;           /* of a lease; the name of a namespace */
    int64_t created_ns; /* 0 for a namespace that only has rows and was never made */
    struct ms_labels labels;
};

struct ms_records {
    struct ms_record *items;
    size_t count;
    size_t room;
};

struct ms_resource {
    char *type;
    char *id;
};

struct ms_resources {
    struct ms_resource *items;
    size_t count;
    size_t room;
};

/* Moves the first of records to *out, which is empty. */
void ms_records_take(struct ms_records *records, struct ms_record *out);

void ms_record_clear(struct ms_record *record);
void ms_records_clear(struct ms_records *records);
void ms_resources_clear(struct ms_resources *resources);
#define ms_auto_record __attribute__((cleanup(ms_record_clear)))
#define ms_auto_records __attribute__((cleanup(ms_records_clear)))
#define ms_auto_resources __attribute__((cleanup(ms_resources_clear)))

/* The label's time of a lease is over at now_ns. What is no time counts as none. */
bool ms_record_expired(const struct ms_record *lease, int64_t now_ns);
