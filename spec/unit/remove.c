/* Deleting a tree: everything, step by step, around what has to stay. */
#include "base/remove.h"

#include "base/own.h"
#include "trees_support.h"

/* Removes name of the working directory; the last answer of step. */
static int remove_all(const char *name, size_t budget, uint64_t *count, struct ms_err *err) {
    struct ms_remove *removal = NULL;
    ms_auto_close int here = open_dir(".");
    int code = ms_remove_open(here, name, &removal, err);
    CHECK(code == 0);
    do
        code = ms_remove_step(removal, budget, err);
    while (code == 1);
    *count = ms_remove_count(removal);
    ms_remove_free(removal);
    return code;
}

static void removes_all_kinds(void) {
    struct ms_err err;
    uint64_t count = 0;
    make_dir("outside");
    make_file("outside/f", "x");
    make_dir("t");
    make_dir("t/d");
    make_file("t/d/f", "x");
    CHECK(link("t/d/f", "t/hard") == 0);
    CHECK(symlink("../outside", "t/link") == 0);
    CHECK(mkfifo("t/fifo", 0600) == 0);
    CHECK(mknod("t/socket", S_IFSOCK | 0600, 0) == 0);
    CHECK(remove_all("t", 2, &count, &err) == 0);
    CHECK(!exists("t") && exists("outside/f"));
    CHECK(count == 7);
}

static void removes_what_is_no_directory(void) {
    struct ms_err err;
    uint64_t count = 0;
    make_dir("d");
    CHECK(symlink("d", "link") == 0);
    CHECK(remove_all("link", 1, &count, &err) == 0);
    CHECK(!exists("link") && exists("d") && count == 1);
}

static void misses_what_is_not_there(void) {
    struct ms_err err;
    struct ms_remove *removal = NULL;
    ms_auto_close int here = open_dir(".");
    CHECK(ms_remove_open(here, "none", &removal, &err) == MS_NOT_FOUND);
    CHECK(removal == NULL);
}

static void takes_steps(void) {
    struct ms_err err;
    struct ms_remove *removal = NULL;
    ms_auto_close int here = open_dir(".");
    int steps = 1;
    make_dir("t");
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t/%d", i);
        make_file(name, "");
    }
    CHECK(ms_remove_open(here, "t", &removal, &err) == 0);
    CHECK(ms_remove_step(removal, 11, &err) == 1);
    CHECK(ms_remove_count(removal) == 10); /* one of the 11 was entering */
    while (ms_remove_step(removal, 11, &err) == 1)
        steps++;
    CHECK(steps == 9);
    ms_remove_free(removal);
    CHECK(!exists("t"));
}

static void leaves_the_rest_when_freed(void) {
    struct ms_err err;
    struct ms_remove *removal = NULL;
    int before = count_fds();
    int here = open_dir(".");
    make_dir("t");
    make_file("t/a", "");
    make_file("t/b", "");
    CHECK(ms_remove_open(here, "t", &removal, &err) == 0);
    CHECK(ms_remove_step(removal, 2, &err) == 1);
    ms_remove_free(removal);
    CHECK(close(here) == 0);
    CHECK(exists("t/a") != exists("t/b"));
    CHECK(count_fds() == before);
}

static void removes_deep_trees(void) {
    struct ms_err err;
    uint64_t count = 0;
    int home = open_dir(".");
    make_dir("t");
    CHECK(chdir("t") == 0);
    make_deep("deep", 1000);
    CHECK(fchdir(home) == 0 && close(home) == 0);
    CHECK(remove_all("t", 1000, &count, &err) == 0);
    CHECK(!exists("t") && count == 1001);
}

/* As an ordinary user, who needs the rights that root does not. */
static void opens_up_directories_of_its_own(void) {
    struct ms_err err;
    uint64_t count = 0;
    make_dir("t");
    make_dir("t/work");
    make_dir("t/work/work");
    make_file("t/work/work/f", "");
    if (geteuid() == 0) {
        CHECK(chown("t", 65534, 65534) == 0 && chown("t/work", 65534, 65534) == 0);
        CHECK(chown("t/work/work", 65534, 65534) == 0 && chown(".", 65534, 65534) == 0);
    }
    CHECK(chmod("t/work/work", 0) == 0 && chmod("t/work", 0500) == 0);
    CHECK(geteuid() != 0 || seteuid(65534) == 0);
    int code = remove_all("t", 100, &count, &err);
    (void)seteuid(getuid());
    CHECK(code == 0);
    CHECK(!exists("t") && count == 4);
}

/* Root's directory in the middle of what an ordinary user removes. */
static void goes_on_behind_what_stays(void) {
    struct ms_err err;
    uint64_t count = 0;
    make_dir("t");
    make_dir("t/m");
    make_file("t/m/f", "");
    CHECK(chmod("t/m", 0700) == 0);
    make_dir("t/a");
    make_file("t/a/f", "");
    make_dir("t/z");
    CHECK(chown("t", 65534, 65534) == 0 && chown("t/a", 65534, 65534) == 0);
    CHECK(chown("t/z", 65534, 65534) == 0 && chown(".", 65534, 65534) == 0);
    CHECK(seteuid(65534) == 0);
    int code = remove_all("t", 100, &count, &err);
    CHECK(seteuid(0) == 0);
    CHECK(code == MS_PERMISSION_DENIED);
    CHECK_TEXT(err.text, "remove 'm': Permission denied");
    CHECK(exists("t/m/f") && !exists("t/a") && !exists("t/z"));
    CHECK(count == 3);
}

static void stops_at_mounts(void) {
    struct ms_err err;
    uint64_t count = 0;
    make_dir("t");
    make_dir("t/m");
    make_dir("t/other");
    make_file("t/other/f", "");
    mount_tmpfs("t/m");
    make_file("t/m/kept", "x");
    CHECK(chmod("t/m", 0) == 0);
    CHECK(remove_all("t", 100, &count, &err) == MS_FAILED_PRECONDITION);
    CHECK_TEXT(err.text, "remove 'm': something is mounted on it");
    struct stat st;
    CHECK(stat("t/m", &st) == 0 && (st.st_mode & 07777) == 0);
    CHECK(exists("t/m/kept") && !exists("t/other"));
    CHECK(umount("t/m") == 0);
    CHECK(remove_all("t", 100, &count, &err) == 0 && !exists("t"));
}

static void stops_at_a_mount_on_the_tree_itself(void) {
    struct ms_err err;
    uint64_t count = 0;
    make_dir("t");
    mount_tmpfs("t");
    make_file("t/kept", "x");
    CHECK(remove_all("t", 100, &count, &err) == MS_FAILED_PRECONDITION);
    CHECK(exists("t/kept") && count == 0);
    CHECK(umount("t") == 0);
}

static void counts_what_stays(void) {
    struct ms_err err;
    uint64_t count = 0;
    make_dir("t");
    make_dir("t/a");
    make_dir("t/b");
    mount_tmpfs("t/a");
    mount_tmpfs("t/b");
    CHECK(remove_all("t", 100, &count, &err) == MS_FAILED_PRECONDITION);
    CHECK(strncmp(err.text, "2 entries stay, the first: remove '", 35) == 0);
    CHECK(umount("t/a") == 0 && umount("t/b") == 0);
}

int main(void) {
    RUN(removes_all_kinds);
    RUN(removes_what_is_no_directory);
    RUN(misses_what_is_not_there);
    RUN(takes_steps);
    RUN(leaves_the_rest_when_freed);
    RUN(removes_deep_trees);
    RUN(opens_up_directories_of_its_own);
    RUN_ALONE(goes_on_behind_what_stays);
    RUN_ALONE(stops_at_mounts);
    RUN_ALONE(stops_at_a_mount_on_the_tree_itself);
    RUN_ALONE(counts_what_stays);
    return 0;
}
