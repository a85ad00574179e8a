#include "bind/sandbox_nodes.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define NODE 24  /* bytes of a node: the value, and the key with the next one's distance */
#define BIG 8192 /* nodes from which on they count: fewer are soon passed, whatever their keys */
#define VALUE_TAG 8
#define KEY_TAG 9
#define KEY 16
#define NIL 0x0f /* bits of a tag that say nil, when they are 0 */
#define INTEGER 0x03
#define FLOAT 0x13

struct ms_nodes_block {
    const unsigned char *bytes;
    size_t nodes;
};

bool ms_nodes_is_big(size_t size) {
    size_t nodes = size / NODE;
    return size % NODE == 0 && nodes >= BIG && (nodes & (nodes - 1)) == 0;
}

/* As Lua hashes a float. */
static unsigned int hash_of(double number) {
    int exponent = 0;
    double scaled = frexp(number, &exponent) * -(double)INT_MIN;
    if (!(scaled >= (double)INT64_MIN && scaled < -(double)INT64_MIN))
        return 0;
    unsigned int hash = (unsigned int)exponent + (unsigned int)(int64_t)scaled;
    return hash <= INT_MAX ? hash : ~hash;
}

/* Where the key of a node has its place among `nodes`; false when the node is empty or the key is
 * no number. */
static bool place_of(const unsigned char *node, size_t nodes, size_t *out) {
    uint64_t bits = 0;
    double number = 0;
    if ((node[VALUE_TAG] & NIL) == 0 || (node[KEY_TAG] != INTEGER && node[KEY_TAG] != FLOAT))
        return false;
    memcpy(&bits, node + KEY, sizeof bits);
    memcpy(&number, node + KEY, sizeof number);
    if (node[KEY_TAG] == FLOAT)
        bits = hash_of(number);
    *out = bits % ((nodes - 1) | 1);
    return true;
}

/* The sum over all places of the pairs of keys that have it. */
static int64_t count_pairs(const struct ms_nodes_block *block, uint32_t *counts, size_t nodes) {
    int64_t pairs = 0;
    size_t place = 0;
    for (size_t i = 0; i < block->nodes; i++)
        if (place_of(block->bytes + i * NODE, nodes, &place))
            pairs += counts[place]++;
    return pairs;
}

int64_t ms_nodes_passed(const struct ms_nodes *nodes, size_t size) {
    size_t count = size / NODE;
    int64_t most = 0;
    int64_t seen = 0;
    if (nodes->count == 0)
        return 0;
    ms_auto_free uint32_t *counts = malloc(count * sizeof *counts);
    if (counts == NULL)
        return 0; /* then there is none for the new part either */
    for (size_t i = 0; i < nodes->count; i++) {
        memset(counts, 0, count * sizeof *counts);
        int64_t pairs = count_pairs(&nodes->blocks[i], counts, count);
        most = pairs > most ? pairs : most;
        seen += (int64_t)nodes->blocks[i].nodes;
    }
    return most + seen;
}

bool ms_nodes_add(struct ms_nodes *nodes, const void *block, size_t size) {
    if (nodes->count == nodes->room) {
        size_t room = nodes->room == 0 ? 8 : nodes->room * 2;
        struct ms_nodes_block *blocks = realloc(nodes->blocks, room * sizeof *blocks);
        if (blocks == NULL)
            return false;
        nodes->blocks = blocks;
        nodes->room = room;
    }
    nodes->blocks[nodes->count++] = (struct ms_nodes_block){block, size / NODE};
    return true;
}

void ms_nodes_drop(struct ms_nodes *nodes, const void *block) {
    for (size_t i = 0; i < nodes->count; i++) {
        if (nodes->blocks[i].bytes == block) {
            nodes->blocks[i] = nodes->blocks[--nodes->count];
            return;
        }
    }
}

void ms_nodes_clear(struct ms_nodes *nodes) {
    free(nodes->blocks);
    *nodes = (struct ms_nodes){0};
}
