/* count.h - how many rows a store has and what they hold, for those who watch it, and for quotas.
 */
#pragma once

#include <stdint.h>

struct ms_err;
struct ms_filter;
struct ms_store;
struct ms_sum;

struct ms_row_counts {
    int64_t views, actives, committed;
};

/* Counts the rows of all namespaces: reads the whole table. */
int ms_store_count(struct ms_store *store, struct ms_row_counts *out, struct ms_err *err);

/* Sums up the snapshots of a namespace that filter matches (NULL: all), as the store sees them, its
 * own open transaction included. */
int ms_store_sum(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                 struct ms_sum *out, struct ms_err *err);

/* The file system that the layers lie on: bytes in all, and free to whom the store runs as. */
int ms_store_filesystem(struct ms_store *store, int64_t *size, int64_t *free, struct ms_err *err);
