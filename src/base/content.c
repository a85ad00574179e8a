#include "base/content.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"

#define BLOCK 131072

/* By hand, for file systems that cannot copy among themselves. */
static int copy_by_hand(int from, int to, off_t at, off_t end) {
    static _Thread_local char block[BLOCK];
    while (at < end) {
        size_t want = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
        ssize_t got = pread(from, block, want, at);
        if (got <= 0)
            return (int)got; /* 0: the file has become shorter */
        for (ssize_t put = 0, done = 0; done < got; done += put) {
            put = pwrite(to, block + done, (size_t)(got - done), at + done);
            if (put < 0)
                return -1;
        }
        at += got;
    }
    return 0;
}

static bool must_copy_by_hand(int sys) {
    return sys == EXDEV || sys == ENOSYS || sys == EOPNOTSUPP || sys == EINVAL;
}

static int copy_range(int from, int to, off_t at, off_t end) {
    while (at < end) {
        off_t in = at;
        off_t out = at;
        ssize_t got = copy_file_range(from, &in, to, &out, (size_t)(end - at), 0);
        if (got < 0 && must_copy_by_hand(errno))
            return copy_by_hand(from, to, at, end);
        if (got <= 0)
            return (int)got;
        at += got;
    }
    return 0;
}

int ms_content_copy(int from, int to, off_t size, const char *name, struct ms_err *err) {
    if (size == 0 || ioctl(to, FICLONE, from) == 0)
        return MS_OK;
    if (ftruncate(to, size) < 0)
        return ms_err_sys(err, errno, "copy '%.100s'", name);
    for (off_t at = 0; at < size;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break; /* a hole up to the end */
        off_t hole = data >= 0 ? lseek(from, data, SEEK_HOLE) : -1;
        if (data < 0 || hole < 0) {
            data = at;
            hole = size;
        }
        if (copy_range(from, to, data, hole) < 0)
            return ms_err_sys(err, errno, "copy '%.100s'", name);
        at = hole;
    }
    return MS_OK;
}
