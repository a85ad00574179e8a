#include "engine/pin.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"

void ms_pin_clear(struct ms_pin *pin) {
    free(pin->key);
    free(pin->reason);
    *pin = (struct ms_pin){0};
}

void ms_pins_clear(struct ms_pins *pins) {
    for (size_t i = 0; i < pins->count; i++)
        ms_pin_clear(&pins->items[i]);
    free(pins->items);
    *pins = (struct ms_pins){0};
}

void ms_pin_describe(const struct ms_pin *pin, struct ms_text *out) {
    char end[40] = "";
    time_t seconds = (time_t)(pin->until_ns / 1000000000);
    struct tm parts;
    ms_text_puts(out, "pinned");
    if (pin->until_ns != 0 && gmtime_r(&seconds, &parts) != NULL &&
        strftime(end, sizeof end, "%Y-%m-%dT%H:%M:%SZ", &parts) != 0)
        ms_text_printf(out, " until %s", end);
    if (pin->reason != NULL && *pin->reason != '\0')
        ms_text_printf(out, ": %.100s", pin->reason);
}
