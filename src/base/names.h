/* names.h - a list of strings that grows. Zero-initialised is empty. */
#pragma once

#include <stddef.h>

struct ms_err;

struct ms_names {
    char **items; /* owned, and so is each of them */
    size_t count;
    size_t room;
};

/* Adds a copy of name at the end. Fails: resource_exhausted; the list stays as it was. */
int ms_names_add(struct ms_names *names, const char *name, struct ms_err *err);

/* Frees all; the list is empty again. */
void ms_names_clear(struct ms_names *names);
#define ms_auto_names __attribute__((cleanup(ms_names_clear)))
