/* filter_regex.h - RE2 expressions, run by PCRE2.
 *
 * Clients write what Go's regexp package takes. An expression is first read by Go's own rules
 * (filter_re2.c, filter_class.c, filter_rune.c) and written anew as a PCRE2 pattern that means the
 * same; what Go refuses (look-around, back references, possessive and nested repeats, \Z, counts
 * over 1,000) is refused here. Only the verdict counts, so groups are written without captures and
 * lazy repeats as greedy ones.
 *
 * Differences that stay:
 *
 *     steps      RE2 is linear; here a search that takes over MS_REGEX_STEPS steps begins again as
 *                a set of states, and a text over MS_REGEX_STATES_SIZE bytes then matches nothing
 *     size       over 64 KiB compiled, or more than 250 groups deep: not an expression
 *     case       (?i)\p{Lu}, \p{Ll} and \p{Lt} match every letter that has a case
 *     groups     (?<name>...) is taken as newer Go takes it
 *     text       a field that is not UTF-8 matches nothing
 *
 * Source: Go's regexp/syntax package documentation; pcre2pattern(3).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ms_err;
struct ms_text;

#define MS_REGEX_STEPS 200000     /* backtracking points: some milliseconds */
#define MS_REGEX_HEAP_KIB 32768   /* and the memory for them */
#define MS_REGEX_STATES_SIZE 4096 /* as large as labels are */
#define MS_REGEX_WORKSPACE 2000   /* PCRE2's unit: some 300 states side by side */

struct ms_regex;

/* Compiles an expression. *out is NULL when it is not one: it then matches nothing.
 * Fails: resource_exhausted. */
int ms_regex_compile(const char *bytes, size_t size, struct ms_regex **out, struct ms_err *err);
void ms_regex_free(struct ms_regex *regex);

/* Says whether the expression is found anywhere in bytes. */
bool ms_regex_match(const struct ms_regex *regex, const char *bytes, size_t size);

/* ---- inside ----------------------------------------------------------------------------------*/

/* An expression while it is read: valid UTF-8, at is the next byte. */
struct ms_re2 {
    const char *bytes;
    size_t size;
    size_t at;
    bool fold;           /* (?i) is on */
    struct ms_text *out; /* the PCRE2 pattern */
};

/* Writes the PCRE2 pattern of an RE2 expression; false when it is none. For the options DOTALL,
 * MULTILINE, ALT_CIRCUMFLEX and newline LF. The caller looks at out->failed. */
bool ms_re2_translate(const char *bytes, size_t size, struct ms_text *out);

/* The byte that is offset bytes on, or 0 behind the end. */
unsigned char ms_re2_ahead(const struct ms_re2 *re, size_t offset);

/* Reads one character at re->at; false at the end. */
bool ms_re2_rune(struct ms_re2 *re, unsigned *out);

/* Reads an escape that stands for one character; re->at is at the backslash. */
bool ms_re2_escape(struct ms_re2 *re, unsigned *out);

/* Writes one character so that it stands for itself in and out of a class. */
void ms_re2_literal(struct ms_re2 *re, unsigned rune);

/* Reads "[...]"; re->at is at the bracket. */
bool ms_re2_class(struct ms_re2 *re);

/* Says whether one of \d \D \s \S \w \W \p \P stands at re->at. */
bool ms_re2_at_group(const struct ms_re2 *re);

/* Reads one of these, and writes it as items of a class. */
bool ms_re2_group(struct ms_re2 *re);
