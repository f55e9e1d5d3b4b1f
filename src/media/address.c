/* Public addresses: for platforms that fetch a file themselves, and for another replica that needs one. An address
 * names its file and its end, under a MAC of the installation's key: nothing is kept of it, and it ends by itself, or
 * with its file.
 *
 *     /media/ID/SIGNATURE/file.jpg         SIGNATURE = base64url( end: 5 bytes, seconds | MAC: 16 bytes )
 *
 * The name behind it is for platforms that look at it; nobody reads it here. */
#include "media/media_private.h"

#include "base/check.h"

#define END_BYTES 5
#define MAC_BYTES (MEDIA_SIGNATURE_BYTES - END_BYTES)

static void sign(const struct media_store *store, struct str id, const uint8_t end[END_BYTES], uint8_t out[MAC_BYTES])
{
	const struct str pieces[] = {STR("media address 1"), id, {(const char *)end, END_BYTES}};
	uint8_t mac[CRYPTO_MAC_BYTES];

	crypto_mac(store->spec.key, pieces, ARRAY_LEN(pieces), mac);
	memcpy(out, mac, MAC_BYTES);
}

void address_put(const struct media_store *store, struct str id, struct str mime, int64_t expires_ms, struct buf *out)
{
	uint8_t signature[MEDIA_SIGNATURE_BYTES];
	int64_t end_s = expires_ms / 1000;

	for (int i = 0; i < END_BYTES; i++)
		signature[i] = (uint8_t)(end_s >> (8 * (END_BYTES - 1 - i)));
	sign(store, id, signature, signature + END_BYTES);
	buf_put_fmt(out, "/media/%.*s/", STR_ARG(id));
	base64url_put(out, signature, sizeof(signature));
	buf_put(out, STR("/file"));
	buf_put(out, sniff_extension(mime));
}

bool address_is_good(const struct media_store *store, struct str id, struct str signature, int64_t now_ms)
{
	uint8_t given[MEDIA_SIGNATURE_BYTES], wanted[MAC_BYTES];
	int64_t end_s = 0;
	size_t n;

	if (id.n != ID_LEN || signature.n != MEDIA_SIGNATURE_CHARS ||
	    base64url_get(signature, given, sizeof(given), &n) != OK || n != sizeof(given))
		return false;
	sign(store, id, given, wanted);
	if (!str_eq_secret((struct str){(const char *)wanted, MAC_BYTES},
			   (struct str){(const char *)given + END_BYTES, MAC_BYTES}))
		return false;
	for (int i = 0; i < END_BYTES; i++)
		end_s = end_s << 8 | given[i];
	return now_ms / 1000 < end_s;
}
