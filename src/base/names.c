#include "base/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int ms_names_add(struct ms_names *names, const char *name, struct ms_err *err) {
    if (names->count == names->room) {
        size_t room = names->room == 0 ? 32 : names->room * 2;
        char **items = realloc(names->items, room * sizeof *items);
        if (items == NULL)
            return ms_err_memory(err);
        names->items = items;
        names->room = room;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return ms_err_memory(err);
    names->items[names->count++] = copy;
    return MS_OK;
}

void ms_names_clear(struct ms_names *names) {
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct ms_names){0};
}
