#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void ms_text_clear(struct ms_text *text) {
    free(text->bytes);
    *text = (struct ms_text){0};
}

/* Makes room for size more bytes and the NUL. */
static bool grow(struct ms_text *text, size_t size) {
    if (text->failed || size >= SIZE_MAX / 4 - text->size) {
        text->failed = true;
        return false;
    }
    size_t need = text->size + size + 1;
    if (need <= text->room)
        return true;
    size_t room = text->room != 0 ? text->room : 64;
    while (room < need)
        room *= 2;
    char *bytes = realloc(text->bytes, room);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

void ms_text_reserve(struct ms_text *text, size_t size) {
    if (text->failed || size < text->room)
        return;
    char *bytes = realloc(text->bytes, size + 1);
    text->failed = bytes == NULL;
    if (bytes == NULL)
        return;
    text->bytes = bytes;
    text->room = size + 1;
}

void ms_text_append(struct ms_text *text, const void *bytes, size_t size) {
    if (!grow(text, size))
        return;
    if (size != 0)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

void ms_text_puts(struct ms_text *text, const char *string) {
    ms_text_append(text, string, strlen(string));
}

void ms_text_printf(struct ms_text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || !grow(text, (size_t)size))
        return;
    va_start(args, format);
    (void)vsnprintf(text->bytes + text->size, (size_t)size + 1, format, args);
    va_end(args);
    text->size += (size_t)size;
}

void ms_text_number(struct ms_text *text, unsigned long long number) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    ms_text_append(text, digits + at, sizeof digits - at);
}

char *ms_text_take(struct ms_text *text) {
    ms_text_append(text, "", 0);
    if (text->failed) {
        ms_text_clear(text);
        return NULL;
    }
    char *bytes = text->bytes;
    *text = (struct ms_text){0};
    return bytes;
}

int ms_text_check(const struct ms_text *text, struct ms_err *err) {
    if (text->failed)
        return ms_err_memory(err);
    return MS_OK;
}

/* The length of the sequence that first starts, 0 when none does; *low and *high bound its second
 * byte, which is where over-long forms, surrogates and numbers over 10FFFF show. */
static size_t sequence(unsigned char first, unsigned char *low, unsigned char *high) {
    *low = 0x80;
    *high = 0xBF;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF) {
        if (first == 0xE0)
            *low = 0xA0;
        if (first == 0xED)
            *high = 0x9F;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (first == 0xF0)
            *low = 0x90;
        if (first == 0xF4)
            *high = 0x8F;
        return 4;
    }
    return 0;
}

bool ms_utf8_valid(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    const unsigned char *end = at + size;
    while (at < end) {
        unsigned char low;
        unsigned char high;
        size_t length = sequence(*at, &low, &high);
        if (length == 0 || length > (size_t)(end - at))
            return false;
        if (length > 1 && (at[1] < low || at[1] > high))
            return false;
        for (size_t i = 2; i < length; i++)
            if (at[i] < 0x80 || at[i] > 0xBF)
                return false;
        at += length;
    }
    return true;
}

bool ms_parse_u64(const char *string, uint64_t *out) {
    uint64_t value = 0;
    if (*string == '\0')
        return false;
    for (const char *at = string; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}
