#include "engine/layer/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

#define CHUNK 1000 /* fits every file system's symlinks (XFS: 1,023) */

void ms_marker_clear(struct ms_marker *marker) {
    free(marker->driver);
    free(marker->xattrs);
    free(marker->ns);
    free(marker->name);
    ms_labels_clear(&marker->labels);
    *marker = (struct ms_marker){0};
}

static void chunk_name(char name[48], int64_t number, unsigned chunk) {
    if (chunk == 0)
        (void)snprintf(name, 48, "%lld.row", (long long)number);
    else
        (void)snprintf(name, 48, "%lld.row%u", (long long)number, chunk);
}

static void put(struct ms_text *text, const char *value) {
    size_t size = strlen(value);
    ms_text_number(text, size);
    ms_text_append(text, ":", 1);
    ms_text_append(text, value, size);
    ms_text_append(text, ",", 1);
}

static void put_number(struct ms_text *text, int64_t value) {
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%lld", (long long)value);
    put(text, digits);
}

static void encode(struct ms_text *text, const struct ms_marker *marker) {
    ms_text_reserve(text, CHUNK / 2);
    put(text, "moonsnap1");
    put_number(text, marker->number);
    put_number(text, marker->parent);
    put_number(text, marker->created_ns);
    put_number(text, marker->updated_ns);
    put_number(text, marker->usage.size_bytes);
    put_number(text, marker->usage.inodes);
    put_number(text, (int64_t)marker->labels.count);
    put(text, marker->driver);
    put(text, marker->xattrs);
    put(text, marker->ns);
    put(text, marker->name);
    for (size_t i = 0; i < marker->labels.count; i++) {
        put(text, marker->labels.items[i].name);
        put(text, marker->labels.items[i].value);
    }
}

/* One symlink, put in place of an older one. */
static int write_chunk(int layers_fd, const char *name, const char *target, bool *replaced,
                       struct ms_err *err) {
    char fresh[64];
    if (symlinkat(target, layers_fd, name) == 0)
        return MS_OK;
    *replaced = true;
    if (errno != EEXIST)
        return ms_err_sys(err, errno, "write marker %s", name);
    (void)snprintf(fresh, sizeof fresh, "%s~", name);
    (void)unlinkat(layers_fd, fresh, 0);
    if (symlinkat(target, layers_fd, fresh) < 0 || renameat(layers_fd, fresh, layers_fd, name) < 0)
        return ms_err_sys(err, errno, "write marker %s", name);
    return MS_OK;
}

int ms_marker_same(const struct ms_marker *left, const struct ms_marker *right, bool *same,
                   struct ms_err *err) {
    ms_auto_text struct ms_text one = {0};
    ms_auto_text struct ms_text other = {0};
    encode(&one, left);
    encode(&other, right);
    int code = ms_text_check(&one, err);
    if (code == MS_OK)
        code = ms_text_check(&other, err);
    if (code < 0)
        return code;
    *same = one.size == other.size && memcmp(one.bytes, other.bytes, one.size) == 0;
    return MS_OK;
}

int ms_marker_write(int layers_fd, const struct ms_marker *marker, struct ms_err *err) {
    ms_auto_text struct ms_text text = {0};
    encode(&text, marker);
    int code = ms_text_check(&text, err);
    unsigned chunk = 0;
    bool replaced = false;
    for (size_t at = 0; code == MS_OK && at < text.size; at += CHUNK, chunk++) {
        char name[48];
        char target[CHUNK + 1];
        (void)snprintf(target, sizeof target, "%.*s", CHUNK, text.bytes + at);
        chunk_name(name, marker->number, chunk);
        code = write_chunk(layers_fd, name, target, &replaced, err);
    }
    /* an older and longer marker ends here */
    for (int gone = 0; code == MS_OK && replaced && gone == 0; chunk++) {
        char name[48];
        chunk_name(name, marker->number, chunk);
        gone = unlinkat(layers_fd, name, 0);
    }
    return code;
}

void ms_marker_drop(int layers_fd, int64_t number) {
    int gone = 0;
    for (unsigned chunk = 0; gone == 0; chunk++) {
        char name[48];
        chunk_name(name, number, chunk);
        gone = unlinkat(layers_fd, name, 0);
    }
}

static int read_chunks(int layers_fd, int64_t number, struct ms_text *text, struct ms_err *err) {
    for (unsigned chunk = 0; !text->failed; chunk++) {
        char name[48];
        char target[CHUNK + 1];
        chunk_name(name, number, chunk);
        ssize_t size = readlinkat(layers_fd, name, target, sizeof target);
        if (size < 0 && errno == ENOENT && chunk > 0)
            break;
        if (size < 0)
            return ms_err_sys(err, errno, "read marker %s", name);
        ms_text_append(text, target, (size_t)size);
    }
    return ms_text_check(text, err);
}

/* Takes the next netstring off *at; heap, NULL when there is none. */
static char *take(const char **at, const char *end) {
    char *colon = NULL;
    if (*at >= end || **at < '0' || **at > '9')
        return NULL;
    unsigned long size = strtoul(*at, &colon, 10);
    if (*colon != ':' || size >= (unsigned long)(end - colon - 1) || colon[1 + size] != ',')
        return NULL;
    *at = colon + size + 2;
    return strndup(colon + 1, size);
}

static int64_t take_number(const char **at, const char *end, bool *good) {
    char *digits = take(at, end);
    uint64_t value = 0;
    if (digits == NULL || !ms_parse_u64(digits, &value) || value > INT64_MAX)
        *good = false;
    free(digits);
    return (int64_t)value;
}

static bool take_labels(const char **at, const char *end, int64_t count, struct ms_labels *labels,
                        struct ms_err *err) {
    bool good = true;
    for (int64_t i = 0; good && i < count; i++) {
        char *name = take(at, end);
        char *value = take(at, end);
        good = name != NULL && value != NULL && ms_labels_set(labels, name, value, err) == MS_OK;
        free(name);
        free(value);
    }
    return good;
}

int ms_marker_read(int layers_fd, int64_t number, struct ms_marker *out, struct ms_err *err) {
    ms_auto_text struct ms_text text = {0};
    ms_auto_marker struct ms_marker marker = {0};
    int code = read_chunks(layers_fd, number, &text, err);
    if (code < 0)
        return code;
    const char *at = text.bytes;
    const char *end = text.bytes + text.size;
    char *magic = take(&at, end);
    bool good = magic != NULL && strcmp(magic, "moonsnap1") == 0;
    free(magic);
    marker.number = take_number(&at, end, &good);
    marker.parent = take_number(&at, end, &good);
    marker.created_ns = take_number(&at, end, &good);
    marker.updated_ns = take_number(&at, end, &good);
    marker.usage.size_bytes = take_number(&at, end, &good);
    marker.usage.inodes = take_number(&at, end, &good);
    int64_t labels = take_number(&at, end, &good);
    marker.driver = good ? take(&at, end) : NULL;
    marker.xattrs = marker.driver != NULL ? take(&at, end) : NULL;
    marker.ns = marker.xattrs != NULL ? take(&at, end) : NULL;
    marker.name = marker.ns != NULL ? take(&at, end) : NULL;
    if (marker.name == NULL || marker.number != number ||
        !take_labels(&at, end, labels, &marker.labels, err))
        return ms_err_set(err, MS_DATA_LOSS, "marker of layer %lld is cut", (long long)number);
    *out = marker;
    marker = (struct ms_marker){0};
    return MS_OK;
}
