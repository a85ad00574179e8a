/* ident.h - which process is it, and is it still there.
 *
 * A process number is used again sooner or later. A process is named for good by four things: its
 * number, the pid namespace in which the number counts, the time it started, and the boot.
 *
 * Source: proc(5), /proc/PID/stat field 22; pid_namespaces(7); pidfd_open(2).
 */
#pragma once

#include <stdint.h>

struct ms_err;

struct ms_ident {
    int64_t pid;
    uint64_t started;       /* clock ticks since boot */
    uint64_t pid_namespace; /* inode number of the namespace in which pid counts */
};

enum ms_alive {
    MS_ALIVE_NO,
    MS_ALIVE_YES,
    MS_ALIVE_UNKNOWN, /* another pid namespace, or /proc does not say */
};

/* The kernel's id of this boot, a heap string without newline. The environment variable
 * MOONSNAP_BOOT_ID stands in for it, so that a boot can be played.
 * Fails: internal (no /proc), resource_exhausted. */
int ms_ident_boot_id(char **out, struct ms_err *err);

/* What names the living process pid, seen from here. Fails: not_found (no such process),
 * internal. */
int ms_ident_of(int64_t pid, struct ms_ident *out, struct ms_err *err);

/* Is that process of the boot boot_id still running? A zombie is not. now_boot_id is this boot's.
 */
enum ms_alive ms_ident_alive(const struct ms_ident *ident, const char *boot_id,
                             const char *now_boot_id);

/* A descriptor that is readable once the process pid has ended; the caller's. Whether it is the one
 * that was meant is asked after this (ms_ident_alive). Fails: not_found (no such process, or it
 * counts elsewhere), unimplemented (an older kernel), resource_exhausted. */
int ms_ident_watch(int64_t pid, int *fd, struct ms_err *err);

/* The start time in the text of a /proc/PID/stat and the letter of its state; 0 when the text is
 * none. Pure: a command name may hold blanks and parentheses. */
uint64_t ms_ident_parse_stat(const char *text, char *state);
