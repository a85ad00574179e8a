/* priority.h - how urgent what a thread asks of disks is.
 *
 * A number as ioprio_set(2) has it: class << 13 | level; 3 << 13 is idle: only when nobody else
 * asks. Schedulers that know no classes ignore it.
 *
 * Source: ioprio_set(2).
 */
#pragma once

struct ms_err;

/* Sets the number of the calling thread and answers what it was. Fails: permission_denied,
 * invalid_argument (no such class or level), unimplemented (a kernel without it). */
int ms_io_priority_set(int priority, int *before, struct ms_err *err);
