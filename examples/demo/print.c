#include "words.h"

#include <stdio.h>

void print_counts(const struct counts *counts, const char *name) {
    printf("%7lu %7lu %7lu %s\n", counts->lines, counts->words, counts->bytes, name);
}
