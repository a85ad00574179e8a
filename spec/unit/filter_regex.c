/* RE2 expressions: what Go takes and what it refuses, and the places where PCRE2 reads differently.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/filter/filter_regex.h"

static int failures;

enum verdict { REFUSED, MISSES, MATCHES };

static enum verdict judge(const char *pattern, const char *text, size_t size) {
    struct ms_err err = {0};
    struct ms_regex *regex = NULL;
    if (ms_regex_compile(pattern, strlen(pattern), &regex, &err) < 0)
        abort();
    if (regex == NULL)
        return REFUSED;
    bool found = ms_regex_match(regex, text, size);
    ms_regex_free(regex);
    return found ? MATCHES : MISSES;
}

static void expect(enum verdict golden, const char *pattern, const char *text) {
    static const char *words[] = {"refused", "misses", "matches"};
    enum verdict got = judge(pattern, text, strlen(text));
    if (got != golden) {
        printf("%s on \"%s\": expected %s, got %s\n", pattern, text, words[golden], words[got]);
        failures++;
    }
}

/* What Go says no to, and PCRE2 often yes. */
static const char *const refusals[] = {
    "[",
    "a(b",
    "a)",
    "*a",
    "(*UTF)a",
    "a**",
    "a++",
    "a{2}{3}",
    "a*{2}",
    "|*",
    "(+)",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(?>a)",
    "(?#a)",
    "(?|a)",
    "(a)\\1",
    "(?P=n)",
    "(?P<n>a",
    "(?P<>a)",
    "(?P<a-b>a)",
    "(?P>n)",
    "\\Z",
    "\\G",
    "\\K",
    "\\R",
    "\\X",
    "\\C",
    "\\h",
    "\\N",
    "\\E",
    "\\8",
    "\\q",
    "\\",
    "\\x",
    "\\x4",
    "\\xg0",
    "\\x{",
    "\\x{}",
    "\\x{110000}",
    "\\cA",
    "\\e",
    "\\o{7}",
    "\\k<n>",
    "a{1001}",
    "a{2,1}",
    "a{1000,1001}",
    "(a{40}){30}",
    "a{99999999999}",
    "[b-a]",
    "[a",
    "[]",
    "[[:foo:]]",
    "[[:perl s:]]",
    "[a-\\d]",
    "[\\b]",
    "[\\Qa\\E]",
    "\\p",
    "\\p{",
    "\\p{}",
    "\\p{Foo}",
    "\\p{greek}",
    "\\p{Lu ",
    "\\p{L Lm}",
    "\\p{^}",
    "\\px",
    "(?x:a)",
    "(?-)",
    "(?i-)a",
    "(?i",
    "(?",
    "(?z)",
    "(?i--s)",
    "(?J)",
    "\xFF",
    "a\xC3",
};

static void check_refusals(void) {
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        expect(REFUSED, refusals[i], "a");
}

static void check_syntax(void) {
    expect(MATCHES, "", "");
    expect(MATCHES, "b", "abc");
    expect(MISSES, "B", "abc");
    expect(MATCHES, "^(?:a|b)+$", "abba");
    expect(MATCHES, "(?P<n>a)(?<m>b)", "ab");
    expect(MATCHES, "a{2,3}?$", "aaa");
    expect(MATCHES, "^a{,2}$", "a{,2}");
    expect(MATCHES, "^a{01}$", "a{01}");
    expect(MATCHES, "^{]}$", "{]}");
    expect(MATCHES, "^\\Qa.*\\E+$", "a.**");
    expect(MATCHES, "\\Q(", "(");
    expect(MATCHES, "^[]a-]+$", "]a-");
    expect(MATCHES, "^[^]]$", "a");
    expect(MATCHES, "^[[:alpha:]-z]+$", "a-z");
    expect(MATCHES, "^\\07\\101\\x41\\x{1F600}$", "\aAA\xF0\x9F\x98\x80");
    expect(MATCHES, "\\_\\-\\/", "_-/");
    expect(MATCHES, "x(?i)*y", "xXy"); /* the repeat is of the x before (?i): case stays */
    expect(MISSES, "^x(?i)*y", "xXy");
    expect(MATCHES, "^x*(?i)*Y$", "xxy");
    expect(MATCHES, "^(?i:a)b$", "Ab");
    expect(MISSES, "^(?i:a)b$", "AB");
    expect(MATCHES, "^(a(?i)b|c)d$", "Cd");
    expect(MISSES, "^(a(?i)b|c)d$", "CD");
    expect(MISSES, "\\x{D800}", "\xEF\xBF\xBD");
}

static void check_lines(void) {
    expect(MISSES, "a$", "a\n");
    expect(MISSES, "a\\z", "a\n");
    expect(MATCHES, "(?m)a$", "a\nb");
    expect(MATCHES, "(?m)^b", "a\nb");
    expect(MISSES, "^b", "a\nb");
    expect(MATCHES, "(?m)a\\n^\\z", "a\n"); /* Perl's ^ does not match there */
    expect(MISSES, "(?m)a$", "a\r\n");
    expect(MATCHES, "(a|^$){0}K", "aK"); /* PCRE2 takes the anchor for the start of the match */
    expect(MATCHES, "(?:x|(?m)^){0,0}K", "aK");
    expect(MISSES, "a.b", "a\nb");
    expect(MATCHES, "a.b", "a\rb");
    expect(MATCHES, "(?s)a.b", "a\nb");
    expect(MATCHES, "a[^x]b", "a\nb");
}

static void check_classes(void) {
    expect(MATCHES, "^\\s+$", "\t\n\f\r ");
    expect(MISSES, "\\s", "\v");
    expect(MATCHES, "^\\S$", "\v");
    expect(MATCHES, "^[[:space:]]$", "\v");
    expect(MISSES, "\\d", "\xD9\xA3"); /* an Arabic digit */
    expect(MATCHES, "\\pN", "\xD9\xA3");
    expect(MISSES, "\\w", "\xC3\xA9");
    expect(MISSES, "\\b\xC3\xA9", "\xC3\xA9");
    expect(MATCHES, "^\\W$", "\xC3\xA9");
    expect(MATCHES, "(?i)^k$", "\xE2\x84\xAA"); /* the Kelvin sign */
    expect(MATCHES, "(?i)^\\w$", "\xE2\x84\xAA");
    expect(MISSES, "^\\w$", "\xE2\x84\xAA");
    expect(MISSES, "(?i)^\\W$", "\xC5\xBF"); /* a long s */
    expect(MATCHES, "^\\W$", "\xC5\xBF");
    expect(MATCHES, "\\p{Greek}", "\xCE\xB1");
    expect(MISSES, "\\p{^Greek}", "\xCE\xB1");
    expect(MATCHES, "^[\\p{Lu}\\d]+$", "A1");
    expect(MATCHES, "(?i)\\p{Lu}", "a");
    expect(MISSES, "\\pC", "\xCD\xB8"); /* not assigned: Go's C leaves it out */
    expect(MATCHES, "\\PC", "\xCD\xB8");
    expect(MISSES, "\\P{Any}", "a");
    expect(MATCHES, "[\\P{Any}a]", "a");
}

static void check_scripts(void) {
    static const char *const names[] = {"Adlam",  "SignWriting", "Nko",       "Zanabazar_Square",
                                        "Common", "Inherited",   "Phags_Pa",  "Old_North_Arabian",
                                        "Cham",   "Yezidi",      "Old_Uyghur"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char pattern[64];
        (void)snprintf(pattern, sizeof(pattern), "[\\p{%s}x]", names[i]);
        expect(MATCHES, pattern, "x");
    }
}

/* Expressions that take a backtracking engine for ever are answered all the same. */
static void check_limits(void) {
    char text[5000];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    expect(MISSES, "^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    expect(MATCHES, "^((a+)+b|a+c)", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac");
    expect(MISSES, "(a*)*[bc]", text); /* too large for the second way: no match, in time */
    text[4000] = '\0';
    expect(MISSES, "(a*)*[bc]", text);
    text[3999] = 'c';
    expect(MATCHES, "^(a*)*([bd]|c)", text);

    struct ms_text deep = {0};
    for (int i = 0; i < 5000; i++)
        ms_text_puts(&deep, "(");
    expect(REFUSED, deep.bytes, "a");
    ms_text_clear(&deep);
    expect(REFUSED, "([^\\pL\\pN]{2}y){900}([^\\pL\\pN]{2}z){900}([^\\pL]{2}x){900}",
           "a"); /* too large */
    if (judge("a",
              "\xFF"
              "a",
              2) != MISSES) {
        printf("bad UTF-8: expected a miss\n");
        failures++;
    }
}

int main(void) {
    check_refusals();
    check_syntax();
    check_lines();
    check_classes();
    check_scripts();
    check_limits();
    return failures != 0;
}
