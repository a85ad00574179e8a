/* pin.h - pins as plain data.
 *
 *     pin    says that a snapshot stays, until a time or for good, and why
 *
 * A pin belongs to the snapshot, not to its key: an active that is committed stays pinned. One
 * whose end has passed holds nothing any more; it stays listed until it is taken away or replaced.
 * Each struct owns its strings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_text;

#define MS_REASON_MAX 1024 /* bytes in a reason */

struct ms_pin {
    int64_t number;
    char *key;
    char *reason; /* "" when nobody gave one */
    int64_t created_ns;
    int64_t until_ns; /* 0: for good */
};

struct ms_pins {
    struct ms_pin *items;
    size_t count;
    size_t room;
};

void ms_pin_clear(struct ms_pin *pin);
void ms_pins_clear(struct ms_pins *pins);
#define ms_auto_pin __attribute__((cleanup(ms_pin_clear)))
#define ms_auto_pins __attribute__((cleanup(ms_pins_clear)))

static inline bool ms_pin_holds(const struct ms_pin *pin, int64_t now_ns) {
    return pin->until_ns == 0 || pin->until_ns > now_ns;
}

/* Appends "pinned until 2026-12-01T00:00:00Z: release 1.4", as far as it is known. */
void ms_pin_describe(const struct ms_pin *pin, struct ms_text *out);
