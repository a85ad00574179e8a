/* plan.h - stored plans of collection as plain data: what shall go, and what came of it.
 *
 *     plan    a header, which is text of whoever made it, and items in order
 *     item    one snapshot: what shall become of it and why; how it was then; the outcome
 *
 * Each struct owns its strings, but for items on their way in, which are borrowed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ms_plan {
    char *id;
    char *ns;
    int64_t created_ns;
    char *header; /* JSON, as it was given */
    int64_t items;
    int64_t done; /* how many of them, from the first on */
};

struct ms_plans {
    struct ms_plan *items;
    size_t count;
    size_t room;
};

struct ms_plan_item {
    int64_t place; /* from 1 on, in the plan's order */
    int64_t number;
    char *key;
    char *verdict; /* "keep", "remove" */
    char *reason;
    char *rule;
    char *text;
    int64_t size_bytes;
    int64_t updated_ns; /* these three as they were when it was planned */
    int64_t used_ns;
    int64_t use_count;
    char *outcome; /* "" while there is none */
    char *outcome_text;
};

struct ms_plan_items {
    struct ms_plan_item *items;
    size_t count;
    size_t room;
};

/* What came of an item that was not removed; borrowed. */
struct ms_plan_outcome {
    int64_t place;
    const char *outcome; /* a word: "busy", "vetoed", ... */
    const char *text;    /* for people */
};

struct ms_plan_outcomes {
    struct ms_plan_outcome *items;
    size_t count;
};

void ms_plan_clear(struct ms_plan *plan);
void ms_plans_clear(struct ms_plans *plans);
void ms_plan_items_clear(struct ms_plan_items *items);
#define ms_auto_plan __attribute__((cleanup(ms_plan_clear)))
#define ms_auto_plans __attribute__((cleanup(ms_plans_clear)))
#define ms_auto_plan_items __attribute__((cleanup(ms_plan_items_clear)))
