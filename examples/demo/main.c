#include <stdio.h>

#include "words.h"

int main(int argc, char **argv) {
    struct counts counts = {0, 0, 0};
    FILE *file = argc > 1 ? fopen(argv[1], "r") : stdin;
    if (file == NULL) {
        perror(argv[1]);
        return 1;
    }
    for (int byte = getc(file); byte != EOF; byte = getc(file))
        count_byte(&counts, byte);
    puts(about());
    print_counts(&counts, argc > 1 ? argv[1] : "stdin");
    return 0;
}
