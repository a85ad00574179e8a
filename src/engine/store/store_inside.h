/* store_inside.h - the inside of a store, for the engine's own store_*.c files.
 *
 *     store.c          open, close, facts, namespaces
 *     store_recover.c  what open does after a boot: power cuts
 *     store_txn.c      gate, transactions, savepoints, what is done after COMMIT
 *     store_create.c   prepare, view, mounts, layers
 *     store_commit.c   seal, commit
 *     store_stage.c    stages: slow creation, import
 *     store_remove.c   remove
 *     store_read.c     stat, update, walk, usage, touch
 *     store_event.c    the outbox: see events.h
 *     store_mount.c    mount, unmount, what is mounted
 *     store_run.c      run a command in a snapshot
 *     store_diff.c     what a snapshot changed
 *     store_lease.c    leases; store_namespace.c namespaces
 *     store_pin.c      pins; store_plan.c stored plans
 *     store_survey.c   all that a planner reads of a namespace
 *     store_in_use.c   what is mounted anywhere, whose a namespace is
 *     cover.c          directory entries on disk, ahead of the commit that needs them
 *     retire.c         directories of what was removed, behind the commit
 *     cleanup.c        trash and what crashed processes left
 *     check.c          rows against directories; rebuild.c a database from markers
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/driver/driver.h"
#include "engine/layer/layer.h"
#include "engine/layer/marker.h"
#include "engine/meta/meta.h"
#include "engine/store/store.h"
#include "engine/store/undo.h"

struct ms_store {
    pid_t pid;           /* who opened it */
    unsigned long forks; /* ms_forks() then; another number came by fork */
    bool held;           /* a read transaction is held */
    struct ms_place place;
    struct ms_meta meta;
    const struct ms_driver *driver;
    bool user_xattrs; /* the store's overlay xattrs are user.overlay.* */
    bool other_world; /* this process would use the other ones */
    bool index_off;   /* the kernel has overlay's index and nobody configured it */
    bool defers;      /* directories are made by the outermost commit */
    bool look;        /* opened for looking only */
    int durability;
    char **mount_options;
    size_t mount_options_count;
    char *boot_id;
    struct ms_undo undo; /* undo.depth is the transaction's depth */
    int64_t
        committed; /* the highest number that the transaction made a committed row of; 0: none */
    int64_t
        covering; /* what the transaction's own sync of layers/ covers once it commits; 0: none */
    int64_t uncovered_since; /* steady time of the first mkdir that no fsync has covered; 0: none */
    /* What threads other than the store's one may ask: */
    _Atomic int64_t made;   /* the highest number that this process made directories of */
    _Atomic int64_t synced; /* entries of layers/ up to this number are on disk */
    pthread_mutex_t retired_lock;
    struct ms_ids retired; /* removed; their directories are still there */
    atomic_bool unsynced;  /* something in layers/ is newer than the last sync */
};

/* Every verb's first line: refuses a store carried over a fork, a bad namespace, a bad key. key may
 * be NULL. */
int ms_store_enter(const struct ms_store *store, const char *ns, const char *key,
                   struct ms_err *err);

/* Refuses what makes or changes layers, when the store is of the other xattr world. */
int ms_store_writable(const struct ms_store *store, struct ms_err *err);

/* Ends a verb's own transaction: commits when code is 0, else rolls back; returns the outcome. */
int ms_store_end(struct ms_store *store, int code, struct ms_err *err);

/* The same two for what is void after a boot, such as the record of a mount: its COMMIT survives
 * this process but waits for no disk. Each begin_passing that succeeded is ended by end_passing. */
int ms_store_begin_passing(struct ms_store *store, struct ms_err *err);
int ms_store_end_passing(struct ms_store *store, int code, struct ms_err *err);

/* store_recover.c: sees to what a power cut may have left, when the boot id has changed. */
int ms_store_recover(struct ms_store *store, struct ms_err *err);

/* store_txn.c: syncs layers/ and work/ and records the number that this covers. Inside a
 * transaction. */
int ms_store_cover(struct ms_store *store, struct ms_err *err);

/* retire.c: takes what was removed away, for a second at most, when the store closes. */
void ms_store_retire_rest(struct ms_store *store);

/* cover.c: directory entries up to number are on disk; and: number was made, or a marker was
 * written (0), and is durable as a row, not yet as an entry. Any thread. */
void ms_store_synced(struct ms_store *store, int64_t number);
void ms_store_made(struct ms_store *store, int64_t number);

/* retire.c: notes that number's directories are to go. */
void ms_store_retire(struct ms_store *store, int64_t number);

/* store_create.c: makes the directories that the transaction has put off: whoever looks at layers
 * inside of a transaction asks for it first. */
int ms_store_make_pending(struct ms_store *store, struct ms_err *err);

/* store_create.c: the mounts of a row. */
int ms_store_row_mounts(struct ms_store *store, const struct ms_row *row,
                        const struct ms_labels *labels, struct ms_mounts *out, struct ms_err *err);

/* store_create.c: finds the parent for a new child of it: not_found, invalid_argument when it is
 * not committed, data_loss when it or an ancestor is damaged. An empty name gives a zeroed row. */
int ms_store_find_parent(struct ms_store *store, const char *ns, const char *parent,
                         struct ms_row *out, struct ms_err *err);

/* store_create.c: who owns the root of a new layer: the host id of the mapped root, else the owner
 * of the layer of the number parent (0: none). Fills in spec. */
int ms_store_choose_owner(const struct ms_store *store, const struct ms_labels *labels,
                          int64_t parent, struct ms_layer_spec *spec, struct ms_err *err);

/* store_read.c: changes labels as a field mask says; an empty one replaces them all. */
int ms_store_apply_mask(struct ms_labels *labels, const struct ms_labels *wanted,
                        const struct ms_fieldmask *mask, struct ms_err *err);

/* store_lease.c, inside a transaction: lease (NULL: none) holds the snapshot key from now on;
 * whoever holds key holds to from now on; nobody holds key from now on. */
int ms_store_lease_hold(struct ms_store *store, const char *ns, const char *lease, const char *key,
                        struct ms_err *err);
int ms_store_lease_move(struct ms_store *store, const char *ns, const char *key, const char *to,
                        struct ms_err *err);
int ms_store_lease_let_go(struct ms_store *store, const char *ns, const char *key,
                          struct ms_err *err);

/* The first of them for a verb that has just failed with already_exists in *err, which it answers
 * again when all goes well; in a transaction of its own. */
int ms_store_lease_hold_existing(struct ms_store *store, const char *ns, const char *lease,
                                 const char *key, struct ms_err *err);

/* Refuses labels of a request whose names or values can be none. */
int ms_store_check_labels(const struct ms_labels *labels, struct ms_err *err);

/* store_commit.c: what the marker of a committed row has to say, and writing it. */
int ms_store_marker(struct ms_store *store, int64_t number, struct ms_marker *out,
                    struct ms_err *err);
int ms_store_mark(struct ms_store *store, int64_t number, struct ms_err *err);

/* store_mount.c: fails with failed_precondition when this store's own record says that number is
 * mounted and it still is, or may be. doing is "remove" or "commit". Forgets dead records when a
 * transaction is open. */
int ms_store_refuse_mounted(struct ms_store *store, int64_t number, const char *doing,
                            struct ms_err *err);

/* store_mount.c: is a recorded mount still there? What cannot be known counts as there. */
int ms_store_mount_alive(struct ms_store *store, const struct ms_mount_row *row, bool *alive,
                         struct ms_err *err);

/* store_mount.c: whether an overlay writes to the layer of number, asked of the kernel. */
int ms_store_ask_kernel(struct ms_store *store, int64_t number, bool *in_use, bool *known,
                        struct ms_err *err);

/* store_mount.c: fails with failed_precondition when an overlay writes to the layer of number, as
 * far as the kernel can tell: for what goes and nobody has asked for it. */
int ms_store_refuse_written(struct ms_store *store, int64_t number, struct ms_err *err);

/* store_lease.c: fails with failed_precondition when a lease that lives holds key; *held tells
 * whether any does, one that has ended as well. */
int ms_store_refuse_leased(struct ms_store *store, const char *ns, const char *key, bool *held,
                           struct ms_err *err);

/* store_pin.c: fails with failed_precondition when number is pinned. */
int ms_store_refuse_pinned(struct ms_store *store, int64_t number, const char *doing,
                           struct ms_err *err);

/* store_mount.c: the row and the mounts that a mount request asks for; refuses a second writer.
 * Inside a transaction. */
int ms_store_find_mounts(struct ms_store *store, const char *ns,
                         const struct ms_mount_request *request, struct ms_row *row,
                         struct ms_mounts *mounts, struct ms_err *err);

/* store_stage.c: the stage's name under new/, and the row it was staged on (zeroed: none). */
const char *ms_stage_name(const struct ms_stage *stage);
const struct ms_row *ms_stage_parent(const struct ms_stage *stage);

/* store_stage.c: its layer has moved to layers/; freeing deletes nothing from here on. */
void ms_stage_published(struct ms_stage *stage);

/* store_stage.c: 1 when nobody holds the entry name of new/, 0 when its maker lives or it has gone.
 * *lock then keeps others away, until it is closed: it is the caller's, -1 for what is no stage. */
int ms_stage_seize(const struct ms_place *place, const char *name, int *lock, struct ms_err *err);

/* store_stage.c: lets the last step make the copy durable, as level says: it is no empty layer, and
 * must not be half there after a power cut. */
void ms_stage_keep(struct ms_stage *stage, int level);

/* cleanup.c: deletes what the snapshot number has left in the trash (0: all that is there); fails
 * only when something is broken, not when an entry has to stay. */
int ms_store_sweep(struct ms_store *store, int64_t number, struct ms_err *err);
