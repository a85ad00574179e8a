/* Random bytes as filters and as expressions: no verdict is expected, only that nothing reads or
 * writes where it must not, and that a filter which compiles can be asked.
 *
 *     unit_filter_fuzz [SEED [ROUNDS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/filter/filter.h"
#include "engine/filter/filter_regex.h"
#include "engine/snapshot.h"

static uint64_t state;

static unsigned roll(unsigned below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 32) % below;
}

static const char *const words[] = {
    "name", "labels", ".",    ",",        "==",   "!=",       "~=",   "\"",  "/",      "|",
    "\\",   "\\x",    "\\u",  "\\Uffff",  "(?i)", "(?",       "(?P<", ")",   "[",      "]",
    "[^",   "[:",     ":]",   "alpha",    "*",    "+",        "?",    "{3}", "{1000}", "{",
    "}",    "^",      "$",    "\\pL",     "\\p{", "Greek",    "\\Q",  "\\E", "-",      "\xFF",
    "\xC3", "\xA9",   "\xEF", "\xED\xA0", "\x80", "\xF4\x8F", " ",    "\n",  "a",      "(",
};

/* Some words and some bytes, in a block of exactly their size. */
static char *make(size_t *size) {
    char bytes[512];
    size_t used = 0;
    for (unsigned left = roll(24); left > 0; left--) {
        const char *word = words[roll(sizeof(words) / sizeof(words[0]))];
        size_t length = strlen(word);
        if (roll(6) == 0) {
            bytes[used++] = (char)roll(256);
        } else {
            for (size_t i = 0; i < length; i++)
                bytes[used++] = word[i];
        }
    }
    char *out = malloc(used == 0 ? 1 : used);
    if (out == NULL)
        abort();
    memcpy(out, bytes, used);
    *size = used;
    return out;
}

static bool try_filter(const char *bytes, size_t size) {
    static const struct ms_info info = {.name = "\xC3\xA9 a-1", .parent = "", .kind = 9};
    struct ms_err err = {0};
    struct ms_filter *filter = NULL;
    if (ms_filter_compile(&bytes, &size, 1, &filter, &err) < 0)
        return err.kind == MS_INVALID_ARGUMENT && err.text[0] != '\0';
    (void)ms_filter_match(filter, &info);
    ms_filter_free(filter);
    return true;
}

static bool try_regex(const char *bytes, size_t size) {
    struct ms_err err = {0};
    struct ms_regex *regex = NULL;
    if (ms_regex_compile(bytes, size, &regex, &err) < 0)
        return false;
    if (regex != NULL)
        (void)ms_regex_match(regex, "aAb\n\xC3\xA9", 6);
    ms_regex_free(regex);
    return true;
}

int main(int argc, char **argv) {
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000;
    state = seed * 0x9E3779B97F4A7C15U + 1;
    for (unsigned long round = 0; round < rounds; round++) {
        size_t size;
        char *bytes = make(&size);
        bool fine = try_filter(bytes, size) && try_regex(bytes, size);
        free(bytes);
        if (!fine) {
            printf("seed %llu, round %lu\n", (unsigned long long)seed, round);
            return 1;
        }
    }
    return 0;
}
