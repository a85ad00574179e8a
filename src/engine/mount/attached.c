/* What is mounted, here and in other mount namespaces. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/mount/attach.h"
#include "engine/mount/mountinfo.h"
#include "sys/userns.h"

/* The machine's first pid namespace (PROC_PID_INIT_INO in the kernel) as ms_pidns_short has it. */
#define FIRST_PIDNS (0xEFFFFFFCULL & 0x7fffffffULL)

/* The machine's first mount namespace has one of the first inode numbers, which differs by kernel.
 */
#define FIRST_NAMESPACES_END 0xF000000FULL

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

uint64_t ms_mount_namespace(void) { return ms_mountns_number(0); }

/* A look through all processes for those of one mount namespace. */
struct search {
    uint64_t namespace_inode;
    struct wanted wanted;
    bool first_pidns; /* this process lives in the machine's first pid namespace */
    bool hidden;      /* a process that could be in it did not say where it is */
    bool asked;       /* one that is in it told its mounts */
    bool found;
};

static bool gone(int sys) { return sys == ENOENT || sys == ESRCH; }

/* Could the process that hides where it is be in the namespace? The machine's own init, which a
 * root with fewer capabilities cannot look at, never left the first one. An ordinary user's
 * processes outside of user namespaces are in none that this user has mounted in. */
static bool counts_as_hidden(const struct search *search, int proc_fd, const char *pid) {
    struct stat owner;
    if (search->first_pidns && strcmp(pid, "1") == 0)
        return search->namespace_inode <= FIRST_NAMESPACES_END;
    if (fstatat(proc_fd, pid, &owner, 0) < 0)
        return !gone(errno);
    return owner.st_uid == geteuid() && ms_userns_may_mount(pid);
}

static int ask(struct search *search, int proc_fd, const char *pid, struct ms_err *err) {
    char path[300];
    struct stat found;
    struct ms_err why = {0};
    (void)snprintf(path, sizeof path, "%s/ns/mnt", pid);
    if (fstatat(proc_fd, path, &found, 0) < 0) {
        if (!gone(errno) && counts_as_hidden(search, proc_fd, pid))
            search->hidden = true;
        return MS_OK;
    }
    if ((uint64_t)found.st_ino != search->namespace_inode)
        return MS_OK;
    (void)snprintf(path, sizeof path, "/proc/%s/mountinfo", pid);
    int code = find(path, &search->wanted, &search->found, &why);
    if (code == MS_RESOURCE_EXHAUSTED) {
        *err = why;
        return code;
    }
    if (code == MS_OK)
        search->asked = true;
    else if (!gone(why.sys) && why.sys != EINVAL) /* EINVAL: it is just ending */
        search->hidden = true;
    return MS_OK;
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

int ms_attached_in(uint64_t mount_namespace, const char *target, uint64_t mount_id, bool *attached,
                   bool *known, struct ms_err *err) {
    uint64_t pidns = ms_pidns_short();
    struct search search = {
        .namespace_inode = ms_mountns_inode(mount_namespace),
        .wanted = {.target = target, .mount_id = mount_id, .or_root = true},
        .first_pidns = pidns == FIRST_PIDNS,
    };
    if (search.namespace_inode == ms_mountns_inode(ms_mount_namespace())) {
        int code = ms_attached_here(target, mount_id, attached, err);
        if (code == MS_OK)
            *known = true;
        return code;
    }
    int code = ask_all(&search, err);
    if (code < 0)
        return code;
    bool sees_all = search.first_pidns || pidns == ms_mountns_pidns(mount_namespace);
    *attached = search.found;
    *known = search.found || search.asked || (sees_all && !search.hidden);
    return MS_OK;
}
