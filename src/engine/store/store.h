/* store.h - the front door of the engine: one root, its snapshots, and every verb on them.
 *
 * A store is a directory with rows in metadata.db and layers beside it. Every verb is whole: it
 * either did all it says, durably, or changed nothing. Verbs that write join the transaction that
 * is open on the store, else they are one of their own:
 *
 *     gate -> BEGIN IMMEDIATE -> row, event, directories -> COMMIT (one fsync) -> trash
 *
 * Several processes may have one root open; a writer waits at the gate (MS_GATE_WAIT_MS at most,
 * then unavailable, naming the holder). A store is used by one thread at a time. A store carried
 * over a fork refuses every call in the child with failed_precondition, and its close there does
 * nothing.
 *
 * Keys are NUL-terminated here; whoever has bytes that may hold a NUL asks ms_key_check first. ns
 * is the namespace: verbs see and change only rows of theirs. Results are the caller's to clear.
 *
 * Errors all verbs share: invalid_argument (a key that can be none), failed_precondition (a fork,
 * a store of the other overlay xattr world), unavailable (gate), resource_exhausted (disk, memory),
 * data_loss (the database is damaged), internal. What else a verb answers stands at the verb.
 *
 * Source: containerd core/snapshots/snapshotter.go (semantics of the ten calls).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"
#include "engine/layer/sealing.h"
#include "engine/mount/mount.h"
#include "engine/snapshot.h"

struct ms_err;
struct ms_filter;
struct ms_store;
struct ms_stage;

#define MS_GATE_WAIT_MS 30000

/* Where and how. Strings are borrowed for the call. */
struct ms_store_options {
    const char *root;   /* directory; made (0700) when missing and create is set */
    const char *driver; /* "overlay" or "native"; NULL: what the store is, overlay for a new one */
    const char *durability;           /* "metadata", "layer", "full"; NULL: "layer" */
    const char *const *mount_options; /* further overlay options, or NULL */
    size_t mount_options_count;
    bool create; /* make a new store when there is none */
    bool look;   /* only read: all verbs that write answer failed_precondition; mends nothing */
};

/* Opens a store and, when the boot has changed since a writer was here, mends what a power cut may
 * have left (directories of active snapshots that never reached the disk).
 * Fails: not_found (no store and create unset), invalid_argument (the root's path has ':', ',', '\'
 * or a newline; is a file; unknown driver or durability), failed_precondition (the root lies on an
 * overlay or without d_type; was written by a newer version; has another driver), permission_denied
 * (read-only or foreign root), data_loss (metadata.db is not a database, is cut, or is gone while
 * layers are there: says how to rebuild). */
int ms_store_open(const struct ms_store_options *options, struct ms_store **out,
                  struct ms_err *err);

/* Closes and frees; NULL is fine. Rolls back what is open. Deletes nothing, unmounts nothing. */
void ms_store_close(struct ms_store *store);

/* Have two open stores the same root? */
bool ms_store_same(const struct ms_store *left, const struct ms_store *right);

/* What the store is. Strings are borrowed from the store. */
struct ms_store_facts {
    const char *root; /* absolute, resolved */
    const char *driver;
    const char *xattrs;     /* "trusted" or "user": the overlay xattrs of this store */
    const char *durability; /* the default of commit */
    bool other_world;       /* made in the other xattr world: look and remove only */
};
void ms_store_facts(const struct ms_store *store, struct ms_store_facts *out);

/* Holds one state of the database for the reads until release, which then cost one lock in all. For
 * stores opened to look, and for moments: never across a wait. Both may be called twice. */
int ms_store_hold(struct ms_store *store, struct ms_err *err);
void ms_store_release(struct ms_store *store);

/* ---- Transactions ----------------------------------------------------------------------------
 *
 * begin opens the transaction, or a savepoint in the one that is open; every begin is ended by one
 * commit or one rollback, innermost first. Rolling back undoes rows and directories. What remove
 * freed goes to trash only after the outermost commit. depth is 0 outside. A commit that fails at
 * the disk has rolled the rows back and deletes nothing. When the disk or the memory fails a verb
 * in the middle, the whole transaction may be rolled back at once: every verb in it, and its
 * commit, then answers aborted. */
int ms_store_begin(struct ms_store *store, struct ms_err *err);

/* The same without waiting for anybody: 1 and no transaction when somebody else writes just now. */
int ms_store_try(struct ms_store *store, struct ms_err *err);

int ms_store_commit_txn(struct ms_store *store, struct ms_err *err);
void ms_store_rollback(struct ms_store *store);
int ms_store_depth(const struct ms_store *store);

/* From now on the outermost commit makes the directories of new layers, all at once and before
 * anything is durable: for whom commits on another thread than it works on. A directory that cannot
 * be made fails the commit. Those of what was removed are left to ms_store_retire_open. */
void ms_store_defer(struct ms_store *store);

/* ---- Making ----------------------------------------------------------------------------------*/

struct ms_create {
    const char *key;
    const char *parent;             /* name of a committed snapshot, "" or NULL for none */
    const struct ms_labels *labels; /* or NULL; empty values are not stored */
    /* When pid is not 0 the snapshot belongs to that process: once it is gone, cleanup removes it.
     */
    int64_t owner_pid;
    int durability;          /* of a copy of the parent; 0: the store's */
    struct ms_stage *filled; /* what ms_store_fill made of the same parent, or NULL: made here */
    /* It becomes one of what this lease holds, or NULL; not_found when there is no such lease. One
     * that existed already does so too, although the answer is already_exists. */
    const char *lease;
};

/* Makes an active (prepare) or a view. mounts may be NULL.
 * Fails: not_found (parent), invalid_argument (parent is no committed snapshot: tested before the
 * key; bad label), already_exists (key, whatever its kind), data_loss (parent is damaged). */
int ms_store_prepare(struct ms_store *store, const char *ns, const struct ms_create *create,
                     struct ms_mounts *mounts, struct ms_err *err);
int ms_store_view(struct ms_store *store, const char *ns, const struct ms_create *create,
                  struct ms_mounts *mounts, struct ms_err *err);

/* What is slow about prepare or view (kind), for whom cannot wait: a stage to be stepped to its
 * end, then given to it as filled; NULL in *out when nothing is slow. Fails: as prepare does. */
int ms_store_fill(struct ms_store *store, const char *ns, const struct ms_create *create, int kind,
                  struct ms_stage **out, struct ms_err *err);

/* The same mounts as prepare or view gave, at any later time. Looking is not using.
 * Fails: not_found, failed_precondition (key is committed), data_loss (it or an ancestor is
 * damaged). */
int ms_store_mounts(struct ms_store *store, const char *ns, const char *key, struct ms_mounts *out,
                    struct ms_err *err);

/* Seals an active: makes its content durable as level says and measures it. Takes no lock and may
 * run on a worker after ms_store_seal_open; the result holds for the layer as it was. */
struct ms_seal;
int ms_store_seal_open(struct ms_store *store, const char *ns, const char *key, int durability,
                       struct ms_seal **out, struct ms_err *err);
int ms_seal_step(struct ms_seal *seal, size_t budget, struct ms_err *err); /* 1 more, 0 done */
void ms_seal_usage(const struct ms_seal *seal, struct ms_usage *out);
void ms_seal_free(struct ms_seal *seal);

struct ms_commit {
    const char *name;
    const char *key;
    const char *parent; /* rebase: a name for an active without parent; else "" or NULL */
    const struct ms_labels *labels; /* the committed one's only labels; NULL for none */
    int durability;                 /* MS_DURABILITY_...; 0: the store's */
    /* A finished seal of key, at durability or above (0: at any); NULL: commit seals by itself. */
    const struct ms_seal *seal;
    const char *lease; /* as in ms_create; what held key holds name from now on, in any case */
};

/* Turns an active into a committed snapshot of another name; created and updated are now.
 * Fails, tested in this order: not_found (key), already_exists (name, even name == key),
 * failed_precondition (key is no active; is mounted by this store; rebase parent is not
 * committed), invalid_argument (another parent than it has), not_found (rebase parent).
 * aborted: the seal is of another layer. invalid_argument: it promises less than durability. */
int ms_store_commit(struct ms_store *store, const char *ns, const struct ms_commit *commit,
                    struct ms_err *err);

/* Removes the row at once; the layer goes to trash. With later unset the trash of this call is
 * freed before it returns (outside a transaction), else cleanup does it.
 * Fails: not_found, failed_precondition (has children: the text says "remove"; is mounted by this
 * store; is pinned). */
int ms_store_remove(struct ms_store *store, const char *ns, const char *key, bool later,
                    struct ms_err *err);

/* For removals in a transaction that failed for want of room: gives the store's reserve to the disk
 * if that is full. True when there was one, and the transaction may be tried again. remove alone
 * does so by itself. */
bool ms_store_spend_reserve(struct ms_store *store);

/* What a snapshot was like when somebody looked at it: its row's own words. */
struct ms_seen {
    int64_t number;
    int64_t updated_ns;
    int64_t used_ns;
    int64_t use_count;
};

/* Removes a snapshot for whom decided so before: only when it is still as it was seen, and nothing
 * is known to use it; the layer waits for cleanup. With look nothing is removed: what would be the
 * answer is. For an active the kernel is asked whether an overlay writes to it, in whatever mount
 * namespace, by creating one that is attached nowhere; it writes a line to its log.
 * Fails: not_found, aborted (it is not as it was: the text says how), failed_precondition (as
 * remove does; a lease that lives holds it; an overlay writes to it). The texts are the reasons
 * alone. */
int ms_store_evict(struct ms_store *store, const char *ns, const char *key,
                   const struct ms_seen *seen, bool look, struct ms_err *err);

/* ---- Looking ---------------------------------------------------------------------------------*/

/* Fails: not_found. */
int ms_store_stat(struct ms_store *store, const char *ns, const char *key, struct ms_info *out,
                  struct ms_err *err);

/* Field mask paths: "labels" or "labels.NAME", NAME being all behind the first dot. Borrowed. */
struct ms_fieldmask {
    const char *const *paths;
    size_t count;
};

/* Changes labels. The mask's paths are applied in order, with the values of info->labels; an empty
 * mask replaces the whole map. updated moves always. out may be NULL.
 * Fails: not_found (before a bad path), invalid_argument (any other path; nothing applied). */
int ms_store_update(struct ms_store *store, const char *ns, const struct ms_info *info,
                    const struct ms_fieldmask *mask, struct ms_info *out, struct ms_err *err);

/* A walk over all infos that a filter (NULL: all) matches, in order of number, in pages; no read
 * transaction and no lock is held between two calls of next. next: 1 and *out, 0 at the end.
 * The walk borrows store, which must outlive it; filter is borrowed too. */
struct ms_walk;
int ms_store_walk(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                  struct ms_walk **out, struct ms_err *err);
int ms_walk_next(struct ms_walk *walk, struct ms_info *out, struct ms_err *err);
void ms_walk_free(struct ms_walk *walk);

/* The query plan of a walk as SQLite explains it, a line a step. *out is a heap string. */
int ms_store_explain(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                     char **out, struct ms_err *err);

/* Usage of one layer: of a committed what was recorded, of a view what it has of its own, of an
 * active measured now by steps (usage of the result is filled when step has answered 0).
 * Fails: not_found, data_loss (damaged). */
struct ms_measure;
int ms_store_usage_open(struct ms_store *store, const char *ns, const char *key,
                        struct ms_measure **out, struct ms_err *err);
int ms_measure_step(struct ms_measure *measure, size_t budget, struct ms_err *err);
void ms_measure_usage(const struct ms_measure *measure, struct ms_usage *out);
void ms_measure_free(struct ms_measure *measure);

/* Counts a use: used_at and use_count move, updated does not. Fails: not_found. */
int ms_store_touch(struct ms_store *store, const char *ns, const char *key, struct ms_err *err);

/* The numbers of a snapshot's own layer and its ancestors, nearest first, and their directories.
 * layers[0] is the snapshot's own (a view with a parent has none of its own and starts with the
 * parent's). Paths are absolute. Fails: not_found, data_loss. */
struct ms_layers {
    char **paths;
    size_t count;
    bool own; /* paths[0] is the snapshot's own layer */
};
void ms_layers_clear(struct ms_layers *layers);
int ms_store_layers(struct ms_store *store, const char *ns, const char *key, struct ms_layers *out,
                    struct ms_err *err);

/* What key's own layer changed of its parent, read from the layer itself (native: by comparing with
 * the parent's tree); with other (or NULL), what differs from the snapshot other to key. See
 * diff.h. Fails: not_found, data_loss. */
struct ms_diff;
int ms_store_diff(struct ms_store *store, const char *ns, const char *key, const char *other,
                  struct ms_diff **out, struct ms_err *err);

/* Namespaces that have a row, sorted. */
int ms_store_namespaces(struct ms_store *store, struct ms_names *out, struct ms_err *err);

/* ---- Mounting --------------------------------------------------------------------------------*/

struct ms_mount_request {
    const char *key;
    const char *target; /* existing directory */
    bool readonly;      /* an active mounted for looking only */
};

/* Looks up, mounts and records in one call; counts as a use.
 * Fails as mounts and ms_attach do, and failed_precondition when an active is mounted writable
 * already, here or in any other mount namespace. */
int ms_store_mount(struct ms_store *store, const char *ns, const struct ms_mount_request *request,
                   struct ms_err *err);

/* Unmounts a target that this store mounted and forgets it. Fails: not_found (no such record and
 * nothing of this store is there), failed_precondition (busy). */
int ms_store_unmount(struct ms_store *store, const char *target, bool lazy, struct ms_err *err);

/* What this store's mount and run recorded and that still is mounted (or may be: unknown counts).
 */
struct ms_mounted {
    char *ns;
    char *key;
    char *target;
    int64_t pid; /* who mounted it */
    bool here;   /* in this process's mount namespace */
    bool readonly;
};
struct ms_mounted_list {
    struct ms_mounted *items;
    size_t count;
};
void ms_mounted_list_clear(struct ms_mounted_list *list);
int ms_store_mounted(struct ms_store *store, struct ms_mounted_list *out, struct ms_err *err);

/* ---- Importing -------------------------------------------------------------------------------*/

/* A staged layer under ROOT/new, locked while its maker lives. For native with a parent it starts
 * as a copy of the parent, made by steps. Freeing an unpublished stage deletes what is in it. */
int ms_store_stage(struct ms_store *store, const char *ns, const char *parent,
                   struct ms_stage **out, struct ms_err *err);
int ms_stage_step(struct ms_stage *stage, size_t budget, struct ms_err *err); /* 1 more, 0 done */
int ms_stage_fd(const struct ms_stage *stage); /* the layer's directory; borrowed */
void ms_stage_free(struct ms_stage *stage);

/* Makes the staged content durable, as level says (0: the store's), and measures it; nothing where
 * it is already. Adopting does it too: this is for those who adopt inside a transaction. */
int ms_stage_seal(struct ms_stage *stage, int level, struct ms_err *err);

/* Publishes a stage as a committed snapshot: sealed at durability, renamed to its number inside the
 * transaction. parent must be the one that it was staged with. Fails as commit does, with aborted
 * when the parent was replaced meanwhile, and with failed_precondition when the stage was published
 * already. */
int ms_store_adopt(struct ms_store *store, const char *ns, struct ms_stage *stage,
                   const struct ms_commit *commit, struct ms_err *err);

/* ---- Housekeeping ----------------------------------------------------------------------------*/

struct ms_cleaned {
    int64_t orphans;   /* directories without a row: now trash */
    int64_t abandoned; /* snapshots whose owner process is gone: removed */
    int64_t quarantined;
    int64_t stages;  /* new/ directories whose maker is gone */
    int64_t entries; /* files and directories deleted */
    int64_t kept;    /* could not be moved or deleted (a mount inside): stays for the next */
};

/* Housekeeping under way: compares and renames under the write lock (compare), deletes after it
 * (step). */
struct ms_cleanup;

/* Opens one that deletes what the snapshot number has left in the trash (0: all that is there). */
int ms_store_sweep_open(struct ms_store *store, int64_t number, struct ms_cleanup **out,
                        struct ms_err *err);

/* The comparing half, for one opened with the number 0: rows against directories, and snapshots of
 * dead owners go. It uses the store's database and waits for the disk; steps and what follows use
 * neither. */
int ms_cleanup_compare(struct ms_cleanup *cleanup, struct ms_err *err);

/* The next snapshot beyond the number *after whose owner process is gone, of any namespace: 1, its
 * number in *after, its names the caller's to free; or 0. For who wants to be asked before such
 * ones are removed: cleanup is then told to spare them, before it compares. */
int ms_store_next_abandoned(struct ms_store *store, int64_t *after, char **ns, char **key,
                            struct ms_err *err);
void ms_cleanup_spare(struct ms_cleanup *cleanup);

int ms_cleanup_step(struct ms_cleanup *cleanup, size_t budget, struct ms_err *err);
void ms_cleanup_result(const struct ms_cleanup *cleanup, struct ms_cleaned *out);
void ms_cleanup_free(struct ms_cleanup *cleanup);

/* Makes entries of layers/ durable ahead of the commits that need it, which then wait for one sync
 * instead of two: for a worker, some time after something was made. open may be called while
 * another thread uses the store, and answers NULL in *out when all is on disk. A step is one fsync;
 * it touches no database. */
struct ms_cover;
int ms_store_cover_open(struct ms_store *store, struct ms_cover **out, struct ms_err *err);
int ms_cover_step(struct ms_cover *cover, struct ms_err *err); /* 0 done */
void ms_cover_free(struct ms_cover *cover);

/* For stores that defer: what has been removed leaves layers/ and work/ behind the commit, by this
 * work. open may be called while another thread uses the store; *out is NULL when there is nothing.
 * Freeing gives back what is left. It touches no database. */
struct ms_retire;
int ms_store_retire_open(struct ms_store *store, struct ms_retire **out, struct ms_err *err);
int ms_retire_step(struct ms_retire *retire, size_t budget); /* directories; 1 more, 0 done */
void ms_retire_free(struct ms_retire *retire);

/* One thing that rows and directories do not agree on, and what repair does about it. */
struct ms_finding {
    char *what;   /* "missing layer", "orphan", "missing work", "stale marker", "database", ... */
    char *where;  /* path below the root, or the row's "namespace key" */
    char *repair; /* what --repair does (or did) */
    bool repaired;
    bool serious; /* content is lost or unreachable; the rest is litter */
};
struct ms_findings {
    struct ms_finding *items;
    size_t count;
};
void ms_findings_clear(struct ms_findings *findings);

/* Compares rows and directories both ways (and SQLite's own integrity check), and with repair mends
 * it: litter to trash or quarantine, missing work directories made anew, rows whose content is gone
 * removed when nothing needs them (else marked damaged). Takes the write lock even for looking.
 * Fails: failed_precondition (repair in a transaction: directories cannot be rolled back). */
int ms_store_check(struct ms_store *store, bool repair, struct ms_findings *out,
                   struct ms_err *err);

/* Makes a new metadata.db from the markers beside the layers when it is gone or no database: the
 * old file is kept beside it. *rebuilt gets the number of committed snapshots found. Needs no open
 * store; refuses with failed_precondition when the database is fine, with unavailable while another
 * process rebuilds. A failure leaves the root as it was. */
int ms_store_rebuild(const char *root, int64_t *rebuilt, struct ms_err *err);
