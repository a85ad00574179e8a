#include "bind/sandbox_match.h"

#include <ctype.h>
#include <string.h>

#include "bind/sandbox_guest.h"

#define ALLOWANCE 1000 /* steps between two debits, at most */

static const char *match_rest(struct ms_match *match, const char *at, const char *item);

/* ---- steps -----------------------------------------------------------------------------------*/

static void allow(struct ms_match *match) {
    const struct ms_guest_call *call = match->guest->call;
    int64_t left = call->budget.instructions - call->instructions;
    match->allowance = left < ALLOWANCE ? left : ALLOWANCE;
}

void ms_match_settle(struct ms_match *match) {
    int64_t steps = match->steps;
    match->steps = 0;
    ms_guest_spend(match->L, match->guest, steps);
    allow(match);
}

static void step(struct ms_match *match, ptrdiff_t steps) {
    match->steps += steps;
    if (match->steps >= match->allowance)
        ms_match_settle(match);
}

void ms_match_init(struct ms_match *match, lua_State *L, int subject, int pattern) {
    size_t size = 0;
    match->L = L;
    match->guest = ms_guest_of(L);
    match->subject = luaL_checklstring(L, subject, &size);
    match->end = match->subject + size;
    match->pattern = luaL_checklstring(L, pattern, &size);
    match->pattern_end = match->pattern + size;
    match->steps = 0;
    match->depth = match->count = 0;
    allow(match);
}

/* ---- single characters -----------------------------------------------------------------------*/

static bool in_class(int c, int class) {
    static const struct {
        char name;
        int (*test)(int);
    } classes[] = {{'a', isalpha}, {'c', iscntrl}, {'d', isdigit}, {'g', isgraph}, {'l', islower},
                   {'p', ispunct}, {'s', isspace}, {'u', isupper}, {'w', isalnum}, {'x', isxdigit}};
    int name = class | ' '; /* a capital letter is the small one's complement */
    bool wanted = (class & ' ') != 0;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (classes[i].name == name)
            return (classes[i].test(c) != 0) == wanted;
    return name == 'z' ? (c == 0) == wanted : class == c; /* %z: old, and still Lua's */
}

/* Whether c is in the set whose '[' is at set and whose ']' is at last. */
static bool in_set(int c, const char *set, const char *last) {
    bool wanted = set[1] != '^';
    const char *at = set + (wanted ? 1 : 2);
    while (at < last) {
        if (*at == '%') {
            if (in_class(c, (unsigned char)at[1]))
                return wanted;
            at += 2;
        } else if (at[1] == '-' && at + 2 < last) {
            if ((unsigned char)at[0] <= c && c <= (unsigned char)at[2])
                return wanted;
            at += 3;
        } else {
            if ((unsigned char)*at == c)
                return wanted;
            at++;
        }
    }
    return !wanted;
}

/* The end of the item (without what follows it: * + - ?) that begins at item. */
static const char *item_end(struct ms_match *match, const char *item) {
    const char *at = item + 1;
    if (*item == '%') {
        if (at == match->pattern_end)
            luaL_error(match->L, "malformed pattern (ends with '%%')");
        return at + 1;
    }
    if (*item != '[')
        return at;
    if (at < match->pattern_end && *at == '^')
        at++;
    do { /* a ']' right at the beginning is a member */
        if (at >= match->pattern_end)
            luaL_error(match->L, "malformed pattern (missing ']')");
        at += *at == '%' ? 2 : 1;
    } while (at >= match->pattern_end || *at != ']');
    step(match, at - item);
    return at + 1;
}

/* Whether the item matches the one character at. */
static bool is_single(struct ms_match *match, const char *at, const char *item, const char *end) {
    if (at >= match->end)
        return false;
    step(match, 1 + (end - item) / 8);
    int c = (unsigned char)*at;
    switch (*item) {
    case '.':
        return true;
    case '%':
        return in_class(c, (unsigned char)item[1]);
    case '[':
        return in_set(c, item, end - 1);
    default:
        return (unsigned char)*item == c;
    }
}

/* ---- repetitions -----------------------------------------------------------------------------*/

static const char *longest_first(struct ms_match *match, const char *at, const char *item,
                                 const char *end) {
    ptrdiff_t count = 0;
    while (is_single(match, at + count, item, end))
        count++;
    for (; count >= 0; count--) {
        const char *found = match_rest(match, at + count, end + 1);
        if (found != NULL)
            return found;
    }
    return NULL;
}

static const char *shortest_first(struct ms_match *match, const char *at, const char *item,
                                  const char *end) {
    for (;; at++) {
        const char *found = match_rest(match, at, end + 1);
        if (found != NULL)
            return found;
        if (!is_single(match, at, item, end))
            return NULL;
    }
}

/* ---- captures and %b %f %1 -------------------------------------------------------------------*/

static const char *open_capture(struct ms_match *match, const char *at, const char *item) {
    bool position = item + 1 < match->pattern_end && item[1] == ')';
    if (match->count == MS_MATCH_CAPTURES)
        luaL_error(match->L, "too many captures");
    struct ms_capture *capture = &match->captures[match->count++];
    capture->from = at;
    capture->size = position ? MS_CAPTURE_POSITION : MS_CAPTURE_OPEN;
    const char *found = match_rest(match, at, item + (position ? 2 : 1));
    if (found == NULL)
        match->count--;
    return found;
}

static const char *close_capture(struct ms_match *match, const char *at, const char *item) {
    int index = match->count - 1;
    while (index >= 0 && match->captures[index].size != MS_CAPTURE_OPEN)
        index--;
    if (index < 0) {
        luaL_error(match->L, "invalid pattern capture");
        return NULL;
    }
    struct ms_capture *capture = &match->captures[index];
    capture->size = at - capture->from;
    const char *found = match_rest(match, at, item + 1);
    if (found == NULL)
        capture->size = MS_CAPTURE_OPEN;
    return found;
}

/* %b: from an opening to its closing character. */
static const char *balanced(struct ms_match *match, const char *at, const char *item) {
    int deep = 0;
    if (item + 3 >= match->pattern_end)
        luaL_error(match->L, "malformed pattern (missing arguments to '%%b')");
    if (at >= match->end || *at != item[2])
        return NULL;
    for (; at < match->end; at++) {
        step(match, 1);
        if (*at == item[3] && deep > 0) { /* the two may be the same character */
            if (--deep == 0)
                return at + 1;
        } else if (*at == item[2]) {
            deep++;
        }
    }
    return NULL;
}

/* %f: between a character outside of the set and one inside; *item moves past it. */
static const char *frontier(struct ms_match *match, const char *at, const char **item) {
    const char *set = *item + 2;
    if (set >= match->pattern_end || *set != '[')
        luaL_error(match->L, "missing '[' after '%%f' in pattern");
    const char *end = item_end(match, set);
    int before = at == match->subject ? 0 : (unsigned char)at[-1];
    int after = at == match->end ? 0 : (unsigned char)*at;
    step(match, end - set);
    *item = end;
    return !in_set(before, set, end - 1) && in_set(after, set, end - 1) ? at : NULL;
}

/* %1: once more what a capture holds. */
static const char *again(struct ms_match *match, const char *at, const char *item) {
    int index = item[1] - '1';
    if (index < 0 || index >= match->count || match->captures[index].size == MS_CAPTURE_OPEN) {
        luaL_error(match->L, "invalid capture index %%%d", index + 1);
        return NULL;
    }
    const struct ms_capture *capture = &match->captures[index];
    if (capture->size == MS_CAPTURE_POSITION)
        return NULL;
    step(match, capture->size / 16 + 1);
    bool same =
        match->end - at >= capture->size && memcmp(at, capture->from, (size_t)capture->size) == 0;
    return same ? at + capture->size : NULL;
}

/* ---- a match ---------------------------------------------------------------------------------*/

/* One single-character item with what repeats it. True: go on at *at with *item; else *at is the
 * answer. */
static bool match_item(struct ms_match *match, const char **at, const char **item) {
    const char *end = item_end(match, *item);
    char repeat = '\0';
    if (end < match->pattern_end)
        repeat = *end;
    if (repeat == '*' || repeat == '-') {
        *at = repeat == '*' ? longest_first(match, *at, *item, end)
                            : shortest_first(match, *at, *item, end);
        return false;
    }
    bool single = is_single(match, *at, *item, end);
    if (repeat == '+') {
        *at = single ? longest_first(match, *at + 1, *item, end) : NULL;
        return false;
    }
    if (repeat == '?') {
        const char *found = single ? match_rest(match, *at + 1, end + 1) : NULL;
        *item = end + 1;
        *at = found != NULL ? found : *at;
        return found == NULL;
    }
    *item = end;
    *at = single ? *at + 1 : NULL;
    return single;
}

/* The same for items that begin with '%' and are no class. True when it is one. */
static bool match_special(struct ms_match *match, const char **at, const char **item) {
    char what = '\0';
    if (*item + 1 < match->pattern_end)
        what = (*item)[1];
    if (what == 'b') {
        *at = balanced(match, *at, *item);
        *item += 4;
    } else if (what == 'f') {
        *at = frontier(match, *at, item);
    } else if (isdigit((unsigned char)what)) {
        *at = again(match, *at, *item);
        *item += 2;
    } else {
        return false;
    }
    return true;
}

static const char *match_rest(struct ms_match *match, const char *at, const char *item) {
    bool more = true;
    if (++match->depth > MS_MATCH_DEPTH)
        luaL_error(match->L, "pattern too complex");
    while (more && at != NULL && item < match->pattern_end) {
        step(match, 1);
        more = false;
        if (*item == '(')
            at = open_capture(match, at, item);
        else if (*item == ')')
            at = close_capture(match, at, item);
        else if (*item == '$' && item + 1 == match->pattern_end)
            at = at == match->end ? at : NULL;
        else if (*item == '%' && match_special(match, &at, &item))
            more = true;
        else
            more = match_item(match, &at, &item);
    }
    match->depth--;
    return at;
}

const char *ms_match_at(struct ms_match *match, const char *at, const char *pattern) {
    match->depth = match->count = 0;
    return match_rest(match, at, pattern);
}

/* ---- what it found ---------------------------------------------------------------------------*/

void ms_match_push(struct ms_match *match, int index, const char *at, const char *end) {
    if (index >= match->count) {
        if (index != 0)
            luaL_error(match->L, "invalid capture index %%%d", index + 1);
        lua_pushlstring(match->L, at, (size_t)(end - at));
        return;
    }
    const struct ms_capture *capture = &match->captures[index];
    if (capture->size == MS_CAPTURE_OPEN)
        luaL_error(match->L, "unfinished capture");
    else if (capture->size == MS_CAPTURE_POSITION)
        lua_pushinteger(match->L, capture->from - match->subject + 1);
    else
        lua_pushlstring(match->L, capture->from, (size_t)capture->size);
}

int ms_match_push_all(struct ms_match *match, const char *at, const char *end, bool whole) {
    int count = match->count == 0 && whole ? 1 : match->count;
    luaL_checkstack(match->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        ms_match_push(match, i, at, end);
    return count;
}

size_t ms_match_begin(lua_State *L, int arg, size_t size) {
    lua_Integer begin = luaL_optinteger(L, arg, 1);
    if (begin > 0)
        return (size_t)begin - 1;
    if (begin == 0 || begin < -(lua_Integer)size)
        return 0;
    return size - (size_t)-begin;
}

static bool has_specials(const struct ms_match *match) {
    for (const char *at = match->pattern; at < match->pattern_end; at++)
        if (*at != '\0' && strchr("^$*+?.([%-", *at) != NULL)
            return true;
    return false;
}

/* find without a pattern. memmem is linear; what it read is debited afterwards. */
static int find_plain(struct ms_match *match, const char *at) {
    lua_State *L = match->L;
    size_t size = (size_t)(match->pattern_end - match->pattern);
    const char *found = memmem(at, (size_t)(match->end - at), match->pattern, size);
    const char *read = found != NULL ? found : match->end;
    match->steps += (read - at) / 16 + (ptrdiff_t)size / 16;
    ms_match_settle(match);
    if (found == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - match->subject + 1);
    lua_pushinteger(L, found - match->subject + (lua_Integer)size);
    return 2;
}

static int answer(struct ms_match *match, const char *at, const char *end, bool find) {
    lua_State *L = match->L;
    ms_match_settle(match);
    if (!find)
        return ms_match_push_all(match, at, end, true);
    lua_pushinteger(L, at - match->subject + 1);
    lua_pushinteger(L, end - match->subject);
    return 2 + ms_match_push_all(match, at, end, false);
}

static int search(lua_State *L, bool find) {
    struct ms_match match;
    ms_match_init(&match, L, 1, 2);
    size_t begin = ms_match_begin(L, 3, (size_t)(match.end - match.subject));
    if (begin > (size_t)(match.end - match.subject)) {
        lua_pushnil(L);
        return 1;
    }
    const char *at = match.subject + begin;
    match.steps += (match.pattern_end - match.pattern) / 16;
    if (find && (lua_toboolean(L, 4) || !has_specials(&match)))
        return find_plain(&match, at);
    bool anchored = match.pattern < match.pattern_end && *match.pattern == '^';
    do {
        const char *end = ms_match_at(&match, at, match.pattern + anchored);
        if (end != NULL)
            return answer(&match, at, end, find);
        at++;
        step(&match, 1);
    } while (at <= match.end && !anchored);
    ms_match_settle(&match);
    lua_pushnil(L);
    return 1;
}

int ms_match_find(lua_State *L) { return search(L, true); }
int ms_match_match(lua_State *L) { return search(L, false); }
