/* Sealed session ids. The plaintext is 28 bytes, numbers in big endian:
 *
 *   0        1          2              4             12       20     28
 *   | format | revision | capabilities | created, ms | number | node |
 *
 * sealed with AES-256-GCM (the principal is bound in, not stored), then base64url. */
#include "mcp/session.h"

#include <assert.h>
#include <endian.h>

#include "base/clock.h"
#include "base/random.h"
#include "mcp/extension.h"

#define SESSION_FORMAT 2
#define SESSION_PLAIN_BYTES 28
#define SESSION_SEALED_BYTES (SESSION_PLAIN_BYTES + CRYPTO_SEAL_OVERHEAD)

static_assert((SESSION_SEALED_BYTES * 4 + 2) / 3 <= MCP_SESSION_TOKEN_MAX, "a token fits");

/* Where a capability stands in the client's capabilities object. */
static const struct capability_row {
	uint16_t bit;
	const char *feature, *detail; /* detail NULL: the feature itself */
} capability_table[] = {
	{MCP_CAN_SAMPLE, "sampling", NULL},
	{MCP_CAN_SAMPLE_TOOLS, "sampling", "tools"},
	{MCP_CAN_SAMPLE_CONTEXT, "sampling", "context"},
	{MCP_CAN_ELICIT_FORM, "elicitation", "form"},
	{MCP_CAN_ELICIT_URL, "elicitation", "url"},
	{MCP_CAN_ROOTS, "roots", NULL},
	{MCP_CAN_ROOTS_CHANGED, "roots", "listChanged"},
	{MCP_CAN_APPS, "extensions", "io.modelcontextprotocol/ui"},
};

uint16_t mcp_capabilities_read(struct str object)
{
	AUTO(arena) *arena = arena_new(64 * 1024);
	struct json_index own;
	uint16_t bits = 0;

	if (json_scan(arena, object, &own) != OK || own.kind != JSON_OBJECT)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(capability_table); i++) {
		const struct capability_row *row = &capability_table[i];
		const struct json_member *feature = json_member(&own, NULL, str_of(row->feature));

		if (feature == NULL || feature->kind != JSON_OBJECT)
			continue;
		if (row->detail == NULL || json_member(&own, feature, str_of(row->detail)) != NULL)
			bits |= row->bit;
		/* An empty elicitation object has always meant forms. */
		if (row->bit == MCP_CAN_ELICIT_FORM && json_member(&own, feature, STR("url")) == NULL)
			bits |= row->bit;
	}
	return bits;
}

static uint16_t initialize_capabilities(const struct mcp_message *initialize)
{
	const struct json_member *m =
		initialize->params == NULL ? NULL
					   : json_member(&initialize->index, initialize->params, STR("capabilities"));

	return m == NULL ? 0 : mcp_capabilities_read(m->value);
}

void mcp_session_new(const struct mcp_message *initialize, enum mcp_revision revision, struct mcp_session *ret_session)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t number[MCP_SESSION_NUMBER_LEN / 2];

	*ret_session = (struct mcp_session){
		.revision = revision,
		.capabilities = initialize_capabilities(initialize),
		.created_ms = clock_wall_ms(),
	};
	random_bytes(number, sizeof(number));
	for (size_t i = 0; i < sizeof(number); i++) {
		ret_session->number[2 * i] = hex[number[i] >> 4];
		ret_session->number[2 * i + 1] = hex[number[i] & 15];
	}
}

static uint8_t nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

void mcp_session_seal(const struct secret *key, const struct mcp_session *session, struct str principal,
		      struct buf *out)
{
	uint8_t plain[SESSION_PLAIN_BYTES] = {SESSION_FORMAT, (uint8_t)session->revision};
	uint16_t capabilities = htobe16(session->capabilities);
	uint64_t created = htobe64((uint64_t)session->created_ms), node = htobe64(session->node);
	AUTO_BUF sealed = {0};

	memcpy(plain + 2, &capabilities, sizeof(capabilities));
	memcpy(plain + 4, &created, sizeof(created));
	for (size_t i = 0; i < MCP_SESSION_NUMBER_LEN / 2; i++)
		plain[12 + i] = (uint8_t)(nibble(session->number[2 * i]) << 4 | nibble(session->number[2 * i + 1]));
	memcpy(plain + 20, &node, sizeof(node));
	crypto_seal(key, (struct str){(const char *)plain, sizeof(plain)}, principal, &sealed);
	base64url_put(out, sealed.p, sealed.n);
}

static void number_text(const uint8_t *bytes, char out[MCP_SESSION_NUMBER_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < MCP_SESSION_NUMBER_LEN / 2; i++) {
		out[2 * i] = hex[bytes[i] >> 4];
		out[2 * i + 1] = hex[bytes[i] & 15];
	}
	out[MCP_SESSION_NUMBER_LEN] = '\0';
}

enum err mcp_session_open(const struct secret *key, struct str token, struct str principal, int64_t age_max_ms,
			  struct mcp_session *ret_session)
{
	uint8_t sealed[SESSION_SEALED_BYTES], plain[SESSION_SEALED_BYTES];
	uint16_t capabilities;
	uint64_t created, node;
	int64_t age_ms;
	size_t n;

	if (base64url_get(token, sealed, sizeof(sealed), &n) != OK || n != sizeof(sealed) ||
	    crypto_open(key, (struct str){(const char *)sealed, n}, principal, plain, &n) != OK ||
	    n != SESSION_PLAIN_BYTES || plain[0] != SESSION_FORMAT || plain[1] >= MCP_REVISIONS)
		return ERR_MCP_SESSION_UNKNOWN;
	memcpy(&capabilities, plain + 2, sizeof(capabilities));
	memcpy(&created, plain + 4, sizeof(created));
	age_ms = clock_wall_ms() - (int64_t)be64toh(created);
	if (age_ms > age_max_ms)
		return ERR_MCP_SESSION_UNKNOWN;
	ret_session->revision = plain[1];
	ret_session->capabilities = be16toh(capabilities);
	ret_session->created_ms = (int64_t)be64toh(created);
	number_text(plain + 12, ret_session->number);
	memcpy(&node, plain + 20, sizeof(node));
	ret_session->node = be64toh(node);
	return OK;
}

/* Details are objects, empty but for apps; one is a flag. */
static const char *detail_value(uint16_t bit)
{
	switch (bit) {
	case MCP_CAN_ROOTS_CHANGED:
		return "true";
	case MCP_CAN_APPS:
		return MCP_APPS_SETTINGS;
	default:
		return "{}";
	}
}

void mcp_capabilities_write(uint16_t capabilities, struct buf *out)
{
	const char *open = NULL;
	bool first = true;

	buf_put_byte(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(capability_table); i++) {
		const struct capability_row *row = &capability_table[i];
		bool same = open != NULL && strcmp(open, row->feature) == 0;

		if (!(capabilities & row->bit))
			continue;
		if (!same) {
			buf_put_fmt(out, "%s%s\"%s\":{", open == NULL ? "" : "}", open == NULL ? "" : ",",
				    row->feature);
			open = row->feature;
			first = true;
		}
		if (row->detail != NULL) {
			buf_put_fmt(out, "%s\"%s\":%s", first ? "" : ",", row->detail, detail_value(row->bit));
			first = false;
		}
	}
	buf_put(out, open == NULL ? STR("}") : STR("}}"));
}

void mcp_capability_words(uint16_t capabilities, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(capability_table); i++) {
		const struct capability_row *row = &capability_table[i];

		if (!(capabilities & row->bit))
			continue;
		buf_put_fmt(out, "%s%s%s%s", first ? "" : ", ", row->feature, row->detail == NULL ? "" : ".",
			    row->detail == NULL ? "" : row->detail);
		first = false;
	}
}
