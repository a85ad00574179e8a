/* place.h - a store's root and the directories in it, held open.
 *
 * Refuses roots that no driver can work on. What lies where stands in layer.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ms_err;

struct ms_place {
    char *root; /* absolute and resolved; owned */
    int root_fd;
    int layers_fd;
    int work_fd;
    int new_fd;
    int trash_fd;
    int quarantine_fd;
    int gate_fd;
};

/* Opens the directories under root, with create makes those that are missing (0700).
 * Fails: not_found, invalid_argument (a file; ':' ',' '\' or a newline in the path),
 * permission_denied, failed_precondition (an overlay; no d_type). */
int ms_place_open(const char *root, bool create, struct ms_place *out, struct ms_err *err);
void ms_place_close(struct ms_place *place);

/* ROOT/<name>, and the path of a layer, ROOT/layers/<n>: heap, NULL when there is no memory. */
char *ms_place_path(const struct ms_place *place, const char *name);
char *ms_place_layer(const struct ms_place *place, int64_t number);
