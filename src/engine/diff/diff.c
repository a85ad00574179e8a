#include "engine/diff/diff.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/diff/stack.h"
#include "engine/layer/xattrs.h"

/* One directory that is being looked at. */
struct level {
    struct ms_names names; /* sorted */
    size_t next;
    struct ms_slice ours;   /* layers of the snapshot that show it */
    struct ms_slice theirs; /* layers of the other side */
    size_t path_end;        /* its path is the first path_end bytes of the diff's */
};

struct ms_diff {
    struct ms_stack ours;
    struct ms_stack theirs;
    bool compare;
    struct level *levels; /* owned */
    size_t depth;
    struct ms_text path;
};

static void clear_level(struct level *level) {
    ms_names_clear(&level->names);
    ms_slice_clear(&level->ours);
    ms_slice_clear(&level->theirs);
}

void ms_diff_free(struct ms_diff *diff) {
    if (diff == NULL)
        return;
    while (diff->depth > 0)
        clear_level(&diff->levels[--diff->depth]);
    free(diff->levels);
    ms_stack_clear(&diff->ours);
    ms_stack_clear(&diff->theirs);
    ms_text_clear(&diff->path);
    free(diff);
}

/* Adds a level for the directory at the diff's path; takes both slices, also when it fails. */
static int push(struct ms_diff *diff, struct ms_slice ours, struct ms_slice theirs,
                struct ms_err *err) {
    struct level level = {.ours = ours, .theirs = theirs, .path_end = diff->path.size};
    struct level *levels = realloc(diff->levels, (diff->depth + 1) * sizeof *levels);
    if (levels == NULL) {
        clear_level(&level);
        return ms_err_memory(err);
    }
    diff->levels = levels;
    const char *path = diff->path.bytes;
    int code = ms_stack_names(&diff->ours, &ours, path, &level.names, err);
    if (code == MS_OK && diff->compare)
        code = ms_stack_names(&diff->theirs, &theirs, path, &level.names, err);
    if (code < 0) {
        clear_level(&level);
        return code;
    }
    levels[diff->depth++] = level;
    return MS_OK;
}

int ms_diff_open(const struct ms_diff_request *request, struct ms_diff **out, struct ms_err *err) {
    struct ms_slice ours = {0};
    struct ms_slice theirs = {0};
    struct ms_diff *diff = calloc(1, sizeof *diff);
    if (diff == NULL)
        return ms_err_memory(err);
    diff->compare = request->compare;
    diff->ours.stacks = diff->theirs.stacks = request->stacks;
    diff->ours.user_xattrs = diff->theirs.user_xattrs = request->user_xattrs;
    size_t count = request->compare || request->layers_count == 0 ? request->layers_count : 1;
    ms_text_append(&diff->path, "", 0);
    int code = ms_text_check(&diff->path, err);
    if (code == MS_OK)
        code = ms_stack_init(&diff->ours, request->layers, count, err);
    if (code == MS_OK)
        code = ms_stack_init(&diff->theirs, request->others, request->others_count, err);
    if (code == MS_OK)
        code = ms_slice_root(&diff->ours, &ours, err);
    if (code == MS_OK)
        code = ms_slice_root(&diff->theirs, &theirs, err);
    if (code == MS_OK) {
        code = push(diff, ours, theirs, err);
    } else {
        ms_slice_clear(&ours);
        ms_slice_clear(&theirs);
    }
    if (code < 0) {
        ms_diff_free(diff);
        return code;
    }
    *out = diff;
    return MS_OK;
}

static const char *type_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symlink";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
        return "char";
    case S_IFBLK:
        return "block";
    default:
        return "file";
    }
}

static int tell(struct ms_diff *diff, const char *change, const struct stat *st,
                struct ms_change *out) {
    *out = (struct ms_change){
        .change = change,
        .path = diff->path.bytes,
        .type = type_of(st->st_mode),
        .size_bytes = S_ISREG(st->st_mode) ? (int64_t)st->st_size : 0,
    };
    return 1;
}

static bool same_inode(const struct stat *left, const struct stat *right) {
    return left->st_mode == right->st_mode && left->st_uid == right->st_uid &&
           left->st_gid == right->st_gid && left->st_rdev == right->st_rdev;
}

static bool same_file(const struct stat *left, const struct stat *right) {
    return same_inode(left, right) && left->st_size == right->st_size &&
           left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
           left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

/* 1 when the entry that both sides have differs. */
static int differs(const struct ms_diff *diff, const struct ms_seen *ours,
                   const struct ms_seen *theirs, struct ms_err *err) {
    bool directories = S_ISDIR(ours->st.st_mode) && S_ISDIR(theirs->st.st_mode);
    if (ours->st.st_dev == theirs->st.st_dev && ours->st.st_ino == theirs->st.st_ino)
        return 0;
    if (!directories && !diff->compare)
        return 1; /* it lies in the layer because it was written there */
    if (directories ? !same_inode(&ours->st, &theirs->st) : !same_file(&ours->st, &theirs->st))
        return 1;
    ms_auto_spot struct ms_spot left = {.fd = -1};
    ms_auto_spot struct ms_spot right = {.fd = -1};
    const char *path = diff->path.bytes;
    int code = ms_spot_open(&diff->ours, ours->layer, path, &left, err);
    if (code == MS_OK)
        code = ms_spot_open(&diff->theirs, theirs->layer, path, &right, err);
    return code < 0 ? code : ms_xattrs_differ(left.path, right.path, err);
}

static int tell_both(struct ms_diff *diff, const struct ms_seen *ours, const struct ms_seen *theirs,
                     struct ms_change *out, struct ms_err *err) {
    bool directories = S_ISDIR(ours->st.st_mode) && S_ISDIR(theirs->st.st_mode);
    if (directories && ours->opaque && !diff->compare)
        return tell(diff, "opaque", &ours->st, out);
    int code = differs(diff, ours, theirs, err);
    return code <= 0 ? code : tell(diff, "changed", &ours->st, out);
}

/* Nothing of ours at the path: it was removed, if they have it and it is really hidden. */
static int tell_theirs(struct ms_diff *diff, const struct ms_seen *theirs, struct ms_change *out) {
    return theirs->exists ? tell(diff, "removed", &theirs->st, out) : 0;
}

/* The entry at the diff's path: 1 and *out when it changed. Directories of ours are entered next.
 */
static int visit(struct ms_diff *diff, struct ms_change *out, struct ms_err *err) {
    const struct level *level = &diff->levels[diff->depth - 1];
    const char *path = diff->path.bytes;
    struct ms_slice ours_below = {0};
    struct ms_slice theirs_below = {0};
    struct ms_seen ours = {0};
    struct ms_seen theirs = {0};
    int code = ms_stack_find(&diff->ours, &level->ours, path, &ours, &ours_below, err);
    if (code == MS_OK)
        code = ms_stack_find(&diff->theirs, &level->theirs, path, &theirs, &theirs_below, err);
    if (code < 0) {
        ms_slice_clear(&ours_below);
        return code;
    }
    int told = 0;
    if (!ours.exists)
        told = tell_theirs(diff, &theirs, out);
    else if (!theirs.exists)
        told = tell(diff, "added", &ours.st, out);
    else
        told = tell_both(diff, &ours, &theirs, out, err);
    if (told >= 0 && ours.exists && S_ISDIR(ours.st.st_mode)) {
        if (ours.opaque && !diff->compare)
            theirs_below.count = 0;
        code = push(diff, ours_below, theirs_below, err);
        return code < 0 ? code : told;
    }
    ms_slice_clear(&ours_below);
    ms_slice_clear(&theirs_below);
    return told;
}

int ms_diff_next(struct ms_diff *diff, struct ms_change *out, struct ms_err *err) {
    int code = 0;
    while (code == 0 && diff->depth > 0) {
        struct level *level = &diff->levels[diff->depth - 1];
        if (level->next == level->names.count) {
            clear_level(level);
            diff->depth--;
            continue;
        }
        diff->path.size = level->path_end;
        if (level->path_end != 0)
            ms_text_append(&diff->path, "/", 1);
        ms_text_puts(&diff->path, level->names.items[level->next++]);
        code = ms_text_check(&diff->path, err);
        if (code == MS_OK)
            code = visit(diff, out, err);
    }
    return code;
}
