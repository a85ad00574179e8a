#include "engine/store/reserve.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"
#include "engine/layer/place.h"

#define MOST (4 << 20) /* bytes: some thousand removals and the plan that says which */
#define SHARE 64       /* of a small disk it takes at most one part in so many */
#define PLENTY 4       /* times its size must be free for it to be made */

/* The size of a reserve here and the bytes that are free: false when the disk does not say. */
static bool measure(const struct ms_place *place, int64_t *size, int64_t *free_bytes) {
    struct statvfs disk;
    if (fstatvfs(place->root_fd, &disk) < 0)
        return false;
    int64_t share = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize / SHARE;
    *size = share < MOST ? share : MOST;
    *free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    return true;
}

void ms_reserve_keep(const struct ms_place *place) {
    struct stat made;
    int64_t size = 0;
    int64_t free_bytes = 0;
    if (fstatat(place->root_fd, "reserve", &made, AT_SYMLINK_NOFOLLOW) == 0 ||
        !measure(place, &size, &free_bytes) || free_bytes < size * PLENTY)
        return;
    ms_auto_close int fd =
        openat(place->root_fd, "reserve", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && fallocate(fd, 0, 0, size) < 0)
        (void)unlinkat(place->root_fd, "reserve", 0);
}

bool ms_reserve_spend(const struct ms_place *place) {
    int64_t size = 0;
    int64_t free_bytes = 0;
    if (measure(place, &size, &free_bytes) && free_bytes >= size)
        return false; /* it is something else that is short */
    return unlinkat(place->root_fd, "reserve", 0) == 0;
}
