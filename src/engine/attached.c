/* What is mounted, here and in other mount namespaces. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/attach.h"
#include "engine/mountinfo.h"

/* The inode number of the first pid namespace: PROC_PID_INIT_INO in the kernel. */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCU

/* The mount that is looked for. In the namespace that a command runs in, its root has been changed:
 * the mount is then "/". */
struct wanted {
    const char *target;
    uint64_t mount_id;
    bool or_root;
};

static bool matches(const struct wanted *wanted, const struct ms_mountinfo_line *line) {
    if (wanted->mount_id != 0 && line->id != wanted->mount_id)
        return false;
    return strcmp(line->target, wanted->target) == 0 ||
           (wanted->or_root && wanted->mount_id != 0 && strcmp(line->target, "/") == 0);
}

static int find(const char *path, const struct wanted *wanted, bool *found, struct ms_err *err) {
    ms_auto_mountinfo struct ms_mountinfo info = {0};
    struct ms_mountinfo_line line;
    int code = ms_mountinfo_open(path, &info, err);
    *found = false;
    while (code == MS_OK && (code = ms_mountinfo_next(&info, &line, err)) > 0) {
        *found = matches(wanted, &line);
        code = MS_OK;
        if (*found)
            break;
    }
    return code;
}

int ms_attached_here(const char *target, uint64_t mount_id, bool *attached, struct ms_err *err) {
    struct wanted wanted = {.target = target, .mount_id = mount_id};
    bool found = false;
    int code = find("/proc/self/mountinfo", &wanted, &found, err);
    if (code < 0)
        return code;
    *attached = found;
    return MS_OK;
}

static uint64_t inode_of(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 ? (uint64_t)found.st_ino : 0;
}

uint64_t ms_mount_namespace(void) { return inode_of("/proc/self/ns/mnt"); }

/* A look through all processes for those of one mount namespace. */
struct search {
    uint64_t namespace_inode;
    struct wanted wanted;
    bool hidden; /* a process did not say in which namespace it is */
    bool asked;  /* one of the namespace told its mounts */
    bool found;
};

static bool gone(int sys) { return sys == ENOENT || sys == ESRCH; }

static int ask(struct search *search, int proc_fd, const char *pid, struct ms_err *err) {
    char path[300];
    struct stat found;
    (void)snprintf(path, sizeof path, "%s/ns/mnt", pid);
    if (fstatat(proc_fd, path, &found, 0) < 0) {
        search->hidden = search->hidden || !gone(errno);
        return MS_OK;
    }
    if ((uint64_t)found.st_ino != search->namespace_inode)
        return MS_OK;
    (void)snprintf(path, sizeof path, "/proc/%s/mountinfo", pid);
    struct ms_err why = {0};
    int code = find(path, &search->wanted, &search->found, &why);
    if (code == MS_OK)
        search->asked = true;
    else if (code == MS_RESOURCE_EXHAUSTED)
        *err = why;
    else if (!gone(why.sys) && why.sys != EINVAL) /* EINVAL: it is just ending */
        search->hidden = true;
    return code == MS_RESOURCE_EXHAUSTED ? code : MS_OK;
}

static int ask_all(struct search *search, struct ms_err *err) {
    ms_auto_closedir DIR *proc = opendir("/proc");
    struct dirent *entry = NULL;
    int code = MS_OK;
    if (proc == NULL)
        return ms_err_sys(err, errno, "look through the processes");
    while (code == MS_OK && !search->found && (entry = readdir(proc)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            code = ask(search, dirfd(proc), entry->d_name, err);
    return code;
}

/* /proc shows every process of the machine, and what they are in, to this one. */
static bool sees_all(const struct search *search) {
    return !search->hidden && inode_of("/proc/self/ns/pid") == FIRST_PID_NAMESPACE &&
           inode_of("/proc/1/ns/mnt") != 0;
}

int ms_attached_in(uint64_t namespace_inode, const char *target, uint64_t mount_id, bool *attached,
                   bool *known, struct ms_err *err) {
    if (namespace_inode != 0 && namespace_inode == ms_mount_namespace()) {
        int code = ms_attached_here(target, mount_id, attached, err);
        if (code == MS_OK)
            *known = true;
        return code;
    }
    struct search search = {
        .namespace_inode = namespace_inode,
        .wanted = {.target = target, .mount_id = mount_id, .or_root = true},
    };
    int code = ask_all(&search, err);
    if (code < 0)
        return code;
    *attached = search.found;
    *known = search.found || search.asked || sees_all(&search);
    return MS_OK;
}
