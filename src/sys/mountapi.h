/* mountapi.h - the kernel's mount calls, with errors that say what the kernel said.
 *
 *     ms_fs_*       build a file system context and make a detached mount of it
 *     ms_mount_*    detached mounts: clone, change, put in place
 *     ms_bind_*     the same with mount(2), for kernels and filters without the new calls
 *
 * A detached mount is a descriptor; closing it unmounts. One that is in place must be closed too,
 * or it stays busy.
 *
 * Source: mount(2), mount_setattr(2); Linux filesystems/mount_api.rst.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ms_err;

/* Does the kernel take overlay layers as descriptors? Found by asking, once a process; mounts
 * nothing. While this process has no right to mount the answer is no and is not kept. */
bool ms_fs_overlay_by_fd(void);

/* Opens a context. Fails: unimplemented (no such file system, no new mount calls),
 * permission_denied. */
int ms_fs_open(const char *type, int *fs, struct ms_err *err);

/* Sets a key to a string, a flag when value is NULL. Fails: unimplemented (the file system does not
 * know key or value). */
int ms_fs_set(int fs, const char *key, const char *value, struct ms_err *err);

/* Sets a key to an open file. Fails as the kernel says. */
int ms_fs_set_fd(int fs, const char *key, int fd, struct ms_err *err);

/* Creates the file system and a detached mount of it with MOUNT_ATTR_* bits. */
int ms_fs_create(int fs, unsigned attributes, int *mount, struct ms_err *err);

/* A detached copy of the mount at path; with everything mounted below when recursive. */
int ms_mount_clone(const char *path, bool recursive, int *mount, struct ms_err *err);

/* Sets MOUNT_ATTR_* bits of a detached mount; with MOUNT_ATTR_IDMAP by the user namespace userns_fd
 * (else -1). */
int ms_mount_change(int mount, uint64_t set, int userns_fd, struct ms_err *err);

/* Puts a detached mount on the directory target. */
int ms_mount_place(int mount, const char *target, struct ms_err *err);

/* The kernel's id of the mount that fd or, when path is not "", path below fd lies on; 0: unknown.
 */
uint64_t ms_mount_id(int fd, const char *path);

/* Binds source on target by mount(2) with MS_* flags; a bind takes those in a second step, and
 * keeps what a user namespace may not drop. On failure nothing stays mounted. */
int ms_bind(const char *source, const char *target, unsigned long flags, struct ms_err *err);

/* Makes the mount at path read-only by mount(2), and keeps its other flags. */
int ms_bind_readonly(const char *path, struct ms_err *err);
