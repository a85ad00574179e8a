#include "engine/layer/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/clock.h"
#include "engine/layer/marker.h"

#define NAME_SIZE 320

static void number_name(char name[NAME_SIZE], int64_t number) {
    (void)snprintf(name, NAME_SIZE, "%lld", (long long)number);
}

/* mkdir with a mode that the umask does not touch; mostly it takes nothing away, and looking is
 * cheaper than changing. */
static int make_directory(int at, const char *name, mode_t mode) {
    struct stat made;
    if (mkdirat(at, name, mode) < 0)
        return -1;
    if (fstatat(at, name, &made, AT_SYMLINK_NOFOLLOW) == 0 && (made.st_mode & 07777) == mode)
        return 0;
    if (fchmodat(at, name, mode, 0) == 0)
        return 0;
    int saved = errno;
    (void)unlinkat(at, name, AT_REMOVEDIR);
    errno = saved;
    return -1;
}

/* Renames to <directory>/<name>.<when>, with a suffix for where it was; a taken name moves on by
 * a nanosecond. What is not there was moved by another process, which is as good. */
static int move_aside(const struct ms_place *place, int from, const char *name, int directory,
                      struct ms_err *err) {
    char target[NAME_SIZE];
    const char *suffix = from == place->work_fd ? ".work" : from == place->new_fd ? ".new" : "";
    int64_t when = ms_clock_now_ns();
    for (int tries = 0; tries < 1000; tries++) {
        (void)snprintf(target, sizeof target, "%.200s.%lld%s", name, (long long)when + tries,
                       suffix);
        if (renameat2(from, name, directory, target, RENAME_NOREPLACE) == 0 || errno == ENOENT)
            return MS_OK;
        if (errno != EEXIST && errno != ENOTEMPTY)
            break;
    }
    return ms_err_sys(err, errno, "move %s aside", name);
}

int ms_layer_quarantine(const struct ms_place *place, int from, const char *name,
                        struct ms_err *err) {
    return move_aside(place, from, name, place->quarantine_fd, err);
}

int ms_layer_discard(const struct ms_place *place, int from, const char *name, struct ms_err *err) {
    return move_aside(place, from, name, place->trash_fd, err);
}

/* Makes one directory of a number; what a crash or a restored backup left there gives way. */
static int make_in_the_way(const struct ms_place *place, int at, int64_t number, mode_t mode,
                           struct ms_err *err) {
    char name[NAME_SIZE];
    number_name(name, number);
    for (int tries = 0; tries < 3; tries++) {
        if (make_directory(at, name, mode) == 0)
            return MS_OK;
        if (errno != EEXIST)
            break;
        if (unlinkat(at, name, AT_REMOVEDIR) == 0)
            continue;
        int code = ms_layer_quarantine(place, at, name, err);
        if (code < 0)
            return code;
    }
    return ms_err_sys(err, errno, "make the directory of layer %s", name);
}

int ms_layer_make(const struct ms_place *place, const struct ms_layer_spec *spec,
                  struct ms_err *err) {
    ms_marker_drop(place->layers_fd, spec->number);
    int code = make_in_the_way(place, place->layers_fd, spec->number, 0755, err);
    if (code < 0)
        return code;
    char name[NAME_SIZE];
    number_name(name, spec->number);
    if (spec->chown && fchownat(place->layers_fd, name, spec->uid, spec->gid, 0) < 0)
        code = ms_err_sys(err, errno, "give layer %s to %u:%u", name, spec->uid, spec->gid);
    if (code == MS_OK && spec->work)
        code = make_in_the_way(place, place->work_fd, spec->number, 0711, err);
    if (code < 0)
        ms_layer_unmake(place, spec->number);
    return code;
}

int ms_layer_clear_way(const struct ms_place *place, int64_t number, struct ms_err *err) {
    char name[NAME_SIZE];
    number_name(name, number);
    if (unlinkat(place->layers_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return MS_OK;
    return ms_layer_quarantine(place, place->layers_fd, name, err);
}

int ms_layer_renew(const struct ms_place *place, const struct ms_layer_spec *spec,
                   struct ms_err *err) {
    struct ms_layer_spec layer = *spec;
    int code = MS_OK;
    layer.work = false;
    if (!ms_layer_exists(place, spec->number))
        code = ms_layer_make(place, &layer, err);
    if (code == MS_OK && spec->work && !ms_work_exists(place, spec->number))
        code = make_in_the_way(place, place->work_fd, spec->number, 0711, err);
    return code;
}

void ms_layer_unmake(const struct ms_place *place, int64_t number) {
    char name[NAME_SIZE];
    number_name(name, number);
    (void)unlinkat(place->work_fd, name, AT_REMOVEDIR);
    (void)unlinkat(place->layers_fd, name, AT_REMOVEDIR);
}

int ms_layer_publish(const struct ms_place *place, const char *stage, int64_t number,
                     struct ms_err *err) {
    char staged[NAME_SIZE];
    char name[NAME_SIZE];
    number_name(name, number);
    ms_marker_drop(place->layers_fd, number);
    (void)snprintf(staged, sizeof staged, "%.200s/layer", stage);
    for (int tries = 0; tries < 3; tries++) {
        if (renameat2(place->new_fd, staged, place->layers_fd, name, RENAME_NOREPLACE) == 0)
            return MS_OK;
        if (errno != EEXIST)
            break;
        if (unlinkat(place->layers_fd, name, AT_REMOVEDIR) == 0)
            continue;
        int code = ms_layer_quarantine(place, place->layers_fd, name, err);
        if (code < 0)
            return code;
    }
    return ms_err_sys(err, errno, "publish layer %s", name);
}

/* What is empty goes at once: that costs less than moving it, and nobody has to come back. */
static int free_or_discard(const struct ms_place *place, int from, const char *name,
                           struct ms_err *err) {
    if (unlinkat(from, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return MS_OK;
    return ms_layer_discard(place, from, name, err);
}

typedef int take_away(const struct ms_place *place, int from, const char *name, struct ms_err *err);

static int take_both(const struct ms_place *place, int64_t number, take_away *take,
                     struct ms_err *err) {
    char name[NAME_SIZE];
    number_name(name, number);
    int code = take(place, place->layers_fd, name, err);
    if (code < 0)
        return code;
    ms_marker_drop(place->layers_fd, number);
    return take(place, place->work_fd, name, err);
}

int ms_layer_trash(const struct ms_place *place, int64_t number, struct ms_err *err) {
    return take_both(place, number, free_or_discard, err);
}

int ms_layer_trash_quickly(const struct ms_place *place, int64_t number, struct ms_err *err) {
    return take_both(place, number, ms_layer_discard, err);
}

int ms_layer_sync(const struct ms_place *place, struct ms_err *err) {
    if (fsync(place->layers_fd) < 0)
        return ms_err_sys(err, errno, "sync layers");
    return MS_OK;
}

static bool is_directory(int at, int64_t number) {
    char name[NAME_SIZE];
    struct stat stat;
    number_name(name, number);
    return fstatat(at, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(stat.st_mode);
}

bool ms_layer_exists(const struct ms_place *place, int64_t number) {
    return is_directory(place->layers_fd, number);
}

bool ms_work_exists(const struct ms_place *place, int64_t number) {
    return is_directory(place->work_fd, number);
}

int ms_layer_owner(const struct ms_place *place, int64_t number, uid_t *uid, gid_t *gid,
                   struct ms_err *err) {
    char name[NAME_SIZE];
    struct stat stat;
    number_name(name, number);
    if (fstatat(place->layers_fd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
        ms_err_sys(err, errno, "look at layer %s", name);
        return err->kind = err->kind == MS_NOT_FOUND ? MS_DATA_LOSS : err->kind;
    }
    *uid = stat.st_uid;
    *gid = stat.st_gid;
    return MS_OK;
}

int ms_layer_open(const struct ms_place *place, int64_t number, int *fd, struct ms_err *err) {
    char name[NAME_SIZE];
    number_name(name, number);
    *fd = openat(place->layers_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0) {
        ms_err_sys(err, errno, "open layer %s", name);
        return err->kind = err->kind == MS_NOT_FOUND ? MS_DATA_LOSS : err->kind;
    }
    return MS_OK;
}

bool ms_layer_number(const char *name, int64_t *number, const char **rest) {
    size_t digits = strspn(name, "0123456789");
    if (digits == 0 || digits > 18 || name[0] == '0')
        return false;
    *number = strtoll(name, NULL, 10);
    *rest = name + digits;
    return true;
}
