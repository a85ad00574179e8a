#include "archive/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/name.h"
#include "base/err.h"

static bool may_chown(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capget, &header, data) != 0)
        return geteuid() == 0;
    return (data[0].effective & (1U << CAP_CHOWN)) != 0;
}

bool ms_attr_one_owner(void) {
    if (!may_chown())
        return true;
    FILE *map = fopen("/proc/self/uid_map", "re");
    if (map == NULL)
        return false;
    /* Lines of "inside outside count"; one line that ends in 1 is a single id. */
    char line[128] = {0};
    bool first = fgets(line, sizeof line, map) != NULL;
    char more[128];
    bool only = first && fgets(more, sizeof more, map) == NULL;
    (void)fclose(map);
    const char *count = strrchr(line, ' ');
    return only && count != NULL && strcmp(count, " 1\n") == 0;
}

const char *ms_attr_overlay(const char *name) {
    static const char *const prefixes[] = {"trusted.overlay.", "user.overlay."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return NULL;
}

const struct ms_xattr *ms_attr_find_overlay(const struct ms_entry *entry, const char *part) {
    for (size_t i = 0; i < entry->xattrs_count; i++) {
        const char *found = ms_attr_overlay(entry->xattrs[i].name);
        if (found != NULL && strcmp(found, part) == 0)
            return &entry->xattrs[i];
    }
    return NULL;
}

int ms_attr_lose(const struct ms_keeper *keeper, int64_t *counter, struct ms_err *err,
                 const char *format, ...) {
    char words[sizeof keeper->summary->first_note];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    if (keeper->strict)
        return ms_err_set(err, MS_PERMISSION_DENIED, "%s", words);
    *counter += 1;
    if (keeper->summary->first_note[0] == '\0')
        memcpy(keeper->summary->first_note, words, sizeof words);
    return 0;
}

static int change_owner(const struct ms_at *at, uid_t uid, gid_t gid) {
    if (at->fd >= 0)
        return fchown(at->fd, uid, gid);
    return fchownat(at->dir, at->name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

/* The owner stays the caller's: counts it and takes set-id bits of somebody else away. */
static int squash(const struct ms_keeper *keeper, const struct ms_at *at,
                  const struct ms_entry *entry, mode_t *mode, struct ms_err *err) {
    bool other_user = entry->uid != geteuid();
    bool other_group = entry->gid != getegid();
    if (!other_user && !other_group)
        return 0;
    if (other_user)
        *mode &= ~(mode_t)S_ISUID;
    if (other_group && !S_ISDIR(entry->mode))
        *mode &= ~(mode_t)S_ISGID;
    return ms_attr_lose(keeper, &keeper->summary->squashed_owners, err,
                        "entry '%.100s': owner %u:%u became %u:%u: no other ids are to be had here",
                        ms_name_show(at->path), entry->uid, entry->gid, geteuid(), getegid());
}

static int set_owner(const struct ms_keeper *keeper, const struct ms_at *at,
                     const struct ms_entry *entry, mode_t *mode, struct ms_err *err) {
    if (keeper->squash)
        return squash(keeper, at, entry, mode, err);
    if (change_owner(at, entry->uid, entry->gid) == 0)
        return 0;
    if (errno == EPERM || errno == EINVAL)
        return squash(keeper, at, entry, mode, err);
    return ms_err_sys(err, errno, "entry '%.100s': set the owner", ms_name_show(at->path));
}

/* fsetxattr, or by way of /proc for a name: a link or a device cannot be opened for it. */
static int write_xattr(const struct ms_at *at, const struct ms_xattr *xattr) {
    if (at->fd >= 0)
        return fsetxattr(at->fd, xattr->name, xattr->value, xattr->size, 0);
    char path[NAME_MAX + 64];
    int size = snprintf(path, sizeof path, "/proc/self/fd/%d/%s", at->dir, at->name);
    if (size < 0 || (size_t)size >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return lsetxattr(path, xattr->name, xattr->value, xattr->size, 0);
}

static bool is_refusal(int sys) {
    return sys == EPERM || sys == EACCES || sys == EOPNOTSUPP || sys == EINVAL || sys == ENOENT;
}

static int set_xattr(const struct ms_keeper *keeper, const struct ms_at *at,
                     const struct ms_xattr *xattr, struct ms_err *err) {
    const char *overlay = ms_attr_overlay(xattr->name);
    if (overlay != NULL) {
        if (strcmp(overlay, "redirect") != 0 && strcmp(overlay, "metacopy") != 0)
            return 0;
        return ms_attr_lose(keeper, &keeper->summary->skipped_xattrs, err,
                            "entry '%.100s': %s points into other layers and was dropped; import "
                            "the mounted tree instead",
                            ms_name_show(at->path), xattr->name);
    }
    if (write_xattr(at, xattr) == 0)
        return 0;
    int sys = errno;
    if (is_refusal(sys))
        return ms_attr_lose(keeper, &keeper->summary->skipped_xattrs, err,
                            "entry '%.100s': xattr %.60s cannot be kept here: %s",
                            ms_name_show(at->path), xattr->name, strerror(sys));
    return ms_err_sys(err, sys, "entry '%.100s': set xattr %.60s", ms_name_show(at->path),
                      xattr->name);
}

int ms_attr_owner(const struct ms_keeper *keeper, const struct ms_at *at,
                  const struct ms_entry *entry, mode_t *mode, struct ms_err *err) {
    *mode = entry->mode & 07777;
    int rc = set_owner(keeper, at, entry, mode, err);
    for (size_t i = 0; i < entry->xattrs_count && rc == 0; i++)
        rc = set_xattr(keeper, at, &entry->xattrs[i], err);
    return rc;
}
