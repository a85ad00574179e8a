/* xattrs.h - compares the extended attributes of two entries. */
#pragma once

struct ms_err;

/* 1 when they differ, 0 when not; overlay's own (whiteouts, opaque marks, origins) do not count,
 * nor what this process may not read. Links are not followed. Both paths are for system calls. */
int ms_xattrs_differ(const char *left, const char *right, struct ms_err *err);
