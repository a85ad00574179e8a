/* userns.h - user and mount namespaces: what this process may do, and entering new ones.
 *
 * Entering changes the calling process for good; it must have one thread. A user namespace made
 * here maps one user and one group, the caller's, to 0. In a new mount namespace nothing that is
 * mounted reaches the outside, and all of it is gone with the last process.
 *
 * Source: user_namespaces(7), mount_namespaces(7).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ms_err;

/* Is this the machine's first user namespace? True also when /proc does not say. */
bool ms_userns_initial(void);

/* May this process mount, as it is now? True needs CAP_SYS_ADMIN here and a kernel (and filter)
 * that gives a forked child a mount namespace. */
bool ms_can_mount(void);

/* Could the process pid (a name in /proc) of this user have mounted? False only when this process
 * is in a user namespace that an ordinary user made, and that one is outside of any such. */
bool ms_userns_may_mount(const char *pid);

/* Enters a new user and mount namespace. Tried in a forked child first: a failure leaves the caller
 * as it was. Fails: permission_denied (user namespaces are not allowed here), unimplemented (the
 * kernel has none), failed_precondition (more than one thread), resource_exhausted (too many). */
int ms_userns_enter(struct ms_err *err);

/* Enters a new mount namespace. Fails: permission_denied, unimplemented (the root is no mount
 * point, as in a chroot). */
int ms_mountns_enter(struct ms_err *err);

/* Opens a user namespace with these mappings ("CONTAINER:HOST:SIZE[,...]" each), for idmapped
 * mounts. *fd is the caller's. Fails: permission_denied, invalid_argument. */
int ms_userns_open(const char *uidmap, const char *gidmap, int *fd, struct ms_err *err);

/* A number for the mount namespace of the process pid (0: this one), which also says in which pid
 * namespace this process lives: who looks from there sees the processes that are in it. Fits a
 * signed 64-bit integer; 0 when /proc does not say. */
uint64_t ms_mountns_number(pid_t pid);

/* The inode number of the mount namespace in such a number, and that of the pid namespace as
 * ms_pidns_short gives it for this process. */
uint64_t ms_mountns_inode(uint64_t number);
uint64_t ms_mountns_pidns(uint64_t number);
uint64_t ms_pidns_short(void);
