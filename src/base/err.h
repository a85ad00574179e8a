/* err.h - the one way to fail.
 *
 * A function that can fail takes `struct ms_err *err` as its last parameter and returns 0 or a
 * negative kind, which it has then also written into *err. On success *err is untouched. An error
 * is a value on the caller's stack: nothing to free, nothing that goes stale.
 *
 * The kinds are gRPC's words; the number of a kind is minus gRPC's code for it:
 *
 *     kind                   a correct program meets it when
 *     canceled               the caller gave up
 *     invalid_argument       a key, label, filter, option or path can never be right
 *     deadline_exceeded      the caller's time is over
 *     not_found              no such key, name, parent, file
 *     already_exists         the key or name is taken
 *     permission_denied      the kernel or a policy says no
 *     resource_exhausted     no space, no quota, over a limit
 *     failed_precondition    right in itself, wrong in this state (has children, is mounted, ...)
 *     aborted                the other side of a race won
 *     unimplemented          this kernel, driver or build cannot do it
 *     internal               a bug, or a disk that fails
 *     unavailable            held by somebody else for too long: try again
 *     data_loss              what a row promises is not on disk
 *
 * Text reads "what we were doing: why not"; ms_err_wrap adds the front part on the way up.
 */
#pragma once

enum ms_kind {
    MS_OK = 0,
    MS_CANCELED = -1,
    MS_INVALID_ARGUMENT = -3,
    MS_DEADLINE_EXCEEDED = -4,
    MS_NOT_FOUND = -5,
    MS_ALREADY_EXISTS = -6,
    MS_PERMISSION_DENIED = -7,
    MS_RESOURCE_EXHAUSTED = -8,
    MS_FAILED_PRECONDITION = -9,
    MS_ABORTED = -10,
    MS_UNIMPLEMENTED = -12,
    MS_INTERNAL = -13,
    MS_UNAVAILABLE = -14,
    MS_DATA_LOSS = -15,
};

/* One failure. kind is one of enum ms_kind, sys the errno behind it or 0, text NUL-terminated. */
struct ms_err {
    int kind;
    int sys;
    char text[240];
};

/* Fills *err with a kind and a formatted text; returns kind. Text that does not fit ends in "...".
 */
int ms_err_set(struct ms_err *err, int kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills *err from the errno value sys: the kind is ms_kind_of_errno(sys), the text the formatted
 * one, a colon and the system's words. Returns the kind. */
int ms_err_sys(struct ms_err *err, int sys, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills *err with resource_exhausted, "out of memory"; returns the kind. */
int ms_err_memory(struct ms_err *err);

/* Puts "formatted: " before the text of an error that passes through; returns its kind. */
int ms_err_wrap(struct ms_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The kind for an errno value: ENOENT not_found, EEXIST already_exists, EACCES/EPERM/EROFS
 * permission_denied, ENOSPC/EDQUOT/ENFILE/EMFILE/ENOMEM resource_exhausted, EBUSY/ENOTEMPTY
 * failed_precondition, ENOSYS/EOPNOTSUPP unimplemented, EINVAL/ENAMETOOLONG/ENOTDIR/ELOOP
 * invalid_argument, EINTR canceled, EAGAIN unavailable, anything else internal. */
int ms_kind_of_errno(int sys);

/* The word for a kind ("not_found"); "internal" for a number that is none. Static storage. */
const char *ms_kind_name(int kind);

/* The kind of a word, or 0 when it names none. */
int ms_kind_of_name(const char *name);
