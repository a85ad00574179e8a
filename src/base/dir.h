/* dir.h - one directory: opening it, reading it, questions about it. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

struct ms_err;

/* Opens the directory path, seen from the directory at, with any number of parts and bytes. "" is
 * the directory itself. Follows no link and crosses no mount. Returns the descriptor, or fails:
 * not_found, invalid_argument (a link or no directory on the way), failed_precondition (a mount).
 */
int ms_dir_open_beneath(int at, const char *path, struct ms_err *err);

/* Opens the directory again to read it from its start; fd keeps its position. The caller's to close
 * (ms_auto_closedir); NULL and errno when it cannot be. */
DIR *ms_dir_read(int fd);

/* The next entry but "." and "..", NULL at the end or, with errno changed, on failure. */
const struct dirent *ms_dir_next(DIR *dir);

/* Is something mounted on the open directory? above is the device of the one that holds it, which
 * decides on kernels that do not say (before 5.8). */
bool ms_dir_is_mount(int fd, dev_t above);

/* 1 when the open directory has no entries, 0 when it has some. */
int ms_dir_is_empty(int fd, struct ms_err *err);

/* Succeeds when reading the open directory tells the type of each entry (d_type), which overlay
 * needs. An empty one is asked with a file of its own. Fails: failed_precondition (it does not). */
int ms_dir_has_types(int fd, struct ms_err *err);
