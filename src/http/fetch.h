/* One request to a stranger's server: issuers' keys, discovery documents, client documents, token endpoints; files that
 * somebody named. Rare: a connection of its own, a bound on size and time, the address guard on every address. */
#ifndef GATEHOUSE_HTTP_FETCH_H
#define GATEHOUSE_HTTP_FETCH_H

#include "http/client.h"

#define FETCH_BYTES_MAX (256 * 1024)
#define FETCH_TIMEOUT_MS 10000

struct fetched;
struct fetch {
	struct str url;	    /* https; http only to loopback, and only with allow_private */
	struct str method;  /* p NULL: GET */
	struct str headers; /* full lines */
	struct str body;
	size_t bytes_max;    /* of the body; 0: FETCH_BYTES_MAX */
	int64_t timeout_ms;  /* 0: FETCH_TIMEOUT_MS */
	unsigned redirects;  /* followed, each checked like the first, at most 3; only of a GET; 0 none */
	bool allow_private;  /* the address may be private or loopback */
	const char *ca_file; /* trusted instead of the system's certificates; NULL these */
	bool plain;	     /* http to anywhere: an operator has named the address */
	/* Instead of being gathered, the body of a 2xx goes here as it comes; `fetched` has all but the body.
	 * An error ends the fetch and is its own. AWAITS; may be NULL. */
	enum err (*sink)(void *arg, const struct fetched *fetched, struct str piece);
	void *arg;
};

struct fetched {
	int status;
	struct str body;
	struct str content_type;
	struct str challenge;	/* WWW-Authenticate, its lines joined by commas */
	struct str dpop_nonce;	/* DPoP-Nonce: what the next proof has to repeat */
	int64_t retry_after_ms; /* Retry-After in seconds, as ms; 0 when it names none, or a date */
	int64_t fresh_ms; /* as Cache-Control: max-age allows it to be kept; 0 when it names none, -1 for no-store */
};

/* Ask.
 *   ret_fetched  whatever the status is; in `arena`
 *   Errors       ERR_CONFIG (not such a URL), ERR_REFUSED_ADDRESS, ERR_UPSTREAM_TOO_LARGE, as http_call
 *   Runs on      a fiber */
NODISCARD enum err http_fetch(struct arena *arena, const struct fetch *fetch, struct fetched *ret_fetched) AWAITS;

#endif
