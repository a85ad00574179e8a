/* sandbox_nodes.h - what one growing table of a guest may cost.
 *
 * A table that grows puts all its keys into the new hash part within one instruction, and each key
 * walks past those that have its place already. Lua salts the hashes of strings, but those of
 * numbers anybody can compute: 65,537 keys that spread well over 65,536 places and have all the
 * same among 131,072 take six seconds (multiples of 131,071), four times as many a hundred.
 *
 * Only the allocator sees that coming. It keeps a list of big hash parts, and when a new one is
 * asked for, counts how those that there are would lie in it. What is read is memory of our own, in
 * the form that Lua 5.4 gives it; spec/sandbox_limits_spec.lua would notice another one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Big hash parts that there are. {0} is none. */
struct ms_nodes {
    struct ms_nodes_block *blocks; /* owned */
    size_t count;
    size_t room;
};

/* Whether a block of size bytes, which Lua has not named as an object, may be a big hash part. */
bool ms_nodes_is_big(size_t size);

/* How many keys are looked at, at most, when one of the blocks becomes one of size bytes, and to
 * find that out. */
int64_t ms_nodes_passed(const struct ms_nodes *nodes, size_t size);

/* Adds a block that ms_nodes_is_big. False without memory. */
bool ms_nodes_add(struct ms_nodes *nodes, const void *block, size_t size);

/* A block goes; whether it was added does not matter. */
void ms_nodes_drop(struct ms_nodes *nodes, const void *block);

void ms_nodes_clear(struct ms_nodes *nodes);
