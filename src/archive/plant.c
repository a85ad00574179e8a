#include "archive/plant.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "archive/drop.h"
#include "archive/sink.h"
#include "base/err.h"
#include "base/own.h"

static const char *base_of(const struct ms_name *name) { return name->path.bytes + name->base; }

static size_t above_of(const struct ms_name *name) { return name->base > 0 ? name->base - 1 : 0; }

int ms_plant_whiteout(struct ms_sink *sink, struct ms_err *err) {
    int rc = ms_hide_name(&sink->hider, ms_trail_fd(&sink->trail), base_of(&sink->name), err);
    if (rc < 0)
        return ms_err_wrap(err, "entry '%.100s'", sink->name.path.bytes);
    sink->keeper.summary->whiteouts += 1;
    return 0;
}

/* Opens the directory that the link's target is to be in; -1 when there is none. */
static int open_above(int root, const struct ms_name *target) {
    return ms_trail_find(root, target->path.bytes, above_of(target));
}

/* True when the target is or was a whiteout: a tar of an overlay layer holds them as hard links. */
static bool is_hidden(const struct ms_sink *sink, int dir) {
    const char *base = base_of(&sink->target);
    return dir >= 0 &&
           (ms_hide_is_mark(&sink->hider, dir, base) || ms_hide_is_noted(&sink->hider, dir, base));
}

/* Closes *dir unless the target is in it; *st gets the target. */
static bool is_there(int *dir, const struct ms_name *target, struct stat *st) {
    if (*dir >= 0 && fstatat(*dir, base_of(target), st, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    ms_own_close(dir);
    *dir = -1;
    return false;
}

static int refuse_target(const struct ms_sink *sink, const struct ms_entry *entry, const char *why,
                         struct ms_err *err) {
    return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.90s': hard link to '%.90s', %s",
                      sink->name.path.bytes, entry->link, why);
}

/* Nothing of the target's name is there: it was a device that was skipped, a whiteout's note, or
 * the source is wrong. */
static int plant_nothing(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    struct ms_import_summary *summary = sink->keeper.summary;
    if (summary->skipped_devices > 0)
        return ms_attr_lose(&sink->keeper, &summary->skipped_devices, err,
                            "entry '%.90s': hard link to '%.90s', which was skipped",
                            sink->name.path.bytes, entry->link);
    return refuse_target(sink, entry, "which is not in this tree", err);
}

static int link_to(struct ms_sink *sink, const struct ms_entry *entry, int from,
                   const struct stat *target, struct ms_err *err) {
    int dir = ms_trail_fd(&sink->trail);
    const char *base = base_of(&sink->name);
    struct stat st;
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (st.st_dev == target->st_dev && st.st_ino == target->st_ino)
            return 0;
        int rc = ms_drop(dir, base, sink->name.path.bytes, err);
        if (rc < 0)
            return rc;
    }
    if (linkat(from, base_of(&sink->target), dir, base, 0) == 0)
        return 0;
    if (errno == EMLINK)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED,
                          "entry '%.90s': hard link to '%.90s': this file system allows no more",
                          sink->name.path.bytes, entry->link);
    return ms_err_sys(err, errno, "entry '%.90s': hard link to '%.90s'", sink->name.path.bytes,
                      entry->link);
}

int ms_plant_hard_link(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    int rc = ms_name_parse_target(entry->link, &sink->target, err);
    if (rc < 0)
        return ms_err_wrap(err, "entry '%.90s': hard link", sink->name.path.bytes);
    struct stat st;
    ms_auto_close int from = open_above(sink->trail.stands[0].fd, &sink->target);
    if (is_hidden(sink, from))
        return ms_plant_whiteout(sink, err);
    if (!is_there(&from, &sink->target, &st) && sink->below >= 0) {
        from = open_above(sink->below, &sink->target);
        (void)is_there(&from, &sink->target, &st);
    }
    if (from < 0)
        return plant_nothing(sink, entry, err);
    if (S_ISDIR(st.st_mode))
        return refuse_target(sink, entry, "which is a directory", err);
    return link_to(sink, entry, from, &st, err);
}

static bool may_be_refused(const struct ms_entry *entry) {
    return S_ISCHR(entry->mode) || S_ISBLK(entry->mode);
}

static int make(const struct ms_entry *entry, int dir, const char *base) {
    if (S_ISLNK(entry->mode))
        return symlinkat(entry->link, dir, base);
    dev_t device = may_be_refused(entry) ? entry->device : 0;
    return mknodat(dir, base, (entry->mode & S_IFMT) | 0600, device);
}

/* Owner, xattrs, mode and times of a name that cannot be opened. */
static int dress(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    struct ms_at at = {.fd = -1,
                       .dir = ms_trail_fd(&sink->trail),
                       .name = base_of(&sink->name),
                       .path = sink->name.path.bytes};
    mode_t mode = 0;
    int rc = ms_attr_owner(&sink->keeper, &at, entry, &mode, err);
    if (rc < 0)
        return rc;
    if (!S_ISLNK(entry->mode) && fchmodat(at.dir, at.name, mode, 0) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': set its mode", at.path);
    if (utimensat(at.dir, at.name, entry->times, AT_SYMLINK_NOFOLLOW) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': set its times", at.path);
    return 0;
}

int ms_plant_other(struct ms_sink *sink, const struct ms_entry *entry, struct ms_err *err) {
    int dir = ms_trail_fd(&sink->trail);
    const char *base = base_of(&sink->name);
    const char *path = sink->name.path.bytes;
    bool known = S_ISLNK(entry->mode) || S_ISFIFO(entry->mode) || S_ISSOCK(entry->mode);
    if (!known && !may_be_refused(entry))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.100s': it has no type", path);
    if (S_ISLNK(entry->mode) && (entry->link == NULL || entry->link[0] == '\0'))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.100s': a link to nothing", path);
    int rc = make(entry, dir, base);
    if (rc != 0 && errno == EEXIST) {
        rc = ms_drop(dir, base, path, err);
        if (rc < 0)
            return rc;
        rc = make(entry, dir, base);
    }
    if (rc == 0)
        return dress(sink, entry, err);
    if (errno == EPERM && may_be_refused(entry))
        return ms_attr_lose(&sink->keeper, &sink->keeper.summary->skipped_devices, err,
                            "entry '%.100s': device %u:%u cannot be made here", path,
                            major(entry->device), minor(entry->device));
    return ms_err_sys(err, errno, "entry '%.100s'", path);
}
