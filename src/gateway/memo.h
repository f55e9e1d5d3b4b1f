/* What a connection remembers: its peer's address as text, who proved what on it, the session that was opened last.
 * A keep-alive client pays for its credential once, until the store's generation moves or the credential expires. */
#ifndef GATEHOUSE_GATEWAY_MEMO_H
#define GATEHOUSE_GATEWAY_MEMO_H

#include "gateway/request.h"
#include "gateway/visible.h"

#define MEMO_CREDENTIAL_MAX 4096 /* bytes kept with a connection; longer tokens are looked up again each time */

struct memo {
	uint32_t magic;
	struct sockaddr_in6 peer; /* whose text `ip` is; large enough for IPv4 too */
	size_t ip_bytes;	  /* 0: not written yet */
	char ip[INET6_ADDRSTRLEN];
	struct caller caller;
	int64_t generation;
	size_t credential_bytes; /* 0: nobody yet */
	size_t credential_room;
	char *credential;		    /* heap: keys have 46 bytes, tokens up to some thousand */
	uint8_t resource[CRYPTO_MAC_BYTES]; /* digest of what a token was shown for */
	struct seen_class seen;
	struct allowance *allowance;					     /* one reference; NULL: not asked yet */
	size_t audit_ip_bytes;						     /* 0: `ip` is not sealed yet */
	char audit_ip[AUDIT_ADDRESS_BYTES_MAX], audit_principal[ID_LEN + 1]; /* for whom it is sealed */
	struct mcp_session session;
	size_t token_bytes;
	char token[MCP_SESSION_TOKEN_MAX];
};

/* The memo of the request's connection; NULL when there is no memory for one, and once the request was released from
 * its connection: nobody would free it. */
struct memo *memo_of(struct request *req);

/* Set req->ip_text; behind a trusted proxy it may change from request to request. */
void memo_note_peer(struct request *req);

/* The caller that this credential was found to stand for; false: it has to be asked again.
 *   resource   what a token is shown for; a key is good for any */
bool memo_caller(const struct request *req, struct memo *memo, struct str credential, struct str resource,
		 struct caller *ret_caller);

/* Remember that it does.
 *   generation of identity, from before it was asked */
void memo_keep(struct memo *memo, struct str credential, struct str resource, int64_t generation,
	       const struct caller *caller);

/* For http_server_spec.memo_free: wipe and free what a connection remembered. */
void memo_free(void *object);

#endif
