/* The settings of issuers whose JWTs are accepted as they are, and of API keys' lives. How claims become a tenant and a
 * role is read as for the providers of sign-in. */
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "http/client.h"
#include "jose/jose.h"

#define HOUR (60 * 60 * 1000LL)
#define DAY (24 * HOUR)
#define YEAR (366 * DAY)
#define ID(member) offsetof(struct identity_settings, member)
#define ISSUER(member) offsetof(struct issuer_settings, member)
#define ISSUERS_MAX 16 /* each has a fiber that keeps its keys */

static const struct conf_field issuer_fields[] = {
	{"issuer", CONF_STR, ISSUER(issuer), .doc = "The claim `iss`, compared byte by byte.",
	 .example = "https://id.acme.example"},
	{"jwks_uri", CONF_STR, ISSUER(jwks_uri),
	 .doc = "Where its public keys are; else they are discovered (RFC 8414, OpenID Connect).",
	 .example = "https://id.acme.example/keys"},
	{"audiences", CONF_STRS, ISSUER(audiences), ISSUER(audience_count),
	 .doc = "Accepted in the claim `aud`, besides the URL of the endpoint that is asked.",
	 .example = "[\"api://gatehouse\"]"},
	{"algorithms", CONF_CUSTOM, .custom = config_read_algorithms,
	 .doc = "Signatures that are accepted; else ES256, ES384, RS256, RS384, RS512 and PS256.",
	 .example = "[ES256]"},
	{"claims", CONF_TABLE, ISSUER(claims), .table = &config_claims_table,
	 .doc = "How its claims become a tenant and a role."},
	{"assertions", CONF_BOOL, ISSUER(assertions), .fallback = "false",
	 .doc = "Its assertions may be exchanged for access tokens at /oauth/token (RFC 7523, ID-JAG)."},
	{"allow_private", CONF_BOOL, ISSUER(allow_private), .fallback = "false",
	 .doc = "The issuer may be at a private address, and on loopback without TLS."},
};
const struct conf_table config_issuer_table = {"issuer", issuer_fields, ARRAY_LEN(issuer_fields)};

static const struct conf_field key_fields[] = {
	{"life", CONF_MS, ID(key_life_ms), .low = HOUR, .high = 10 * YEAR, .fallback = "365d",
	 .doc = "An API key that is made without an expiry ends after this."},
	{"life_max", CONF_MS, ID(key_life_ms_max), .low = 0, .high = 10 * YEAR, .fallback = "0s",
	 .doc = "No API key may be made to last longer; 0s: any life."},
	{"grace", CONF_MS, ID(key_grace_ms), .low = 0, .high = 90 * DAY, .fallback = "24h",
	 .doc = "A key that is rotated works on so long beside the new one."},
};
const struct conf_table config_keys_table = {"keys", key_fields, ARRAY_LEN(key_fields)};

static enum err complain(struct conf_reading *reading, const struct conf_node *node, const char *what)
{
	conf_problem(&reading->problems, node, "%s", what);
	return ERR_CONFIG;
}

enum err config_read_algorithms(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct issuer_settings *issuer = object;

	if (node->kind != CONF_LIST || node->count == 0)
		return complain(reading, node, "algorithms: must be a list such as [ES256, RS256]");
	issuer->algorithms = 0;
	for (size_t i = 0; i < node->count; i++) {
		unsigned alg = jose_alg_of(node->entries[i].value->text);

		if (alg == 0)
			return complain(reading, node->entries[i].value,
					"algorithms: known are ES256, ES384, RS256, RS384, RS512 and PS256");
		issuer->algorithms |= alg;
	}
	return OK;
}

static bool is_web_url(struct str text, bool allow_private)
{
	struct url url;

	return url_parse(text, &url) == OK && (url.tls || allow_private);
}

static enum err read_issuer(struct conf_reading *reading, const struct conf_entry *entry,
			    struct issuer_settings *issuer)
{
	const struct claim_rules *claims = &issuer->claims;

	issuer->name = entry->key->text;
	issuer->algorithms = JOSE_ALGS;
	conf_defaults(reading, &config_issuer_table, issuer);
	conf_read(reading, &config_issuer_table, entry->value, issuer);
	if (issuer->issuer.n == 0 || (issuer->jwks_uri.n == 0 && !is_web_url(issuer->issuer, issuer->allow_private)) ||
	    (issuer->jwks_uri.n > 0 && !is_web_url(issuer->jwks_uri, issuer->allow_private)))
		return complain(reading, entry->key,
				"an issuer needs its `issuer`, an https URL, or also a `jwks_uri`");
	if (claims->tenant.n == 0 && claims->tenant_claim.n == 0 && claims->domain_count == 0)
		return complain(reading, entry->key,
				"an issuer needs `claims` with `tenant`, `tenant_claim` or `domains`: for whom does "
				"it speak?");
	return OK;
}

enum err config_read_issuers(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct issuer_settings *issuers;
	size_t count = 0;

	if (node->kind == CONF_SCALAR && node->text.n == 0)
		return OK;
	if (node->kind != CONF_MAP || node->count > ISSUERS_MAX)
		return complain(reading, node, "issuers: must be a map of names and issuers, at most 16");
	issuers = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*issuers));
	for (size_t i = 0; i < node->count; i++) {
		TRY(read_issuer(reading, &node->entries[i], &issuers[count]));
		for (size_t k = 0; k < count; k++)
			if (str_eq(issuers[k].issuer, issuers[count].issuer))
				return complain(reading, node->entries[i].key, "this issuer is configured already");
		count++;
	}
	config->identity.issuers = issuers;
	config->identity.issuer_count = count;
	return OK;
}
