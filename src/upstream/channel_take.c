/* What comes out of a channel: a child's line, an event of a session's stream. Each should be one
 * JSON-RPC message; many children also print greetings and progress, which is reported now and
 * then and otherwise ignored.
 *
 * An answer goes to the call that waits for it, together with the arena it was read in, so
 * that it is read once and copied once, whatever its size. A child can only answer what it
 * was asked itself: ids of other children's calls do not exist for it. */
#include "base/check.h"
#include "base/log.h"
#include "upstream/channel.h"
#include "upstream/listen.h"
#include "upstream/server_request.h"

#define NOISE_LOG_MS 60000
#define ARENA_BYTES_MIN (64 * 1024)
#define ARENA_BYTES_PER_BYTE 24 /* the line and the scan's table for it, at its worst */

/* Now and then, not per line: a server that prints a banner a second is still a good server. */
static void report_noise(struct instance *instance, struct str line, const char *event)
{
	int64_t now = loop_now(instance->upstream->home);

	instance->noise_lines++;
	if (instance->noise_logged_ms != 0 && now - instance->noise_logged_ms < NOISE_LOG_MS)
		return;
	if (line.n > 200)
		line.n = 200;
	log_warn(event, LOG_STR("upstream", instance->upstream->spec.name), LOG_INT("lines", instance->noise_lines),
		 LOG_STR("line", line));
	instance->noise_logged_ms = now;
	instance->noise_lines = 0;
}

/* The call that this child has in flight under an id; NULL if there is none. */
static struct pending *pending_of(struct instance *instance, struct str lexeme)
{
	struct pending *pending = NULL;
	uint64_t id;

	if (lexeme.p != NULL && str_to_u64(lexeme, &id) == OK)
		pending = pending_find(instance->upstream, id);
	return pending != NULL && pending->instance == instance ? pending : NULL;
}

static void take_response(struct instance *instance, struct arena *arena, const struct mcp_message *message)
{
	struct pending *pending = message->id.p == NULL ? pending_sole(instance) : pending_of(instance, message->id);

	if (pending == NULL) {
		log_debug("upstream.late_answer", LOG_STR("upstream", instance->upstream->spec.name));
		arena_free(arena);
		return;
	}
	if (message->index.text.n > instance->upstream->spec.answer_bytes_max) {
		arena_free(arena);
		pending_settle(pending, letter_error(ERR_UPSTREAM_TOO_LARGE));
		return;
	}
	pending_settle(pending, letter_new(arena, message, true));
}

/* The server asks a client something: the call that alone can be meant gets it. Asking the wrong person
 * is worse than asking nobody. */
static void take_request(struct instance *instance, struct arena *arena, const struct mcp_message *message)
{
	bool asks = mcp_method_of(message->method) != MCP_M_PING && !mcp_is_modern(instance->hello.revision);
	unsigned calls = 0;
	struct pending *pending = asks ? pending_asked(instance, &calls) : NULL;
	AUTO_BUF reply = {0};

	if (pending != NULL) {
		mailbox_put(pending->mailbox, letter_asking(server_request_from_channel(instance, arena, message)));
		return;
	}
	if (calls > 1)
		mcp_compose_error(message->id, ERR_INTERNAL, STR("which client is meant cannot be told"), STR_NONE,
				  &reply);
	else
		put_server_reply(message, &reply);
	channel_send(instance->channel, buf_str(&reply));
	arena_free(arena);
}

/* Log messages name no call. They go to the only one in flight (a level being told or a list being read
 * beside it says nothing to anybody), and only while all calls of this child came from one caller: else
 * one tenant could read another's. */
static struct pending *log_reader(struct instance *instance)
{
	return instance->many_callers ? NULL : pending_sole_call(instance);
}

/* A question is taken back: the call that was asked knows which. */
static void take_back(struct instance *instance, const struct mcp_message *message)
{
	struct str text = message->index.text;
	struct pending *pending;
	size_t cursor = 0;

	while ((pending = map_next(&instance->upstream->pending, &cursor)) != NULL) {
		struct mcp_message copy;
		struct arena *arena;

		if (pending->instance != instance || !pending->askable)
			continue;
		arena = arena_new(text.n * ARENA_BYTES_PER_BYTE + ARENA_BYTES_MIN);
		if (mcp_message_read(arena, arena_str(arena, text), &copy) == OK)
			mailbox_put(pending->mailbox, letter_new(arena, &copy, false));
		else
			arena_free(arena);
	}
}

/* The listening that an acknowledgement belongs to. */
static struct pending *subscription_of(struct instance *instance, const struct mcp_message *message)
{
	const struct json_index *index = &message->index;
	const struct json_member *meta =
		message->params == NULL ? NULL : json_member(index, message->params, STR("_meta"));
	const struct json_member *id =
		meta == NULL ? NULL : json_member(index, meta, STR("io.modelcontextprotocol/subscriptionId"));

	return id == NULL ? NULL : pending_of(instance, id->value);
}

static void take_notification(struct instance *instance, struct arena *arena, const struct mcp_message *message)
{
	struct upstream *upstream = instance->upstream;
	struct pending *pending = NULL;

	switch (mcp_method_of(message->method)) {
	case MCP_M_N_TOOLS_CHANGED:
	case MCP_M_N_PROMPTS_CHANGED:
	case MCP_M_N_RESOURCES_CHANGED:
		if (instance->key.n == 0)
			keeper_wish(upstream, KEEPER_LISTS);
		break;
	case MCP_M_N_PROGRESS:
		if (message->params != NULL) {
			const struct json_member *token =
				json_member(&message->index, message->params, STR("progressToken"));

			pending = token == NULL ? NULL : pending_of(instance, token->value);
		}
		break;
	case MCP_M_N_CANCELLED:
		take_back(instance, message);
		break;
	case MCP_M_N_MESSAGE:
		pending = log_reader(instance);
		break;
	case MCP_M_N_RESOURCES_UPDATED:
	case MCP_M_N_TASKS:
		if (instance->key.n == 0) /* others are not asked to */
			watch_notify(upstream, message);
		break;
	case MCP_M_N_SUBSCRIBED:
		pending = subscription_of(instance, message);
		break;
	default:
		break;
	}
	if (pending != NULL)
		mailbox_put(pending->mailbox, letter_new(arena, message, false));
	else
		arena_free(arena);
}

/* It looks like a message and is none. If it can only be the answer to one call, that call
 * ends now instead of waiting for its time to run out. */
static void take_garbage(struct instance *instance, struct str id, struct str line)
{
	struct pending *pending = id.p != NULL ? pending_of(instance, id) : pending_sole(instance);

	report_noise(instance, line, "upstream.garbage");
	if (pending != NULL)
		pending_settle(pending, letter_error(ERR_UPSTREAM_GARBAGE));
}

void channel_take(struct instance *instance, struct str line)
{
	struct mcp_message message;
	struct arena *arena;

	CHECK_OBJ(instance, INSTANCE_MAGIC);
	line = str_trim(line);
	if (line.n == 0)
		return;
	if (line.p[0] != '{') {
		report_noise(instance, line, "upstream.stdout_noise");
		return;
	}
	arena = arena_new(line.n * ARENA_BYTES_PER_BYTE + ARENA_BYTES_MIN);
	if (mcp_message_read(arena, arena_str(arena, line), &message) != OK) {
		take_garbage(instance, message.id, line);
		arena_free(arena);
		return;
	}
	switch (message.kind) {
	case MCP_RESPONSE:
		take_response(instance, arena, &message);
		break;
	case MCP_NOTIFICATION:
		take_notification(instance, arena, &message);
		break;
	case MCP_REQUEST:
		take_request(instance, arena, &message);
		break;
	}
}
