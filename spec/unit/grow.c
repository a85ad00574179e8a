/* Room in lists that are added to one by one. */
#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>

#include "unit_support.h"

static void keeps_what_is_there(void) {
    int64_t *items = NULL;
    size_t room = 0;
    size_t moves = 0;
    for (size_t count = 0; count < 1000; count++) {
        size_t before = room;
        int64_t *grown = ms_grow(items, count, &room, sizeof *grown);
        CHECK(grown != NULL && room > count);
        moves += room != before;
        items = grown;
        items[count] = (int64_t)count;
    }
    for (size_t i = 0; i < 1000; i++)
        CHECK(items[i] == (int64_t)i);
    CHECK(room < 2000 && moves < 10); /* it doubles: what is added costs the same on average */
    free(items);
}

static void fails_without_memory(void) {
    size_t room = 0;
    char *items = ms_grow(NULL, 0, &room, 1);
    CHECK(items != NULL);
    size_t before = room;
    items[0] = 'x';
    /* more bytes than there are numbers */
    CHECK(ms_grow(items, room, &room, SIZE_MAX / 4) == NULL);
    CHECK(room == before && items[0] == 'x');
    free(items);
}

int main(void) {
    RUN(keeps_what_is_there);
    RUN(fails_without_memory);
    return 0;
}
