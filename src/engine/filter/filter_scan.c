#include "engine/filter/filter_scan.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define RUNE_ERROR 0xFFFD

void ms_scanner_clear(struct ms_scanner *scanner) {
    pcre2_code_free(scanner->graphic);
    *scanner = (struct ms_scanner){0};
}

/* ---- characters ------------------------------------------------------------------------------*/

int32_t ms_rune_decode(const char *bytes, size_t limit, size_t *size) {
    const unsigned char *from = (const unsigned char *)bytes;
    *size = limit == 0 ? 0 : 1;
    if (limit == 0)
        return RUNE_ERROR;
    if (from[0] < 0x80)
        return from[0];
    size_t need = from[0] < 0xC2 ? 0 : from[0] < 0xE0 ? 2 : from[0] < 0xF0 ? 3 : 4;
    if (need == 0 || from[0] > 0xF4 || need > limit)
        return RUNE_ERROR;
    int32_t rune = from[0] & (0x7F >> need);
    for (size_t i = 1; i < need; i++) {
        if ((from[i] & 0xC0) != 0x80)
            return RUNE_ERROR;
        rune = rune << 6 | (from[i] & 0x3F);
    }
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (rune < least[need] || rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF))
        return RUNE_ERROR;
    *size = need;
    return rune;
}

static bool is_field(int32_t rune) {
    return rune == '_' || (rune >= 'A' && rune <= 'Z') || (rune >= 'a' && rune <= 'z') ||
           (rune >= '0' && rune <= '9');
}

static bool is_operator(int32_t rune) { return rune == '=' || rune == '!' || rune == '~'; }

static bool is_quote(int32_t rune) { return rune == '/' || rune == '|' || rune == '"'; }

static bool is_separator(int32_t rune) { return rune == ',' || rune == '.'; }

/* Unicode's White_Space. */
static bool is_space(int32_t rune) {
    return (rune >= '\t' && rune <= '\r') || rune == ' ' || rune == 0x85 || rune == 0xA0 ||
           rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200A) || rune == 0x2028 ||
           rune == 0x2029 || rune == 0x202F || rune == 0x205F || rune == 0x3000;
}

/* Letters, marks, numbers, punctuation and symbols; PCRE2 has the tables. The character is the one
 * at scanner->ahead. */
static bool is_graphic(struct ms_scanner *scanner) {
    if (scanner->graphic == NULL) {
        int code = 0;
        PCRE2_SIZE where = 0;
        scanner->graphic = pcre2_compile((PCRE2_SPTR) "[\\pL\\pM\\pN\\pP\\pS]",
                                         PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &where, NULL);
    }
    if (scanner->graphic == NULL) {
        scanner->problem = "out of memory";
        return false;
    }
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    const char *bytes = scanner->text.bytes + scanner->ahead;
    size_t size;
    (void)ms_rune_decode(bytes, scanner->text.size - scanner->ahead, &size);
    bool graphic = found != NULL && pcre2_match(scanner->graphic, (PCRE2_SPTR)bytes, size, 0,
                                                PCRE2_ANCHORED, found, NULL) > 0;
    pcre2_match_data_free(found);
    return graphic;
}

static bool is_value(struct ms_scanner *scanner, int32_t rune) {
    if (rune < 0 || rune == ',' || is_space(rune))
        return false;
    return rune < 0x80 ? rune > 0x20 && rune < 0x7F : is_graphic(scanner);
}

/* ---- one character on ------------------------------------------------------------------------*/

static void complain(struct ms_scanner *scanner, const char *problem) {
    if (scanner->problem == NULL)
        scanner->problem = problem;
}

static int32_t next(struct ms_scanner *scanner) {
    if (scanner->pos >= scanner->text.size)
        return MS_TOKEN_END;
    scanner->pos = scanner->ahead;
    size_t size;
    int32_t rune = ms_rune_decode(scanner->text.bytes + scanner->ahead,
                                  scanner->text.size - scanner->ahead, &size);
    scanner->ahead += size;
    if (size == 0)
        return MS_TOKEN_END;
    if (rune == RUNE_ERROR || rune == 0) {
        complain(scanner, rune == 0 ? "unexpected null" : "rune error");
        return MS_TOKEN_ILLEGAL;
    }
    return rune;
}

int32_t ms_scan_peek(struct ms_scanner *scanner) {
    size_t pos = scanner->pos;
    size_t ahead = scanner->ahead;
    int32_t rune = next(scanner);
    scanner->pos = pos;
    scanner->ahead = ahead;
    return rune;
}

/* ---- tokens ----------------------------------------------------------------------------------*/

static int digit_value(int32_t rune) {
    if (rune >= '0' && rune <= '9')
        return rune - '0';
    if (rune >= 'a' && rune <= 'f')
        return rune - 'a' + 10;
    if (rune >= 'A' && rune <= 'F')
        return rune - 'A' + 10;
    return 16;
}

/* Reads count digits, the first of which is rune; returns the character after them. */
static int32_t scan_digits(struct ms_scanner *scanner, int32_t rune, int base, int count,
                           bool *legal) {
    while (count > 0 && digit_value(rune) < base) {
        rune = next(scanner);
        count--;
    }
    *legal = count == 0;
    if (count > 0)
        complain(scanner, "illegal numeric escape sequence");
    return rune;
}

/* Reads what follows a backslash; returns the character after the escape. */
static int32_t scan_escape(struct ms_scanner *scanner, int32_t quote, bool *legal) {
    int32_t rune = next(scanner);
    if (rune == quote || (rune > 0 && rune < 0x80 && strchr("abfnrtv\\", rune) != NULL)) {
        *legal = true;
        return next(scanner);
    }
    if (rune >= '0' && rune <= '7')
        return scan_digits(scanner, rune, 8, 3, legal);
    if (rune == 'x')
        return scan_digits(scanner, next(scanner), 16, 2, legal);
    if (rune == 'u')
        return scan_digits(scanner, next(scanner), 16, 4, legal);
    if (rune == 'U')
        return scan_digits(scanner, next(scanner), 16, 8, legal);
    complain(scanner, "illegal escape sequence");
    *legal = false;
    return rune;
}

static bool scan_quoted(struct ms_scanner *scanner, int32_t quote) {
    bool sound = true;
    int32_t rune = next(scanner);
    while (rune != quote) {
        bool legal = true;
        if (rune == '\n' || rune < 0) {
            complain(scanner, "quoted literal not terminated");
            return false;
        }
        rune = rune == '\\' ? scan_escape(scanner, quote, &legal) : next(scanner);
        sound = sound && legal;
    }
    return sound;
}

static enum ms_token scan_run(struct ms_scanner *scanner, enum ms_token token) {
    for (;;) {
        int32_t rune = ms_scan_peek(scanner);
        bool more = token == MS_TOKEN_OPERATOR ? is_operator(rune)
                    : token == MS_TOKEN_VALUE  ? is_value(scanner, rune)
                                               : is_field(rune);
        if (!more)
            return token;
        (void)next(scanner);
    }
}

/* Reads the rest of the token that begins with rune, which is no white space. */
static enum ms_token scan_rest(struct ms_scanner *scanner, int32_t rune) {
    if (rune < 0)
        return (enum ms_token)rune;
    if (is_quote(rune))
        return scan_quoted(scanner, rune) ? MS_TOKEN_QUOTED : MS_TOKEN_ILLEGAL;
    if (is_separator(rune)) {
        scanner->value = false;
        return MS_TOKEN_SEPARATOR;
    }
    if (is_operator(rune)) {
        scanner->value = true;
        return scan_run(scanner, MS_TOKEN_OPERATOR);
    }
    if (scanner->value) {
        scanner->value = false;
        return scan_run(scanner, MS_TOKEN_VALUE);
    }
    return is_field(rune) ? scan_run(scanner, MS_TOKEN_FIELD) : MS_TOKEN_OTHER;
}

enum ms_token ms_scan(struct ms_scanner *scanner, size_t *start, struct ms_span *text) {
    int32_t rune = next(scanner);
    while (is_space(rune))
        rune = next(scanner);
    *start = scanner->pos;
    enum ms_token token = scan_rest(scanner, rune);
    *text = (struct ms_span){scanner->text.bytes + *start, scanner->ahead - *start};
    return token;
}
