#include "sys/priority.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

enum { THIS_THREAD = 1 }; /* IOPRIO_WHO_PROCESS, whose 0 is the calling thread */

int ms_io_priority_set(int priority, int *before, struct ms_err *err) {
    long was = syscall(SYS_ioprio_get, THIS_THREAD, 0);
    if (was < 0)
        return ms_err_sys(err, errno, "read the priority of input and output");
    if (syscall(SYS_ioprio_set, THIS_THREAD, 0, priority) < 0)
        return ms_err_sys(err, errno, "set the priority of input and output");
    *before = (int)was;
    return 0;
}
