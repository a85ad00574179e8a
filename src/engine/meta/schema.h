/* schema.h - the tables of metadata.db, and opening it.
 *
 *     snapshots   one row a snapshot; its id is the number of its directory and is never used
 *                 twice; labels holds its labels once more, see labels.h
 *     labels      one row a label; the index on (name, value) serves filters
 *     mounts      what mount and run recorded, until it is seen to be gone
 *     owners      processes that snapshots die with
 *     events      the outbox: one row a change, in the transaction of the change
 *     leases      one row a lease; held: one row a thing that a lease holds; see meta_lease.h
 *     pins        one row a pinned snapshot; see meta_pin.h
 *     plans       stored plans of collection; plan_items: their items, see meta_plan.h
 *     namespaces  one row a namespace that was made or labelled
 *     settings    driver, xattrs, boot_id (of the last writer), covered (see layer.h)
 *
 * PRAGMA user_version is the schema's version; a database of an earlier one is brought to ours by
 * the steps between, in one transaction; one of a later version is refused. WAL mode,
 * synchronous=FULL, foreign keys; the WAL is kept on close, so that a command that writes once
 * costs one sync of the WAL and no checkpoint.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>

struct ms_err;

#define MS_SCHEMA_VERSION 3

/* Opens (with create: makes) the database at path and brings it to our version.
 * Fails: data_loss (no database, or cut), failed_precondition (a newer version), permission_denied,
 * resource_exhausted, unavailable. */
int ms_schema_open(const char *path, bool create, sqlite3 **out, struct ms_err *err);

/* Fills *err from what SQLite said last on db: BUSY unavailable, FULL resource_exhausted, CORRUPT
 * and NOTADB data_loss, READONLY and PERM permission_denied, else internal. Returns the kind. */
int ms_schema_fail(sqlite3 *db, const char *doing, struct ms_err *err);
