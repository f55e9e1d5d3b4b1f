/* subscriptions/listen: a modern client names what it wants to hear, is told what of it is honoured,
 * and hears exactly that until one side ends the stream. */
#include "gateway/streams.h"
#include "gateway/tasks.h"

static bool asks_for(const struct json_index *index, const char *key)
{
	const struct json_member *m = json_member(index, NULL, str_of(key));

	return m != NULL && m->kind == JSON_TRUE;
}

/* A member of what is honoured, behind a comma when it is not the first. */
static void put_kind(struct buf *out, bool *first, const char *key, struct str value)
{
	if (value.n == 0)
		return;
	buf_put_fmt(out, "%s\"%s\":%.*s", *first ? "" : ",", key, STR_ARG(value));
	*first = false;
}

static void put_acknowledged(const struct open_stream *open, const struct listen_honoured *honoured, struct buf *out)
{
	static const char *const key[] = {"toolsListChanged", "promptsListChanged", "resourcesListChanged"};
	bool first = true;

	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
			 "\"notifications\":{"));
	for (int kind = 0; kind < (int)ARRAY_LEN(key); kind++)
		put_kind(out, &first, key[kind], open->wants[kind] ? STR("true") : STR_NONE);
	put_kind(out, &first, "resourceSubscriptions", buf_str(&honoured->uris));
	put_kind(out, &first, "taskIds", buf_str(&honoured->task_ids));
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

/* Tasks are heard of by clients that declared them; where no server in view has any, the wish is not honoured. */
static enum err check_tasks(struct request *req, const struct json_member **task_ids)
{
	enum err err = *task_ids == NULL ? OK : tasks_permit(req);

	if (err == ERR_RPC_METHOD)
		*task_ids = NULL;
	return err == ERR_RPC_METHOD ? OK : err;
}

/* What the client wants, as far as it is honoured. */
AWAITS static enum err take_wishes(struct request *req, const struct json_member *wanted, struct open_stream *open,
				   struct listen_honoured *honoured)
{
	const struct json_member *task_ids;
	struct json_index index;

	TRY(json_scan(req->arena, wanted->value, &index));
	task_ids = json_member(&index, NULL, STR("taskIds"));
	TRY(check_tasks(req, &task_ids));
	open->wants[OFFER_TOOLS] = asks_for(&index, "toolsListChanged");
	open->wants[OFFER_PROMPTS] = asks_for(&index, "promptsListChanged");
	open->wants[OFFER_RESOURCES] = asks_for(&index, "resourcesListChanged");
	return listen_wishes(req, open, json_member(&index, NULL, STR("resourceSubscriptions")), task_ids, honoured);
}

static void honoured_free(struct listen_honoured *honoured)
{
	event_log_unref(honoured->log);
	buf_free(&honoured->uris);
	buf_free(&honoured->task_ids);
}

AWAITS enum err stream_open_listen(struct request *req)
{
	const struct json_member *wanted =
		req->message.params == NULL
			? NULL
			: json_member(&req->message.index, req->message.params, STR("notifications"));
	struct listen_honoured honoured = {0};
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
	err = take_wishes(req, wanted, open, &honoured);
	put_acknowledged(open, &honoured, &first);
	if (err == OK)
		err = answer_event(req, buf_str(&first));
	if (err == OK)
		err = stream_keep(req, open, honoured.log, 0);
	else
		open_stream_free(open);
	honoured_free(&honoured);
	return err;
}
