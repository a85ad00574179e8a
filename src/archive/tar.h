/* tar.h - a tar stream as a source of entries.
 *
 * Reads ustar, pax and GNU tar, plain or under gzip, bzip2, xz, lzma, lzip, zstd, lz4 or compress,
 * all inside the process: no helper program is started for a stream's sake. Names are bytes, ids
 * are the numbers of the archive; user names are not looked up. ACLs of pax headers become the
 * xattrs that the kernel keeps them in.
 *
 * A stream without its end mark counts as cut: it could have been cut exactly between two entries.
 */
#pragma once

#include "archive/entry.h"

struct ms_err;

/* Begins to read fd (taken over, also on failure), of size bytes or -1.
 * Fails: resource_exhausted, internal. The format is looked at by the first next. */
int ms_tar_open(int fd, int64_t size, struct ms_source *out, struct ms_err *err);
