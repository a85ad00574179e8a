/* filter_inside.h - what the files of the filter share.
 *
 * One text compiles to a row of selectors. The row owns everything that its selectors point to.
 */
#pragma once

#include "engine/filter/filter.h"

struct ms_selectors {
    struct ms_selector *items;
    size_t count;
    char *bytes;           /* values and joined paths */
    struct ms_span *parts; /* of all paths */
};

void ms_selectors_clear(struct ms_selectors *row);

/* Parses one text of at most MS_FILTER_SIZE_MAX bytes. Fails: invalid_argument,
 * resource_exhausted. */
int ms_selectors_parse(struct ms_span text, struct ms_selectors *out, struct ms_err *err);
