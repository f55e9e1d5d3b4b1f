/* One GET with the new token, and two JSON pointers into its answer. The answer is a stranger's: what is kept of it is
 * short and can be shown. */
#include "connect/identity.h"

#include "authclient/dpop.h"
#include "authclient/settings.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/fetch.h"

AWAITS enum err identity_read(struct arena *arena, const struct connect_at *at, const struct grant *grant,
			      struct str url, yyjson_val **ret_root)
{
	struct fetch fetch = {.url = url, .ca_file = at->ca_file, .allow_private = at->allow_private};
	AUTO(dpop_key) *key = NULL;
	struct fetched fetched;
	AUTO_BUF headers = {0};
	enum err err;

	buf_reserve(&headers, 2 * TOKEN_BYTES_MAX); /* so that it never moves, leaving a copy behind */
	buf_put(&headers, grant->type == TOKEN_DPOP ? STR("Authorization: DPoP ") : STR("Authorization: Bearer "));
	buf_put(&headers, grant->access_token);
	buf_put(&headers, STR("\r\nAccept: application/json\r\n"));
	if (grant->type == TOKEN_DPOP) {
		TRY(dpop_key_read(grant->dpop_key, &key));
		buf_put(&headers, STR("DPoP: "));
		TRY(dpop_proof_put(key, STR("GET"), url, grant->access_token, STR(""), clock_wall_ms(), &headers));
		buf_put(&headers, STR("\r\n"));
	}
	fetch.headers = buf_str(&headers);
	err = http_fetch(arena, &fetch, &fetched);
	crypto_wipe(headers.p, headers.n);
	TRY(err);
	if (fetched.status != 200)
		return ERR_UPSTREAM_AUTH;
	return json_read(arena, fetched.body, ret_root) == OK ? OK : ERR_UPSTREAM_GARBAGE;
}

struct str identity_text(struct arena *arena, yyjson_val *root, struct str pointer, size_t bytes_max)
{
	yyjson_val *value = pointer.n == 0 ? root : yyjson_ptr_getn(root, pointer.p, pointer.n);
	struct str text = json_str(value);

	if (yyjson_is_raw(value)) /* a number, as it was written */
		text = (struct str){yyjson_get_raw(value), yyjson_get_len(value)};
	if (text.n == 0 || str_has_control(text)) /* it would break a line or the page */
		return STR("");
	return arena_str(arena, str_shorten(text, bytes_max));
}

AWAITS enum err identity_probe(struct arena *arena, const struct connect_at *at, struct grant *grant)
{
	const struct auth_settings *settings = at->settings;
	yyjson_val *root;
	enum err err;

	if (settings->identity_url.n == 0)
		return OK;
	err = identity_read(arena, at, grant, settings->identity_url, &root);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	if (err != OK) {
		log_warn("connect.identity_unknown", LOG_STR("upstream", at->upstream),
			 LOG_STR("tenant", at->tenant_id), LOG_ERR(err));
		return OK;
	}
	if (settings->identity_id.n > 0)
		grant->account_id = identity_text(arena, root, settings->identity_id, ACCOUNT_ID_BYTES_MAX);
	if (settings->identity_name.n > 0)
		grant->account_name = identity_text(arena, root, settings->identity_name, ACCOUNT_NAME_BYTES_MAX);
	return OK;
}
