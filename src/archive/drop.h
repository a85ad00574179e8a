/* drop.h - takes what is in the way out of a tree under construction, at once and to the bottom.
 *
 * Never follows a link. path is for messages.
 */
#pragma once

struct ms_err;

/* Removes dir/name, whatever it is; fine when it is not there.
 * Fails: failed_precondition (something is mounted in it), permission_denied, internal. */
int ms_drop(int dir, const char *name, const char *path, struct ms_err *err);

/* Removes all that is in the directory fd but an entry named except (or NULL). */
int ms_drop_content(int fd, const char *except, const char *path, struct ms_err *err);
