/* Copying a tree: what comes along, and what is refused. */
#include "base/copy.h"

#include "base/own.h"
#include "trees_support.h"

static int copy_all(const char *from, const char *to, struct ms_copy_count *count,
                    struct ms_err *err) {
    struct ms_copy *copy = NULL;
    ms_auto_close int source = open_dir(from);
    ms_auto_close int target = open_dir(to);
    int code = ms_copy_open(source, target, &copy, err);
    CHECK(code == 0);
    do
        code = ms_copy_step(copy, 3, err);
    while (code == 1);
    ms_copy_count(copy, count);
    ms_copy_free(copy);
    return code;
}

/* Copies "from" to "to", which it makes. */
static struct ms_copy_count copy_well(void) {
    struct ms_err err;
    struct ms_copy_count count;
    make_dir("to");
    CHECK(copy_all("from", "to", &count, &err) == 0);
    return count;
}

static void check_same(const char *name) {
    char path[300];
    struct stat left;
    struct stat right;
    (void)snprintf(path, sizeof path, "from/%s", name);
    CHECK(lstat(path, &left) == 0);
    (void)snprintf(path, sizeof path, "to/%s", name);
    CHECK(lstat(path, &right) == 0);
    CHECK(left.st_mode == right.st_mode && left.st_rdev == right.st_rdev);
    CHECK(left.st_uid == right.st_uid && left.st_gid == right.st_gid);
    CHECK(S_ISDIR(left.st_mode) || left.st_size == right.st_size);
    CHECK(left.st_nlink == right.st_nlink);
    CHECK(left.st_mtim.tv_sec == right.st_mtim.tv_sec);
    CHECK(left.st_mtim.tv_nsec == right.st_mtim.tv_nsec);
}

static void set_time(const char *path) {
    const struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 987654321},
                                      {.tv_sec = 1000000001, .tv_nsec = 123456789}};
    CHECK(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0);
}

static void keeps_types_modes_and_times(void) {
    static const char *const names[] = {"d/s", "d/f", "fifo", "link", "socket", "d", ""};
    make_dir("from");
    make_dir("from/d");
    make_dir("from/d/s");
    make_file("from/d/f", "content");
    CHECK(chmod("from/d/f", 0400) == 0 && chmod("from/d/s", 01777) == 0);
    CHECK(symlink("no/where", "from/link") == 0);
    CHECK(mkfifo("from/fifo", 0620) == 0);
    CHECK(mknod("from/socket", S_IFSOCK | 0600, 0) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "from/%s", names[i]);
        set_time(path);
    }
    mode_t before = umask(077);
    struct ms_copy_count count = copy_well();
    (void)umask(before);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_same(names[i]);
    CHECK(count.entries == 7 && count.bytes == 7 && count.owners == 0);
    CHECK(system("cmp from/d/f to/d/f") == 0);
    char target[16] = "";
    CHECK(readlink("to/link", target, sizeof target - 1) == 8);
    CHECK_TEXT(target, "no/where");
}

static void keeps_hard_links(void) {
    struct stat one;
    struct stat two;
    make_dir("from");
    make_dir("from/d");
    make_file("from/a", "x");
    CHECK(link("from/a", "from/d/b") == 0 && link("from/a", "from/c") == 0);
    (void)copy_well();
    CHECK(stat("to/a", &one) == 0 && stat("to/d/b", &two) == 0);
    CHECK(one.st_ino == two.st_ino && one.st_nlink == 3);
}

/* The two names are further apart than one path may be long. */
static void keeps_hard_links_in_the_deep(void) {
    struct stat st;
    int home = open_dir(".");
    make_dir("from");
    CHECK(chdir("from") == 0);
    make_deep(LONG_NAME, 20);
    make_file("a", "x");
    CHECK(link("a", "b") == 0);
    CHECK(fchdir(home) == 0);
    (void)copy_well();
    CHECK(chdir("to") == 0);
    for (int i = 0; i < 20; i++)
        CHECK(chdir(LONG_NAME) == 0);
    CHECK(stat("a", &st) == 0 && st.st_nlink == 2);
    CHECK(fchdir(home) == 0 && close(home) == 0);
}

static void keeps_attributes_of_read_only_files(void) {
    char value[8];
    make_dir("from");
    make_file("from/f", "x");
    if (setxattr("from/f", "user.name", "value", 5, 0) < 0 && errno == EOPNOTSUPP) {
        (void)printf("SKIP: no user attributes here\n");
        return;
    }
    CHECK(setxattr("from", "user.empty", "", 0, 0) == 0);
    CHECK(chmod("from/f", 0444) == 0);
    struct ms_copy_count count = copy_well();
    CHECK(getxattr("to/f", "user.name", value, sizeof value) == 5);
    CHECK(memcmp(value, "value", 5) == 0);
    CHECK(getxattr("to", "user.empty", value, sizeof value) == 0);
    CHECK(count.xattrs == 0);
}

static void keeps_holes(void) {
    struct stat st;
    make_dir("from");
    make_file("from/f", "start");
    CHECK(truncate("from/f", 64 << 20) == 0);
    int fd = open("from/f", O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pwrite(fd, "middle", 6, 32 << 20) == 6 && close(fd) == 0);
    (void)copy_well();
    CHECK(stat("to/f", &st) == 0);
    CHECK(st.st_size == 64 << 20 && st.st_blocks < 1024);
    CHECK(system("cmp from/f to/f") == 0);
}

static void keeps_what_root_may_set(void) {
    char value[8];
    make_dir("from");
    make_file("from/su", "x");
    CHECK(chown("from/su", 12, 34) == 0 && chmod("from/su", 06755) == 0);
    CHECK(symlink("x", "from/link") == 0 && lchown("from/link", 56, 78) == 0);
    CHECK(mknod("from/gone", S_IFCHR, makedev(0, 0)) == 0);
    CHECK(mknod("from/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
    CHECK(setxattr("from", "trusted.overlay.opaque", "y", 1, 0) == 0);
    CHECK(lsetxattr("from/link", "trusted.x", "z", 1, 0) == 0);
    struct ms_copy_count count = copy_well();
    check_same("su");
    check_same("link");
    check_same("gone");
    check_same("null");
    CHECK(getxattr("to", "trusted.overlay.opaque", value, sizeof value) == 1);
    CHECK(lgetxattr("to/link", "trusted.x", value, sizeof value) == 1);
    CHECK(count.owners == 0 && count.xattrs == 0);
}

static void counts_what_it_may_not_keep(void) {
    struct ms_err err;
    struct ms_copy_count count;
    struct stat st;
    make_dir("from");
    make_file("from/su", "x");
    CHECK(chmod("from/su", 06755) == 0);
    make_dir("to");
    CHECK(chown("to", 65534, 65534) == 0 && chown(".", 65534, 65534) == 0);
    CHECK(seteuid(65534) == 0);
    int code = copy_all("from", "to", &count, &err);
    CHECK(seteuid(0) == 0 && code == 0);
    CHECK(count.owners == 2); /* the root's too */
    CHECK(stat("to/su", &st) == 0 && st.st_uid == 65534);
    CHECK((st.st_mode & 07777) == 0755);
}

static void refuses_mounts(void) {
    struct ms_err err;
    struct ms_copy_count count;
    make_dir("from");
    make_dir("from/m");
    make_dir("to");
    mount_tmpfs("from/m");
    CHECK(copy_all("from", "to", &count, &err) == MS_FAILED_PRECONDITION);
    CHECK_TEXT(err.text, "copy 'm': something is mounted on it");
    CHECK(umount("from/m") == 0);
}

/* Between file systems, where nothing can be shared. */
static void copies_between_file_systems(void) {
    make_dir("from");
    mount_tmpfs("from");
    make_file("from/f", "content");
    set_time("from/f");
    (void)copy_well();
    check_same("f");
    CHECK(system("cmp from/f to/f") == 0);
    CHECK(umount("from") == 0);
}

static void stops_early_without_a_leak(void) {
    struct ms_err err;
    struct ms_copy *copy = NULL;
    int before = count_fds();
    make_dir("from");
    make_dir("from/d");
    make_file("from/d/f", "");
    make_dir("to");
    int source = open_dir("from");
    int target = open_dir("to");
    CHECK(ms_copy_open(source, target, &copy, &err) == 0);
    CHECK(ms_copy_step(copy, 2, &err) == 1);
    ms_copy_free(copy);
    CHECK(close(source) == 0 && close(target) == 0);
    CHECK(exists("to/d") && !exists("to/d/f"));
    CHECK(count_fds() == before);
}

int main(void) {
    RUN(keeps_types_modes_and_times);
    RUN(keeps_hard_links);
    RUN(keeps_hard_links_in_the_deep);
    RUN(keeps_attributes_of_read_only_files);
    RUN(keeps_holes);
    RUN(stops_early_without_a_leak);
    RUN_ALONE(keeps_what_root_may_set);
    RUN_ALONE(counts_what_it_may_not_keep);
    RUN_ALONE(refuses_mounts);
    RUN_ALONE(copies_between_file_systems);
    return 0;
}
