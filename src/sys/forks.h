/* forks.h - tells a process from the one it was forked from, without a system call. */
#pragma once

/* How many forks lie between this process and the one that asked first. Raw clone(2) is not
 * counted; its children here use nothing that asks. */
unsigned long ms_forks(void);
