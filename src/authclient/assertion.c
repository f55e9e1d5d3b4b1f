/* The statement names the client twice, as who says it and whom it is about, and the issuer as whom it is for: not its
 * token endpoint, which two issuers could share with an attacker between them. Without a key's id: a client has one. */
#include "authclient/assertion.h"

#include "base/random.h"
#include "jose/jose.h"

enum err client_assertion_put(struct str private_key_pem, struct str client_id, struct str audience, int64_t now_ms,
			      struct buf *jwt)
{
	AUTO(jose_signer) *signer = NULL;
	AUTO_BUF claims = {0};
	char id[ID_LEN + 1];

	TRY(jose_signer_read_pem(private_key_pem, &signer));
	random_id(id);
	buf_put(&claims, STR("{\"iss\":"));
	buf_put_json(&claims, client_id);
	buf_put(&claims, STR(",\"sub\":"));
	buf_put_json(&claims, client_id);
	buf_put(&claims, STR(",\"aud\":"));
	buf_put_json(&claims, audience);
	buf_put_fmt(&claims, ",\"jti\":\"%s\",\"iat\":%lld,\"exp\":%lld}", id, (long long)(now_ms / 1000),
		    (long long)((now_ms + CLIENT_ASSERTION_LIFE_MS) / 1000));
	return jose_sign(signer, STR("JWT"), STR_NONE, buf_str(&claims), jwt);
}
