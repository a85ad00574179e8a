/* Markers: rows kept as symlinks beside the layers. */
#include "engine/layer/marker.h"

#include <dirent.h>

#include "base/own.h"
#include "trees_support.h"

/* A marker of a name with so many labels of that size; the caller clears it. */
static struct ms_marker sample(const char *name, int labels, int label_size) {
    struct ms_err err = {0};
    struct ms_marker marker = {.number = 42,
                               .parent = 41,
                               .created_ns = 1700000000123456789,
                               .updated_ns = 1700000001123456789,
                               .usage = {.size_bytes = 4096, .inodes = 3},
                               .driver = strdup("overlay"),
                               .xattrs = strdup("trusted"),
                               .ns = strdup("default"),
                               .name = strdup(name)};
    ms_auto_free char *value = calloc((size_t)label_size + 1, 1);
    memset(value, ',', (size_t)label_size);
    for (int i = 0; i < labels; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "label %d:", i);
        CHECK(ms_labels_set(&marker.labels, label, value, &err) == 0);
    }
    return marker;
}

static void same(const struct ms_marker *got, const struct ms_marker *want) {
    CHECK(got->number == want->number && got->parent == want->parent);
    CHECK(got->created_ns == want->created_ns && got->updated_ns == want->updated_ns);
    CHECK(got->usage.size_bytes == want->usage.size_bytes);
    CHECK(got->usage.inodes == want->usage.inodes);
    CHECK_TEXT(got->driver, want->driver);
    CHECK_TEXT(got->xattrs, want->xattrs);
    CHECK_TEXT(got->ns, want->ns);
    CHECK_TEXT(got->name, want->name);
    CHECK(got->labels.count == want->labels.count);
    for (size_t i = 0; i < want->labels.count; i++)
        CHECK_TEXT(ms_labels_find(&got->labels, want->labels.items[i].name),
                   want->labels.items[i].value);
}

static void there_and_back(const struct ms_marker *marker) {
    struct ms_err err = {0};
    ms_auto_marker struct ms_marker back = {0};
    ms_auto_close int fd = open_dir(".");
    CHECK(ms_marker_write(fd, marker, &err) == 0);
    CHECK(ms_marker_read(fd, 42, &back, &err) == 0);
    same(&back, marker);
}

static int names_here(void) {
    ms_auto_closedir DIR *dir = opendir(".");
    int count = -2;
    while (readdir(dir) != NULL)
        count++;
    return count;
}

static void comes_back(void) {
    ms_auto_marker struct ms_marker plain = sample("a name", 2, 10);
    there_and_back(&plain);
    CHECK(names_here() == 1);
}

static void holds_awkward_names(void) {
    ms_auto_marker struct ms_marker awkward = sample("5:a,b/../\n \xc3\xa9", 1, 0);
    there_and_back(&awkward);
}

static void spreads_over_links(void) {
    char name[32769];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ms_auto_marker struct ms_marker large = sample(name, 100, 4000);
    there_and_back(&large);
    CHECK(names_here() > 400);
}

static void replaces_a_longer_one(void) {
    ms_auto_marker struct ms_marker large = sample("n", 10, 1000);
    ms_auto_marker struct ms_marker small = sample("n", 0, 0);
    there_and_back(&large);
    there_and_back(&small);
    CHECK(names_here() == 1);
}

static void is_dropped_whole(void) {
    ms_auto_marker struct ms_marker large = sample("n", 10, 1000);
    ms_auto_close int fd = open_dir(".");
    there_and_back(&large);
    ms_marker_drop(fd, 42);
    CHECK(names_here() == 0);
    ms_marker_drop(fd, 42);
}

static void refuse(const char *text, int kind) {
    struct ms_err err = {0};
    struct ms_marker marker = {0};
    ms_auto_close int fd = open_dir(".");
    (void)unlink("42.row");
    if (text != NULL)
        CHECK(symlink(text, "42.row") == 0);
    CHECK(ms_marker_read(fd, 42, &marker, &err) == kind);
    CHECK(marker.name == NULL);
}

#define HEAD "9:moonsnap1,2:42,1:0,1:1,1:1,1:0,1:1,"
#define REST "7:overlay,7:trusted,7:default,1:n,"

static void refuses_what_is_none(void) {
    struct ms_err err = {0};
    ms_auto_marker struct ms_marker good = {0};
    ms_auto_close int fd = open_dir(".");
    CHECK(symlink(HEAD "1:0," REST, "42.row") == 0);
    CHECK(ms_marker_read(fd, 42, &good, &err) == 0);
    refuse(NULL, MS_NOT_FOUND);
    refuse("x", MS_DATA_LOSS);
    refuse("9:moonsnap2,2:42,1:0,1:1,1:1,1:0,1:1,1:0," REST, MS_DATA_LOSS);
    refuse("9:moonsnap1,2:43,1:0,1:1,1:1,1:0,1:1,1:0," REST, MS_DATA_LOSS);
    refuse(HEAD "1:0,7:overlay,7:trusted,7:default,2:n,", MS_DATA_LOSS);
    refuse(HEAD "1:0,7:overlay,7:trusted,7:default,", MS_DATA_LOSS);
    refuse(HEAD "1:1," REST "1:a,", MS_DATA_LOSS);
    refuse(HEAD "2:-1," REST, MS_DATA_LOSS);
    refuse(HEAD "20:99999999999999999999," REST, MS_DATA_LOSS);
    refuse(HEAD "1:0,99999999999999999999:overlay,7:trusted,7:default,1:n,", MS_DATA_LOSS);
    refuse(HEAD "1:0,18446744073709551615:overlay,7:trusted,7:default,1:n,", MS_DATA_LOSS);
}

int main(void) {
    RUN(comes_back);
    RUN(holds_awkward_names);
    RUN(spreads_over_links);
    RUN(replaces_a_longer_one);
    RUN(is_dropped_whole);
    RUN(refuses_what_is_none);
    return 0;
}
