/* What changed: from a layer itself, and between two merged views. Whiteouts and marks are made by
 * hand here, with the attributes that need no privilege; what the kernel makes, specs look at. */
#include "engine/diff/diff.h"

#include "base/own.h"
#include "base/text.h"
#include "trees_support.h"

#define OPAQUE "user.overlay.opaque"

/* An absolute path of the working directory's entry; in one of a few static rooms. */
static const char *whole(const char *name) {
    static char rooms[8][4200];
    static int next;
    char *room = rooms[next++ % 8];
    char here[4096];
    CHECK(getcwd(here, sizeof here) != NULL);
    (void)snprintf(room, sizeof rooms[0], "%s/%s", here, name);
    return room;
}

static char *take_all(const struct ms_diff_request *request) {
    struct ms_err err = {0};
    struct ms_diff *diff = NULL;
    struct ms_change change;
    struct ms_text told = {0};
    int code = ms_diff_open(request, &diff, &err);
    CHECK(code == 0);
    while ((code = ms_diff_next(diff, &change, &err)) == 1)
        ms_text_printf(&told, "%s %s %s %lld\n", change.change, change.path, change.type,
                       (long long)change.size_bytes);
    if (code < 0)
        (void)fprintf(stderr, "%s\n", err.text);
    CHECK(code == 0);
    ms_diff_free(diff);
    return ms_text_take(&told);
}

/* The diff of layer "top" over "middle" and "bottom". */
static void check_layer(const char *want) {
    const char *const layers[] = {whole("top")};
    const char *const others[] = {whole("middle"), whole("bottom")};
    const struct ms_diff_request request = {.layers = layers,
                                            .layers_count = 1,
                                            .others = others,
                                            .others_count = 2,
                                            .stacks = true,
                                            .user_xattrs = true};
    ms_auto_free char *got = take_all(&request);
    CHECK_TEXT(got, want);
}

/* The differences of top over bottom as seen from middle over bottom. */
static void check_compared(const char *want) {
    const char *const layers[] = {whole("top"), whole("bottom")};
    const char *const others[] = {whole("middle"), layers[1]};
    const struct ms_diff_request request = {.layers = layers,
                                            .layers_count = 2,
                                            .others = others,
                                            .others_count = 2,
                                            .compare = true,
                                            .stacks = true,
                                            .user_xattrs = true};
    ms_auto_free char *got = take_all(&request);
    CHECK_TEXT(got, want);
}

static void make_layers(void) {
    make_dir("top");
    make_dir("middle");
    make_dir("bottom");
}

static void whiteout(const char *path) { CHECK(mknod(path, S_IFCHR, makedev(0, 0)) == 0); }

static void mark(const char *path, const char *name, const char *value) {
    CHECK(setxattr(path, name, value, strlen(value), 0) == 0);
}

static void tells_an_empty_layer(void) {
    make_layers();
    make_file("bottom/f", "x");
    check_layer("");
}

static void tells_added_changed_and_removed(void) {
    make_layers();
    make_file("bottom/gone", "x");
    make_file("bottom/other", "x");
    make_file("middle/near", "x");
    make_file("top/other", "longer");
    whiteout("top/gone");
    make_file("top/near", "");
    make_file("top/new", "12");
    CHECK(symlink("x", "top/link") == 0);
    check_layer("removed gone file 1\n"
                "added link symlink 0\n"
                "changed near file 0\n"
                "added new file 2\n"
                "changed other file 6\n");
}

static void tells_a_directory_only_for_itself(void) {
    make_layers();
    make_dir("bottom/same");
    make_dir("bottom/mode");
    make_dir("bottom/attr");
    make_dir("top/same");
    make_dir("top/mode");
    make_dir("top/attr");
    make_file("top/same/f", "x");
    CHECK(chmod("top/mode", 0700) == 0);
    mark("top/attr", "user.x", "y");
    mark("top/same", "user.overlay.origin", "y");
    check_layer("changed attr directory 0\n"
                "changed mode directory 0\n"
                "added same/f file 1\n");
}

static void honours_what_the_parents_hide(void) {
    make_layers();
    make_file("bottom/a", "x");
    whiteout("middle/a");
    make_file("top/a", "x"); /* the middle removed it */
    make_dir("bottom/d");
    make_file("bottom/d/f", "x");
    make_dir("middle/d");
    mark("middle/d", OPAQUE, "y");
    make_dir("top/d");
    make_file("top/d/f", "x"); /* the middle's d has none */
    make_dir("bottom/r");
    make_file("bottom/r/f", "x");
    make_file("middle/r", "x"); /* a file in its place */
    make_dir("top/r");
    make_file("top/r/f", "x");
    whiteout("top/never");
    check_layer("added a file 1\n"
                "added d/f file 1\n"
                "changed r directory 0\n"
                "added r/f file 1\n");
}

static void tells_opaque_directories(void) {
    make_layers();
    make_dir("bottom/d");
    make_file("bottom/d/old", "x");
    make_file("bottom/d/both", "x");
    make_dir("top/d");
    mark("top/d", OPAQUE, "y");
    make_file("top/d/both", "x");
    make_dir("top/new");
    mark("top/new", OPAQUE, "y");
    check_layer("opaque d directory 0\n"
                "added d/both file 1\n"
                "added new directory 0\n");
}

static void knows_whiteouts_that_are_files(void) {
    make_layers();
    make_dir("bottom/d");
    make_file("bottom/d/gone", "x");
    make_dir("bottom/e");
    make_file("bottom/e/seen", "x");
    make_dir("top/d");
    mark("top/d", OPAQUE, "x");
    make_file("top/d/gone", "");
    mark("top/d/gone", "user.overlay.whiteout", "y");
    make_dir("top/e");
    make_file("top/e/seen", "");
    mark("top/e/seen", "user.overlay.whiteout", "y"); /* its directory is not marked */
    check_layer("removed d/gone file 1\n"
                "changed e/seen file 0\n");
}

static void compares_merged_views(void) {
    make_layers();
    make_dir("bottom/d");
    make_file("bottom/d/same", "x");
    make_file("bottom/d/gone", "x");
    make_file("bottom/back", "x");
    make_dir("top/d");
    whiteout("top/d/gone");
    make_file("top/new", "123");
    whiteout("middle/back");
    make_dir("middle/old");
    make_file("middle/old/f", "x");
    check_compared("added back file 1\n"
                   "removed d/gone file 1\n"
                   "added new file 3\n"
                   "removed old directory 0\n");
}

static void set_time(const char *path, long ns) {
    const struct timespec times[2] = {{.tv_sec = 1000000000},
                                      {.tv_sec = 1000000000, .tv_nsec = ns}};
    CHECK(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0);
}

static void compares_files_by_what_stat_and_attributes_say(void) {
    make_layers();
    make_file("top/same", "a");
    make_file("middle/same", "b");
    make_file("top/time", "a");
    make_file("middle/time", "a");
    make_file("top/attr", "a");
    make_file("middle/attr", "a");
    set_time("top/same", 1);
    set_time("middle/same", 1);
    set_time("top/time", 1);
    set_time("middle/time", 2);
    mark("top/attr", "user.x", "1");
    mark("middle/attr", "user.x", "2");
    set_time("top/attr", 1);
    set_time("middle/attr", 1);
    check_compared("changed attr file 1\n"
                   "changed time file 1\n");
}

static void tells_entries_however_deep(void) {
    ms_auto_text struct ms_text want = {0};
    int home = open_dir(".");
    make_layers();
    CHECK(chdir("bottom") == 0);
    make_deep(LONG_NAME, 20);
    make_file("f", "x");
    CHECK(fchdir(home) == 0 && chdir("top") == 0);
    make_deep(LONG_NAME, 20);
    make_file("f", "xy");
    CHECK(fchdir(home) == 0 && close(home) == 0);
    ms_text_puts(&want, "changed ");
    for (int i = 0; i < 20; i++)
        ms_text_puts(&want, LONG_NAME "/");
    ms_text_puts(&want, "f file 2\n");
    check_layer(want.bytes);
}

int main(void) {
    RUN(tells_an_empty_layer);
    RUN(tells_added_changed_and_removed);
    RUN(tells_a_directory_only_for_itself);
    RUN(honours_what_the_parents_hide);
    RUN(tells_opaque_directories);
    RUN(knows_whiteouts_that_are_files);
    RUN(compares_merged_views);
    RUN(compares_files_by_what_stat_and_attributes_say);
    RUN(tells_entries_however_deep);
    return 0;
}
