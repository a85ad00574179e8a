/* gmatch and gsub: several matches in one string. */
#include <ctype.h>
#include <string.h>

#include "bind/sandbox_guest.h"
#include "bind/sandbox_match.h"

/* ---- gmatch ----------------------------------------------------------------------------------*/

/* Upvalues: subject, pattern, where to go on, where the last match ended (both from the beginning;
 * -1: none). */
static int next_match(lua_State *L) {
    struct ms_match match;
    ms_match_init(&match, L, lua_upvalueindex(1), lua_upvalueindex(2));
    const char *at = match.subject + lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    for (; at <= match.end; at++) {
        const char *end = ms_match_at(&match, at, match.pattern);
        match.steps++;
        if (end != NULL && end - match.subject != last) {
            ms_match_settle(&match);
            lua_pushinteger(L, end - match.subject);
            lua_copy(L, -1, lua_upvalueindex(3));
            lua_replace(L, lua_upvalueindex(4));
            return ms_match_push_all(&match, at, end, true);
        }
    }
    ms_match_settle(&match);
    lua_pushinteger(L, match.end - match.subject + 1);
    lua_replace(L, lua_upvalueindex(3));
    return 0;
}

int ms_match_gmatch(lua_State *L) {
    size_t size = 0;
    (void)luaL_checklstring(L, 1, &size);
    (void)luaL_checkstring(L, 2);
    size_t begin = ms_match_begin(L, 3, size);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(begin > size ? size + 1 : begin));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

/* ---- gsub ------------------------------------------------------------------------------------*/

struct gsub {
    struct ms_match match;
    luaL_Buffer buffer;
    const char *text; /* of a replacement that is a string */
    size_t size;
    bool changed;
};

/* Adds a replacement that is a string, with %0 to %9 and %%. */
static void add_text(struct gsub *gsub, const char *at, const char *end) {
    struct ms_match *match = &gsub->match;
    luaL_Buffer *buffer = &gsub->buffer;
    const char *text = gsub->text;
    const char *text_end = text + gsub->size;
    match->steps += (ptrdiff_t)gsub->size / 16;
    for (;;) {
        const char *mark = memchr(text, '%', (size_t)(text_end - text));
        luaL_addlstring(buffer, text, (size_t)((mark != NULL ? mark : text_end) - text));
        if (mark == NULL)
            return;
        char what = '\0';
        if (mark + 1 < text_end)
            what = mark[1];
        if (what == '%')
            luaL_addchar(buffer, '%');
        else if (what == '0')
            luaL_addlstring(buffer, at, (size_t)(end - at));
        else if (!isdigit((unsigned char)what))
            luaL_error(match->L, "invalid use of '%%' in replacement string");
        else {
            ms_match_push(match, what - '1', at, end);
            (void)luaL_tolstring(match->L, -1, NULL); /* a position is a number */
            lua_remove(match->L, -2);
            luaL_addvalue(buffer);
        }
        match->steps += 1;
        text = mark + 2;
    }
}

/* Adds what the replacement (3) makes of a match. */
static void add_value(struct gsub *gsub, const char *at, const char *end, int type) {
    struct ms_match *match = &gsub->match;
    lua_State *L = match->L;
    ms_match_settle(match);
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        int count = ms_match_push_all(match, at, end, true);
        lua_call(L, count, 1);
    } else if (type == LUA_TTABLE) {
        ms_match_push(match, 0, at, end);
        lua_gettable(L, 3);
    } else {
        add_text(gsub, at, end);
        gsub->changed = true;
        return;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(&gsub->buffer, at, (size_t)(end - at));
        return;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(&gsub->buffer);
    gsub->changed = true;
}

static int replace_all(struct gsub *gsub, int type, lua_Integer most, bool anchored) {
    struct ms_match *match = &gsub->match;
    const char *at = match->subject;
    const char *last = NULL;
    lua_Integer count = 0;
    while (count < most) {
        const char *end = ms_match_at(match, at, match->pattern + anchored);
        match->steps++;
        if (end != NULL && end != last) {
            count++;
            add_value(gsub, at, end, type);
            at = last = end;
        } else if (at < match->end) {
            luaL_addchar(&gsub->buffer, *at);
            at++;
        } else {
            break;
        }
        if (anchored)
            break;
    }
    ms_match_settle(match);
    if (!gsub->changed) {
        lua_pushvalue(match->L, 1);
    } else {
        luaL_addlstring(&gsub->buffer, at, (size_t)(match->end - at));
        luaL_pushresult(&gsub->buffer);
    }
    lua_pushinteger(match->L, count);
    return 2;
}

int ms_match_gsub(lua_State *L) {
    struct gsub gsub = {.changed = false};
    ms_match_init(&gsub.match, L, 1, 2);
    int type = lua_type(L, 3);
    bool anchored = gsub.match.pattern < gsub.match.pattern_end && *gsub.match.pattern == '^';
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_Integer most = luaL_optinteger(L, 4, gsub.match.end - gsub.match.subject + 1);
    if (type == LUA_TNUMBER || type == LUA_TSTRING)
        gsub.text = lua_tolstring(L, 3, &gsub.size);
    luaL_buffinit(L, &gsub.buffer);
    return replace_all(&gsub, type, most, anchored);
}
