/* shutdown DIRECTORY - the nearest thing to a power cut: an ext4 file system stops at once and
 * forgets what neither it nor its journal had written. */
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define SHUTDOWN _IOR('X', 125, __u32)
#define NO_LOG_FLUSH 2

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: shutdown DIRECTORY\n");
        return 2;
    }
    __u32 how = NO_LOG_FLUSH;
    int fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, SHUTDOWN, &how) < 0) {
        perror("shutdown");
        return 1;
    }
    return 0;
}
