/* Tokens of accounts: asked of room connect, which keeps them fresh; made into lines here, and once for each request
 * where they are bound to a key. What a refusal means is connect's to say, but for two cases: the server only wants its
 * nonce repeated; or this loop has another token by now, so that the refusal says nothing of it. */
#include <stdio.h>
#include <stdlib.h>

#include "authclient/providers.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "connect/fresh.h"
#include "gateway/accounts.h"
#include "gateway/outbound_private.h"
#include "store/user.h"

#define AT_ARENA_BYTES (256 * 1024) /* settings with a key in PEM, a row of a user, challenges */
#define KEPT_MS_MIN 1000	    /* while a renewal is under way not every call asks how it goes */
#define HEADER_BYTES_MAX 512	    /* names of headers, and what was picked */
#define PROOF_BYTES_MAX (8 * 1024)  /* a nonce and a URL, in base64 */
#define BEARER STR("Authorization: Bearer ")
#define BOUND STR("Authorization: DPoP ")

struct nonce {
	size_t key_bytes;
	char key[32]; /* the upstream's name */
	struct buf text;
};

/* ---- whose account ---------------------------------------------------------------- */

/* Who the caller is, for flows that say so to others. */
AWAITS static struct str subject_of(struct gateway *gateway, struct arena *arena, const struct auth_settings *settings,
				    const struct upstream_asking *asking)
{
	struct user user;

	if (settings->flow < AUTH_FLOW_WORKLOAD || settings->subject_file.n > 0 || asking->principal.n == 0)
		return STR("");
	if (user_get(gateway->db, asking->tenant_id, arena, asking->principal, &user) != OK)
		return asking->principal;
	return user.email.n > 0 ? user.email : asking->principal;
}

AWAITS static struct connect_at at_of(struct gateway *gateway, struct arena *arena, const struct upstream_spec *spec,
				      const struct upstream_asking *asking)
{
	struct connect_at at;

	accounts_at(gateway, spec, asking->account, arena, &at);
	at.tenant_id = asking->tenant_id;
	at.user_id = asking->principal;
	at.subject = subject_of(gateway, arena, at.settings, asking);
	return at;
}

/* That another service does not answer is no verdict on the upstream. */
static enum err told(enum err err)
{
	switch (err) {
	case ERR_UPSTREAM_DOWN:
	case ERR_UPSTREAM_TIMEOUT:
	case ERR_UPSTREAM_GARBAGE:
	case ERR_UPSTREAM_BUSY:
		return ERR_CREDENTIAL_LATER;
	default:
		return err;
	}
}

/* ---- tokens ----------------------------------------------------------------------- */

static int64_t kept_until(const struct fresh *fresh)
{
	int64_t now_ms = clock_wall_ms(), left_ms = fresh->again_ms - now_ms;

	if (fresh->again_ms == 0)
		return 0;
	if (left_ms < KEPT_MS_MIN)
		left_ms = KEPT_MS_MIN;
	if (fresh->expires_ms > 0 && left_ms > fresh->expires_ms - now_ms)
		left_ms = fresh->expires_ms - now_ms;
	return loop_now(loop_self()) + (left_ms > 0 ? left_ms : 1);
}

/* What was picked of several, for servers that want it said with each call. */
static void put_picked(struct buf *lines, const struct auth_settings *settings, const struct fresh *fresh)
{
	if (settings->pick_header.n > 0 && fresh->picked[0] != '\0')
		buf_put_fmt(lines, "%.*s: %s\r\n", STR_ARG(settings->pick_header), fresh->picked);
}

static struct secret_text *bearer_lines(const struct auth_settings *settings, const struct fresh *fresh)
{
	const char *header = auth_dialect_of(settings->provider)->token_header;
	struct str token = secret_text_str(fresh->token);
	struct secret_text *text;
	AUTO_BUF lines = {0};

	buf_reserve(&lines, token.n + HEADER_BYTES_MAX); /* so that it never moves, leaving a copy behind */
	if (header == NULL)
		buf_put(&lines, BEARER);
	else
		buf_put_fmt(&lines, "%s: ", header);
	buf_put(&lines, token);
	buf_put(&lines, STR("\r\n"));
	put_picked(&lines, settings, fresh);
	text = secret_text_new(buf_str(&lines));
	crypto_wipe(lines.p, lines.n);
	return text;
}

static void keep(const struct auth_settings *settings, const struct fresh *fresh, struct kept *kept)
{
	AUTO_BUF more = {0};

	kept->dpop = fresh->type == TOKEN_DPOP ? dpop_key_ref(fresh->dpop) : NULL;
	kept->text = kept->dpop != NULL ? secret_text_ref(fresh->token) : bearer_lines(settings, fresh);
	if (kept->dpop != NULL)
		put_picked(&more, settings, fresh);
	kept->more = more.n > 0 ? secret_text_new(buf_str(&more)) : NULL;
	kept->changed_ms = fresh->changed_ms;
	kept->until_ms = kept_until(fresh);
	memcpy(kept->id, fresh->id, sizeof(kept->id));
}

/* Who it is at the service, for what is made of it within the process. */
static void keep_identity(const struct fresh *fresh, struct kept *kept)
{
	struct upstream_identity *identity = calloc(1, sizeof(*identity));
	const char *id = fresh->picked[0] != '\0' ? fresh->picked : fresh->account_id;

	CHECK(identity != NULL);
	identity->secret = secret_text_ref(fresh->token);
	identity->is_token = true;
	snprintf(identity->account_id, sizeof(identity->account_id), "%s", id);
	snprintf(identity->account_name, sizeof(identity->account_name), "%s", fresh->account_name);
	identity->knows_scopes = fresh->scopes[0] != '\0';
	snprintf(identity->scopes, sizeof(identity->scopes), "%s", fresh->scopes);
	kept->identity = identity;
}

AWAITS enum err outbound_oauth_ready(struct gateway *gateway, const struct upstream_spec *spec,
				     const struct upstream_asking *asking, struct kept *kept)
{
	struct arena *arena = arena_new(AT_ARENA_BYTES);
	struct connect_at at = at_of(gateway, arena, spec, asking);
	struct fresh fresh;
	enum err err = connect_fresh(gateway->connect, &at, &fresh);

	if (err == OK)
		keep(at.settings, &fresh, kept);
	if (err == OK && spec->kind == UPSTREAM_LOCAL)
		keep_identity(&fresh, kept);
	arena_free_wiped(arena);
	if (err != OK)
		return told(err);
	fresh_end(&fresh);
	return OK;
}

/* ---- proofs ----------------------------------------------------------------------- */

static void nonce_free(void *value)
{
	struct nonce *nonce = value;

	buf_free(&nonce->text);
	free(nonce);
}

void outbound_nonces_free(struct outbound *outbound)
{
	map_free_values(&outbound->nonces, nonce_free);
}

/* Remember what the server wants to hear.
 *   returns    whether it was not said already */
static bool take_nonce(struct outbound *outbound, const struct upstream_spec *spec, struct str text)
{
	struct nonce *nonce = map_get(&outbound->nonces, spec->name);

	if (!dpop_nonce_ok(text))
		return false;
	if (nonce == NULL) {
		if (outbound->nonces.used >= OUTBOUND_NONCES_MAX)
			outbound_nonces_free(outbound);
		nonce = calloc(1, sizeof(*nonce));
		CHECK(nonce != NULL && spec->name.n <= sizeof(nonce->key));
		nonce->key_bytes = spec->name.n;
		memcpy(nonce->key, spec->name.p, spec->name.n);
		map_put(&outbound->nonces, (struct str){nonce->key, nonce->key_bytes}, nonce);
	} else if (str_eq(buf_str(&nonce->text), text)) {
		return false;
	}
	nonce->text.n = 0;
	buf_put(&nonce->text, text);
	return true;
}

enum err outbound_proof(struct outbound *outbound, const struct kept *kept, const struct upstream_spec *spec,
			const struct upstream_asking *asking, struct secret_text **ret_lines)
{
	const struct nonce *nonce = map_get(&outbound->nonces, spec->name);
	struct str token = secret_text_str(kept->text);
	AUTO_BUF lines = {0};
	enum err err;

	buf_reserve(&lines, BOUND.n + token.n + PROOF_BYTES_MAX +
				    HEADER_BYTES_MAX); /* so that it never moves, leaving a copy behind */
	buf_put(&lines, BOUND);
	buf_put(&lines, token);
	buf_put(&lines, STR("\r\nDPoP: "));
	err = dpop_proof_put(kept->dpop, asking->method, asking->url, token,
			     nonce == NULL ? STR("") : buf_str(&nonce->text), clock_wall_ms(), &lines);
	buf_put(&lines, STR("\r\n"));
	if (kept->more != NULL)
		buf_put(&lines, secret_text_str(kept->more));
	if (err == OK)
		*ret_lines = secret_text_new(buf_str(&lines));
	crypto_wipe(lines.p, lines.n);
	return err;
}

/* ---- refusals --------------------------------------------------------------------- */

static struct str field_named(const struct http_fields *fields, struct str name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (str_eq_nocase(fields->field[i].name, name))
			return fields->field[i].value;
	return STR_NONE;
}

static bool wants_nonce(struct outbound *outbound, const struct upstream_spec *spec,
			const struct upstream_refusal *refusal, const struct challenges *challenges)
{
	const struct challenge *challenge = challenges_find(challenges, STR("DPoP"));
	struct str nonce = field_named(refusal->fields, STR("DPoP-Nonce"));

	if (refusal->status != 401 || challenge == NULL || nonce.p == NULL ||
	    !str_eq(challenge_get(challenge, STR("error")), STR("use_dpop_nonce")))
		return false;
	return take_nonce(outbound, spec, nonce);
}

/* Whether what was sent is what this loop still has. */
static bool was_sent(const struct kept *kept, const struct secret_text *sent)
{
	struct str lines = secret_text_str(sent), token = secret_text_str(kept->text);

	if (kept->dpop == NULL)
		return str_eq(token, lines); /* several may have made the same one ready at once */
	return lines.n > BOUND.n + token.n && memcmp(lines.p + BOUND.n, token.p, token.n) == 0 &&
	       lines.p[BOUND.n + token.n] == '\r';
}

AWAITS static enum err look_into(struct gateway *gateway, struct arena *arena, const struct upstream_spec *spec,
				 const struct upstream_asking *asking, const struct upstream_refusal *refusal,
				 enum connect_verdict *ret_verdict)
{
	struct outbound *outbound = gateway_here(gateway)->outbound;
	struct connect_refusal what = {.status = refusal->status};
	struct challenges challenges;
	struct connect_at at;
	struct kept *kept;
	enum err err;

	*ret_verdict = CONNECT_AGAIN;
	challenges_of(arena, refusal->fields, &challenges);
	what.challenges = &challenges;
	if (wants_nonce(outbound, spec, refusal, &challenges))
		return OK;
	kept = outbound_kept(outbound, spec, asking);
	if (kept == NULL || !was_sent(kept, refusal->sent))
		return OK;
	what.changed_ms = kept->changed_ms;
	at = at_of(gateway, arena, spec, asking);
	err = connect_refused(gateway->connect, &at, &what, ret_verdict);
	if (err == OK && *ret_verdict != CONNECT_GIVE_UP)
		outbound_forget(outbound, spec, asking, what.changed_ms);
	return err;
}

AWAITS enum err outbound_oauth_refused(struct gateway *gateway, const struct upstream_spec *spec,
				       const struct upstream_asking *asking, const struct upstream_refusal *refusal,
				       bool *ret_again)
{
	struct arena *arena = arena_new(AT_ARENA_BYTES);
	enum connect_verdict verdict;
	enum err err = look_into(gateway, arena, spec, asking, refusal, &verdict);

	arena_free_wiped(arena);
	if (err != OK)
		return told(err);
	*ret_again = verdict == CONNECT_AGAIN;
	return verdict == CONNECT_CONSENT ? ERR_CREDENTIAL_REAUTH : ERR_CREDENTIAL_REFUSED;
}
