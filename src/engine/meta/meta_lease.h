/* meta_lease.h - the rows of leases, of what they hold, and of namespaces. See meta.h.
 *
 *     leases       one row a lease
 *     held         one row a thing that a lease holds, whether it exists or not
 *     namespaces   one row a namespace that was made or labelled
 *
 * snapshots.leased says that a snapshot was made under a lease, whichever: only such ones are
 * removed with leases. Labels stand in the rows as labels.h has them.
 */
#pragma once

#include "engine/lease.h"
#include "engine/meta/meta.h"

/* ---- meta_lease.c ----------------------------------------------------------------------------*/

/* Fails: already_exists. */
int ms_meta_add_lease(struct ms_meta *meta, const char *ns, const struct ms_record *lease,
                      struct ms_err *err);

/* Writes labels and ttl_s of a lease that is there. Fails: not_found. */
int ms_meta_renew_lease(struct ms_meta *meta, const char *ns, const struct ms_record *lease,
                        struct ms_err *err);

/* Deletes a lease and what it held. Fails: not_found. */
int ms_meta_drop_lease(struct ms_meta *meta, const char *ns, const char *id, struct ms_err *err);

/* All leases of a namespace by their ids, or the one of that id (else not_found). */
int ms_meta_leases(struct ms_meta *meta, const char *ns, const char *id, struct ms_records *out,
                   struct ms_err *err);

#define MS_META_LEASE_COLUMNS                                                                      \
    "l.id, l.created, l.labels, l.ttl, l.pid, l.started, l.pid_namespace, l.boot_id"

/* A thing in a namespace; borrowed. */
struct ms_thing {
    const char *ns;
    const char *type;
    const char *id;
};

/* A lease holds a thing from now on; a second time changes nothing. Fails: not_found (the lease).
 */
int ms_meta_hold(struct ms_meta *meta, const char *lease, const struct ms_thing *thing,
                 struct ms_err *err);

/* A lease (NULL: no lease) holds a thing no longer. */
int ms_meta_let_go(struct ms_meta *meta, const char *lease, const struct ms_thing *thing,
                   struct ms_err *err);

/* Whoever holds thing holds the thing of the id to instead. */
int ms_meta_rename_held(struct ms_meta *meta, const struct ms_thing *thing, const char *to,
                        struct ms_err *err);

int ms_meta_held(struct ms_meta *meta, const char *ns, const char *lease, struct ms_resources *out,
                 struct ms_err *err);

/* The leases that hold a thing. */
int ms_meta_holders(struct ms_meta *meta, const struct ms_thing *thing, struct ms_records *out,
                    struct ms_err *err);

/* Keys of the snapshots that a lease holds as things of that type, and of all their ancestors, as
 * far as they were made under a lease: children first. */
int ms_meta_lease_made(struct ms_meta *meta, const char *ns, const char *lease, const char *type,
                       struct ms_names *out, struct ms_err *err);

/* Which snapshots of a namespace are held as things of that type, by which leases: in order of
 * number. Both must outlive what visit does with them. */
typedef int ms_holding_visit(void *context, int64_t number, const char *lease, struct ms_err *err);
int ms_meta_holdings(struct ms_meta *meta, const char *ns, const char *type,
                     ms_holding_visit *visit, void *context, struct ms_err *err);

/* Is a snapshot kept by a label of its own (gc.root, gc.bref) or by one of another snapshot of its
 * namespace that names it (gc.ref.snapshot)? */
int ms_meta_kept(struct ms_meta *meta, const char *ns, const char *key, bool *out,
                 struct ms_err *err);

/* ---- meta_namespace.c ------------------------------------------------------------------------*/

/* All namespaces that have a record, a snapshot or a lease, sorted; or the one of that name (else
 * not_found). */
int ms_meta_namespace_records(struct ms_meta *meta, const char *name, struct ms_records *out,
                              struct ms_err *err);

/* Writes a record; keeps the creation of the one that was there. */
int ms_meta_set_namespace(struct ms_meta *meta, const struct ms_record *record, struct ms_err *err);

/* Deletes a record and the leases of its namespace. */
int ms_meta_drop_namespace(struct ms_meta *meta, const char *name, struct ms_err *err);

int ms_meta_has_snapshots(struct ms_meta *meta, const char *ns, bool *out, struct ms_err *err);

/* The rest of the rows of statement, whose columns are an id, a time and labels, and where there
 * are more, those of MS_META_LEASE_COLUMNS; appended to *out. */
int ms_meta_read_records(struct ms_meta *meta, sqlite3_stmt *statement, struct ms_records *out,
                         struct ms_err *err);
