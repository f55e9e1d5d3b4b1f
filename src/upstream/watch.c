/* What is watched: resources and tasks, counted, under their names at the upstream. One fiber at a
 * time, the teller, makes what the server knows the same as what is wanted; so a subscribe and an
 * unsubscribe can never overtake each other, and a burst of wishes becomes one new stream.
 *
 *   wanted, not heard --teller: subscribe, or a new listen stream--> heard (or refused)
 *   not wanted, heard --teller: unsubscribe, or a new stream without it--> forgotten
 *   heard, the instance comes back as another one--> as if not heard
 *
 * What went by while nobody listened is made up for: those who watch hear "updated" once more.
 *   Source     MCP 2025-11-25 server/resources#subscriptions, 2026-07-28 basic/patterns/subscriptions */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/listen.h"
#include "upstream/local_private.h"
#include "upstream/peer.h"

#define MARK_DOUBTED UINT64_MAX /* heard, but not any more for sure */

enum watch_kind { WATCH_RESOURCE, WATCH_TASK };

struct watch {
	enum watch_kind kind;
	unsigned count; /* how many want it */
	uint64_t heard; /* the mark of the instance that tells of it, or did; 0 none yet */
	uint64_t refused;
	enum err err;	     /* with `refused` */
	uint64_t asked;	     /* the last opening of a stream that named it */
	struct list waiters; /* for the teller's verdict */
	struct str key;	     /* the kind's letter, then the name; in the same block */
};

static struct str name_of(const struct watch *watch)
{
	return str_skip(watch->key, 1);
}

static struct instance *shared_ready(struct upstream *upstream)
{
	struct instance *instance = map_get(&upstream->instances, STR(""));

	return instance != NULL && instance->state == INSTANCE_READY && !atomic_load(&instance->facts->stale) ? instance
													      : NULL;
}

/* ---- telling the owner --------------------------------------------------------- */

struct news {
	struct task task;
	struct upstream *upstream; /* one reference */
	struct arena *arena;
	struct mcp_message message;
};

static void on_news(struct task *task)
{
	struct news *news = CONTAINER_OF(task, struct news, task);

	watch_notify(news->upstream, &news->message);
	upstream_unref(news->upstream);
	arena_free(news->arena);
	free(news);
}

void watch_notify(struct upstream *upstream, const struct mcp_message *message)
{
	struct str text = message->index.text;
	struct news *news;

	if (upstream->events.on_notification == NULL || atomic_load(&upstream->stopped))
		return;
	if (loop_self() == upstream->home) {
		upstream->events.on_notification(upstream->events.arg, upstream, message);
		return;
	}
	news = calloc(1, sizeof(*news));
	CHECK(news != NULL);
	news->arena = arena_new(text.n * 25 + 64 * 1024);
	CHECK(mcp_message_read(news->arena, arena_str(news->arena, text), &news->message) == OK);
	news->upstream = upstream_ref(upstream);
	news->task.run = on_news;
	loop_post(upstream->home, &news->task);
}

static void tell_updated(struct upstream *upstream, const struct watch *watch)
{
	AUTO(arena) *arena = arena_new(UPSTREAM_WATCH_BYTES_MAX * 32 + 64 * 1024);
	struct mcp_message message;
	AUTO_BUF text = {0};

	if (watch->kind != WATCH_RESOURCE || watch->count == 0)
		return; /* what a task's state is now, only tasks/get can say */
	buf_put(&text, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":"));
	buf_put_json(&text, name_of(watch));
	buf_put(&text, STR("}}"));
	if (mcp_message_read(arena, buf_str(&text), &message) == OK)
		watch_notify(upstream, &message);
}

void watch_missed(struct upstream *upstream)
{
	struct watch *watch;
	size_t cursor = 0;

	while ((watch = map_next(&upstream->watches, &cursor)) != NULL)
		if (watch->heard != 0)
			tell_updated(upstream, watch);
}

/* ---- the table ------------------------------------------------------------------- */

static void settle_waiters(struct watch *watch, enum err err)
{
	struct list *link;

	while ((link = list_pop(&watch->waiters)) != NULL)
		wait_done(LIST_OBJ(link, struct wait, link), err);
}

static void watch_free(struct upstream *upstream, struct watch *watch)
{
	CHECK(list_empty(&watch->waiters) && map_remove(&upstream->watches, watch->key) == watch);
	upstream->watch_bytes -= watch->key.n;
	free(watch);
}

bool watch_is_empty(const struct upstream *upstream)
{
	struct watch *watch;
	size_t cursor = 0;

	while ((watch = map_next(&upstream->watches, &cursor)) != NULL)
		if (watch->count > 0)
			return false;
	return true;
}

void watches_free(struct upstream *upstream)
{
	struct watch *watch;
	size_t cursor = 0;

	while ((watch = map_next(&upstream->watches, &cursor)) != NULL)
		watch_free(upstream, watch);
	map_free(&upstream->watches);
}

static void put_key(struct buf *out, enum watch_kind kind, struct str name)
{
	buf_put_byte(out, kind == WATCH_TASK ? 't' : 'r');
	buf_put(out, name);
}

static enum err watch_new(struct upstream *upstream, enum watch_kind kind, struct str key, struct watch **ret_watch)
{
	struct watch *watch;

	if (upstream->watches.used >= UPSTREAM_WATCHES_MAX || key.n > UPSTREAM_WATCH_BYTES_MAX ||
	    upstream->watch_bytes + key.n > UPSTREAM_WATCHES_BYTES_MAX)
		return ERR_LIMIT;
	watch = calloc(1, sizeof(*watch) + key.n);
	CHECK(watch != NULL);
	memcpy(watch + 1, key.p, key.n);
	watch->kind = kind;
	watch->key = (struct str){(const char *)(watch + 1), key.n};
	list_init(&watch->waiters);
	upstream->watch_bytes += key.n;
	CHECK(map_put(&upstream->watches, watch->key, watch) == NULL);
	*ret_watch = watch;
	return OK;
}

/* The next watch that the instance of this mark has to be told of; those that nobody wants and
 * nobody tells of are forgotten on the way. NULL: there is none. */
static struct watch *next_work(struct upstream *upstream, uint64_t mark)
{
	struct watch *watch;
	size_t cursor = 0;

	while ((watch = map_next(&upstream->watches, &cursor)) != NULL) {
		if (watch->count > 0 && watch->heard != mark && watch->refused != mark)
			return watch;
		if (watch->count == 0 && watch->heard == mark && mark != 0)
			return watch;
		if (watch->count == 0)
			watch_free(upstream, watch);
	}
	return NULL;
}

/* ---- modern: all of them in one stream ------------------------------------------- */

static void put_kind(struct upstream *upstream, enum watch_kind kind, const char *member, struct buf *out)
{
	struct watch *watch;
	size_t cursor = 0;
	unsigned count = 0;

	while ((watch = map_next(&upstream->watches, &cursor)) != NULL) {
		if (watch->kind != kind || watch->count == 0)
			continue;
		watch->asked = upstream->watch_opening;
		if (count++ == 0)
			buf_put_fmt(out, ",\"%s\":[", member);
		else
			buf_put_byte(out, ',');
		buf_put_json(out, name_of(watch));
	}
	if (count > 0)
		buf_put_byte(out, ']');
}

uint64_t watch_put_wanted(struct upstream *upstream, struct buf *out)
{
	struct watch *watch;
	size_t cursor = 0;

	upstream->watch_opening++;
	while ((watch = map_next(&upstream->watches, &cursor)) != NULL)
		if (watch->count == 0)
			watch->heard = 0; /* who wants it from now on waits for the stream after this one */
	put_kind(upstream, WATCH_RESOURCE, "resourceSubscriptions", out);
	put_kind(upstream, WATCH_TASK, "taskIds", out);
	return upstream->watch_opening;
}

/* What one stream was acknowledged with. */
struct honour {
	struct upstream *upstream;
	struct arena *arena;
	uint64_t opening, mark;
};

static void read_honoured(const struct honour *honour, enum watch_kind kind, const struct json_member *list)
{
	struct json_index index;
	struct str element;
	size_t cursor = 0;

	if (list == NULL || list->kind != JSON_ARRAY || json_scan(honour->arena, list->value, &index) != OK)
		return;
	while (json_element(&index, &cursor, &element)) {
		const struct json_member text = {.kind = JSON_STRING, .value = element, .escaped = true};
		AUTO_BUF key = {0};
		struct watch *watch;

		if (element.n < 2 || element.p[0] != '"')
			continue;
		put_key(&key, kind, json_member_str(honour->arena, &text));
		watch = map_get(&honour->upstream->watches, buf_str(&key));
		if (watch != NULL && watch->asked == honour->opening)
			watch->heard = honour->mark;
	}
}

void watch_acknowledged(struct upstream *upstream, uint64_t opening, uint64_t mark, const struct mcp_message *message)
{
	AUTO(arena) *arena = arena_new(message->index.text.n * 32 + 64 * 1024);
	const struct honour honour = {upstream, arena, opening, mark};
	const struct json_member *honoured =
		message->params == NULL ? NULL : json_member(&message->index, message->params, STR("notifications"));
	struct watch *watch;
	size_t cursor = 0;

	while ((watch = map_next(&upstream->watches, &cursor)) != NULL)
		if (watch->asked == opening)
			watch->heard = 0;
	if (honoured != NULL && honoured->kind == JSON_OBJECT) {
		read_honoured(&honour, WATCH_RESOURCE,
			      json_member(&message->index, honoured, STR("resourceSubscriptions")));
		read_honoured(&honour, WATCH_TASK, json_member(&message->index, honoured, STR("taskIds")));
	}
	for (cursor = 0; (watch = map_next(&upstream->watches, &cursor)) != NULL;) {
		if (watch->asked != opening)
			continue;
		if (watch->heard != mark) {
			watch->refused = mark;
			watch->err = ERR_RPC_METHOD;
			log_info("upstream.watch_dropped", LOG_STR("upstream", upstream->spec.name),
				 LOG_STR("name", name_of(watch)));
		}
		settle_waiters(watch, watch->heard == mark ? OK : watch->err);
	}
}

/* ---- legacy: one by one ---------------------------------------------------------- */

/*   Errors     ERR_RPC_METHOD, ERR_RPC_PARAMS: the server refuses; others: it could not be asked */
AWAITS static enum err ask_legacy(struct instance *instance, struct str uri, bool subscribe)
{
	AUTO(arena) *arena = arena_new(1024 * 1024);
	AUTO_BUF text = {0};
	struct ask ask = {.arena = arena, .id = peer_next_id(instance)};
	struct question question = {.revision = instance->hello.revision,
				    .facts = instance->facts,
				    .timeout_ms = instance->upstream->spec.timeout_ms};
	const struct json_member *code;

	buf_put_fmt(&text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"resources/%s\",\"params\":{\"uri\":",
		    (unsigned long long)ask.id, subscribe ? "subscribe" : "unsubscribe");
	buf_put_json(&text, uri);
	buf_put(&text, STR("}}"));
	question.text = buf_str(&text);
	TRY(peer_ask(instance, &question, &ask));
	if (ask.answer.error == NULL)
		return OK;
	log_debug("upstream.watch_refused", LOG_STR("upstream", instance->upstream->spec.name),
		  LOG_STR("answer", peer_error_text(&ask)));
	code = json_member(&ask.answer.index, ask.answer.error, STR("code"));
	return code != NULL && str_eq(code->value, STR("-32601")) ? ERR_RPC_METHOD : ERR_RPC_PARAMS;
}

AWAITS static enum err tell_legacy(struct instance *instance, struct watch *watch)
{
	struct upstream *upstream = instance->upstream;
	uint64_t mark = watch_mark(instance);
	bool subscribe = watch->count > 0, refused;
	enum err err;

	if (!subscribe)
		watch->heard = 0; /* who wants it from now on waits for the next subscribe */
	err = ask_legacy(instance, name_of(watch), subscribe);
	/* Only the teller frees watches while it runs, so this one is still there. */
	refused = err == ERR_RPC_METHOD || err == ERR_RPC_PARAMS;
	if (!subscribe)
		return refused ? OK : err;
	if (err != OK && !refused)
		return err;
	if (err == OK && watch->heard != 0)
		tell_updated(upstream, watch);
	if (err == OK)
		watch->heard = mark;
	else
		watch->refused = mark;
	watch->err = err;
	settle_waiters(watch, err);
	return OK;
}

/* ---- the teller ------------------------------------------------------------------ */

AWAITS static enum err tell_one(struct upstream *upstream, struct instance *instance, struct watch *watch)
{
	enum err err;

	instance->pins++;
	err = mcp_is_modern(instance->hello.revision) ? listen_renew(upstream) : tell_legacy(instance, watch);
	if (err == ERR_UPSTREAM_SESSION && instance->facts != NULL) {
		atomic_store(&instance->facts->stale, true);
		keeper_wish(upstream, KEEPER_CONNECT);
	}
	instance_unpin(instance);
	return err;
}

AWAITS static void tell_main(void *arg)
{
	struct upstream *upstream = arg;
	struct instance *instance;
	struct watch *watch;
	enum err err = OK;
	size_t cursor = 0;

	while (err == OK && (instance = shared_ready(upstream)) != NULL &&
	       (watch = next_work(upstream, watch_mark(instance))) != NULL)
		err = tell_one(upstream, instance, watch);
	upstream->teller = NULL;
	if (err == OK || err == ERR_CANCELED) /* the server is gone, or the whole upstream */
		err = ERR_UPSTREAM_DOWN;
	while ((watch = map_next(&upstream->watches, &cursor)) != NULL)
		settle_waiters(watch, err);
	upstream_helper_end(upstream);
}

static enum err wake_teller(struct upstream *upstream)
{
	struct instance *instance = shared_ready(upstream);

	if (upstream->teller != NULL || atomic_load(&upstream->stopped) ||
	    next_work(upstream, instance == NULL ? 0 : watch_mark(instance)) == NULL || instance == NULL)
		return OK;
	return upstream_helper(upstream, "upstream tell", tell_main, upstream, 0, &upstream->teller);
}

void watch_tell_again(struct upstream *upstream)
{
	struct instance *instance = shared_ready(upstream);

	if (instance == NULL || mcp_is_modern(instance->hello.revision))
		return; /* the listener's new stream names them all */
	if (wake_teller(upstream) != OK)
		log_warn("upstream.deaf", LOG_STR("upstream", upstream->spec.name));
}

void watch_doubt(struct upstream *upstream)
{
	struct watch *watch;
	size_t cursor = 0;

	while ((watch = map_next(&upstream->watches, &cursor)) != NULL)
		if (watch->heard != 0)
			watch->heard = MARK_DOUBTED;
	watch_tell_again(upstream);
}

void watch_stop(struct upstream *upstream)
{
	if (upstream->teller != NULL)
		fiber_cancel(upstream->teller);
}

/* ---- the doors ------------------------------------------------------------------- */

struct watch_order {
	struct upstream *upstream;
	enum watch_kind kind;
	struct str name;
};

static enum err may_watch(const struct instance *instance, enum watch_kind kind)
{
	const struct hello *hello = &instance->hello;
	bool modern = mcp_is_modern(hello->revision);

	if (kind == WATCH_TASK)
		return modern && (hello->extensions & MCP_EXT_TASKS) != 0 ? OK : ERR_RPC_METHOD;
	if (!modern && instance->upstream->spec.isolation != ISOLATION_SHARED)
		return ERR_RPC_METHOD;
	return hello->subscribe ? OK : ERR_RPC_METHOD;
}

static bool forget_waiter(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

/* `watch` stays: it is counted for the caller. */
AWAITS static enum err await_verdict(struct upstream *upstream, struct watch *watch, uint64_t mark)
{
	struct wait wait = WAIT_INIT;

	if (watch->heard == mark)
		return OK;
	if (watch->refused == mark)
		return watch->err;
	TRY(wake_teller(upstream));
	list_add_tail(&watch->waiters, &wait.link);
	return wait_for(&wait, forget_waiter, &wait);
}

AWAITS static enum err watch_main(void *arg)
{
	static const struct instance_owner nobody = {0};
	const struct watch_order *order = arg;
	struct upstream *upstream = order->upstream;
	struct instance *instance;
	struct watch *watch;
	AUTO_BUF key = {0};
	uint64_t mark;
	enum err err;

	if (upstream->spec.kind == UPSTREAM_LOCAL)
		return order->kind == WATCH_RESOURCE ? local_watch(upstream, order->name) : ERR_RPC_METHOD;
	TRY(instance_get(upstream, &nobody, &instance));
	err = may_watch(instance, order->kind);
	mark = watch_mark(instance);
	instance_unpin(instance);
	TRY(err);
	put_key(&key, order->kind, order->name);
	watch = map_get(&upstream->watches, buf_str(&key));
	if (watch == NULL)
		TRY(watch_new(upstream, order->kind, buf_str(&key), &watch));
	watch->count++;
	err = await_verdict(upstream, watch, mark);
	if (err == OK)
		return OK;
	watch->count--;
	return wake_teller(upstream) == OK ? err : ERR_BUSY;
}

AWAITS static enum err begin_watch(struct upstream *upstream, enum watch_kind kind, struct str name)
{
	struct watch_order order = {upstream, kind, name};

	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	return loop_call(upstream->home, "upstream watch", watch_main, &order);
}

AWAITS enum err upstream_watch(struct upstream *upstream, struct str uri)
{
	return begin_watch(upstream, WATCH_RESOURCE, uri);
}

AWAITS enum err upstream_watch_task(struct upstream *upstream, struct str task_id)
{
	return begin_watch(upstream, WATCH_TASK, task_id);
}

struct release {
	struct task task;
	struct upstream *upstream; /* one reference */
	struct buf key;
};

static void on_release(struct task *task)
{
	struct release *release = CONTAINER_OF(task, struct release, task);
	struct watch *watch = map_get(&release->upstream->watches, buf_str(&release->key));

	if (watch != NULL && watch->count > 0 && --watch->count == 0 && wake_teller(release->upstream) != OK)
		log_debug("upstream.watch_stays", LOG_STR("upstream", release->upstream->spec.name));
	upstream_unref(release->upstream);
	buf_free(&release->key);
	free(release);
}

static void end_watch(struct upstream *upstream, enum watch_kind kind, struct str name)
{
	struct release *release = calloc(1, sizeof(*release));

	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	CHECK(release != NULL);
	release->upstream = upstream_ref(upstream);
	put_key(&release->key, kind, name);
	release->task.run = on_release;
	loop_post(upstream->home, &release->task);
}

void upstream_unwatch(struct upstream *upstream, struct str uri)
{
	end_watch(upstream, WATCH_RESOURCE, uri);
}

void upstream_unwatch_task(struct upstream *upstream, struct str task_id)
{
	end_watch(upstream, WATCH_TASK, task_id);
}
