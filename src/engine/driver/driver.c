#include "engine/driver/driver.h"

#include <stddef.h>
#include <string.h>

const struct ms_driver *ms_driver_find(const char *name) {
    static const struct ms_driver *const drivers[] = {&ms_driver_overlay, &ms_driver_native};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}
