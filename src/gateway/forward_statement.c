/* Sealed statements. The plaintext, numbers in big endian:
 *
 *   0        1       2    10     18            26       27     43     45            77              85
 *   | format | flags | to | from | made at, ms | family | peer | port | fingerprint | it expires, ms | host
 *
 * sealed with AES-256-GCM, the request's digest bound in but not stored, then base64url. */
#include "gateway/forward_statement.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/random.h"

#define FORMAT 1
#define HEAD_BYTES 85
#define SEALED_BYTES_MAX (HEAD_BYTES + FORWARD_HOST_BYTES_MAX + CRYPTO_SEAL_OVERHEAD)

static_assert((SEALED_BYTES_MAX * 4 + 2) / 3 <= FORWARD_STATEMENT_BYTES_MAX, "the longest one fits");

enum { FLAG_COUNTED = 1, FLAG_SECURE = 2 };

/* Where the plaintext's parts begin. */
enum {
	AT_TO = 2,
	AT_FROM = 10,
	AT_MADE = 18,
	AT_FAMILY = 26,
	AT_PEER = 27,
	AT_PORT = 43,
	AT_CERT = 45,
	AT_EXPIRY = 77
};

/* ---- the digest ------------------------------------------------------------------------ */

/* Each part goes in with its length, so that no two requests read the same. */
static void put_part(struct buf *out, struct str part)
{
	uint64_t n = htobe64(part.p == NULL ? UINT64_MAX : part.n);

	buf_put(out, (struct str){(const char *)&n, sizeof(n)});
	buf_put(out, part);
}

void forward_digest(const struct http_exchange *exchange, uint8_t ret_digest[FORWARD_DIGEST_BYTES])
{
	static const enum http_header_id headers[] = {
		HTTP_AUTHORIZATION, HTTP_X_API_KEY, HTTP_COOKIE,	HTTP_MCP_SESSION_ID,
		HTTP_MCP_METHOD,    HTTP_MCP_NAME,  HTTP_LAST_EVENT_ID, HTTP_ORIGIN,
	};
	uint8_t body[32], method = (uint8_t)exchange->method;
	AUTO_BUF parts = {0};

	crypto_sha256(exchange->body, body); /* where it is: it may be large */
	put_part(&parts, (struct str){(const char *)&method, 1});
	put_part(&parts, exchange->path);
	put_part(&parts, exchange->query);
	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		put_part(&parts, http_field_get(&exchange->fields, headers[i]));
	put_part(&parts, (struct str){(const char *)body, sizeof(body)});
	crypto_sha256(buf_str(&parts), ret_digest);
	crypto_wipe(parts.p, parts.n); /* it holds the credential */
}

static struct str bound(const uint8_t digest[FORWARD_DIGEST_BYTES])
{
	return (struct str){(const char *)digest, FORWARD_DIGEST_BYTES};
}

/* ---- writing ----------------------------------------------------------------------------- */

static void write_u64(uint8_t *at, uint64_t n)
{
	n = htobe64(n);
	memcpy(at, &n, sizeof(n));
}

static void write_peer(uint8_t *plain, const struct address *peer)
{
	switch (peer->sa.sa_family) {
	case AF_INET:
		plain[AT_FAMILY] = 4;
		memcpy(plain + AT_PEER, &peer->in4.sin_addr, 4);
		memcpy(plain + AT_PORT, &peer->in4.sin_port, 2);
		return;
	case AF_INET6:
		plain[AT_FAMILY] = 6;
		memcpy(plain + AT_PEER, &peer->in6.sin6_addr, 16);
		memcpy(plain + AT_PORT, &peer->in6.sin6_port, 2);
		return;
	default:
		plain[AT_FAMILY] = 0; /* a Unix socket: it has no more of an address */
	}
}

void forward_statement_seal(const struct secret *key, const struct forward_statement *statement,
			    const uint8_t digest[FORWARD_DIGEST_BYTES], struct buf *out)
{
	uint8_t plain[HEAD_BYTES + FORWARD_HOST_BYTES_MAX] = {FORMAT};
	size_t host_bytes = statement->host.n <= FORWARD_HOST_BYTES_MAX ? statement->host.n : 0;
	AUTO_BUF sealed = {0};

	plain[1] = (uint8_t)((statement->counted ? FLAG_COUNTED : 0) | (statement->secure ? FLAG_SECURE : 0));
	write_u64(plain + AT_TO, statement->to);
	write_u64(plain + AT_FROM, statement->from);
	write_u64(plain + AT_MADE, (uint64_t)statement->made_ms);
	write_peer(plain, &statement->peer);
	memcpy(plain + AT_CERT, statement->client_cert.fingerprint, 32);
	write_u64(plain + AT_EXPIRY, (uint64_t)statement->client_cert.expires_ms);
	if (host_bytes > 0)
		memcpy(plain + HEAD_BYTES, statement->host.p, host_bytes);
	crypto_seal(key, (struct str){(const char *)plain, HEAD_BYTES + host_bytes}, bound(digest), &sealed);
	base64url_put(out, sealed.p, sealed.n);
}

/* ---- reading ----------------------------------------------------------------------------- */

static uint64_t read_u64(const uint8_t *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return be64toh(n);
}

static void read_peer(const uint8_t *plain, struct address *ret_peer)
{
	*ret_peer = (struct address){0};
	switch (plain[AT_FAMILY]) {
	case 4:
		ret_peer->in4.sin_family = AF_INET;
		memcpy(&ret_peer->in4.sin_addr, plain + AT_PEER, 4);
		memcpy(&ret_peer->in4.sin_port, plain + AT_PORT, 2);
		return;
	case 6:
		ret_peer->in6.sin6_family = AF_INET6;
		memcpy(&ret_peer->in6.sin6_addr, plain + AT_PEER, 16);
		memcpy(&ret_peer->in6.sin6_port, plain + AT_PORT, 2);
		return;
	default:
		ret_peer->un.sun_family = AF_UNIX;
	}
}

enum err forward_statement_open(const struct secret *key, struct str text, const uint8_t digest[FORWARD_DIGEST_BYTES],
				uint64_t node, int64_t now_ms, struct arena *arena,
				struct forward_statement *ret_statement)
{
	uint8_t sealed[SEALED_BYTES_MAX], plain[SEALED_BYTES_MAX];
	int64_t made_ms;
	size_t n;

	if (base64url_get(text, sealed, sizeof(sealed), &n) != OK || n < HEAD_BYTES + CRYPTO_SEAL_OVERHEAD ||
	    crypto_open(key, (struct str){(const char *)sealed, n}, bound(digest), plain, &n) != OK ||
	    plain[0] != FORMAT)
		return ERR_FORWARDED;
	made_ms = (int64_t)read_u64(plain + AT_MADE);
	if (made_ms < now_ms - FORWARD_STATEMENT_MS || made_ms > now_ms + FORWARD_STATEMENT_MS)
		return ERR_FORWARDED;
	if (read_u64(plain + AT_TO) != node)
		return ERR_MISDIRECTED;
	*ret_statement = (struct forward_statement){
		.to = node,
		.from = read_u64(plain + AT_FROM),
		.made_ms = made_ms,
		.counted = (plain[1] & FLAG_COUNTED) != 0,
		.secure = (plain[1] & FLAG_SECURE) != 0,
		.client_cert.expires_ms = (int64_t)read_u64(plain + AT_EXPIRY),
		.host = arena_str(arena, (struct str){(const char *)plain + HEAD_BYTES, n - HEAD_BYTES}),
	};
	memcpy(ret_statement->client_cert.fingerprint, plain + AT_CERT, 32);
	read_peer(plain, &ret_statement->peer);
	return OK;
}
