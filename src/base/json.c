#include "base/json.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

static bool is_plain(unsigned char byte) { return byte >= 0x20 && byte != '"' && byte != '\\'; }

static void put_escape(struct ms_text *out, unsigned char byte) {
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *found = byte != 0 ? strchr(from, byte) : NULL;
    if (found != NULL) {
        const char escape[] = {'\\', to[found - from]};
        ms_text_append(out, escape, sizeof escape);
    } else {
        ms_text_printf(out, "\\u%04x", byte);
    }
}

/* The bytes of the character that at begins with; 0 when none does. */
static size_t character(const char *at, size_t left) {
    for (size_t size = 1; size <= 4 && size <= left; size++) {
        if (ms_utf8_valid(at, size))
            return size;
    }
    return 0;
}

static void put_valid(struct ms_text *out, const char *at, const char *end) {
    while (at < end) {
        const char *from = at;
        while (at < end && is_plain((unsigned char)*at))
            at++;
        ms_text_append(out, from, (size_t)(at - from));
        if (at < end)
            put_escape(out, (unsigned char)*at++);
    }
}

void ms_json_string(struct ms_text *out, const void *bytes, size_t size) {
    const char *at = bytes;
    const char *end = at + size;
    ms_text_append(out, "\"", 1);
    if (size != 0 && ms_utf8_valid(bytes, size)) {
        put_valid(out, at, end);
        at = end;
    }
    while (at < end) {
        size_t length = character(at, (size_t)(end - at));
        if (length == 0)
            ms_text_puts(out, "\xEF\xBF\xBD");
        else
            put_valid(out, at, at + length);
        at += length != 0 ? length : 1;
    }
    ms_text_append(out, "\"", 1);
}
