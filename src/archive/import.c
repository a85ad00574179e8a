#include "archive/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive/describe.h"
#include "archive/folder.h"
#include "archive/merge.h"
#include "archive/sink.h"
#include "archive/tar.h"
#include "base/err.h"
#include "base/own.h"

#define SCRATCH_NAME ".wh..wh.import.%d" /* no entry can be named so */
#define SCRATCH_TRIES 100
#define UNIT_BYTES (1024 * 1024)

enum phase { ENTRIES, CONTENT, SETTLE, MERGE, REST, DONE, FAILED };

struct ms_import {
    int target;
    int scratch; /* DELETE: the tree that is merged into target at last, or -1; owned */
    char scratch_name[32];
    enum phase phase;
    struct ms_source source;
    struct ms_sink sink;
    struct ms_merge *merge;
    struct ms_entry entry; /* the one in work */
    struct ms_import_summary summary;
    int64_t content_units; /* of the entry in work */
};

void ms_import_free(struct ms_import *import) {
    if (import == NULL)
        return;
    ms_merge_free(import->merge);
    ms_sink_clear(&import->sink);
    if (import->source.free != NULL)
        import->source.free(import->source.self);
    ms_own_close(&import->scratch);
    free(import);
}

/* Opens what is to be read. */
static int open_input(const struct ms_import_request *request, int *fd, struct ms_err *err) {
    if (request->path == NULL) {
        *fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 3);
        return *fd < 0 ? ms_err_sys(err, errno, "open the source") : 0;
    }
    *fd = open(request->path, O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? ms_err_sys(err, errno, "open '%.100s'", request->path) : 0;
}

static int open_source(struct ms_import *import, const struct ms_import_request *request,
                       struct ms_err *err) {
    ms_auto_close int fd = -1;
    int rc = open_input(request, &fd, err);
    if (rc < 0)
        return rc;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ms_err_sys(err, errno, "look at the source");
    if (!S_ISDIR(st.st_mode))
        return ms_tar_open(ms_take_fd(&fd), S_ISREG(st.st_mode) ? st.st_size : -1, &import->source,
                           err);
    struct ms_folder_request folder = {
        .store_dev = request->store_dev, .store_ino = request->store_ino, .target = import->target};
    return ms_folder_open(ms_take_fd(&fd), &folder, &import->summary, &import->source, err);
}

/* DELETE: makes the scratch directory in the target. Its root starts as the target's. */
static int make_scratch(struct ms_import *import, struct ms_err *err) {
    struct stat st;
    if (fstat(import->target, &st) != 0)
        return ms_err_sys(err, errno, "look at the target");
    int rc = -1;
    for (int i = 0; i < SCRATCH_TRIES && rc != 0; i++) {
        (void)snprintf(import->scratch_name, sizeof import->scratch_name, SCRATCH_NAME, i);
        rc = mkdirat(import->target, import->scratch_name, 0700);
        if (rc != 0 && errno != EEXIST)
            break;
    }
    if (rc == 0)
        import->scratch = openat(import->target, import->scratch_name,
                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (import->scratch < 0)
        return ms_err_sys(err, errno, "make a directory to import into");
    ms_auto_description struct ms_description description = {0};
    struct ms_entry entry;
    struct ms_at at = {.fd = import->target, .path = ""};
    mode_t mode = 0;
    rc = ms_describe(&description, &at, &st, &entry, err);
    at.fd = import->scratch;
    if (rc == 0)
        rc = ms_attr_owner(&import->sink.keeper, &at, &entry, &mode, err);
    if (rc == 0 && (fchmod(at.fd, mode) != 0 || futimens(at.fd, entry.times) != 0))
        rc = ms_err_sys(err, errno, "make a directory to import into");
    return rc;
}

static int open_sink(struct ms_import *import, const struct ms_import_request *request,
                     struct ms_err *err) {
    struct ms_sink *sink = &import->sink;
    sink->keeper = (struct ms_keeper){
        .squash = request->squash_owners || ms_attr_one_owner(),
        .strict = request->strict,
        .summary = &import->summary,
    };
    sink->hider.style = request->whiteout;
    sink->has_parent = request->has_parent;
    sink->below = -1;
    if (request->whiteout != MS_WHITEOUT_DELETE)
        return ms_sink_open(sink, import->target, err);
    sink->below = import->target;
    int rc = make_scratch(import, err);
    return rc < 0 ? rc : ms_sink_open(sink, import->scratch, err);
}

int ms_import_open(int target, const struct ms_import_request *request, struct ms_import **out,
                   struct ms_err *err) {
    struct ms_import *import = calloc(1, sizeof *import);
    if (import == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory for an import");
    import->target = target;
    import->scratch = -1;
    import->sink.file = -1;
    int rc = open_source(import, request, err);
    if (rc == 0)
        rc = open_sink(import, request, err);
    if (rc < 0) {
        ms_import_free(import);
        return rc;
    }
    *out = import;
    return 0;
}

static int next_entry(struct ms_import *import, struct ms_err *err) {
    int rc = import->source.next(import->source.self, &import->entry, err);
    if (rc == 0)
        import->phase = SETTLE;
    if (rc <= 0)
        return rc;
    rc = ms_sink_begin(&import->sink, &import->entry, err);
    if (rc == 1) {
        import->phase = CONTENT;
        import->content_units = 0;
    }
    return rc;
}

/* One piece of content; *units gets what it costs. */
static int next_piece(struct ms_import *import, size_t *units, struct ms_err *err) {
    struct ms_piece piece = {0};
    int rc = import->source.read(import->source.self, &piece, err);
    *units = 0;
    if (rc < 0)
        return rc;
    if (rc == 0) {
        import->phase = ENTRIES;
        return ms_sink_end(&import->sink, &import->entry, err);
    }
    import->content_units += (int64_t)piece.size;
    *units = (size_t)(import->content_units / UNIT_BYTES);
    import->content_units %= UNIT_BYTES;
    return ms_sink_write(&import->sink, &piece, err);
}

/* All entries are there: the times of the directories, and with DELETE the merge begins. */
static int settle(struct ms_import *import, struct ms_err *err) {
    int rc = ms_sink_finish(&import->sink, err);
    import->phase = REST;
    if (rc < 0 || import->scratch < 0)
        return rc;
    import->phase = MERGE;
    struct ms_merge_request request = {
        .target = import->target,
        .from = import->scratch,
        .from_name = import->scratch_name,
        .marks = import->summary.whiteouts > 0,
        .keeper = &import->sink.keeper,
    };
    return ms_merge_open(&request, &import->merge, err);
}

static int merge(struct ms_import *import, struct ms_err *err) {
    int rc = ms_merge_step(import->merge, err);
    if (rc == 0)
        import->phase = REST;
    return rc;
}

static int read_rest(struct ms_import *import, struct ms_err *err) {
    int rc = import->source.finish(import->source.self, err);
    if (rc == 0)
        import->phase = DONE;
    return rc;
}

/* One unit of work or less; *units gets what it costs. */
static int advance(struct ms_import *import, size_t *units, struct ms_err *err) {
    *units = 1;
    switch (import->phase) {
    case ENTRIES:
        return next_entry(import, err);
    case CONTENT:
        return next_piece(import, units, err);
    case SETTLE:
        return settle(import, err);
    case MERGE:
        return merge(import, err);
    case REST:
        return read_rest(import, err);
    default:
        return ms_err_set(err, MS_FAILED_PRECONDITION, "this import has failed before");
    }
}

int ms_import_step(struct ms_import *import, size_t budget, struct ms_err *err) {
    size_t spent = 0;
    do {
        if (import->phase == DONE)
            return 0;
        size_t units = 0;
        int rc = advance(import, &units, err);
        if (rc < 0) {
            import->phase = FAILED;
            return rc;
        }
        spent += units;
    } while (spent < budget);
    return import->phase != DONE;
}

void ms_import_progress(const struct ms_import *import, struct ms_import_progress *out) {
    *out = (struct ms_import_progress){.entries = import->summary.entries, .bytes_total = -1};
    import->source.progress(import->source.self, out);
}

void ms_import_summary(const struct ms_import *import, struct ms_import_summary *out) {
    *out = import->summary;
}
