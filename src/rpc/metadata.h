/* metadata.h - values in gRPC's headers: messages of a status, timeouts.
 *
 * Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_text;

/* Appends bytes as grpc-message has them: what is outside of 0x20..0x7e, and '%', as %XX. */
void ms_percent_encode(struct ms_text *out, const char *bytes, size_t size);

/* Appends what a grpc-message means; a '%' that two hexadecimal digits do not follow is itself. */
void ms_percent_decode(struct ms_text *out, const char *bytes, size_t size);

/* Reads a grpc-timeout, 1 to 8 digits and one of HMSmun, as nanoseconds. False when it is none. */
bool ms_timeout_parse(const char *bytes, size_t size, int64_t *out_ns);

/* Writes nanoseconds as a grpc-timeout, rounded up, in the finest unit that has room: at most 9
 * characters and a NUL. Less than 0 counts as 0. */
#define MS_TIMEOUT_ROOM 10
void ms_timeout_format(int64_t ns, char out[MS_TIMEOUT_ROOM]);
