#include "engine/mount/in_use.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/mount/mountinfo.h"

/* ---- one line --------------------------------------------------------------------------------*/

/* A number that ends the text or a component of it; 0 for anything else. */
static int64_t number_at(const char *text) {
    char *end = NULL;
    if (*text < '1' || *text > '9')
        return 0;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return errno == 0 && (*end == '\0' || *end == '/') ? number : 0;
}

/* The number of the layer that path is, or is in; 0 when it is below another directory. */
static int64_t below(const char *path, const char *directory) {
    size_t size = strlen(directory);
    return strncmp(path, directory, size) == 0 && path[size] == '/' ? number_at(path + size + 1)
                                                                    : 0;
}

/* The number in ".../layers/<n>"; 0 when it is no such path. */
static int64_t looks_like(const char *path) {
    static const char word[] = "layers/";
    const char *at = path;
    int64_t number = 0;
    while ((at = strstr(at, word)) != NULL) {
        if (at == path || at[-1] == '/')
            number = number_at(at + sizeof word - 1);
        at += sizeof word - 1;
    }
    return number;
}

int64_t ms_in_use_maybe(const struct ms_in_use_place *place, const char *path) {
    if (below(path, place->layers) != 0)
        return 0;
    int64_t number = strchr(path, '/') == NULL ? number_at(path) : 0;
    return number != 0 ? number : looks_like(path);
}

/* One mount's options, as they are gone through. */
struct options {
    const struct ms_in_use_place *place;
    ms_in_use_visit *visit;
    void *context;
    bool ours; /* its upper or work directory is ours: bare numbers are, too */
};

static int visit_path(const struct options *options, const char *path, struct ms_err *err) {
    bool sure = true;
    int64_t number = below(path, options->place->layers);
    if (number == 0 && strchr(path, '/') == NULL) { /* "4/fs" is another snapshotter's */
        number = number_at(path);
        sure = options->ours;
    }
    if (number == 0) {
        number = looks_like(path);
        sure = false;
    }
    return number == 0 ? MS_OK : options->visit(options->context, number, sure, err);
}

/* The paths of a list that colons divide; "::" stands before data-only layers. */
static int visit_list(const struct options *options, char *list, struct ms_err *err) {
    int code = MS_OK;
    for (char *path = NULL; code >= 0 && (path = strsep(&list, ":")) != NULL;)
        code = visit_path(options, path, err);
    return code;
}

static const char *value_of(const char *option, const char *name) {
    size_t size = strlen(name);
    return strncmp(option, name, size) == 0 && option[size] == '=' ? option + size + 1 : NULL;
}

static bool is_octal(char byte) { return byte >= '0' && byte <= '7'; }

/* Does text, whose escapes are still in, go on below the directory of size bytes? */
static bool starts_below(const char *text, const char *directory, size_t size) {
    for (size_t i = 0; i < size; i++) {
        char byte = *text;
        bool escaped = byte == '\\' && is_octal(text[1]) && is_octal(text[2]) && is_octal(text[3]);
        if (escaped)
            byte = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
        if (byte == '\0' || byte != directory[i])
            return false;
        text += escaped ? 4 : 1;
    }
    return *text == '/';
}

/* Is the upper or work directory below our root? The root is what layers is in. */
static bool is_ours(const struct ms_in_use_place *place, const char *super) {
    const char *end = strrchr(place->layers, '/');
    size_t size = end != NULL ? (size_t)(end - place->layers) : 0;
    for (const char *at = super; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        const char *path = value_of(at, "upperdir");
        if (path == NULL)
            path = value_of(at, "workdir");
        if (path != NULL && size != 0 && starts_below(path, place->layers, size))
            return true;
    }
    return false;
}

static int visit_options(struct options *options, const struct ms_mountinfo_line *line,
                         struct ms_err *err) {
    static const char *const names[] = {"lowerdir", "lowerdir+", "datadir+", "upperdir", NULL};
    char *super = (char *)line->super; /* a part of the line's own text */
    int code = MS_OK;
    options->ours = is_ours(options->place, super);
    for (char *option = NULL; code >= 0 && (option = strsep(&super, ",")) != NULL;) {
        ms_mountinfo_unescape(option);
        for (size_t i = 0; code >= 0 && names[i] != NULL; i++) {
            const char *value = value_of(option, names[i]);
            if (value != NULL)
                code = visit_list(options, (char *)value, err);
        }
    }
    return code;
}

int ms_in_use_line(const struct ms_in_use_place *place, const struct ms_mountinfo_line *line,
                   ms_in_use_visit *visit, void *context, struct ms_err *err) {
    struct options options = {.place = place, .visit = visit, .context = context};
    if (strcmp(line->type, "overlay") == 0)
        return visit_options(&options, line, err);
    if (place->device == NULL || strcmp(line->device, place->device) != 0)
        return MS_OK;
    int64_t number = below(line->root, place->inside);
    return number == 0 ? MS_OK : visit(context, number, true, err);
}
