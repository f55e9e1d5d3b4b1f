/* The installation's own secret: one 256-bit key called server-key, from which every purpose gets a key of its own. */
#ifndef GATEHOUSE_GATEWAY_KEYS_H
#define GATEHOUSE_GATEWAY_KEYS_H

#include "base/crypto.h"
#include "secrets/secrets.h"

/* The keys, one for each purpose; each is taken over by the room that uses it, or freed with keys_free. */
struct keys {
	struct secret *api_key; /* MACs of API keys */
	struct secret *session; /* seals session ids */
	struct secret *state;	/* seals requestState */
	struct secret *audit;	/* the audit chain */
	struct secret *portal;	/* seals cursors and kept answers of the management API */
	struct secret *oauth;	/* MACs of codes, refresh tokens, client secrets; seals successors */
	struct secret *bridge;	/* MACs of registration access tokens; marks applications elsewhere as ours */
	struct secret *connect; /* seals links and flows that connect accounts */
	struct secret *cursor;	/* seals cursors of connectors */
	struct secret *signin;	/* MACs of cookies; seals TOTP secrets and flows */
	struct secret *forward; /* seals what replicas say to each other */
	struct secret *results; /* names and seals results that replicas share */
	struct secret *media;	/* MACs of addresses of files */
	struct secret *kek;	/* wraps tenants' data keys, where `secrets` has no credential-kek */
	struct secret *seal;	/* seals what rows keep: signing keys, people's keys, documents */
};

/* Ask for server-key; make the data directory, and where secrets_get_key does so the key, when there is none.
 *   problem    what is wrong with it and what to do
 *   Errors     ERR_SYSTEM, those of secrets_get
 *   Runs on    a fiber */
NODISCARD enum err keys_load(struct str data_directory, struct secrets *secrets, struct buf *problem,
			     struct keys *ret_keys) AWAITS;
void keys_free(struct keys *keys);

/* One of them, taken over: it is not freed with the others. */
struct secret *keys_take(struct secret **from);

#endif
