/* enosys COMMAND [ARG...] - runs a command on a kernel that has no new mount calls: fsopen,
 * fsconfig, fsmount, move_mount, open_tree and mount_setattr are answered ENOSYS, here and in all
 * its children. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GONE(number)                                                                               \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                           \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)

static struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    GONE(SYS_fsopen),
    GONE(SYS_fsconfig),
    GONE(SYS_fsmount),
    GONE(SYS_fspick),
    GONE(SYS_move_mount),
    GONE(SYS_open_tree),
    GONE(SYS_mount_setattr),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv) {
    struct sock_fprog program = {.len = COUNT(code), .filter = code};
    if (argc < 2) {
        fprintf(stderr, "usage: enosys COMMAND [ARG...]\n");
        return 2;
    }
    /* root may filter as it is; anybody else only after promising never to gain privileges */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)) {
        perror("enosys: seccomp");
        return 125;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
