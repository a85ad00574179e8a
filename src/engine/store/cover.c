#include <stdlib.h>

#include "base/err.h"
#include "engine/store/store_inside.h"

struct ms_cover {
    struct ms_store *store; /* borrowed: outlives the cover */
    int64_t number;         /* the highest one that was made when it began */
};

int ms_store_cover_open(struct ms_store *store, struct ms_cover **out, struct ms_err *err) {
    *out = NULL;
    if (!atomic_exchange(&store->unsynced, false))
        return MS_OK;
    struct ms_cover *cover = calloc(1, sizeof *cover);
    if (cover == NULL) {
        atomic_store(&store->unsynced, true);
        return ms_err_memory(err);
    }
    cover->store = store;
    cover->number = atomic_load(&store->made);
    *out = cover;
    return MS_OK;
}

int ms_cover_step(struct ms_cover *cover, struct ms_err *err) {
    struct ms_store *store = cover->store;
    int code = ms_layer_sync(&store->place, err);
    if (code < 0) {
        atomic_store(&store->unsynced, true);
        return code;
    }
    ms_store_synced(store, cover->number);
    return 0;
}

void ms_cover_free(struct ms_cover *cover) { free(cover); }

void ms_store_synced(struct ms_store *store, int64_t number) {
    int64_t before = atomic_load(&store->synced);
    while (before < number && !atomic_compare_exchange_weak(&store->synced, &before, number))
        ;
}

void ms_store_made(struct ms_store *store, int64_t number) {
    if (atomic_load(&store->made) < number)
        atomic_store(&store->made, number); /* one thread writes at a time */
    atomic_store(&store->unsynced, true);
}
