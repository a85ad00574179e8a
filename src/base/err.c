#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int kind;
    const char *name;
} kinds[] = {
    {MS_CANCELED, "canceled"},
    {MS_INVALID_ARGUMENT, "invalid_argument"},
    {MS_DEADLINE_EXCEEDED, "deadline_exceeded"},
    {MS_NOT_FOUND, "not_found"},
    {MS_ALREADY_EXISTS, "already_exists"},
    {MS_PERMISSION_DENIED, "permission_denied"},
    {MS_RESOURCE_EXHAUSTED, "resource_exhausted"},
    {MS_FAILED_PRECONDITION, "failed_precondition"},
    {MS_ABORTED, "aborted"},
    {MS_UNIMPLEMENTED, "unimplemented"},
    {MS_INTERNAL, "internal"},
    {MS_UNAVAILABLE, "unavailable"},
    {MS_DATA_LOSS, "data_loss"},
};

static const struct {
    int sys;
    int kind;
} errnos[] = {
    {ENOENT, MS_NOT_FOUND},
    {EEXIST, MS_ALREADY_EXISTS},
    {EACCES, MS_PERMISSION_DENIED},
    {EPERM, MS_PERMISSION_DENIED},
    {EROFS, MS_PERMISSION_DENIED},
    {ENOSPC, MS_RESOURCE_EXHAUSTED},
    {EDQUOT, MS_RESOURCE_EXHAUSTED},
    {ENFILE, MS_RESOURCE_EXHAUSTED},
    {EMFILE, MS_RESOURCE_EXHAUSTED},
    {ENOMEM, MS_RESOURCE_EXHAUSTED},
    {EBUSY, MS_FAILED_PRECONDITION},
    {ENOTEMPTY, MS_FAILED_PRECONDITION},
    {ENOSYS, MS_UNIMPLEMENTED},
    {EOPNOTSUPP, MS_UNIMPLEMENTED},
    {EINVAL, MS_INVALID_ARGUMENT},
    {ENAMETOOLONG, MS_INVALID_ARGUMENT},
    {ENOTDIR, MS_INVALID_ARGUMENT},
    {ELOOP, MS_INVALID_ARGUMENT},
    {EINTR, MS_CANCELED},
    {EAGAIN, MS_UNAVAILABLE},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Marks a cut: a text of the full length ends in "...". */
static void end_text(char *text, size_t size, int written) {
    if (written < 0)
        text[0] = '\0';
    else if ((size_t)written >= size)
        memcpy(text + size - 4, "...", 4);
}

int ms_err_set(struct ms_err *err, int kind, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int written = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    end_text(err->text, sizeof err->text, written);
    err->kind = kind;
    err->sys = 0;
    return kind;
}

int ms_err_sys(struct ms_err *err, int sys, const char *format, ...) {
    char front[sizeof err->text];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(front, sizeof front, format, args);
    va_end(args);
    end_text(front, sizeof front, written);
    ms_err_set(err, ms_kind_of_errno(sys), "%s: %s", front, strerrordesc_np(sys));
    err->sys = sys;
    return err->kind;
}

int ms_err_memory(struct ms_err *err) {
    return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "out of memory");
}

int ms_err_wrap(struct ms_err *err, const char *format, ...) {
    char front[sizeof err->text];
    char rest[sizeof err->text];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(front, sizeof front, format, args);
    va_end(args);
    end_text(front, sizeof front, written);
    memcpy(rest, err->text, sizeof rest);
    written = snprintf(err->text, sizeof err->text, "%s: %s", front, rest);
    end_text(err->text, sizeof err->text, written);
    return err->kind;
}

int ms_kind_of_errno(int sys) {
    for (size_t i = 0; i < COUNT(errnos); i++)
        if (errnos[i].sys == sys)
            return errnos[i].kind;
    return MS_INTERNAL;
}

const char *ms_kind_name(int kind) {
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "internal";
}

int ms_kind_of_name(const char *name) {
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].kind;
    return MS_OK;
}
