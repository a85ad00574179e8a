#include "words.h"

#include <ctype.h>

void count_byte(struct counts *counts, int byte) {
    static int inside = 0;
    counts->bytes++;
    if (byte == '\n')
        counts->lines++;
    if (isspace(byte)) {
        inside = 0;
    } else if (!inside) {
        inside = 1;
        counts->words++;
    }
}
