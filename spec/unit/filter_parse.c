/* What filters parse to, which ones are refused and with which text, and what they match: the cases
 * of containerd's own tests, by their names there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/filter/filter.h"
#include "engine/snapshot.h"

static int failures;

static void fail(const char *what, const char *golden, const char *got) {
    printf("%s:\n  expected %s\n  got      %s\n", what, golden, got);
    failures++;
}

/* ---- verdicts --------------------------------------------------------------------------------*/

#define LABELS(...)                                                                                \
    {                                                                                              \
        .items = (struct ms_label[]){__VA_ARGS__},                                                 \
        .count = sizeof((struct ms_label[]){__VA_ARGS__}) / sizeof(struct ms_label)                \
    }

static const struct ms_info corpus[] = {
    {.name = "foo", .parent = "", .kind = MS_KIND_COMMITTED, .labels = LABELS({"foo", "true"})},
    {.name = "bar", .parent = "foo", .kind = MS_KIND_ACTIVE},
    {.name = "baz",
     .parent = "foo",
     .kind = MS_KIND_VIEW,
     .labels = LABELS({"foo", "present"}, {"more complex label with \\ and \"", "present"})},
    {.name = "compound",
     .parent = "bar",
     .kind = MS_KIND_ACTIVE,
     .labels = LABELS({"foo", "omg_asdf.asdf-qwer"}, {"a.b/c", "x"})},
};

/* The names that any of the filters matches, or the error. */
static char *answer(const char *const *texts, size_t count) {
    size_t sizes[4];
    for (size_t i = 0; i < count; i++)
        sizes[i] = strlen(texts[i]);
    struct ms_err err = {0};
    struct ms_filter *filter = NULL;
    struct ms_text out = {0};
    if (ms_filter_compile(texts, sizes, count, &filter, &err) < 0) {
        ms_text_printf(&out, "%s: %s", ms_kind_name(err.kind), err.text);
        return ms_text_take(&out);
    }
    for (size_t i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++)
        if (ms_filter_match(filter, &corpus[i]))
            ms_text_printf(&out, "%s%s", out.size == 0 ? "" : " ", corpus[i].name);
    ms_filter_free(filter);
    return ms_text_take(&out);
}

static void expect(const char *what, const char *text, const char *golden) {
    char *got = answer(&text, 1);
    if (strcmp(got, golden) != 0)
        fail(what, golden, got);
    free(got);
}

static void refused(const char *what, const char *text, const char *problem) {
    char golden[256];
    (void)snprintf(golden, sizeof(golden), "invalid_argument: filters: parse error: %s", problem);
    expect(what, text, golden);
}

static void check_conformance(void) {
    expect("empty filter", "", "foo bar baz compound");
    expect("presence of name", "name", "foo bar baz compound");
    expect("presence of label", "labels.foo", "foo baz compound");
    expect("name and label presence", "name,labels.foo", "foo baz compound");
    expect("label equality", "labels.foo==true", "foo");
    expect("bare punctuated value", "labels.foo==omg_asdf.asdf-qwer", "compound");
    refused("alternative quoting with ==", "name==/foo/",
            "[name== >|/|< foo/]: invalid quote encountered");
    expect("name equality", "name==bar", "bar");
    expect("name inequality", "name!=bar", "foo baz compound");
    expect("quoted value", "name==\"bar\"", "bar");
    expect("matches", "name~=[abc]+", "bar baz compound");
    expect("regexp in slashes", "name~=/[abc]+/,labels.foo", "baz compound");
    expect("regexp in bars", "name~=|[abc]+|,labels.foo", "baz compound");
    expect("garbage but valid quoted regexp", "labels.foo~=/[!@#$%^&*()_+\"]{6}/", "");
    expect("name and label value", "name==compound,labels.foo==omg_asdf.asdf-qwer", "compound");
    expect("name and label value, no match", "name==bar,labels.foo==true", "");
    expect("quoted field path", "labels.\"a.b/c\"==x", "compound");
    expect("quoted field path with escapes",
           "labels.\"more complex label with \\\\ and \\\"\"==present", "baz");
    expect("quoted part, then a plain one", "labels.\"a\".\"b/c\"", "compound");
    refused("embedded question mark", "name==foo?labels.foo?\n,",
            "[name==foo?labels.foo? >|\\x0a|< ,]: unexpected input: \n");
    refused("trailing comma", "name==foo,", "[name==foo,]: expected field or quoted");
    refused("trailing dot", "labels.", "[labels.]: expected field or quoted");
    refused("missing value before comma", "name~=,labels.foo",
            "[name~= >|,|< labels.foo]: expected value or quoted");
    refused("slash in a bare label", "labels.ns/key==v",
            "[labels.ns >|/|< key==v]: quoted literal not terminated");
    refused("value without end", "name==\"abc",
            "[name== >|\"|< abc]: quoted literal not terminated");
}

static void check_fields(void) {
    expect("kind", "kind==view", "baz");
    expect("kind in capitals", "kind==VIEW", "");
    expect("parent is always there", "parent", "foo bar baz compound");
    expect("no parent", "parent==\"\"", "foo");
    expect("what follows name", "name.x==foo", "foo");
    expect("labels alone", "labels", "");
    expect("no such field", "created_at", "");
    expect("no such field is not equal", "created_at!=1", "foo bar baz compound");
    expect("no such field is empty", "created_at~=^$", "foo bar baz compound");
    expect("absent label is not empty", "labels.nope==\"\"", "");
    expect("digits first", "1abc!=x", "foo bar baz compound");
    expect("bars in a bare value", "name==f1||name==f2", "");
    expect("single quotes are plain", "name=='foo'", "");
}

static void check_blanks(void) {
    expect("around the operator", " name == bar", "bar");
    expect("after a comma", "name==bar, kind==active", "bar");
    refused("before a comma", "name==bar ,kind", "[name==bar >| |< ,kind]: unexpected input:  ");
    refused("at the end", "name==bar ", "[name==bar >| |< ]: unexpected input:  ");
    refused("nothing else", " ", "[ ]: expected field or quoted");
}

static void check_refusals(void) {
    refused("one equals sign", "name=foo", "[name >|=|< foo]: unsupported operator \"=\"");
    refused("three", "name===foo", "[name >|=|< ==foo]: unsupported operator \"===\"");
    refused("no value", "name==", "[name==]: expected value or quoted");
    refused("a dot as value", "name==.x", "[name== >|.|< x]: expected value or quoted");
    refused("two fields", "name foo",
            "[name  >|f|< oo]: expected an operator (\"==\"|\"!=\"|\"~=\")");
    refused("too large an octal", "name==\"\\400\"",
            "[name== >|\"|< \\400\"]: unquoting failed: quote syntax error");
    refused("bad UTF-8", "name==\xFF", "[name== >|\\xff|< ]: rune error");
    refused("long text is cut around the place",
            "name==aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,a="
            "bbbbbbbbbbbbbbbbbbbbb"
            "bbbbbbbbbbb",
            "[...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,a >|=|< "
            "bbbbbbbbbbbbbbbbbbbbbbbb...]: unsupported operator \"=\"");
}

static void check_lists(void) {
    const struct {
        const char *what;
        const char *texts[3];
        size_t count;
        const char *golden;
    } rows[] = {
        {"no filter", {""}, 0, "foo bar baz compound"},
        {"one of two", {"name==foo", "kind==view"}, 2, "foo baz"},
        {"an empty one among others", {"name==foo", "", "name==x"}, 3, "foo bar baz compound"},
        {"a bad one among others",
         {"name==foo", "name=", ""},
         3,
         "invalid_argument: filters: parse error: [name >|=|< ]: unsupported operator \"=\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *got = answer(rows[i].texts, rows[i].count);
        if (strcmp(got, rows[i].golden) != 0)
            fail(rows[i].what, rows[i].golden, got);
        free(got);
    }
}

/* ---- limits ----------------------------------------------------------------------------------*/

/* The text of the error for count filters that are each times copies of part, "" for none. */
static void limit(const char *what, size_t count, const char *part, size_t times,
                  const char *golden) {
    struct ms_text text = {0};
    for (size_t i = 0; i < times; i++)
        ms_text_puts(&text, part);
    const char *texts[MS_FILTERS_MAX + 1];
    size_t sizes[MS_FILTERS_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        texts[i] = text.bytes;
        sizes[i] = text.size;
    }
    struct ms_err err = {0};
    struct ms_filter *filter = NULL;
    (void)ms_filter_compile(texts, sizes, count, &filter, &err);
    if (strcmp(err.text, golden) != 0 || (*golden != '\0') != (err.kind == MS_INVALID_ARGUMENT))
        fail(what, golden, err.text);
    ms_filter_free(filter);
    ms_text_clear(&text);
}

static void check_limits(void) {
    limit("64 filters", MS_FILTERS_MAX, "a", 1, "");
    limit("65 filters", MS_FILTERS_MAX + 1, "a", 1, "filters: more than 64 filters");
    limit("16 KiB", 1, "a", MS_FILTER_SIZE_MAX, "");
    limit("more", 1, "a", MS_FILTER_SIZE_MAX + 1, "filters: more than 16384 bytes in one filter");
    limit("63 selectors and an end", 1, "a,", MS_FILTER_SELECTORS_MAX - 1,
          "filters: parse error: [...a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,]: "
          "expected field or quoted");
    limit("65 selectors", 1, "a,", MS_FILTER_SELECTORS_MAX,
          "filters: more than 64 selectors in one filter");
}

/* ---- reading ---------------------------------------------------------------------------------*/

static char *describe(const struct ms_filter *filter) {
    static const char *operators[] = {"?", "==", "!=", "~="};
    static const char *fields[] = {"none", "name", "parent", "kind", "label"};
    struct ms_text out = {0};
    for (size_t i = 0; i < ms_filter_alternatives(filter); i++) {
        size_t count;
        const struct ms_selector *row = ms_filter_selectors(filter, i, &count);
        ms_text_puts(&out, i == 0 ? "(" : " (");
        for (size_t j = 0; j < count; j++)
            ms_text_printf(&out, "%s%s %.*s|%.*s %zu %s%.*s", j == 0 ? "" : ", ",
                           fields[ms_filter_field(&row[j].path)], (int)row[j].path.joined.size,
                           row[j].path.joined.bytes, (int)row[j].path.rest.size,
                           row[j].path.rest.bytes, row[j].path.count, operators[row[j].op],
                           (int)row[j].value.size, row[j].value.bytes);
        ms_text_puts(&out, ")");
    }
    return ms_text_take(&out);
}

static void reads(const char *what, const char *text, size_t count, const char *golden) {
    const char *texts[] = {text, ""};
    const size_t sizes[] = {strlen(text), 0};
    struct ms_err err = {0};
    struct ms_filter *filter = NULL;
    if (ms_filter_compile(texts, sizes, count, &filter, &err) < 0) {
        fail(what, golden, err.text);
        return;
    }
    char *got = describe(filter);
    if (strcmp(got, golden) != 0)
        fail(what, golden, got);
    free(got);
    ms_filter_free(filter);
}

static void check_reading(void) {
    reads("no filter is one empty row", "", 0, "()");
    reads("an empty filter is an empty row", "name==a", 2, "(name name| 1 ==a) ()");
    reads("fields, operators and values", "name==a,parent!=\"b c\",kind~=/d/,x.y", 1,
          "(name name| 1 ==a, parent parent| 1 !=b c, kind kind| 1 ~=d, none x.y|y 2 ?)");
    reads("labels", "labels.a,labels.\"b.c/d\".e==f", 1,
          "(label labels.a|a 2 ?, label labels.b.c/d.e|b.c/d.e 3 ==f)");
}

int main(void) {
    check_conformance();
    check_fields();
    check_blanks();
    check_refusals();
    check_lists();
    check_limits();
    check_reading();
    return failures != 0;
}
