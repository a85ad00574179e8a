/* Which mounts say what: every row of the table in engine/mount/mount.h, to the byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/mount/mount.h"
#include "engine/snapshot.h"

static int failures;

/* "type source [target] option option ..." of all mounts, a line each. */
static char *show(const struct ms_mounts *mounts) {
    struct ms_text text = {0};
    for (size_t i = 0; i < mounts->count; i++) {
        const struct ms_mount *mount = &mounts->items[i];
        ms_text_printf(&text, "%s%s %s [%s]", i == 0 ? "" : "\n", mount->type, mount->source,
                       mount->target);
        for (size_t j = 0; j < mount->options_count; j++)
            ms_text_printf(&text, " %s", mount->options[j]);
    }
    return ms_text_take(&text);
}

typedef int build_fn(const struct ms_mount_plan *plan, struct ms_mounts *out, struct ms_err *err);

static void expect(const char *what, build_fn *build, const struct ms_mount_plan *plan,
                   const char *golden) {
    struct ms_err err = {0};
    struct ms_mounts mounts = {0};
    char *shown = NULL;
    int code = build(plan, &mounts, &err);
    if (code == 0)
        shown = show(&mounts);
    if (code != 0 || strcmp(shown, golden) != 0) {
        printf("%s:\n  expected %s\n  got      %s\n", what, golden, code == 0 ? shown : err.text);
        failures++;
    }
    free(shown);
    ms_mounts_clear(&mounts);
    ms_mounts_clear(&mounts);
}

static const long long chain[] = {8, 5, 2};

static struct ms_mount_plan plan_of(int kind, size_t parents) {
    return (struct ms_mount_plan){
        .root = "/r", .kind = kind, .number = 9, .chain = chain, .chain_count = parents};
}

static void check_overlay_rows(void) {
    struct ms_mount_plan plan = plan_of(MS_KIND_ACTIVE, 0);
    expect("active without parent", ms_mount_overlay, &plan, "bind /r/layers/9 [] rw rbind");
    plan = plan_of(MS_KIND_VIEW, 0);
    expect("view without parent", ms_mount_overlay, &plan, "bind /r/layers/9 [] ro rbind");
    plan = plan_of(MS_KIND_VIEW, 1);
    expect("view of one", ms_mount_overlay, &plan, "bind /r/layers/8 [] ro rbind");
    plan = plan_of(MS_KIND_ACTIVE, 1);
    expect("active on one", ms_mount_overlay, &plan,
           "overlay overlay [] workdir=/r/work/9 upperdir=/r/layers/9 lowerdir=/r/layers/8");
    plan = plan_of(MS_KIND_ACTIVE, 3);
    expect("active on three", ms_mount_overlay, &plan,
           "overlay overlay [] workdir=/r/work/9 upperdir=/r/layers/9 "
           "lowerdir=/r/layers/8:/r/layers/5:/r/layers/2");
    plan = plan_of(MS_KIND_VIEW, 2);
    expect("view of two", ms_mount_overlay, &plan,
           "overlay overlay [] lowerdir=/r/layers/8:/r/layers/5");
}

static struct ms_mount_plan with_everything(struct ms_mount_plan plan) {
    static const char *const extras[] = {"volatile", "xino=off"};
    plan.uidmap = "0:100000:65536";
    plan.gidmap = "0:200000:65536";
    plan.extras = extras;
    plan.extras_count = 2;
    plan.userxattr = true;
    plan.index_off = true;
    return plan;
}

static void check_options(void) {
    static const char *const volatile_only[] = {"volatile"};
    struct ms_mount_plan plan = with_everything(plan_of(MS_KIND_ACTIVE, 2));
    expect("mappings come first, extras last", ms_mount_overlay, &plan,
           "overlay overlay [] uidmap=0:100000:65536 gidmap=0:200000:65536 workdir=/r/work/9 "
           "upperdir=/r/layers/9 lowerdir=/r/layers/8:/r/layers/5 volatile xino=off userxattr "
           "index=off");
    plan = with_everything(plan_of(MS_KIND_VIEW, 2));
    expect("a mapped view", ms_mount_overlay, &plan,
           "overlay overlay [] uidmap=0:100000:65536 gidmap=0:200000:65536 "
           "lowerdir=/r/layers/8:/r/layers/5 volatile xino=off userxattr index=off");
    plan = with_everything(plan_of(MS_KIND_ACTIVE, 0));
    expect("extras stay off binds", ms_mount_overlay, &plan,
           "bind /r/layers/9 [] uidmap=0:100000:65536 gidmap=0:200000:65536 rw rbind");
    plan = with_everything(plan_of(MS_KIND_VIEW, 1));
    plan.gidmap = NULL;
    expect("one mapping alone", ms_mount_overlay, &plan,
           "bind /r/layers/8 [] uidmap=0:100000:65536 ro rbind");
    plan = plan_of(MS_KIND_VIEW, 2);
    plan.extras = volatile_only;
    plan.extras_count = 1;
    expect("lowerdir before volatile", ms_mount_overlay, &plan,
           "overlay overlay [] lowerdir=/r/layers/8:/r/layers/5 volatile");
    plan = plan_of(MS_KIND_ACTIVE, 1);
    plan.index_off = true;
    expect("index=off alone", ms_mount_overlay, &plan,
           "overlay overlay [] workdir=/r/work/9 upperdir=/r/layers/9 lowerdir=/r/layers/8 "
           "index=off");
}

static void check_native(void) {
    struct ms_mount_plan plan = plan_of(MS_KIND_ACTIVE, 2);
    expect("native active", ms_mount_native, &plan, "bind /r/layers/9 [] rbind rw");
    plan = plan_of(MS_KIND_VIEW, 2);
    expect("native view of a parent", ms_mount_native, &plan, "bind /r/layers/8 [] rbind ro");
    plan = plan_of(MS_KIND_VIEW, 0);
    expect("native view of nothing", ms_mount_native, &plan, "bind /r/layers/9 [] rbind ro");
}

static void check_limit(void) {
    static long long numbers[MS_CHAIN_MAX + 1];
    struct ms_err err = {0};
    struct ms_mounts mounts = {0};
    struct ms_mount_plan plan = plan_of(MS_KIND_ACTIVE, MS_CHAIN_MAX);
    plan.chain = numbers;
    if (ms_mount_overlay(&plan, &mounts, &err) != 0) {
        printf("%d parents: %s\n", MS_CHAIN_MAX, err.text);
        failures++;
    }
    ms_mounts_clear(&mounts);
    plan.chain_count = MS_CHAIN_MAX + 1;
    if (ms_mount_overlay(&plan, &mounts, &err) != MS_RESOURCE_EXHAUSTED || mounts.count != 0) {
        printf("%d parents are not refused\n", MS_CHAIN_MAX + 1);
        failures++;
    }
}

int main(void) {
    check_overlay_rows();
    check_options();
    check_native();
    check_limit();
    return failures != 0;
}
