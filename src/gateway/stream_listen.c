/* subscriptions/listen: a modern client names what it wants to hear, is told what of it is honoured,
 * and hears exactly that until one side ends the stream. */
#include "gateway/streams.h"

static bool asks_for(const struct json_index *index, const char *key)
{
	const struct json_member *m = json_member(index, NULL, str_of(key));

	return m != NULL && m->kind == JSON_TRUE;
}

static void put_acknowledged(const struct open_stream *open, struct str resources, struct buf *out)
{
	static const char *const key[] = {"toolsListChanged", "promptsListChanged", "resourcesListChanged"};
	bool first = true;

	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
			 "\"notifications\":{"));
	for (int kind = 0; kind < (int)ARRAY_LEN(key); kind++) {
		if (open->wants[kind])
			buf_put_fmt(out, "%s\"%s\":true", first ? "" : ",", key[kind]);
		first = first && !open->wants[kind];
	}
	if (resources.n > 0) {
		buf_put(out, first ? STR("\"resourceSubscriptions\":") : STR(",\"resourceSubscriptions\":"));
		buf_put(out, resources);
	}
	buf_put(out, STR("},\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
	buf_put(out, open->request_id);
	buf_put(out, STR("}}}"));
}

void listen_put_answer(const struct open_stream *open, struct buf *out)
{
	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put(out, open->request_id);
	buf_put(out, STR(",\"result\":{\"resultType\":\"complete\",\"_meta\":{"
			 "\"io.modelcontextprotocol/subscriptionId\":"));
	buf_put(out, open->request_id);
	buf_put(out, STR("}}}"));
}

/* What the client wants, as far as it is honoured.
 *   ret_log    where other loops write what it hears, with a reference; NULL when they write nothing */
AWAITS static enum err take_wishes(struct request *req, const struct json_member *wanted, struct open_stream *open,
				   struct event_log **ret_log, struct buf *acknowledged)
{
	AUTO_BUF resources = {0};
	struct json_index index;

	TRY(json_scan(req->arena, wanted->value, &index));
	open->wants[OFFER_TOOLS] = asks_for(&index, "toolsListChanged");
	open->wants[OFFER_PROMPTS] = asks_for(&index, "promptsListChanged");
	open->wants[OFFER_RESOURCES] = asks_for(&index, "resourcesListChanged");
	TRY(listen_resources(req, open, json_member(&index, NULL, STR("resourceSubscriptions")), ret_log, &resources));
	put_acknowledged(open, buf_str(&resources), acknowledged);
	return OK;
}

AWAITS enum err stream_open_listen(struct request *req)
{
	const struct json_member *wanted =
		req->message.params == NULL
			? NULL
			: json_member(&req->message.index, req->message.params, STR("notifications"));
	struct event_log *log = NULL;
	struct open_stream *open;
	AUTO_BUF first = {0};
	enum err err;

	if (wanted == NULL || wanted->kind != JSON_OBJECT) {
		req->problem = STR("params.notifications must be an object");
		return ERR_RPC_PARAMS;
	}
	if (!req->accepts_sse)
		return ERR_HTTP_ACCEPT;
	open = open_stream_new(req, STREAM_LISTEN, req->message.id);
	err = take_wishes(req, wanted, open, &log, &first);
	if (err == OK)
		err = answer_event(req, buf_str(&first));
	if (err == OK)
		err = stream_keep(req, open, log, 0);
	else
		open_stream_free(open);
	event_log_unref(log);
	return err;
}
