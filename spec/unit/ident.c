/* Who a process is: its line in /proc, and whether it is still there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "sys/ident.h"

static int failures;

static void check(const char *what, int holds) {
    if (!holds) {
        printf("not so: %s\n", what);
        failures++;
    }
}

#define REST " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"

static void check_stat(void) {
    char state = 0;
    check("a plain name", ms_ident_parse_stat("42 (sh) S" REST, &state) == 4711 && state == 'S');
    check("a name with blanks and parentheses",
          ms_ident_parse_stat("42 (a) R 1 (b c)) Z" REST, &state) == 4711 && state == 'Z');
    check("no name", ms_ident_parse_stat("42 S" REST, &state) == 0);
    check("a line that was cut", ms_ident_parse_stat("42 (sh) S 1 2 3", &state) == 0);
    check("nothing", ms_ident_parse_stat("", &state) == 0);
}

static void check_self(void) {
    struct ms_err err;
    struct ms_ident ident = {0};
    check("this process has an identity", ms_ident_of(getpid(), &ident, &err) == 0);
    check("it lives", ms_ident_alive(&ident, "b", "b") == MS_ALIVE_YES);
    check("not since another boot", ms_ident_alive(&ident, "a", "b") == MS_ALIVE_NO);
    ident.started++;
    check("another start is another process", ms_ident_alive(&ident, "b", "b") == MS_ALIVE_NO);
    ident.pid_namespace++;
    check("another pid namespace does not tell",
          ms_ident_alive(&ident, "b", "b") == MS_ALIVE_UNKNOWN);
}

static void check_child(void) {
    struct ms_err err;
    struct ms_ident ident = {0};
    siginfo_t ended;
    pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    check("a child has an identity", ms_ident_of(child, &ident, &err) == 0);
    check("a child lives", ms_ident_alive(&ident, "b", "b") == MS_ALIVE_YES);
    (void)kill(child, SIGKILL);
    (void)waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT);
    check("a zombie is gone", ms_ident_alive(&ident, "b", "b") == MS_ALIVE_NO);
    (void)waitpid(child, NULL, 0);
    check("a reaped child is gone", ms_ident_alive(&ident, "b", "b") == MS_ALIVE_NO);
    check("a reaped child is not found", ms_ident_of(child, &ident, &err) == MS_NOT_FOUND);
}

static void check_boot(void) {
    struct ms_err err;
    char *id = NULL;
    check("a boot can be played", setenv("MOONSNAP_BOOT_ID", "monday", 1) == 0 &&
                                      ms_ident_boot_id(&id, &err) == 0 &&
                                      strcmp(id, "monday") == 0);
    free(id);
    id = NULL;
    check("the kernel's boot id is 36 bytes", unsetenv("MOONSNAP_BOOT_ID") == 0 &&
                                                  ms_ident_boot_id(&id, &err) == 0 &&
                                                  strlen(id) == 36);
    free(id);
}

int main(void) {
    check_stat();
    check_self();
    check_child();
    check_boot();
    return failures != 0;
}
