#include "engine/layer/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/err.h"
#include "base/own.h"

#define OVERLAYFS_MAGIC 0x794c7630

/* The kernel splits overlay options at these, and mountinfo readers split lines. */
static int check_path(const char *root, struct ms_err *err) {
    const char *bad = strpbrk(root, ":,\\\n");
    if (bad == NULL)
        return MS_OK;
    return ms_err_set(err, MS_INVALID_ARGUMENT,
                      "open store %.120s: the path has a %s in it, which overlay options cannot "
                      "carry: choose another root",
                      root, *bad == '\n' ? "newline" : (char[4]){'\'', *bad, '\'', '\0'});
}

/* mkdir -p, each part 0755 but the last 0700. */
static int make_root(const char *root, struct ms_err *err) {
    ms_auto_free char *path = strdup(root);
    if (path == NULL)
        return ms_err_memory(err);
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return ms_err_sys(err, errno, "make %.120s", path);
        *at = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return ms_err_sys(err, errno, "make %.120s", path);
    return MS_OK;
}

static int open_root(const char *root, bool create, struct ms_place *place, struct ms_err *err) {
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    place->root_fd = open(root, flags);
    if (place->root_fd < 0 && errno == ENOENT && create) {
        int code = make_root(root, err);
        if (code < 0)
            return code;
        place->root_fd = open(root, flags);
    }
    if (place->root_fd < 0 && errno == ENOENT)
        return ms_err_set(err, MS_NOT_FOUND, "open store %.120s: there is none", root);
    if (place->root_fd < 0)
        return ms_err_sys(err, errno, "open store %.120s", root);
    place->root = realpath(root, NULL);
    if (place->root == NULL)
        return ms_err_sys(err, errno, "open store %.120s", root);
    return check_path(place->root, err);
}

/* What no driver can work on. */
static int check_file_system(const struct ms_place *place, struct ms_err *err) {
    struct statfs fs;
    if (fstatfs(place->root_fd, &fs) < 0)
        return ms_err_sys(err, errno, "look at the file system of %.120s", place->root);
    if ((unsigned long)fs.f_type == OVERLAYFS_MAGIC)
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "open store %.120s: it lies on an overlay, and overlays do not stack: "
                          "choose a root on a disk or tmpfs",
                          place->root);
    return MS_OK;
}

static int open_part(int root_fd, const char *name, bool create, int *fd, struct ms_err *err) {
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    *fd = openat(root_fd, name, flags);
    if (*fd < 0 && errno == ENOENT && create) {
        if (mkdirat(root_fd, name, 0700) < 0 && errno != EEXIST)
            return ms_err_sys(err, errno, "make %s in the store", name);
        *fd = openat(root_fd, name, flags);
    }
    if (*fd < 0)
        return ms_err_sys(err, errno, "open %s in the store", name);
    return MS_OK;
}

/* A directory that holds nothing of a store, a policy file at most. */
static bool is_empty_place(int root_fd) {
    return faccessat(root_fd, "layers", F_OK, 0) < 0 && errno == ENOENT &&
           faccessat(root_fd, "gate", F_OK, 0) < 0 && errno == ENOENT;
}

static int open_parts(struct ms_place *place, bool create, struct ms_err *err) {
    const struct {
        const char *name;
        int *fd;
    } parts[] = {
        {"layers", &place->layers_fd},
        {"work", &place->work_fd},
        {"new", &place->new_fd},
        {"trash", &place->trash_fd},
        {"quarantine", &place->quarantine_fd},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int code = open_part(place->root_fd, parts[i].name, create, parts[i].fd, err);
        if (code < 0)
            return code;
    }
    place->gate_fd =
        openat(place->root_fd, "gate", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (place->gate_fd < 0)
        return ms_err_sys(err, errno, "open the store's gate");
    return MS_OK;
}

int ms_place_open(const char *root, bool create, struct ms_place *out, struct ms_err *err) {
    struct ms_place place = {.root_fd = -1,
                             .layers_fd = -1,
                             .work_fd = -1,
                             .new_fd = -1,
                             .trash_fd = -1,
                             .quarantine_fd = -1,
                             .gate_fd = -1};
    int code = check_path(root, err);
    if (code == MS_OK)
        code = open_root(root, create, &place, err);
    if (code == MS_OK)
        code = check_file_system(&place, err);
    if (code == MS_OK && create && faccessat(place.root_fd, "layers", F_OK, 0) < 0)
        code = ms_dir_has_types(place.root_fd, err);
    if (code == MS_OK && !create && is_empty_place(place.root_fd))
        code = ms_err_set(err, MS_NOT_FOUND, "open store %.120s: there is none", root);
    if (code == MS_OK)
        code = open_parts(&place, create, err);
    if (code < 0) {
        ms_place_close(&place);
        return code;
    }
    *out = place;
    return MS_OK;
}

void ms_place_close(struct ms_place *place) {
    const int fds[] = {place->root_fd,  place->layers_fd,     place->work_fd, place->new_fd,
                       place->trash_fd, place->quarantine_fd, place->gate_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    free(place->root);
    *place = (struct ms_place){.root_fd = -1};
}

char *ms_place_path(const struct ms_place *place, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", place->root, name) < 0 ? NULL : path;
}

char *ms_place_layer(const struct ms_place *place, int64_t number) {
    char *path = NULL;
    return asprintf(&path, "%s/layers/%lld", place->root, (long long)number) < 0 ? NULL : path;
}
