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
#include "sys/ident.h"

/* A lease whose time (RFC 3339) is over holds nothing any more. */
#define MS_LABEL_EXPIRE "containerd.io/gc.expire"

/* To a marking collection, what such a lease holds passes nothing on by its labels. */
#define MS_LABEL_FLAT "containerd.io/gc.flat"

struct ms_record {
    char *id;           /* of a lease; the name of a namespace */
    int64_t created_ns; /* 0 for a namespace that only has rows and was never made */
    struct ms_labels labels;
    /* Of leases alone: */
    int64_t ttl_s;           /* what renewing adds to the time of that moment; 0: it has none */
    struct ms_ident process; /* with whose end the lease ends; pid 0: with nobody's */
    char *boot_id;           /* of the process */
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

/* How a lease has ended, if it has: it holds nothing any more. Nobody removes it for that but who
 * reaps leases. */
enum ms_lease_end {
    MS_LEASE_LIVES,
    MS_LEASE_EXPIRED, /* the time of its label is over; what is no time counts as none */
    MS_LEASE_DEAD,    /* its process is gone; one that cannot be seen from here counts as there */
};
enum ms_lease_end ms_lease_ended(const struct ms_record *lease, int64_t now_ns,
                                 const char *boot_id);

/* "expired", "dead"; NULL for one that lives. */
const char *ms_lease_end_name(enum ms_lease_end end);

/* Sets the label of its end to now and ttl_s seconds. Fails: invalid_argument (ttl_s is not
 * positive, or ends after the year 9999), resource_exhausted. */
int ms_lease_set_ttl(struct ms_labels *labels, int64_t now_ns, int64_t ttl_s, struct ms_err *err);
