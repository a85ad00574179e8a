/* meta_plan.h - the rows of stored plans. See plan.h and meta.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/plan.h"

struct ms_err;
struct ms_meta;

/* Fails: already_exists (the id). */
int ms_meta_add_plan(struct ms_meta *meta, const struct ms_plan *plan, struct ms_err *err);
int ms_meta_add_plan_item(struct ms_meta *meta, const char *plan, const struct ms_plan_item *item,
                          struct ms_err *err);

/* A plan has count items more from now on. */
int ms_meta_grow_plan(struct ms_meta *meta, const char *plan, int64_t count, struct ms_err *err);

/* Deletes all but the newest keep plans of a namespace. */
int ms_meta_trim_plans(struct ms_meta *meta, const char *ns, int keep, struct ms_err *err);

/* All plans of a namespace, newest first; or the one of that id (none is no error). */
int ms_meta_plans(struct ms_meta *meta, const char *ns, const char *id, struct ms_plans *out,
                  struct ms_err *err);

/* Which items: those behind the place after, in order, count at most. */
struct ms_plan_page {
    const char *outcome; /* NULL: all; "": those without one; else those with that one */
    int64_t after;
    int64_t count;
};
int ms_meta_plan_items(struct ms_meta *meta, const char *plan, const struct ms_plan_page *page,
                       struct ms_plan_items *out, struct ms_err *err);

/* The items up to a place are done. Those without an outcome of their own were removed: that is
 * what becomes of most, and so it costs no write for each. A plan only goes on. */
int ms_meta_plan_done(struct ms_meta *meta, const char *plan, int64_t place, struct ms_err *err);

/* Writes the outcome of an item: 1, or 0 when there is no such item. */
int ms_meta_plan_outcome(struct ms_meta *meta, const char *plan,
                         const struct ms_plan_outcome *outcome, struct ms_err *err);
