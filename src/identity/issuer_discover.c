/* Where an issuer's keys are. Two standards put the same document at two places: OpenID Connect behind the issuer's
 * path, RFC 8414 in front of it. The document is believed only when it names the issuer, byte by byte: else whoever
 * controls one path of a host could speak for another.
 *   Source     RFC 8414 section 3.3 */
#include "http/fetch.h"
#include "identity/issuers.h"

#define DOCUMENT_BYTES_MAX (64 * 1024)
#define DOCUMENT_REDIRECTS 2

static struct str oidc_url(struct arena *arena, struct str issuer)
{
	if (issuer.p[issuer.n - 1] == '/')
		issuer.n--;
	return arena_fmt(arena, "%.*s/.well-known/openid-configuration", STR_ARG(issuer));
}

/* The well-known name stands between host and path. */
static struct str oauth_url(struct arena *arena, struct str issuer)
{
	struct url url;
	size_t origin_bytes;

	if (issuer.p[issuer.n - 1] == '/')
		issuer.n--;
	if (url_parse(issuer, &url) != OK)
		return STR_NONE;
	origin_bytes = url.path.p >= issuer.p && url.path.p <= issuer.p + issuer.n ? (size_t)(url.path.p - issuer.p)
										   : issuer.n;
	return arena_fmt(arena, "%.*s/.well-known/oauth-authorization-server%.*s", (int)origin_bytes, issuer.p,
			 STR_ARG(str_skip(issuer, origin_bytes)));
}

AWAITS static enum err read_document(struct arena *arena, const struct issuer_settings *issuer, struct str url,
				     struct str *ret_url)
{
	const struct fetch fetch = {
		.url = url,
		.headers = STR("Accept: application/json\r\n"),
		.bytes_max = DOCUMENT_BYTES_MAX,
		.redirects = DOCUMENT_REDIRECTS,
		.allow_private = issuer->allow_private,
	};
	struct fetched fetched;
	yyjson_val *root;

	TRY(http_fetch(arena, &fetch, &fetched));
	if (fetched.status != 200 || json_read(arena, fetched.body, &root) != OK ||
	    !str_eq(json_str(json_get(root, "issuer")), issuer->issuer))
		return ERR_CONFIG;
	*ret_url = json_str(json_get(root, "jwks_uri"));
	return ret_url->n > 0 ? OK : ERR_CONFIG;
}

AWAITS enum err issuer_discover(struct arena *arena, const struct issuer_settings *issuer, struct str *ret_url)
{
	enum err err;

	if (issuer->jwks_uri.n > 0) {
		*ret_url = issuer->jwks_uri;
		return OK;
	}
	err = read_document(arena, issuer, oidc_url(arena, issuer->issuer), ret_url);
	if (err != ERR_CONFIG)
		return err;
	return read_document(arena, issuer, oauth_url(arena, issuer->issuer), ret_url);
}
