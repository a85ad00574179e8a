/* meta.h - the rows: every SQL statement of the engine stands behind these functions.
 *
 * A struct ms_meta is one connection with its prepared statements. The functions that write must be
 * called inside a transaction; they check nothing but what the schema does, which is the verbs'
 * job. They know no directories.
 *
 *     meta.c         connection, statements, transactions, settings
 *     meta_row.c     snapshots: find, insert, change, delete
 *     meta_label.c   labels: in their table and in the row
 *     meta_info.c    infos: one, a page of them
 *     meta_walk.c    filters as SQL
 *     meta_event.c   the outbox; meta_cursor.c where its readers are: see meta_event.h
 *     meta_use.c     mounts and owners
 *     meta_lease.c   leases; meta_namespace.c namespaces: see meta_lease.h
 *     meta_pin.c     pins: see pin.h; meta_plan.c stored plans: see meta_plan.h
 *
 * Results that own heap are cleared by their caller.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"
#include "base/text.h"
#include "engine/filter/filter.h"
#include "engine/meta/chain.h"
#include "engine/meta/meta_event.h"
#include "engine/snapshot.h"

struct ms_err;
struct ms_filter;

#define MS_META_STATEMENTS 192

/* The names of parents that were shown last. A parent's name never changes; what a rollback took
 * back is forgotten. */
#define MS_RECALL 64
struct ms_recall {
    int64_t numbers[MS_RECALL];
    struct ms_text names[MS_RECALL]; /* owned */
    bool used;
};
void ms_recall_clear(struct ms_recall *recall);

struct ms_meta {
    sqlite3 *db;
    struct ms_recall recall;
    sqlite3_stmt *statements[MS_META_STATEMENTS]; /* prepared at their first use */
    const char *texts[MS_META_STATEMENTS];        /* literals: where they lie is their name */
};

/* ---- meta.c ----------------------------------------------------------------------------------*/

int ms_meta_open(struct ms_meta *meta, const char *path, bool create, struct ms_err *err);
void ms_meta_close(struct ms_meta *meta);

/* Runs SQL without parameters or rows. doing is the front of the error's text. */
int ms_meta_exec(struct ms_meta *meta, const char *sql, const char *doing, struct ms_err *err);

/* A prepared statement, bound to nothing, from the cache. sql is a string literal: its address is
 * the key. The caller resets the statement: declare it with ms_auto_reset. */
int ms_meta_prepare(struct ms_meta *meta, const char *sql, sqlite3_stmt **out, struct ms_err *err);

static inline void ms_meta_own_reset(sqlite3_stmt **statement) {
    if (*statement != NULL) {
        (void)sqlite3_reset(*statement);
        (void)sqlite3_clear_bindings(*statement);
    }
}
#define ms_auto_reset __attribute__((cleanup(ms_meta_own_reset)))

/* Steps once: 1 for a row, 0 for done, negative kind. */
int ms_meta_step(struct ms_meta *meta, sqlite3_stmt *statement, const char *doing,
                 struct ms_err *err);

/* Runs a cached statement that answers nothing and is bound to nothing; sql is a literal. */
int ms_meta_run(struct ms_meta *meta, const char *sql, const char *doing, struct ms_err *err);

/* Binds text, "" for NULL; borrowed until the statement is reset. */
static inline void ms_meta_bind(sqlite3_stmt *statement, int parameter, const char *text) {
    (void)sqlite3_bind_text(statement, parameter, text != NULL ? text : "", -1, SQLITE_STATIC);
}

/* Column as a heap string ("" for NULL); NULL when there is no memory. */
char *ms_meta_column(sqlite3_stmt *statement, int column);

/* A setting: *out is heap, NULL when it is not set. */
int ms_meta_setting(struct ms_meta *meta, const char *name, char **out, struct ms_err *err);
int ms_meta_set(struct ms_meta *meta, const char *name, const char *value, struct ms_err *err);

/* The highest number ever given to a snapshot, and raising it. */
int ms_meta_sequence(struct ms_meta *meta, int64_t *out, struct ms_err *err);
int ms_meta_raise_sequence(struct ms_meta *meta, int64_t number, struct ms_err *err);

/* ---- meta_row.c ------------------------------------------------------------------------------*/

/* A row without its labels. */
struct ms_row {
    int64_t number;
    int kind;
    int64_t parent; /* 0 for none */
    bool damaged;
    bool any_damaged; /* some row of the store is */
    int64_t updated_ns;
    int64_t used_ns;
    int64_t use_count;
    struct ms_chain chain;
    struct ms_usage usage;
};

void ms_row_clear(struct ms_row *row);
#define ms_auto_row __attribute__((cleanup(ms_row_clear)))

/* Fails: not_found, naming what ("key 'x'"); *out is untouched then. */
int ms_meta_find(struct ms_meta *meta, const char *ns, const char *key, struct ms_row *out,
                 struct ms_err *err);

/* The same, and its labels appended to *labels, which the caller clears. */
int ms_meta_find_labels(struct ms_meta *meta, const char *ns, const char *key, struct ms_row *out,
                        struct ms_labels *labels, struct ms_err *err);

/* The namespace and key of a number; not_found when there is no row. Both heap. */
int ms_meta_name(struct ms_meta *meta, int64_t number, char **ns, char **key, struct ms_err *err);

int ms_meta_exists(struct ms_meta *meta, const char *ns, const char *key, bool *out,
                   struct ms_err *err);

/* A new row; number 0 lets SQLite choose. *number gets it. Fails: already_exists. */
struct ms_new_row {
    const char *ns;
    const char *key;
    int kind;
    int64_t number;
    int64_t parent;
    const struct ms_chain *chain;
    int64_t created_ns;
    struct ms_usage usage;
    const struct ms_labels *labels; /* or NULL; empty values are left out */
    bool leased;                    /* made under a lease: may be removed with one */
};
int ms_meta_insert(struct ms_meta *meta, const struct ms_new_row *row, int64_t *number,
                   struct ms_err *err);

/* Makes the row number a committed one named name. */
int ms_meta_commit(struct ms_meta *meta, int64_t number, const struct ms_new_row *as,
                   struct ms_err *err);
int ms_meta_delete(struct ms_meta *meta, int64_t number, struct ms_err *err);
int ms_meta_has_children(struct ms_meta *meta, int64_t number, bool *out, struct ms_err *err);
int ms_meta_touch(struct ms_meta *meta, int64_t number, int64_t now_ns, struct ms_err *err);
int ms_meta_set_updated(struct ms_meta *meta, int64_t number, int64_t now_ns, struct ms_err *err);
int ms_meta_set_damaged(struct ms_meta *meta, int64_t number, bool damaged, struct ms_err *err);

/* The first damaged one among number and its chain, 0 when none is. */
int ms_meta_damaged(struct ms_meta *meta, int64_t number, const struct ms_chain *chain,
                    int64_t *out, struct ms_err *err);

/* All rows of all namespaces in order of number, without their texts: for sweeps. */
struct ms_row_brief {
    int64_t number;
    int64_t parent;
    int kind;
    bool damaged;
};
struct ms_rows {
    struct ms_row_brief *items; /* owned */
    size_t count;
};
void ms_rows_clear(struct ms_rows *rows);
#define ms_auto_rows __attribute__((cleanup(ms_rows_clear)))
int ms_meta_rows(struct ms_meta *meta, struct ms_rows *out, struct ms_err *err);

/* The kind of the row with that number, 0 when there is none. */
int ms_rows_kind(const struct ms_rows *rows, int64_t number);

/* All namespaces, sorted. */
int ms_meta_namespaces(struct ms_meta *meta, struct ms_names *out, struct ms_err *err);

/* ---- meta_label.c ----------------------------------------------------------------------------*/

/* Replaces all labels of a row; empty values are left out. */
int ms_meta_set_labels(struct ms_meta *meta, int64_t number, const struct ms_labels *labels,
                       struct ms_err *err);

/* Appends the labels of a row to *out, which the caller clears. */
int ms_meta_labels(struct ms_meta *meta, int64_t number, struct ms_labels *out, struct ms_err *err);

/* The table alone: what insert and commit do when they have written the row. */
int ms_meta_add_labels(struct ms_meta *meta, int64_t number, const struct ms_labels *labels,
                       struct ms_err *err);
int ms_meta_drop_labels(struct ms_meta *meta, int64_t number, struct ms_err *err);

/* Does the row say what the table says? And making it so: the table is right, as a process of an
 * earlier version knows it alone. */
int ms_meta_labels_agree(struct ms_meta *meta, int64_t number, bool *out, struct ms_err *err);
int ms_meta_mend_labels(struct ms_meta *meta, int64_t number, struct ms_err *err);

/* ---- meta_info.c -----------------------------------------------------------------------------*/

/* One row of this select is an info. */
#define MS_META_INFO_COLUMNS                                                                       \
    "SELECT s.id, s.key, p.key, s.kind, s.created, s.updated, s.damaged, s.labels, s.used,"        \
    " s.use_count"
#define MS_META_INFO_JOIN " LEFT JOIN snapshots p ON p.id = s.parent"

/* Page: those of the namespace ?1 after the number ?2, ?3 at most. */
#define MS_META_PAGE_SQL                                                                           \
    MS_META_INFO_COLUMNS " FROM snapshots s INDEXED BY snapshots_by_namespace" MS_META_INFO_JOIN   \
                         " WHERE s.namespace = ?1 AND s.id > ?2 ORDER BY s.id LIMIT ?3"

/* Fails: not_found. */
int ms_meta_info(struct ms_meta *meta, const char *ns, const char *key, struct ms_info *out,
                 struct ms_err *err);

/* Some infos, in order of number. */
#define MS_PAGE 100
struct ms_page {
    struct ms_info infos[MS_PAGE]; /* owned, the first count of them */
    size_t count;
};

/* The next page after the number after; count below MS_PAGE means that the end is reached. */
int ms_meta_page(struct ms_meta *meta, const char *ns, int64_t after, struct ms_page *out,
                 struct ms_err *err);

/* What List shows of a row. Spans are SQLite's, until the visit is over. */
struct ms_brief {
    int64_t number;
    struct ms_span name;
    struct ms_span parent;
    int kind;
    int64_t created_ns;
    int64_t updated_ns;
    struct ms_span labels; /* encoded, see labels.h */
};
typedef bool ms_brief_visit(void *context, const struct ms_brief *brief); /* false: enough */

/* Visits the row of a key. Fails: not_found. */
int ms_meta_one(struct ms_meta *meta, const char *ns, const char *key, ms_brief_visit *visit,
                void *context, struct ms_err *err);

/* Visits the rows after the number *after, MS_PAGE at most; *after moves with them. The number of
 * those visited; 0 at the end. */
int ms_meta_each(struct ms_meta *meta, const char *ns, int64_t *after, ms_brief_visit *visit,
                 void *context, struct ms_err *err);

/* Numbers of snapshots, in order. */
struct ms_ids {
    int64_t *items; /* owned */
    size_t count;
    size_t room;
};
void ms_ids_clear(struct ms_ids *ids);
#define ms_auto_ids __attribute__((cleanup(ms_ids_clear)))

/* Adds a number at the end. Fails: resource_exhausted. */
int ms_ids_add(struct ms_ids *ids, int64_t number, struct ms_err *err);

/* The infos of ids[first] and the next MS_PAGE - 1; those that are gone meanwhile are left out. */
int ms_meta_infos(struct ms_meta *meta, const char *ns, const struct ms_ids *ids, size_t first,
                  struct ms_page *out, struct ms_err *err);

/* ---- meta_sum.c ------------------------------------------------------------------------------*/

/* Sums up what of a namespace filter matches; NULL: all. Labels, name, parent and kind by == or
 * presence are looked up in indexes; expressions walk the rows. */
int ms_meta_sum(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                struct ms_sum *out, struct ms_err *err);

/* ---- meta_walk.c -----------------------------------------------------------------------------*/

/* Looks up in indexes what filter can match (a superset, of any namespace: the caller evaluates the
 * filter): 1 and *out; 0 when no index helps and the caller has to read all pages. */
int ms_meta_ids(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                struct ms_ids *out, struct ms_err *err);

/* EXPLAIN QUERY PLAN of the look-up, or of a page where all are read; heap. */
int ms_meta_explain(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                    char **out, struct ms_err *err);

/* ---- meta_use.c ------------------------------------------------------------------------------*/

struct ms_mount_row {
    int64_t rowid;
    int64_t number;
    char *target;
    uint64_t mount_id;
    uint64_t mount_namespace;
    char *boot_id;
    int64_t pid;
    bool readonly;
};
void ms_mount_row_clear(struct ms_mount_row *row);
#define ms_auto_mount_row __attribute__((cleanup(ms_mount_row_clear)))

int ms_meta_add_mount(struct ms_meta *meta, const struct ms_mount_row *row, struct ms_err *err);
int ms_meta_drop_mount(struct ms_meta *meta, int64_t rowid, struct ms_err *err);

/* The first mount row after rowid, of the snapshot number (0: of any): 1, or 0 at the end. */
int ms_meta_next_mount(struct ms_meta *meta, int64_t number, int64_t rowid,
                       struct ms_mount_row *out, struct ms_err *err);

struct ms_owner_row {
    int64_t number;
    int64_t pid;
    uint64_t started;
    uint64_t pid_namespace;
    char *boot_id;
};
void ms_owner_row_clear(struct ms_owner_row *row);
#define ms_auto_owner_row __attribute__((cleanup(ms_owner_row_clear)))

int ms_meta_set_owner(struct ms_meta *meta, const struct ms_owner_row *row, struct ms_err *err);
int ms_meta_drop_owner(struct ms_meta *meta, int64_t number, struct ms_err *err);
int ms_meta_next_owner(struct ms_meta *meta, int64_t after, struct ms_owner_row *out,
                       struct ms_err *err); /* 1, or 0 at the end */
