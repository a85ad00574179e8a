/* events.h - a store's outbox, and who is where in it. See meta/meta_event.h for what an event is.
 *
 *     reading    ms_store_events, a page at a time; nothing is held between two pages
 *     own ones   ms_store_add_event, for what Lua has to tell (collection, denials, configuration)
 *     cursors    named, kept in the database; a reader moves its own
 *     delivery   one process at a time hands events on: who holds ROOT/delivery
 */
#pragma once

#include "engine/meta/meta_event.h"

struct ms_err;
struct ms_names;
struct ms_store;

#define MS_STORE_ID_SIZE 17 /* 16 hexadecimal digits and a NUL */

/* What tells this database from any other: made with it; a rebuilt one has another. */
int ms_store_id(struct ms_store *store, char out[MS_STORE_ID_SIZE], struct ms_err *err);

/* Visits the next page; see ms_meta_events. All namespaces when query->ns is NULL. */
int ms_store_events(struct ms_store *store, const struct ms_event_query *query, int64_t *since,
                    ms_event_visit *visit, void *context, struct ms_err *err);

/* The number of the newest event there ever was, 0 for none: where a reader begins that wants only
 * what is to come. */
int ms_store_last_event(struct ms_store *store, int64_t *out, struct ms_err *err);

/* Writes an event of our own, in the transaction that is open or in one of its own. The topic is
 * below /moonsnap/; data is a JSON object, "" for none. It tells the labels of the snapshot key
 * when there is one. Fails: invalid_argument. */
int ms_store_add_event(struct ms_store *store, const struct ms_new_event *event,
                       struct ms_err *err);

/* 1 and *out, which the caller clears; 0 for none. */
int ms_store_cursor(struct ms_store *store, const char *name, struct ms_cursor *out,
                    struct ms_err *err);
int ms_store_set_cursor(struct ms_store *store, const char *name, const struct ms_cursor *cursor,
                        struct ms_err *err);
int ms_store_drop_cursor(struct ms_store *store, const char *name, struct ms_err *err);
int ms_store_cursor_names(struct ms_store *store, struct ms_names *out, struct ms_err *err);

/* Becomes the one that delivers: 1 and a descriptor, which holds it until it is closed; 0 when
 * another one does. */
int ms_store_deliver(struct ms_store *store, int *fd, struct ms_err *err);
