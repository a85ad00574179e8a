/* pages.h - rows for those who turn them into bytes: none is copied on the way.
 *
 *     without a filter   rows are visited as they stand in SQLite's memory
 *     with one           what matches is visited one by one
 *
 * No read transaction is open between two calls of next, so a walk may last as long as it likes.
 */
#pragma once

#include "engine/meta/meta.h"

struct ms_err;
struct ms_filter;
struct ms_pages;
struct ms_store;

/* Visits one row. Fails: not_found. */
int ms_store_one(struct ms_store *store, const char *ns, const char *key, ms_brief_visit *visit,
                 void *context, struct ms_err *err);

/* Begins a walk; store must outlive the pages, as must filter (NULL: all), which is borrowed. */
int ms_store_pages(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                   struct ms_pages **out, struct ms_err *err);

/* Visits the next MS_PAGE rows at most, in order of number, fewer when visit answers false. How
 * many; 0 at the end, negative kind. */
int ms_pages_next(struct ms_pages *pages, ms_brief_visit *visit, void *context, struct ms_err *err);

void ms_pages_free(struct ms_pages *pages);
