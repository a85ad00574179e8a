/* Reads RE2 expressions as Go's regexp/syntax/parse.go does, and writes them anew for PCRE2. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/filter/filter_regex.h"

enum {
    DEPTH_MAX = 250,   /* groups within groups; PCRE2 takes no more either */
    REPEAT_MAX = 1000, /* one count, and the product of counts within counts */
};

/* A group that is open; level 0 is the whole expression. */
struct level {
    size_t start; /* of the group in the pattern */
    int weight;   /* largest product of counts in it */
    bool fold;    /* the flags before it */
    bool multi;
    bool dotall;
};

/* What a repeat at this place would repeat: the pattern's bytes [start, end). */
struct atom {
    bool there;
    bool bare; /* takes a repeat as it stands; else it needs a group around it */
    size_t start;
    size_t end;
    int weight;
};

struct reader {
    struct ms_re2 re;
    bool multi;     /* (?m) is on */
    bool dotall;    /* (?s) is on */
    bool repeating; /* this step is a repeat ... */
    bool repeated;  /* ... and so was the one before: refused */
    struct atom atom;
    struct level levels[DEPTH_MAX + 1];
    size_t depth;
};

static bool is_digit(unsigned char byte) { return byte >= '0' && byte <= '9'; }

static bool is_word(unsigned char byte) {
    return is_digit(byte) || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           byte == '_';
}

/* ---- atoms -----------------------------------------------------------------------------------*/

static void weigh(struct reader *reader) {
    struct level *level = &reader->levels[reader->depth];
    if (reader->atom.there && reader->atom.weight > level->weight)
        level->weight = reader->atom.weight;
}

/* Everything from start on is the new atom. */
static void put_atom(struct reader *reader, size_t start, bool bare, int weight) {
    weigh(reader);
    reader->atom = (struct atom){true, bare, start, reader->re.out->size, weight};
}

static bool put(struct reader *reader, const char *pattern, bool bare) {
    size_t start = reader->re.out->size;
    ms_text_puts(reader->re.out, pattern);
    put_atom(reader, start, bare, 1);
    return true;
}

static bool put_rune(struct reader *reader, unsigned rune) {
    size_t start = reader->re.out->size;
    ms_re2_literal(&reader->re, rune);
    put_atom(reader, start, true, 1);
    return true;
}

static void insert(struct ms_text *out, size_t at, const char *string) {
    size_t size = strlen(string);
    ms_text_puts(out, string);
    if (out->failed)
        return;
    memmove(out->bytes + at + size, out->bytes + at, out->size - size - at);
    memcpy(out->bytes + at, string, size);
}

/* ---- repeats ---------------------------------------------------------------------------------*/

/* The repeat that takes nothing. PCRE2 still looks into what it repeats to see whether a match must
 * start at an anchor, and is wrong about `(a|^){0}K`: an empty alternative keeps it from that. */
#define NEVER "{0,0}"

/* Puts a repeat behind the atom. Flags may stand between the two: (?i) in `a(?i)*`. */
static bool repeat(struct reader *reader, const char *suffix, int weight) {
    struct atom *atom = &reader->atom;
    struct ms_re2 *re = &reader->re;
    if (!atom->there || reader->repeated)
        return false;
    re->at += ms_re2_ahead(re, 0) == '?';
    if (!atom->bare || strcmp(suffix, NEVER) == 0) {
        const char *closing = strcmp(suffix, NEVER) == 0 ? "|)" : ")";
        insert(re->out, atom->end, closing);
        insert(re->out, atom->start, "(?:");
        atom->end += strlen("(?:") + strlen(closing);
    }
    insert(re->out, atom->end, suffix);
    atom->end += strlen(suffix);
    atom->bare = false;
    atom->weight = weight;
    reader->repeating = true;
    return true;
}

/* Reads a number without leading zeros; one that is too big reads as REPEAT_MAX + 1. */
static bool read_count(const struct ms_re2 *re, size_t *offset, int *out) {
    if (!is_digit(ms_re2_ahead(re, *offset)) ||
        (ms_re2_ahead(re, *offset) == '0' && is_digit(ms_re2_ahead(re, *offset + 1))))
        return false;
    int value = 0;
    for (; is_digit(ms_re2_ahead(re, *offset)); (*offset)++) {
        value = value * 10 + ms_re2_ahead(re, *offset) - '0';
        value = value > REPEAT_MAX ? REPEAT_MAX + 1 : value;
    }
    *out = value;
    return true;
}

/* Reads {min}, {min,} (*max is -1) or {min,max}; false, and nothing read, for anything else. */
static bool read_counts(struct ms_re2 *re, int *min, int *max) {
    size_t offset = 1;
    if (!read_count(re, &offset, min))
        return false;
    *max = *min;
    if (ms_re2_ahead(re, offset) == ',') {
        offset++;
        *max = -1;
        if (ms_re2_ahead(re, offset) != '}' && !read_count(re, &offset, max))
            return false;
    }
    if (ms_re2_ahead(re, offset) != '}')
        return false;
    re->at += offset + 1;
    return true;
}

static bool repeat_counted(struct reader *reader) {
    int min;
    int max;
    if (!read_counts(&reader->re, &min, &max)) {
        reader->re.at++;
        return put_rune(reader, '{');
    }
    if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && min > max))
        return false;
    int factor = max < 0 ? min : max;
    int weight = reader->atom.weight * (factor > 1 ? factor : 1);
    if (max == 0)
        weight = 1;
    if (weight > REPEAT_MAX)
        return false;
    char suffix[32];
    if (max < 0)
        (void)snprintf(suffix, sizeof(suffix), "{%d,}", min);
    else
        (void)snprintf(suffix, sizeof(suffix), "{%d,%d}", min, max);
    return repeat(reader, suffix, weight);
}

static bool repeat_simple(struct reader *reader) {
    const char suffix[2] = {reader->re.bytes[reader->re.at++], '\0'};
    return repeat(reader, suffix, reader->atom.weight);
}

/* ---- groups ----------------------------------------------------------------------------------*/

static bool open_group(struct reader *reader) {
    if (reader->depth == DEPTH_MAX)
        return false;
    weigh(reader);
    reader->levels[++reader->depth] = (struct level){
        .start = reader->re.out->size,
        .weight = 1,
        .fold = reader->re.fold,
        .multi = reader->multi,
        .dotall = reader->dotall,
    };
    reader->atom = (struct atom){0};
    ms_text_puts(reader->re.out, "(?:");
    return true;
}

static bool close_group(struct reader *reader) {
    if (reader->depth == 0)
        return false;
    weigh(reader);
    const struct level *level = &reader->levels[reader->depth--];
    reader->re.fold = level->fold;
    reader->multi = level->multi;
    reader->dotall = level->dotall;
    ms_text_puts(reader->re.out, ")");
    reader->atom = (struct atom){0};
    put_atom(reader, level->start, true, level->weight);
    reader->re.at++;
    return true;
}

static bool bar(struct reader *reader) {
    weigh(reader);
    reader->atom = (struct atom){0};
    ms_text_puts(reader->re.out, "|");
    reader->re.at++;
    return true;
}

/* Reads the rest of (?P<name> or (?<name>; re.at is behind the "<". */
static bool named_group(struct reader *reader) {
    struct ms_re2 *re = &reader->re;
    size_t start = re->at;
    while (is_word(ms_re2_ahead(re, 0)))
        re->at++;
    if (re->at == start || ms_re2_ahead(re, 0) != '>')
        return false;
    re->at++;
    return open_group(reader);
}

static bool set_flag(struct reader *reader, unsigned letter, bool on) {
    switch (letter) {
    case 'i':
        reader->re.fold = on;
        return true;
    case 'm':
        reader->multi = on;
        return true;
    case 's':
        reader->dotall = on;
        return true;
    case 'U': /* turns greed around, which no verdict depends on */
        return true;
    default:
        return false;
    }
}

/* Reads "flags)" or "flags:"; re.at is behind the "(?". The group opens before its flags change, so
 * that closing it brings the old ones back. */
static bool flags(struct reader *reader) {
    struct ms_re2 *re = &reader->re;
    size_t end = re->at;
    while (end < re->size && re->bytes[end] != ')' && re->bytes[end] != ':')
        end++;
    if (end == re->size || (re->bytes[end] == ':' && !open_group(reader)))
        return false;
    bool before = re->fold;
    bool on = true;
    bool seen = true;
    for (; re->at < end; re->at++) {
        unsigned letter = ms_re2_ahead(re, 0);
        if (letter == '-' && on) {
            on = false;
            seen = false;
        } else if (set_flag(reader, letter, on)) {
            seen = true;
        } else {
            return false;
        }
    }
    re->at++;
    if (re->fold != before)
        ms_text_puts(re->out, re->fold ? "(?i)" : "(?-i)");
    return seen;
}

static bool group(struct reader *reader) {
    struct ms_re2 *re = &reader->re;
    re->at++;
    if (ms_re2_ahead(re, 0) != '?')
        return open_group(reader);
    re->at++;
    bool python = ms_re2_ahead(re, 0) == 'P';
    if (ms_re2_ahead(re, python) == '<') {
        re->at += 1U + python;
        return named_group(reader);
    }
    return flags(reader);
}

/* ---- the rest --------------------------------------------------------------------------------*/

/* Reads \Q...\E: literals up to \E or the end. */
static void quoted(struct reader *reader) {
    struct ms_re2 *re = &reader->re;
    unsigned rune;
    re->at += 2;
    while (re->at < re->size && !(ms_re2_ahead(re, 0) == '\\' && ms_re2_ahead(re, 1) == 'E'))
        if (ms_re2_rune(re, &rune))
            put_rune(reader, rune);
    re->at = re->at < re->size ? re->at + 2 : re->size;
}

static bool backslash(struct reader *reader) {
    struct ms_re2 *re = &reader->re;
    size_t start = re->out->size;
    unsigned rune;
    switch (ms_re2_ahead(re, 1)) {
    case 'A':
        re->at += 2;
        return put(reader, "\\A", false);
    case 'b':
        re->at += 2;
        return put(reader, "\\b", false);
    case 'B':
        re->at += 2;
        return put(reader, "\\B", false);
    case 'z':
        re->at += 2;
        return put(reader, "\\z", false);
    case 'Q':
        quoted(reader);
        return true;
    default:
        if (!ms_re2_at_group(re))
            return ms_re2_escape(re, &rune) && put_rune(reader, rune);
        ms_text_puts(re->out, "[");
        if (!ms_re2_group(re))
            return false;
        ms_text_puts(re->out, "]");
        put_atom(reader, start, true, 1);
        return true;
    }
}

static bool step(struct reader *reader) {
    struct ms_re2 *re = &reader->re;
    size_t start = re->out->size;
    unsigned rune;
    switch (ms_re2_ahead(re, 0)) {
    case '(':
        return group(reader);
    case '|':
        return bar(reader);
    case ')':
        return close_group(reader);
    case '^':
        re->at++;
        return put(reader, reader->multi ? "^" : "\\A", false);
    case '$':
        re->at++;
        return put(reader, reader->multi ? "$" : "\\z", false);
    case '.':
        re->at++;
        return put(reader, reader->dotall ? "." : "[^\\n]", true);
    case '[':
        if (!ms_re2_class(re))
            return false;
        put_atom(reader, start, true, 1);
        return true;
    case '*':
    case '+':
    case '?':
        return repeat_simple(reader);
    case '{':
        return repeat_counted(reader);
    case '\\':
        return backslash(reader);
    default:
        return ms_re2_rune(re, &rune) && put_rune(reader, rune);
    }
}

bool ms_re2_translate(const char *bytes, size_t size, struct ms_text *out) {
    if (!ms_utf8_valid(bytes, size))
        return false;
    struct reader reader = {.re = {.bytes = bytes, .size = size, .out = out}};
    reader.levels[0].weight = 1;
    while (reader.re.at < size) {
        reader.repeating = false;
        if (!step(&reader) || out->failed)
            return false;
        reader.repeated = reader.repeating;
    }
    return reader.depth == 0;
}
