/* chain.h - the numbers of a snapshot's ancestors, nearest first, as one value of a row.
 *
 * Numbers never change and are never used twice, so a chain is written once, when its snapshot gets
 * its parent. Stored as LEB128 varints: about two bytes an ancestor.
 */
#pragma once

#include <stddef.h>

struct ms_err;

struct ms_chain {
    long long *numbers; /* owned */
    size_t count;
};

void ms_chain_clear(struct ms_chain *chain);
#define ms_auto_chain __attribute__((cleanup(ms_chain_clear)))

/* Reads stored bytes. Fails: data_loss (cut or not a chain), resource_exhausted. */
int ms_chain_decode(const unsigned char *bytes, size_t size, struct ms_chain *out,
                    struct ms_err *err);

/* The chain of a child: parent in front of parent's own. */
int ms_chain_push(const struct ms_chain *of_parent, long long parent, struct ms_chain *out,
                  struct ms_err *err);

/* Writes *bytes (free it) and *size. Fails: resource_exhausted. */
int ms_chain_encode(const struct ms_chain *chain, unsigned char **bytes, size_t *size,
                    struct ms_err *err);
