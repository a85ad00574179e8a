#include "words.h"

const char *about(void) {
    return "words 1";
}
