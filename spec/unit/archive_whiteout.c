/* What hides: in an overlay layer's terms, and on a copy of the parent. Needs no privilege: the
 * xattrs are those of user stores. */
#include "archive_support.h"

#define OPAQUE "user.overlay.opaque"

/* The parent's copy, for MS_WHITEOUT_DELETE. */
static void make_parent(void) {
    CHECK(mkdir("out", 0755) == 0 && mkdir("out/d", 0750) == 0 && mkdir("out/d/sub", 0711) == 0);
    write_file("out/d/old", "old");
    write_file("out/d/sub/deep", "deep");
    write_file("out/f", "parent's f");
    write_file("out/g", "parent's g");
    CHECK(link("out/g", "out/g2") == 0);
    CHECK(symlink("d", "out/l") == 0);
    CHECK(setxattr("out/d", "user.color", "red", 3, 0) == 0);
    struct timespec times[2] = {{.tv_sec = 11}, {.tv_sec = 12, .tv_nsec = 13}};
    CHECK(utimensat(AT_FDCWD, "out/d/sub", times, 0) == 0);
    CHECK(utimensat(AT_FDCWD, "out/d", times, 0) == 0);
    CHECK(utimensat(AT_FDCWD, "out", times, 0) == 0);
}

static bool is_whiteout(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

static void names_become_whiteouts(void) {
    struct archive *tar = tar_new("t.tar");
    put_dir(tar, "d", 0755);
    put_file(tar, "d/.wh.gone", "");
    put_file(tar, "new/.wh.too", "");
    put_file(tar, ".wh..wh.plnk/77.1", "");
    put_file(tar, "d/.wh..wh.aufs", "");
    tar_end(tar);
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(is_whiteout("out/d/gone") && is_whiteout("out/new/too"));
    CHECK(count_names("out") == 2 && count_names("out/d") == 1);
    CHECK(summary.whiteouts == 2 && summary.entries == 5);
    CHECK(look("out/d").st_mtim.tv_sec == 1000000000);
}

static void markers_make_directories_opaque(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "d/before", "1");
    put_file(tar, "d/.wh..wh..opq", "");
    put_file(tar, "d/after", "2");
    struct archive_entry *entry = tar_entry("e", S_IFDIR | 0755);
    archive_entry_xattr_add_entry(entry, "trusted.overlay.opaque", "y", 1);
    tar_put(tar, entry, NULL);
    entry = tar_entry("x", S_IFDIR | 0755);
    archive_entry_xattr_add_entry(entry, "user.overlay.opaque", "x", 1);
    tar_put(tar, entry, NULL);
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(has_xattr("out/d", OPAQUE, "y") && has_xattr("out/e", OPAQUE, "y"));
    CHECK(!has_xattr("out/x", OPAQUE, "x"));
    CHECK(exists("out/d/before") && exists("out/d/after"));
}

/* A whiteout hides what is below, never what comes with it. */
static void whiteouts_and_entries_of_one_name(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "a", "a");
    put_file(tar, ".wh.a", "");
    put_file(tar, ".wh.b", "");
    put_file(tar, "b", "b");
    put_file(tar, "c/in", "c");
    put_file(tar, ".wh.c", "");
    put_file(tar, ".wh.d", "");
    put_file(tar, "d/in", "d");
    put_file(tar, ".wh.e", "");
    put_dir(tar, "e", 0700);
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    check_content("out/a", "a");
    check_content("out/b", "b");
    check_content("out/c/in", "c");
    check_content("out/d/in", "d");
    CHECK(has_xattr("out/c", OPAQUE, "y"));
    CHECK(has_xattr("out/d", OPAQUE, "y"));
    CHECK(has_xattr("out/e", OPAQUE, "y") && (look("out/e").st_mode & 07777) == 0700);
}

/* A tar of an overlay's own upper directory: devices 0/0, hard linked to each other. */
static void devices_0_0_are_whiteouts(void) {
    struct archive *tar = tar_new("t.tar");
    put_device(tar, "d/gone", S_IFCHR | 0, 0, 0);
    put_hard_link(tar, "f", "d/gone");
    tar_end(tar);
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(is_whiteout("out/d/gone") && is_whiteout("out/f") && summary.whiteouts == 2);
    CHECK(rename("out", "overlay") == 0);
    make_parent();
    write_file("out/d/gone", "g");
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    CHECK(!exists("out/d/gone") && !exists("out/f") && exists("out/d/old"));
}

static void whiteout_files_are_whiteouts(void) {
    struct archive *tar = tar_new("t.tar");
    struct archive_entry *entry = tar_entry("gone", S_IFREG | 0600);
    archive_entry_xattr_add_entry(entry, "trusted.overlay.whiteout", "y", 1);
    tar_put(tar, entry, NULL);
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(is_whiteout("out/gone"));
}

static void an_opaque_root_needs_no_parent(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, ".wh..wh..opq", "");
    put_file(tar, "f", "f");
    tar_end(tar);
    (void)import_path("alone", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    check_content("alone/f", "f");
    struct ms_import_request request = {
        .path = "t.tar", .whiteout = MS_WHITEOUT_OVERLAY_USER, .has_parent = true};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    CHECK(import_request("out", &request, &summary, &err) == MS_FAILED_PRECONDITION);
    CHECK(strstr(err.text, "without a parent") != NULL);
}

static void deletes_what_whiteouts_name(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    put_file(tar, ".wh.f", "");
    put_file(tar, "d/.wh.sub", "");
    put_file(tar, ".wh.never-there", "");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    CHECK(!exists("out/f") && !exists("out/d/sub"));
    check_content("out/d/old", "old");
    check_content("out/g", "parent's g");
    CHECK(count_names("out") == 4);
}

static void empties_opaque_directories(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "d/sub/mine", "mine");
    put_file(tar, "d/.wh..wh..opq", "");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    CHECK(count_names("out/d") == 1 && count_names("out/d/sub") == 1);
    check_content("out/d/sub/mine", "mine");
}

static void empties_an_opaque_root(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "mine", "mine");
    put_file(tar, ".wh..wh..opq", "");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    CHECK(count_names("out") == 1);
    check_content("out/mine", "mine");
}

/* Order does not matter when a name is hidden and made anew. */
static void keeps_what_comes_with_a_whiteout(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "f", "new f");
    put_file(tar, ".wh.f", "");
    put_file(tar, ".wh.d", "");
    put_file(tar, "d/mine", "mine");
    put_file(tar, ".wh.l", "");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    check_content("out/f", "new f");
    CHECK(count_names("out/d") == 1 && !exists("out/l"));
    check_content("out/d/mine", "mine");
}

static void lies_over_the_parent(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    put_dir(tar, "d", 0700);
    put_file(tar, "d/new", "new");
    put_file(tar, "d/sub/new", "new");
    put_file(tar, "f", "new f");
    put_dir(tar, "g2", 0755);
    put_file(tar, "g2/in", "in");
    put_dir(tar, "whole/tree", 0511);
    put_file(tar, "l/in", "no link any more");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    check_content("out/d/old", "old");
    check_content("out/d/new", "new");
    check_content("out/d/sub/deep", "deep");
    check_content("out/f", "new f");
    check_content("out/g2/in", "in");
    check_content("out/g", "parent's g");
    CHECK(S_ISDIR(look("out/l").st_mode) && !exists("out/d/in"));
    CHECK((look("out/whole/tree").st_mode & 07777) == 0511);
    CHECK((look("out/d").st_mode & 07777) == 0700);
    CHECK(look("out/d").st_mtim.tv_sec == 1000000000);
    CHECK(!has_xattr("out/d", "user.color", "red"));
    CHECK(count_names("out") == 6);
}

/* A directory that only lies on the way stays what it is in the parent. */
static void directories_on_the_way_keep_the_parents_attributes(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "d/sub/new", "new");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    CHECK((look("out/d").st_mode & 07777) == 0750 && (look("out/d/sub").st_mode & 07777) == 0711);
    CHECK(has_xattr("out/d", "user.color", "red"));
    CHECK(look("out/d/sub").st_mtim.tv_nsec == 13 && look("out").st_mtim.tv_nsec == 13);
}

static void hard_links_may_lead_into_the_parent(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    put_hard_link(tar, "d/more", "g");
    put_hard_link(tar, "g2", "g");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    CHECK(look("out/d/more").st_ino == look("out/g").st_ino);
    CHECK(look("out/g").st_nlink == 3);
    CHECK(count_names("out") == 5);
}

static void nothing_changes_nothing(void) {
    make_parent();
    struct archive *tar = tar_new("t.tar");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_DELETE);
    CHECK(count_names("out") == 5 && count_names("out/d") == 2);
    CHECK(look("out").st_mtim.tv_nsec == 13 && look("out/d").st_mtim.tv_nsec == 13);
}

int main(void) {
    RUN(names_become_whiteouts);
    RUN(markers_make_directories_opaque);
    RUN(whiteouts_and_entries_of_one_name);
    RUN(devices_0_0_are_whiteouts);
    RUN(whiteout_files_are_whiteouts);
    RUN(an_opaque_root_needs_no_parent);
    RUN(deletes_what_whiteouts_name);
    RUN(empties_opaque_directories);
    RUN(empties_an_opaque_root);
    RUN(keeps_what_comes_with_a_whiteout);
    RUN(lies_over_the_parent);
    RUN(directories_on_the_way_keep_the_parents_attributes);
    RUN(hard_links_may_lead_into_the_parent);
    RUN(nothing_changes_nothing);
    return 0;
}
