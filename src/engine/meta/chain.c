#include "engine/meta/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define VARINT_MAX 10

void ms_chain_clear(struct ms_chain *chain) {
    free(chain->numbers);
    *chain = (struct ms_chain){0};
}

static int allocate(struct ms_chain *chain, size_t count, struct ms_err *err) {
    chain->numbers = calloc(count == 0 ? 1 : count, sizeof *chain->numbers);
    if (chain->numbers == NULL)
        return ms_err_memory(err);
    return MS_OK;
}

int ms_chain_decode(const unsigned char *bytes, size_t size, struct ms_chain *out,
                    struct ms_err *err) {
    ms_auto_chain struct ms_chain chain = {0};
    int code = allocate(&chain, size, err);
    if (code < 0)
        return code;
    unsigned long long number = 0;
    unsigned shift = 0;
    for (size_t i = 0; i < size; i++) {
        if (shift > 56)
            return ms_err_set(err, MS_DATA_LOSS, "a stored chain has a number too large");
        number |= (unsigned long long)(bytes[i] & 0x7f) << shift;
        shift += 7;
        if ((bytes[i] & 0x80) != 0)
            continue;
        chain.numbers[chain.count++] = (long long)number;
        number = 0;
        shift = 0;
    }
    if (shift != 0)
        return ms_err_set(err, MS_DATA_LOSS, "a stored chain is cut");
    *out = chain;
    chain = (struct ms_chain){0};
    return MS_OK;
}

int ms_chain_push(const struct ms_chain *of_parent, long long parent, struct ms_chain *out,
                  struct ms_err *err) {
    struct ms_chain chain = {0};
    int code = allocate(&chain, of_parent->count + 1, err);
    if (code < 0)
        return code;
    chain.numbers[0] = parent;
    if (of_parent->count != 0)
        memcpy(chain.numbers + 1, of_parent->numbers, of_parent->count * sizeof *chain.numbers);
    chain.count = of_parent->count + 1;
    *out = chain;
    return MS_OK;
}

int ms_chain_encode(const struct ms_chain *chain, unsigned char **bytes, size_t *size,
                    struct ms_err *err) {
    unsigned char *made = malloc(chain->count * VARINT_MAX + 1);
    if (made == NULL)
        return ms_err_memory(err);
    size_t used = 0;
    for (size_t i = 0; i < chain->count; i++) {
        unsigned long long number = (unsigned long long)chain->numbers[i];
        while (number >= 0x80) {
            made[used++] = (unsigned char)(number | 0x80);
            number >>= 7;
        }
        made[used++] = (unsigned char)number;
    }
    *bytes = made;
    *size = used;
    return MS_OK;
}
