/* The table of probe verdicts. Legacy servers answer an unknown first request in every way
 * there is; only what proves the modern era counts as modern, and what proves nothing (no
 * credential, a sick server, no connection) leaves the question open. */
#include "upstream/probe.h"

/* What came back, in the words of the table below. */
enum finding {
	FOUND_DISCOVERY_MUTUAL, /* a result that lists a version we speak */
	FOUND_DISCOVERY_OTHER,	/* ... only others */
	FOUND_VERSION_MUTUAL,	/* -32022 that lists a version we speak */
	FOUND_VERSION_OTHER_MODERN,
	FOUND_VERSION_LEGACY, /* -32022 with legacy ones, or without a list */
	FOUND_OTHER_RESULT,
	FOUND_RPC_ERROR,
	FOUND_UNREADABLE,    /* 2xx to 4xx without JSON-RPC */
	FOUND_UNAUTHORIZED,  /* 401, 403 */
	FOUND_SERVER_ERROR,  /* 5xx, 429 */
	FOUND_NO_CONNECTION, /* DNS, TLS, refused, reset, time-out */
	FINDINGS,
};

static const enum probe_verdict over_http[FINDINGS] = {
	[FOUND_DISCOVERY_MUTUAL] = PROBE_MODERN, [FOUND_DISCOVERY_OTHER] = PROBE_LEGACY,
	[FOUND_VERSION_MUTUAL] = PROBE_AGAIN,	 [FOUND_VERSION_OTHER_MODERN] = PROBE_ERROR,
	[FOUND_VERSION_LEGACY] = PROBE_LEGACY,	 [FOUND_OTHER_RESULT] = PROBE_LEGACY,
	[FOUND_RPC_ERROR] = PROBE_LEGACY,	 [FOUND_UNREADABLE] = PROBE_LEGACY,
	[FOUND_UNAUTHORIZED] = PROBE_AUTH,	 [FOUND_SERVER_ERROR] = PROBE_ERROR,
	[FOUND_NO_CONNECTION] = PROBE_ERROR,
};

/* Whether an array of version strings holds one that both sides speak, or any modern one. */
static enum mcp_revision best_of(struct arena *arena, const struct json_member *list, bool *ret_other_modern)
{
	enum mcp_revision best = MCP_UNKNOWN;
	struct json_index index;
	struct str element;
	size_t cursor = 0;

	*ret_other_modern = false;
	if (list == NULL || list->kind != JSON_ARRAY || json_scan(arena, list->value, &index) != OK)
		return MCP_UNKNOWN;
	while (json_element(&index, &cursor, &element)) {
		enum mcp_revision revision;

		if (element.n < 2 || element.p[0] != '"')
			continue;
		element = (struct str){element.p + 1, element.n - 2};
		revision = mcp_revision_of(element);
		if (mcp_is_modern(revision) && revision > best)
			best = revision;
		*ret_other_modern |= mcp_claims_modern(element);
	}
	return best;
}

static enum finding read_result(struct arena *arena, const struct mcp_message *answer, enum mcp_revision *ret_revision)
{
	const struct json_member *list = json_member(&answer->index, answer->result, STR("supportedVersions"));
	bool other_modern;

	if (answer->result->kind != JSON_OBJECT || list == NULL || list->kind != JSON_ARRAY)
		return FOUND_OTHER_RESULT;
	*ret_revision = best_of(arena, list, &other_modern);
	return *ret_revision != MCP_UNKNOWN ? FOUND_DISCOVERY_MUTUAL : FOUND_DISCOVERY_OTHER;
}

static enum finding read_error(struct arena *arena, const struct mcp_message *answer, enum mcp_revision *ret_revision)
{
	const struct json_member *code = json_member(&answer->index, answer->error, STR("code"));
	const struct json_member *data = json_member(&answer->index, answer->error, STR("data"));
	const struct json_member *list = NULL;
	bool other_modern;

	if (code == NULL || !str_eq(code->value, STR("-32022")))
		return FOUND_RPC_ERROR;
	if (data != NULL && data->kind == JSON_OBJECT)
		list = json_member(&answer->index, data, STR("supported"));
	*ret_revision = best_of(arena, list, &other_modern);
	if (*ret_revision != MCP_UNKNOWN)
		return FOUND_VERSION_MUTUAL;
	return other_modern ? FOUND_VERSION_OTHER_MODERN : FOUND_VERSION_LEGACY;
}

static enum finding find(struct arena *arena, const struct probe_outcome *outcome, enum mcp_revision *ret_revision)
{
	const struct mcp_message *answer = outcome->answer;

	if (outcome->status == 401 || outcome->status == 403)
		return FOUND_UNAUTHORIZED;
	if (outcome->status >= 500 || outcome->status == 429)
		return FOUND_SERVER_ERROR;
	if (answer != NULL && answer->result != NULL)
		return read_result(arena, answer, ret_revision);
	if (answer != NULL && answer->error != NULL)
		return read_error(arena, answer, ret_revision);
	if (outcome->status > 0 || outcome->err == ERR_UPSTREAM_GARBAGE)
		return FOUND_UNREADABLE;
	return FOUND_NO_CONNECTION;
}

enum probe_verdict probe_classify(struct arena *arena, const struct probe_outcome *outcome,
				  enum mcp_revision *ret_revision)
{
	enum finding finding = find(arena, outcome, ret_revision);

	/* A child that ignores the probe or dies of it is an old one. */
	if (outcome->stdio && finding == FOUND_NO_CONNECTION)
		return PROBE_LEGACY;
	if (finding == FOUND_VERSION_MUTUAL && outcome->again)
		return PROBE_ERROR;
	return over_http[finding];
}
