/* count.h - how many rows a store has, for those who watch it. */
#pragma once

#include <stdint.h>

struct ms_err;
struct ms_store;

struct ms_row_counts {
    int64_t views, actives, committed;
};

/* Counts the rows of all namespaces: reads the whole table. */
int ms_store_count(struct ms_store *store, struct ms_row_counts *out, struct ms_err *err);
