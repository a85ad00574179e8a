/* What a line of mountinfo says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/mount/mountinfo.h"

static int failures;

static void expect(const char *line, uint64_t id, const char *root, const char *target,
                   const char *type) {
    struct ms_mountinfo_line found = {0};
    char *text = strdup(line);
    if (text == NULL || !ms_mountinfo_parse(text, &found) || found.id != id ||
        strcmp(found.root, root) != 0 || strcmp(found.target, target) != 0 ||
        strcmp(found.type, type) != 0) {
        printf("read wrongly: %s\n", line);
        failures++;
    }
    free(text);
}

static void refuse(const char *line) {
    struct ms_mountinfo_line found = {0};
    char *text = strdup(line);
    if (text == NULL || ms_mountinfo_parse(text, &found)) {
        printf("taken for a mount: %s\n", line);
        failures++;
    }
    free(text);
}

/* An overlay of 500 layers by mount(2) has a line of tens of kilobytes. */
static void check_long_line(void) {
    enum { LAYERS = 500 };
    char line[64 * 1024];
    int size = snprintf(line, sizeof line, "7 1 0:9 / /t rw - overlay overlay rw,lowerdir=");
    for (int i = 0; i < LAYERS; i++)
        size +=
            snprintf(line + size, sizeof line - (size_t)size, "/var/lib/moonsnap/layers/%d:", i);
    expect(line, 7, "/", "/t", "overlay");
}

int main(void) {
    expect("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n", 36,
           "/mnt1", "/mnt2", "ext3");
    expect("1 0 0:1 / / rw shared:1 master:2 propagate_from:3 unbindable - tmpfs none rw", 1, "/",
           "/", "tmpfs");
    expect("5 4 0:2 / /a\\040b\\011c\\012d\\134e\\054f rw - overlay overlay ro", 5, "/",
           "/a b\tc\nd\\e,f", "overlay");
    expect("5 4 0:2 / /odd\\9 rw - overlay overlay ro", 5, "/", "/odd\\9", "overlay");
    expect("5 4 0:2 / /- rw - overlay overlay ro", 5, "/", "/-", "overlay");
    expect("5 4 0:2 / /t rw - fuse.x  rw", 5, "/", "/t", "fuse.x");
    check_long_line();
    refuse("");
    refuse("\n");
    refuse("36 35 98:0 /mnt1 /mnt2");
    refuse("36 35 98:0 /mnt1 /mnt2 rw,noatime");
    refuse("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 ext3");
    refuse("x 35 98:0 /mnt1 /mnt2 rw - ext3 none rw");
    return failures != 0;
}
