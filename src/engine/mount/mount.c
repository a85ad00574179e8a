#include "engine/mount/mount.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/snapshot.h"

static void clear_one(struct ms_mount *mount) {
    for (size_t i = 0; i < mount->options_count; i++)
        free(mount->options[i]);
    free(mount->options);
    free(mount->type);
    free(mount->source);
    free(mount->target);
}

void ms_mounts_clear(struct ms_mounts *mounts) {
    for (size_t i = 0; i < mounts->count; i++)
        clear_one(&mounts->items[i]);
    free(mounts->items);
    *mounts = (struct ms_mounts){0};
}

/* A mount list of one that is being filled. Whatever finds no memory sets failed. */
struct draft {
    struct ms_mounts mounts;
    struct ms_mount *mount;
    bool failed;
};

static void keep(struct draft *draft, char **where, char *string) {
    *where = string;
    draft->failed = draft->failed || string == NULL;
}

/* Adds an option; takes the heap string over. */
static void add(struct draft *draft, char *option) {
    if (option == NULL)
        draft->failed = true;
    else
        draft->mount->options[draft->mount->options_count++] = option;
}

static void add_pair(struct draft *draft, const char *name, const char *value) {
    ms_auto_text struct ms_text text = {0};
    ms_text_puts(&text, name);
    ms_text_puts(&text, value);
    add(draft, ms_text_take(&text));
}

#define NUMBER_ROOM 20 /* digits */

/* FRONT ROOT FOLDER NUMBER, in one piece of heap; front may be "name=", folder is "/layers/". */
static char *path_of(const char *front, const char *root, const char *folder, long long number) {
    ms_auto_text struct ms_text text = {0};
    ms_text_reserve(&text, strlen(front) + strlen(root) + strlen(folder) + NUMBER_ROOM);
    ms_text_puts(&text, front);
    ms_text_puts(&text, root);
    ms_text_puts(&text, folder);
    ms_text_number(&text, (unsigned long long)number);
    return ms_text_take(&text);
}

static void add_lowers(struct draft *draft, const struct ms_mount_plan *plan) {
    ms_auto_text struct ms_text text = {0};
    static const char layers[] = "/layers/";
    size_t root = strlen(plan->root);
    /* numbers have few digits mostly; where they have more, the text grows */
    ms_text_reserve(&text, 16 + plan->chain_count * (root + sizeof layers + NUMBER_ROOM / 2));
    ms_text_puts(&text, "lowerdir=");
    for (size_t i = 0; i < plan->chain_count; i++) {
        if (i != 0)
            ms_text_append(&text, ":", 1);
        ms_text_append(&text, plan->root, root);
        ms_text_append(&text, layers, sizeof layers - 1);
        ms_text_number(&text, (unsigned long long)plan->chain[i]);
    }
    add(draft, ms_text_take(&text));
}

/* Room for every option that a plan can have: mappings, three directories, two of our own. */
#define OWN_OPTIONS 7

static void start(struct draft *draft, const char *type, const struct ms_mount_plan *plan) {
    draft->mounts.items = calloc(1, sizeof *draft->mounts.items);
    draft->failed = draft->mounts.items == NULL;
    if (draft->failed)
        return;
    struct ms_mount *mount = draft->mounts.items;
    draft->mount = mount;
    draft->mounts.count = 1;
    mount->options = calloc(plan->extras_count + OWN_OPTIONS, sizeof *mount->options);
    draft->failed = mount->options == NULL;
    keep(draft, &mount->type, strdup(type));
    keep(draft, &mount->target, strdup(""));
    if (draft->failed)
        return;
    if (plan->uidmap != NULL)
        add_pair(draft, "uidmap=", plan->uidmap);
    if (plan->gidmap != NULL)
        add_pair(draft, "gidmap=", plan->gidmap);
}

static int finish(struct draft *draft, struct ms_mounts *out, struct ms_err *err) {
    if (draft->failed) {
        ms_mounts_clear(&draft->mounts);
        return ms_err_memory(err);
    }
    *out = draft->mounts;
    return MS_OK;
}

/* The number of the one layer that a bind shows: a view's parent, else the snapshot's own. */
static long long seen(const struct ms_mount_plan *plan) {
    return plan->kind == MS_KIND_VIEW && plan->chain_count > 0 ? plan->chain[0] : plan->number;
}

/* words are rw or ro, and rbind, in the order in which the driver gives them. */
static int bind(const struct ms_mount_plan *plan, const char *const words[2], struct ms_mounts *out,
                struct ms_err *err) {
    struct draft draft = {0};
    start(&draft, "bind", plan);
    if (!draft.failed) {
        keep(&draft, &draft.mount->source, path_of("", plan->root, "/layers/", seen(plan)));
        add(&draft, strdup(words[0]));
        add(&draft, strdup(words[1]));
    }
    return finish(&draft, out, err);
}

static const char *access_word(const struct ms_mount_plan *plan) {
    return plan->kind == MS_KIND_VIEW ? "ro" : "rw";
}

static int overlay(const struct ms_mount_plan *plan, struct ms_mounts *out, struct ms_err *err) {
    struct draft draft = {0};
    start(&draft, "overlay", plan);
    if (draft.failed)
        return finish(&draft, out, err);
    keep(&draft, &draft.mount->source, strdup("overlay"));
    if (plan->kind == MS_KIND_ACTIVE) {
        add(&draft, path_of("workdir=", plan->root, "/work/", plan->number));
        add(&draft, path_of("upperdir=", plan->root, "/layers/", plan->number));
    }
    add_lowers(&draft, plan);
    for (size_t i = 0; i < plan->extras_count; i++)
        add(&draft, strdup(plan->extras[i]));
    if (plan->userxattr)
        add(&draft, strdup("userxattr"));
    if (plan->index_off)
        add(&draft, strdup("index=off"));
    return finish(&draft, out, err);
}

int ms_mount_overlay(const struct ms_mount_plan *plan, struct ms_mounts *out, struct ms_err *err) {
    size_t binds_up_to = plan->kind == MS_KIND_VIEW ? 1 : 0;
    if (plan->chain_count > MS_CHAIN_MAX)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED,
                          "%zu parents are more than the %d layers that the kernel stacks",
                          plan->chain_count, MS_CHAIN_MAX);
    if (plan->chain_count > binds_up_to)
        return overlay(plan, out, err);
    return bind(plan, (const char *const[]){access_word(plan), "rbind"}, out, err);
}

int ms_mount_native(const struct ms_mount_plan *plan, struct ms_mounts *out, struct ms_err *err) {
    return bind(plan, (const char *const[]){"rbind", access_word(plan)}, out, err);
}
