#include "archive/name.h"

#include <string.h>

#include "base/err.h"

void ms_name_clear(struct ms_name *name) {
    ms_text_clear(&name->path);
    name->base = 0;
}

const char *ms_name_show(const char *path) { return path == NULL || path[0] == '\0' ? "." : path; }

static bool is_dots(const char *part, size_t size) {
    return size <= 2 && strncmp(part, "..", size) == 0;
}

static bool has_prefix(const char *part, size_t size, const char *prefix) {
    size_t length = strlen(prefix);
    return size >= length && memcmp(part, prefix, length) == 0;
}

/* Puts the components of raw, one slash between two, into name->path. */
static int clean(const char *raw, struct ms_name *name, struct ms_err *err) {
    name->path.size = 0;
    name->base = 0;
    name->kind = MS_NAME_PLAIN;
    ms_text_append(&name->path, "", 0);
    if (raw == NULL || raw[0] == '\0')
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '': it has no name");
    if (raw[0] == '/')
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "entry '%.100s': its name is absolute; names are relative to the tree",
                          raw);
    if (strlen(raw) > MS_ENTRY_PATH_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.60s...': its name is too long", raw);
    for (const char *at = raw; *at != '\0';) {
        size_t size = strcspn(at, "/");
        if (size == 2 && is_dots(at, size))
            return ms_err_set(err, MS_INVALID_ARGUMENT,
                              "entry '%.100s': its name leads out by '..'", raw);
        if (size > 0 && !is_dots(at, size)) {
            if (name->path.size > 0)
                ms_text_append(&name->path, "/", 1);
            name->base = name->path.size;
            ms_text_append(&name->path, at, size);
        }
        at += size;
        at += strspn(at, "/");
    }
    return ms_text_check(&name->path, err);
}

int ms_name_parse_target(const char *raw, struct ms_name *name, struct ms_err *err) {
    return clean(raw, name, err);
}

/* Looks at the directories of a path: below an aufs one nothing counts, a hidden name holds
 * nothing.
 */
static int check_parents(struct ms_name *name, struct ms_err *err) {
    const char *path = name->path.bytes;
    for (const char *at = path; at < path + name->base;) {
        size_t size = strcspn(at, "/");
        if (has_prefix(at, size, MS_WHITEOUT_PREFIX MS_WHITEOUT_PREFIX)) {
            name->kind = MS_NAME_SKIP;
            return 0;
        }
        if (has_prefix(at, size, MS_WHITEOUT_PREFIX))
            return ms_err_set(err, MS_INVALID_ARGUMENT,
                              "entry '%.100s': it lies inside a whiteout, which can hold nothing",
                              path);
        at += size + 1;
    }
    return 0;
}

int ms_name_parse(const char *raw, struct ms_name *name, struct ms_err *err) {
    int rc = clean(raw, name, err);
    if (rc < 0 || name->path.size == 0)
        return rc;
    rc = check_parents(name, err);
    if (rc < 0 || name->kind == MS_NAME_SKIP)
        return rc;
    char *base = name->path.bytes + name->base;
    size_t size = name->path.size - name->base;
    if (!has_prefix(base, size, MS_WHITEOUT_PREFIX))
        return 0;
    if (strcmp(base, MS_WHITEOUT_OPAQUE) == 0) {
        name->kind = MS_NAME_OPAQUE;
        name->path.size = name->base > 0 ? name->base - 1 : 0;
        name->path.bytes[name->path.size] = '\0';
        return 0;
    }
    if (has_prefix(base, size, MS_WHITEOUT_PREFIX MS_WHITEOUT_PREFIX)) {
        name->kind = MS_NAME_SKIP;
        return 0;
    }
    size_t prefix = strlen(MS_WHITEOUT_PREFIX);
    if (size == prefix || is_dots(base + prefix, size - prefix))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "entry '%.100s': a whiteout of no name", raw);
    memmove(base, base + prefix, size - prefix + 1);
    name->path.size -= prefix;
    name->kind = MS_NAME_WHITEOUT;
    return 0;
}
