#include "engine/mount/mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int ms_mountinfo_open(const char *path, struct ms_mountinfo *out, struct ms_err *err) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ms_err_sys(err, errno, "read %.60s", path);
    *out = (struct ms_mountinfo){.file = file};
    return MS_OK;
}

void ms_mountinfo_close(struct ms_mountinfo *info) {
    if (info->file != NULL)
        (void)fclose(info->file);
    free(info->text);
    *info = (struct ms_mountinfo){0};
}

static bool is_octal(char byte) { return byte >= '0' && byte <= '7'; }

void ms_mountinfo_unescape(char *field) {
    char *to = field;
    for (const char *from = field; *from != '\0';) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static bool read_id(const char *field, uint64_t *out) {
    char *end = NULL;
    *out = strtoull(field, &end, 10);
    return end != field && *end == '\0';
}

/* id parent major:minor root target options [optional ...] - type source super-options */
bool ms_mountinfo_parse(char *text, struct ms_mountinfo_line *out) {
    enum { ID, PARENT, DEVICE, ROOT, TARGET, OPTIONS, FIELDS };
    char *fields[FIELDS];
    char *rest = text;
    text[strcspn(text, "\n")] = '\0';
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&rest, " ");
        if (fields[i] == NULL || rest == NULL)
            return false;
    }
    char *word = NULL;
    do
        word = strsep(&rest, " ");
    while (word != NULL && strcmp(word, "-") != 0);
    char *type = strsep(&rest, " ");
    if (word == NULL || type == NULL || !read_id(fields[ID], &out->id) ||
        !read_id(fields[PARENT], &out->parent))
        return false;
    (void)strsep(&rest, " "); /* source */
    ms_mountinfo_unescape(fields[ROOT]);
    ms_mountinfo_unescape(fields[TARGET]);
    ms_mountinfo_unescape(type);
    out->root = fields[ROOT];
    out->target = fields[TARGET];
    out->type = type;
    out->device = fields[DEVICE];
    out->super = rest != NULL ? rest : "";
    return true;
}

int ms_mountinfo_next(struct ms_mountinfo *info, struct ms_mountinfo_line *out,
                      struct ms_err *err) {
    do {
        errno = 0;
        if (getline(&info->text, &info->room, info->file) < 0)
            return errno != 0 ? ms_err_sys(err, errno, "read the table of mounts") : 0;
    } while (!ms_mountinfo_parse(info->text, out));
    return 1;
}
