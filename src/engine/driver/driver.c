#include "engine/driver/driver.h"

#include <stddef.h>
#include <string.h>

const struct ms_driver *ms_driver_find(const char *name) {
    static const struct ms_driver *const drivers[] = {&ms_driver_overlay, &ms_driver_native, NULL};
    const struct ms_driver *const *driver = drivers;
    while (*driver != NULL && strcmp((*driver)->name, name) != 0)
        driver++;
    return *driver;
}
