/* dir.h - questions about one directory. */
#pragma once

#include <stdbool.h>

struct ms_err;

/* 1 when the open directory has no entries, 0 when it has some. */
int ms_dir_is_empty(int fd, struct ms_err *err);

/* Succeeds when reading the open directory tells the type of each entry (d_type), which overlay
 * needs. An empty one is asked with a file of its own. Fails: failed_precondition (it does not). */
int ms_dir_has_types(int fd, struct ms_err *err);
