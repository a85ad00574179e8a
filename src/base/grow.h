/* grow.h - room in lists that are added to one by one. */
#pragma once

#include <stddef.h>

/* Room for one item more behind count items of size bytes. Answers the items, moved if they must
 * be, owned as before; NULL when there is no memory, and then they stay where they are. *room, in
 * items and 0 at first, doubles when it is used up. */
void *ms_grow(void *items, size_t count, size_t *room, size_t size);
