/* Tokens of a filter: what each run of bytes is, and where it stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/filter/filter_scan.h"

static int failures;

static const char *token_name(enum ms_token token) {
    static const char *names[] = {"",          "end",      "quoted",  "value", "field",
                                  "separator", "operator", "illegal", "other"};
    return names[-(int)token];
}

/* "kind[text] kind[text] ..." up to the end or the first illegal token, with what was wrong. */
static char *show(struct ms_span text) {
    struct ms_scanner scanner = {.text = text};
    struct ms_text out = {0};
    for (;;) {
        size_t start;
        struct ms_span token;
        enum ms_token kind = ms_scan(&scanner, &start, &token);
        if (kind == MS_TOKEN_END)
            break;
        ms_text_printf(&out, "%s%s[%.*s]", out.size == 0 ? "" : " ", token_name(kind),
                       (int)token.size, token.bytes);
        if (kind == MS_TOKEN_ILLEGAL) {
            ms_text_printf(&out, " %s", scanner.problem);
            break;
        }
    }
    ms_scanner_clear(&scanner);
    return ms_text_take(&out);
}

static void expect_sized(const char *what, const char *bytes, size_t size, const char *golden) {
    char *exact = malloc(size + 1); /* so that a read behind the end is seen */
    if (exact == NULL)
        abort();
    memcpy(exact, bytes, size);
    char *tight = realloc(exact, size == 0 ? 1 : size);
    char *shown = show((struct ms_span){tight, size});
    if (strcmp(shown, golden) != 0) {
        printf("%s:\n  expected %s\n  got      %s\n", what, golden, shown);
        failures++;
    }
    free(shown);
    free(tight);
}

static void expect(const char *text, const char *golden) {
    expect_sized(text, text, strlen(text), golden);
}

static void check_tokens(void) {
    expect("", "");
    expect("foo", "field[foo]");
    expect("9a_Z", "field[9a_Z]");
    expect("foo.bar", "field[foo] separator[.] field[bar]");
    expect("foo.bar==baz", "field[foo] separator[.] field[bar] operator[==] value[baz]");
    expect("a !== ~b", "field[a] operator[!==] operator[~] value[b]");
    expect("a==b,c", "field[a] operator[==] value[b] separator[,] field[c]");
    expect(" \t\n a \v==\f\r b", "field[a] operator[==] value[b]");
    expect("a-b", "field[a] other[-] field[b]");
    expect("a==b-c=d|e\"f", "field[a] operator[==] value[b-c=d|e\"f]");
    expect("a==/x y/", "field[a] operator[==] quoted[/x y/]");
    expect("a~=|x/\"y|.b", "field[a] operator[~=] quoted[|x/\"y|] separator[.] field[b]");
}

static void check_unicode(void) {
    expect("a==\xE6\x97\xA5\xE6\x9C\xAC,b",
           "field[a] operator[==] value[\xE6\x97\xA5\xE6\x9C\xAC] separator[,] field[b]");
    expect("a==b\xC2\xA0"
           "c",
           "field[a] operator[==] value[b] field[c]");
    expect("a==b\xE2\x80\x8B", "field[a] operator[==] value[b] other[\xE2\x80\x8B]");
    expect("\xC3\xA9", "other[\xC3\xA9]");
    expect("\"\xC3\xA9\"", "quoted[\"\xC3\xA9\"]");
    expect("a==\xFF", "field[a] operator[==] illegal[\xFF] rune error");
    expect("a==\xEF\xBF\xBD", "field[a] operator[==] illegal[\xEF\xBF\xBD] rune error");
    expect("\xED\xA0\x80", "illegal[\xED] rune error");
    expect("\xE6\x97", "illegal[\xE6] rune error");
}

static void check_escapes(void) {
    expect("\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"", "quoted[\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"]");
    expect("\"\\101\\x41\\u00e9\\U0001F600\"", "quoted[\"\\101\\x41\\u00e9\\U0001F600\"]");
    expect("/\\//", "quoted[/\\//]");
    expect("|\\||", "quoted[|\\||]");
    expect("\"\\q\"", "illegal[\"\\q\"] illegal escape sequence");
    expect("\"\\/\"", "illegal[\"\\/\"] illegal escape sequence");
    expect("\"\\18\"", "illegal[\"\\18\"] illegal numeric escape sequence");
    expect("\"\\x4\"", "illegal[\"\\x4\"] illegal numeric escape sequence");
    expect("\"\\u12g4\"", "illegal[\"\\u12g4\"] illegal numeric escape sequence");
}

static void check_ends(void) {
    expect("\"abc", "illegal[\"abc] quoted literal not terminated");
    expect("\"", "illegal[\"] quoted literal not terminated");
    expect("\"a\nb\"", "illegal[\"a\n] quoted literal not terminated");
    expect("\"\\", "illegal[\"\\] illegal escape sequence");
    expect_sized("a NUL", "a\0b", 3, "field[a] illegal[] unexpected null");
    expect_sized("a NUL in quotes", "\"a\0\"", 4, "illegal[\"a] unexpected null");
}

int main(void) {
    check_tokens();
    check_unicode();
    check_escapes();
    check_ends();
    return failures != 0;
}
