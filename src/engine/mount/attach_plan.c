#include "engine/mount/attach_plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/err.h"
#include "engine/snapshot.h"

/* A word of fstab: the flag it sets, or takes back, and what the new calls name it. */
static const struct {
    const char *word;
    unsigned long flag;
    unsigned attribute;
    bool clear;
} words[] = {
    {"defaults", 0, 0, false},
    {"ro", MS_RDONLY, MOUNT_ATTR_RDONLY, false},
    {"rw", MS_RDONLY, MOUNT_ATTR_RDONLY, true},
    {"bind", MS_BIND, 0, false},
    {"rbind", MS_BIND | MS_REC, 0, false},
    {"nosuid", MS_NOSUID, MOUNT_ATTR_NOSUID, false},
    {"suid", MS_NOSUID, MOUNT_ATTR_NOSUID, true},
    {"nodev", MS_NODEV, MOUNT_ATTR_NODEV, false},
    {"dev", MS_NODEV, MOUNT_ATTR_NODEV, true},
    {"noexec", MS_NOEXEC, MOUNT_ATTR_NOEXEC, false},
    {"exec", MS_NOEXEC, MOUNT_ATTR_NOEXEC, true},
    {"noatime", MS_NOATIME, MOUNT_ATTR_NOATIME, false},
    {"atime", MS_NOATIME, MOUNT_ATTR_NOATIME, true},
    {"strictatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, false},
    {"nostrictatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, true},
    {"relatime", MS_RELATIME, 0, false},
    {"norelatime", MS_RELATIME, 0, true},
    {"nodiratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, false},
    {"diratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, true},
};
#define WORDS (sizeof words / sizeof words[0])

uint64_t ms_attach_attributes(unsigned long flags) {
    uint64_t attributes = 0;
    for (size_t i = 0; i < WORDS; i++)
        if (!words[i].clear && (flags & words[i].flag))
            attributes |= words[i].attribute;
    return attributes;
}

size_t ms_attach_common(const struct ms_attach_plan *plan) {
    const char *first = plan->lowers[0];
    size_t common = strlen(first);
    for (size_t i = 1; i < plan->lowers_count; i++) {
        size_t same = 0;
        while (same < common && plan->lowers[i][same] == first[same])
            same++;
        common = same;
    }
    while (common > 0 && first[common - 1] != '/')
        common--;
    return common;
}

void ms_attach_plan_clear(struct ms_attach_plan *plan) {
    free(plan->lowers);
    free(plan->extras);
    free(plan->lower_text);
    *plan = (struct ms_attach_plan){0};
}

/* The value of NAME=VALUE, or NULL. */
static const char *value_of(const char *option, const char *name) {
    size_t size = strlen(name);
    return strncmp(option, name, size) == 0 && option[size] == '=' ? option + size + 1 : NULL;
}

static bool read_word(struct ms_attach_plan *plan, const char *option) {
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(option, words[i].word) != 0)
            continue;
        if (words[i].clear)
            plan->flags &= ~words[i].flag;
        else
            plan->flags |= words[i].flag;
        return true;
    }
    return false;
}

/* Takes NAME=VALUE for the pairs that we know. */
static bool read_pair(struct ms_attach_plan *plan, const char *option, const char **lower) {
    const struct {
        const char *name;
        const char **where;
    } pairs[] = {
        {"lowerdir", lower},       {"upperdir", &plan->upper}, {"workdir", &plan->work},
        {"uidmap", &plan->uidmap}, {"gidmap", &plan->gidmap},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const char *value = value_of(option, pairs[i].name);
        if (value != NULL) {
            *pairs[i].where = value;
            return true;
        }
    }
    return false;
}

static int check_layer(const char *path, struct ms_err *err) {
    if (path[0] != '/')
        return ms_err_set(err, MS_INVALID_ARGUMENT, "layer '%.100s' is no absolute path", path);
    if (strpbrk(path, ":,\\\n") != NULL)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "layer '%.100s' has a colon, comma, backslash or newline in its path",
                          path);
    return MS_OK;
}

/* Cuts lowerdir's value into plan->lowers, leaving the first place free for an upper. */
static int split_lowers(struct ms_attach_plan *plan, const char *value, struct ms_err *err) {
    size_t count = 1;
    for (const char *at = value; *at != '\0'; at++)
        count += *at == ':';
    plan->lower_text = strdup(value);
    plan->lowers = calloc(count + 1, sizeof *plan->lowers);
    if (plan->lower_text == NULL || plan->lowers == NULL)
        return ms_err_memory(err);
    char *rest = plan->lower_text;
    for (char *path = NULL; (path = strsep(&rest, ":")) != NULL;) {
        int code = check_layer(path, err);
        if (code < 0)
            return code;
        plan->lowers[plan->lowers_count++] = path;
    }
    return MS_OK;
}

static void look_only(struct ms_attach_plan *plan) {
    plan->flags |= MS_RDONLY;
    if (plan->upper == NULL || plan->lowers_count >= MS_CHAIN_MAX)
        return;
    memmove(plan->lowers + 1, plan->lowers, plan->lowers_count * sizeof *plan->lowers);
    plan->lowers[0] = plan->upper;
    plan->lowers_count++;
    plan->upper = NULL;
    plan->work = NULL;
}

static int check_overlay(struct ms_attach_plan *plan, const char *lower, struct ms_err *err) {
    if (lower == NULL)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "an overlay without lowerdir");
    if ((plan->upper == NULL) != (plan->work == NULL))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "upperdir and workdir go together");
    int code = plan->upper != NULL ? check_layer(plan->upper, err) : MS_OK;
    if (code == MS_OK && plan->work != NULL)
        code = check_layer(plan->work, err);
    return code < 0 ? code : split_lowers(plan, lower, err);
}

static int check_bind(const struct ms_attach_plan *plan, const char *lower, struct ms_err *err) {
    if (plan->extras_count > 0)
        return ms_err_set(err, MS_UNIMPLEMENTED, "a bind has no option '%.60s'", plan->extras[0]);
    if (lower != NULL || plan->upper != NULL || plan->work != NULL)
        return ms_err_set(err, MS_UNIMPLEMENTED, "a bind has no layers");
    return MS_OK;
}

/* What the options as a whole must be. */
static int check(struct ms_attach_plan *plan, const char *lower, struct ms_err *err) {
    if ((plan->uidmap == NULL) != (plan->gidmap == NULL))
        return ms_err_set(err, MS_UNIMPLEMENTED, "uidmap and gidmap go together");
    for (size_t i = 0; i < plan->extras_count; i++)
        if (strncmp(plan->extras[i], "X-", 2) == 0 || strcmp(plan->extras[i], "loop") == 0)
            return ms_err_set(err, MS_UNIMPLEMENTED, "mount option '%.60s'", plan->extras[i]);
    return plan->overlay ? check_overlay(plan, lower, err) : check_bind(plan, lower, err);
}

static int read_all(const struct ms_mount *mount, bool readonly, struct ms_attach_plan *plan,
                    struct ms_err *err) {
    const char *lower = NULL;
    plan->overlay = strcmp(mount->type, "overlay") == 0;
    plan->source = mount->source;
    if (!plan->overlay && strcmp(mount->type, "bind") != 0)
        return ms_err_set(err, MS_UNIMPLEMENTED, "mounts of type '%.40s'", mount->type);
    if (mount->target[0] != '\0')
        return ms_err_set(err, MS_UNIMPLEMENTED, "a mount with a target of its own ('%.60s')",
                          mount->target);
    plan->extras = calloc(mount->options_count + 1, sizeof *plan->extras);
    if (plan->extras == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; i < mount->options_count; i++) {
        const char *option = mount->options[i];
        if (!read_word(plan, option) && !read_pair(plan, option, &lower))
            plan->extras[plan->extras_count++] = option;
    }
    int code = check(plan, lower, err);
    if (code == MS_OK && readonly)
        look_only(plan);
    return code;
}

int ms_attach_plan_read(const struct ms_mount *mount, bool readonly, struct ms_attach_plan *out,
                        struct ms_err *err) {
    struct ms_attach_plan plan = {0};
    int code = read_all(mount, readonly, &plan, err);
    if (code < 0)
        ms_attach_plan_clear(&plan);
    else
        *out = plan;
    return code;
}
