/* archive_support.h - what the tests of imports share: making tars, importing them, looking. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/import.h"
#include "base/err.h"
#include "unit_support.h"

static inline bool is_root(void) { return geteuid() == 0; }

/* Whole programs that need root begin with this. */
static inline void need_root(void) {
    if (is_root())
        return;
    (void)printf("SKIP: needs root\n");
    exit(77);
}

/* ---- Making tars -----------------------------------------------------------------------------*/

static inline struct archive *tar_new(const char *path) {
    struct archive *tar = archive_write_new();
    CHECK(archive_write_set_format_pax(tar) == ARCHIVE_OK);
    (void)archive_write_set_options(tar, "hdrcharset=BINARY");
    CHECK(archive_write_open_filename(tar, path) == ARCHIVE_OK);
    return tar;
}

static inline void tar_end(struct archive *tar) {
    CHECK(archive_write_close(tar) == ARCHIVE_OK);
    CHECK(archive_write_free(tar) == ARCHIVE_OK);
}

/* An entry with the caller's ids; mode has the type. To be put by tar_put. */
static inline struct archive_entry *tar_entry(const char *name, mode_t mode) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_uid(entry, geteuid());
    archive_entry_set_gid(entry, getegid());
    archive_entry_set_mtime(entry, 1000000000, 123456789);
    archive_entry_set_size(entry, 0);
    return entry;
}

static inline void tar_put(struct archive *tar, struct archive_entry *entry, const char *content) {
    size_t size = content != NULL ? strlen(content) : 0;
    if (content != NULL)
        archive_entry_set_size(entry, (la_int64_t)size);
    if (archive_write_header(tar, entry) < ARCHIVE_WARN) {
        (void)fprintf(stderr, "tar: %s\n", archive_error_string(tar));
        exit(1);
    }
    if (size > 0)
        CHECK(archive_write_data(tar, content, size) == (la_ssize_t)size);
    archive_entry_free(entry);
}

static inline void put_dir(struct archive *tar, const char *name, mode_t mode) {
    tar_put(tar, tar_entry(name, S_IFDIR | mode), NULL);
}

static inline void put_file(struct archive *tar, const char *name, const char *content) {
    tar_put(tar, tar_entry(name, S_IFREG | 0644), content);
}

static inline void put_link(struct archive *tar, const char *name, const char *target) {
    struct archive_entry *entry = tar_entry(name, S_IFLNK | 0777);
    archive_entry_set_symlink(entry, target);
    tar_put(tar, entry, NULL);
}

static inline void put_hard_link(struct archive *tar, const char *name, const char *target) {
    struct archive_entry *entry = tar_entry(name, S_IFREG | 0644);
    archive_entry_set_hardlink(entry, target);
    tar_put(tar, entry, NULL);
}

static inline void put_device(struct archive *tar, const char *name, mode_t mode, unsigned major_,
                              unsigned minor_) {
    struct archive_entry *entry = tar_entry(name, mode);
    archive_entry_set_rdevmajor(entry, major_);
    archive_entry_set_rdevminor(entry, minor_);
    tar_put(tar, entry, NULL);
}

/* ---- Importing -------------------------------------------------------------------------------*/

/* Imports into the directory target (made when missing), in steps of 3. Returns 0 or the kind. */
static inline int import_request(const char *target, const struct ms_import_request *request,
                                 struct ms_import_summary *summary, struct ms_err *err) {
    (void)mkdir(target, 0755);
    int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    struct ms_import *import = NULL;
    int rc = ms_import_open(fd, request, &import, err);
    if (rc == 0) {
        do
            rc = ms_import_step(import, 3, err);
        while (rc == 1);
        ms_import_summary(import, summary);
    }
    ms_import_free(import);
    CHECK(close(fd) == 0);
    return rc;
}

/* The same for a path, which has to go well. */
static inline struct ms_import_summary import_path(const char *target, const char *path,
                                                   int whiteout) {
    struct ms_import_request request = {.path = path, .whiteout = whiteout};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    if (import_request(target, &request, &summary, &err) != 0) {
        (void)fprintf(stderr, "import %s: %s\n", path, err.text);
        exit(1);
    }
    return summary;
}

/* The same, which has to be refused with kind and a text that has fragment in it. */
static inline void import_refused(const char *path, int kind, const char *fragment) {
    struct ms_import_request request = {.path = path, .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    int rc = import_request("out", &request, &summary, &err);
    if (rc != kind || strstr(err.text, fragment) == NULL) {
        (void)fprintf(stderr, "import %s: got %d '%s', want %d '...%s...'\n", path, rc, err.text,
                      kind, fragment);
        exit(1);
    }
}

/* ---- Looking ---------------------------------------------------------------------------------*/

static inline struct stat look(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    return st;
}

static inline bool exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

static inline void check_content(const char *path, const char *want) {
    char got[4096] = {0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    (void)fread(got, 1, sizeof got - 1, file);
    (void)fclose(file);
    CHECK_TEXT(got, want);
}

static inline bool has_xattr(const char *path, const char *name, const char *value) {
    char got[256] = {0};
    ssize_t size = lgetxattr(path, name, got, sizeof got - 1);
    return size >= 0 && strcmp(got, value) == 0;
}

static inline void write_file(const char *path, const char *content) {
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(content, file) >= 0 && fclose(file) == 0);
}

/* How many names a directory holds. */
static inline int count_names(const char *path) {
    DIR *dir = opendir(path);
    CHECK(dir != NULL);
    int count = -2;
    while (readdir(dir) != NULL)
        count++;
    CHECK(closedir(dir) == 0);
    return count;
}
