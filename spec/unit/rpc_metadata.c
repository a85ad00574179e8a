/* Prefixes, percent-encoding, timeouts. */
#include "rpc/metadata.h"

#include "base/text.h"
#include "rpc/frame.h"
#include "unit_support.h"

static void prefixes_are_big_endian(void) {
    uint8_t prefix[MS_FRAME_PREFIX];
    ms_frame_prefix(prefix, 0x01020304);
    CHECK(memcmp(prefix, "\0\1\2\3\4", 5) == 0);
    CHECK(ms_frame_length(prefix) == 0x01020304);
    CHECK(ms_frame_length((const uint8_t *)"\0\xff\xff\xff\xff") == UINT32_MAX);
}

static void check_coded(const char *plain, size_t size, const char *coded) {
    ms_auto_text struct ms_text out = {0};
    ms_auto_text struct ms_text back = {0};
    ms_percent_encode(&out, plain, size);
    CHECK_TEXT(out.bytes, coded);
    ms_percent_decode(&back, out.bytes, out.size);
    CHECK(back.size == size && memcmp(back.bytes, plain, size) == 0);
}

static void messages_are_percent_encoded(void) {
    check_coded("a b~", 4, "a b~");
    check_coded("100%", 4, "100%25");
    check_coded("a\nb\x7f", 4, "a%0Ab%7F");
    check_coded("\0", 1, "%00");
    check_coded("\xc3\xbc", 2, "%C3%BC");
}

static void what_is_not_coded_stays(void) {
    ms_auto_text struct ms_text out = {0};
    ms_percent_decode(&out, "%", 1);
    ms_percent_decode(&out, "%4", 2);
    ms_percent_decode(&out, "%zz%c3%BC", 9);
    CHECK_TEXT(out.bytes, "%%4%zz\xc3\xbc");
}

static int64_t parse(const char *text) {
    int64_t ns = -1;
    return ms_timeout_parse(text, strlen(text), &ns) ? ns : -1;
}

static void timeouts_have_units(void) {
    CHECK(parse("1n") == 1 && parse("1u") == 1000 && parse("1m") == 1000000);
    CHECK(parse("2S") == 2000000000 && parse("2M") == 120000000000 && parse("1H") == 3600000000000);
    CHECK(parse("0m") == 0 && parse("99999999n") == 99999999);
    CHECK(parse("99999999H") == INT64_MAX); /* more than 64 bits of nanoseconds hold */
}

static void what_is_no_timeout_is_told(void) {
    const char *const bad[] = {"", "1", "m", "banana", "-1m", "1x", "123456789m", "1 m", "1mm"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(parse(bad[i]) == -1);
}

static void check_format(int64_t ns, const char *want) {
    char text[MS_TIMEOUT_ROOM];
    ms_timeout_format(ns, text);
    CHECK_TEXT(text, want);
}

static void timeouts_are_written_rounded_up(void) {
    check_format(-5, "0n");
    check_format(99999999, "99999999n");
    check_format(100000001, "100001u");
    check_format(30 * 1000000000LL, "30000000u");
    check_format(INT64_MAX, "2562048H");
}

int main(void) {
    RUN(prefixes_are_big_endian);
    RUN(messages_are_percent_encoded);
    RUN(what_is_not_coded_stays);
    RUN(timeouts_have_units);
    RUN(what_is_no_timeout_is_told);
    RUN(timeouts_are_written_rounded_up);
    return 0;
}
