/* The table of subscriptions. Under one lock, which is held for look-ups only: what is said goes
 * into the streams' logs afterwards, and logs are found by name, so that one that ends meanwhile
 * is simply not there.
 *
 * A server may name a resource below the one that was asked for: the notification's URI is looked
 * up whole and cut before and behind each separator. */
#include "gateway/subscription.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "upstream/watch.h"

#define SESSION_BYTES 16
#define TASK_ARENA_BYTES 65536 /* for an id that is spelt with escapes */
#define URI_CUTS_MAX 64	       /* places at which a notification's URI is cut, from its end */

/* What is subscribed to. */
struct watch_name {
	const struct upstream *upstream;
	bool task;
	struct str tenant_id; /* see subscription_spec */
	struct str uri;
};

/* One of these. */
struct watched {
	struct list subscriptions;
	struct str key;
};

struct subscription {
	struct list link, set_link; /* in watched->subscriptions, in its set */
	struct watched *watched;
	struct upstream *upstream;
	enum event_log_kind kind;
	bool task;
	uint64_t serial;
	char session[SESSION_BYTES];
	struct str tenant_id, uri, client_uri, listen_id; /* in the same allocation */
};

static struct {
	pthread_mutex_t lock;
	struct map by_uri; /* of struct watched */
	size_t count;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

void subscription_set_init(struct subscription_set *set)
{
	list_init(&set->list);
	set->count = 0;
}

/* ---- with the lock held ------------------------------------------------------------------- */

static void put_key(const struct watch_name *name, struct buf *out)
{
	buf_put_byte(out, name->task ? 't' : 'r');
	buf_put(out, (struct str){(const char *)&name->upstream, sizeof(name->upstream)});
	buf_put(out, name->tenant_id);
	buf_put_byte(out, 0);
	buf_put(out, name->uri);
}

static struct watched *watched_find(const struct watch_name *name)
{
	AUTO_BUF key = {0};

	put_key(name, &key);
	return map_get(&table.by_uri, buf_str(&key));
}

static struct watched *watched_of(const struct watch_name *name)
{
	struct watched *watched = watched_find(name);
	AUTO_BUF key = {0};

	if (watched != NULL)
		return watched;
	put_key(name, &key);
	watched = calloc(1, sizeof(*watched) + key.n);
	CHECK(watched != NULL);
	memcpy(watched + 1, key.p, key.n);
	watched->key = (struct str){(const char *)(watched + 1), key.n};
	list_init(&watched->subscriptions);
	map_put(&table.by_uri, watched->key, watched);
	return watched;
}

static struct watch_name name_of(const struct subscription *one)
{
	return (struct watch_name){one->upstream, one->task, one->tenant_id, one->uri};
}

static struct subscription *in_set(const struct subscription_set *set, struct str client_uri)
{
	for (struct list *l = set->list.next; l != &set->list; l = l->next) {
		struct subscription *one = LIST_OBJ(l, struct subscription, set_link);

		if (str_eq(one->client_uri, client_uri))
			return one;
	}
	return NULL;
}

static void unlink_one(struct subscription_set *set, struct subscription *one)
{
	list_remove(&one->set_link);
	list_remove(&one->link);
	set->count--;
	table.count--;
	if (!list_empty(&one->watched->subscriptions))
		return;
	map_remove(&table.by_uri, one->watched->key);
	free(one->watched);
}

/* ---- asking and taking back ----------------------------------------------------------------- */

static struct str copy(char **at, struct str s)
{
	char *to = *at;

	if (s.n > 0)
		memcpy(to, s.p, s.n);
	*at = to + s.n;
	return s.p == NULL ? STR_NONE : (struct str){to, s.n};
}

static struct subscription *subscription_new(const struct subscription_spec *spec)
{
	struct subscription *one =
		calloc(1, sizeof(*one) + spec->tenant_id.n + spec->uri.n + spec->client_uri.n + spec->listen_id.n + 1);
	char *at = (char *)(one + 1);

	CHECK(one != NULL && spec->session.n == SESSION_BYTES);
	one->upstream = upstream_ref(spec->upstream);
	one->kind = spec->kind;
	one->task = spec->task;
	one->serial = event_log_serial(spec->log);
	memcpy(one->session, spec->session.p, SESSION_BYTES);
	one->tenant_id = copy(&at, spec->tenant_id);
	one->uri = copy(&at, spec->uri);
	one->client_uri = copy(&at, spec->client_uri);
	one->listen_id = copy(&at, spec->listen_id);
	return one;
}

AWAITS static enum err watch(struct upstream *upstream, bool task, struct str uri)
{
	return task ? upstream_watch_task(upstream, uri) : upstream_watch(upstream, uri);
}

static void unwatch(struct upstream *upstream, bool task, struct str uri)
{
	if (task)
		upstream_unwatch_task(upstream, uri);
	else
		upstream_unwatch(upstream, uri);
}

/* It is in no list any more. */
static void subscription_free(struct subscription *one)
{
	unwatch(one->upstream, one->task, one->uri);
	upstream_unref(one->upstream);
	free(one);
}

/*   returns    OK: there is room for it; ERR_EXISTS: it is there already; ERR_LIMIT */
static enum err check_room(const struct subscription_set *set, struct str client_uri)
{
	if (in_set(set, client_uri) != NULL)
		return ERR_EXISTS;
	return set->count >= SUBSCRIPTIONS_PER_STREAM_MAX || table.count >= SUBSCRIPTIONS_MAX ? ERR_LIMIT : OK;
}

AWAITS enum err subscription_add(struct subscription_set *set, const struct subscription_spec *spec)
{
	struct subscription *one;
	struct watch_name name;
	enum err err;

	pthread_mutex_lock(&table.lock);
	err = check_room(set, spec->client_uri);
	pthread_mutex_unlock(&table.lock);
	if (err != OK)
		return err == ERR_EXISTS ? OK : err;
	TRY(watch(spec->upstream, spec->task, spec->uri));
	one = subscription_new(spec);
	pthread_mutex_lock(&table.lock);
	err = check_room(set, spec->client_uri); /* another request may have been quicker */
	if (err == OK) {
		name = name_of(one);
		one->watched = watched_of(&name);
		list_add_tail(&one->watched->subscriptions, &one->link);
		list_add_tail(&set->list, &one->set_link);
		set->count++;
		table.count++;
	}
	pthread_mutex_unlock(&table.lock);
	if (err != OK)
		subscription_free(one);
	return err == ERR_EXISTS ? OK : err;
}

bool subscription_remove(struct subscription_set *set, struct str client_uri)
{
	struct subscription *one;

	pthread_mutex_lock(&table.lock);
	one = in_set(set, client_uri);
	if (one != NULL)
		unlink_one(set, one);
	pthread_mutex_unlock(&table.lock);
	if (one != NULL)
		subscription_free(one);
	return one != NULL;
}

void subscription_set_clear(struct subscription_set *set)
{
	struct list gone;

	list_init(&gone);
	pthread_mutex_lock(&table.lock);
	while (!list_empty(&set->list)) {
		struct subscription *one = LIST_OBJ(set->list.next, struct subscription, set_link);

		unlink_one(set, one);
		list_add_tail(&gone, &one->link);
	}
	pthread_mutex_unlock(&table.lock);
	for (struct list *link; (link = list_pop(&gone)) != NULL;)
		subscription_free(LIST_OBJ(link, struct subscription, link));
}

/* ---- following a reload ------------------------------------------------------------------------- */

/* A URI whose upstream has been replaced. */
struct moving {
	struct moving *next;
	struct upstream *from, *to;
	size_t count;		/* of subscriptions */
	struct watch_name name; /* at `from`; in the same allocation */
};

static size_t length_of(const struct list *list)
{
	size_t n = 0;

	for (const struct list *l = list->next; l != list; l = l->next)
		n++;
	return n;
}

static struct moving *moving_new(const struct watched *watched, struct upstream *to, struct moving *next)
{
	const struct subscription *first = LIST_OBJ(watched->subscriptions.next, struct subscription, link);
	struct moving *moving = calloc(1, sizeof(*moving) + first->tenant_id.n + first->uri.n + 1);
	char *at = (char *)(moving + 1);

	CHECK(moving != NULL);
	moving->next = next;
	moving->from = upstream_ref(first->upstream);
	moving->to = upstream_ref(to);
	moving->count = length_of(&watched->subscriptions);
	moving->name = (struct watch_name){moving->from, first->task, copy(&at, first->tenant_id), STR_NONE};
	moving->name.uri = copy(&at, first->uri);
	return moving;
}

static struct moving *collect_moving(const struct catalog *catalog)
{
	struct moving *moving = NULL;
	struct watched *watched;
	size_t cursor = 0;

	pthread_mutex_lock(&table.lock);
	while ((watched = map_next(&table.by_uri, &cursor)) != NULL) {
		const struct subscription *first = LIST_OBJ(watched->subscriptions.next, struct subscription, link);
		const struct catalog_item *door = catalog_door(&catalog->views[0], upstream_name(first->upstream));

		if (door != NULL && door->upstream != first->upstream && (first->task || door->offer->subscribe))
			moving = moving_new(watched, door->upstream, moving);
	}
	pthread_mutex_unlock(&table.lock);
	return moving;
}

/*   returns    how many went over, at most `max` */
static size_t relink(const struct moving *moving, size_t max)
{
	struct watch_name there = moving->name;
	struct watched *from, *to;
	size_t n = 0;

	there.upstream = moving->to;
	pthread_mutex_lock(&table.lock);
	from = watched_find(&moving->name);
	to = from == NULL || max == 0 ? NULL : watched_of(&there);
	for (; to != NULL && n < max && !list_empty(&from->subscriptions); n++) {
		struct subscription *one = LIST_OBJ(list_pop(&from->subscriptions), struct subscription, link);

		one->watched = to;
		one->upstream = upstream_ref(moving->to);
		list_add_tail(&to->subscriptions, &one->link);
	}
	if (to != NULL && list_empty(&from->subscriptions)) {
		map_remove(&table.by_uri, from->key);
		free(from);
	}
	pthread_mutex_unlock(&table.lock);
	return n;
}

AWAITS static void move(const struct moving *moving)
{
	const struct watch_name *name = &moving->name;
	size_t asked = 0, moved;

	while (asked < moving->count && watch(moving->to, name->task, name->uri) == OK)
		asked++;
	moved = relink(moving, asked);
	for (size_t i = 0; i < moved; i++) {
		unwatch(moving->from, name->task, name->uri);
		upstream_unref(moving->from);
	}
	for (size_t i = moved; i < asked; i++) /* it was taken back meanwhile */
		unwatch(moving->to, name->task, name->uri);
}

AWAITS void subscriptions_follow(const struct catalog *catalog)
{
	struct moving *moving = collect_moving(catalog), *next;

	for (; moving != NULL; moving = next) {
		next = moving->next;
		move(moving);
		upstream_unref(moving->from);
		upstream_unref(moving->to);
		free(moving);
	}
}

/* ---- telling ---------------------------------------------------------------------------------- */

/* A message for a log, until the lock is given back. */
struct notice {
	struct notice *next;
	enum event_log_kind kind;
	uint64_t serial;
	char session[SESSION_BYTES];
	struct buf message;
};

static struct notice *notice_new(const struct subscription *one, struct notice *next)
{
	struct notice *notice = calloc(1, sizeof(*notice));

	CHECK(notice != NULL);
	notice->next = next;
	notice->kind = one->kind;
	notice->serial = one->serial;
	memcpy(notice->session, one->session, SESSION_BYTES);
	return notice;
}

/* `below`: what the notification's URI has beyond the one that was asked for. */
static struct notice *notice_resource(const struct subscription *one, struct str below, struct notice *next)
{
	struct notice *notice = notice_new(one, next);
	AUTO_BUF uri = {0};

	buf_put(&uri, one->client_uri);
	buf_put(&uri, below);
	buf_put(&notice->message,
		STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{"));
	if (one->listen_id.n > 0) {
		buf_put(&notice->message, STR("\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
		buf_put(&notice->message, one->listen_id);
		buf_put(&notice->message, STR("},"));
	}
	buf_put(&notice->message, STR("\"uri\":"));
	buf_put_json(&notice->message, buf_str(&uri));
	buf_put(&notice->message, STR("}}"));
	return notice;
}

static struct notice *notices_to(const struct watched *watched, struct str below, struct notice *notices)
{
	for (struct list *l = watched == NULL ? NULL : watched->subscriptions.next;
	     l != NULL && l != &watched->subscriptions; l = l->next)
		notices = notice_resource(LIST_OBJ(l, struct subscription, link), below, notices);
	return notices;
}

/* Of the subscriptions to the first `cut` bytes of what has changed. */
static struct notice *notices_of(struct watch_name name, size_t cut, struct notice *notices)
{
	struct str below = str_skip(name.uri, cut);

	name.uri.n = cut;
	return notices_to(watched_find(&name), below, notices);
}

static struct notice *collect(struct watch_name name)
{
	struct notice *notices = notices_of(name, name.uri.n, NULL);
	struct str uri = name.uri;
	unsigned cuts = 0;

	for (size_t at = uri.n; at-- > 1 && cuts < URI_CUTS_MAX;) {
		if (strchr("/?#", uri.p[at]) == NULL)
			continue;
		cuts++;
		notices = notices_of(name, at, notices);
		if (at + 1 < uri.n)
			notices = notices_of(name, at + 1, notices);
	}
	return notices;
}

/* Write the notices into their logs, as far as these are still there. */
static void deliver(struct notice *notices)
{
	struct notice *next;

	for (; notices != NULL; notices = next) {
		struct event_log *log =
			event_log_find(notices->kind, (struct str){notices->session, SESSION_BYTES}, notices->serial);

		if (log != NULL)
			event_log_append(log, buf_str(&notices->message), true);
		event_log_unref(log);
		next = notices->next;
		buf_free(&notices->message);
		free(notices);
	}
}

void subscriptions_updated(struct upstream *upstream, struct str tenant_id, struct str uri)
{
	struct notice *notices;

	pthread_mutex_lock(&table.lock);
	notices = collect((struct watch_name){upstream, false, tenant_id, uri});
	pthread_mutex_unlock(&table.lock);
	deliver(notices);
}

void subscriptions_missed(void)
{
	struct notice *notices = NULL;
	const struct watched *watched;
	size_t cursor = 0;

	pthread_mutex_lock(&table.lock);
	while ((watched = map_next(&table.by_uri, &cursor)) != NULL)
		if (LIST_OBJ(watched->subscriptions.next, struct subscription, link)->tenant_id.n > 0)
			notices = notices_to(watched, STR(""), notices);
	pthread_mutex_unlock(&table.lock);
	deliver(notices);
}

/* The server's notification with this client's id of the task, and of its listen request. */
static struct notice *notice_task(const struct subscription *one, const struct mcp_message *message,
				  struct notice *next)
{
	struct notice *notice = notice_new(one, next);
	struct buf *out = &notice->message;

	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{\"taskId\":"));
	buf_put_json(out, one->client_uri);
	buf_put(out, STR(",\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
	buf_put(out, one->listen_id);
	buf_put_byte(out, '}');
	for (uint32_t i = (uint32_t)(message->params - message->index.member) + 1; i < message->params->end;
	     i = message->index.member[i].end) {
		const struct json_member *m = &message->index.member[i];

		if (m != message->meta && !json_key_is(m, STR("taskId")))
			buf_put_fmt(out, ",\"%.*s\":%.*s", STR_ARG(m->key), STR_ARG(m->value));
	}
	buf_put(out, STR("}}"));
	return notice;
}

void subscriptions_task(struct upstream *upstream, const struct mcp_message *message)
{
	AUTO(arena) *arena = arena_new(TASK_ARENA_BYTES);
	struct str id = mcp_param(arena, message, STR("taskId"));
	struct watch_name name = {upstream, true, STR(""), id};
	struct notice *notices = NULL;
	const struct watched *watched;

	if (id.p == NULL)
		return;
	pthread_mutex_lock(&table.lock);
	watched = watched_find(&name);
	for (struct list *l = watched == NULL ? NULL : watched->subscriptions.next;
	     l != NULL && l != &watched->subscriptions; l = l->next)
		notices = notice_task(LIST_OBJ(l, struct subscription, link), message, notices);
	pthread_mutex_unlock(&table.lock);
	deliver(notices);
}
