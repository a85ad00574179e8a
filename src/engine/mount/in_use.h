/* in_use.h - which layers are mounted anywhere that can be seen, whoever mounted them.
 *
 * The tables of mounts of all processes are read, one for each mount namespace, for
 *
 *     an overlay's lower and upper directories     below our layers: sure
 *                                                  .../layers/<n> by another way: maybe
 *                                                  a bare number (mount(2)'s short form):
 *                                                  sure beside an upperdir of ours, else maybe
 *     what of our file system is bound (field 4)   below our layers: sure
 *     loop devices' files                          below our layers: sure
 *
 * Maybe is in use to whoever removes: a bare number may be of another store, and a way that is not
 * ours may lead to it (another root, a symlink). An overlay whose root shows that it is another
 * store's is passed over (in_use_foreign.c).
 *
 * Not seen, and counted in unknown: namespaces that could not be read, and those that no process is
 * in but a file keeps. beyond says that there are processes which are not seen at all, as in a pid
 * namespace of one's own. Never seen: file systems that are open and mounted nowhere, such as one
 * unmounted lazily; of an active the kernel tells (ms_upper_in_use), as long as it is writable.
 *
 * in_use.c reads lines, in_use_scan.c looks around, in_use_foreign.c tells stores apart.
 *
 * Source: proc_pid_mountinfo(5); Linux Documentation/filesystems/overlayfs.rst; loop(4).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_err;
struct ms_mountinfo_line;

/* Called for each use found, several times for a number that is in use often. Negative ends the
 * scan with that kind. */
typedef int ms_in_use_visit(void *context, int64_t number, bool sure, struct ms_err *err);

struct ms_in_use_gaps {
    size_t unknown; /* mount namespaces that could not be read */
    bool beyond;    /* processes outside of this pid namespace are not seen */
};

/* layers is the absolute path of the directory that has them. */
int ms_in_use_scan(const char *layers, ms_in_use_visit *visit, void *context,
                   struct ms_in_use_gaps *gaps, struct ms_err *err);

/* Where layers are, to a line of mountinfo. Borrowed. */
struct ms_in_use_place {
    const char *layers; /* its path */
    const char *device; /* of its file system; NULL: not known */
    const char *inside; /* its path in that */
};

/* What one line says. Pure, but that it cuts line->super. */
int ms_in_use_line(const struct ms_in_use_place *place, const struct ms_mountinfo_line *line,
                   ms_in_use_visit *visit, void *context, struct ms_err *err);

/* The number that a layer's path would have if it were ours; 0 when it surely is, or is none. */
int64_t ms_in_use_maybe(const struct ms_in_use_place *place, const char *path);

/* Is the overlay of this line, in the table of pid, surely not made of our layers? */
bool ms_in_use_foreign(const struct ms_in_use_place *place, const char *pid,
                       const struct ms_mountinfo_line *line);
