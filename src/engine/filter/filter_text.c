/* Quotes, and the texts of errors. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/filter/filter_scan.h"

/* ---- quotes ----------------------------------------------------------------------------------*/

static size_t encode(uint32_t rune, char *out) {
    if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF))
        rune = 0xFFFD;
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t size = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, rune >>= 6)
        out[i] = (char)(0x80 | (rune & 0x3F));
    out[0] = (char)((0xF00 >> size) | rune);
    return size;
}

/* Reads count digits; false when they are not all digits of the base. */
static bool digits(struct ms_span *from, size_t count, uint32_t base, uint32_t *out) {
    if (from->size < count)
        return false;
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        const char *all = "0123456789abcdef0123456789ABCDEF";
        const char *digit = from->bytes[i] != '\0' ? strchr(all, from->bytes[i]) : NULL;
        uint32_t one = digit != NULL ? (uint32_t)(digit - all) % 16 : 16;
        if (one >= base)
            return false;
        value = value * base + one;
    }
    from->bytes += count;
    from->size -= count;
    *out = value;
    return true;
}

/* Takes one escape, whose backslash is gone, from the front; appends what it means. */
static bool unescape(struct ms_span *from, char quote, char *out, size_t *size) {
    if (from->size == 0)
        return false;
    char letter = from->bytes[0];
    const char *names = "abfnrtv\\";
    const char *name = letter != '\0' ? strchr(names, letter) : NULL;
    uint32_t value = 0;
    if (name != NULL || letter == quote) {
        out[(*size)++] = name != NULL ? "\a\b\f\n\r\t\v\\"[name - names] : quote;
        from->bytes++;
        from->size--;
        return true;
    }
    if (letter >= '0' && letter <= '7') {
        if (!digits(from, 3, 8, &value) || value > 255)
            return false;
        out[(*size)++] = (char)value;
        return true;
    }
    from->bytes++;
    from->size--;
    size_t count = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    if (count == 0 || !digits(from, count, 16, &value))
        return false;
    /* Go keeps code points in a signed number: from 0x80000000 on they pass for bytes. */
    if (count == 2 || value >= 0x80000000) {
        out[(*size)++] = (char)value;
        return true;
    }
    if (value > 0x10FFFF)
        return false;
    *size += encode(value, out + *size);
    return true;
}

bool ms_unquote(struct ms_span quoted, char *out, size_t *size) {
    char quote = quoted.bytes[0];
    struct ms_span from = {quoted.bytes + 1, quoted.size - 2};
    *size = 0;
    while (from.size != 0) {
        char byte = from.bytes[0];
        from.bytes++;
        from.size--;
        if (byte != '\\')
            out[(*size)++] = byte;
        else if (!unescape(&from, quote, out, size))
            return false;
    }
    return true;
}

/* ---- errors ----------------------------------------------------------------------------------*/

enum {
    BEFORE_MAX = 56, /* bytes of the text that an error shows before the place ... */
    AFTER_MAX = 24,  /* ... and after it */
};

/* Appends bytes so that they can be read: control bytes and bad UTF-8 become \xNN. */
static void show(struct ms_text *out, const char *bytes, size_t size) {
    while (size != 0) {
        size_t width;
        int32_t rune = ms_rune_decode(bytes, size, &width);
        bool bad = rune < 0x20 || rune == 0x7F || (rune == 0xFFFD && width == 1);
        if (bad)
            ms_text_printf(out, "\\x%02x", (unsigned char)bytes[0]);
        else
            ms_text_append(out, bytes, width);
        bytes += width;
        size -= width;
    }
}

static bool inside_rune(struct ms_span text, size_t at) {
    return at < text.size && ((unsigned char)text.bytes[at] & 0xC0) == 0x80;
}

int ms_filter_refuse(struct ms_span text, size_t at, struct ms_err *err, const char *format, ...) {
    char problem[80];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem, sizeof(problem), format, args);
    va_end(args);

    ms_auto_text struct ms_text shown = {0};
    at = at < text.size ? at : text.size;
    size_t begin = at > BEFORE_MAX ? at - BEFORE_MAX : 0;
    while (begin != 0 && inside_rune(text, begin))
        begin--;
    ms_text_puts(&shown, begin != 0 ? "..." : "");
    show(&shown, text.bytes + begin, at - begin);
    if (at < text.size) {
        size_t width;
        (void)ms_rune_decode(text.bytes + at, text.size - at, &width);
        ms_text_puts(&shown, " >|");
        show(&shown, text.bytes + at, width);
        ms_text_puts(&shown, "|< ");
        at += width;
        size_t end = text.size - at > AFTER_MAX ? at + AFTER_MAX : text.size;
        while (inside_rune(text, end))
            end++;
        show(&shown, text.bytes + at, end - at);
        ms_text_puts(&shown, end < text.size ? "..." : "");
    }
    if (shown.failed)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "filters: out of memory");
    return ms_err_set(err, MS_INVALID_ARGUMENT, "filters: parse error: [%s]: %s",
                      shown.bytes != NULL ? shown.bytes : "", problem);
}
