/* text.h - byte strings that grow, and what may be said of bytes.
 *
 * A struct ms_text owns its bytes, which are always followed by a NUL that size does not count.
 * Zero-initialised is empty. An append that finds no memory sets failed and leaves the text as it
 * was; so a long run of appends needs one look at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_err;

struct ms_text {
    char *bytes; /* NULL while empty and never grown */
    size_t size;
    size_t room;
    bool failed; /* an append found no memory */
};

/* Frees the bytes; the text is empty again. Safe on a zeroed or cleared one. */
void ms_text_clear(struct ms_text *text);
#define ms_auto_text __attribute__((cleanup(ms_text_clear)))

/* Makes room for size bytes in all, where that is known before. */
void ms_text_reserve(struct ms_text *text, size_t size);

void ms_text_append(struct ms_text *text, const void *bytes, size_t size);
void ms_text_puts(struct ms_text *text, const char *string);
void ms_text_printf(struct ms_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The decimal digits of a number that is not negative; many times faster than printf. */
void ms_text_number(struct ms_text *text, unsigned long long number);

/* Hands the bytes to the caller (free() them); "" is a heap string too. NULL when failed. */
char *ms_text_take(struct ms_text *text);

/* Fails with resource_exhausted when an append had no memory. */
int ms_text_check(const struct ms_text *text, struct ms_err *err);

/* True for well-formed UTF-8 as RFC 3629 has it: no surrogates, no over-long forms. */
bool ms_utf8_valid(const void *bytes, size_t size);

/* Reads the whole string as a decimal number without sign; false when it is anything else. */
bool ms_parse_u64(const char *string, uint64_t *out);
