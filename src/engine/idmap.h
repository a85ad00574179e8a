/* idmap.h - the two mapping labels that containerd's clients set.
 *
 * A value is "CONTAINER:HOST:SIZE[,...]", decimal, each below 2^32 - 1.
 */
#pragma once

#include <stdint.h>

struct ms_err;

#define MS_LABEL_UIDMAP "containerd.io/snapshot/uidmapping"
#define MS_LABEL_GIDMAP "containerd.io/snapshot/gidmapping"

/* The host id that container id 0 has. Fails: invalid_argument (malformed, or 0 is not mapped). */
int ms_idmap_root(const char *mapping, uint32_t *host, struct ms_err *err);
