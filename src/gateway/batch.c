/* JSON-RPC batches, which 2025-03-26 alone has: one POST with many messages. Each element walks the
 * corridor as a request of its own, with its own permission, limits, audit row and asker, on a
 * fiber of its own; their answers are gathered (DOOR_BATCH) and go out as one array. When the
 * client must be told or asked something first, the whole is a stream of events.
 *
 * The arena is that of the POST: what its elements hold together is bounded like one request. */
#include "gateway/batch.h"

#include "gateway/admission.h"
#include "gateway/forward.h"
#include "gateway/pipeline.h"
#include "gateway/running.h"

#define BATCH_ELEMENTS_MAX 64 /* each has a fiber while it runs */

AWAITS static enum err serve_element(struct request *req)
{
	TRY(pipeline_read(req));
	if (req->modern || req->method == MCP_M_INITIALIZE) {
		req->problem = STR("initialize and messages of 2026-07-28 cannot be part of a batch");
		return ERR_RPC_INVALID;
	}
	return request_run_method(req);
}

AWAITS_ENTRY static void element_main(void *arg)
{
	struct request *req = arg;
	enum err err = OK;

	fiber_label(req->id);
	if (req->counts) {
		req->counted = false;
		err = request_count(req);
	}
	if (err == OK)
		err = serve_element(req);
	if (err != OK)
		answer_error(req, err);
	running_end(req);
}

/* What the POST has found out so far holds for its elements; the message and its answer are their own. */
static struct request *element_new(struct request *whole, struct str text)
{
	struct request *req = ARENA_NEW(whole->arena, struct request);

	*req = *whole;
	req->body = text;
	req->message = (struct mcp_message){0};
	req->verdict = (struct mcp_verdict){0};
	req->door = DOOR_BATCH;
	req->whole = whole;
	req->problem = req->problem_link = req->problem_data = STR_NONE;
	answer_begin(req);
	running_begin(req);
	return req;
}

AWAITS enum err batch_serve(struct request *req)
{
	const struct json_index *index = &req->message.index;
	struct group group;
	struct str element;
	size_t cursor = 0;
	bool first = true;
	enum err err = request_session(req);

	if (err == ERR_MCP_SESSION_NEEDED || (err == OK && req->revision != MCP_2025_03_26))
		return ERR_RPC_BATCH;
	TRY(err);
	if (index->elements == 0)
		return ERR_RPC_INVALID;
	if (index->elements > BATCH_ELEMENTS_MAX)
		return ERR_LIMIT;
	TRY(forward_home(req));
	req->answers = arena_zalloc(req->arena, index->elements * sizeof(struct str));
	group_init(&group, req->here->loop);
	while (json_element(index, &cursor, &element)) {
		struct request *one = element_new(req, element);

		one->counts = !first; /* admission has counted the POST */
		first = false;
		if (group_spawn(&group, "batch", element_main, one) == OK)
			continue;
		answer_error(one, ERR_BUSY);
		running_end(one);
	}
	running_end(req); /* its elements stand for it */
	TRY(group_join(&group));
	return answer_batch(req);
}
