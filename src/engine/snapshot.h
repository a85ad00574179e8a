/* snapshot.h - what a snapshot is: the words and the plain data that every floor above uses.
 *
 *     active      writable, found by its key; made by prepare
 *     view        read-only, found by its key; made by view
 *     committed   has a name and can be a parent; made by commit
 *
 * Keys and names share one space per namespace. They are 1 to 32,768 bytes of UTF-8 without NUL
 * and never become file names. Times are nanoseconds since 1970, UTC. A struct that owns heap says
 * so and has a clear function, which leaves it zeroed and may be called on a zeroed one.
 *
 * Source: containerd core/snapshots/snapshotter.go.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_err;

#define MS_KEY_MAX 32768    /* bytes in a key or name */
#define MS_LABEL_MAX 262144 /* bytes in a label's name and value together */
#define MS_CHAIN_MAX 500    /* lower layers that the kernel stacks */

/* The numbers are those of containerd's Kind. */
enum ms_snapshot_kind {
    MS_KIND_VIEW = 1,
    MS_KIND_ACTIVE = 2,
    MS_KIND_COMMITTED = 3,
};

/* "active", "view", "committed"; "unknown" for any other number. */
const char *ms_snapshot_kind_name(int kind);

struct ms_label {
    char *name;
    char *value;
};

/* Owns its items. Sorted by name when it comes out of a store; in any order when it goes in. */
struct ms_labels {
    struct ms_label *items;
    size_t count;
};

void ms_labels_clear(struct ms_labels *labels);
#define ms_auto_labels __attribute__((cleanup(ms_labels_clear)))

/* Sets name to value (copies both); replaces an earlier one. Fails: resource_exhausted. */
int ms_labels_set(struct ms_labels *labels, const char *name, const char *value,
                  struct ms_err *err);

/* The same for a name that is known to be new: looks at no other label. */
int ms_labels_append(struct ms_labels *labels, const char *name, const char *value,
                     struct ms_err *err);

/* The same with sizes instead of NULs behind them. */
int ms_labels_append_spans(struct ms_labels *labels, const char *name, size_t name_size,
                           const char *value, size_t value_size, struct ms_err *err);

/* The value of a label, or NULL. Borrowed from labels. */
const char *ms_labels_find(const struct ms_labels *labels, const char *name);

/* One snapshot as stat and walk tell it. Owns its strings. */
struct ms_info {
    int64_t number; /* the row's number and the layer's directory name */
    char *name;     /* key of an active or a view, name of a committed */
    char *parent;   /* name of the parent, "" when there is none */
    int kind;       /* enum ms_snapshot_kind */
    bool damaged;   /* its directory is gone: mounts and children are refused with data_loss */
    int64_t created_ns;
    int64_t updated_ns;
    int64_t used_ns;   /* last mount by us, child made or touch; the creation when never used */
    int64_t use_count; /* how often that happened */
    struct ms_labels labels;
};

void ms_info_clear(struct ms_info *info);
#define ms_auto_info __attribute__((cleanup(ms_info_clear)))

/* What one layer holds: blocks * 512 of every inode in it, its root too, hard links once. */
struct ms_usage {
    int64_t size_bytes;
    int64_t inodes;
};

/* Some snapshots together. */
struct ms_sum {
    int64_t count;
    struct ms_usage usage; /* of their own layers; an active's is not known: 0 */
};

/* Fails with invalid_argument unless bytes may be a key or name; what says which word to use in
 * the text ("key", "name", "parent", "namespace"). */
int ms_key_check(const char *what, const char *bytes, size_t size, struct ms_err *err);

/* Fails with invalid_argument for an empty name, a NUL or bad UTF-8 in either, or more than
 * MS_LABEL_MAX bytes together. */
int ms_label_check(const char *name, size_t name_size, const char *value, size_t value_size,
                   struct ms_err *err);
