/* json.h - JSON strings into a text. */
#pragma once

#include <stddef.h>

struct ms_text;

/* Appends bytes as a JSON string, quotes included. What is no UTF-8 becomes U+FFFD, a byte each. */
void ms_json_string(struct ms_text *out, const void *bytes, size_t size);
