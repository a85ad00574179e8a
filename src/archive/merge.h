/* merge.h - lays an imported tree over a copy of the parent: what an overlay mount would show.
 *
 *     in the imported tree         in the copy
 *     an empty file .wh.NAME       NAME is removed first
 *     an empty file .wh..wh..opq   all of the directory is removed first
 *     a directory                  merges with a directory; takes the new owner, mode, xattrs,
 * times anything else                moves over, replacing what is there
 *
 * So an entry of the import stays whatever hides its name, in whatever order the two came.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "archive/attr.h"

struct ms_err;
struct ms_merge;

struct ms_merge_request {
    int target;            /* the copy of the parent; borrowed until free */
    int from;              /* the imported tree, a directory in target; borrowed until free */
    const char *from_name; /* its name there; borrowed until free */
    bool marks;            /* there are .wh. files in it */
    const struct ms_keeper *keeper; /* borrowed until free */
};

int ms_merge_open(const struct ms_merge_request *request, struct ms_merge **out,
                  struct ms_err *err);

/* 1 more, 0 done (from is gone then), <0. */
int ms_merge_step(struct ms_merge *merge, struct ms_err *err);

void ms_merge_free(struct ms_merge *merge);
