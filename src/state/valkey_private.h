/* The inside of the shared backend, for valkey.c (its life) and valkey_ask.c (its requests). */
#ifndef GATEHOUSE_STATE_VALKEY_PRIVATE_H
#define GATEHOUSE_STATE_VALKEY_PRIVATE_H

#include "base/crypto.h"
#include "state/link.h"
#include "state/valkey.h"

#define VALKEY_MAGIC 0x76616c6bu /* "valk" */
#define VALKEY_PREFIX_BYTES_MAX 64
#define VALKEY_CHANNEL "hints"

/* What one loop has. */
struct valkey_seat {
	struct valkey *valkey;
	struct link *link;
	bool down;
};

struct valkey {
	uint32_t magic;
	struct link_spec spec;
	char *password_file; /* NULL: none */
	char prefix[VALKEY_PREFIX_BYTES_MAX + 1], channel[VALKEY_PREFIX_BYTES_MAX + sizeof(VALKEY_CHANNEL)];
	size_t prefix_n;
	struct hints *hints;
	unsigned loops;
	struct valkey_seat seats[LOOPS_MAX]; /* each its loop's own */
	struct link *listener;		     /* loop 0's, as the next one */
	bool deaf;			     /* it was not there for a while */
	struct group watchers;		     /* loop 0's */
	atomic_uint down;		     /* loops without their connection */
	atomic_bool said;		     /* the log has it */
	atomic_uint fellows;
	atomic_uint_fast64_t failures;
	_Atomic int64_t warned_ms; /* of a reply that was an error */
};

/* Ask on this loop's connection; errors that the server replies become ERR_BUSY. */
NODISCARD enum err valkey_ask(struct valkey *valkey, const struct str *words, size_t count, struct reply **ret_reply)
	AWAITS;

#endif
