#include <stdlib.h>

#include "base/err.h"
#include "engine/clock.h"
#include "engine/store/store_inside.h"

#define CLOSE_NS INT64_C(1000000000) /* what is left after so long is litter that cleanup finds */

struct ms_retire {
    struct ms_store *store; /* borrowed: outlives the work */
    struct ms_ids numbers;
    size_t done;
};

void ms_store_retire(struct ms_store *store, int64_t number) {
    struct ms_err ignored;
    (void)pthread_mutex_lock(&store->retired_lock);
    int code = ms_ids_add(&store->retired, number, &ignored);
    (void)pthread_mutex_unlock(&store->retired_lock);
    if (code < 0) /* no memory to remember it: at once, then */
        (void)ms_layer_trash(&store->place, number, &ignored);
}

int ms_store_retire_open(struct ms_store *store, struct ms_retire **out, struct ms_err *err) {
    *out = NULL;
    struct ms_retire *retire = calloc(1, sizeof *retire);
    if (retire == NULL)
        return ms_err_memory(err);
    retire->store = store;
    (void)pthread_mutex_lock(&store->retired_lock);
    retire->numbers = store->retired;
    store->retired = (struct ms_ids){0};
    (void)pthread_mutex_unlock(&store->retired_lock);
    if (retire->numbers.count == 0)
        ms_retire_free(retire);
    else
        *out = retire;
    return MS_OK;
}

int ms_retire_step(struct ms_retire *retire, size_t budget) {
    struct ms_err ignored; /* what stays is litter, which cleanup finds */
    for (size_t i = 0; i < budget && retire->done < retire->numbers.count; i++)
        (void)ms_layer_trash(&retire->store->place, retire->numbers.items[retire->done++],
                             &ignored);
    return retire->done < retire->numbers.count ? 1 : 0;
}

void ms_retire_free(struct ms_retire *retire) {
    if (retire == NULL)
        return;
    while (retire->done < retire->numbers.count)
        ms_store_retire(retire->store, retire->numbers.items[retire->done++]);
    ms_ids_clear(&retire->numbers);
    free(retire);
}

void ms_store_retire_rest(struct ms_store *store) {
    struct ms_err ignored;
    int64_t until = ms_clock_steady_ns() + CLOSE_NS;
    for (size_t i = 0; i < store->retired.count && ms_clock_steady_ns() < until; i++)
        (void)ms_layer_trash_quickly(&store->place, store->retired.items[i], &ignored);
    ms_ids_clear(&store->retired);
}
