/* `auth` of an upstream: how its callers' credentials are got and sent, and `connect`, how people connect their
 * accounts. One table has the keys of all types, since most are texts that are used as they are; which of them a type
 * needs and which mean nothing to it is said by the rows at the end. */
#include "authclient/providers.h"
#include "authclient/settings.h"
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "http/client.h"

#define MINUTE (60 * 1000LL)
#define UP(member) offsetof(struct upstream_spec, auth.member)
#define OAUTH(member) offsetof(struct upstream_spec, auth.oauth.member)
#define SIGNING(member) offsetof(struct upstream_spec, auth.signing.member)
#define CONNECT(member) offsetof(struct config_connect, member)

#define PASSWORD (UPSTREAM_AUTH_SECRET + 1) /* a secret by the name that people know it by */

static const char *const kind_names[] = {"none",  "bearer", "basic",  "header",	  "query",
					 "oauth", "hmac",   "secret", "password", NULL};
static const char *const each_names[] = {"tenant", "user", NULL};
static const char *const flow_names[] = {"code", "client", "workload", "exchange", "enterprise", NULL};
static const char *const digest_names[] = {"sha256", "sha512", NULL};
static const char *const encoding_names[] = {"hex", "base64", NULL};
static const char *const clock_names[] = {"seconds", "milliseconds", NULL};

static const struct conf_field idp_fields[] = {
	{"issuer", CONF_STR, OAUTH(idp_issuer), .doc = "The identity provider's issuer: its endpoint is discovered."},
	{"token_url", CONF_STR, OAUTH(idp_token_url), .doc = "Its token endpoint, when it describes none."},
	{"client_id", CONF_STR, OAUTH(idp_client_id), .doc = "As which client the gateway asks there."},
	{"client_secret", CONF_STR, OAUTH(idp_client_secret), .doc = "That client's secret.",
	 .example = "${secret:idp-client}"},
};
static const struct conf_table idp_table = {"idp", idp_fields, ARRAY_LEN(idp_fields)};

static const struct conf_field account_fields[] = {
	{"url", CONF_STR, OAUTH(identity_url), .doc = "Where the token is shown, for an answer in JSON.",
	 .example = "https://api.tickets.example/me"},
	{"id", CONF_STR, OAUTH(identity_id), .doc = "Where the account's id is in it, as a JSON pointer.",
	 .example = "/id"},
	{"name", CONF_STR, OAUTH(identity_name), .doc = "Where the name is that people know it by.",
	 .example = "/email"},
};
static const struct conf_table account_table = {"identity", account_fields, ARRAY_LEN(account_fields)};

static const struct conf_field pick_fields[] = {
	{"url", CONF_STR, OAUTH(pick_url), .doc = "Where the choice is listed, as JSON."},
	{"items", CONF_STR, OAUTH(pick_items), .doc = "Where the list is in it, as a JSON pointer.",
	 .example = "/data"},
	{"id", CONF_STR, OAUTH(pick_id), .doc = "Where an entry has its id.", .example = "/id"},
	{"name", CONF_STR, OAUTH(pick_name), .doc = "Where an entry has the name that is shown.", .example = "/name"},
	{"header", CONF_STR, OAUTH(pick_header), .doc = "A header that calls say the chosen id in.",
	 .example = "X-Organisation"},
};
static const struct conf_table pick_table = {"pick", pick_fields, ARRAY_LEN(pick_fields)};

static const struct conf_field auth_fields[] = {
	{"type", CONF_CHOICE, UP(kind), .fallback = "bearer", .choices = kind_names,
	 .doc = "How it is sent: `Authorization: Bearer`, `Authorization: Basic` (kept as NAME:PASSWORD), a header of "
		"its own, a parameter of the URL, a token of an account at an OAuth provider, or a signature over the "
		"request. `secret` and `password`, of connectors: where the connector's file says."},
	{"name", CONF_STR, UP(name), .doc = "Of the header or parameter; `hmac`: of the signature's header.",
	 .example = "X-Api-Key"},
	{"each", CONF_CHOICE, UP(each), .fallback = "tenant", .choices = each_names,
	 .doc = "Whether a tenant has one for all its callers, or each user one of their own."},
	{"flow", CONF_CHOICE, OAUTH(flow), .fallback = "code", .choices = flow_names,
	 .doc = "`oauth`: code, a person agrees in a browser. client: the gateway asks as itself. workload: it shows a "
		"token of the platform it runs on, or a statement about the caller. exchange: it exchanges that for a "
		"token (RFC 8693). enterprise: it exchanges it at the company's identity provider, for the server's "
		"own "
		"issuer."},
	{"provider", CONF_STR, OAUTH(provider),
	 .doc = "`oauth`: a platform that is known here; what is empty below comes from its row.", .example = "google"},
	{"issuer", CONF_STR, OAUTH(issuer), .doc = "`oauth`: the authorization server, when the server names none.",
	 .example = "https://id.example"},
	{"authorize_url", CONF_STR, OAUTH(authorize_url),
	 .doc = "`oauth`: where people agree, when it is not described."},
	{"token_url", CONF_STR, OAUTH(token_url),
	 .doc = "`oauth`: where tokens are asked for. With it nothing is discovered."},
	{"revoke_url", CONF_STR, OAUTH(revoke_url), .doc = "`oauth`: where tokens are given back."},
	{"longer_url", CONF_STR, OAUTH(longer_url),
	 .doc = "`oauth`, with a `provider` that exchanges the first token for one that lives longer: where; else at "
		"`token_url`."},
	{"renew_url", CONF_STR, OAUTH(renew_url), .doc = "`oauth`: where tokens are renewed; else at `token_url`."},
	{"client_id", CONF_STR, OAUTH(client_id),
	 .doc = "`oauth`: as which client the gateway is registered there; without one it registers itself."},
	{"client_secret", CONF_STR, OAUTH(client_secret), .doc = "`oauth`: that client's secret.",
	 .example = "${secret:tickets-client}"},
	{"private_key", CONF_STR, OAUTH(private_key),
	 .doc = "`oauth`: instead of a secret, the key of its assertions: PEM, for ES256 or RS256.",
	 .example = "${secret:tickets-key}"},
	{"scope", CONF_STR, OAUTH(scope), .doc = "`oauth`: what is asked for, when the server does not say it.",
	 .example = "tickets.read tickets.write"},
	{"resource", CONF_STR, OAUTH(resource),
	 .doc = "`oauth`: for whom tokens are; else what the server calls itself."},
	{"audience", CONF_STR, OAUTH(audience), .doc = "`oauth`: the audience of exchanged tokens."},
	{"subject_file", CONF_STR, OAUTH(subject_file),
	 .doc = "`oauth`, workload, exchange, enterprise: the file with the token to start from, which the platform "
		"keeps "
		"fresh; else the gateway signs a statement about the caller.",
	 .example = "/var/run/secrets/tokens/gatehouse"},
	{"idp", CONF_TABLE, 0, .table = &idp_table, .doc = "`oauth`, enterprise: the company's identity provider."},
	{"identity", CONF_TABLE, 0, .table = &account_table, .doc = "`oauth`: whose account it is, to be shown."},
	{"pick", CONF_TABLE, 0, .table = &pick_table,
	 .doc = "`oauth`: a choice among several (pages, organisations, numbers), made when the account is connected."},
	{"dpop", CONF_BOOL, OAUTH(dpop), .fallback = "true",
	 .doc = "`oauth`: ask for tokens that are bound to a key (DPoP) where the issuer knows them."},
	{"over", CONF_STR, SIGNING(over), .fallback = "{timestamp}.{body}",
	 .doc = "`hmac`: what is signed, with {method}, {path}, {query}, {timestamp} and {body} in it."},
	{"prefix", CONF_STR, SIGNING(prefix), .doc = "`header`, `hmac`: stands before the secret, or the signature.",
	 .example = "sha256="},
	{"id_name", CONF_STR, SIGNING(id_name),
	 .doc = "`hmac`: the header that says whose key it is; the key is then kept as ID:KEY.", .example = "X-Key-Id"},
	{"timestamp_name", CONF_STR, SIGNING(timestamp_name), .doc = "`hmac`: the header that says when.",
	 .example = "X-Timestamp"},
	{"timestamp", CONF_CHOICE, SIGNING(clock), .fallback = "seconds", .choices = clock_names,
	 .doc = "`hmac`: how time is counted, from 1970 on."},
	{"digest", CONF_CHOICE, SIGNING(digest), .fallback = "sha256", .choices = digest_names,
	 .doc = "`hmac`: the digest."},
	{"encoding", CONF_CHOICE, SIGNING(encoding), .fallback = "hex", .choices = encoding_names,
	 .doc = "`hmac`: how the signature is written."},
};
const struct conf_table config_upstream_auth_table = {"auth", auth_fields, ARRAY_LEN(auth_fields)};

static const struct conf_field connect_fields[] = {
	{"client_document", CONF_CUSTOM, .custom = config_read_client_document,
	 .doc = "URL of the document that describes the gateway as a client; else "
		"PUBLIC_URL/auth/UPSTREAM/client.json, when "
		"public_url is https.",
	 .example = "https://gatehouse.example/clients/gatehouse.json"},
	{"client_name", CONF_STR, CONNECT(client_name), .fallback = "Gatehouse",
	 .doc = "What people read when they are asked whether they agree."},
	{"life", CONF_MS, CONNECT(life_ms), .low = 1000, .high = 60 * MINUTE, .fallback = "10min",
	 .doc = "How long a link to connect an account works, and the sign-in behind it."},
};
const struct conf_table config_connect_table = {"connect", connect_fields, ARRAY_LEN(connect_fields)};

/* ---- what fits together ---------------------------------------------------------- */

static enum err complain(struct conf_reading *reading, const struct conf_node *node, const char *what)
{
	conf_problem(&reading->problems, node, "auth: %s", what);
	return ERR_CONFIG;
}

enum err config_read_client_document(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config_connect *connect = object;
	struct url url;

	if (node->kind == CONF_SCALAR && url_is_usable(node->text, false, &url)) {
		connect->client_document = node->text;
		return OK;
	}
	conf_problem(&reading->problems, node, "client_document: must be an https URL");
	return ERR_CONFIG;
}

static enum err check_urls(struct conf_reading *reading, const struct conf_node *node,
			   const struct auth_settings *oauth)
{
	const struct {
		const char *name;
		struct str text;
	} urls[] = {
		{"issuer", oauth->issuer},
		{"authorize_url", oauth->authorize_url},
		{"token_url", oauth->token_url},
		{"revoke_url", oauth->revoke_url},
		{"longer_url", oauth->longer_url},
		{"renew_url", oauth->renew_url},
		{"idp: issuer", oauth->idp_issuer},
		{"idp: token_url", oauth->idp_token_url},
		{"identity: url", oauth->identity_url},
		{"pick: url", oauth->pick_url},
	};
	struct url url;

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		if (urls[i].text.n == 0 || url_is_usable(urls[i].text, true, &url))
			continue;
		conf_problem(&reading->problems, node, "auth: %s: must be an http or https URL", urls[i].name);
		return ERR_CONFIG;
	}
	return OK;
}

static enum err check_oauth(struct conf_reading *reading, const struct conf_node *node,
			    const struct auth_settings *oauth)
{
	bool proves = oauth->client_secret.n > 0 || oauth->private_key.n > 0;

	TRY(check_urls(reading, node, oauth));
	if (proves && oauth->client_id.n == 0)
		return complain(reading, node, "`client_secret` and `private_key` belong to a `client_id`");
	if (oauth->token_url.n > 0 && oauth->client_id.n == 0)
		return complain(reading, node, "`token_url` needs a `client_id`: nobody is asked for a registration");
	if (oauth->token_url.n > 0 && oauth->flow == AUTH_FLOW_CODE && oauth->authorize_url.n == 0 &&
	    oauth->provider.n == 0)
		return complain(reading, node, "`token_url` needs an `authorize_url` too, for people to agree at");
	if (oauth->flow == AUTH_FLOW_CLIENT && !proves)
		return complain(reading, node, "flow client needs a `client_id` with `client_secret` or `private_key`");
	if (oauth->flow == AUTH_FLOW_ENTERPRISE &&
	    ((oauth->idp_issuer.n == 0 && oauth->idp_token_url.n == 0) || oauth->idp_client_id.n == 0))
		return complain(reading, node,
				"flow enterprise needs `idp` with `client_id` and `issuer` or `token_url`");
	if ((oauth->identity_url.n > 0) != (oauth->identity_id.n > 0))
		return complain(reading, node, "`identity` needs both `url` and `id`");
	if (oauth->pick_url.n > 0 && oauth->pick_id.n == 0)
		return complain(reading, node, "`pick` needs an `id`");
	if (oauth->pick_header.n > 0 && !config_name_is_good(oauth->pick_header))
		return complain(reading, node, "`pick`: `header` is a name: 1 to 32 of A-Z a-z 0-9 - _");
	return OK;
}

/* Every {word} of it is known. */
static bool template_is_good(struct str over)
{
	static const struct str words[] = {
		{"method}", 7}, {"path}", 5}, {"query}", 6}, {"timestamp}", 10}, {"body}", 5}};

	for (size_t at = 0; at < over.n; at++) {
		bool known = over.p[at] != '{';

		for (size_t i = 0; !known && i < ARRAY_LEN(words); i++)
			known = over.n - at > words[i].n && memcmp(over.p + at + 1, words[i].p, words[i].n) == 0;
		if (!known)
			return false;
	}
	return over.n > 0;
}

static enum err check_signing(struct conf_reading *reading, const struct conf_node *node,
			      const struct upstream_signing *signing)
{
	if (!template_is_good(signing->over))
		return complain(reading, node,
				"`over` is a text with {method}, {path}, {query}, {timestamp}, {body}, and no other {");
	if ((signing->id_name.n > 0 && !config_name_is_good(signing->id_name)) ||
	    (signing->timestamp_name.n > 0 && !config_name_is_good(signing->timestamp_name)))
		return complain(reading, node, "`id_name` and `timestamp_name` are names: 1 to 32 of A-Z a-z 0-9 - _");
	return OK;
}

/* Keys that other types have no use for would be obeyed by nobody. */
static enum err check_strays(struct conf_reading *reading, const struct conf_node *node, enum upstream_auth_kind kind)
{
	if (node->kind != CONF_MAP)
		return ERR_CONFIG; /* told already */
	for (size_t i = 0; i < node->count; i++) {
		for (size_t f = 3; f < ARRAY_LEN(auth_fields); f++) {
			bool signing = auth_fields[f].offset >= SIGNING(over);

			if (kind == UPSTREAM_AUTH_HEADER && auth_fields[f].offset == SIGNING(prefix))
				continue;
			if (str_eq(node->entries[i].key->text, str_of(auth_fields[f].name)) &&
			    kind != (signing ? UPSTREAM_AUTH_HMAC : UPSTREAM_AUTH_OAUTH)) {
				conf_problem(&reading->problems, node->entries[i].key, "auth: `%s` is for type `%s`",
					     auth_fields[f].name, signing ? "hmac" : "oauth");
				return ERR_CONFIG;
			}
		}
	}
	return OK;
}

enum err config_read_upstream_auth(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct upstream_spec *spec = object;
	struct upstream_auth *auth = &spec->auth;
	const struct conf_node *base = NULL;
	bool named;

	conf_defaults(reading, &config_upstream_auth_table, spec);
	if (spec->local != NULL)
		TRY(config_connector_auth(reading, node, spec, &base));
	if (base != NULL)
		conf_read(reading, &config_upstream_auth_table, base, spec);
	conf_read(reading, &config_upstream_auth_table, node, spec);
	if ((unsigned)auth->kind == PASSWORD)
		auth->kind = UPSTREAM_AUTH_SECRET;
	TRY(check_strays(reading, node, auth->kind));
	named = auth->kind == UPSTREAM_AUTH_HEADER || auth->kind == UPSTREAM_AUTH_QUERY ||
		auth->kind == UPSTREAM_AUTH_HMAC;
	if (named && !config_name_is_good(auth->name))
		return complain(reading, node, "`name` is needed: 1 to 32 of A-Z a-z 0-9 - _");
	if (!named && auth->name.n > 0)
		return complain(reading, node, "`name` is for the types `header`, `query` and `hmac`");
	if (auth->kind == UPSTREAM_AUTH_OAUTH) {
		if (auth->oauth.provider.n > 0 && auth_provider_find(auth->oauth.provider) == NULL)
			return complain(reading, node, "`provider` is none of those that doc/providers.md lists");
		auth_provider_fill(&auth->oauth);
		return check_oauth(reading, node, &auth->oauth);
	}
	if (!str_is_printable(auth->signing.prefix))
		return complain(reading, node, "`prefix` must be printable");
	return auth->kind == UPSTREAM_AUTH_HMAC ? check_signing(reading, node, &auth->signing) : OK;
}

/* What a connector's file says holds where nothing else is said. */
static enum err read_connectors_way(struct conf_reading *reading, const struct conf_node *node,
				    struct upstream_spec *spec)
{
	const struct conf_node nothing = {.kind = CONF_MAP, .line = node->line, .column = node->column};
	const struct conf_node *base;

	TRY(config_connector_auth(reading, NULL, spec, &base));
	return base == NULL ? OK : config_read_upstream_auth(reading, &nothing, spec);
}

/* A session that one caller's credential has opened must not serve another one. */
enum err config_finish_auth(struct conf_reading *reading, const struct conf_node *node, struct upstream_spec *spec)
{
	enum upstream_isolation finest = spec->auth.each == UPSTREAM_EACH_USER ? ISOLATION_USER : ISOLATION_TENANT;

	if (spec->local != NULL && conf_get(node, "auth") == NULL)
		TRY(read_connectors_way(reading, node, spec));
	if (spec->auth.kind == UPSTREAM_AUTH_NONE)
		return OK;
	if (spec->kind != UPSTREAM_HTTP && spec->kind != UPSTREAM_LOCAL)
		return complain(reading, node, "is for `http` servers and connectors");
	if (spec->auth.kind == UPSTREAM_AUTH_SECRET && spec->kind != UPSTREAM_LOCAL)
		return complain(reading, node, "type `secret` is for connectors");
	if (spec->isolation < finest)
		spec->isolation = finest;
	return OK;
}

bool config_same_auth(const struct upstream_auth *a, const struct upstream_auth *b)
{
	const struct upstream_signing *sa = &a->signing, *sb = &b->signing;

	return a->kind == b->kind && a->each == b->each && str_eq(a->name, b->name) && str_eq(sa->over, sb->over) &&
	       str_eq(sa->prefix, sb->prefix) && str_eq(sa->id_name, sb->id_name) &&
	       str_eq(sa->timestamp_name, sb->timestamp_name) && sa->digest == sb->digest &&
	       sa->encoding == sb->encoding && sa->clock == sb->clock && auth_settings_same(&a->oauth, &b->oauth);
}
