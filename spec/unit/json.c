/* JSON strings: escapes, and bytes that are no UTF-8. */
#include "base/json.h"

#include "base/text.h"
#include "unit_support.h"

static void writes(const char *bytes, size_t size, const char *want) {
    ms_auto_text struct ms_text text = {0};
    ms_json_string(&text, bytes, size);
    CHECK(!text.failed);
    CHECK_TEXT(text.bytes, want);
}

static void leaves_what_is_plain(void) {
    writes("", 0, "\"\"");
    writes("a/b c", 5, "\"a/b c\"");
    writes("\xC3\xBC\xF0\x9F\x98\x80", 6, "\"\xC3\xBC\xF0\x9F\x98\x80\"");
}

static void escapes(void) {
    writes("\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    writes("a\0b\x01\x1f\x7f", 6, "\"a\\u0000b\\u0001\\u001f\x7f\"");
}

static void replaces_what_is_no_utf8(void) {
    writes("a\xFFz", 3, "\"a\xEF\xBF\xBDz\"");
    writes("\xC3", 1, "\"\xEF\xBF\xBD\"");
    writes("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    writes("\xC3\xBC\"\xC0\"", 5, "\"\xC3\xBC\\\"\xEF\xBF\xBD\\\"\"");
}

int main(void) {
    run_test("leaves what is plain", leaves_what_is_plain);
    run_test("escapes", escapes);
    run_test("replaces what is no UTF-8", replaces_what_is_no_utf8);
    return 0;
}
