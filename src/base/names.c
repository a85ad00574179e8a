#include "base/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"

int ms_names_add(struct ms_names *names, const char *name, struct ms_err *err) {
    char **items = ms_grow(names->items, names->count, &names->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    names->items = items;
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
