#include "rpc/frame.h"

void ms_frame_prefix(uint8_t out[MS_FRAME_PREFIX], uint32_t size) {
    out[0] = 0;
    out[1] = (uint8_t)(size >> 24);
    out[2] = (uint8_t)(size >> 16);
    out[3] = (uint8_t)(size >> 8);
    out[4] = (uint8_t)size;
}

uint32_t ms_frame_length(const uint8_t prefix[MS_FRAME_PREFIX]) {
    return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 |
           (uint32_t)prefix[4];
}
