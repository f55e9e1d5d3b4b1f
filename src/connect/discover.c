/* Discovery, in the order that the specification has: what a challenge names is asked and nothing else; without one
 * the places where such documents lie are tried; servers of 2025-03-26, which have none, describe their authorization
 * server at the root of their origin, or have its endpoints there.
 *
 *     challenge ──names it──▶ resource document ──▶ issuer document ──▶ facts
 *         │ does not               ▲     │ none                           ▲
 *         └──▶ path form, root ────┘     └──▶ issuer at the origin ──none──┴── guessed endpoints
 *
 * A document that is not well-formed is none; one that is about somebody else ends it all, before anybody is sent
 * anywhere. While a server is not well nothing is guessed: its answer of tomorrow may be another. */
#include "connect/discover.h"

#include "authclient/words.h"
#include "http/challenge.h"
#include "http/fetch.h"

/* Asking without a token, in words that do no harm: servers of either era refuse before they look at what is asked. */
#define PROBE_REVISION "2026-07-28"
#define PROBE_HEADERS                                                                                                  \
	"Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"                            \
	"MCP-Protocol-Version: " PROBE_REVISION "\r\nMcp-Method: server/discover\r\n"
#define PROBE_BODY                                                                                                     \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{\"_meta\":{"                         \
	"\"io.modelcontextprotocol/protocolVersion\":\"" PROBE_REVISION "\","                                          \
	"\"io.modelcontextprotocol/clientInfo\":{\"name\":\"gatehouse\",\"version\":\"" GATEHOUSE_VERSION "\"},"       \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}}}"

#define PROBE_MS 5000 /* who refuses does so at once; an answer that streams on is none */

struct search {
	struct documents *documents;
	struct arena *arena;
	const struct connect_at *at;
	struct buf *problem;
	struct url server;
	bool unwell; /* somebody was there, but could not answer */
};

/* ---- the challenge --------------------------------------------------------------- */

/* A server that answers something else, or nothing that can be read, has none. */
AWAITS static enum err ask_challenge(struct search *search, struct str *ret_challenge)
{
	const struct fetch fetch = {.url = search->at->url,
				    .method = STR("POST"),
				    .headers = STR(PROBE_HEADERS),
				    .body = STR(PROBE_BODY),
				    .timeout_ms = PROBE_MS,
				    .allow_private = search->at->allow_private,
				    .ca_file = search->at->ca_file};
	struct fetched fetched;
	enum err err = http_fetch(search->arena, &fetch, &fetched);

	*ret_challenge = STR("");
	if (err == ERR_UPSTREAM_GARBAGE || err == ERR_UPSTREAM_TOO_LARGE || err == ERR_UPSTREAM_TIMEOUT)
		return OK;
	if (err == OK && (fetched.status == 401 || fetched.status == 403))
		*ret_challenge = fetched.challenge;
	return err;
}

struct asked {
	struct str document, scope; /* p NULL: it does not say */
};

static void read_challenge(struct arena *arena, struct str field, struct asked *ret_asked)
{
	struct challenges challenges = {0};
	const struct challenge *challenge;

	challenges_read(arena, field, &challenges);
	challenge = challenges_find(&challenges, STR("Bearer"));
	if (challenge == NULL)
		challenge = challenges_find(&challenges, STR("DPoP"));
	*ret_asked = (struct asked){0};
	if (challenge == NULL)
		return;
	ret_asked->document = challenge_get(challenge, STR("resource_metadata"));
	ret_asked->scope = challenge_get(challenge, STR("scope"));
	if (ret_asked->scope.p != NULL && !str_is_printable(ret_asked->scope))
		ret_asked->scope = STR_NONE;
}

/* ---- documents --------------------------------------------------------------------- */

static enum err complain(struct search *search, struct str whom, const char *words)
{
	buf_put_fmt(search->problem, "%.*s %s", STR_ARG(words_of(whom)), words);
	return ERR_UPSTREAM_AUTH;
}

/* ERR_NOT_FOUND: look elsewhere. */
AWAITS static enum err fetch_at(struct search *search, struct str url, struct str *ret_text, int64_t *ret_fresh_ms)
{
	enum err err = documents_fetch(search->arena, search->at, url, ret_text, ret_fresh_ms);

	if (err == ERR_UPSTREAM_BUSY) {
		search->unwell = true;
		return ERR_NOT_FOUND;
	}
	if (err != OK && err != ERR_NOT_FOUND)
		(void)complain(search, url, "cannot be asked");
	return err;
}

AWAITS static enum err read_resource(struct search *search, struct str url, struct resource_facts *ret_facts)
{
	struct str text;
	int64_t fresh_ms;
	enum err err;

	TRY(fetch_at(search, url, &text, &fresh_ms));
	err = resource_facts_read(search->arena, text, &search->server, search->problem, ret_facts);
	return err == ERR_UPSTREAM_GARBAGE ? ERR_NOT_FOUND : err;
}

AWAITS static enum err find_resource(struct search *search, struct str named, struct resource_facts *ret_facts)
{
	struct places places;
	enum err err = ERR_NOT_FOUND;

	if (named.p != NULL) {
		err = read_resource(search, named, ret_facts);
		if (err == ERR_NOT_FOUND && !search->unwell)
			return complain(search, named, "is named by its challenge, but does not describe it");
		return err;
	}
	places_of_resource(search->arena, &search->server, &places);
	for (size_t i = 0; err == ERR_NOT_FOUND && i < places.count; i++)
		err = read_resource(search, places.url[i], ret_facts);
	return err;
}

static enum err believe(struct search *search, struct str text, struct str issuer, struct issuer_facts *ret_issuer)
{
	enum err err =
		issuer_facts_read(search->arena, text, issuer, search->at->allow_private, search->problem, ret_issuer);

	return err == ERR_UPSTREAM_GARBAGE ? ERR_NOT_FOUND : err;
}

AWAITS static enum err find_issuer(struct search *search, struct str issuer, struct issuer_facts *ret_issuer)
{
	struct places places;
	int64_t fresh_ms = 0;
	struct str text;
	enum err err;

	if (documents_get(search->documents, search->arena, search->at, issuer, &text) == OK)
		return believe(search, text, issuer, ret_issuer);
	err = places_of_issuer(search->arena, issuer, &places);
	if (err == ERR_CONFIG)
		return complain(search, issuer, "cannot be an authorization server's name");
	TRY(err);
	err = ERR_NOT_FOUND;
	for (size_t i = 0; err == ERR_NOT_FOUND && i < places.count; i++) {
		err = fetch_at(search, places.url[i], &text, &fresh_ms);
		if (err == OK)
			err = believe(search, text, issuer, ret_issuer);
	}
	if (err == OK)
		documents_keep(search->documents, search->at, issuer, text, fresh_ms);
	return err;
}

/* ---- all of it ----------------------------------------------------------------------- */

/* Nothing was found: because it is not there, or because nobody could say. */
static enum err nothing(struct search *search, struct str whom, const char *words)
{
	if (!search->unwell)
		return complain(search, whom, words);
	(void)complain(search, whom, "cannot say now where its tokens come from");
	return ERR_UPSTREAM_DOWN;
}

AWAITS static enum err find_legacy(struct search *search, struct issuer_facts *ret_issuer)
{
	struct str origin = arena_str(search->arena, url_origin(&search->server));
	enum err err = search->unwell ? ERR_NOT_FOUND : find_issuer(search, origin, ret_issuer);

	if (err != ERR_NOT_FOUND)
		return err;
	if (search->unwell)
		return nothing(search, origin, "");
	issuer_facts_guess(search->arena, &search->server, ret_issuer);
	return OK;
}

AWAITS enum err discover_server(struct documents *documents, struct arena *arena, const struct connect_at *at,
				struct str challenge, struct buf *problem, struct discovered *ret_discovered)
{
	struct search search = {documents, arena, at, problem, .unwell = false};
	struct discovered found = {0};
	struct resource_facts resource = {0};
	struct asked asked;
	enum err err;

	if (url_parse(at->url, &search.server) != OK)
		return complain(&search, at->upstream, "has no address: its tokens cannot be discovered");
	if (challenge.p == NULL)
		TRY(ask_challenge(&search, &challenge));
	read_challenge(arena, challenge, &asked);
	found.asked = asked.scope;
	err = find_resource(&search, asked.document, &resource);
	if (err == ERR_NOT_FOUND && asked.document.p != NULL)
		return nothing(&search, asked.document, "");
	if (err == ERR_NOT_FOUND) {
		TRY(find_legacy(&search, &found.issuer));
		*ret_discovered = found;
		return OK;
	}
	TRY(err);
	found.resource = resource.resource;
	found.scopes = resource.scopes;
	err = find_issuer(&search, resource.issuer, &found.issuer);
	if (err == ERR_NOT_FOUND)
		return nothing(&search, resource.issuer, "is its authorization server, but describes itself nowhere");
	TRY(err);
	*ret_discovered = found;
	return OK;
}

AWAITS enum err discover_issuer(struct documents *documents, struct arena *arena, const struct connect_at *at,
				struct str issuer, struct buf *problem, struct issuer_facts *ret_issuer)
{
	struct search search = {documents, arena, at, problem, .unwell = false};
	enum err err = find_issuer(&search, issuer, ret_issuer);

	return err == ERR_NOT_FOUND ? nothing(&search, issuer, "describes itself nowhere") : err;
}
