/* Chains as stored bytes. */
#include "engine/meta/chain.h"

#include <limits.h>

#include "base/own.h"
#include "trees_support.h"

/* Encodes and decodes numbers; they must come back. Answers how many bytes they took. */
static size_t there_and_back(long long *numbers, size_t count) {
    struct ms_err err = {0};
    ms_auto_chain struct ms_chain back = {0};
    ms_auto_free unsigned char *bytes = NULL;
    size_t size = 0;
    const struct ms_chain chain = {.numbers = numbers, .count = count};
    CHECK(ms_chain_encode(&chain, &bytes, &size, &err) == 0);
    CHECK(ms_chain_decode(bytes, size, &back, &err) == 0);
    CHECK(back.count == count);
    for (size_t i = 0; i < count; i++)
        CHECK(back.numbers[i] == numbers[i]);
    return size;
}

static void comes_back(void) {
    long long numbers[] = {1, 0, 127, 128, 16383, 16384, 1LL << 35, LLONG_MAX};
    (void)there_and_back(numbers, sizeof numbers / sizeof *numbers);
    CHECK(there_and_back(numbers, 0) == 0);
}

static void is_short(void) {
    long long numbers[500];
    for (int i = 0; i < 500; i++)
        numbers[i] = 10000 - i;
    CHECK(there_and_back(numbers, 500) == 1000);
}

static void refuse(const char *bytes, size_t size) {
    struct ms_err err = {0};
    struct ms_chain chain = {0};
    CHECK(ms_chain_decode((const unsigned char *)bytes, size, &chain, &err) == MS_DATA_LOSS);
    CHECK(chain.numbers == NULL);
}

static void refuses_what_is_no_chain(void) {
    refuse("\x80", 1);
    refuse("\x01\xff", 2);
    refuse("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    refuse("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12);
}

static void puts_the_parent_first(void) {
    struct ms_err err = {0};
    ms_auto_chain struct ms_chain none = {0};
    ms_auto_chain struct ms_chain one = {0};
    ms_auto_chain struct ms_chain two = {0};
    CHECK(ms_chain_push(&none, 7, &one, &err) == 0);
    CHECK(one.count == 1 && one.numbers[0] == 7);
    CHECK(ms_chain_push(&one, 9, &two, &err) == 0);
    CHECK(two.count == 2 && two.numbers[0] == 9 && two.numbers[1] == 7);
}

int main(void) {
    RUN(comes_back);
    RUN(is_short);
    RUN(refuses_what_is_no_chain);
    RUN(puts_the_parent_first);
    return 0;
}
