/* meta_pin.h - the rows of pins. See pin.h and meta.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/pin.h"

struct ms_err;
struct ms_meta;

/* Pins the snapshot pin->number; replaces a pin that is there. */
int ms_meta_pin(struct ms_meta *meta, const struct ms_pin *pin, struct ms_err *err);

/* 1 when there was one, 0 when not. */
int ms_meta_unpin(struct ms_meta *meta, int64_t number, struct ms_err *err);

/* 1 and *out, or 0; one that has ended is found too. */
int ms_meta_find_pin(struct ms_meta *meta, int64_t number, struct ms_pin *out, struct ms_err *err);

/* All of a namespace, by number. */
int ms_meta_pins(struct ms_meta *meta, const char *ns, struct ms_pins *out, struct ms_err *err);
