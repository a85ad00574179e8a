/* Visiting a tree: order, skipping, depth, mounts, what vanishes. */
#include "base/tree.h"

#include "base/dir.h"
#include "base/own.h"
#include "base/text.h"
#include "trees_support.h"

/* "PATH;" for each item, ">PATH;" and "<PATH;" for directories. Of one name in each directory. */
static void tell(struct ms_text *out, const struct ms_tree_item *item) {
    static const char *const signs[] = {
        [MS_TREE_ITEM] = "", [MS_TREE_ENTER] = ">", [MS_TREE_LEAVE] = "<"};
    ms_text_printf(out, "%s%s;", signs[item->event], item->path);
}

static void visit_all(const char *root, const char *skip, struct ms_text *out) {
    struct ms_err err;
    struct ms_tree tree = {0};
    struct ms_tree_item item;
    ms_auto_close int fd = open_dir(root);
    CHECK(ms_tree_open(&tree, fd, &err) == 0);
    int code = 0;
    while ((code = ms_tree_next(&tree, &item, &err)) == 1) {
        tell(out, &item);
        if (item.event == MS_TREE_ENTER && skip != NULL && strcmp(item.name, skip) == 0)
            ms_tree_skip(&tree);
    }
    CHECK(code == 0);
    ms_tree_clear(&tree);
}

static void enters_before_and_leaves_after(void) {
    ms_auto_text struct ms_text told = {0};
    make_dir("d");
    make_dir("d/e");
    make_file("d/e/f", "x");
    visit_all(".", NULL, &told);
    CHECK_TEXT(told.bytes, ">;>d;>d/e;d/e/f;<d/e;<d;<;");
}

static void skips_what_it_is_told_to(void) {
    ms_auto_text struct ms_text told = {0};
    make_dir("d");
    make_dir("d/e");
    make_file("d/e/f", "x");
    visit_all(".", "e", &told);
    CHECK_TEXT(told.bytes, ">;>d;>d/e;<d;<;");
}

static void does_not_follow_links(void) {
    ms_auto_text struct ms_text told = {0};
    make_dir("outside");
    make_file("outside/f", "x");
    make_dir("d");
    CHECK(symlink("../outside", "d/link") == 0);
    visit_all("d", NULL, &told);
    CHECK_TEXT(told.bytes, ">;link;<;");
}

/* 1,000 levels: more than descriptors, and a path longer than the kernel takes. */
static void goes_deep_with_few_descriptors(void) {
    struct ms_err err;
    struct ms_tree tree = {0};
    struct ms_tree_item item;
    int home = open_dir(".");
    make_deep("deep", 1000);
    make_file("bottom", "x");
    CHECK(fchdir(home) == 0);
    int before = count_fds();
    int most = 0;
    int enters = 0;
    int leaves = 0;
    size_t longest = 0;
    CHECK(ms_tree_open(&tree, home, &err) == 0);
    while (ms_tree_next(&tree, &item, &err) == 1) {
        enters += item.event == MS_TREE_ENTER;
        leaves += item.event == MS_TREE_LEAVE;
        if (item.event != MS_TREE_ITEM)
            continue;
        most = count_fds();
        longest = strlen(item.path);
        CHECK_TEXT(item.name, "bottom");
    }
    CHECK(enters == 1001 && leaves == 1001);
    CHECK(longest == 1000 * strlen("deep/") + strlen("bottom"));
    CHECK(most - before < 80);
    CHECK(count_fds() == before);
    ms_tree_clear(&tree);
    CHECK(close(home) == 0);
}

/* Siblings behind a subtree so deep that the directory that holds them was closed meanwhile. */
static void comes_back_to_the_rest_of_a_directory(void) {
    ms_auto_text struct ms_text told = {0};
    int home = open_dir(".");
    int files = 0;
    for (int i = 0; i < 200; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        make_file(name, "");
    }
    make_deep("deep", 100);
    CHECK(fchdir(home) == 0 && close(home) == 0);
    visit_all(".", NULL, &told);
    for (const char *at = told.bytes; *at != '\0'; at = strchr(at, ';') + 1)
        files += *at >= '0' && *at <= '9';
    CHECK(files == 200);
}

static void passes_over_what_vanishes(void) {
    struct ms_err err;
    struct ms_tree tree = {0};
    struct ms_tree_item item;
    ms_auto_close int fd = open_dir(".");
    int items = 0;
    make_file("a", "");
    make_file("b", "");
    CHECK(ms_tree_open(&tree, fd, &err) == 0);
    int code = 0;
    while ((code = ms_tree_next(&tree, &item, &err)) == 1) {
        if (item.event != MS_TREE_ITEM)
            continue;
        items++;
        CHECK(unlink("a") == 0 && unlink("b") == 0);
    }
    CHECK(code == 0 && items == 1);
    ms_tree_clear(&tree);
}

static void stops_early_without_a_leak(void) {
    struct ms_err err;
    struct ms_tree tree = {0};
    struct ms_tree_item item;
    int before = count_fds();
    make_dir("d");
    make_file("d/f", "");
    int fd = open_dir(".");
    CHECK(ms_tree_open(&tree, fd, &err) == 0);
    while (ms_tree_next(&tree, &item, &err) == 1 && item.event != MS_TREE_ITEM)
        ;
    ms_tree_clear(&tree);
    CHECK(close(fd) == 0);
    CHECK(count_fds() == before);
}

static void knows_mounts(void) {
    struct ms_err err;
    struct ms_tree tree = {0};
    struct ms_tree_item item;
    ms_auto_close int fd = open_dir(".");
    int mounts = 0;
    int others = 0;
    make_dir("plain");
    make_dir("tmpfs");
    make_dir("bound");
    mount_tmpfs("tmpfs");
    CHECK(mount("plain", "bound", NULL, MS_BIND, NULL) == 0); /* the same device */
    CHECK(ms_tree_open(&tree, fd, &err) == 0);
    while (ms_tree_next(&tree, &item, &err) == 1) {
        mounts += item.mount;
        others += item.event == MS_TREE_ENTER && !item.mount;
        if (item.mount)
            CHECK(strcmp(item.path, "plain") != 0);
    }
    CHECK(mounts == 2 && others == 2);
    ms_tree_clear(&tree);
    CHECK(umount("tmpfs") == 0 && umount("bound") == 0);
}

static void beneath_opens_long_paths(void) {
    struct ms_err err;
    struct stat here;
    struct stat found;
    ms_auto_text struct ms_text path = {0};
    ms_auto_close int home = open_dir(".");
    make_deep(LONG_NAME, 20);
    CHECK(stat(".", &here) == 0 && fchdir(home) == 0);
    for (int i = 0; i < 20; i++)
        ms_text_puts(&path, i == 0 ? LONG_NAME : "/" LONG_NAME);
    ms_auto_close int fd = ms_dir_open_beneath(home, path.bytes, &err);
    CHECK(fd >= 0 && fstat(fd, &found) == 0);
    CHECK(found.st_ino == here.st_ino);
}

static void beneath_follows_nothing_out(void) {
    struct ms_err err;
    ms_auto_close int home = open_dir(".");
    make_dir("d");
    make_dir("other");
    CHECK(symlink("../other", "d/link") == 0);
    ms_auto_close int inside = open_dir("d");
    CHECK(ms_dir_open_beneath(home, "d/link", &err) == MS_INVALID_ARGUMENT);
    CHECK(ms_dir_open_beneath(inside, "..", &err) == MS_INVALID_ARGUMENT);
    CHECK(ms_dir_open_beneath(inside, "/other", &err) == MS_INVALID_ARGUMENT);
    CHECK(ms_dir_open_beneath(inside, "none", &err) == MS_NOT_FOUND);
}

int main(void) {
    RUN(enters_before_and_leaves_after);
    RUN(skips_what_it_is_told_to);
    RUN(does_not_follow_links);
    RUN(goes_deep_with_few_descriptors);
    RUN(comes_back_to_the_rest_of_a_directory);
    RUN(passes_over_what_vanishes);
    RUN(stops_early_without_a_leak);
    RUN_ALONE(knows_mounts);
    RUN(beneath_opens_long_paths);
    RUN(beneath_follows_nothing_out);
    return 0;
}
