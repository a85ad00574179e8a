/* Tar streams that come in as they are: attributes, links, order, ends. Needs no privilege. */
#include <sys/resource.h>

#include "archive_support.h"

static void keeps_modes_times_and_content(void) {
    struct archive *tar = tar_new("t.tar");
    put_dir(tar, "./", 0750);
    put_dir(tar, "./d/", 0700);
    put_file(tar, "./d/f", "hello\n");
    struct archive_entry *tool = tar_entry("tool", S_IFREG | 04755);
    archive_entry_set_atime(tool, 900000000, 5);
    tar_put(tar, tool, "#!");
    tar_end(tar);
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    check_content("out/d/f", "hello\n");
    CHECK((look("out/tool").st_mode & 07777) == 04755);
    CHECK((look("out").st_mode & 07777) == 0750);
    CHECK((look("out/d").st_mode & 07777) == 0700);
    CHECK(look("out/tool").st_mtim.tv_sec == 1000000000);
    CHECK(look("out/tool").st_mtim.tv_nsec == 123456789);
    CHECK(look("out/tool").st_atim.tv_sec == 900000000);
    CHECK(look("out/d").st_mtim.tv_nsec == 123456789);
    CHECK(look("out").st_mtim.tv_nsec == 123456789);
    CHECK(summary.entries == 4 && summary.bytes == 8);
}

static void directory_times_hold_whatever_comes_later(void) {
    struct archive *tar = tar_new("t.tar");
    put_dir(tar, "a", 0555);
    put_dir(tar, "a/b", 0500);
    put_dir(tar, "c", 0755);
    put_file(tar, "a/b/late", "1");
    put_file(tar, "c/x", "2");
    put_file(tar, "a/later", "3");
    put_hard_link(tar, "a/b/again", "c/x");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(look("out/a").st_mtim.tv_sec == 1000000000);
    CHECK(look("out/a/b").st_mtim.tv_sec == 1000000000);
    CHECK(look("out/c").st_mtim.tv_sec == 1000000000);
    CHECK((look("out/a").st_mode & 07777) == 0555);
    CHECK((look("out/a/b").st_mode & 07777) == 0500);
    CHECK(look("out/a/b/again").st_ino == look("out/c/x").st_ino);
}

static void missing_parents_are_made(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "x/y/z", "z");
    tar_end(tar);
    mode_t before = umask(077);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    (void)umask(before);
    check_content("out/x/y/z", "z");
    CHECK((look("out/x/y").st_mode & 07777) == 0755);
    CHECK((look("out/x/y/z").st_mode & 07777) == 0644);
}

static void links_and_fifos_are_kept(void) {
    struct archive *tar = tar_new("t.tar");
    put_link(tar, "out", "../../../etc/passwd");
    put_link(tar, "abs", "/nowhere");
    tar_put(tar, tar_entry("fifo", S_IFIFO | 0622), NULL);
    put_hard_link(tar, "abs2", "./abs");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    char target[64] = {0};
    CHECK(readlink("out/out", target, sizeof target) == 19);
    CHECK_TEXT(target, "../../../etc/passwd");
    CHECK(S_ISFIFO(look("out/fifo").st_mode) && (look("out/fifo").st_mode & 07777) == 0622);
    CHECK(look("out/abs").st_mtim.tv_nsec == 123456789);
    CHECK(S_ISLNK(look("out/abs2").st_mode));
    CHECK(look("out/abs2").st_ino == look("out/abs").st_ino);
}

static void names_are_bytes(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "f\xff\xfe", "1");
    put_file(tar, "\xc3\xbc", "2");
    put_file(tar, "new\nline", "3");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    check_content("out/f\xff\xfe", "1");
    check_content("out/\xc3\xbc", "2");
    check_content("out/new\nline", "3");
}

static void the_last_of_a_name_wins(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "f", "first");
    put_file(tar, "f", "2");
    put_dir(tar, "d", 0700);
    put_file(tar, "d/kept", "k");
    put_dir(tar, "d", 0711);
    put_dir(tar, "tree", 0755);
    put_file(tar, "tree/deep/er", "x");
    put_file(tar, "tree", "now a file");
    put_file(tar, "g", "g");
    put_dir(tar, "g", 0755);
    put_link(tar, "l", "f");
    put_file(tar, "l", "not through the link");
    put_link(tar, "m", "d");
    put_dir(tar, "m", 0755);
    put_file(tar, "m/in", "new");
    put_file(tar, "h", "h");
    put_hard_link(tar, "h", "f");
    put_hard_link(tar, "h", "h");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    check_content("out/f", "2");
    check_content("out/d/kept", "k");
    CHECK((look("out/d").st_mode & 07777) == 0711);
    check_content("out/tree", "now a file");
    CHECK(S_ISDIR(look("out/g").st_mode));
    check_content("out/l", "not through the link");
    CHECK(S_ISDIR(look("out/m").st_mode) && exists("out/m/in") && !exists("out/d/in"));
    check_content("out/h", "2");
}

static void sparse_files_keep_their_holes(void) {
    struct archive *tar = tar_new("t.tar");
    struct archive_entry *entry = tar_entry("sparse", S_IFREG | 0644);
    archive_entry_set_size(entry, 64 << 20);
    archive_entry_sparse_add_entry(entry, 0, 4096);
    archive_entry_sparse_add_entry(entry, 32 << 20, 4096);
    CHECK(archive_write_header(tar, entry) == ARCHIVE_OK);
    archive_entry_free(entry);
    char block[4096];
    memset(block, 'x', sizeof block);
    CHECK(archive_write_data(tar, block, sizeof block) == sizeof block);
    char zeros[65536] = {0};
    for (int i = 0; i < 512; i++)
        (void)archive_write_data(tar, zeros, i == 0 ? sizeof zeros - sizeof block : sizeof zeros);
    CHECK(archive_write_data(tar, block, sizeof block) == sizeof block);
    tar_end(tar);
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    struct stat st = look("out/sparse");
    CHECK(st.st_size == 64 << 20 && st.st_blocks < 64);
    CHECK(summary.bytes == 8192);
    int fd = open("out/sparse", O_RDONLY | O_CLOEXEC);
    char got = 0;
    CHECK(fd >= 0 && pread(fd, &got, 1, 32 << 20) == 1 && got == 'x');
    CHECK(close(fd) == 0);
}

static void compressed_streams_are_known(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "f", "squeezed");
    tar_end(tar);
    static const char *const tools[] = {"gzip", "xz", "bzip2"};
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        char command[128];
        (void)snprintf(command, sizeof command, "%s -c t.tar > t.%s && rm -rf out", tools[i],
                       tools[i]);
        if (system(command) != 0)
            continue;
        (void)snprintf(command, sizeof command, "t.%s", tools[i]);
        (void)import_path("out", command, MS_WHITEOUT_OVERLAY_USER);
        check_content("out/f", "squeezed");
    }
}

/* The writer of a pipe can write all it has: nothing breaks its pipe after the end mark. */
static void a_pipe_is_read_to_its_end(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "f", "piped");
    tar_end(tar);
    CHECK(truncate("t.tar", 3 << 20) == 0);
    FILE *pipe_ = popen("cat t.tar", "re");
    CHECK(pipe_ != NULL);
    struct ms_import_request request = {.fd = fileno(pipe_), .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    CHECK(import_request("out", &request, &summary, &err) == 0);
    CHECK(pclose(pipe_) == 0);
    check_content("out/f", "piped");
}

static void xattrs_come_along(void) {
    struct archive *tar = tar_new("t.tar");
    struct archive_entry *entry = tar_entry("f", S_IFREG | 0444);
    archive_entry_xattr_add_entry(entry, "user.color", "blue", 4);
    archive_entry_xattr_add_entry(entry, "user.overlay.redirect", "/etc", 4);
    archive_entry_xattr_add_entry(entry, "trusted.overlay.origin", "x", 1);
    tar_put(tar, entry, "f");
    tar_end(tar);
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(has_xattr("out/f", "user.color", "blue"));
    CHECK(!has_xattr("out/f", "user.overlay.redirect", "/etc"));
    CHECK(summary.skipped_xattrs == 1);
    CHECK(strstr(summary.first_note, "redirect") != NULL);
}

static void acls_come_along(void) {
    struct archive *tar = tar_new("t.tar");
    struct archive_entry *entry = tar_entry("d", S_IFDIR | 0750);
    archive_entry_acl_add_entry(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, 7,
                                ARCHIVE_ENTRY_ACL_USER_OBJ, -1, "");
    archive_entry_acl_add_entry(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, 6, ARCHIVE_ENTRY_ACL_USER,
                                (int)geteuid(), "");
    archive_entry_acl_add_entry(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, 5,
                                ARCHIVE_ENTRY_ACL_GROUP_OBJ, -1, "");
    archive_entry_acl_add_entry(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, 7, ARCHIVE_ENTRY_ACL_MASK,
                                -1, "");
    archive_entry_acl_add_entry(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, 0, ARCHIVE_ENTRY_ACL_OTHER,
                                -1, "");
    tar_put(tar, entry, NULL);
    put_file(tar, "d/plain", "no acl of its own");
    put_file(tar, "d/sub/x", "none either");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(lgetxattr("out/d", "system.posix_acl_default", NULL, 0) == 4 + 5 * 8);
    CHECK(lgetxattr("out/d/plain", "system.posix_acl_access", NULL, 0) < 0);
    CHECK(lgetxattr("out/d/sub", "system.posix_acl_default", NULL, 0) < 0);
    CHECK((look("out/d/plain").st_mode & 07777) == 0644);
}

static void progress_is_told(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "a", "1");
    put_file(tar, "b", "2");
    tar_end(tar);
    CHECK(mkdir("out", 0755) == 0);
    int fd = open("out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ms_import_request request = {.path = "t.tar", .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import *import = NULL;
    struct ms_err err = {0};
    CHECK(ms_import_open(fd, &request, &import, &err) == 0);
    CHECK(ms_import_step(import, 1, &err) == 1);
    struct ms_import_progress progress;
    ms_import_progress(import, &progress);
    CHECK(progress.entries == 1);
    CHECK(progress.bytes_total == look("t.tar").st_size);
    CHECK(progress.bytes_read > 0 && progress.bytes_read <= progress.bytes_total);
    ms_import_free(import);
    CHECK(close(fd) == 0);
}

static void deep_paths_are_walked(void) {
    struct archive *tar = tar_new("t.tar");
    char path[2 * 3000 + 8] = {0};
    for (int i = 0; i < 3000; i++)
        memcpy(path + (size_t)i * 2, i == 2999 ? "d" : "d/", 2);
    put_file(tar, path, "deep");
    put_file(tar, "d/d/shallow", "s");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    check_content("out/d/d/shallow", "s");
    CHECK(chdir("out") == 0);
    for (int i = 0; i < 2999; i++)
        CHECK(chdir("d") == 0);
    check_content("d", "deep");
}

int main(void) {
    RUN(keeps_modes_times_and_content);
    RUN(directory_times_hold_whatever_comes_later);
    RUN(missing_parents_are_made);
    RUN(links_and_fifos_are_kept);
    RUN(names_are_bytes);
    RUN(the_last_of_a_name_wins);
    RUN(sparse_files_keep_their_holes);
    RUN(compressed_streams_are_known);
    RUN(a_pipe_is_read_to_its_end);
    RUN(xattrs_come_along);
    RUN(acls_come_along);
    RUN(progress_is_told);
    RUN(deep_paths_are_walked);
    return 0;
}
