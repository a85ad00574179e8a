/* store_lease.h - verbs on leases and namespaces.
 *
 * A lease holds things by type and id. Things of the type "snapshots/<snapshotter>", where the
 * snapshotter is this store's ("overlayfs" for the driver overlay, else the driver's name), are
 * this store's snapshots; of other types only the name is kept. A lease may hold what does not
 * exist (yet). Removing a snapshot takes it from all leases; committing one moves them from its
 * key to its name.
 *
 * Deleting a lease removes, in the same transaction and children first, of what it held and of
 * the ancestors of that, what nothing else keeps:
 *
 *     stays because                                            as containerd
 *
 *     it was not made (commit: named) under a lease            no: there all unlabelled goes
 *     a lease holds it that has not ended                      yes
 *     a label containerd.io/gc.root... or gc.bref... of it     yes (bref: only while ...)
 *     a label containerd.io/gc.ref.snapshot... of a snapshot   yes
 *     it has a child that stays                                yes
 *     this store has it mounted; it is pinned                  no: containerd cannot know
 *
 * Namespaces need no making: any may be used. One exists while it has a record (made by
 * namespace_create or namespace_update), a snapshot or a lease.
 *
 * A database that is rebuilt has no leases and no records of namespaces: then nothing is removed
 * with leases, which is the safe side.
 */
#pragma once

#include "base/names.h"
#include "engine/lease.h"
#include "engine/store/store.h"

/* Borrowed for the call. */
struct ms_lease_request {
    const char *id;
    const struct ms_labels *labels; /* or NULL */
    int64_t ttl_s;                  /* it ends so many seconds from now; 0: its labels say */
    int64_t pid;                    /* it ends with that process, too; 0: with nobody */
};

/* Fails: already_exists, invalid_argument (an id that can be none, bad label, bad ttl), not_found
 * (no such process). */
int ms_store_lease_create(struct ms_store *store, const char *ns,
                          const struct ms_lease_request *request, struct ms_record *out,
                          struct ms_err *err);

/* The lease ends ttl_s seconds from now (0: as many as it was made or renewed with).
 * Fails: not_found, failed_precondition (it has ended: what it held may be gone; it has no ttl),
 * invalid_argument. */
int ms_store_lease_renew(struct ms_store *store, const char *ns, const char *id, int64_t ttl_s,
                         struct ms_record *out, struct ms_err *err);

/* How a lease has ended, if it has. */
enum ms_lease_end ms_store_lease_ended(const struct ms_store *store, const struct ms_record *lease);

/* removed (or NULL) gets the keys of the snapshots that went with it; their layers are in trash.
 * With by_itself, of one that has ended, it stays as long as an overlay writes to one of them.
 * Fails: not_found, failed_precondition (so it stays). */
int ms_store_lease_delete(struct ms_store *store, const char *ns, const char *id, bool by_itself,
                          struct ms_names *removed, struct ms_err *err);

/* All leases of a namespace, by id. */
int ms_store_leases(struct ms_store *store, const char *ns, struct ms_records *out,
                    struct ms_err *err);

/* Both may be repeated. Fail: not_found (the lease). */
int ms_store_lease_add(struct ms_store *store, const char *ns, const char *id,
                       const struct ms_resource *resource, struct ms_err *err);
int ms_store_lease_drop(struct ms_store *store, const char *ns, const char *id,
                        const struct ms_resource *resource, struct ms_err *err);

/* Fails: not_found. */
int ms_store_lease_resources(struct ms_store *store, const char *ns, const char *id,
                             struct ms_resources *out, struct ms_err *err);

/* ---- namespaces ------------------------------------------------------------------------------*/

/* Those that exist, sorted. */
int ms_store_namespace_records(struct ms_store *store, struct ms_records *out, struct ms_err *err);

/* Fails: not_found. */
int ms_store_namespace_get(struct ms_store *store, const char *name, struct ms_record *out,
                           struct ms_err *err);

/* Fails: already_exists (a record, a snapshot or a lease), invalid_argument. */
int ms_store_namespace_create(struct ms_store *store, const char *name,
                              const struct ms_labels *labels, struct ms_record *out,
                              struct ms_err *err);

/* Changes labels as ms_store_update does, of one that exists or not. Fails: invalid_argument. */
int ms_store_namespace_update(struct ms_store *store, const char *name,
                              const struct ms_labels *labels, const struct ms_fieldmask *mask,
                              struct ms_record *out, struct ms_err *err);

/* Its leases go with it. Fails: not_found, failed_precondition (it has snapshots). */
int ms_store_namespace_delete(struct ms_store *store, const char *name, struct ms_err *err);
