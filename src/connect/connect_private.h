/* The inside of `struct connect`. Private to the room. */
#ifndef GATEHOUSE_CONNECT_CONNECT_PRIVATE_H
#define GATEHOUSE_CONNECT_CONNECT_PRIVATE_H

#include "base/check.h"
#include "connect/connect.h"

#define CONNECT_MAGIC 0x636f6e6eu

struct connect {
	uint32_t magic;
	struct connect_spec spec;
};

#endif
