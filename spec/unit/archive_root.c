/* What only root can make: owners, devices, trusted and security xattrs; and what becomes of them
 * where nobody can. */
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "archive_support.h"

static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4}; /* cap_net_bind_service+ep */

static void put_owned(struct archive *tar, const char *name, mode_t mode, unsigned uid,
                      unsigned gid) {
    struct archive_entry *entry = tar_entry(name, mode);
    archive_entry_set_uid(entry, uid);
    archive_entry_set_gid(entry, gid);
    tar_put(tar, entry, NULL);
}

static void write_owned(void) {
    struct archive *tar = tar_new("t.tar");
    put_owned(tar, "d", S_IFDIR | 02775, 12, 34);
    put_owned(tar, "d/s", S_IFREG | 06755, 56, 78);
    put_owned(tar, "d/mine", S_IFREG | 04755, 4000000000U, 0);
    struct archive_entry *entry = tar_entry("d/l", S_IFLNK | 0777);
    archive_entry_set_symlink(entry, "s");
    archive_entry_set_uid(entry, 90);
    tar_put(tar, entry, NULL);
    entry = tar_entry("d/cap", S_IFREG | 0755);
    archive_entry_set_uid(entry, 7);
    archive_entry_xattr_add_entry(entry, "security.capability", capability, sizeof capability);
    archive_entry_xattr_add_entry(entry, "trusted.note", "n", 1);
    archive_entry_xattr_add_entry(entry, "trusted.overlay.metacopy", "", 0);
    tar_put(tar, entry, "program");
    put_device(tar, "d/null", S_IFCHR | 0666, 1, 3);
    put_device(tar, "d/disk", S_IFBLK | 0640, 250, 70000);
    tar_end(tar);
}

static void owners_modes_and_devices(void) {
    write_owned();
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_TRUSTED);
    struct stat st = look("out/d");
    CHECK(st.st_uid == 12 && st.st_gid == 34 && (st.st_mode & 07777) == 02775);
    st = look("out/d/s");
    CHECK(st.st_uid == 56 && st.st_gid == 78 && (st.st_mode & 07777) == 06755);
    CHECK(look("out/d/mine").st_uid == 4000000000U && look("out/d/l").st_uid == 90);
    CHECK(look("out/d/null").st_rdev == makedev(1, 3) && S_ISCHR(look("out/d/null").st_mode));
    st = look("out/d/disk");
    CHECK(st.st_rdev == makedev(250, 70000) && S_ISBLK(st.st_mode));
    CHECK((st.st_mode & 07777) == 0640 && st.st_mtim.tv_nsec == 123456789);
    CHECK(summary.squashed_owners == 0 && summary.skipped_devices == 0);
}

static void privileged_xattrs(void) {
    write_owned();
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_TRUSTED);
    char got[64];
    CHECK(getxattr("out/d/cap", "security.capability", got, sizeof got) == sizeof capability);
    CHECK(memcmp(got, capability, sizeof capability) == 0);
    CHECK(has_xattr("out/d/cap", "trusted.note", "n"));
    CHECK(getxattr("out/d/cap", "trusted.overlay.metacopy", got, sizeof got) < 0);
    CHECK(summary.skipped_xattrs == 1);
}

static void a_directory_with_all_of_it(void) {
    write_owned();
    (void)import_path("first", "t.tar", MS_WHITEOUT_OVERLAY_TRUSTED);
    CHECK(lsetxattr("first/d/l", "trusted.note", "on a link", 9, 0) == 0);
    (void)import_path("out", "first", MS_WHITEOUT_OVERLAY_TRUSTED);
    CHECK(look("out/d/s").st_uid == 56 && (look("out/d/s").st_mode & 07777) == 06755);
    CHECK(look("out/d/disk").st_rdev == makedev(250, 70000) && look("out/d/l").st_uid == 90);
    CHECK(has_xattr("out/d/l", "trusted.note", "on a link"));
    CHECK(getxattr("out/d/cap", "security.capability", NULL, 0) == sizeof capability);
}

static void trusted_marks(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "d/.wh..wh..opq", "");
    put_file(tar, ".wh.gone", "");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_TRUSTED);
    CHECK(has_xattr("out/d", "trusted.overlay.opaque", "y"));
    CHECK(getxattr("out/d", "user.overlay.opaque", NULL, 0) < 0);
    CHECK(S_ISCHR(look("out/gone").st_mode) && look("out/gone").st_rdev == 0);
}

static void squashing_on_demand(void) {
    write_owned();
    struct ms_import_request request = {
        .path = "t.tar", .whiteout = MS_WHITEOUT_OVERLAY_TRUSTED, .squash_owners = true};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    CHECK(import_request("out", &request, &summary, &err) == 0);
    CHECK(look("out/d").st_uid == 0 && look("out/d/s").st_uid == 0);
    CHECK((look("out/d/s").st_mode & 07777) == 0755);
    CHECK((look("out/d").st_mode & 07777) == 02775);
    CHECK(summary.squashed_owners == 5 && strstr(summary.first_note, "12:34") != NULL);
}

/* In a child as user 1234 with nothing else; its exit status. */
static void as_user(void (*test)(void)) {
    CHECK(mkdir("theirs", 0755) == 0 && chown("theirs", 1234, 1234) == 0 && chmod(".", 0755) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(setgroups(0, NULL) == 0 && setresgid(1234, 1234, 1234) == 0);
        CHECK(setresuid(1234, 1234, 1234) == 0 && chdir("theirs") == 0);
        CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); /* else /proc/self is root's */
        test();
        exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void import_as_user(void) {
    struct ms_import_summary summary = import_path("out", "../t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(look("out/d/s").st_uid == 1234 && (look("out/d/s").st_mode & 07777) == 0755);
    CHECK(summary.squashed_owners == 5 && summary.skipped_devices == 2);
    CHECK(summary.skipped_xattrs >= 2 && !exists("out/d/null"));
    struct ms_import_request request = {
        .path = "../t.tar", .whiteout = MS_WHITEOUT_OVERLAY_USER, .strict = true};
    struct ms_err err = {0};
    CHECK(import_request("strict", &request, &summary, &err) == MS_PERMISSION_DENIED);
    CHECK(strstr(err.text, "entry 'd'") != NULL);
}

static void an_ordinary_user_squashes(void) {
    write_owned();
    as_user(import_as_user);
}

static void write_with_modes(void) {
    struct archive *tar = tar_new("t.tar");
    put_dir(tar, "d", 0555);
    put_dir(tar, "d/none", 0);
    put_file(tar, "d/none/f", "f");
    put_file(tar, "d/late", "late");
    put_dir(tar, "d/none", 0);
    put_file(tar, "d/.wh.x", "");
    put_file(tar, "d/g", "");
    put_file(tar, "d/g", "again");
    tar_end(tar);
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(summary.entries == 8);
    CHECK((look("out/d").st_mode & 07777) == 0555);
    CHECK((look("out/d/none").st_mode & 07777) == 0);
    CHECK(look("out/d").st_mtim.tv_sec == 1000000000);
    (void)import_path("copy", "t.tar", MS_WHITEOUT_DELETE);
    (void)import_path("copy", "t.tar", MS_WHITEOUT_DELETE);
    CHECK((look("copy/d").st_mode & 07777) == 0555);
    CHECK((look("copy/d/none").st_mode & 07777) == 0);
    CHECK(chmod("copy/d/none", 0700) == 0);
    check_content("copy/d/none/f", "f");
    check_content("copy/d/g", "again");
}

static void an_ordinary_user_writes_in_read_only_directories(void) { as_user(write_with_modes); }

static void import_in_namespace(void) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    CHECK(unshare(CLONE_NEWUSER) == 0);
    char text[64];
    write_file("/proc/self/setgroups", "deny");
    (void)snprintf(text, sizeof text, "0 %u 1", uid);
    write_file("/proc/self/uid_map", text);
    (void)snprintf(text, sizeof text, "0 %u 1", gid);
    write_file("/proc/self/gid_map", text);
    struct ms_import_summary summary = import_path("out", "../t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(look("out/d").st_uid == 0 && summary.squashed_owners == 5);
    CHECK(summary.skipped_devices == 2);
}

static void a_user_namespace_squashes(void) {
    write_owned();
    as_user(import_in_namespace);
}

/* In a mount namespace of its own, which ends with the child. */
static void mounts_come_in_empty(void) {
    pid_t child = fork();
    if (child == 0) {
        CHECK(unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHECK(mkdir("in", 0755) == 0 && mkdir("in/bind", 0755) == 0 && mkdir("in/tmp", 0755) == 0);
        CHECK(mkdir("other", 0755) == 0);
        write_file("other/f", "f");
        write_file("in/z", "z");
        CHECK(mount("other", "in/bind", NULL, MS_BIND, NULL) == 0);
        CHECK(mount("none", "in/tmp", "tmpfs", 0, NULL) == 0);
        write_file("in/tmp/f", "f");
        struct ms_import_summary summary = import_path("out", "in", MS_WHITEOUT_OVERLAY_TRUSTED);
        CHECK(summary.skipped_mounts == 2 && strstr(summary.first_note, "mounted") != NULL);
        CHECK(count_names("out") == 3 && count_names("out/bind") == 0);
        CHECK(count_names("out/tmp") == 0);
        exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    need_root();
    RUN(owners_modes_and_devices);
    RUN(privileged_xattrs);
    RUN(a_directory_with_all_of_it);
    RUN(trusted_marks);
    RUN(squashing_on_demand);
    RUN(an_ordinary_user_squashes);
    RUN(an_ordinary_user_writes_in_read_only_directories);
    RUN(a_user_namespace_squashes);
    RUN(mounts_come_in_empty);
    return 0;
}
