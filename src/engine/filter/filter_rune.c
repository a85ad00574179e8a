/* The characters of an RE2 expression, and the escapes that stand for one. */
#include <string.h>

#include "base/text.h"
#include "engine/filter/filter_regex.h"
#include "engine/filter/filter_scan.h"

bool ms_re2_rune(struct ms_re2 *re, unsigned *out) {
    if (re->at >= re->size)
        return false;
    size_t width;
    *out = (unsigned)ms_rune_decode(re->bytes + re->at, re->size - re->at, &width);
    re->at += width;
    return true;
}

static bool is_digit(unsigned rune) { return rune >= '0' && rune <= '9'; }

static bool is_alnum(unsigned rune) {
    return is_digit(rune) || (rune >= 'A' && rune <= 'Z') || (rune >= 'a' && rune <= 'z');
}

void ms_re2_literal(struct ms_re2 *re, unsigned rune) {
    if (is_alnum(rune)) {
        char letter = (char)rune;
        ms_text_append(re->out, &letter, 1);
    } else {
        ms_text_printf(re->out, "\\x{%x}", rune);
    }
}

unsigned char ms_re2_ahead(const struct ms_re2 *re, size_t offset) {
    return re->at + offset < re->size ? (unsigned char)re->bytes[re->at + offset] : 0;
}

static bool is_octal(unsigned rune) { return rune >= '0' && rune <= '7'; }

static int unhex(unsigned rune) {
    if (is_digit(rune))
        return (int)rune - '0';
    if (rune >= 'a' && rune <= 'f')
        return (int)rune - 'a' + 10;
    if (rune >= 'A' && rune <= 'F')
        return (int)rune - 'A' + 10;
    return -1;
}

/* Reads what follows \x: two digits, or any number in braces. */
static bool escape_hex(struct ms_re2 *re, unsigned *out) {
    bool braces = ms_re2_ahead(re, 0) == '{';
    re->at += braces;
    unsigned value = 0;
    size_t count = 0;
    while ((braces || count < 2) && unhex(ms_re2_ahead(re, 0)) >= 0) {
        value = value * 16 + (unsigned)unhex(ms_re2_ahead(re, 0));
        if (value > 0x10FFFF)
            return false;
        re->at++;
        count++;
    }
    if (braces && ms_re2_ahead(re, 0) != '}')
        return false;
    re->at += braces;
    *out = value;
    return braces ? count >= 1 : count == 2;
}

bool ms_re2_escape(struct ms_re2 *re, unsigned *out) {
    static const char names[] = "afnrtv";
    unsigned letter;
    re->at++;
    if (!ms_re2_rune(re, &letter))
        return false;
    if (letter == '0' || (is_octal(letter) && is_octal(ms_re2_ahead(re, 0)))) {
        unsigned value = letter - '0';
        for (int i = 0; i < 2 && is_octal(ms_re2_ahead(re, 0)); i++, re->at++)
            value = value * 8 + ms_re2_ahead(re, 0) - '0';
        *out = value;
        return true;
    }
    if (letter == 'x')
        return escape_hex(re, out);
    const char *name = letter != 0 && letter < 0x80 ? strchr(names, (int)letter) : NULL;
    *out = name != NULL ? (unsigned)"\a\f\n\r\t\v"[name - names] : letter;
    return name != NULL || (letter < 0x80 && !is_alnum(letter));
}
