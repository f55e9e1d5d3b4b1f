/* What Inngest may know of this place. A stranger learns that there is one, whether its keys are set, and no more; keys
 * are told by a few digits of their hashes. */
#include "inngest/private.h"

#include "base/crypto.h"

#define HASH_SHOWN 12 /* digits */

static void put_member(struct buf *out, const char *name, struct str text)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, text);
}

/* The first digits of a key's hash, null without a key. */
static void put_key_hash(struct buf *out, const char *name, struct str key)
{
	AUTO_BUF hash = {0};

	buf_put_fmt(out, ",\"%s\":", name);
	if (key.n == 0) {
		buf_put(out, STR("null"));
		return;
	}
	key_hash_put(&hash, key);
	buf_put_json(out, (struct str){hash.p + key.n - key_secret(key).n, HASH_SHOWN});
}

static void put_event_key_hash(struct buf *out, struct str key)
{
	uint8_t digest[32];

	crypto_sha256(key, digest);
	buf_put(out, STR(",\"event_key_hash\":\""));
	buf_put_hex(out, digest, HASH_SHOWN / 2);
	buf_put_byte(out, '"');
}

static void put_rest(struct buf *out, const struct inngest_spec *spec)
{
	put_member(out, "api_origin", spec->api_url);
	put_member(out, "app_id", spec->app_id);
	buf_put(out, STR(",\"capabilities\":{\"trust_probe\":\"v1\",\"in_band_sync\":\"v1\"},\"env\":null"));
	put_member(out, "event_api_origin", spec->event_url);
	put_event_key_hash(out, spec->event_key);
	put_member(out, "framework", STR("gatehouse"));
	put_member(out, "sdk_language", STR("c"));
	put_member(out, "sdk_version", STR(GATEHOUSE_VERSION));
	put_member(out, "serve_origin", spec->origin);
	put_member(out, "serve_path", STR(INNGEST_PATH));
	put_key_hash(out, "signing_key_hash", spec->signing_key);
	put_key_hash(out, "signing_key_fallback_hash", spec->signing_key_fallback);
}

void introspection_put(struct buf *out, const struct inngest_spec *spec, enum inngest_proof proof)
{
	static const char *const succeeded[] = {
		[INNGEST_UNSIGNED] = "null",
		[INNGEST_FALSE] = "false",
		[INNGEST_PROVEN] = "true",
		[INNGEST_PROVEN_FALLBACK] = "true",
	};

	buf_put_fmt(
		out,
		"{\"authentication_succeeded\":%s,\"function_count\":%zu,\"has_event_key\":%s,\"has_signing_key\":true,"
		"\"has_signing_key_fallback\":%s,\"mode\":\"cloud\",\"schema_version\":\"2024-05-24\"",
		succeeded[proof], spec->function_count, spec->event_key.n > 0 ? "true" : "false",
		spec->signing_key_fallback.n > 0 ? "true" : "false");
	if (proof >= INNGEST_PROVEN)
		put_rest(out, spec);
	buf_put_byte(out, '}');
}
