/* frame.h - gRPC's message frame: one byte flag, four bytes length (big-endian), the message.
 *
 * Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MS_FRAME_PREFIX 5

/* Writes the prefix of an uncompressed message of size bytes. */
void ms_frame_prefix(uint8_t out[MS_FRAME_PREFIX], uint32_t size);

/* The length that a prefix announces. */
uint32_t ms_frame_length(const uint8_t prefix[MS_FRAME_PREFIX]);
