/* sandbox_match.h - Lua's patterns (reference manual, 6.4.1) with every step counted.
 *
 * Backtracking can take time without end, and the count hook sees nothing of it, so the matcher
 * debits the call for each item it tries and each byte it looks at; it goes over its limit in the
 * middle of a match. What recurses is bounded by MS_MATCH_DEPTH.
 *
 *     sandbox_match.c     one match; find, match
 *     sandbox_replace.c   gmatch, gsub: several in one string
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_MATCH_CAPTURES 32
#define MS_MATCH_DEPTH 200

struct ms_guest;

struct ms_capture {
    const char *from;
    ptrdiff_t size; /* or MS_CAPTURE_OPEN, MS_CAPTURE_POSITION */
};
#define MS_CAPTURE_OPEN (-1)
#define MS_CAPTURE_POSITION (-2)

/* A subject and a pattern, both borrowed from strings on L's stack. */
struct ms_match {
    lua_State *L;
    struct ms_guest *guest;
    const char *subject;
    const char *end;
    const char *pattern;
    const char *pattern_end;
    int64_t steps; /* not debited yet */
    int64_t allowance;
    int depth;
    int count;
    struct ms_capture captures[MS_MATCH_CAPTURES];
};

/* Takes the strings at 1 and 2. */
void ms_match_init(struct ms_match *match, lua_State *L, int subject, int pattern);

/* Matches the pattern from `pattern` on at exactly `at`: the end of the match, or NULL. Raises for
 * a malformed pattern and when the call is over a limit. */
const char *ms_match_at(struct ms_match *match, const char *at, const char *pattern);

/* Debits what is not debited yet. To be called before returning to the script. */
void ms_match_settle(struct ms_match *match);

/* Pushes capture number `index`; without captures the first is the whole match. */
void ms_match_push(struct ms_match *match, int index, const char *at, const char *end);

/* Pushes all captures; whole: the match itself when there are none. Answers how many. */
int ms_match_push_all(struct ms_match *match, const char *at, const char *end, bool whole);

/* Where an argument says to begin: 1 is the first byte, -1 the last; may be beyond the end. */
size_t ms_match_begin(lua_State *L, int arg, size_t size);
