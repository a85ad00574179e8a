/* store_plan.h - verbs on stored plans. See plan.h.
 *
 * A plan is kept with the store it is of, so that it can be shown, done later, and gone on with
 * after a crash. What an item's snapshot was like is kept, too: who does the plan leaves out what
 * has changed since. The newest MS_PLANS_MAX of a namespace are kept.
 *
 * An id is "TTTTTTTTTRR-SSSS": the time and a bit of chance, in an alphabet that sorts as time
 * does; then the first digits of the store's id. A plan of another store, or of this one before it
 * was rebuilt from its markers, is so refused by name: its numbers mean other snapshots here.
 */
#pragma once

#include "engine/meta/meta_plan.h"
#include "engine/plan.h"
#include "engine/store/store.h"

#define MS_PLANS_MAX 50
#define MS_PLAN_ID_SIZE 24 /* bytes that an id has room in */

/* Stores a plan; places and ids are given here, the rest of the items is the caller's word.
 * Fails: invalid_argument (a text that is no UTF-8 or has a NUL). */
int ms_store_plan_save(struct ms_store *store, const char *ns, const char *header,
                       const struct ms_plan_items *items, char id[MS_PLAN_ID_SIZE],
                       struct ms_err *err);

/* Stores more items of a plan, behind those that it has: for whom must not write for long. What of
 * a plan is not there when its maker ends in the midst is not done either. Fails: as save and load
 * do. */
int ms_store_plan_append(struct ms_store *store, const char *ns, const char *id,
                         const struct ms_plan_items *items, struct ms_err *err);

/* Fails: not_found (never stored, or dropped since), failed_precondition (of another store). */
int ms_store_plan_load(struct ms_store *store, const char *ns, const char *id, struct ms_plan *out,
                       struct ms_err *err);
int ms_store_plan_items(struct ms_store *store, const char *ns, const char *id,
                        const struct ms_plan_page *page, struct ms_plan_items *out,
                        struct ms_err *err);

/* Writes that the items up to a place are done: removed, but for those whose outcomes are given;
 * joins the transaction that did it. Fails: as load, not_found (no such item), invalid_argument (an
 * outcome behind the place, an empty one, no UTF-8). */
int ms_store_plan_done(struct ms_store *store, const char *ns, const char *id, int64_t place,
                       const struct ms_plan_outcomes *others, struct ms_err *err);

/* All plans of a namespace, newest first. */
int ms_store_plans(struct ms_store *store, const char *ns, struct ms_plans *out,
                   struct ms_err *err);
