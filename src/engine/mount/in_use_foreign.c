/* Tells another store's overlay from one of ours, where its options alone do not: their names for
 * layers are alike.
 *
 * The root of an overlay has the inode number of its upper directory, else of its first lower one,
 * as long as all layers lie on one file system, which those of a store do. So a mount whose topmost
 * layer would be our <n>, and whose root is not the directory of our <n>, is somebody else's.
 *
 * Source: Linux Documentation/filesystems/overlayfs.rst, inode properties; measured on 6.18.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/own.h"
#include "engine/mount/in_use.h"
#include "engine/mount/mountinfo.h"

static const char *const names[] = {"upperdir=", "lowerdir=", "lowerdir+=", "datadir+=", NULL};

/* The paths that an option names, escapes still in; NULL when it names none. */
static char *paths_of(char *option) {
    for (size_t i = 0; names[i] != NULL; i++)
        if (strncmp(option, names[i], strlen(names[i])) == 0)
            return option + strlen(names[i]);
    return NULL;
}

/* Goes through all layers of an overlay. The number of the topmost one, when each could be ours and
 * none surely is; else 0. Cuts super. */
static int64_t topmost(const struct ms_in_use_place *place, char *super) {
    int64_t top = 0;
    bool upper = false;
    for (char *option = NULL; (option = strsep(&super, ",")) != NULL;) {
        bool is_upper = strncmp(option, "upperdir=", 9) == 0;
        char *paths = paths_of(option);
        for (char *path = NULL; paths != NULL && (path = strsep(&paths, ":")) != NULL;) {
            ms_mountinfo_unescape(path);
            int64_t number = ms_in_use_maybe(place, path);
            if (number == 0)
                return 0;
            if (top == 0 || (is_upper && !upper))
                top = number;
            upper = upper || is_upper;
        }
    }
    return top;
}

bool ms_in_use_foreign(const struct ms_in_use_place *place, const char *pid,
                       const struct ms_mountinfo_line *line) {
    struct stat root;
    struct stat ours;
    char path[4400];
    char device[32];
    ms_auto_free char *super = strdup(line->super);
    int64_t number = super != NULL ? topmost(place, super) : 0;
    if (number == 0)
        return false;
    if ((size_t)snprintf(path, sizeof path, "/proc/%s/root%s", pid, line->target) >= sizeof path ||
        stat(path, &root) < 0)
        return false;
    (void)snprintf(device, sizeof device, "%u:%u", major(root.st_dev), minor(root.st_dev));
    if (strcmp(device, line->device) != 0) /* something else is mounted on top of it */
        return false;
    if ((size_t)snprintf(path, sizeof path, "%s/%lld", place->layers, (long long)number) >=
        sizeof path)
        return false;
    return stat(path, &ours) < 0 || ours.st_ino != root.st_ino;
}
