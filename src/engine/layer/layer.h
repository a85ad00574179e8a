/* layer.h - the directories of a store.
 *
 *     layers/<n>          what snapshot n holds of its own
 *     layers/<n>.row      markers of a committed one (marker.h)
 *     work/<n>            overlay's work directory of an active
 *     new/<random>/layer  staged: filled outside any transaction, locked while its maker lives
 *     trash/<n>.<when>    removed: freed by cleanup
 *     quarantine/...      not ours to delete: content without a row that we cannot explain
 *
 * Names are relative to the directories that a struct ms_place (place.h) holds open. Making
 * directories happens inside the write transaction of their row and is undone before ROLLBACK;
 * moving to trash happens after COMMIT. Renames stay on one file system.
 *
 * fsync of layers/ makes the entries made so far durable; the store's setting "covered" is the
 * highest number that such an fsync included. A work directory needs none: it is made anew.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/layer/place.h"

struct ms_err;

struct ms_layer_spec {
    int64_t number;
    bool work;  /* an active overlay needs a work directory */
    bool chown; /* give the layer to uid and gid */
    uid_t uid;
    gid_t gid;
};

/* Makes layers/<n> (0755) and work/<n> (0711). What lies in the way is litter when rmdir takes it,
 * else it goes to quarantine. On failure nothing stays. */
int ms_layer_make(const struct ms_place *place, const struct ms_layer_spec *spec,
                  struct ms_err *err);

/* For a number that gets no directory: what lies there gives way as it does to make. */
int ms_layer_clear_way(const struct ms_place *place, int64_t number, struct ms_err *err);

/* Makes what is missing of the empty directories of a row that has lost them. */
int ms_layer_renew(const struct ms_place *place, const struct ms_layer_spec *spec,
                   struct ms_err *err);

/* Undoes make: removes the two empty directories. */
void ms_layer_unmake(const struct ms_place *place, int64_t number);

/* Renames new/<stage>/layer to layers/<n>. */
int ms_layer_publish(const struct ms_place *place, const char *stage, int64_t number,
                     struct ms_err *err);

/* Frees layers/<n> and work/<n>, as far as they exist: empty ones at once, others by renaming them
 * to trash. Drops the markers. */
int ms_layer_trash(const struct ms_place *place, int64_t number, struct ms_err *err);

/* The same by renaming alone, which waits for no disk. */
int ms_layer_trash_quickly(const struct ms_place *place, int64_t number, struct ms_err *err);

/* Renames one entry of from (layers, work or new) to quarantine/<name>.<when>, behind which ".work"
 * or ".new" says where it was; fine when it is gone. */
int ms_layer_quarantine(const struct ms_place *place, int from, const char *name,
                        struct ms_err *err);

/* The same to trash. */
int ms_layer_discard(const struct ms_place *place, int from, const char *name, struct ms_err *err);

/* fsyncs layers/. */
int ms_layer_sync(const struct ms_place *place, struct ms_err *err);

bool ms_layer_exists(const struct ms_place *place, int64_t number);
bool ms_work_exists(const struct ms_place *place, int64_t number);

/* The owner of a layer's root. Fails: data_loss when it is gone. */
int ms_layer_owner(const struct ms_place *place, int64_t number, uid_t *uid, gid_t *gid,
                   struct ms_err *err);

/* Opens layers/<n>. Fails: data_loss when it is gone. */
int ms_layer_open(const struct ms_place *place, int64_t number, int *fd, struct ms_err *err);

/* Reads "12", "12.row", "12.row3" as number 12; *rest points behind the digits. False for a name
 * that does not start with a number of 1 to 18 digits without leading zero. */
bool ms_layer_number(const char *name, int64_t *number, const char **rest);
