/* message_types.h - the message types that Lua may name: the descriptors of src/proto. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* All of them, those inside of others too (but no map's entries). *count says how many. */
const ProtobufCMessageDescriptor *const *ms_message_types(size_t *count);
