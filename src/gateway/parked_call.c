/* Parked calls, the client's side: a request begins one or, with its requestState, takes one up, and
 * then reads its mailbox until the answer, a round of questions, or an error. */
#include "base/clock.h"
#include "gateway/client_ask.h"
#include "gateway/parked.h"

static const struct json_member *param(const struct request *req, struct str key)
{
	return req->message.params == NULL ? NULL : json_member(&req->message.index, req->message.params, key);
}

/* What a requestState of this request would be bound to. */
static void bind_request(const struct request *req, const struct relay *relay, uint8_t ret_bond[MCP_BOND_BYTES])
{
	const struct json_member *arguments = param(req, STR("arguments"));

	mcp_state_bind(
		&(struct mcp_state_bond){
			.tenant_id = str_of(req->caller.tenant_id),
			.principal = str_of(req->caller.principal),
			.method = req->method,
			.upstream = upstream_name(relay->item->upstream),
			.name = relay->mcp_name,
			.arguments = arguments == NULL ? STR_NONE : arguments->value,
		},
		ret_bond);
}

struct taking_up {
	const struct parked_reader *reader;
	struct str responses;
};

AWAITS static enum err take_up_there(void *arg)
{
	const struct taking_up *up = arg;

	return parked_take_up(up->reader, up->responses);
}

AWAITS static enum err abandon_there(void *arg)
{
	parked_abandon(arg);
	return OK;
}

/* The request goes on with a call that is parked. */
AWAITS static enum err take_up(struct request *req, const struct json_member *state, const uint8_t *bond,
			       struct parked_reader *reader)
{
	const struct json_member *responses = param(req, STR("inputResponses"));
	struct taking_up up = {reader, responses == NULL ? STR_NONE : responses->value};
	struct str text = json_member_str(req->arena, state);

	if (text.p == NULL) {
		req->problem = STR("params.requestState must be a string");
		return ERR_RPC_PARAMS;
	}
	TRY(mcp_state_open(req->gateway->request_state_key, text, bond, clock_wall_ms(), &reader->at));
	if (reader->at.node != req->gateway->node || reader->at.loop >= loop_count()) {
		req->problem = STR("the call that this requestState belongs to is held by another process of the "
				   "gateway, or by one that was restarted; make the call again without it");
		return ERR_MCP_STATE;
	}
	return loop_call(loop_at(reader->at.loop), "take up a call", take_up_there, &up);
}

static void free_arena(void *arena)
{
	arena_free(arena);
}

/* Letters up to the last one. */
AWAITS static enum err read_letters(struct request *req, struct mailbox *mailbox, struct upstream_call *call)
{
	for (;;) {
		AUTO(letter) *letter = NULL;

		TRY(mailbox_take(mailbox, 0, &letter));
		if (!letter->last) {
			TRY(call->on_notification(call->arg, &letter->message));
			continue;
		}
		TRY(letter->err);
		call->answer = letter->message;
		arena_defer(req->arena, free_arena, letter->arena);
		letter->arena = NULL;
		return OK;
	}
}

AWAITS enum err parked_call(struct request *req, const struct relay *relay, struct upstream_call *call)
{
	AUTO(mailbox) *mailbox = mailbox_new();
	struct parked_reader reader = {.gateway = req->gateway, .mailbox = mailbox, .can = client_can_answer(req)};
	const struct json_member *state = param(req, STR("requestState"));
	uint8_t bond[MCP_BOND_BYTES];
	enum err err;

	bind_request(req, relay, bond);
	if (state != NULL)
		TRY(take_up(req, state, bond, &reader));
	else
		TRY(parked_start(req, call, relay->item->upstream, bond, &reader));
	call->revision = relay->item->offer->revision;
	err = read_letters(req, mailbox, call);
	if (err != OK) /* a letter's own error finds nothing to abandon */
		(void)!loop_call(loop_at(reader.at.loop), "leave a call", abandon_there, &reader);
	return err;
}
