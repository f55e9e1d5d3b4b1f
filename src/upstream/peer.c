/* Asking an instance something for ourselves, over whichever transport it has: the message is
 * composed (or given as a text), the head put together for HTTP, and the exchange made by
 * http.c or channel_call.c. What is asked, and what the answer means, is the caller's. */
#include "upstream/peer.h"

#include "base/check.h"
#include "upstream/channel.h"
#include "upstream/credential.h"

uint64_t peer_next_id(struct instance *instance)
{
	return lane_next_id(instance->upstream, lane_here(instance->upstream));
}

/* With the credential of the instance's owner, or of whoever lends the shared one theirs. */
AWAITS static enum err ask_in_name(struct instance *instance, struct ask *ask, struct buf *head)
{
	struct upstream *upstream = instance->upstream;
	struct carried carried = {
		.behalf = {instance->owner.tenant, instance->owner.principal},
		.method = STR("POST"),
		.body = ask->body,
	};
	bool again;
	enum err err;

	ask->behalf = carried.behalf;
	ask->bare_bytes = head->n;
	do {
		TRY(carried_put(upstream, &carried, head, &ask->path));
		ask->head = buf_str(head);
		ask->answered = false;
		err = http_ask(upstream, lane_here(upstream), ask);
		err = carried_settle(upstream, &carried, err, ask->status, ask->fields, &again);
	} while (again);
	return err;
}

AWAITS enum err peer_ask(struct instance *instance, const struct question *question, struct ask *ask)
{
	struct upstream *upstream = instance->upstream;
	AUTO_BUF body = {0};
	AUTO_BUF head = {0};

	CHECK(loop_self() == upstream->home);
	ask->revision = question->revision;
	ask->timeout_ms = question->timeout_ms;
	ask->idempotent = true;
	ask->body = question->text;
	if (question->text.p == NULL) {
		ask->id = peer_next_id(instance);
		mcp_compose_request(&question->outgoing, question->revision, ask->id, &body);
		ask->body = buf_str(&body);
	}
	if (instance->channeled)
		return channel_ask(instance, ask, question->endless);
	ask->has_session = question->facts->has_session;
	buf_put(&head, question->facts->head);
	http_call_lines(&head, question->revision, question->outgoing.method, STR_NONE, NULL);
	return ask_in_name(instance, ask, &head);
}

struct str peer_error_text(const struct ask *ask)
{
	const struct json_member *code, *message;

	if (!ask->answered || ask->answer.error == NULL)
		return STR("");
	code = json_member(&ask->answer.index, ask->answer.error, STR("code"));
	message = json_member(&ask->answer.index, ask->answer.error, STR("message"));
	return arena_fmt(ask->arena, "%.*s %.*s", code == NULL ? 0 : STR_ARG(code->value),
			 message == NULL ? 0 : (int)(message->value.n < 120 ? message->value.n : 120),
			 message == NULL ? "" : message->value.p);
}
