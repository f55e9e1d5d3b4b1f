/* A connection's memo. It belongs to one connection and so to one loop; a request of it runs at a time. Credentials are
 * compared in constant time and wiped with the memo: the heap keeps no copy of a token whose connection is gone. */
#include "gateway/memo.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "gateway/allowance.h"

#define MEMO_MAGIC 0x4d454d4fu /* "MEMO" */

void memo_free(void *object)
{
	struct memo *memo = object;

	if (memo == NULL)
		return;
	CHECK_OBJ(memo, MEMO_MAGIC);
	seen_class_forget(&memo->seen);
	allowance_unref(memo->allowance);
	if (memo->credential != NULL)
		crypto_wipe(memo->credential, memo->credential_room);
	free(memo->credential);
	crypto_wipe(memo, sizeof(*memo));
	free(memo);
}

struct memo *memo_of(struct request *req)
{
	struct memo *memo = req->exchange->memo;

	if (memo == NULL && req->exchange->conn != NULL) {
		memo = calloc(1, sizeof(*memo));
		if (memo == NULL)
			return NULL;
		memo->magic = MEMO_MAGIC;
		req->exchange->memo = memo;
	}
	return memo;
}

void memo_note_peer(struct request *req)
{
	const struct address *peer = &req->exchange->peer;
	struct memo *memo = memo_of(req);

	if (memo != NULL && memo->ip_bytes > 0 && memcmp(&memo->peer, &peer->in6, sizeof(memo->peer)) == 0) {
		req->ip_text = (struct str){memo->ip, memo->ip_bytes};
		return;
	}
	req->ip_text = address_text(peer, false, req->ip);
	if (memo == NULL || req->ip_text.n > sizeof(memo->ip))
		return;
	memo->peer = peer->in6;
	memo->audit_ip_bytes = 0;
	memo->ip_bytes = req->ip_text.n;
	memcpy(memo->ip, req->ip_text.p, req->ip_text.n);
}

static bool same_resource(const struct memo *memo, struct str resource)
{
	uint8_t digest[CRYPTO_MAC_BYTES];

	if (memo->caller.credential == CREDENTIAL_KEY || memo->caller.credential == CREDENTIAL_OPERATOR ||
	    memo->caller.credential == CREDENTIAL_CERTIFICATE)
		return true;
	crypto_sha256(resource, digest);
	return memcmp(digest, memo->resource, sizeof(digest)) == 0;
}

bool memo_caller(const struct request *req, struct memo *memo, struct str credential, struct str resource,
		 struct caller *ret_caller)
{
	if (memo == NULL || memo->credential_bytes != credential.n || credential.n == 0 ||
	    memo->generation != identity_generation(req->gateway->identity) ||
	    !str_eq_secret((struct str){memo->credential, memo->credential_bytes}, credential) ||
	    (memo->caller.expires_ms != 0 && memo->caller.expires_ms <= clock_wall_ms()) ||
	    !same_resource(memo, resource))
		return false;
	*ret_caller = memo->caller;
	return true;
}

static bool make_room(struct memo *memo, size_t n)
{
	char *fresh;

	if (n <= memo->credential_room)
		return true;
	fresh = malloc(n);
	if (fresh == NULL)
		return false;
	if (memo->credential != NULL)
		crypto_wipe(memo->credential, memo->credential_room);
	free(memo->credential);
	memo->credential = fresh;
	memo->credential_room = n;
	return true;
}

void memo_keep(struct memo *memo, struct str credential, struct str resource, int64_t generation,
	       const struct caller *caller)
{
	if (memo == NULL)
		return;
	memo->token_bytes = 0; /* the session was somebody's */
	memo->credential_bytes = 0;
	if (credential.n > MEMO_CREDENTIAL_MAX || !make_room(memo, credential.n))
		return;
	memo->caller = *caller;
	memo->generation = generation;
	crypto_sha256(resource, memo->resource);
	memo->credential_bytes = credential.n;
	memcpy(memo->credential, credential.p, credential.n);
}
