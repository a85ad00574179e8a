/* filter_scan.h - the tokens of a filter, exactly as containerd's scanner sees them.
 *
 * The scanner keeps two positions: pos, where the character read last starts, and ahead, where the
 * next one does. What a run of characters is depends on where it stands: after an operator it is a
 * value, elsewhere a field.
 *
 *     "labels.foo == a-b, x"   FIELD SEPARATOR FIELD OPERATOR VALUE SEPARATOR FIELD END
 *
 * White space is skipped by ms_scan() and seen by ms_scan_peek(): that is why a blank may follow a
 * comma and not stand before one.
 *
 * Source: containerd pkg/filters/scanner.go.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/filter/filter.h"

struct ms_err;

/* Characters are their code points; these are not characters. */
enum ms_token {
    MS_TOKEN_END = -1,
    MS_TOKEN_QUOTED = -2,
    MS_TOKEN_VALUE = -3,
    MS_TOKEN_FIELD = -4,
    MS_TOKEN_SEPARATOR = -5,
    MS_TOKEN_OPERATOR = -6,
    MS_TOKEN_ILLEGAL = -7,
    MS_TOKEN_OTHER = -8, /* a character that starts no token */
};

/* Zero-initialised but for the text is ready. Owns graphic: ms_scanner_clear(). */
struct ms_scanner {
    struct ms_span text;
    size_t pos;
    size_t ahead;
    bool value;          /* an operator came last */
    const char *problem; /* what was wrong first; static text */
    void *graphic;       /* PCRE2's answer to "is it graphic", made when first asked */
};

void ms_scanner_clear(struct ms_scanner *scanner);

/* Reads a token; *start is its position for messages, *text its bytes as they stand. */
enum ms_token ms_scan(struct ms_scanner *scanner, size_t *start, struct ms_span *text);

/* The next character, MS_TOKEN_END or MS_TOKEN_ILLEGAL; moves nothing. */
int32_t ms_scan_peek(struct ms_scanner *scanner);

/* Decodes the character at bytes as Go does: its size in *size (1 for a bad byte, 0 at the end),
 * U+FFFD for a bad one. */
int32_t ms_rune_decode(const char *bytes, size_t limit, size_t *size);

/* Takes the quotes off a quoted token and its escapes out. out has room for quoted.size bytes,
 * *size is how many it got. False when an escape has no meaning. */
bool ms_unquote(struct ms_span quoted, char *out, size_t *size);

/* Fills err with "filters: parse error: [before >|here|< after]: problem". */
int ms_filter_refuse(struct ms_span text, size_t at, struct ms_err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
