/* Bytes that grow, numbers, and what is UTF-8. */
#include "base/text.h"

#include "base/own.h"
#include "trees_support.h"

static void grows(void) {
    ms_auto_text struct ms_text text = {0};
    for (int i = 0; i < 10000; i++)
        ms_text_printf(&text, "%d,", i % 10);
    CHECK(text.size == 20000 && strlen(text.bytes) == 20000 && !text.failed);
    CHECK(strncmp(text.bytes, "0,1,2,3,", 8) == 0);
}

static void reserves_room(void) {
    ms_auto_text struct ms_text text = {0};
    ms_text_reserve(&text, 100);
    const char *bytes = text.bytes;
    for (int i = 0; i < 100; i++)
        ms_text_append(&text, "x", 1);
    CHECK(text.bytes == bytes && text.size == 100 && text.bytes[100] == 0);
    ms_text_reserve(&text, 10);
    ms_text_puts(&text, "more");
    CHECK(text.size == 104 && strcmp(text.bytes + 99, "xmore") == 0);
}

static void holds_any_bytes(void) {
    ms_auto_text struct ms_text text = {0};
    ms_text_append(&text, "a\0b", 3);
    ms_text_puts(&text, "c");
    CHECK(text.size == 4 && memcmp(text.bytes, "a\0bc", 5) == 0);
}

static void hands_bytes_over(void) {
    struct ms_text text = {0};
    ms_text_puts(&text, "mine");
    ms_auto_free char *bytes = ms_text_take(&text);
    CHECK_TEXT(bytes, "mine");
    CHECK(text.bytes == NULL && text.size == 0);
    ms_auto_free char *nothing = ms_text_take(&text);
    CHECK_TEXT(nothing, "");
}

static void remembers_that_memory_was_short(void) {
    struct ms_err err = {0};
    ms_auto_text struct ms_text text = {0};
    ms_text_puts(&text, "kept");
    ms_text_append(&text, "", SIZE_MAX / 2);
    ms_text_puts(&text, "lost");
    CHECK(ms_text_check(&text, &err) == MS_RESOURCE_EXHAUSTED);
    CHECK_TEXT(text.bytes, "kept");
    CHECK(ms_text_take(&text) == NULL);
}

static void knows_utf8(void) {
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };
    static const char *const bad[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xe2\x82",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "a\xc3(",
        "\xe2(\xa1",
        "\xe2\x82(",
        "\xf0\x90\x80(",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(ms_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!ms_utf8_valid(bad[i], strlen(bad[i])));
    CHECK(ms_utf8_valid("a\0b", 3));
    CHECK(!ms_utf8_valid("\xc3\xa9", 1));
}

static void reads_numbers(void) {
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1a", "18446744073709551616", "99999999999999999999"};
    uint64_t value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!ms_parse_u64(bad[i], &value) && value == 7);
    CHECK(ms_parse_u64("0", &value) && value == 0);
    CHECK(ms_parse_u64("007", &value) && value == 7);
    CHECK(ms_parse_u64("18446744073709551615", &value) && value == UINT64_MAX);
}

int main(void) {
    RUN(grows);
    RUN(reserves_room);
    RUN(holds_any_bytes);
    RUN(hands_bytes_over);
    RUN(remembers_that_memory_was_short);
    RUN(knows_utf8);
    RUN(reads_numbers);
    return 0;
}
