/* remove.h - deletes a tree by steps.
 *
 * Never follows a link and never crosses a mount: a directory on which something is mounted stays,
 * with those above it. Goes on behind whatever cannot be removed; when all else is gone, the first
 * of those entries is the failure, with their number. Directories of our own without rights
 * (overlay's work/work) are opened up first. Memory is bounded by the deepest path.
 *
 * Several processes may delete the same tree: what another was faster with counts as gone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ms_err;
struct ms_remove;

/* Begins with the entry name of the directory at. Fails: not_found. */
int ms_remove_open(int at, const char *name, struct ms_remove **out, struct ms_err *err);

/* Removes up to budget entries: 1 more to do, 0 all gone, or negative when the rest has to stay:
 * failed_precondition (a mount in it), permission_denied, ... */
int ms_remove_step(struct ms_remove *remove, size_t budget, struct ms_err *err);

/* Entries removed so far. */
uint64_t ms_remove_count(const struct ms_remove *remove);

/* What is not removed yet stays. NULL is fine. */
void ms_remove_free(struct ms_remove *remove);
