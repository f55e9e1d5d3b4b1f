/* What the files share that make credentials ready for upstreams. */
#ifndef GATEHOUSE_GATEWAY_OUTBOUND_PRIVATE_H
#define GATEHOUSE_GATEWAY_OUTBOUND_PRIVATE_H

#include "authclient/dpop.h"
#include "base/map.h"
#include "base/random.h"
#include "gateway/gateway.h"
#include "gateway/local.h"
#include "gateway/outbound.h"

/* A credential as a loop keeps it. */
struct kept {
	struct secret_text
		*text;	       /* what is sent; or what each request is made from: a token with a key, a signing key */
	struct dpop_key *dpop; /* NULL: sent as it is */
	struct secret_text *more;	    /* lines that go with a token with a key; NULL none */
	struct upstream_identity *identity; /* of servers within the process; NULL of all others */
	int64_t generation;		    /* of the store: another one, and it is looked for anew */
	int64_t until_ms;		    /* on loop_now, the same; 0: never */
	int64_t changed_ms;		    /* of the row */
	bool refused;			    /* noted */
	char id[ID_LEN + 1];
	size_t key_bytes;
	char key[];
};

struct outbound {
	uint32_t magic;
	struct map kept;
	struct map nonces; /* by upstream: what its proofs have to repeat */
};

/* Under which name its credential is kept: the upstream's, or UPSTREAM.ACCOUNT in `arena`. */
struct str outbound_place(struct arena *arena, const struct upstream_spec *spec, const struct upstream_asking *asking);

/* An account's token into `kept`; what a refusal of it means: as struct upstream_credentials. `asking` names a tenant.
 */
NODISCARD enum err outbound_oauth_ready(struct gateway *gateway, const struct upstream_spec *spec,
					const struct upstream_asking *asking, struct kept *kept) AWAITS;
NODISCARD enum err outbound_oauth_refused(struct gateway *gateway, const struct upstream_spec *spec,
					  const struct upstream_asking *asking, const struct upstream_refusal *refusal,
					  bool *ret_again) AWAITS;

/* The lines of one request with a token that is bound to a key. */
NODISCARD enum err outbound_proof(struct outbound *outbound, const struct kept *kept, const struct upstream_spec *spec,
				  const struct upstream_asking *asking, struct secret_text **ret_lines);

/* This loop's; NULL none. Forget it, unless it has changed since `changed_ms`. */
struct kept *outbound_kept(struct outbound *outbound, const struct upstream_spec *spec,
			   const struct upstream_asking *asking);
void outbound_forget(struct outbound *outbound, const struct upstream_spec *spec, const struct upstream_asking *asking,
		     int64_t changed_ms);

/* All of them: at the end, or when there are too many. */
void outbound_nonces_free(struct outbound *outbound);

#endif
