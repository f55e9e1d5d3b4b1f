/* Questions of legacy servers to legacy clients: relayed as they are, verbatim both ways. What the
 * client did not declare it is not asked. */
#include <stdlib.h>

#include "base/check.h"
#include "gateway/client_ask.h"
#include "gateway/relay.h"

#define PARAMS_BYTES_MAX (256 * 1024 * 1024) /* of scratch for reading params that were bounded before */

static void refuse(struct server_request *request, int code, const char *text)
{
	AUTO_BUF error = {0};

	buf_put_fmt(&error, "{\"code\":%d,\"message\":", code);
	buf_put_json(&error, str_of(text));
	buf_put_byte(&error, '}');
	server_request_refuse(request, buf_str(&error));
	server_request_unref(request);
}

static void question_answered(void *arg, const struct client_answer *answer)
{
	struct server_request *request = arg;

	if (answer->result.p != NULL) {
		server_request_answer(request, answer->result);
		server_request_unref(request);
	} else if (answer->error.p != NULL) {
		server_request_refuse(request, answer->error);
		server_request_unref(request);
	} else {
		refuse(request, -32603,
		       answer->err == ERR_TIMEOUT ? "the client did not answer in time" : err_text(answer->err));
	}
}

AWAITS void question_relay(void *arg, struct server_request *request)
{
	AUTO(arena) *arena = arena_new(PARAMS_BYTES_MAX);
	struct request *req = arg;
	enum mcp_method method = server_request_method(request);
	struct str params = server_request_params(request);
	uint16_t needs;
	enum err err = mcp_input_needs(arena, method, params, &needs);

	CHECK(req->asker != NULL);
	if (err == ERR_RPC_METHOD || (err == OK && (needs & ~client_can_answer(req)) != 0))
		return refuse(request, -32601, "the client did not declare this capability");
	if (err == OK)
		err = client_ask(req->asker, method, params, question_answered, request);
	if (err != OK)
		refuse(request, err_row(err)->rpc_code, err_text(err));
}

AWAITS void question_gone(void *arg, struct server_request *request)
{
	struct request *req = arg;

	if (client_withdraw(req->asker, request))
		server_request_unref(request);
}
