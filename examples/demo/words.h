/* words.h - counts words: the demo's program, small enough to read and large enough to have parts. */
#pragma once

struct counts {
    unsigned long lines;
    unsigned long words;
    unsigned long bytes;
};

/* Adds what one byte means. */
void count_byte(struct counts *counts, int byte);

/* Prints one line of counts. */
void print_counts(const struct counts *counts, const char *name);

/* The program's name and version. */
const char *about(void);
