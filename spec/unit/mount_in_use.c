/* Which layers a line of mountinfo says are in use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/mount/in_use.h"
#include "engine/mount/mountinfo.h"

static int failures;

static int note(void *context, int64_t number, bool sure, struct ms_err *err) {
    char *found = context;
    size_t size = strlen(found);
    (void)err;
    (void)snprintf(found + size, 200 - size, "%s%lld%s", size != 0 ? " " : "", (long long)number,
                   sure ? "" : "?");
    return 0;
}

/* The numbers found, "?" behind those that are maybe. */
static void expect(const char *line, const char *wanted) {
    const struct ms_in_use_place place = {
        .layers = "/srv/my store/layers", .device = "8:1", .inside = "/@/my store/layers"};
    struct ms_mountinfo_line parsed = {0};
    struct ms_err err;
    char found[200] = "";
    char *text = strdup(line);
    if (text == NULL || !ms_mountinfo_parse(text, &parsed) ||
        ms_in_use_line(&place, &parsed, note, found, &err) < 0 || strcmp(found, wanted) != 0) {
        printf("%s\n  found '%s', wanted '%s'\n", line, found, wanted);
        failures++;
    }
    free(text);
}

#define OVERLAY "9 1 0:50 / /merged rw,relatime shared:5 - overlay overlay rw,"
#define OURS "/srv/my\\040store/"

int main(void) {
    expect(OVERLAY "lowerdir=" OURS "layers/12:" OURS "layers/3,upperdir=" OURS
                   "layers/14,workdir=" OURS "work/14,index=off",
           "12 3 14");
    expect(OVERLAY "lowerdir+=" OURS "layers/12,lowerdir+=" OURS "layers/3,datadir+=" OURS
                   "layers/4,xino=on",
           "12 3 4");
    expect(OVERLAY "lowerdir=" OURS "layers/12::" OURS "layers/3", "12 3");
    expect(OVERLAY "lowerdir=12:3", "12? 3?");
    expect(OVERLAY "lowerdir=12:3,upperdir=" OURS "layers/14,workdir=" OURS "work/14", "12 3 14");
    expect(OVERLAY "upperdir=/elsewhere/layers/14,lowerdir=12:3", "14? 12? 3?");
    expect(OVERLAY "lowerdir=/host/srv/my\\040store/layers/7/fs", "7?");
    expect(OVERLAY "lowerdir=layers/7:../layers/8", "7? 8?");
    /* containerd's own, docker's, numbers that are none of ours */
    expect(OVERLAY "lowerdir=/var/lib/containerd/x/snapshots/5/fs:4/fs", "");
    expect(OVERLAY "lowerdir=l/ABCDEF:l/GHI,upperdir=/var/lib/docker/overlay2/1a/diff", "");
    expect(OVERLAY "lowerdir=/srv/my\\040store/layers/012:" OURS "layers/5x:" OURS "layersX/6", "");
    expect(OVERLAY "lowerdir=/players/5", "");
    expect(OVERLAY "lowerdir=99999999999999999999", "");
    expect("9 1 8:1 /@/my\\040store/layers/5 /view ro - ext4 /dev/sda1 rw", "5");
    expect("9 1 8:1 /@/my\\040store/layers/5/etc/passwd /x ro - ext4 /dev/sda1 rw", "5");
    expect("9 1 8:1 /@/my\\040store/layers /x ro - ext4 /dev/sda1 rw", "");
    expect("9 1 8:1 /@/my\\040store/layersX/5 /x ro - ext4 /dev/sda1 rw", "");
    expect("9 1 8:2 /@/my\\040store/layers/5 /x ro - ext4 /dev/sda2 rw", "");
    expect("9 1 8:1 / / rw - ext4 /dev/sda1", "");
    return failures != 0;
}
