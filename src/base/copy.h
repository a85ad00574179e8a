/* copy.h - copies a tree by steps.
 *
 * What a copy keeps: owners, modes, times to the nanosecond, extended attributes (overlay's too),
 * hard links within the tree, symlinks, fifos, devices, holes. Content is shared where the file
 * system can (FICLONE), else copied inside the kernel, else by hand.
 *
 * What this process may not set (an owner that is not mapped, an attribute that needs a privilege)
 * is left as it is and counted; a program whose owner is not kept loses its setuid bits. The source
 * must not change meanwhile (nothing is locked), nor have anything mounted in it:
 * failed_precondition.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ms_err;
struct ms_copy;

/* Begins to copy what is in the directory from into the empty directory to; both are borrowed for
 * the call. The directory itself gets from's owner, mode, times and attributes in the end. */
int ms_copy_open(int from, int to, struct ms_copy **out, struct ms_err *err);

/* Copies up to budget entries: 1 more to do, 0 done. A failure leaves what was copied so far. */
int ms_copy_step(struct ms_copy *copy, size_t budget, struct ms_err *err);

/* Entries and bytes of content copied, and what could not be kept. */
struct ms_copy_count {
    uint64_t entries;
    uint64_t bytes;
    uint64_t owners; /* left to this process's own */
    uint64_t xattrs; /* not set */
};
void ms_copy_count(const struct ms_copy *copy, struct ms_copy_count *out);

void ms_copy_free(struct ms_copy *copy);
