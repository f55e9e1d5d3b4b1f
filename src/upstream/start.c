/* Bringing an instance up: which era, the handshake, and what the server says of itself.
 *
 *   era pinned or known ---------------------------+
 *   else server/discover --modern--> hello, ready  |
 *               |  \--no verdict--> error          |
 *               +--legacy--> initialize, initialized --> hello, ready
 *                              \--no such POST--> HTTP+SSE stream, initialize in it
 *
 * A child that dies of the probe is started once more and initialized without one; servers
 * built on older libraries end on any request before initialize.
 *   Source     MCP 2026-07-28 basic/versioning, 2025-11-25 basic/lifecycle */
#include "base/check.h"
#include "base/log.h"
#include "mcp/session.h"
#include "upstream/peer.h"
#include "upstream/probe.h"
#include "upstream/channel.h"
#include "upstream/listen.h"

#define SESSION_BYTES_MAX 1024
#define PROBE_MS 15000	  /* a child that does not answer a probe by then is an old one */
#define CHILD_GONE_MS 500 /* a child that failed to start gets no more */

static bool is_true(const struct json_index *index, const struct json_member *object, struct str key)
{
	const struct json_member *m = object == NULL ? NULL : json_member(index, object, key);

	return m != NULL && m->kind == JSON_TRUE;
}

static void read_capabilities(struct arena *arena, struct hello *hello)
{
	const struct json_member *tools, *prompts, *resources;
	struct json_index index;

	if (hello->capabilities.p == NULL || json_scan(arena, hello->capabilities, &index) != OK ||
	    index.kind != JSON_OBJECT)
		return;
	tools = json_member(&index, NULL, STR("tools"));
	prompts = json_member(&index, NULL, STR("prompts"));
	resources = json_member(&index, NULL, STR("resources"));
	hello->extensions = mcp_extensions_read(arena, hello->capabilities);
	hello->tools = tools != NULL;
	hello->prompts = prompts != NULL;
	hello->resources = resources != NULL;
	hello->completions = json_member(&index, NULL, STR("completions")) != NULL;
	hello->logging = json_member(&index, NULL, STR("logging")) != NULL;
	hello->subscribe = is_true(&index, resources, STR("subscribe"));
	for (size_t i = 0; i < 3; i++) {
		const struct json_member *list = i == 0 ? tools : i == 1 ? prompts : resources;
		bool announced = is_true(&index, list, STR("listChanged"));

		hello->list_changed |= announced;
		hello->lists_silent |= list != NULL && !announced;
	}
}

static struct str object_text(const struct json_member *m)
{
	return m != NULL && m->kind == JSON_OBJECT ? m->value : STR_NONE;
}

/* initialize and server/discover describe the server with the same members. */
static void read_hello(struct instance *instance, const struct mcp_message *answer)
{
	const struct json_index *index = &answer->index;
	const struct json_member *meta = json_member(index, answer->result, STR("_meta"));
	struct hello *hello = &instance->hello;

	hello->capabilities = object_text(json_member(index, answer->result, STR("capabilities")));
	/* Drafts of 2026-07-28 had serverInfo at the top, as initialize has. */
	hello->server_info = object_text(json_member(index, answer->result, STR("serverInfo")));
	if (hello->server_info.p == NULL && meta != NULL)
		hello->server_info = object_text(json_member(index, meta, STR("io.modelcontextprotocol/serverInfo")));
	hello->instructions = json_member_str(instance->arena, json_member(index, answer->result, STR("instructions")));
	read_capabilities(instance->arena, hello);
}

static int64_t start_timeout(const struct instance *instance)
{
	const struct upstream_spec *spec = &instance->upstream->spec;

	return spec->kind == UPSTREAM_STDIO ? UPSTREAM_START_MS : spec->timeout_ms;
}

AWAITS static enum err ask_discover(struct instance *instance, struct arena *arena, enum mcp_revision revision,
				    struct ask *ask)
{
	struct upstream *upstream = instance->upstream;
	struct facts *facts = facts_new(upstream, revision, STR_NONE);
	struct question question = {
		.outgoing = {.method = STR("server/discover")},
		.revision = revision,
		.facts = facts,
		.timeout_ms = upstream->spec.kind == UPSTREAM_STDIO ? PROBE_MS : upstream->spec.timeout_ms,
	};
	enum err err;

	*ask = (struct ask){.arena = arena};
	err = peer_ask(instance, &question, ask);
	facts_unref(facts);
	return err;
}

/* Find out the era; a modern server's hello is read on the way.
 *   ret_revision  MCP_UNKNOWN: legacy, initialize will tell which
 *   ret_died      it was a child, and it did not survive the question */
AWAITS static enum err probe(struct instance *instance, enum mcp_revision *ret_revision, bool *ret_died)
{
	enum mcp_revision revision = MCP_MODERN_LATEST;
	enum probe_verdict verdict = PROBE_AGAIN;
	enum err err = OK;

	for (int tries = 0; verdict == PROBE_AGAIN; tries++) {
		struct probe_outcome outcome = {
			.stdio = instance->upstream->spec.kind == UPSTREAM_STDIO,
			.again = tries > 0,
		};
		struct ask ask;

		outcome.err = ask_discover(instance, instance->arena, revision, &ask);
		if (outcome.err == ERR_CANCELED || outcome.err == ERR_TIMEOUT || outcome.err == ERR_REFUSED_ADDRESS)
			return outcome.err;
		err = outcome.err == OK ? ERR_UPSTREAM_AUTH : outcome.err;
		outcome.status = ask.status;
		outcome.answer = ask.answered ? &ask.answer : NULL;
		*ret_died = outcome.stdio && outcome.err == ERR_UPSTREAM_DOWN;
		verdict = probe_classify(instance->arena, &outcome, &revision);
		if (verdict == PROBE_MODERN)
			read_hello(instance, &ask.answer);
		if (verdict == PROBE_ERROR)
			return outcome.err != OK ? outcome.err : ERR_UPSTREAM_GARBAGE;
	}
	*ret_revision = verdict == PROBE_MODERN ? revision : MCP_UNKNOWN;
	return verdict == PROBE_AUTH ? err : OK;
}

/* A modern server whose era is known: its hello, if it has one to say. */
AWAITS static enum err discover(struct instance *instance, enum mcp_revision revision)
{
	struct ask ask;

	TRY(ask_discover(instance, instance->arena, revision, &ask));
	if (ask.answer.result != NULL && ask.answer.result->kind == JSON_OBJECT)
		read_hello(instance, &ask.answer);
	else
		instance->hello.tools = instance->hello.prompts = instance->hello.resources = true;
	return OK;
}

static bool session_is_valid(struct str session)
{
	for (size_t i = 0; i < session.n; i++)
		if (session.p[i] < 0x21 || session.p[i] > 0x7e)
			return false;
	return session.n > 0 && session.n <= SESSION_BYTES_MAX;
}

/* For whom nobody else is served, exactly what its client declared; else all that can be relayed to
 * somebody. No other instance hears of changed roots. */
static struct str own_capabilities(const struct instance *instance)
{
	AUTO_BUF text = {0};
	unsigned all = MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS | MCP_CAN_SAMPLE_CONTEXT | MCP_CAN_ELICIT_FORM |
		       MCP_CAN_ELICIT_URL | MCP_CAN_ROOTS | MCP_CAN_APPS;

	mcp_capabilities_write(instance->owner.session.n > 0 ? instance->owner.capabilities : (uint16_t)all, &text);
	return arena_str(instance->arena, buf_str(&text));
}

AWAITS static enum err ask_initialize(struct instance *instance, enum mcp_revision wanted, struct ask *ask)
{
	struct facts *facts = facts_new(instance->upstream, MCP_UNKNOWN, STR_NONE);
	struct question question = {.facts = facts, .timeout_ms = start_timeout(instance)};
	struct str capabilities = own_capabilities(instance);
	enum err err;

	*ask = (struct ask){.arena = instance->arena, .id = peer_next_id(instance)};
	question.text = arena_fmt(instance->arena,
				  "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"initialize\",\"params\":{"
				  "\"protocolVersion\":\"%.*s\",\"capabilities\":%.*s,\"clientInfo\":%.*s}}",
				  (unsigned long long)ask->id, STR_ARG(mcp_revision_text(wanted)),
				  STR_ARG(capabilities), STR_ARG(mcp_self));
	err = peer_ask(instance, &question, ask);
	facts_unref(facts);
	return err;
}

/* Whether a server that did not take initialize may be one of the HTTP+SSE transport: it answers a
 * POST to its stream's URL like any page that only knows GET.
 *   Source     MCP 2025-03-26 basic/transports#backwards-compatibility */
static bool may_be_sse(const struct instance *instance, const struct ask *ask)
{
	static const struct str modern[] = {{"-32020", 6}, {"-32021", 6}, {"-32022", 6}};
	const struct json_member *code = NULL;

	/* A channel is one stream for all calls: it cannot carry a credential of each caller. */
	if (instance->channeled || instance->upstream->spec.auth.kind != UPSTREAM_AUTH_NONE)
		return false;
	if ((ask->status != 400 && ask->status != 404 && ask->status != 405))
		return false;
	if (ask->answered && ask->answer.error != NULL)
		code = json_member(&ask->answer.index, ask->answer.error, STR("code"));
	for (size_t i = 0; code != NULL && i < ARRAY_LEN(modern); i++)
		if (str_eq(code->value, modern[i]))
			return false;
	return true;
}

/* Initialize, over the older transport if the server knows no other. What is wrong with a server
 * that knows neither is what it said at first. */
AWAITS static enum err initialize_somehow(struct instance *instance, enum mcp_revision wanted, struct ask *ask)
{
	enum err err = ask_initialize(instance, wanted, ask), opened;

	if (!may_be_sse(instance, ask))
		return err;
	opened = sse_open(instance);
	if (opened == ERR_CANCELED || opened == ERR_TIMEOUT)
		return opened;
	if (opened != OK)
		return err;
	log_info("upstream.older_transport", LOG_STR("upstream", instance->upstream->spec.name));
	instance->channeled = true;
	return ask_initialize(instance, wanted, ask);
}

/* Ask and read the answer to initialize.
 *   ret_session  p NULL none */
AWAITS static enum err learn_hello(struct instance *instance, enum mcp_revision wanted, enum mcp_revision *ret_revision,
				   struct str *ret_session)
{
	struct upstream *upstream = instance->upstream;
	struct str version;
	struct ask ask;

	TRY(initialize_somehow(instance, wanted, &ask));
	if (ask.answer.result == NULL || ask.answer.result->kind != JSON_OBJECT) {
		upstream_note_error(upstream, ERR_UPSTREAM_GARBAGE, peer_error_text(&ask));
		return ERR_UPSTREAM_GARBAGE;
	}
	version = json_member_str(instance->arena,
				  json_member(&ask.answer.index, ask.answer.result, STR("protocolVersion")));
	*ret_revision = mcp_revision_of(version);
	if (*ret_revision == MCP_UNKNOWN || mcp_is_modern(*ret_revision)) {
		upstream_note_error(upstream, ERR_UPSTREAM_GARBAGE, STR("it initializes with a version unknown here"));
		return ERR_UPSTREAM_GARBAGE;
	}
	if (ask.session.p != NULL && !session_is_valid(ask.session))
		return ERR_UPSTREAM_GARBAGE;
	*ret_session = ask.session;
	read_hello(instance, &ask.answer);
	return OK;
}

AWAITS static enum err initialize(struct instance *instance, enum mcp_revision wanted, struct facts **ret_facts)
{
	enum mcp_revision revision;
	struct str session = STR_NONE;
	struct ask ask = {.arena = instance->arena};
	struct question question = {
		.text = STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
		.timeout_ms = instance->upstream->spec.timeout_ms,
	};
	enum err err;

	TRY(learn_hello(instance, wanted, &revision, &session));
	instance->hello.revision = revision;
	*ret_facts = facts_new(instance->upstream, revision, session);
	question.revision = revision;
	question.facts = *ret_facts;
	err = peer_ask(instance, &question, &ask);
	/* Some servers refuse it and work all the same. */
	if (err == ERR_UPSTREAM_GARBAGE || err == ERR_UPSTREAM_SESSION)
		err = OK;
	return err;
}

/* The era to assume, MCP_UNKNOWN to ask. A legacy server over HTTP is asked at each reconnect,
 * since a stale verdict would go on working, silently, for ever. */
static enum mcp_revision known_revision(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;
	bool fresh = upstream->verdict_at_ms != 0 &&
		     loop_now(upstream->home) - upstream->verdict_at_ms < UPSTREAM_VERDICT_MS;

	if (upstream->spec.revision != MCP_UNKNOWN)
		return upstream->spec.revision;
	if (upstream->spec.kind == UPSTREAM_SSE)
		return MCP_LEGACY_LATEST; /* the modern era has no such transport */
	if (atomic_exchange(&upstream->renegotiate, false) || !fresh)
		return MCP_UNKNOWN;
	return upstream->spec.kind == UPSTREAM_STDIO || instance->key.n > 0 ? upstream->verdict : MCP_UNKNOWN;
}

static void note_verdict(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;

	upstream->verdict = instance->hello.revision;
	upstream->verdict_at_ms = loop_now(upstream->home);
	atomic_store(&upstream->revision, instance->hello.revision);
}

static bool forget_channel(void *arg)
{
	struct instance *instance = arg;

	instance->channel_wait = NULL;
	return true;
}

/* Get rid of a channel, and wait until it is gone; so that an instance never has two. */
AWAITS static void end_channel(struct instance *instance)
{
	struct fiber_shield shield = fiber_shield_begin(2 * CHILD_GONE_MS + 1000);

	if (instance->channel != NULL) {
		struct wait gone = WAIT_INIT;

		channel_kill(instance->channel, CHILD_GONE_MS);
		instance->channel_wait = &gone;
		if (wait_for(&gone, forget_channel, instance) != OK)
			log_warn("upstream.child_stays", LOG_STR("upstream", instance->upstream->spec.name));
	}
	fiber_shield_end(shield);
}

AWAITS static enum err greet(struct instance *instance)
{
	enum mcp_revision revision = known_revision(instance);
	struct facts *facts = NULL;
	bool died = false;
	enum err err = OK;

	if (revision == MCP_UNKNOWN) {
		TRY(probe(instance, &revision, &died));
		if (died) {
			end_channel(instance);
			TRY(stdio_open(instance));
		}
	} else if (mcp_is_modern(revision)) {
		TRY(discover(instance, revision));
	}
	if (mcp_is_modern(revision)) {
		instance->hello.revision = revision;
		facts = facts_new(instance->upstream, revision, STR_NONE);
	} else {
		err = initialize(instance, revision == MCP_UNKNOWN ? MCP_LEGACY_LATEST : revision, &facts);
	}
	if (err != OK) {
		facts_unref(facts);
		return err;
	}
	facts->channeled = instance->channeled;
	instance->facts = facts;
	atomic_store(&instance->upstream->channeled, instance->channeled);
	note_verdict(instance);
	return OK;
}

AWAITS bool instance_turned_modern(struct instance *instance)
{
	struct probe_outcome outcome = {0};
	AUTO(arena) *arena = arena_new(instance->upstream->spec.answer_bytes_max + 1024 * 1024);
	enum mcp_revision revision;
	struct ask ask;

	outcome.err = ask_discover(instance, arena, MCP_MODERN_LATEST, &ask);
	outcome.status = ask.status;
	outcome.answer = ask.answered ? &ask.answer : NULL;
	return probe_classify(arena, &outcome, &revision) == PROBE_MODERN;
}

AWAITS static enum err open_channel(struct instance *instance)
{
	switch (instance->upstream->spec.kind) {
	case UPSTREAM_STDIO:
		return stdio_open(instance);
	case UPSTREAM_SSE:
		return sse_open(instance);
	case UPSTREAM_LOCAL: /* has no instances */
	case UPSTREAM_HTTP:
		break;
	}
	return OK;
}

AWAITS enum err instance_start(struct instance *instance)
{
	enum err err;

	end_channel(instance);
	instance->channeled = instance->upstream->spec.kind != UPSTREAM_HTTP;
	err = open_channel(instance);
	if (err == OK)
		err = greet(instance);
	if (err == OK)
		level_tell(instance);
	if (err == OK && instance->channeled && instance->channel == NULL)
		err = ERR_UPSTREAM_DOWN; /* it ended in the moment of its last answer */
	if (err != OK)
		end_channel(instance);
	return err;
}
