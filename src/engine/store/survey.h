/* survey.h - all snapshots of a namespace at one moment, with everything that a planner asks.
 *
 * Opening reads them into memory (about 100 bytes and the texts for each) in one read transaction,
 * of one state, and holds no lock afterwards. Then they are handed out one after the other, in order
 * of number, which costs no I/O: whoever must not stand still takes some at a time.
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
