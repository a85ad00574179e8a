/* The half of in_use.h that looks around: processes, their mount namespaces, loop devices. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/mount/in_use.h"
#include "engine/mount/mountinfo.h"
#include "sys/userns.h"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

/* The machine's first pid namespace, and the end of the numbers that its first mount namespace may
 * have: see attached.c. */
#define FIRST_PIDNS (0xEFFFFFFCULL & 0x7fffffffULL)
#define FIRST_NAMESPACES_END 0xF000000FULL

struct inodes {
    uint64_t *items;
    size_t count;
    size_t room;
};

struct scan {
    struct ms_in_use_place place;
    ms_in_use_visit *visit;
    void *context;
    struct inodes seen; /* namespaces whose table was read */
    struct inodes kept; /* namespaces that a file keeps */
    struct inodes unread;
    size_t hidden; /* processes that did not say where they are */
    bool init_hidden;
};

static bool has(const struct inodes *inodes, uint64_t inode) {
    for (size_t i = inodes->count; i > 0; i--)
        if (inodes->items[i - 1] == inode)
            return true;
    return false;
}

static int add(struct inodes *inodes, uint64_t inode, struct ms_err *err) {
    if (has(inodes, inode))
        return MS_OK;
    uint64_t *items = ms_grow(inodes->items, inodes->count, &inodes->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    inodes->items = items;
    inodes->items[inodes->count++] = inode;
    return MS_OK;
}

static bool gone(int sys) { return sys == ENOENT || sys == ESRCH; }

/* ---- where our layers are --------------------------------------------------------------------*/

/* Device and path inside of it of the file system that layers lies on: both heap; NULL where the
 * kernel does not say. */
static int locate(const char *layers, char **device, char **inside, struct ms_err *err) {
    ms_auto_mountinfo struct ms_mountinfo info = {0};
    ms_auto_text struct ms_text path = {0};
    struct ms_mountinfo_line line;
    struct statx found;
    if (statx(AT_FDCWD, layers, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &found) < 0)
        return ms_err_sys(err, errno, "look at %.100s", layers);
    if ((found.stx_mask & STATX_MNT_ID) == 0)
        return MS_OK;
    int code = ms_mountinfo_open("/proc/self/mountinfo", &info, err);
    while (code == MS_OK && (code = ms_mountinfo_next(&info, &line, err)) > 0) {
        size_t size = strcmp(line.target, "/") == 0 ? 0 : strlen(line.target);
        code = MS_OK;
        if (line.id != found.stx_mnt_id || strncmp(layers, line.target, size) != 0)
            continue;
        ms_text_puts(&path, strcmp(line.root, "/") == 0 ? "" : line.root);
        ms_text_puts(&path, layers + size);
        *device = strdup(line.device);
        *inside = ms_text_take(&path);
        return *device != NULL && *inside != NULL ? MS_OK : ms_err_memory(err);
    }
    return code < 0 ? code : MS_OK;
}

/* ---- one namespace after the other -----------------------------------------------------------*/

/* A mount namespace that a file keeps: bound as nsfs, with the root "mnt:[4026532177]". */
static int note_kept(struct scan *scan, const struct ms_mountinfo_line *line, struct ms_err *err) {
    if (strcmp(line->type, "nsfs") != 0 || strncmp(line->root, "mnt:[", 5) != 0)
        return MS_OK;
    return add(&scan->kept, strtoull(line->root + 5, NULL, 10), err);
}

/* Reads one table; *sys is why it could not be, 0 when it was. */
static int read_table(struct scan *scan, const char *pid, int *sys, struct ms_err *err) {
    ms_auto_mountinfo struct ms_mountinfo info = {0};
    struct ms_mountinfo_line line;
    struct ms_err why = {0};
    char path[300];
    (void)snprintf(path, sizeof path, "/proc/%s/mountinfo", pid);
    int code = ms_mountinfo_open(path, &info, &why);
    while (code == MS_OK && (code = ms_mountinfo_next(&info, &line, &why)) > 0) {
        code = note_kept(scan, &line, err);
        bool foreign =
            strcmp(line.type, "overlay") == 0 && ms_in_use_foreign(&scan->place, pid, &line);
        if (code == MS_OK && !foreign)
            code = ms_in_use_line(&scan->place, &line, scan->visit, scan->context, err);
        if (code < 0)
            return code;
    }
    *sys = code == MS_OK ? 0 : why.sys != 0 ? why.sys : EIO;
    return MS_OK;
}

/* A process that does not say in which namespace it is. Layers that nobody else may open are
 * mounted by our own processes alone: root, who could, finds them refused (struct ms_store's
 * other_world). */
static void note_hidden(struct scan *scan, int proc_fd, const char *pid) {
    struct stat owner;
    if (fstatat(proc_fd, pid, &owner, 0) < 0)
        scan->hidden += !gone(errno);
    else if (owner.st_uid != geteuid())
        return;
    else if (strcmp(pid, "1") == 0)
        scan->init_hidden = true;
    else
        scan->hidden += ms_userns_may_mount(pid);
}

static int visit_process(struct scan *scan, int proc_fd, const char *pid, struct ms_err *err) {
    char path[300];
    struct stat found;
    int sys = 0;
    (void)snprintf(path, sizeof path, "%s/ns/mnt", pid);
    if (fstatat(proc_fd, path, &found, 0) < 0) {
        if (!gone(errno))
            note_hidden(scan, proc_fd, pid);
        return MS_OK;
    }
    if (has(&scan->seen, (uint64_t)found.st_ino))
        return MS_OK;
    int code = read_table(scan, pid, &sys, err);
    if (code < 0)
        return code;
    if (sys == 0)
        return add(&scan->seen, (uint64_t)found.st_ino, err);
    if (gone(sys) || sys == EINVAL) /* it is ending */
        return MS_OK;
    return add(&scan->unread, (uint64_t)found.st_ino, err);
}

static int visit_processes(struct scan *scan, struct ms_err *err) {
    ms_auto_closedir DIR *proc = opendir("/proc");
    struct dirent *entry = NULL;
    int code = MS_OK;
    if (proc == NULL)
        return ms_err_sys(err, errno, "look through the processes");
    while (code == MS_OK && (entry = readdir(proc)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            code = visit_process(scan, dirfd(proc), entry->d_name, err);
    return code;
}

/* ---- loop devices ----------------------------------------------------------------------------*/

static int visit_loop(struct scan *scan, const char *name, struct ms_err *err) {
    char path[300];
    char file[4096];
    (void)snprintf(path, sizeof path, "/sys/block/%s/loop/backing_file", name);
    ms_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd >= 0 ? read(fd, file, sizeof file - 1) : -1;
    if (count <= 0) /* no loop device, or one that has no file */
        return MS_OK;
    file[count] = '\0';
    file[strcspn(file, "\n")] = '\0';
    int64_t number = 0;
    size_t size = strlen(scan->place.layers);
    if (strncmp(file, scan->place.layers, size) == 0 && file[size] == '/')
        number = strtoll(file + size + 1, NULL, 10);
    return number > 0 ? scan->visit(scan->context, number, true, err) : MS_OK;
}

static int visit_loops(struct scan *scan, struct ms_err *err) {
    ms_auto_closedir DIR *block = opendir("/sys/block");
    struct dirent *entry = NULL;
    int code = MS_OK;
    while (block != NULL && code == MS_OK && (entry = readdir(block)) != NULL)
        if (strncmp(entry->d_name, "loop", 4) == 0)
            code = visit_loop(scan, entry->d_name, err);
    return code;
}

/* ---- all -------------------------------------------------------------------------------------*/

static void count_gaps(const struct scan *scan, struct ms_in_use_gaps *out) {
    bool first_seen = false;
    *out =
        (struct ms_in_use_gaps){.unknown = scan->hidden, .beyond = ms_pidns_short() != FIRST_PIDNS};
    for (size_t i = 0; i < scan->seen.count; i++)
        first_seen = first_seen || scan->seen.items[i] <= FIRST_NAMESPACES_END;
    if (scan->init_hidden && !first_seen)
        out->unknown++;
    for (size_t i = 0; i < scan->unread.count; i++)
        out->unknown += !has(&scan->seen, scan->unread.items[i]);
    for (size_t i = 0; i < scan->kept.count; i++)
        out->unknown += !has(&scan->seen, scan->kept.items[i]);
}

int ms_in_use_scan(const char *layers, ms_in_use_visit *visit, void *context,
                   struct ms_in_use_gaps *gaps, struct ms_err *err) {
    ms_auto_free char *device = NULL;
    ms_auto_free char *inside = NULL;
    struct scan scan = {.visit = visit, .context = context};
    int code = locate(layers, &device, &inside, err);
    scan.place = (struct ms_in_use_place){.layers = layers, .device = device, .inside = inside};
    if (code == MS_OK)
        code = visit_processes(&scan, err);
    if (code == MS_OK)
        code = visit_loops(&scan, err);
    if (code == MS_OK)
        count_gaps(&scan, gaps);
    if (code == MS_OK && device == NULL)
        gaps->unknown++; /* bind mounts could not be told */
    free(scan.seen.items);
    free(scan.kept.items);
    free(scan.unread.items);
    return code;
}
