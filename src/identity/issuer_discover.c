/* Where an issuer's keys are: in the document that describes it, at one of the places where two standards put it. The
 * document is believed only when it names the issuer, byte by byte: else whoever controls one path of a host could
 * speak for another.
 *   Source     RFC 8414 section 3.3 */
#include "authclient/discovery.h"
#include "base/json.h"
#include "http/fetch.h"
#include "identity/issuers.h"

#define DOCUMENT_BYTES_MAX (64 * 1024)
#define DOCUMENT_REDIRECTS 2

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
	enum err err = ERR_CONFIG;
	struct places places;

	if (issuer->jwks_uri.n > 0) {
		*ret_url = issuer->jwks_uri;
		return OK;
	}
	TRY(places_of_issuer(arena, issuer->issuer, &places));
	for (size_t i = 0; i < places.count && err == ERR_CONFIG; i++)
		err = read_document(arena, issuer, places.url[i], ret_url);
	return err;
}
