/* acl.h - POSIX ACLs as libarchive knows them, in the bytes that the kernel keeps.
 *
 *     bytes: u32 version 2, then per entry u16 tag, u16 permissions, u32 id; little endian
 *
 * Source: Linux include/uapi/linux/posix_acl_xattr.h.
 */
#pragma once

#include <stdbool.h>

#include "base/text.h"

struct archive_entry;

/* Appends the entry's ACL to out; true when it has one of that type (default_acl: a directory's for
 * what is made in it). An entry for a user by name only, without number, is left out. */
bool ms_acl_encode(struct archive_entry *entry, bool default_acl, struct ms_text *out);
