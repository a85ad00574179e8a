#include "engine/idmap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"

#define ID_LIMIT 0xffffffffULL

/* One number and the character behind it, which must be end or, for the last, NUL or a comma. */
static bool take(const char **at, char end, uint64_t *out) {
    if (**at < '0' || **at > '9')
        return false;
    char *behind = NULL;
    unsigned long long value = strtoull(*at, &behind, 10);
    bool ended = *behind == end || (end == ',' && *behind == '\0');
    if (!ended || value >= ID_LIMIT || behind - *at > 10)
        return false;
    *at = *behind == '\0' ? behind : behind + 1;
    *out = value;
    return true;
}

int ms_idmap_root(const char *mapping, uint32_t *host, struct ms_err *err) {
    const char *at = mapping;
    bool found = false;
    do {
        uint64_t inside = 0;
        uint64_t outside = 0;
        uint64_t size = 0;
        if (!take(&at, ':', &inside) || !take(&at, ':', &outside) || !take(&at, ',', &size))
            return ms_err_set(err, MS_INVALID_ARGUMENT,
                              "id mapping '%.80s': it is CONTAINER:HOST:SIZE[,...]", mapping);
        if (inside == 0 && size > 0 && !found) {
            *host = (uint32_t)outside;
            found = true;
        }
    } while (at[-1] == ','); /* a comma promises one more */
    if (!found)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "id mapping '%.80s' does not map id 0",
                          mapping);
    return MS_OK;
}
