#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/err.h"
#include "base/own.h"
#include "base/remove.h"
#include "engine/clock.h"
#include "engine/store/store_inside.h"
#include "sys/forks.h"

struct ms_stage {
    struct ms_store *store; /* borrowed: outlives the stage */
    char name[24];          /* under new/ */
    int directory_fd;       /* new/<name>, locked */
    int layer_fd;           /* new/<name>/layer */
    int parent_fd;          /* the parent's layer while it is copied, else -1 */
    struct ms_row parent;   /* zeroed for none */
    struct ms_copy *copy;   /* NULL when the layer starts empty */
    int keep;               /* the durability of the copy, 0 when it is sealed later */
    int sealed;             /* the durability that its content has, 0 when it is not sealed */
    struct ms_usage usage;  /* once it is sealed */
};

const char *ms_stage_name(const struct ms_stage *stage) { return stage->name; }

const struct ms_row *ms_stage_parent(const struct ms_stage *stage) { return &stage->parent; }

int ms_stage_fd(const struct ms_stage *stage) { return stage->layer_fd; }

/* The layer has moved to layers/: only the empty directory around it is left. */
void ms_stage_published(struct ms_stage *stage) {
    (void)unlinkat(stage->store->place.new_fd, stage->name, AT_REMOVEDIR);
    stage->name[0] = '\0';
}

/* A failed import must not keep the disk full. What cannot be deleted is left to cleanup, which
 * finds it unlocked. */
static void delete_staged(const struct ms_stage *stage) {
    struct ms_err ignored;
    struct ms_remove *remove = NULL;
    if (ms_remove_open(stage->store->place.new_fd, stage->name, &remove, &ignored) < 0)
        return;
    int code = 1;
    while (code == 1)
        code = ms_remove_step(remove, 4096, &ignored);
    ms_remove_free(remove);
}

void ms_stage_free(struct ms_stage *stage) {
    if (stage == NULL)
        return;
    ms_copy_free(stage->copy);
    ms_own_close(&stage->parent_fd);
    ms_own_close(&stage->layer_fd);
    if (stage->store->forks == ms_forks() && stage->name[0] != '\0')
        delete_staged(stage);
    ms_own_close(&stage->directory_fd);
    ms_row_clear(&stage->parent);
    free(stage);
}

int ms_stage_seize(const struct ms_place *place, const char *name, int *lock, struct ms_err *err) {
    ms_auto_close int fd =
        openat(place->new_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
        return errno == ENOENT ? 0 : ms_err_sys(err, errno, "look at the staged %s", name);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return 0;
    *lock = ms_take_fd(&fd);
    return 1;
}

static void own_stage(struct ms_stage **stage) { ms_stage_free(*stage); }
#define auto_stage __attribute__((cleanup(own_stage)))

/* Locks new/<name>. Cleanup may have taken it for abandoned between mkdir and here: 1 says so. */
static int lock_directory(struct ms_stage *stage, struct ms_err *err) {
    struct stat held;
    struct stat named;
    int new_fd = stage->store->place.new_fd;
    stage->directory_fd =
        openat(new_fd, stage->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (stage->directory_fd < 0)
        return errno == ENOENT ? 1 : ms_err_sys(err, errno, "open a staged layer");
    if (flock(stage->directory_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? 1 : ms_err_sys(err, errno, "lock a staged layer");
    if (fstat(stage->directory_fd, &held) == 0 &&
        fstatat(new_fd, stage->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        held.st_ino == named.st_ino)
        return MS_OK;
    return 1;
}

static int make_directory(struct ms_stage *stage, struct ms_err *err) {
    for (int tries = 0; tries < 16; tries++) {
        uint64_t random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return ms_err_sys(err, errno, "name a staged layer");
        (void)snprintf(stage->name, sizeof stage->name, "%016llx", (unsigned long long)random);
        if (mkdirat(stage->store->place.new_fd, stage->name, 0700) < 0) {
            int sys = errno;
            stage->name[0] = '\0';
            if (sys == EEXIST)
                continue;
            return ms_err_sys(err, sys, "make a staged layer");
        }
        int code = lock_directory(stage, err);
        if (code <= 0)
            return code;
        ms_own_close(&stage->directory_fd);
        stage->directory_fd = -1;
    }
    stage->name[0] = '\0';
    return ms_err_set(err, MS_UNAVAILABLE, "make a staged layer: no name was free");
}

static int make_stage_layer(struct ms_stage *stage, struct ms_err *err) {
    if (mkdirat(stage->directory_fd, "layer", 0755) < 0)
        return ms_err_sys(err, errno, "make a staged layer");
    stage->layer_fd =
        openat(stage->directory_fd, "layer", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (stage->layer_fd < 0)
        return ms_err_sys(err, errno, "open a staged layer");
    if (fchmod(stage->layer_fd, 0755) < 0)
        return ms_err_sys(err, errno, "make a staged layer");
    return MS_OK;
}

static int start_copy(struct ms_stage *stage, struct ms_err *err) {
    struct ms_store *store = stage->store;
    if (stage->parent.number == 0 || store->driver->fill == NULL)
        return MS_OK;
    int code = ms_layer_open(&store->place, stage->parent.number, &stage->parent_fd, err);
    if (code < 0)
        return code;
    return store->driver->fill(stage->parent_fd, stage->layer_fd, &stage->copy, err);
}

int ms_store_stage(struct ms_store *store, const char *ns, const char *parent,
                   struct ms_stage **out, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_writable(store, err);
    if (code < 0)
        return code;
    auto_stage struct ms_stage *stage = calloc(1, sizeof *stage);
    if (stage == NULL)
        return ms_err_memory(err);
    stage->store = store;
    stage->directory_fd = -1;
    stage->layer_fd = -1;
    stage->parent_fd = -1;
    code = ms_store_find_parent(store, ns, parent, &stage->parent, err);
    if (code == MS_OK)
        code = make_directory(stage, err);
    if (code == MS_OK)
        code = make_stage_layer(stage, err);
    if (code == MS_OK)
        code = start_copy(stage, err);
    if (code < 0)
        return code;
    *out = ms_take_ptr(&stage);
    return MS_OK;
}

void ms_stage_keep(struct ms_stage *stage, int level) { stage->keep = level; }

int ms_stage_step(struct ms_stage *stage, size_t budget, struct ms_err *err) {
    int code = stage->copy != NULL ? ms_copy_step(stage->copy, budget, err) : 0;
    if (code != 0 || stage->keep == 0)
        return code;
    int level = stage->keep;
    stage->keep = 0;
    return ms_stage_seal(stage, level, err);
}

/* ---- adopt --------------------------------------------------------------------------------- */

static int adopt_row(struct ms_store *store, const char *ns, const struct ms_stage *stage,
                     const struct ms_commit *commit, int64_t *number, struct ms_err *err) {
    ms_auto_row struct ms_row parent = {0};
    ms_auto_chain struct ms_chain chain = {0};
    int code = ms_store_find_parent(store, ns, commit->parent, &parent, err);
    if (code == MS_OK && parent.number != stage->parent.number)
        code = ms_err_set(err, MS_ABORTED, "the parent is not the one it was staged on");
    if (code == MS_OK && parent.number != 0)
        code = ms_chain_push(&parent.chain, parent.number, &chain, err);
    struct ms_new_row row = {
        .ns = ns,
        .key = commit->name,
        .kind = MS_KIND_COMMITTED,
        .parent = parent.number,
        .chain = &chain,
        .created_ns = ms_clock_now_ns(),
        .usage = stage->usage,
        .labels = commit->labels,
    };
    if (code == MS_OK)
        code = ms_meta_insert(&store->meta, &row, number, err);
    if (code == MS_OK && parent.number != 0)
        code = ms_meta_touch(&store->meta, parent.number, row.created_ns, err);
    struct ms_new_event event = {.topic = "/snapshot/commit",
                                 .ns = ns,
                                 .number = *number,
                                 .name = commit->name,
                                 .parent = commit->parent};
    return code < 0 ? code : ms_meta_add_event(&store->meta, &event, err);
}

static int adopt_inside(struct ms_store *store, const char *ns, struct ms_stage *stage,
                        const struct ms_commit *commit, struct ms_err *err) {
    int64_t number = 0;
    int code = adopt_row(store, ns, stage, commit, &number, err);
    if (code == MS_OK)
        code = ms_undo_reserve(&store->undo, err);
    if (code == MS_OK)
        code = ms_layer_publish(&store->place, stage->name, number, err);
    if (code < 0)
        return code;
    ms_undo_add(&store->undo, MS_UNDO_DISCARD, number);
    if (store->committed < number)
        store->committed = number;
    return ms_store_mark(store, number, err);
}

int ms_stage_seal(struct ms_stage *stage, int level, struct ms_err *err) {
    struct ms_sealing *sealing = NULL;
    if (level == 0)
        level = stage->store->durability;
    if (stage->sealed >= level)
        return MS_OK;
    int code = ms_sealing_open(stage->layer_fd, level, &sealing, err);
    while (code == MS_OK && (code = ms_sealing_step(sealing, 4096, err)) == 1)
        code = MS_OK;
    if (code == MS_OK) {
        ms_sealing_usage(sealing, &stage->usage);
        stage->sealed = level;
    }
    ms_sealing_free(sealing);
    return code;
}

int ms_store_adopt(struct ms_store *store, const char *ns, struct ms_stage *stage,
                   const struct ms_commit *commit, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_key_check("name", commit->name, strlen(commit->name), err);
    if (code == MS_OK)
        code = ms_store_check_labels(commit->labels, err);
    if (code == MS_OK && stage->name[0] == '\0')
        code = ms_err_set(err, MS_FAILED_PRECONDITION, "the stage was published already");
    if (code == MS_OK)
        code = ms_stage_seal(stage, commit->durability, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = adopt_inside(store, ns, stage, commit, err);
        code = ms_store_end(store, code, err);
    }
    if (code < 0)
        return ms_err_wrap(err, "commit '%.60s'", commit->name);
    ms_stage_published(stage);
    return MS_OK;
}
