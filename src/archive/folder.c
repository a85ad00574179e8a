#include "archive/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/describe.h"
#include "archive/name.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/links.h"
#include "base/own.h"
#include "base/tree.h"

#define PIECE_SIZE ((size_t)256 * 1024)

struct folder {
    struct ms_folder_request request;
    struct ms_import_summary *summary;
    struct ms_tree tree;
    struct ms_description description;
    struct ms_links links;
    char *buffer; /* PIECE_SIZE */
    int file;     /* the entry's content, or -1 */
    bool skip;    /* the entry is a mount point, whose content stays out */
    int64_t size;
    int64_t offset;
    bool sparse;
    int64_t bytes_read;
};

static void free_folder(void *self) {
    struct folder *folder = self;
    ms_own_close(&folder->file);
    ms_tree_clear(&folder->tree);
    ms_description_clear(&folder->description);
    ms_links_clear(&folder->links);
    free(folder->buffer);
    free(folder);
}

static bool is(const struct stat *st, dev_t device, ino_t inode) {
    return inode != 0 && st->st_dev == device && st->st_ino == inode;
}

static int enter(struct folder *folder, const struct ms_tree_item *item, struct ms_err *err) {
    const struct ms_folder_request *request = &folder->request;
    if (is(&item->st, request->store_dev, request->store_ino))
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "entry '%.100s': this is the store itself; import a directory without it",
                          ms_name_show(item->path));
    if (!item->mount)
        return 0;
    struct ms_import_summary *summary = folder->summary;
    summary->skipped_mounts += 1;
    if (summary->first_note[0] == '\0')
        (void)snprintf(summary->first_note, sizeof summary->first_note,
                       "entry '%.100s': something is mounted here; it came in empty", item->path);
    return 0;
}

/* Opens a file's content; what is known of it is then what the descriptor says. */
static int open_file(struct folder *folder, const struct ms_tree_item *item, struct stat *st,
                     struct ms_err *err) {
    folder->file = openat(item->dir, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (folder->file < 0 || fstat(folder->file, st) != 0)
        return ms_err_sys(err, errno, "entry '%.100s': read it", item->path);
    if (!S_ISREG(st->st_mode))
        return ms_err_set(err, MS_ABORTED, "entry '%.100s': it changed while it was read",
                          item->path);
    folder->size = st->st_size;
    folder->offset = 0;
    folder->sparse = (int64_t)st->st_blocks * 512 < st->st_size;
    return 0;
}

static int describe(struct folder *folder, const struct ms_tree_item *item, struct ms_entry *out,
                    struct ms_err *err) {
    struct stat st = item->st;
    struct ms_at at = {.fd = item->fd, .dir = item->dir, .name = item->name, .path = item->path};
    int rc = 0;
    if (S_ISREG(st.st_mode)) {
        rc = open_file(folder, item, &st, err);
        at.fd = folder->file;
    }
    if (rc == 0)
        rc = ms_describe(&folder->description, &at, &st, out, err);
    if (rc < 0)
        return rc;
    out->path = ms_name_show(item->path);
    out->clone_from = folder->file;
    return 1;
}

/* Another name of a file that was seen; 1 and the entry, 0 when it is the first. */
static int find_link(struct folder *folder, const struct ms_tree_item *item, struct ms_entry *out,
                     struct ms_err *err) {
    if (item->event != MS_TREE_ITEM || item->st.st_nlink < 2)
        return 0;
    const char *first = NULL;
    int rc = ms_links_note(&folder->links, &item->st, item->path, &first, err);
    if (rc < 0 || first == NULL)
        return rc;
    *out = (struct ms_entry){.path = item->path,
                             .link = first,
                             .hard_link = true,
                             .mode = item->st.st_mode,
                             .clone_from = -1};
    return 1;
}

static int next_entry(void *self, struct ms_entry *out, struct ms_err *err) {
    struct folder *folder = self;
    struct ms_tree_item item;
    ms_own_close(&folder->file);
    folder->file = -1;
    if (folder->skip)
        ms_tree_skip(&folder->tree);
    folder->skip = false;
    int rc = 0;
    do
        rc = ms_tree_next(&folder->tree, &item, err);
    while (rc == 1 && item.event == MS_TREE_LEAVE);
    if (rc == 1 && item.event == MS_TREE_ENTER && enter(folder, &item, err) < 0)
        rc = err->kind;
    if (rc <= 0)
        return rc;
    rc = find_link(folder, &item, out, err);
    if (rc == 0)
        rc = describe(folder, &item, out, err);
    folder->skip = item.mount;
    return rc;
}

/* Sets the offset to where content goes on; false when there is none. */
static bool find_data(struct folder *folder) {
    if (folder->sparse) {
        off_t found = lseek(folder->file, folder->offset, SEEK_DATA);
        if (found < 0 && errno == ENXIO)
            return false;
        if (found >= 0)
            folder->offset = found;
    }
    return folder->offset < folder->size;
}

/* How much to read at the offset, at most to the next hole. */
static size_t piece_size(const struct folder *folder) {
    int64_t end = folder->size;
    if (folder->sparse) {
        off_t hole = lseek(folder->file, folder->offset, SEEK_HOLE);
        if (hole > folder->offset && hole < end)
            end = hole;
    }
    int64_t size = end - folder->offset;
    return size < (int64_t)PIECE_SIZE ? (size_t)size : PIECE_SIZE;
}

static int read_piece(void *self, struct ms_piece *out, struct ms_err *err) {
    struct folder *folder = self;
    if (!find_data(folder))
        return 0;
    size_t size = piece_size(folder);
    ssize_t got = 0;
    do
        got = pread(folder->file, folder->buffer, size, folder->offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return ms_err_sys(err, errno, "entry '%.100s': read it", folder->tree.path.bytes);
    *out = (struct ms_piece){folder->buffer, (size_t)got, folder->offset};
    folder->offset += got;
    folder->bytes_read += got;
    return got > 0;
}

static int finish(void *self, struct ms_err *err) {
    (void)self;
    (void)err;
    return 0;
}

static void progress(void *self, struct ms_import_progress *out) {
    const struct folder *folder = self;
    out->bytes_read = folder->bytes_read;
    out->bytes_total = -1;
}

/* Goes up from the target: known before anything is read when the source is above it. What is
 * beyond a mount is not walked into either. */
static int check_outside(int source, int target, struct ms_err *err) {
    struct stat above;
    struct stat st;
    if (fstat(source, &above) != 0)
        return ms_err_sys(err, errno, "look at the source");
    ms_auto_close int fd = openat(target, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (bool last = false; !last;) {
        if (fd < 0 || fstat(fd, &st) != 0)
            return ms_err_sys(err, errno, "look above the target");
        if (is(&st, above.st_dev, above.st_ino))
            return ms_err_set(err, MS_FAILED_PRECONDITION,
                              "the source holds the store itself; import a directory without it");
        int next = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat up = st;
        last = next >= 0 && fstat(next, &up) == 0 && is(&up, st.st_dev, st.st_ino);
        last = last || ms_dir_is_mount(fd, up.st_dev);
        ms_own_close(&fd);
        fd = next;
    }
    return 0;
}

int ms_folder_open(int fd, const struct ms_folder_request *request,
                   struct ms_import_summary *summary, struct ms_source *out, struct ms_err *err) {
    ms_auto_close int mine = fd;
    int rc = check_outside(mine, request->target, err);
    if (rc < 0)
        return rc;
    struct folder *folder = calloc(1, sizeof *folder);
    char *buffer = malloc(PIECE_SIZE);
    if (folder == NULL || buffer == NULL) {
        free(folder);
        free(buffer);
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory to read a directory");
    }
    folder->request = *request;
    folder->summary = summary;
    folder->buffer = buffer;
    folder->file = -1;
    rc = ms_tree_open(&folder->tree, mine, err);
    if (rc < 0) {
        free_folder(folder);
        return rc;
    }
    *out = (struct ms_source){.next = next_entry,
                              .read = read_piece,
                              .finish = finish,
                              .progress = progress,
                              .free = free_folder,
                              .self = folder};
    return 0;
}
