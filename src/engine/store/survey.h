/* survey.h - all snapshots of a namespace at one moment, with everything that a planner asks.
 *
 * Opening reads them into memory (about 100 bytes and the texts for each) in one read transaction,
 * of one state, and holds no lock afterwards. Then they are handed out one after the other, in
 * order of number, which costs no I/O: whoever must not stand still takes some at a time.
 *
 * What holds a snapshot, besides what its own row says:
 *
 *     pin       one that has not ended
 *     lease     one of its leases that live; flat when all of these are (MS_LABEL_FLAT)
 *     mounted   the target of a mount that this store recorded, which is or may be there
 *     owner     whether the process it was made for is there
 *
 * A survey borrows its store only while it is opened. Looking is not using: nothing is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/filter/filter.h"
#include "engine/meta/meta.h"
#include "engine/mount/in_use.h"
#include "engine/pin.h"
#include "sys/ident.h"

struct ms_err;
struct ms_store;
struct ms_survey;

/* All borrowed from the survey. */
struct ms_fact {
    int64_t number;
    int64_t parent; /* number of the parent, 0 without */
    int kind;
    bool damaged;
    int64_t created_ns;
    int64_t updated_ns;
    int64_t used_ns;
    int64_t use_count;
    int64_t size_bytes; /* as recorded at commit; of actives 0 */
    int64_t inodes;
    size_t depth; /* layers of its chain, itself included */
    struct ms_span name;
    struct ms_span labels; /* encoded, see labels.h */
    const struct ms_pin *pin;
    const char *lease;
    bool flat;
    const char *mounted;
    bool owned;
    enum ms_alive owner;
};

/* Reads all rows of a namespace. Fails as every look does. */
int ms_store_survey(struct ms_store *store, const char *ns, struct ms_survey **out,
                    struct ms_err *err);

/* How many there are. */
size_t ms_survey_count(const struct ms_survey *survey);

/* The next one: true and *out; false at the end. */
bool ms_survey_next(struct ms_survey *survey, struct ms_fact *out);

/* The name of the snapshot number; an empty span when it is not in it. */
struct ms_span ms_survey_name(const struct ms_survey *survey, int64_t number);

void ms_survey_free(struct ms_survey *survey);

/* ---- store_in_use.c: who else uses what is there ---------------------------------------------*/

/* Numbers of layers, in any order, each as often as it was found. */
struct ms_in_use {
    struct ms_ids sure;
    struct ms_ids maybe;
    struct ms_in_use_gaps gaps;
};
void ms_in_use_clear(struct ms_in_use *in_use);

/* Is number mounted, or may it be? */
bool ms_in_use_has(const struct ms_in_use *in_use, int64_t number);

/* What is mounted wherever it can be seen, see in_use.h; of all namespaces of the store. */
int ms_store_in_use(struct ms_store *store, struct ms_in_use *out, struct ms_err *err);

/* The tenant of a namespace: who has a database of its own about the snapshots in it, so that none
 * may go without its word ("containerd"). *out is heap, NULL without a tenant; NULL or "" takes the
 * mark away. Fails: invalid_argument (a tenant that can be none). */
int ms_store_tenant(struct ms_store *store, const char *ns, char **out, struct ms_err *err);
int ms_store_set_tenant(struct ms_store *store, const char *ns, const char *tenant,
                        struct ms_err *err);
