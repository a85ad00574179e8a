#include "sys/child_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "sys/mountapi.h"

/* Finds path as a process would whose root is root_fd: no link leads outside. */
static int open_in_root(int root_fd, const char *path, int flags) {
    struct open_how how = {
        .flags = (uint64_t)(flags | O_PATH | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
}

/* A path that leads to an open file, for calls that want one. */
struct fd_path {
    char text[40];
};

static struct fd_path path_of(int fd) {
    struct fd_path path;
    (void)snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
    return path;
}

/* ---- Binds -----------------------------------------------------------------------------------*/

/* Makes one missing part of a bind's target in the directory at. */
static int make_part(int at, const char *name, bool directory) {
    if (directory)
        return mkdirat(at, name, 0755);
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : close(fd);
}

/* Opens target, making what is missing on the way; its last part is a directory or a file. */
static int open_target(int root_fd, const char *target, bool directory) {
    ms_auto_free char *path = strdup(target);
    ms_auto_close int at = dup(root_fd);
    if (path == NULL || at < 0)
        return -1;
    for (char *slash = path; slash != NULL;) {
        char *name = slash + strspn(slash, "/");
        if (*name == '\0')
            break;
        slash = strchr(name, '/');
        bool last = slash == NULL || slash[strspn(slash, "/")] == '\0';
        if (slash != NULL)
            *slash = '\0';
        int next = open_in_root(root_fd, path, 0);
        if (next < 0 && errno == ENOENT && make_part(at, name, directory || !last) == 0)
            next = open_in_root(root_fd, path, 0);
        if (next < 0)
            return -1;
        (void)close(at);
        at = next;
        if (slash != NULL)
            *slash = '/';
    }
    return ms_take_fd(&at);
}

static int bind_one(int root_fd, const struct ms_child_bind *bind, struct ms_err *err) {
    struct stat source;
    if (stat(bind->source, &source) < 0)
        return ms_err_sys(err, errno, "bind %.100s", bind->source);
    ms_auto_close int target = open_target(root_fd, bind->target, S_ISDIR(source.st_mode));
    if (target < 0)
        return ms_err_sys(err, errno, "bind %.80s: find %.80s in the root", bind->source,
                          bind->target);
    if (ms_bind(bind->source, path_of(target).text, MS_REC, err) < 0)
        return ms_err_sys(err, err->sys, "bind %.80s on %.80s", bind->source, bind->target);
    if (!bind->readonly)
        return MS_OK;
    ms_auto_close int top = open_in_root(root_fd, bind->target, 0);
    if (top < 0)
        return ms_err_sys(err, errno, "find the bind on %.100s", bind->target);
    if (ms_bind_readonly(path_of(top).text, err) < 0)
        return ms_err_sys(err, err->sys, "make the bind on %.100s read-only", bind->target);
    return MS_OK;
}

/* ---- /proc and /dev --------------------------------------------------------------------------*/

static int mount_proc(int root_fd, struct ms_err *err) {
    ms_auto_close int target = open_in_root(root_fd, "/proc", O_DIRECTORY);
    if (target < 0)
        return MS_OK;
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount("proc", path_of(target).text, "proc", flags, NULL) == 0)
        return MS_OK;
    return ms_bind("/proc", path_of(target).text, MS_REC, err);
}

/* The host's device name, where it has one, below the new /dev. */
static int show_device(int dev_fd, const char *name, struct ms_err *err) {
    char host[32];
    (void)snprintf(host, sizeof host, "/dev/%s", name);
    if (access(host, F_OK) < 0)
        return MS_OK;
    if (make_part(dev_fd, name, false) < 0)
        return ms_err_sys(err, errno, "make %s", host);
    ms_auto_close int target = openat(dev_fd, name, O_PATH | O_CLOEXEC);
    if (target < 0)
        return ms_err_sys(err, errno, "open %s", host);
    return ms_bind(host, path_of(target).text, 0, err);
}

/* The terminal that the command inherits, which lies in the host's /dev/pts, as /dev/console: so
 * ttyname finds it. */
static void show_terminal(int dev_fd) {
    struct ms_err ignored;
    char host[64];
    ssize_t size = readlink(path_of(STDOUT_FILENO).text, host, sizeof host - 1);
    if (size <= 0 || !isatty(STDOUT_FILENO) || make_part(dev_fd, "console", false) < 0)
        return;
    host[size] = '\0';
    ms_auto_close int target = openat(dev_fd, "console", O_PATH | O_CLOEXEC);
    if (target >= 0)
        (void)ms_bind(host, path_of(target).text, 0, &ignored);
}

/* A directory of /dev with a file system of its own; commands without it still run. */
static void mount_below_dev(int dev_fd, const char *name, const char *type, const char *data) {
    if (mkdirat(dev_fd, name, 0755) < 0)
        return;
    ms_auto_close int target = openat(dev_fd, name, O_PATH | O_CLOEXEC);
    if (target >= 0)
        (void)mount(type, path_of(target).text, type, MS_NOSUID | MS_NOEXEC, data);
}

static void link_streams(int dev_fd) {
    static const struct {
        const char *to;
        const char *name;
    } links[] = {
        {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
        {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        (void)symlinkat(links[i].to, dev_fd, links[i].name);
}

static int mount_dev(int root_fd, struct ms_err *err) {
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
    ms_auto_close int target = open_in_root(root_fd, "/dev", O_DIRECTORY);
    if (target < 0)
        return MS_OK;
    if (mount("tmpfs", path_of(target).text, "tmpfs", MS_NOSUID, "mode=0755,size=1m") < 0)
        return ms_err_sys(err, errno, "mount /dev");
    ms_auto_close int dev = open_in_root(root_fd, "/dev", O_DIRECTORY);
    if (dev < 0)
        return ms_err_sys(err, errno, "open /dev");
    int code = MS_OK;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0] && code == MS_OK; i++)
        code = show_device(dev, devices[i], err);
    mount_below_dev(dev, "pts", "devpts", "newinstance,ptmxmode=0666,mode=0620");
    mount_below_dev(dev, "shm", "tmpfs", "mode=1777");
    show_terminal(dev);
    link_streams(dev);
    return code;
}

/* ---- The root --------------------------------------------------------------------------------*/

/* Makes the current directory, a mount point, the root. What cannot pivot (the first root of a
 * boot) is covered instead. */
static int become_root(struct ms_err *err) {
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        if (umount2(".", MNT_DETACH) < 0)
            return ms_err_sys(err, errno, "let go of the old root");
    } else {
        (void)mount(".", "/", NULL, MS_MOVE, NULL);
        if (chroot(".") < 0)
            return ms_err_sys(err, errno, "change the root");
    }
    return chdir("/") < 0 ? ms_err_sys(err, errno, "go to the new root") : MS_OK;
}

static int furnish(const struct ms_child_spec *spec, struct ms_err *err) {
    const char *root = spec->root != NULL ? spec->root : "/";
    ms_auto_close int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int code = MS_OK;
    if (root_fd < 0)
        return ms_err_sys(err, errno, "open the root %.100s", root);
    if (spec->want_proc)
        code = mount_proc(root_fd, err);
    if (code == MS_OK && spec->want_dev)
        code = mount_dev(root_fd, err);
    for (size_t i = 0; i < spec->binds_count && code == MS_OK; i++)
        code = bind_one(root_fd, &spec->binds[i], err);
    return code;
}

int ms_child_scene_make(const struct ms_child_spec *spec, uint64_t *mount_id, struct ms_err *err) {
    const char *mounted = spec->mounted != NULL ? spec->mounted : spec->root;
    int code = MS_OK;
    if (spec->prepare != NULL)
        code = spec->prepare(spec->prepare_argument, err);
    else if (spec->root != NULL)
        code = ms_bind(spec->root, spec->root, MS_REC, err);
    if (code < 0)
        return code;
    *mount_id = mounted != NULL ? ms_mount_id(AT_FDCWD, mounted) : 0;
    code = furnish(spec, err);
    if (code < 0 || spec->root == NULL)
        return code;
    if (chdir(spec->root) < 0)
        return ms_err_sys(err, errno, "go to the root %.100s", spec->root);
    return become_root(err);
}
