/* Which log messages a client wants to hear. A modern client says so in each request; one of a session
 * says it once, with logging/setLevel. A session has no memory here, so its level is a mark in the
 * state room that lives as long as the session can: one key per level, asked for only when an
 * upstream has something to say or has to be told. */
#include "base/limits.h"
#include "gateway/request.h"
#include "upstream/watch.h"

static const struct str levels[] = {
	{"debug", 5}, {"info", 4},     {"notice", 6}, {"warning", 7},
	{"error", 5}, {"critical", 8}, {"alert", 5},  {"emergency", 9},
};

/* ARRAY_LEN(levels) for a text that is no level. */
static size_t level_of(struct str text)
{
	size_t i = 0;

	while (i < ARRAY_LEN(levels) && (text.p == NULL || !str_eq(text, levels[i])))
		i++;
	return i;
}

static struct str level_mark(const struct request *req, size_t level, char out[64])
{
	out[0] = 'L';
	out[1] = (char)('0' + level);
	memcpy(out + 2, req->session.number, MCP_SESSION_NUMBER_LEN);
	return (struct str){out, MCP_SESSION_NUMBER_LEN + 2};
}

/* A legacy server is told once what anybody wants to hear; who hears what is sorted out here. */
void log_level_want(const struct catalog_item *item, struct str text)
{
	size_t level = level_of(text);

	if (item->offer->logging && !mcp_is_modern(item->offer->revision) && level < ARRAY_LEN(levels))
		upstream_want_log_level(item->upstream, (unsigned)level);
}

AWAITS enum err log_level_set(struct request *req, struct str text)
{
	size_t level = level_of(text);
	char key[64];

	if (level == ARRAY_LEN(levels)) {
		req->problem =
			STR("level must be one of debug, info, notice, warning, error, critical, alert, emergency");
		return ERR_RPC_PARAMS;
	}
	for (size_t i = 0; i < req->view->door_count; i++)
		log_level_want(&req->view->doors[i], text);
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (i != level)
			TRY(state_clear(req->gateway->state, level_mark(req, i, key)));
	return state_mark(req->gateway->state, level_mark(req, level, key), req->config->limits.session_max_ms);
}

AWAITS struct str log_level_of(struct request *req)
{
	char key[64];

	if (req->modern)
		return req->verdict.log_level;
	for (size_t i = 0; req->has_session && i < ARRAY_LEN(levels); i++) {
		int64_t left_ms = 0;

		if (state_marked(req->gateway->state, level_mark(req, i, key), &left_ms) == OK && left_ms > 0)
			return levels[i];
	}
	return STR_NONE;
}

/* A modern client that named no level hears nothing; one of a session leaves the choice to the server. */
AWAITS bool log_level_admits(struct request *req, struct str text)
{
	struct str wanted = log_level_of(req);

	return wanted.p == NULL ? !req->modern : level_of(text) >= level_of(wanted);
}
