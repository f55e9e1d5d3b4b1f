/* The settings of identity: where the gateway is on the network, and the authorization server. Parsed into the struct
 * that the rooms which sign people and machines in read (identity/settings.h). */
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "http/client.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define ID(member) offsetof(struct identity_settings, member)

static const struct conf_field oauth_fields[] = {
	{"enabled", CONF_BOOL, ID(oauth), .fallback = "true",
	 .doc = "Be an authorization server: MCP clients sign their users in by OAuth. Needs public_url, or loopback "
		"listeners."},
	{"registration", CONF_BOOL, ID(registration), .fallback = "true",
	 .doc = "Clients may register themselves (RFC 7591)."},
	{"client_documents", CONF_BOOL, ID(documents), .fallback = "true",
	 .doc = "A client may be the https URL of a document that describes it; the gateway fetches it."},
	{"allow_private", CONF_BOOL, ID(documents_allow_private), .fallback = "false",
	 .doc = "Such documents, and clients' keys, may be at private addresses, and on this machine at http URLs: for "
		"development."},
	{"access", CONF_MS, ID(access_ms), .low = MINUTE, .high = DAY, .fallback = "1h",
	 .doc = "Life of an access token."},
	{"refresh", CONF_MS, ID(refresh_ms), .low = 10 * MINUTE, .high = 366 * DAY, .fallback = "90d",
	 .doc = "A grant ends after this: the user is asked again."},
	{"refresh_idle", CONF_MS, ID(refresh_idle_ms), .low = 10 * MINUTE, .high = 366 * DAY, .fallback = "30d",
	 .doc = "A refresh token that is unused this long ends."},
	{"signing_key", CONF_MS, ID(signing_key_ms), .low = 60 * MINUTE, .high = 366 * DAY, .fallback = "90d",
	 .doc = "A new key signs tokens after this; the old one is shown until its last token has expired."},
	{"redirect_schemes", CONF_STRS, ID(redirect_schemes), ID(redirect_scheme_count),
	 .doc = "Private-use schemes that clients may redirect to, besides cursor, vscode and vscode-insiders.",
	 .example = "[\"com.example.app\"]"},
};
const struct conf_table config_oauth_table = {"oauth", oauth_fields, ARRAY_LEN(oauth_fields)};

static bool is_loopback_name(struct str host)
{
	return str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1"));
}

/* An origin and nothing more: it becomes the issuer of tokens, compared byte by byte. */
enum err config_read_public_url(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct str text = node->text;
	struct url url;

	if (text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	if (node->kind != CONF_SCALAR || url_parse(text, &url) != OK || !str_eq(url.path, STR("/")) ||
	    memchr(text.p, '?', text.n) != NULL || (!url.tls && !is_loopback_name(url.host))) {
		conf_problem(&reading->problems, node,
			     "public_url: must be an https origin such as https://gatehouse.example, without a path");
		return ERR_CONFIG;
	}
	config->identity.public_url = text;
	return OK;
}
