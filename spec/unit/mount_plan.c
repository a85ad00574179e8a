/* How options are read back, and which are refused. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/err.h"
#include "engine/mount/attach_plan.h"
#include "engine/snapshot.h"

static int failures;

static void check(const char *what, int holds) {
    if (!holds) {
        printf("not so: %s\n", what);
        failures++;
    }
}

#define OPTIONS_MAX 8

/* A mount of options that end with NULL. */
struct given {
    struct ms_mount mount;
    char *options[OPTIONS_MAX];
};

static struct given given(char *type, char *const options[]) {
    struct given all = {.mount = {.type = type, .source = "/r/layers/9", .target = ""}};
    for (size_t i = 0; options[i] != NULL && i < OPTIONS_MAX; i++) {
        all.options[i] = options[i];
        all.mount.options_count++;
    }
    return all;
}

static int read_plan(char *type, char *const options[], bool readonly,
                     struct ms_attach_plan *plan) {
    struct ms_err err = {0};
    struct given all = given(type, options);
    all.mount.options = all.options;
    return ms_attach_plan_read(&all.mount, readonly, plan, &err);
}

static void refuse(const char *what, int kind, char *type, char *const options[]) {
    struct ms_attach_plan plan = {0};
    int code = read_plan(type, options, false, &plan);
    if (code != kind) {
        printf("%s: %s, not %s\n", what, code < 0 ? ms_kind_name(code) : "taken",
               ms_kind_name(kind));
        failures++;
    }
    ms_attach_plan_clear(&plan);
}

#define WITH(...) ((char *const[]){__VA_ARGS__, NULL})

static void check_overlay(void) {
    ms_auto_attach_plan struct ms_attach_plan plan = {0};
    int code =
        read_plan("overlay",
                  WITH("uidmap=0:1:2", "gidmap=0:3:4", "workdir=/r/work/9", "upperdir=/r/layers/9",
                       "lowerdir=/r/layers/8:/r/layers/5", "nodev", "index=off"),
                  false, &plan);
    check("an active overlay is read", code == 0);
    if (code != 0)
        return;
    check("it has upper and work",
          strcmp(plan.upper, "/r/layers/9") == 0 && strcmp(plan.work, "/r/work/9") == 0);
    check("it has two lowers, nearest first", plan.lowers_count == 2 &&
                                                  strcmp(plan.lowers[0], "/r/layers/8") == 0 &&
                                                  strcmp(plan.lowers[1], "/r/layers/5") == 0);
    check("it has its mappings",
          strcmp(plan.uidmap, "0:1:2") == 0 && strcmp(plan.gidmap, "0:3:4") == 0);
    check("nodev is a flag", plan.flags == MS_NODEV);
    check("index=off is overlay's own",
          plan.extras_count == 1 && strcmp(plan.extras[0], "index=off") == 0);
    check("the lowers' directory is found", ms_attach_common(&plan) == strlen("/r/layers/"));
}

static void check_look_only(void) {
    ms_auto_attach_plan struct ms_attach_plan plan = {0};
    int code = read_plan("overlay",
                         WITH("workdir=/r/work/9", "upperdir=/r/layers/9", "lowerdir=/r/layers/8"),
                         true, &plan);
    check("an active for looking only is read", code == 0);
    if (code != 0)
        return;
    check("its upper is the nearest lower",
          plan.lowers_count == 2 && strcmp(plan.lowers[0], "/r/layers/9") == 0);
    check("it claims neither upper nor work", plan.upper == NULL && plan.work == NULL);
    check("it is read-only", (plan.flags & MS_RDONLY) != 0);
}

static void check_bind(void) {
    ms_auto_attach_plan struct ms_attach_plan plan = {0};
    check("a bind is read",
          read_plan("bind", WITH("ro", "rbind", "rw", "noexec"), false, &plan) == 0);
    check("the last of ro and rw counts", plan.flags == (MS_BIND | MS_REC | MS_NOEXEC));
    check("flags have their attributes", ms_attach_attributes(plan.flags) == MOUNT_ATTR_NOEXEC);
}

static void check_common(void) {
    ms_auto_attach_plan struct ms_attach_plan plan = {0};
    check("numbers that start alike",
          read_plan("overlay", WITH("lowerdir=/r/l/10:/r/l/1"), false, &plan) == 0 &&
              ms_attach_common(&plan) == strlen("/r/l/"));
    ms_attach_plan_clear(&plan);
    check("nothing in common",
          read_plan("overlay", WITH("lowerdir=/a/1:/b/1"), false, &plan) == 0 &&
              ms_attach_common(&plan) == 1);
}

static void check_refusals(void) {
    refuse("a type that nobody knows", MS_UNIMPLEMENTED, "erofs", WITH("ro"));
    refuse("an option that binds do not have", MS_UNIMPLEMENTED, "bind", WITH("volatile"));
    refuse("an option for mount managers", MS_UNIMPLEMENTED, "overlay",
           WITH("lowerdir=/a:/b", "X-containerd.x=1"));
    refuse("a loop device", MS_UNIMPLEMENTED, "overlay", WITH("lowerdir=/a:/b", "loop"));
    refuse("one mapping alone", MS_UNIMPLEMENTED, "bind", WITH("uidmap=0:1:2"));
    refuse("an overlay without lowers", MS_INVALID_ARGUMENT, "overlay", WITH("ro"));
    refuse("an upper without work", MS_INVALID_ARGUMENT, "overlay",
           WITH("lowerdir=/a", "upperdir=/b"));
    refuse("a relative layer", MS_INVALID_ARGUMENT, "overlay", WITH("lowerdir=a:/b"));
    refuse("an empty layer", MS_INVALID_ARGUMENT, "overlay", WITH("lowerdir=/a::/b"));
    refuse("a layer that needs escaping", MS_INVALID_ARGUMENT, "overlay",
           WITH("lowerdir=/a\\:b:/c"));
    refuse("a work directory with a comma", MS_INVALID_ARGUMENT, "overlay",
           WITH("lowerdir=/a", "upperdir=/b", "workdir=/c,d"));
}

int main(void) {
    check_overlay();
    check_look_only();
    check_bind();
    check_common();
    check_refusals();
    return failures != 0;
}
