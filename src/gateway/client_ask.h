/* Asking the client of a legacy session something while a call of its runs: the question goes out on
 * the stream of the call's POST, the answer comes in as a POST of its own, on any connection and
 * so on any loop. The question's id names the process, the loop and the question, and the answer
 * must come from the same session; so nothing is shared and nothing can be guessed.
 *
 * Each call that may ask has one `struct asker`, which lies on its fiber's stack. While a question
 * is open the call's clock stands still: people take their time. */
#ifndef GATEHOUSE_GATEWAY_CLIENT_ASK_H
#define GATEHOUSE_GATEWAY_CLIENT_ASK_H

#include "gateway/request.h"
#include "mcp/input.h"

#define CLIENT_ASKS_MAX 32	  /* open at once in one call; MCP_INPUTS_MAX fit */
#define CLIENT_ASKS_LOOP_MAX 8192 /* open at once on a loop: clients may vanish while they are asked */

/* How a question ended: with the client's result or error (JSON), or `err` says why with neither.
 * Borrowed for the time of the call. */
struct client_answer {
	enum err err;
	struct str result, error;
};

/* Called once for each question that was asked and not withdrawn, on the call's loop, from a fiber or
 * a callback. It must not wait. */
typedef void client_on_answer(void *arg, const struct client_answer *answer);

struct asker {
	struct request *req;
	struct fiber *fiber; /* the call's */
	struct list open;
	unsigned open_count;
	struct list unsaid;   /* messages for the stream, in order */
	struct group speaker; /* the one fiber that sends them, so that callbacks can ask too */
	bool speaks;
};

/* For the calling fiber's call; its end takes back what is still open (the client is told, on_answer gets
 * ERR_CANCELED) and returns when nothing points to the asker any more. */
void asker_begin(struct asker *asker, struct request *req);
void asker_end(struct asker *asker) AWAITS;

/* What the client of this request can be asked: of enum mcp_capability; 0 when there is no way to
 * reach it. Either era. */
uint16_t client_can_answer(const struct request *req);

/* Ask. What the client can answer is the caller's to check.
 *   params     JSON, p NULL none; copied
 *   arg        also names the question to client_withdraw
 *   Errors     ERR_LIMIT (CLIENT_ASKS_MAX), ERR_BUSY, ERR_SHUTDOWN: on_answer is not called
 *   Runs on    the call's loop, fiber or callback */
NODISCARD enum err client_ask(struct asker *asker, enum mcp_method method, struct str params,
			      client_on_answer *on_answer, void *arg);

/* Take a question back: on_answer is not called, the client is told. false: it is not open.
 *   Runs on    the call's loop, fiber or callback */
bool client_withdraw(struct asker *asker, void *arg);

/* The node that a question's id (a JSON lexeme) names; 0: it is none of ours.
 *   Runs on    any thread */
uint64_t client_ask_node(struct str lexeme);

/* methods.c: a response that a client POSTed. Answered with 202 whether or not it is meant for
 * anybody: a stranger learns nothing.
 *   Errors     those of answer_accepted */
NODISCARD enum err client_take_answer(struct request *req) AWAITS;

/* End all open questions of a session, or (session p NULL) of everybody, with `why`. */
void client_asks_end(struct gateway *gateway, struct str session, enum err why) AWAITS;

#endif
