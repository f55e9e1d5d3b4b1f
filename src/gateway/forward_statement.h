/* What one replica says to another of a request that it hands on: for whom it is meant, when, from whom it came and
 * what was done for it already. Sealed under a key of the installation and bound to the request itself, so that it is
 * good for that request, at that replica, for FORWARD_STATEMENT_MS.
 *
 * Within that time it is good again, like the credential that goes with it: who can read the traffic between the
 * replicas has both. That is what https between them is for. */
#ifndef GATEHOUSE_GATEWAY_FORWARD_STATEMENT_H
#define GATEHOUSE_GATEWAY_FORWARD_STATEMENT_H

#include "base/arena.h"
#include "base/crypto.h"
#include "http/server.h"

#define FORWARD_STATEMENT_MS 30000	 /* clocks of a fleet differ by less */
#define FORWARD_STATEMENT_BYTES_MAX 1024 /* of its text */
#define FORWARD_HOST_BYTES_MAX 255
#define FORWARD_DIGEST_BYTES 32

struct forward_statement {
	uint64_t to, from; /* nodes */
	int64_t made_ms;   /* wall time */
	bool counted;	   /* against the rates of its address and caller */
	bool secure;	   /* it came over TLS */
	struct address peer;
	struct tls_client_cert client_cert;
	struct str host; /* the Host that its client named; longer ones are left out */
};

/* The digest of what a statement is about: method, path, query, body, and the headers that say who asks, in which
 * session, and for which event.
 *   Runs on    any thread */
void forward_digest(const struct http_exchange *exchange, uint8_t ret_digest[FORWARD_DIGEST_BYTES]);

/* Append the statement as text (base64url). */
void forward_statement_seal(const struct secret *key, const struct forward_statement *statement,
			    const uint8_t digest[FORWARD_DIGEST_BYTES], struct buf *out);

/* Read it back.
 *   node       this process's: the statement must be meant for it
 *   ret_statement  `host` in `arena`
 *   Errors     ERR_FORWARDED: not ours, altered, of another request, too old or of the future; ERR_MISDIRECTED: true,
 *              but meant for another node, as after a quick restart at the same address */
NODISCARD enum err forward_statement_open(const struct secret *key, struct str text,
					  const uint8_t digest[FORWARD_DIGEST_BYTES], uint64_t node, int64_t now_ms,
					  struct arena *arena, struct forward_statement *ret_statement);

#endif
