/* What the files of the authorization server share: its bounds, its endpoints, and the few functions that several of
 * them need. */
#ifndef GATEHOUSE_OAUTH_OAUTH_PRIVATE_H
#define GATEHOUSE_OAUTH_OAUTH_PRIVATE_H

#include <stdatomic.h>

#include "base/json.h"
#include "http/form.h"
#include "http/reply.h"
#include "oauth/oauth.h"
#include "store/oauth_client.h"
#include "store/oauth_grant.h"

#define OAUTH_MAGIC 0x4f415554u /* "OAUT" */

#define OAUTH_BODY_BYTES_MAX (64 * 1024)	    /* an assertion and a JWKS fit many times */
#define OAUTH_CODE_MS (2 * 60 * 1000LL)		    /* from the browser to the client: seconds */
#define OAUTH_REUSE_GRACE_MS (45 * 1000LL)	    /* clients refresh from several processes at once */
#define OAUTH_UNUSED_CLIENT_MS (24 * 3600 * 1000LL) /* a registration nobody signs in with is forgotten */
#define OAUTH_TOKEN_TEXT_MAX 48			    /* "ghr_" and 43 characters */

struct oauth {
	uint32_t magic;
	struct oauth_spec spec;
};

/* The endpoints, as oauth.c's table names them. Each answers the visit, or returns why it does not; what that error
 * becomes is oauth.c's business. */
NODISCARD enum err metadata_serve(struct oauth *oauth, struct visit *visit) AWAITS;
NODISCARD enum err register_serve(struct oauth *oauth, struct visit *visit) AWAITS;
NODISCARD enum err authorize_serve(struct oauth *oauth, struct visit *visit) AWAITS;
NODISCARD enum err token_serve(struct oauth *oauth, struct visit *visit) AWAITS;
NODISCARD enum err revoke_serve(struct oauth *oauth, struct visit *visit) AWAITS;
NODISCARD enum err introspect_serve(struct oauth *oauth, struct visit *visit) AWAITS;
NODISCARD enum err jwks_serve(struct oauth *oauth, struct visit *visit) AWAITS;

/* ---- scope.c ------------------------------------------------------------------------- */

/* Bits of enum scope, and the wish for a refresh token. */
#define OAUTH_OFFLINE (1u << 16)
#define OAUTH_SCOPES_ANY (SCOPE_ALL | OAUTH_OFFLINE)
#define OAUTH_SCOPES_USUAL (SCOPE_READ | SCOPE_TOOLS) /* for who names none */

/* What a request's `scope` asks for of what is allowed; words that nobody knows are left out.
 *   Errors     ERR_OAUTH_SCOPE: nothing is left */
NODISCARD enum err oauth_scopes_read(struct str text, unsigned allowed, unsigned *ret_scopes);
struct str oauth_scopes_text(struct arena *arena, unsigned scopes);

/* ---- error.c ------------------------------------------------------------------------- */

/* The word for an error: "invalid_grant". */
const char *oauth_error_word(enum err err);

/* Answer with an error in OAuth's form: RFC 6749 section 5.2. */
NODISCARD enum err oauth_error_answer(struct visit *visit, enum err err) AWAITS;

/* Refuse who comes too often: `limit` within `window_ms` for each address and `kind`, a letter.
 *   Errors     ERR_RATE_LIMITED, with Retry-After among the answer's headers */
NODISCARD enum err oauth_take(struct oauth *oauth, struct visit *visit, char kind, const struct rate *rate) AWAITS;

/* A row in the audit trail. */
NODISCARD enum err oauth_audit(struct oauth *oauth, struct visit *visit, const char *event, struct str tenant_id,
			       struct str principal, struct str target, enum err outcome) AWAITS;

/* The same for a flow that failed, which strangers can make as often as they like: one row in a minute for each address
 * and reason. */
NODISCARD enum err oauth_audit_refusal(struct oauth *oauth, struct visit *visit, struct str client_id, enum err why)
	AWAITS;

/* The fields of a form in the body; each at most once.
 *   Errors     ERR_OAUTH_REQUEST */
NODISCARD enum err oauth_form(struct visit *visit, struct form **ret_form);

/* ---- secrets: codes and tokens that the database must not give away -------------------- */

/* A new one: `prefix` ("ghr_") and 256 random bits. */
void oauth_secret_make(const char *prefix, char ret_text[OAUTH_TOKEN_TEXT_MAX]);

/* Its form in the database; `purpose` tells codes from tokens. */
void oauth_secret_mac(const struct oauth *oauth, const char *purpose, struct str text, uint8_t ret_mac[32]);

/* ---- client_metadata.c ----------------------------------------------------------------- */

/* A client's own description, as it registers or as its document says.
 *   document    the rules for documents: no secrets
 *   ret_client  name, redirect_uris, grant_types, auth_method, jwks, jwks_uri, in `arena`
 *   Errors      ERR_OAUTH_METADATA, ERR_OAUTH_REDIRECT; visit->problem says more */
NODISCARD enum err client_metadata_read(struct visit *visit, yyjson_val *root, bool document,
					struct oauth_client *ret_client);

/* Whether a text is among a JSON array of strings. */
bool client_lists(struct arena *arena, struct str json, struct str text);

/* ---- client.c ---------------------------------------------------------------------------- */

/* The client of an id, with what its document says now if it is a URL. Not one that is disabled.
 *   may_fetch  a document that is not kept may be asked for
 *   Errors     ERR_OAUTH_CLIENT: there is none; ERR_NOT_FOUND: it is a document that may not be fetched now */
NODISCARD enum err client_find(struct oauth *oauth, struct visit *visit, struct str id, bool may_fetch,
			       struct oauth_client *ret_client) AWAITS;

/* The client that a POST is from, proved in the way it registered: Basic, form fields, an assertion, or (public
 * clients) by nothing but its name.
 *   Errors     ERR_OAUTH_CLIENT, ERR_OAUTH_REQUEST (two ways at once) */
NODISCARD enum err client_authenticate(struct oauth *oauth, struct visit *visit, const struct form *form,
				       struct oauth_client *ret_client) AWAITS;

/* ---- document.c --------------------------------------------------------------------------- */

/* Whether a client_id is the URL of a document, and such are accepted. */
bool document_is_id(const struct visit *visit, struct str id);

/* Ask for it, keep it, and read it as it is kept.
 *   Errors     ERR_OAUTH_CLIENT (visit->problem says more), ERR_RATE_LIMITED, ERR_DB ... */
NODISCARD enum err document_fetch(struct oauth *oauth, struct visit *visit, struct str id,
				  struct oauth_client *ret_client) AWAITS;

/* ---- assertion.c -------------------------------------------------------------------------- */

#define ASSERTION_AUDIENCES 2
/* What an assertion to this server names as its audience: the issuer, or the token endpoint. */
void assertion_audiences(struct visit *visit, struct str ret_audiences[ASSERTION_AUDIENCES]);

/* The issuer that an assertion names, unproved: only to find its client by; p NULL none. */
struct str assertion_issuer(struct visit *visit, struct str text);

/* Note that an assertion was used.
 *   life_ms    how long it could be used again
 *   Errors     ERR_OAUTH_GRANT: it was used before, or has no id */
NODISCARD enum err assertion_use_once(struct oauth *oauth, struct str issuer, struct str jti, int64_t life_ms) AWAITS;

/* Whether a form's client_assertion proves the client. Errors     ERR_OAUTH_CLIENT */
NODISCARD enum err assertion_check(struct oauth *oauth, struct visit *visit, const struct oauth_client *client,
				   const struct form *form) AWAITS;

/* ---- authorization requests: authorize.c reads and decides, consent.c shows and sends back ---- */

struct authorization {
	struct str query; /* as it came: the consent page carries it back */
	struct form form;
	struct oauth_client client;
	struct str redirect_uri, state, challenge, resource; /* redirect_uri p NULL: not proved, nobody is sent there */
	unsigned scopes;
	bool prompt_none, prompt_consent;
};

/* The page that asks. */
NODISCARD enum err consent_show(struct visit *visit, const struct authorization *authorization, const struct user *user,
				struct str csrf) AWAITS;

/* A page that says what is wrong to the person in front of it. */
NODISCARD enum err consent_refuse(struct visit *visit, enum err err) AWAITS;

/* Send the browser back: with a code, or (code n 0) with an error. */
NODISCARD enum err consent_return(struct visit *visit, const struct authorization *authorization, struct str code,
				  enum err err) AWAITS;

#endif
