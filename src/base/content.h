/* content.h - copies what is in one regular file. */
#pragma once

#include <sys/types.h>

struct ms_err;

/* Copies size bytes of from into the empty file to: shared extents where the file system can, else
 * the data between the holes. name is for errors. Fails as reading and writing do. */
int ms_content_copy(int from, int to, off_t size, const char *name, struct ms_err *err);
