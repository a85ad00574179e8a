/* Names of entries: what is cleaned, what is refused, what hides. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/name.h"
#include "base/err.h"

static void fail(const char *raw, const char *got) {
    (void)fprintf(stderr, "name '%s': got %s\n", raw, got);
    exit(1);
}

static void is(const char *raw, enum ms_name_kind kind, const char *path) {
    ms_auto_name struct ms_name name = {0};
    struct ms_err err = {0};
    if (ms_name_parse(raw, &name, &err) != 0)
        fail(raw, err.text);
    if (name.kind != kind)
        fail(raw, "another kind");
    if (kind != MS_NAME_SKIP && strcmp(name.path.bytes, path) != 0)
        fail(raw, name.path.bytes);
}

static void refused(const char *raw, const char *fragment) {
    ms_auto_name struct ms_name name = {0};
    struct ms_err err = {0};
    if (ms_name_parse(raw, &name, &err) != MS_INVALID_ARGUMENT)
        fail(raw, "accepted");
    if (strstr(err.text, fragment) == NULL)
        fail(raw, err.text);
}

static void plain_names(void) {
    is("a", MS_NAME_PLAIN, "a");
    is("./a//b/./c/", MS_NAME_PLAIN, "a/b/c");
    is(".", MS_NAME_PLAIN, "");
    is("./", MS_NAME_PLAIN, "");
    is("...", MS_NAME_PLAIN, "...");
    is("..a/b..", MS_NAME_PLAIN, "..a/b..");
    is("a\xff\n", MS_NAME_PLAIN, "a\xff\n");
    is(".who", MS_NAME_PLAIN, ".who");
}

static void hiding_names(void) {
    is(".wh.a", MS_NAME_WHITEOUT, "a");
    is("d/e/.wh.a", MS_NAME_WHITEOUT, "d/e/a");
    is("d/.wh.a/", MS_NAME_WHITEOUT, "d/a");
    is("d/.wh..hidden", MS_NAME_WHITEOUT, "d/.hidden");
    is("d/.wh..wh..opq", MS_NAME_OPAQUE, "d");
    is(".wh..wh..opq", MS_NAME_OPAQUE, "");
    is(".wh..wh.plnk/12.34", MS_NAME_SKIP, "");
    is("d/.wh..wh.aufs", MS_NAME_SKIP, "");
}

static void refused_names(void) {
    refused("", "no name");
    refused("/etc/passwd", "absolute");
    refused("//etc", "absolute");
    refused("..", "'..'");
    refused("a/../b", "'..'");
    refused("a/..", "'..'");
    refused(".wh.", "no name");
    refused("d/.wh...", "no name");
    refused("d/.wh..", "no name");
    refused("d/.wh.a/b", "inside a whiteout");
}

static void long_names(void) {
    char *raw = malloc(MS_ENTRY_PATH_MAX + 2);
    if (raw == NULL)
        exit(1);
    for (size_t i = 0; i <= MS_ENTRY_PATH_MAX; i++)
        raw[i] = i % 2 == 0 ? 'a' : '/';
    raw[MS_ENTRY_PATH_MAX + 1] = '\0';
    refused(raw, "too long");
    raw[MS_ENTRY_PATH_MAX - 1] = '\0';
    is(raw, MS_NAME_PLAIN, raw);
    free(raw);
}

/* One struct for many names: nothing of a longer one stays. */
static void used_again(void) {
    ms_auto_name struct ms_name name = {0};
    struct ms_err err = {0};
    if (ms_name_parse("long/long/.wh.name", &name, &err) != 0 ||
        ms_name_parse("x/y", &name, &err) != 0)
        fail("x/y", err.text);
    if (name.kind != MS_NAME_PLAIN || strcmp(name.path.bytes, "x/y") != 0 || name.base != 2)
        fail("x/y", name.path.bytes);
}

int main(void) {
    plain_names();
    hiding_names();
    refused_names();
    long_names();
    used_again();
    return 0;
}
