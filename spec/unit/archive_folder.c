/* Directories as sources: a copy that is the same in all that can be seen. Needs no privilege. */
#include <sys/socket.h>
#include <sys/un.h>

#include "archive_support.h"

static void make_source(void) {
    CHECK(mkdir("in", 0755) == 0 && mkdir("in/d", 0750) == 0 && mkdir("in/empty", 0700) == 0);
    write_file("in/d/f", "content of f\n");
    CHECK(chmod("in/d/f", 04751) == 0);
    CHECK(setxattr("in/d/f", "user.color", "blue", 4, 0) == 0);
    CHECK(link("in/d/f", "in/again") == 0 && link("in/d/f", "in/empty/third") == 0);
    CHECK(symlink("/nowhere/at/all", "in/link") == 0 && mkfifo("in/fifo", 0600) == 0);
    struct timespec times[2] = {{.tv_sec = 77, .tv_nsec = 7}, {.tv_sec = 88, .tv_nsec = 8}};
    static const char *const names[] = {"in/link", "in/d/f", "in/d", "in/empty", "in"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK(utimensat(AT_FDCWD, names[i], times, AT_SYMLINK_NOFOLLOW) == 0);
}

static void everything_comes_along(void) {
    make_source();
    struct ms_import_summary summary = import_path("out", "in", MS_WHITEOUT_OVERLAY_USER);
    check_content("out/d/f", "content of f\n");
    CHECK((look("out/d/f").st_mode & 07777) == 04751 && (look("out/d").st_mode & 07777) == 0750);
    CHECK(has_xattr("out/d/f", "user.color", "blue"));
    CHECK(look("out/again").st_ino == look("out/d/f").st_ino && look("out/again").st_nlink == 3);
    char target[64] = {0};
    CHECK(readlink("out/link", target, sizeof target) > 0);
    CHECK_TEXT(target, "/nowhere/at/all");
    CHECK(S_ISFIFO(look("out/fifo").st_mode) && count_names("out") == 5);
    static const char *const names[] = {"out/link", "out/d/f", "out/d", "out/empty", "out"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK(look(names[i]).st_mtim.tv_sec == 88 && look(names[i]).st_mtim.tv_nsec == 8);
    CHECK(summary.entries == 8 && summary.bytes == 13 && summary.first_note[0] == '\0');
}

static void holes_stay_holes(void) {
    CHECK(mkdir("in", 0755) == 0);
    int fd = open("in/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && pwrite(fd, "a", 1, 0) == 1 && pwrite(fd, "b", 1, 40 << 20) == 1);
    CHECK(ftruncate(fd, 50 << 20) == 0 && close(fd) == 0);
    (void)import_path("out", "in", MS_WHITEOUT_OVERLAY_USER);
    struct stat st = look("out/sparse");
    CHECK(st.st_size == 50 << 20 && st.st_blocks < 64);
    char got = 0;
    fd = open("out/sparse", O_RDONLY | O_CLOEXEC);
    CHECK(pread(fd, &got, 1, 40 << 20) == 1 && got == 'b' && close(fd) == 0);
}

/* Content larger than a piece, and a step that ends in the middle of it. */
static void large_files_come_in_by_steps(void) {
    CHECK(mkdir("in", 0755) == 0 && mkdir("out", 0755) == 0);
    FILE *file = fopen("in/big", "we");
    for (int i = 0; i < 1000000; i++)
        CHECK(fprintf(file, "%07d\n", i) == 8);
    CHECK(fclose(file) == 0);
    int fd = open("out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ms_import_request request = {.path = "in", .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import *import = NULL;
    struct ms_err err = {0};
    CHECK(ms_import_open(fd, &request, &import, &err) == 0);
    int steps = 1;
    while (ms_import_step(import, 1, &err) == 1)
        steps++;
    struct ms_import_progress progress;
    ms_import_progress(import, &progress);
    CHECK(progress.bytes_read == 8000000 && steps > 8);
    ms_import_free(import);
    CHECK(close(fd) == 0 && system("cmp in/big out/big") == 0);
}

static void whiteouts_of_aufs_are_understood(void) {
    CHECK(mkdir("in", 0755) == 0 && mkdir("in/d", 0755) == 0);
    write_file("in/.wh.gone", "");
    write_file("in/d/.wh..wh..opq", "");
    write_file("in/d/kept", "k");
    (void)import_path("out", "in", MS_WHITEOUT_OVERLAY_USER);
    CHECK(S_ISCHR(look("out/gone").st_mode) && has_xattr("out/d", "user.overlay.opaque", "y"));
    CHECK(count_names("out/d") == 1 && count_names("out") == 2);
}

static void the_store_is_not_copied_into_itself(void) {
    CHECK(mkdir("in", 0755) == 0 && mkdir("in/store", 0755) == 0);
    CHECK(mkdir("in/store/stage", 0755) == 0 && mkdir("in/store/layer", 0755) == 0);
    struct ms_import_request request = {.path = "in", .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    int rc = import_request("in/store/stage", &request, &summary, &err);
    CHECK(rc == MS_FAILED_PRECONDITION && strstr(err.text, "the store itself") != NULL);
    request.path = "in/store/layer";
    CHECK(import_request("in/store/stage", &request, &summary, &err) == 0);
}

/* A store that is not above the target: one that a bind mount shows there. */
static void a_store_inside_is_found_on_the_way(void) {
    CHECK(mkdir("in", 0755) == 0 && mkdir("in/store", 0755) == 0);
    struct stat st = look("in/store");
    struct ms_import_request request = {.path = "in",
                                        .whiteout = MS_WHITEOUT_OVERLAY_USER,
                                        .store_dev = st.st_dev,
                                        .store_ino = st.st_ino};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    CHECK(import_request("out", &request, &summary, &err) == MS_FAILED_PRECONDITION);
    CHECK(strstr(err.text, "'store'") != NULL);
}

static void a_descriptor_will_do(void) {
    make_source();
    int fd = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ms_import_request request = {.fd = fd, .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    CHECK(import_request("out", &request, &summary, &err) == 0);
    CHECK(fcntl(fd, F_GETFD) >= 0 && close(fd) == 0);
    check_content("out/d/f", "content of f\n");
}

static void sockets_come_along(void) {
    CHECK(mkdir("in", 0755) == 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "in/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    (void)import_path("out", "in", MS_WHITEOUT_OVERLAY_USER);
    CHECK(S_ISSOCK(look("out/socket").st_mode) && close(fd) == 0);
}

static void it_lies_over_a_parent(void) {
    make_source();
    CHECK(mkdir("out", 0700) == 0 && mkdir("out/d", 0700) == 0);
    write_file("out/d/old", "old");
    write_file("out/again", "other");
    (void)import_path("out", "in", MS_WHITEOUT_DELETE);
    check_content("out/d/old", "old");
    check_content("out/again", "content of f\n");
    CHECK((look("out").st_mode & 07777) == 0755 && (look("out/d").st_mode & 07777) == 0750);
    CHECK(look("out/again").st_nlink == 3);
    CHECK(look("out").st_mtim.tv_sec == 88 && look("out/d").st_mtim.tv_sec == 88);
}

static void many_hard_links_find_their_first(void) {
    CHECK(mkdir("in", 0755) == 0 && mkdir("in/b", 0755) == 0);
    char a[32];
    char b[32];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(a, sizeof a, "in/a%d", i);
        (void)snprintf(b, sizeof b, "in/b/%d", i);
        write_file(a, a);
        CHECK(link(a, b) == 0);
    }
    (void)import_path("out", "in", MS_WHITEOUT_OVERLAY_USER);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(a, sizeof a, "out/a%d", i);
        (void)snprintf(b, sizeof b, "out/b/%d", i);
        CHECK(look(a).st_ino == look(b).st_ino && look(a).st_nlink == 2);
    }
}

int main(void) {
    RUN(everything_comes_along);
    RUN(holes_stay_holes);
    RUN(large_files_come_in_by_steps);
    RUN(whiteouts_of_aufs_are_understood);
    RUN(the_store_is_not_copied_into_itself);
    RUN(a_store_inside_is_found_on_the_way);
    RUN(a_descriptor_will_do);
    RUN(sockets_come_along);
    RUN(it_lies_over_a_parent);
    RUN(many_hard_links_find_their_first);
    return 0;
}
