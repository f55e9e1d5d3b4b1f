/* The inside of `struct connect`. Private to the room. */
#ifndef GATEHOUSE_CONNECT_CONNECT_PRIVATE_H
#define GATEHOUSE_CONNECT_CONNECT_PRIVATE_H

#include <stdatomic.h>

#include "base/check.h"
#include "connect/counts.h"
#include "connect/documents.h"

#define CONNECT_MAGIC 0x636f6e6eu

struct connect {
	uint32_t magic;
	struct connect_spec spec;
	struct counts counts;
	atomic_uint renewals; /* under way, on all loops */
	atomic_bool ending;   /* no new ones */
	struct documents *documents;
};

#endif
