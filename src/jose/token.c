/* Taking a compact JWS apart. The gateway's own strict readers see every byte first: base64url without padding or
 * stray bits, JSON without a member twice, UTF-8. What the library reads afterwards is what was judged here; where two
 * readers could differ, the token is refused.
 *
 * Members that name a key or where to find one (jwk, jku, x5u, x5c) are not looked at: a key comes from the issuer
 * that is configured, or it does not come. `crit` asks for something that we don't know: refused.
 *   Source     RFC 7515 sections 4.1, 5.2, 7.1; RFC 8725 */
#include "base/random.h"
#include "jose/jose_private.h"

#define HEADER_BYTES_MAX 2048
#define KID_BYTES_MAX 256

static enum err read_part(struct arena *arena, struct str part, yyjson_val **ret_object)
{
	char *text = arena_try_alloc(arena, part.n + 1);
	size_t n;

	if (text == NULL)
		return ERR_LIMIT;
	TRY(base64url_get(part, text, part.n, &n));
	TRY(json_read(arena, (struct str){text, n}, ret_object));
	return yyjson_is_obj(*ret_object) ? OK : ERR_TOKEN_INVALID;
}

/* A member that is absent, or a string. */
static bool optional_text(yyjson_val *header, const char *name, struct str *ret_text)
{
	yyjson_val *v = json_get(header, name);

	*ret_text = json_str(v);
	return v == NULL || (ret_text->p != NULL && ret_text->n <= KID_BYTES_MAX);
}

static enum err read_header(yyjson_val *header, struct jose_token *token)
{
	token->alg = jose_alg_of(json_str(json_get(header, "alg")));
	if (token->alg == 0 || json_get(header, "crit") != NULL || json_get(header, "b64") != NULL ||
	    !optional_text(header, "kid", &token->kid) || !optional_text(header, "typ", &token->typ))
		return ERR_TOKEN_INVALID;
	return OK;
}

/* Whether the signature's text decodes, and to something. */
static bool signature_is_clean(struct arena *arena, struct str part)
{
	void *bytes = arena_try_alloc(arena, part.n + 1);
	size_t n;

	return bytes != NULL && base64url_get(part, bytes, part.n, &n) == OK && n > 0;
}

enum err jose_token_read(struct arena *arena, struct str text, struct jose_token *ret_token)
{
	struct jose_token token = {0};
	struct str header, rest, payload, signature;
	yyjson_val *object;

	if (text.n > JOSE_TOKEN_BYTES_MAX || !str_cut(text, '.', &header, &rest) ||
	    !str_cut(rest, '.', &payload, &signature) || header.n > HEADER_BYTES_MAX ||
	    memchr(signature.p, '.', signature.n) != NULL)
		return ERR_TOKEN_INVALID;
	if (read_part(arena, header, &object) != OK || read_part(arena, payload, &token.unproved) != OK ||
	    !signature_is_clean(arena, signature))
		return ERR_TOKEN_INVALID;
	TRY(read_header(object, &token));
	token.text = arena_str(arena, text);
	token.issuer = json_str(json_get(token.unproved, "iss"));
	*ret_token = token;
	return OK;
}
