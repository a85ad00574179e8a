/* Whiteouts where no device can be made, not even 0/0: this program's mknodat refuses, as a seccomp
 * filter or an old kernel would. */
#include "archive_support.h"

int mknodat(int dir, const char *name, mode_t mode, dev_t device) {
    (void)dir;
    (void)name;
    (void)mode;
    (void)device;
    errno = EPERM;
    return -1;
}

#define OPAQUE "user.overlay.opaque"
#define WHITEOUT "user.overlay.whiteout"

static void whiteouts_become_files(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "d/.wh.gone", "");
    put_file(tar, "d/.wh.gone", "");
    put_file(tar, ".wh.top", "");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(S_ISREG(look("out/d/gone").st_mode) && has_xattr("out/d/gone", WHITEOUT, "y"));
    CHECK(has_xattr("out/d", OPAQUE, "x") && has_xattr("out", OPAQUE, "x"));
    CHECK(has_xattr("out/top", WHITEOUT, "y"));
}

static void directories_replace_them(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, ".wh.d", "");
    put_file(tar, "d/in", "in");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    check_content("out/d/in", "in");
    CHECK(has_xattr("out/d", OPAQUE, "y"));
}

/* In an opaque directory such a file would be seen. */
static void opaque_directories_hold_none(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "d/.wh.before", "");
    put_file(tar, "d/kept", "");
    put_file(tar, "d/.wh..wh..opq", "");
    put_file(tar, "d/.wh.after", "");
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(has_xattr("out/d", OPAQUE, "y"));
    CHECK(count_names("out/d") == 1 && exists("out/d/kept"));
}

static void devices_are_skipped_and_counted(void) {
    struct archive *tar = tar_new("t.tar");
    put_device(tar, "null", S_IFCHR | 0666, 1, 3);
    put_device(tar, "disk", S_IFBLK | 0600, 8, 0);
    put_hard_link(tar, "again", "null");
    tar_end(tar);
    struct ms_import_summary summary = import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK(count_names("out") == 0 && summary.skipped_devices == 3);
    CHECK(strstr(summary.first_note, "'null': device 1:3") != NULL);
}

static void strict_refuses_devices(void) {
    struct archive *tar = tar_new("t.tar");
    put_device(tar, "null", S_IFCHR | 0666, 1, 3);
    tar_end(tar);
    struct ms_import_request request = {
        .path = "t.tar", .whiteout = MS_WHITEOUT_OVERLAY_USER, .strict = true};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    CHECK(import_request("out", &request, &summary, &err) == MS_PERMISSION_DENIED);
    CHECK(strstr(err.text, "'null'") != NULL);
}

int main(void) {
    RUN(whiteouts_become_files);
    RUN(directories_replace_them);
    RUN(opaque_directories_hold_none);
    RUN(devices_are_skipped_and_counted);
    RUN(strict_refuses_devices);
    return 0;
}
