/* Classification of an inbound message: body first, headers second, in the order of the
 * reference implementation's ladder, so that a client sees the same error everywhere.
 *
 *   claim = params._meta["io.modelcontextprotocol/protocolVersion"] is present
 *
 *   initialize with a valid claim        modern: no such method there
 *   initialize, modern header, no claim  -32020
 *   initialize otherwise                 legacy
 *   claim                                modern, then the ladder below
 *   request, no claim, modern header     -32602 naming the missing keys
 *   anything else                        legacy
 *
 *   ladder: header = claim, Mcp-Method = method (if sent) -> _meta keys -> version known ->
 *   the standard headers present and true */
#include "mcp/era.h"

#include "mcp/compose.h"

#define META_VERSION STR("io.modelcontextprotocol/protocolVersion")
#define META_CAPABILITIES STR("io.modelcontextprotocol/clientCapabilities")
#define META_CLIENT STR("io.modelcontextprotocol/clientInfo")
#define META_LOG_LEVEL STR("io.modelcontextprotocol/logLevel")

static const struct str log_levels[] = {
	{"debug", 5}, {"info", 4},     {"notice", 6}, {"warning", 7},
	{"error", 5}, {"critical", 8}, {"alert", 5},  {"emergency", 9},
};

static enum err refuse(struct mcp_verdict *verdict, enum err err, struct str problem)
{
	verdict->problem = problem;
	return err;
}

/* The body member that Mcp-Name repeats, by method. */
static struct str name_member(enum mcp_method method)
{
	switch (method) {
	case MCP_M_TOOLS_CALL:
	case MCP_M_PROMPTS_GET:
		return STR("name");
	case MCP_M_RESOURCES_READ:
		return STR("uri");
	case MCP_M_TASKS_GET:
	case MCP_M_TASKS_UPDATE:
	case MCP_M_TASKS_CANCEL:
		return STR("taskId");
	default:
		return STR_NONE;
	}
}

static enum err check_name_header(struct arena *arena, const struct mcp_message *message,
				  const struct mcp_headers *headers, struct mcp_verdict *verdict)
{
	struct str member = name_member(mcp_method_of(message->method));
	struct str name, in_body;

	if (member.p == NULL)
		return OK;
	if (headers->name.p == NULL)
		return refuse(verdict, ERR_MCP_HEADER, STR("Header mismatch: Mcp-Name is missing"));
	if (mcp_header_decode(arena, headers->name, &name) != OK)
		return refuse(verdict, ERR_MCP_HEADER, STR("Header mismatch: Mcp-Name is not valid base64"));
	in_body = mcp_param(arena, message, member);
	if (in_body.p != NULL && !str_eq(name, in_body))
		return refuse(verdict, ERR_MCP_HEADER, STR("Header mismatch: Mcp-Name is not what the body says"));
	return OK;
}

static enum err check_standard_headers(struct arena *arena, const struct mcp_message *message,
				       const struct mcp_headers *headers, struct mcp_verdict *verdict)
{
	if (message->kind != MCP_REQUEST)
		return OK;
	if (headers->repeated)
		return refuse(verdict, ERR_MCP_HEADER, STR("Header mismatch: a standard header was sent twice"));
	if (headers->version.p == NULL)
		return refuse(verdict, ERR_MCP_HEADER, STR("Header mismatch: MCP-Protocol-Version is missing"));
	if (headers->method.p == NULL)
		return refuse(verdict, ERR_MCP_HEADER, STR("Header mismatch: Mcp-Method is missing"));
	return check_name_header(arena, message, headers, verdict);
}

static enum err check_log_level(struct arena *arena, const struct mcp_message *message, struct mcp_verdict *verdict)
{
	const struct json_member *level = json_member(&message->index, message->meta, META_LOG_LEVEL);
	struct str text;

	if (level == NULL)
		return OK;
	text = json_member_str(arena, level);
	for (size_t i = 0; i < ARRAY_LEN(log_levels); i++) {
		if (text.p != NULL && str_eq(text, log_levels[i])) {
			verdict->log_level = text;
			return OK;
		}
	}
	return refuse(verdict, ERR_RPC_PARAMS, STR("_meta: unknown logLevel"));
}

static enum err check_meta(struct arena *arena, const struct mcp_message *message, const struct json_member *claim,
			   struct mcp_verdict *verdict)
{
	const struct json_member *info;

	verdict->capabilities = json_member(&message->index, message->meta, META_CAPABILITIES);
	if (claim->kind != JSON_STRING)
		return refuse(verdict, ERR_MCP_META,
			      STR("Invalid _meta: io.modelcontextprotocol/protocolVersion must be a string"));
	if (verdict->capabilities == NULL)
		return refuse(verdict, ERR_MCP_META,
			      STR("Missing required _meta keys: io.modelcontextprotocol/clientCapabilities"));
	if (verdict->capabilities->kind != JSON_OBJECT)
		return refuse(verdict, ERR_MCP_META,
			      STR("Invalid _meta: io.modelcontextprotocol/clientCapabilities must be an object"));
	info = json_member(&message->index, message->meta, META_CLIENT);
	if (info != NULL && info->kind != JSON_OBJECT)
		return refuse(verdict, ERR_MCP_META,
			      STR("Invalid _meta: io.modelcontextprotocol/clientInfo must be an object"));
	verdict->client_info = info;
	return OK;
}

static enum err refuse_version(struct arena *arena, struct str asked, struct mcp_verdict *verdict)
{
	AUTO_BUF data = {0};

	buf_put(&data, STR("{\"supported\":[\""));
	buf_put(&data, mcp_revision_text(MCP_MODERN_LATEST));
	buf_put(&data, STR("\"],\"requested\":"));
	buf_put_json(&data, asked);
	buf_put_byte(&data, '}');
	verdict->data = arena_str(arena, buf_str(&data));
	return ERR_MCP_VERSION;
}

static enum err validate_modern(struct arena *arena, const struct mcp_message *message,
				const struct mcp_headers *headers, const struct json_member *claim,
				struct mcp_verdict *verdict)
{
	struct str version = json_member_str(arena, claim);

	if (headers->version.p != NULL && version.p != NULL && !str_eq(headers->version, version))
		return refuse(verdict, ERR_MCP_HEADER,
			      STR("Header mismatch: MCP-Protocol-Version is not what _meta says"));
	if (headers->method.p != NULL && !str_eq(headers->method, message->method))
		return refuse(verdict, ERR_MCP_HEADER, STR("Header mismatch: Mcp-Method is not what the body says"));
	TRY(check_meta(arena, message, claim, verdict));
	verdict->revision = mcp_revision_of(version);
	if (!mcp_is_modern(verdict->revision))
		return refuse_version(arena, version, verdict);
	TRY(check_standard_headers(arena, message, headers, verdict));
	return check_log_level(arena, message, verdict);
}

static enum err classify_initialize(const struct mcp_headers *headers, const struct json_member *claim,
				    struct mcp_verdict *verdict)
{
	bool header_modern = headers->version.p != NULL && mcp_claims_modern(headers->version);

	if (claim != NULL && claim->kind == JSON_STRING) {
		verdict->modern = true;
		return ERR_RPC_METHOD;
	}
	if (header_modern) {
		verdict->modern = true;
		return refuse(verdict, ERR_MCP_HEADER,
			      STR("Header mismatch: initialize belongs to revisions before 2026-07-28"));
	}
	return OK;
}

enum err mcp_classify(struct arena *arena, const struct mcp_message *message, const struct mcp_headers *headers,
		      struct mcp_verdict *ret_verdict)
{
	const struct json_member *claim =
		message->meta == NULL ? NULL : json_member(&message->index, message->meta, META_VERSION);
	bool header_modern = headers->version.p != NULL && mcp_claims_modern(headers->version);

	*ret_verdict = (struct mcp_verdict){0};
	if (message->kind == MCP_RESPONSE)
		return OK;
	if (message->kind == MCP_REQUEST && str_eq(message->method, STR("initialize")))
		return classify_initialize(headers, claim, ret_verdict);
	if (claim != NULL) {
		ret_verdict->modern = true;
		return validate_modern(arena, message, headers, claim, ret_verdict);
	}
	if (!header_modern)
		return OK;
	ret_verdict->modern = true;
	ret_verdict->revision = mcp_revision_of(headers->version);
	if (message->kind == MCP_NOTIFICATION)
		return OK;
	return refuse(ret_verdict, ERR_MCP_META,
		      STR("Missing required _meta keys: io.modelcontextprotocol/protocolVersion, "
			  "io.modelcontextprotocol/clientCapabilities"));
}
