#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST 16

void *ms_grow(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room)
        return items;
    size_t more = *room == 0 ? FIRST : *room * 2;
    if (more > PTRDIFF_MAX / size)
        return NULL;
    void *moved = realloc(items, more * size);
    if (moved != NULL)
        *room = more;
    return moved;
}
