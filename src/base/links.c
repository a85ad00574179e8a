#include "base/links.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void ms_links_clear(struct ms_links *links) {
    free(links->slots);
    ms_text_clear(&links->paths);
    *links = (struct ms_links){0};
}

/* The slot that holds the file, or the empty one where it would be. */
static struct ms_link *slot_of(const struct ms_links *links, dev_t device, ino_t inode) {
    uint64_t hash = ((uint64_t)inode ^ ((uint64_t)device << 32)) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 20) & (links->room - 1);
    while (links->slots[at].path != 0 &&
           (links->slots[at].inode != inode || links->slots[at].device != device))
        at = (at + 1) & (links->room - 1);
    return &links->slots[at];
}

/* Keeps a third of the slots empty. */
static int make_room(struct ms_links *links, struct ms_err *err) {
    if (links->room != 0 && links->count < links->room / 3 * 2)
        return 0;
    struct ms_links wider = {.room = links->room == 0 ? 64 : links->room * 2};
    wider.slots = calloc(wider.room, sizeof *wider.slots);
    if (wider.slots == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "no memory for %zu hard links", links->count);
    for (size_t i = 0; i < links->room; i++)
        if (links->slots[i].path != 0)
            *slot_of(&wider, links->slots[i].device, links->slots[i].inode) = links->slots[i];
    free(links->slots);
    links->slots = wider.slots;
    links->room = wider.room;
    return 0;
}

int ms_links_note(struct ms_links *links, const struct stat *st, const char *path,
                  const char **first, struct ms_err *err) {
    int rc = make_room(links, err);
    if (rc < 0)
        return rc;
    struct ms_link *slot = slot_of(links, st->st_dev, st->st_ino);
    *first = slot->path != 0 ? links->paths.bytes + slot->path - 1 : NULL;
    if (*first != NULL)
        return 0;
    size_t at = links->paths.size;
    ms_text_append(&links->paths, path, strlen(path) + 1);
    rc = ms_text_check(&links->paths, err);
    if (rc < 0)
        return rc;
    *slot = (struct ms_link){st->st_dev, st->st_ino, at + 1};
    links->count += 1;
    return 0;
}
