#include "archive/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "archive/acl.h"
#include "archive/name.h"
#include "base/err.h"
#include "base/own.h"

#define READ_SIZE ((size_t)128 * 1024)
#define XATTRS_MAX 4096 /* of an entry; the kernel cannot list that many */

struct tar {
    struct archive *archive;
    struct archive_entry *entry; /* the archive's own */
    int fd;
    bool is_stream; /* read to its end, so that its writer need not fail */
    int64_t size;
    int64_t entries;
    int64_t position;    /* in the plain stream, behind the last entry */
    struct ms_text last; /* name of the last entry */
    char *buffer;        /* READ_SIZE */
    struct ms_xattr *xattrs;
    size_t xattrs_room;
    struct ms_text acls[2];
};

static void free_tar(void *self) {
    struct tar *tar = self;
    if (tar->archive != NULL)
        (void)archive_read_free(tar->archive);
    archive_entry_free(tar->entry);
    ms_text_clear(&tar->last);
    ms_own_close(&tar->fd);
    ms_text_clear(&tar->acls[0]);
    ms_text_clear(&tar->acls[1]);
    free(tar->xattrs);
    free(tar->buffer);
    free(tar);
}

/* Words libarchive's failure. */
static int failed(const struct tar *tar, struct ms_err *err) {
    int sys = archive_errno(tar->archive);
    const char *words = archive_error_string(tar->archive);
    if (words == NULL)
        words = "no reason given";
    if (sys == ENOMEM)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "read the archive: %s", words);
    if (sys > 0 && sys != EILSEQ && sys != EINVAL)
        return ms_err_sys(err, sys, "read the archive");
    if (tar->entries == 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "read the archive: %s; give a tar, plain or compressed, or a directory",
                          words);
    return ms_err_set(
        err, MS_DATA_LOSS,
        "read the archive: it is cut or damaged at or after entry '%.80s' (%s); get it "
        "anew",
        ms_name_show(tar->last.bytes), words);
}

static int check_end(const struct tar *tar, struct ms_err *err) {
    if (archive_filter_bytes(tar->archive, 0) > tar->position)
        return 0;
    return ms_err_set(
        err, MS_DATA_LOSS,
        "read the archive: it ends after %lld entries without its end mark, so it was "
        "cut; get it anew",
        (long long)tar->entries);
}

static int reserve_xattrs(struct tar *tar, size_t count, struct ms_err *err) {
    if (count <= tar->xattrs_room)
        return 0;
    struct ms_xattr *xattrs = realloc(tar->xattrs, count * sizeof *xattrs);
    if (xattrs == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory for %zu xattrs", count);
    tar->xattrs = xattrs;
    tar->xattrs_room = count;
    return 0;
}

static int read_acl(struct tar *tar, bool default_acl, size_t *count, struct ms_err *err) {
    struct ms_text *acl = &tar->acls[default_acl];
    acl->size = 0;
    bool there = ms_acl_encode(tar->entry, default_acl, acl);
    int rc = ms_text_check(acl, err);
    if (rc < 0 || !there)
        return rc;
    tar->xattrs[(*count)++] = (struct ms_xattr){
        .name = default_acl ? "system.posix_acl_default" : "system.posix_acl_access",
        .value = acl->bytes,
        .size = acl->size,
    };
    return 0;
}

/* Adds an xattr unless it is there: some archives hold each in two notations. */
static void add_xattr(struct tar *tar, const struct ms_xattr *xattr, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(tar->xattrs[i].name, xattr->name) == 0)
            return;
    tar->xattrs[(*count)++] = *xattr;
}

static int read_xattrs(struct tar *tar, struct ms_entry *out, struct ms_err *err) {
    int most = archive_entry_xattr_reset(tar->entry);
    if (most > XATTRS_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.100s': %d xattrs are too many",
                          ms_name_show(out->path), most);
    int rc = reserve_xattrs(tar, (size_t)(most > 0 ? most : 0) + 2, err);
    if (rc < 0)
        return rc;
    size_t count = 0;
    struct ms_xattr xattr;
    while (most > 0 && archive_entry_xattr_next(tar->entry, &xattr.name, &xattr.value,
                                                &xattr.size) == ARCHIVE_OK)
        if (xattr.name != NULL)
            add_xattr(tar, &xattr, &count);
    rc = read_acl(tar, false, &count, err);
    if (rc == 0 && S_ISDIR(out->mode))
        rc = read_acl(tar, true, &count, err);
    out->xattrs = tar->xattrs;
    out->xattrs_count = count;
    return rc;
}

static int read_owner(struct archive_entry *from, struct ms_entry *out, struct ms_err *err) {
    int64_t uid = archive_entry_uid(from);
    int64_t gid = archive_entry_gid(from);
    if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.100s': owner %lld:%lld is none",
                          ms_name_show(out->path), (long long)uid, (long long)gid);
    out->uid = (uid_t)uid;
    out->gid = (gid_t)gid;
    return 0;
}

static struct timespec time_of(time_t seconds, long nanoseconds) {
    return (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
}

static int describe(struct tar *tar, struct ms_entry *out, struct ms_err *err) {
    struct archive_entry *from = tar->entry;
    const char *hard_link = archive_entry_hardlink(from);
    *out = (struct ms_entry){
        .path = archive_entry_pathname(from),
        .link = hard_link != NULL ? hard_link : archive_entry_symlink(from),
        .hard_link = hard_link != NULL,
        .mode = archive_entry_mode(from),
        .size = archive_entry_size(from),
        .clone_from = -1,
        .times[1] = time_of(archive_entry_mtime(from), archive_entry_mtime_nsec(from)),
    };
    out->times[0] = out->times[1];
    if (archive_entry_atime_is_set(from))
        out->times[0] = time_of(archive_entry_atime(from), archive_entry_atime_nsec(from));
    if (S_ISCHR(out->mode) || S_ISBLK(out->mode))
        out->device = makedev(archive_entry_rdevmajor(from), archive_entry_rdevminor(from));
    int rc = read_owner(from, out, err);
    return rc < 0 ? rc : read_xattrs(tar, out, err);
}

/* Steps over what is left of the last entry, so that the position behind it is known. */
static int skip_rest(struct tar *tar, struct ms_err *err) {
    if (tar->entries > 0 && archive_read_data_skip(tar->archive) < ARCHIVE_WARN)
        return failed(tar, err);
    tar->position = archive_filter_bytes(tar->archive, 0);
    return 0;
}

static int next_entry(void *self, struct ms_entry *out, struct ms_err *err) {
    struct tar *tar = self;
    int rc = skip_rest(tar, err);
    if (rc < 0)
        return rc;
    int got = archive_read_next_header2(tar->archive, tar->entry);
    if (got == ARCHIVE_EOF)
        return check_end(tar, err);
    if (got < ARCHIVE_WARN)
        return failed(tar, err);
    tar->entries += 1;
    rc = describe(tar, out, err);
    tar->last.size = 0;
    ms_text_puts(&tar->last, out->path != NULL ? out->path : "");
    return rc < 0 ? rc : 1;
}

static int read_piece(void *self, struct ms_piece *out, struct ms_err *err) {
    struct tar *tar = self;
    la_int64_t offset = 0;
    int got = archive_read_data_block(tar->archive, &out->bytes, &out->size, &offset);
    if (got == ARCHIVE_EOF)
        return 0;
    if (got < ARCHIVE_WARN)
        return failed(tar, err);
    out->offset = offset;
    return 1;
}

static int finish(void *self, struct ms_err *err) {
    struct tar *tar = self;
    if (!tar->is_stream)
        return 0;
    ssize_t got = read(tar->fd, tar->buffer, READ_SIZE);
    if (got < 0 && errno != EINTR)
        return ms_err_sys(err, errno, "read the rest of the stream");
    return got != 0;
}

static void progress(void *self, struct ms_import_progress *out) {
    const struct tar *tar = self;
    out->bytes_read = archive_filter_bytes(tar->archive, -1);
    out->bytes_total = tar->size;
}

static ssize_t read_more(struct archive *archive, void *self, const void **buffer) {
    struct tar *tar = self;
    ssize_t got = 0;
    do
        got = read(tar->fd, tar->buffer, READ_SIZE);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    *buffer = tar->buffer;
    return got;
}

static int start(struct tar *tar, struct ms_err *err) {
    struct archive *archive = archive_read_new();
    tar->archive = archive;
    tar->entry = archive == NULL ? NULL : archive_entry_new2(archive);
    tar->buffer = malloc(READ_SIZE);
    if (tar->entry == NULL || tar->buffer == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory to read an archive");
    static int (*const filters[])(struct archive *) = {
        archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
        archive_read_support_filter_xz,   archive_read_support_filter_lzma,
        archive_read_support_filter_lzip, archive_read_support_filter_zstd,
        archive_read_support_filter_lz4,  archive_read_support_filter_compress,
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        (void)filters[i](archive); /* one that is not built in is one that is not known */
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_open(archive, tar, NULL, read_more, NULL) < ARCHIVE_WARN)
        return failed(tar, err);
    return 0;
}

int ms_tar_open(int fd, int64_t size, struct ms_source *out, struct ms_err *err) {
    ms_auto_close int mine = fd;
    struct tar *tar = calloc(1, sizeof *tar);
    if (tar == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory to read an archive");
    tar->fd = ms_take_fd(&mine);
    tar->size = size;
    tar->is_stream = size < 0;
    int rc = start(tar, err);
    if (rc < 0) {
        free_tar(tar);
        return rc;
    }
    *out = (struct ms_source){.next = next_entry,
                              .read = read_piece,
                              .finish = finish,
                              .progress = progress,
                              .free = free_tar,
                              .self = tar};
    return 0;
}
