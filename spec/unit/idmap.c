/* Id mappings as containerd's labels write them. */
#include "engine/idmap.h"

#include "trees_support.h"

static void maps(const char *mapping, uint32_t want) {
    struct ms_err err = {0};
    uint32_t host = 0;
    CHECK(ms_idmap_root(mapping, &host, &err) == 0);
    CHECK(host == want);
}

static void refuse(const char *mapping) {
    struct ms_err err = {0};
    uint32_t host = 7;
    CHECK(ms_idmap_root(mapping, &host, &err) == MS_INVALID_ARGUMENT);
    CHECK(strstr(err.text, "mapping") != NULL);
}

static void finds_where_root_is(void) {
    maps("0:1000:1", 1000);
    maps("0:0:65536", 0);
    maps("0:4294967294:1", 4294967294U);
    maps("1:100000:65535,0:1000:1", 1000);
    maps("0:5:1,1:100000:65535", 5);
}

static void wants_root_mapped(void) {
    refuse("1:100000:65536");
    refuse("0:1000:0");
}

static void refuses_what_is_no_mapping(void) {
    static const char *const bad[] = {
        "",
        "0",
        "0:1",
        "0:1:",
        "0:1:2:3",
        "a:b:c",
        "0:-1:1",
        "0:1:2,",
        ",0:1:2",
        "0:1:2,,",
        "0:1:2 ",
        " 0:1:2",
        "0:1:2;",
        "+0:1:2",
        "0x0:1:2",
        "0:1:2,x",
        "0:4294967295:1",
        "0:1:4294967296",
        "0:99999999999999999999:1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(bad[i]);
}

int main(void) {
    RUN(finds_where_root_is);
    RUN(wants_root_mapped);
    RUN(refuses_what_is_no_mapping);
    return 0;
}
