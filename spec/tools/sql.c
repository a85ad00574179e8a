/* sql DATABASE TEXT - runs SQL and prints rows as a|b|c, for tests that look behind the engine. */
#include <sqlite3.h>
#include <stdio.h>

static int print_row(void *unused, int count, char **values, char **names) {
    (void)unused;
    (void)names;
    for (int i = 0; i < count; i++)
        printf("%s%s", i > 0 ? "|" : "", values[i] != NULL ? values[i] : "");
    printf("\n");
    return 0;
}

int main(int argc, char **argv) {
    sqlite3 *db = NULL;
    int code = 2;
    if (argc != 3) {
        fprintf(stderr, "usage: sql DATABASE TEXT\n");
        return code;
    }
    code = sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, argv[2], print_row, NULL, NULL);
    if (code != SQLITE_OK)
        fprintf(stderr, "sql: %s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
    return code == SQLITE_OK ? 0 : 1;
}
