#include "rpc/metadata.h"

#include <stdio.h>

#include "base/text.h"

void ms_percent_encode(struct ms_text *out, const char *bytes, size_t size) {
    static const char digits[] = "0123456789ABCDEF";
    size_t plain = 0; /* where bytes begin that need nothing */
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= 0x20 && byte <= 0x7e && byte != '%')
            continue;
        char coded[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        ms_text_append(out, bytes + plain, i - plain);
        ms_text_append(out, coded, sizeof coded);
        plain = i + 1;
    }
    ms_text_append(out, bytes + plain, size - plain);
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that %XX at bytes means; -1 when it means none. */
static int coded_byte(const char *bytes, size_t size) {
    if (size < 3 || bytes[0] != '%')
        return -1;
    int high = digit_of(bytes[1]);
    int low = digit_of(bytes[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void ms_percent_decode(struct ms_text *out, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        int coded = coded_byte(bytes + i, size - i);
        char byte = coded < 0 ? bytes[i] : (char)coded;
        ms_text_append(out, &byte, 1);
        i += coded < 0 ? 0 : 2;
    }
}

/* in the order of their length */
static const struct {
    char letter;
    int64_t ns;
} units[] = {{'n', 1},
             {'u', 1000},
             {'m', 1000000},
             {'S', 1000000000},
             {'M', 60 * 1000000000LL},
             {'H', 3600 * 1000000000LL}};
#define UNITS (sizeof units / sizeof *units)

bool ms_timeout_parse(const char *bytes, size_t size, int64_t *out_ns) {
    int64_t value = 0;
    if (size < 2 || size > 9)
        return false;
    for (size_t i = 0; i < size - 1; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
        value = value * 10 + (bytes[i] - '0');
    }
    for (size_t i = 0; i < UNITS; i++) {
        if (units[i].letter == bytes[size - 1]) {
            *out_ns = value > INT64_MAX / units[i].ns ? INT64_MAX : value * units[i].ns;
            return true;
        }
    }
    return false;
}

void ms_timeout_format(int64_t ns, char out[MS_TIMEOUT_ROOM]) {
    if (ns < 0)
        ns = 0;
    size_t unit = 0;
    int64_t value = ns;
    while (value > 99999999 && unit + 1 < UNITS) {
        unit++;
        value = ns / units[unit].ns + (ns % units[unit].ns != 0);
    }
    (void)snprintf(out, MS_TIMEOUT_ROOM, "%u%c", (unsigned)(value % 100000000), units[unit].letter);
}
