#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/clock.h"
#include "engine/mount/attach.h"
#include "engine/store/run.h"
#include "engine/store/store_inside.h"
#include "sys/child.h"
#include "sys/userns.h"

/* What the child is to see. Its callback reads it while the child starts. */
struct scene {
    struct ms_mounts mounts;
    struct ms_row row;
    char *target; /* where it is mounted in the child's namespace, before its root changes */
    bool readonly;
    int64_t record; /* rowid of the mount's record; 0: none */
};

static void clear_scene(struct scene *scene) {
    ms_mounts_clear(&scene->mounts);
    ms_row_clear(&scene->row);
    free(scene->target);
}
#define ms_auto_scene __attribute__((cleanup(clear_scene)))

/* Runs in the child, in its new mount namespace. */
static int attach_scene(void *argument, struct ms_err *err) {
    const struct scene *scene = argument;
    uint64_t mount_id = 0;
    return ms_attach(&scene->mounts, scene->target, scene->readonly, &mount_id, err);
}

/* On at; else on the store's own new/, which is hidden in the child's namespace alone. */
static int choose_target(const struct ms_store *store, const struct ms_run *run,
                         struct scene *scene, struct ms_err *err) {
    if (run->at != NULL) {
        scene->target = realpath(run->at, NULL);
        return scene->target == NULL ? ms_err_sys(err, errno, "find the target %.80s", run->at)
                                     : MS_OK;
    }
    scene->target = ms_place_path(&store->place, "new");
    return scene->target == NULL ? ms_err_memory(err) : MS_OK;
}

/* The target of this store's own writable mount of key in this mount namespace; NULL: none. */
static int find_mounted_here(struct ms_store *store, const char *ns, const char *key, char **out,
                             struct ms_err *err) {
    struct ms_mounted_list list = {0};
    int code = ms_store_mounted(store, &list, err);
    for (size_t i = 0; code == MS_OK && i < list.count && *out == NULL; i++) {
        struct ms_mounted *item = &list.items[i];
        if (item->here && !item->readonly && strcmp(item->ns, ns) == 0 &&
            strcmp(item->key, key) == 0)
            *out = ms_take_ptr(&item->target);
    }
    ms_mounted_list_clear(&list);
    return code;
}

/* One writable bind of source. */
static int bind_of(const char *source, struct ms_mounts *out, struct ms_err *err) {
    out->items = calloc(1, sizeof *out->items);
    if (out->items == NULL)
        return ms_err_memory(err);
    struct ms_mount *mount = &out->items[out->count++];
    mount->type = strdup("bind");
    mount->source = strdup(source);
    mount->target = strdup("");
    mount->options = calloc(2, sizeof *mount->options);
    if (mount->options != NULL) {
        mount->options[mount->options_count++] = strdup("rbind");
        mount->options[mount->options_count++] = strdup("rw");
    }
    bool whole = mount->type != NULL && mount->source != NULL && mount->target != NULL &&
                 mount->options != NULL && mount->options[0] != NULL && mount->options[1] != NULL;
    return whole ? MS_OK : ms_err_memory(err);
}

static int find_scene(struct ms_store *store, const char *ns, const struct ms_run *run,
                      struct scene *scene, struct ms_err *err) {
    struct ms_mount_request request = {.key = run->key, .readonly = run->readonly};
    ms_auto_free char *mounted = NULL;
    int code = run->readonly ? MS_OK : find_mounted_here(store, ns, run->key, &mounted, err);
    if (code == MS_OK && mounted != NULL) {
        code = ms_meta_find(&store->meta, ns, run->key, &scene->row, err);
        return code < 0 ? code : bind_of(mounted, &scene->mounts, err);
    }
    if (code == MS_OK)
        code = ms_store_find_mounts(store, ns, &request, &scene->row, &scene->mounts, err);
    scene->readonly = run->readonly || scene->row.kind == MS_KIND_VIEW;
    return code;
}

/* Where nothing can be mounted, what is one writable bind is entered by chroot. */
static int enter_directly(const struct ms_run *run, const struct scene *scene,
                          struct ms_child_spec *spec, struct ms_err *err) {
    const struct ms_mounts *mounts = &scene->mounts;
    if (scene->readonly || run->at != NULL || run->binds_count != 0 || mounts->count != 1 ||
        strcmp(mounts->items[0].type, "bind") != 0)
        return ms_err_set(err, MS_PERMISSION_DENIED,
                          "this process may not mount: be root, or enter a user namespace first "
                          "(unshare -Urm)");
    spec->root = mounts->items[0].source;
    spec->prepare = NULL;
    spec->allow_chroot = true;
    return MS_OK;
}

static int start_child(const struct ms_run *run, struct scene *scene, struct ms_child *child,
                       struct ms_err *err) {
    ms_auto_free struct ms_child_bind *binds = calloc(run->binds_count + 1, sizeof *binds);
    if (binds == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; i < run->binds_count; i++) {
        binds[i].source = run->binds[i].source;
        binds[i].target = run->binds[i].target;
        binds[i].readonly = run->binds[i].readonly;
    }
    struct ms_child_spec spec = {
        .argv = run->argv,
        .envp = run->envp,
        .workdir = run->workdir == NULL && run->at != NULL ? scene->target : run->workdir,
        .root = run->at == NULL ? scene->target : NULL,
        .binds = binds,
        .binds_count = run->binds_count,
        .want_proc = run->at == NULL,
        .want_dev = run->at == NULL,
        .prepare = attach_scene,
        .prepare_argument = scene,
        .mounted = scene->target,
    };
    int code = ms_can_mount() ? MS_OK : enter_directly(run, scene, &spec, err);
    return code < 0 ? code : ms_child_start(&spec, child, err);
}

static int record(struct ms_store *store, const struct ms_child *child, struct scene *scene,
                  struct ms_err *err) {
    struct ms_mount_row row = {
        .number = scene->row.number,
        .target = scene->target,
        .mount_id = child->mount_id,
        .mount_namespace = child->mount_namespace,
        .boot_id = store->boot_id,
        .pid = child->pid,
        .readonly = scene->readonly,
    };
    int code = MS_OK;
    if (child->mount_namespace != ms_mount_namespace()) { /* else it was a chroot: no mount */
        code = ms_meta_add_mount(&store->meta, &row, err);
        scene->record = code == MS_OK ? sqlite3_last_insert_rowid(store->meta.db) : 0;
    }
    return code < 0 ? code : ms_meta_touch(&store->meta, scene->row.number, ms_clock_now_ns(), err);
}

/* Looks, starts and records under the write lock: nobody takes the same layer in between. */
static int begin_run(struct ms_store *store, const char *ns, const struct ms_run *run,
                     struct scene *scene, struct ms_child *child, struct ms_err *err) {
    int code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = find_scene(store, ns, run, scene, err);
    if (code == MS_OK)
        code = start_child(run, scene, child, err);
    if (code == MS_OK)
        code = record(store, child, scene, err);
    return ms_store_end(store, code, err);
}

/* A record that stays is found dead by whoever looks next. */
static void forget(struct ms_store *store, const struct scene *scene) {
    struct ms_err ignored;
    if (scene->record == 0 || ms_store_begin(store, &ignored) < 0)
        return;
    int code = ms_meta_drop_mount(&store->meta, scene->record, &ignored);
    (void)ms_store_end(store, code, &ignored);
}

int ms_store_run(struct ms_store *store, const char *ns, const struct ms_run *run, int *status,
                 struct ms_err *err) {
    ms_auto_scene struct scene scene = {0};
    struct ms_child child = {.pidfd = -1};
    int code = ms_store_enter(store, ns, run->key, err);
    if (code == MS_OK)
        code = ms_store_writable(store, err);
    if (code == MS_OK && ms_store_depth(store) > 0)
        code = ms_err_set(err, MS_FAILED_PRECONDITION,
                          "what a command does cannot be rolled back: run outside the transaction");
    if (code == MS_OK)
        code = choose_target(store, run, &scene, err);
    if (code == MS_OK)
        code = begin_run(store, ns, run, &scene, &child, err);
    if (code == MS_OK) {
        code = ms_child_wait(&child, status, err);
        forget(store, &scene);
    }
    ms_child_clear(&child);
    return code < 0 ? ms_err_wrap(err, "run in '%.60s'", run->key) : MS_OK;
}
