/* store_pin.h - verbs on pins. See pin.h.
 *
 * A pinned snapshot is removed by nobody: not by hand, not with a lease, not for its owner's end,
 * not by a collection. Whoever may remove may also unpin.
 *
 * A database that is rebuilt has no pins.
 */
#pragma once

#include "engine/pin.h"
#include "engine/store/store.h"

/* Pins a snapshot, or changes its pin. reason may be NULL; until_ns 0 is for good.
 * Fails: not_found, invalid_argument (a reason that can be none, an end that is before 1970). */
int ms_store_pin(struct ms_store *store, const char *ns, const char *key, const char *reason,
                 int64_t until_ns, struct ms_err *err);

/* Fails: not_found (no such snapshot, or it is not pinned). */
int ms_store_unpin(struct ms_store *store, const char *ns, const char *key, struct ms_err *err);

/* All pins of a namespace, those that have ended too. */
int ms_store_pins(struct ms_store *store, const char *ns, struct ms_pins *out, struct ms_err *err);
