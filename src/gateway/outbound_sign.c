/* Signed requests: a text is made from the request as the configuration's `over` says, and its HMAC goes into a header,
 * beside whose key it is and when. Each request is signed anew. */
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "gateway/outbound.h"
#include "http/client.h"

#define LINES_BYTES 512 /* names, a signature of 64 bytes and a time; a prefix and an id come on top */

static void put_path(struct buf *text, struct str path)
{
	const char *question = memchr(path.p, '?', path.n);

	buf_put(text, (struct str){path.p, question == NULL ? path.n : (size_t)(question - path.p)});
}

static void put_query(struct buf *text, struct str path)
{
	const char *question = memchr(path.p, '?', path.n);

	if (question != NULL)
		buf_put(text, (struct str){question + 1, path.n - (size_t)(question + 1 - path.p)});
}

/* config_auth.c has seen to it that each brace begins one of these words. */
static void put_signed(struct buf *text, const struct upstream_signing *signing, const struct upstream_asking *asking,
		       int64_t timestamp)
{
	struct str over = signing->over;
	struct url url = {0};

	CHECK(url_parse(asking->url, &url) == OK);
	for (size_t at = 0; at < over.n; at++) {
		struct str rest = {over.p + at, over.n - at};

		if (over.p[at] != '{') {
			buf_put_byte(text, over.p[at]);
			continue;
		}
		if (str_starts(rest, STR("{method}")))
			buf_put(text, asking->method);
		else if (str_starts(rest, STR("{path}")))
			put_path(text, url.path);
		else if (str_starts(rest, STR("{query}")))
			put_query(text, url.path);
		else if (str_starts(rest, STR("{timestamp}")))
			buf_put_fmt(text, "%lld", (long long)timestamp);
		else
			buf_put(text, asking->body);
		at = (size_t)((const char *)memchr(rest.p, '}', rest.n) - over.p);
	}
}

static void put_line(struct buf *lines, struct str name, struct str value)
{
	if (name.n == 0)
		return;
	buf_put(lines, name);
	buf_put(lines, STR(": "));
	buf_put(lines, value);
	buf_put(lines, STR("\r\n"));
}

enum err outbound_sign(const struct upstream_auth *auth, struct str plain, const struct upstream_asking *asking,
		       int64_t now_ms, struct secret_text **ret_lines)
{
	const struct upstream_signing *signing = &auth->signing;
	int64_t timestamp = signing->clock == SIGNING_SECONDS ? now_ms / 1000 : now_ms;
	const char *colon = signing->id_name.n == 0 || plain.n == 0 ? NULL : memchr(plain.p, ':', plain.n);
	struct str id = {plain.p, colon == NULL ? 0 : (size_t)(colon - plain.p)}, key = plain;
	uint8_t mac[CRYPTO_DIGEST_BYTES_MAX];
	AUTO_BUF text = {0}, lines = {0}, when = {0};
	size_t n;

	if (signing->id_name.n > 0) {
		if (id.n == 0 || !str_is_printable(id))
			return ERR_RPC_PARAMS;
		key = (struct str){colon + 1, plain.n - id.n - 1};
	}
	if (key.n == 0)
		return ERR_RPC_PARAMS;
	put_signed(&text, signing, asking, timestamp);
	n = crypto_mac_shared(signing->digest == SIGNING_SHA512 ? CRYPTO_SHA512 : CRYPTO_SHA256, key, buf_str(&text),
			      mac);
	buf_put_fmt(&when, "%lld", (long long)timestamp);
	buf_reserve(&lines, LINES_BYTES + id.n + signing->prefix.n);
	put_line(&lines, signing->id_name, id);
	put_line(&lines, signing->timestamp_name, buf_str(&when));
	buf_put(&lines, auth->name);
	buf_put(&lines, STR(": "));
	buf_put(&lines, signing->prefix);
	if (signing->encoding == SIGNING_BASE64)
		base64_put(&lines, mac, n);
	else
		buf_put_hex(&lines, mac, n);
	buf_put(&lines, STR("\r\n"));
	*ret_lines = secret_text_new(buf_str(&lines));
	return OK;
}
