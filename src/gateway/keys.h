/* The installation's own secret: one 256-bit key in a file of the data directory, from which
 * every purpose gets a key of its own. */
#ifndef GATEHOUSE_GATEWAY_KEYS_H
#define GATEHOUSE_GATEWAY_KEYS_H

#include "base/crypto.h"

/* The keys, one for each purpose; each is taken over by the room that uses it, or freed with keys_free. */
struct keys {
	struct secret *api_key; /* MACs of API keys */
	struct secret *session; /* seals session ids */
	struct secret *state;	/* seals requestState */
	struct secret *audit;	/* the audit chain */
	struct secret *portal;	/* seals cursors and kept answers of the management API */
	struct secret *oauth;	/* MACs of codes, refresh tokens, client secrets; seals successors */
	struct secret *signin;	/* MACs of cookies; seals TOTP secrets and flows */
	struct secret *forward; /* seals what replicas say to each other */
	struct secret *seal;	/* seals what rows keep: signing keys, people's keys, documents */
};

/* Read DATA/server.key, or make it (0600) when the directory has none.
 *   problem    what is wrong with the file and what to do
 *   Errors     ERR_SYSTEM, ERR_CONFIG (readable by others, wrong size)
 *   Runs on    any thread; reads and writes files */
NODISCARD enum err keys_load(struct str data_directory, struct buf *problem, struct keys *ret_keys);
void keys_free(struct keys *keys);

#endif
