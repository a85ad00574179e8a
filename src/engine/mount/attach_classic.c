#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/mount/attach_way.h"
#include "sys/mountapi.h"

/* What one mount(2) is to do, and in which directory; NULL: the caller's own. */
struct job {
    const char *directory;
    const char *target;
    const char *data;
    unsigned long flags;
    struct ms_err *err;
    int code;
};

static int perform(const struct job *job) {
    if (mount("overlay", job->target, "overlay", job->flags, job->data) == 0)
        return MS_OK;
    if (errno == ENODEV)
        return ms_err_set(job->err, MS_UNIMPLEMENTED, "the kernel has no overlay file system");
    return ms_err_sys(job->err, errno, "mount an overlay");
}

static void *perform_elsewhere(void *argument) {
    struct job *job = argument;
    if (unshare(CLONE_FS) < 0)
        job->code = ms_err_sys(job->err, errno, "get a current directory of its own");
    else if (chdir(job->directory) < 0)
        job->code = ms_err_sys(job->err, errno, "go to %.100s", job->directory);
    else
        job->code = perform(job);
    return NULL;
}

/* Runs the job in a thread that no signal disturbs; the caller's directory stays. */
static int perform_in_thread(struct job *job) {
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int sys = pthread_create(&thread, NULL, perform_elsewhere, job);
    if (sys == 0)
        sys = pthread_join(thread, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return sys != 0 ? ms_err_sys(job->err, sys, "start a thread to mount") : job->code;
}

/* path without its first skip bytes when those are the directory that lowers share. */
static const char *shorten(const struct ms_attach_plan *plan, const char *path, size_t skip) {
    bool inside = strncmp(path, plan->lowers[0], skip) == 0 && path[skip] != '\0';
    return inside ? path + skip : path;
}

static void write_data(const struct ms_attach_plan *plan, size_t skip, struct ms_text *out) {
    if (plan->upper != NULL)
        ms_text_printf(out, "workdir=%s,upperdir=%s,", plan->work,
                       shorten(plan, plan->upper, skip));
    for (size_t i = 0; i < plan->lowers_count; i++)
        ms_text_printf(out, "%s%s", i == 0 ? "lowerdir=" : ":",
                       shorten(plan, plan->lowers[i], skip));
    for (size_t i = 0; i < plan->extras_count; i++)
        ms_text_printf(out, ",%s", plan->extras[i]);
}

static int check_layers(const struct ms_attach_plan *plan, struct ms_err *err) {
    for (size_t i = 0; i < plan->lowers_count; i++)
        if (access(plan->lowers[i], F_OK) < 0)
            return ms_err_sys(err, errno, "layer %.150s", plan->lowers[i]);
    if (plan->upper != NULL && access(plan->upper, F_OK) < 0)
        return ms_err_sys(err, errno, "layer %.150s", plan->upper);
    if (plan->upper != NULL && access(plan->work, F_OK) < 0)
        return ms_err_sys(err, errno, "work directory %.150s", plan->work);
    return MS_OK;
}

/* Commas part mount data: an option with one inside would come apart into several. */
static int check_extras(const struct ms_attach_plan *plan, struct ms_err *err) {
    for (size_t i = 0; i < plan->extras_count; i++)
        if (strchr(plan->extras[i], ',') != NULL)
            return ms_err_set(err, MS_UNIMPLEMENTED, "mount option '%.60s' with a comma",
                              plan->extras[i]);
    return MS_OK;
}

static int attach_overlay(const struct ms_attach_plan *plan, const char *target,
                          struct ms_err *err) {
    ms_auto_text struct ms_text data = {0};
    ms_auto_free char *directory = NULL;
    unsigned long flags = plan->flags & ~(unsigned long)(MS_BIND | MS_REC);
    struct job job = {.target = target, .flags = flags, .err = err};
    int code = check_layers(plan, err);
    if (code == MS_OK)
        code = check_extras(plan, err);
    if (code < 0)
        return code;
    if (plan->upper == NULL)
        job.flags |= MS_RDONLY;
    write_data(plan, 0, &data);
    if (!data.failed && data.size > MS_CLASSIC_MAX) {
        size_t skip = ms_attach_common(plan);
        ms_text_clear(&data);
        write_data(plan, skip, &data);
        directory = strndup(plan->lowers[0], skip);
        job.directory = directory;
    }
    if (data.failed || (job.directory == NULL && data.size > MS_CLASSIC_MAX))
        return ms_err_memory(err);
    if (data.size > MS_CLASSIC_MAX)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED,
                          "the mount options of %zu layers take %zu bytes and mount(2) reads %d",
                          plan->lowers_count, data.size, MS_CLASSIC_MAX);
    job.data = data.bytes;
    return job.directory != NULL ? perform_in_thread(&job) : perform(&job);
}

int ms_attach_classic(const struct ms_attach_plan *plan, const char *target, uint64_t *mount_id,
                      struct ms_err *err) {
    if (plan->uidmap != NULL)
        return ms_err_set(err, MS_UNIMPLEMENTED,
                          "mapping owners needs a kernel that takes layers as descriptors (6.13)");
    int code = plan->overlay ? attach_overlay(plan, target, err)
                             : ms_bind(plan->source, target, plan->flags, err);
    if (code == MS_OK)
        *mount_id = ms_mount_id(AT_FDCWD, target);
    return code;
}
