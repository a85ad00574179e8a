/* meta_event.h - the outbox: one row a change, written in the transaction of the change.
 *
 * Sequence numbers only go up and say in which order transactions were committed, since there is
 * one writer at a time. The newest MS_EVENTS_KEPT numbers are kept: writing one event in
 * MS_EVENTS_STEP takes some of the oldest away. The setting trimmed is the highest number that
 * was taken; a reader that has not come so far has lost events and is told so.
 *
 * The outbox knows nobody who reads it: cursors are what readers keep here for their own use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/filter/filter.h"

struct ms_err;
struct ms_meta;

#define MS_EVENTS_KEPT 100000
#define MS_EVENTS_STEP 64
#define MS_EVENTS_SKIP 1000 /* numbers left out after a boot, see ms_meta_skip_events */

#define MS_TOPIC_LOST "/moonsnap/lost"

/* A new event. "" or NULL where a field has no meaning for the topic. The labels that it tells are
 * those of the row number at this moment. */
struct ms_new_event {
    const char *topic;
    const char *ns;
    int64_t number;
    const char *key;
    const char *name;
    const char *parent;
    const char *data; /* a JSON object */
};
int ms_meta_add_event(struct ms_meta *meta, const struct ms_new_event *event, struct ms_err *err);

/* One event. Spans are SQLite's, until the visit is over. */
struct ms_event {
    int64_t sequence;
    int64_t at_ns;
    int64_t number;
    struct ms_span topic;
    struct ms_span ns;
    struct ms_span key;
    struct ms_span name;
    struct ms_span parent;
    struct ms_span labels; /* encoded, see labels.h */
    struct ms_span data;   /* JSON, or empty */
    int64_t from, to;      /* of MS_TOPIC_LOST: the numbers that are gone; sequence is to */
};
typedef bool ms_event_visit(void *context, const struct ms_event *event); /* false: enough */

/* Visits those of the first limit events behind *since that are of the namespace ns and match
 * filter (NULL: any). *since moves to the last one looked at. -1 is before all that are kept; any
 * other number whose next event is gone gets a lost event first, whatever is asked for. The number
 * of events looked at, 0 at the end, or a negative kind. */
struct ms_event_query {
    int64_t limit;
    const char *ns;
    const struct ms_filter *filter; /* fields topic, namespace, key, name, parent, labels.NAME */
};
int ms_meta_events(struct ms_meta *meta, const struct ms_event_query *query, int64_t *since,
                   ms_event_visit *visit, void *context, struct ms_err *err);

/* The number of the newest event there ever was, 0 when there was none. */
int ms_meta_last_event(struct ms_meta *meta, int64_t *out, struct ms_err *err);

/* Deletes all events but the newest MS_EVENTS_KEPT. */
int ms_meta_trim_events(struct ms_meta *meta, struct ms_err *err);

/* Leaves out some numbers. A power cut takes events back that waited for no disk (mounts) and that
 * a reader may have seen: their numbers must not come again. SQLite syncs the WAL at least every
 * thousand pages, so they are fewer than MS_EVENTS_SKIP. */
int ms_meta_skip_events(struct ms_meta *meta, struct ms_err *err);

/* Where a reader is. */
struct ms_cursor {
    int64_t sequence; /* of the last event that it is done with */
    int64_t updated_ns;
    int64_t attempts; /* that failed on the one that follows */
    int64_t due_ns;   /* when to try that one again */
    int64_t given_up; /* events that it could not be told */
    char *error;      /* of the last attempt; owned, NULL when read as "" */
};
void ms_cursor_clear(struct ms_cursor *cursor);

/* 1 and *out; 0 when there is none of that name. */
int ms_meta_cursor(struct ms_meta *meta, const char *name, struct ms_cursor *out,
                   struct ms_err *err);
int ms_meta_set_cursor(struct ms_meta *meta, const char *name, const struct ms_cursor *cursor,
                       struct ms_err *err);
int ms_meta_drop_cursor(struct ms_meta *meta, const char *name, struct ms_err *err);

/* The names of all cursors, sorted. */
struct ms_names;
int ms_meta_cursor_names(struct ms_meta *meta, struct ms_names *out, struct ms_err *err);
