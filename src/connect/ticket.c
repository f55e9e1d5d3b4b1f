/* The text is known to the browser alone: its digest is the key, and the seal is bound to that key and to the kind, so
 * that a value which was put elsewhere, or under another kind, does not open. A value may go before its time, when the
 * state is full: its owner begins again. */
#include "connect/ticket.h"

#include "base/check.h"
#include "base/random.h"

#define TICKET_BITS 256

static const char *const kinds[] = {
	[TICKET_LINK] = "connect-link:",
	[TICKET_CONSENT] = "connect-consent:",
	[TICKET_CHOICE] = "connect-choice:",
};

void ticket_digest(struct str text, struct buf *out)
{
	uint8_t digest[32];

	crypto_sha256(text, digest);
	base64url_put(out, digest, sizeof(digest));
}

static void put_key(enum ticket_kind kind, struct str text, struct buf *out)
{
	buf_put(out, str_of(kinds[kind]));
	ticket_digest(text, out);
}

AWAITS enum err ticket_issue(const struct ticket_place *place, enum ticket_kind kind, struct str content,
			     int64_t life_ms, char ret_text[TICKET_TEXT_LEN + 1])
{
	AUTO_BUF text = {0}, key = {0}, sealed = {0};

	if (content.n > TICKET_BYTES_MAX)
		return ERR_LIMIT;
	random_text_put(&text, TICKET_BITS / 8);
	CHECK(text.n == TICKET_TEXT_LEN);
	put_key(kind, buf_str(&text), &key);
	crypto_seal(place->key, content, buf_str(&key), &sealed);
	TRY(state_put(place->state, buf_str(&key), buf_str(&sealed), life_ms));
	memcpy(ret_text, text.p, TICKET_TEXT_LEN);
	ret_text[TICKET_TEXT_LEN] = '\0';
	return OK;
}

static enum err open_sealed(const struct ticket_place *place, struct str key, struct str sealed, struct arena *arena,
			    struct str *ret_content)
{
	struct str plain;

	if (sealed.p == NULL || sealed.n < CRYPTO_SEAL_OVERHEAD || sealed.n > TICKET_BYTES_MAX + CRYPTO_SEAL_OVERHEAD)
		return ERR_NOT_FOUND;
	plain.p = arena_try_alloc(arena, sealed.n);
	if (plain.p == NULL)
		return ERR_LIMIT;
	if (crypto_open(place->key, sealed, key, (char *)plain.p, &plain.n) != OK)
		return ERR_NOT_FOUND;
	*ret_content = plain;
	return OK;
}

AWAITS static enum err find(const struct ticket_place *place, enum ticket_kind kind, struct str text, bool claim,
			    struct arena *arena, struct str *ret_content)
{
	AUTO_BUF key = {0};
	struct str sealed;

	if (text.n != TICKET_TEXT_LEN)
		return ERR_NOT_FOUND;
	put_key(kind, text, &key);
	TRY(claim ? state_claim(place->state, arena, buf_str(&key), &sealed)
		  : state_get(place->state, arena, buf_str(&key), &sealed));
	return open_sealed(place, buf_str(&key), sealed, arena, ret_content);
}

AWAITS enum err ticket_look(const struct ticket_place *place, enum ticket_kind kind, struct str text,
			    struct arena *arena, struct str *ret_content)
{
	return find(place, kind, text, false, arena, ret_content);
}

AWAITS enum err ticket_take(const struct ticket_place *place, enum ticket_kind kind, struct str text,
			    struct arena *arena, struct str *ret_content)
{
	return find(place, kind, text, true, arena, ret_content);
}
