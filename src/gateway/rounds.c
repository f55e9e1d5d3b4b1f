/* Rounds of a modern server: an `input_required` result asks for answers, and the same call is made
 * again with them. A client of the sessions era knows nothing of that: its questions are asked
 * here, all at once, and the call repeated until the result is there. A modern client makes its
 * rounds itself; here it is only seen to that it is asked nothing it did not declare.
 *   Source     MCP 2026-07-28 basic/patterns/mrtr */
#include "gateway/client_ask.h"
#include "gateway/relay.h"

#define ROUNDS_MAX 8	    /* the SDK's: a server that asks more often asks in a circle */
#define ROUND_PAUSE_MS 250  /* before calling again for a server that only wants time */
#define TOLD_BYTES_MAX 1024 /* of a client's reason that is repeated */

/* The questions of one round; lies in the request's arena. */
struct round {
	struct request *req;
	struct wait wait;
	unsigned open;
	bool over; /* nobody waits any more */
	enum err err;
};

struct round_entry {
	struct round *round;
	const struct mcp_input *input;
	struct str answer; /* JSON, in the request's arena; p NULL not yet */
};

static struct str words_of(struct request *req, uint16_t capabilities)
{
	AUTO_BUF words = {0};

	mcp_capability_words(capabilities, &words);
	return arena_str(req->arena, buf_str(&words));
}

/* ---- legacy clients -------------------------------------------------------------- */

/* A client's refusal in its own words, for the model. */
static void explain_refusal(struct round *round, const struct client_answer *answer)
{
	struct request *req = round->req;
	struct str text = answer->error;

	if (text.p == NULL)
		text = answer->err == ERR_TIMEOUT ? STR("no answer came in time") : str_of(err_text(answer->err));
	if (text.n > TOLD_BYTES_MAX)
		text = STR("it answered with an error");
	req->problem = arena_fmt(req->arena, "%.*s asked the client for input, but: %.*s", STR_ARG(req->upstream),
				 STR_ARG(text));
}

static void entry_answered(void *arg, const struct client_answer *answer)
{
	struct round_entry *entry = arg;
	struct round *round = entry->round;
	struct str copy;

	if (round->over)
		return;
	round->open--;
	copy = answer->result.p == NULL ? STR_NONE : arena_try_str(round->req->arena, answer->result);
	if (copy.p != NULL) {
		entry->answer = copy;
	} else if (round->err == OK) {
		round->err = answer->result.p != NULL ? ERR_LIMIT : ERR_MCP_INPUT;
		if (answer->result.p == NULL)
			explain_refusal(round, answer);
	}
	if (round->open > 0 && round->err == OK)
		return;
	round->over = true; /* one refusal is enough: there is no way to tell a modern server of it */
	wait_done(&round->wait, OK);
}

static bool forget_round(void *arg)
{
	struct round *round = arg;

	round->over = true;
	return true;
}

/* The whole round is refused before the first question when one of them cannot be asked. */
static enum err check_askable(struct request *req, const struct mcp_round *asked)
{
	uint16_t missing = asked->needs & ~client_can_answer(req);

	if (missing == 0)
		return OK;
	req->problem = arena_fmt(
		req->arena, "%.*s asks for input that this client cannot give; it would have to %s: %.*s",
		STR_ARG(req->upstream), answer_can_stream(req) ? "declare" : "accept event streams, and declare",
		STR_ARG(words_of(req, missing)));
	return ERR_MCP_INPUT;
}

/* All at once, then wait for the answers, or for the first refusal. */
AWAITS static enum err ask_all(struct round *round, const struct mcp_round *asked, struct round_entry *entry)
{
	struct request *req = round->req;

	for (size_t i = 0; i < asked->count; i++) {
		const struct mcp_input *input = &asked->input[i];

		entry[i] = (struct round_entry){.round = round, .input = input};
		round->open++;
		TRY(client_ask(req->asker, input->method, mcp_input_for_session(req->arena, input), entry_answered,
			       &entry[i]));
	}
	TRY(wait_for(&round->wait, forget_round, round));
	return round->err;
}

AWAITS static enum err ask_round(struct request *req, const struct mcp_round *asked, struct buf *ret_responses)
{
	struct round *round = ARENA_NEW(req->arena, struct round);
	struct round_entry *entry = arena_zalloc(req->arena, asked->count * sizeof(*entry));
	enum err err;

	TRY(check_askable(req, asked));
	round->req = req;
	err = ask_all(round, asked, entry);
	round->over = true;
	TRY(err);
	for (size_t i = 0; i < asked->count; i++) {
		buf_put(ret_responses, i == 0 ? STR("{\"") : STR(",\""));
		buf_put(ret_responses, entry[i].input->key);
		buf_put(ret_responses, STR("\":"));
		buf_put(ret_responses, entry[i].answer);
	}
	buf_put_byte(ret_responses, '}');
	return OK;
}

AWAITS enum err rounds_call(struct request *req, struct upstream *upstream, struct upstream_call *call)
{
	AUTO_BUF responses = {0};

	for (int round = 0; round <= ROUNDS_MAX; round++) {
		struct mcp_round asked;

		TRY(upstream_call(upstream, call));
		if (likely(!mcp_is_input_required(&call->answer)))
			return OK;
		if (!mcp_has_rounds(req->method))
			return ERR_UPSTREAM_GARBAGE;
		if (round == ROUNDS_MAX)
			break;
		TRY(mcp_round_read(req->arena, &call->answer, &asked));
		call->outgoing.request_state = asked.state;
		call->outgoing.input_responses = STR_NONE;
		responses.n = 0;
		if (asked.count == 0) {
			TRY(fiber_sleep(ROUND_PAUSE_MS));
			continue;
		}
		TRY(ask_round(req, &asked, &responses));
		call->outgoing.input_responses = buf_str(&responses);
	}
	req->problem = arena_fmt(req->arena, "%.*s asked for input %d times and still has no result",
				 STR_ARG(req->upstream), ROUNDS_MAX);
	return ERR_MCP_INPUT;
}

/* ---- modern clients -------------------------------------------------------------- */

static enum err lacks(struct request *req, uint16_t missing)
{
	AUTO_BUF error_data = {0};

	buf_put(&error_data, STR("{\"requiredCapabilities\":"));
	mcp_capabilities_write(missing, &error_data);
	buf_put_byte(&error_data, '}');
	req->problem_data = arena_str(req->arena, buf_str(&error_data));
	req->problem = arena_fmt(req->arena, "%.*s needs a capability that this request does not declare: %.*s",
				 STR_ARG(req->upstream), STR_ARG(words_of(req, missing)));
	return ERR_MCP_CAPABILITY;
}

enum err rounds_check(struct request *req, const struct mcp_message *answer)
{
	struct mcp_round asked;
	uint16_t missing;

	if (likely(!mcp_is_input_required(answer)))
		return OK;
	if (!mcp_has_rounds(req->method))
		return ERR_UPSTREAM_GARBAGE;
	TRY(mcp_round_read(req->arena, answer, &asked));
	missing = asked.needs & ~client_can_answer(req);
	return missing == 0 ? OK : lacks(req, missing);
}

static bool error_is(const struct mcp_message *answer, struct str code)
{
	const struct json_member *m =
		answer->error == NULL ? NULL : json_member(&answer->index, answer->error, STR("code"));

	return m != NULL && str_eq(m->value, code);
}

enum err rounds_from_urls(struct request *req, struct upstream_call *call)
{
	AUTO_BUF text = {0};
	struct str copy;

	if (likely(!error_is(&call->answer, STR("-32042"))))
		return OK;
	if (!(client_can_answer(req) & MCP_CAN_ELICIT_URL))
		return lacks(req, MCP_CAN_ELICIT_URL);
	/* Asked before and still demanded: then they did not agree, or it did not help. */
	if (json_member(&req->message.index, req->message.params, STR("inputResponses")) != NULL) {
		req->problem = arena_fmt(req->arena, "%.*s cannot go on before the page that it named was visited",
					 STR_ARG(req->upstream));
		return ERR_MCP_INPUT;
	}
	TRY(mcp_url_round(req->arena, &call->answer, &text));
	copy = arena_try_str(req->arena, buf_str(&text));
	if (copy.p == NULL)
		return ERR_LIMIT;
	return mcp_message_read(req->arena, copy, &call->answer) == OK ? OK : ERR_LIMIT;
}

/* spec: 2026-07-28 basic#error-codes: -32021 is HTTP 400, however late it comes */
enum err rounds_refused(struct request *req, const struct mcp_message *answer)
{
	const struct json_member *text, *more;

	if (likely(!error_is(answer, STR("-32021"))))
		return OK;
	text = json_member(&answer->index, answer->error, STR("message"));
	more = json_member(&answer->index, answer->error, STR("data"));
	if (req->modern) {
		req->problem = json_member_str(req->arena, text);
		req->problem_data = more == NULL ? STR_NONE : more->value;
		return ERR_MCP_CAPABILITY;
	}
	req->problem = arena_fmt(
		req->arena, "%.*s needs a capability that this client did not declare: %.*s", STR_ARG(req->upstream),
		more == NULL ? 0 : (int)(more->value.n < 512 ? more->value.n : 0), more == NULL ? "" : more->value.p);
	return ERR_MCP_INPUT;
}
