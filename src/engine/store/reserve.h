/* reserve.h - room on the disk that only removals use.
 *
 * What is removed must be written down before anything is freed, and on a full disk that has no
 * room either. ROOT/reserve is a file of blocks with nothing in them: a removal that fails for want
 * of room takes it away and is tried again. The next cleanup makes it anew, where there is plenty.
 * Without it, or where blocks cannot be allocated (fallocate(2)), removals fail as writes do.
 */
#pragma once

#include <stdbool.h>

struct ms_place;

/* Makes the reserve if it is not there and the disk has some times as much free; tries its best. */
void ms_reserve_keep(const struct ms_place *place);

/* Gives the reserve to the disk if that is full: true when there was one. */
bool ms_reserve_spend(const struct ms_place *place);
