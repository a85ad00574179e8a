/* sync.h - bringing things to disk, with errors that say what was not.
 *
 *     ms_sync_fd     one open file or directory
 *     ms_sync_dir    the directory at a path: what was made or renamed in it
 *     ms_sync_fs     everything dirty of the file system on which fd lies
 *
 * What fsync reports once is lost: a failure is never retried.
 */
#pragma once

struct ms_err;

/* what names the file in the text. Fails: resource_exhausted (no space), internal. */
int ms_sync_fd(int fd, const char *what, struct ms_err *err);

/* path is relative to the directory at (AT_FDCWD: the current one). Fails also: not_found. */
int ms_sync_dir(int at, const char *path, struct ms_err *err);

int ms_sync_fs(int fd, const char *what, struct ms_err *err);
