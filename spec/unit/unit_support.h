/* unit_support.h - what unit tests share: a check that fails says where and ends the program with
 * 1; every test runs in a fresh directory, which is the working directory meanwhile.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(what) check((what), #what, __FILE__, __LINE__)
#define CHECK_TEXT(got, want) check_text((got), (want), __FILE__, __LINE__)

static inline void check(bool right, const char *what, const char *file, int line) {
    if (right)
        return;
    (void)fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", file, line, what, strerror(errno));
    exit(1);
}

static inline void check_text(const char *got, const char *want, const char *file, int line) {
    if (strcmp(got, want) == 0)
        return;
    (void)fprintf(stderr, "%s:%d: got '%s', want '%s'\n", file, line, got, want);
    exit(1);
}

/* Makes, enters and afterwards removes a directory around a test. */
static inline void run_test(const char *name, void (*test)(void)) {
    char place[] = "/var/tmp/moonsnap-unit-XXXXXX";
    char command[3 * sizeof place];
    CHECK(mkdtemp(place) != NULL && chdir(place) == 0);
    test();
    CHECK(chdir("/") == 0);
    (void)snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", place, place);
    CHECK(system(command) == 0);
    (void)printf("ok %s\n", name);
    (void)fflush(stdout);
}
#define RUN(test) run_test(#test, test)
