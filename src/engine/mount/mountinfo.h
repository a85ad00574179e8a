/* mountinfo.h - reads /proc/PID/mountinfo.
 *
 * Lines may be tens of kilobytes long (an overlay of 500 layers): they are read whole, into memory
 * that grows.
 *
 * Source: proc_pid_mountinfo(5).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ms_err;

/* One mount; strings live until the next call of next. */
struct ms_mountinfo_line {
    uint64_t id;
    uint64_t parent;
    const char *root;   /* what of its file system is mounted */
    const char *target; /* below the root of the process that was asked */
    const char *type;
    const char *device; /* "major:minor" */
    const char *super;  /* the file system's options, octal escapes left in: commas divide them */
};

struct ms_mountinfo {
    FILE *file;
    char *text;
    size_t room;
};

/* Opens path (such as "/proc/self/mountinfo"). Fails: not_found, permission_denied. */
int ms_mountinfo_open(const char *path, struct ms_mountinfo *out, struct ms_err *err);
void ms_mountinfo_close(struct ms_mountinfo *info);
#define ms_auto_mountinfo __attribute__((cleanup(ms_mountinfo_close)))

/* 1 and *out, 0 at the end. Fails: internal (reading), resource_exhausted. Lines that are no
 * mountinfo are passed over. */
int ms_mountinfo_next(struct ms_mountinfo *info, struct ms_mountinfo_line *out, struct ms_err *err);

/* Takes \040 and its like out of a text, in place. */
void ms_mountinfo_unescape(char *text);

/* Cuts one line in place, with the octal escapes taken out. False when it is none. Pure. */
bool ms_mountinfo_parse(char *text, struct ms_mountinfo_line *out);
