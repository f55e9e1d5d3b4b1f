/* One call: ask the item's upstream, write the audit row, answer. Notifications of the call pass
 * through on the way.
 *
 * The row is queued before the answer leaves; when the audit trail takes no rows, the caller
 * gets an error instead of an unaudited success. */
#include "base/clock.h"
#include "gateway/account_ask.h"
#include "gateway/admission.h"
#include "gateway/allowance.h"
#include "gateway/cached_read.h"
#include "gateway/client_ask.h"
#include "gateway/metrics.h"
#include "gateway/param_headers.h"
#include "gateway/parked.h"
#include "gateway/rates.h"
#include "gateway/shed.h"
#include "gateway/tasks.h"
#include "mcp/extension.h"

/* Progress passes where the client gave a token, log messages where it asked for them, and news of a
 * visited URL in the era that has them; anything else is not the call's. */
AWAITS static bool is_wanted(struct request *req, const struct mcp_message *message, const struct json_member *token)
{
	switch (mcp_method_of(message->method)) {
	case MCP_M_N_PROGRESS:
		return token != NULL;
	case MCP_M_N_MESSAGE:
		return log_level_admits(req, mcp_param(req->arena, message, STR("level")));
	case MCP_M_N_ELICITATION_COMPLETE:
		return !req->modern && (client_can_answer(req) & MCP_CAN_ELICIT_URL) != 0;
	default:
		return false;
	}
}

/* A notification of the running call; progress gets the client's token back. */
AWAITS static enum err relay_notification(void *arg, const struct mcp_message *message)
{
	struct request *req = arg;
	const struct json_member *token = NULL;
	AUTO_BUF text = {0};
	enum err err;

	if (!answer_can_stream(req))
		return OK;
	if (req->message.meta != NULL)
		token = json_member(&req->message.index, req->message.meta, STR("progressToken"));
	if (!is_wanted(req, message, token))
		return OK;
	mcp_compose_relayed(message, token == NULL ? STR_NONE : token->value, &text);
	err = answer_event(req, buf_str(&text));
	/* A session's client may go and leave its call running: only notifications/cancelled ends it. */
	return err == ERR_CLOSED && !req->modern ? OK : err;
}

/* A modern server logs only for requests that name a level; a session's was named once. */
AWAITS static struct str level_to_name(struct request *req, const struct relay *relay)
{
	if (req->modern) {
		log_level_want(relay->item, req->verdict.log_level);
		return req->verdict.log_level;
	}
	if (!relay->item->offer->logging || !mcp_is_modern(relay->item->offer->revision))
		return STR_NONE;
	return log_level_of(req);
}

/* What a modern server hears that this client can do: of a session's, what can be asked of it now. */
static struct str client_capabilities(struct request *req)
{
	AUTO_BUF text = {0};
	uint16_t can;

	if (req->modern)
		return mcp_extensions_keep(req->arena, req->verdict.capabilities->value, MCP_EXT_CARRIED);
	can = (req->session.capabilities & MCP_CAN_APPS) | (client_can_answer(req) & ~MCP_CAN_ROOTS_CHANGED);
	if (can == 0)
		return STR_NONE;
	mcp_capabilities_write(can, &text);
	return arena_str(req->arena, buf_str(&text));
}

/* Asking how a task is getting on belongs to the call that made it. */
static bool is_counted(const struct relay *relay)
{
	return relay->task_id.n == 0;
}

AWAITS static void prepare_call(struct request *req, const struct relay *relay, struct upstream_call *ret_call)
{
	const struct http_fields *fields = &req->exchange->fields;
	bool wants_progress = req->message.meta != NULL && answer_can_stream(req) &&
			      json_member(&req->message.index, req->message.meta, STR("progressToken")) != NULL;

	*ret_call = (struct upstream_call){
		.arena = req->arena,
		.outgoing =
			{
				.method = req->message.method,
				.from = &req->message,
				.name = relay->name,
				.ref_name = relay->ref_name,
				.arguments = relay->wrapped ? relay->arguments : STR_NONE,
				.cursor = relay->cursor,
				.own_cursor = relay->own_cursor,
				.task_id = relay->task_id,
				.no_task = tasks_drop_param(req, relay->item),
				.no_answers =
					!mcp_is_modern(relay->item->offer->revision) || account_was_asked(req, relay),
				.wants_progress = wants_progress,
				.capabilities = client_capabilities(req),
				.client_info =
					req->verdict.client_info == NULL ? STR_NONE : req->verdict.client_info->value,
				.log_level = level_to_name(req, relay),
				.traceparent = http_field_get(fields, HTTP_TRACEPARENT),
				.tracestate = http_field_get(fields, HTTP_TRACESTATE),
			},
		.mcp_name = relay->mcp_name,
		.param_headers = param_headers_write(req, relay->item, relay->arguments),
		.idempotent = relay->idempotent,
		.tenant_id = str_of(req->caller.tenant_id),
		.terms = shed_terms(req, is_counted(relay)),
		.principal = str_of(req->caller.principal),
		.session = req->has_session ? str_of(req->session.number) : STR_NONE,
		.client_capabilities = mcp_capabilities_in(req->session.capabilities, req->session.revision),
		.request_id = req->id,
		.on_notification = relay_notification,
		.on_request = !req->modern && client_can_answer(req) != 0 ? question_relay : NULL,
		.on_request_gone = question_gone,
		.arg = req,
	};
}

/* "ok", "tool_error", "rpc_error" or why the call failed. */
static struct str outcome_of(const struct upstream_call *call, enum err err)
{
	const struct json_member *is_error;

	if (err != OK)
		return str_of(err_name(err));
	if (call->answer.error != NULL)
		return STR("rpc_error");
	if (mcp_is_input_required(&call->answer))
		return STR("input_required");
	is_error = json_member(&call->answer.index, call->answer.result, STR("isError"));
	return is_error != NULL && is_error->kind == JSON_TRUE ? STR("tool_error") : STR("ok");
}

static bool has_failed(const struct request *req)
{
	return !str_eq(req->outcome, STR("ok")) && !str_eq(req->outcome, STR("input_required"));
}

AWAITS static enum err take_call(struct request *req, const struct relay *relay)
{
	return is_counted(relay) ? rates_take_call(req) : OK;
}

/* A tool's row is called after what became of the call; the others have one name. */
static struct str event_by_outcome(const struct request *req, struct str event)
{
	if (!str_eq(event, STR("mcp.tool_called")) || !has_failed(req))
		return event;
	return STR("mcp.tool_failed");
}

/* The row of a call, whatever became of it. */
AWAITS static enum err audit_call(struct request *req, struct str event, int64_t begun_ns, size_t answer_bytes)
{
	const struct audit_record record = {
		.event = event_by_outcome(req, event),
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.ip = request_audit_ip(req),
		.request_id = req->id,
		.target = req->target,
		.upstream = req->upstream,
		.outcome = req->outcome,
		.duration_us = (clock_ns() - begun_ns) / 1000,
		.bytes_in = (int64_t)req->body.n,
		.bytes_out = (int64_t)(req->bytes_out + answer_bytes),
	};

	return audit_append(req->gateway->audit, &record);
}

/* Why a call failed, in words for the model: which server, and what to do. */
static void explain_failure(struct request *req, struct str where, enum err err)
{
	if (req->problem.p == NULL && err != ERR_CANCELED)
		req->problem = arena_fmt(req->arena, "%.*s: %s (request %.*s)", STR_ARG(where), err_text(err),
					 STR_ARG(req->id));
}

/* The server has not seen the call, for want of a place among those it works on. */
AWAITS static enum err refuse_queued(struct request *req, const struct relay *relay, enum err err)
{
	req->outcome = str_of(err_name(err));
	if (is_counted(relay))
		allowance_failed(req->allowance);
	explain_failure(req, req->upstream, err);
	shed_queued(req, err);
	return err;
}

/* A session's client may be asked things while its call runs. */
AWAITS static enum err call_for_session(struct request *req, struct upstream *upstream, struct upstream_call *call)
{
	struct asker asker;
	enum err err;

	asker_begin(&asker, req);
	req->asker = &asker;
	err = rounds_call(req, upstream, call);
	asker_end(&asker);
	req->asker = NULL;
	return err;
}

/* Whether a legacy server may ask this client something, or is asking already. */
static bool may_ask(const struct request *req, const struct relay *relay)
{
	if (mcp_is_modern(relay->item->offer->revision) || !mcp_has_rounds(req->method))
		return false;
	return client_can_answer(req) != 0 ||
	       (req->message.params != NULL &&
		json_member(&req->message.index, req->message.params, STR("requestState")) != NULL);
}

AWAITS static enum err call_for_modern(struct request *req, const struct relay *relay, struct upstream_call *call)
{
	if (may_ask(req, relay))
		TRY(parked_call(req, relay, call));
	else
		TRY(upstream_call(relay->item->upstream, call));
	TRY(rounds_from_urls(req, call));
	return rounds_check(req, &call->answer);
}

AWAITS static enum err call_for_client(struct request *req, const struct relay *relay, struct upstream_call *call)
{
	return req->modern ? call_for_modern(req, relay, call) : call_for_session(req, relay->item->upstream, call);
}

AWAITS static enum err fetch(struct request *req, const struct relay *relay, struct upstream_call *call,
			     struct cached_read *read)
{
	enum err err = call_for_client(req, relay, call);

	if (err != OK && call->headers_refused && param_headers_renew(req, relay, call))
		err = call_for_client(req, relay, call);
	if (err == OK)
		err = rounds_refused(req, &call->answer);
	cached_read_end(read, req, relay, call, err);
	return err;
}

AWAITS static enum err ask_upstream(struct request *req, const struct relay *relay, struct upstream_call *call)
{
	struct in_flight slot;
	int64_t begun_ns = clock_ns();
	struct cached_read read;
	bool found;
	enum err err;

	if (cached_read_find(&read, req, relay, call))
		return OK;
	in_flight_begin(req, &slot);
	err = cached_read_join(&read, req, relay, call, &found);
	if (err != OK || found) {
		in_flight_end(&slot);
		return err;
	}
	err = fetch(req, relay, call, &read);
	in_flight_end(&slot);
	metrics_call(req->here, relay->item->metric, clock_ns() - begun_ns, err == OK && call->answer.error == NULL);
	/* The cap on its children is not a limit that the request itself broke. */
	return err == ERR_LIMIT ? ERR_UPSTREAM_BUSY : err;
}

AWAITS enum err relay_call(struct request *req, const struct relay *relay)
{
	struct upstream_call call;
	const struct mcp_recipient client = {
		.id = req->message.id,
		.method = req->method,
		.revision = req->revision,
		.wraps_output = relay->item->wraps_output && !relay->wrapped,
	};
	struct mcp_pieces pieces = {0};
	struct piece piece[MCP_PIECES_MAX];
	AUTO_BUF scratch = {0};
	int64_t begun_ns = clock_ns();
	size_t bytes = 0;
	enum err err, audited;

	TRY(take_call(req, relay));
	prepare_call(req, relay, &call);
	err = ask_upstream(req, relay, &call);
	if (unlikely(shed_is_queued(err)))
		return refuse_queued(req, relay, err);
	if (unlikely(err == ERR_CREDENTIAL_MISSING || err == ERR_CREDENTIAL_REAUTH))
		err = account_ask(req, relay, &call, err);
	else if (err == OK && relay->turn != NULL)
		err = relay->turn(req, relay, &call.answer);
	if (err == OK)
		err = mcp_compose_answer(&call.answer, &client, &scratch, &pieces);
	for (size_t i = 0; i < pieces.count; i++) {
		piece[i] = (struct piece){.str = pieces.piece[i]};
		bytes += pieces.piece[i].n;
	}
	req->outcome = outcome_of(&call, err);
	if (has_failed(req) && is_counted(relay))
		allowance_failed(req->allowance);
	audited = audit_call(req, relay->event, begun_ns, bytes);
	TRY(audited); /* nothing is answered without its row, not even a failure */
	if (err != OK) {
		explain_failure(req, call.wanted.n > 0 ? call.wanted : req->upstream, err);
		return err;
	}
	return answer_pieces(req, piece, pieces.count);
}

enum err relay_reread(struct request *req, struct str text, struct mcp_message *answer)
{
	struct str copy = arena_try_str(req->arena, text);

	if (copy.p == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	return mcp_message_read(req->arena, copy, answer) == OK ? OK : ERR_UPSTREAM_GARBAGE;
}

AWAITS enum err relay_refuse(struct request *req, struct str event, enum err err)
{
	req->outcome = err == OK ? STR("ok") : str_of(err_name(err));
	TRY(audit_call(req, event, req->started_ns, 0));
	return err;
}
