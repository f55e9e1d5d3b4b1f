/* One fiber compares identity's generation, as requests do; when it has moved, each loop asks for
 * every credential that has a stream there, once. A client whose stream was ended comes back, and is
 * then told why by an ordinary 401.
 *
 * While a credential is looked up streams come and go: only names are kept across the wait. */
#include "gateway/stream_watch.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "gateway/streams.h"

struct stream_watch {
	struct gateway *gateway;
	struct group group;
};

struct name {
	char text[ID_LEN + 1];
};

/* The credentials with a stream on this loop, each once. In a heap block, since nobody can say how many. */
static struct name *grants_here(const struct gateway_loop *here, size_t *ret_count)
{
	struct name *names = calloc(here->stream_count + 1, sizeof(*names));
	struct map seen = {0};
	size_t count = 0;

	CHECK(names != NULL);
	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		const struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (map_get(&seen, str_of(open->grant)) != NULL)
			continue;
		memcpy(names[count].text, open->grant, sizeof(names[count].text));
		map_put(&seen, str_of(names[count].text), &names[count]);
		count++;
	}
	map_free(&seen);
	*ret_count = count;
	return names;
}

static void end_streams_of(struct gateway_loop *here, struct str grant)
{
	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (str_eq(str_of(open->grant), grant))
			http_stream_end(open->stream);
	}
	log_info("stream.credential_ended", LOG_STR("credential", grant));
}

AWAITS static enum err check_here(void *arg)
{
	struct gateway *gateway = arg;
	struct gateway_loop *here = gateway_here(gateway);
	size_t count;
	struct name *names;

	if (here->stream_count == 0 || !here->config->auth_required)
		return OK;
	names = grants_here(here, &count);
	/* A database that does not answer ends nobody's stream: the next round asks again. */
	for (size_t i = 0; i < count && fiber_status() == OK; i++)
		if (identity_check(gateway->identity, str_of(names[i].text)) == ERR_KEY_INVALID)
			end_streams_of(here, str_of(names[i].text));
	free(names);
	return OK;
}

AWAITS_ENTRY static void watch_main(void *arg)
{
	struct stream_watch *watch = arg;
	int64_t seen = 0, now;

	while (fiber_sleep(IDENTITY_POLL_MS) == OK) {
		now = identity_generation(watch->gateway->identity);
		if (now == seen)
			continue;
		seen = now;
		for (unsigned i = 0; i < loop_count(); i++)
			if (loop_call(loop_at(i), "stream-watch", check_here, watch->gateway) != OK)
				break;
	}
}

AWAITS enum err stream_watch_start(struct gateway *gateway, struct stream_watch **ret_watch)
{
	struct stream_watch *watch = calloc(1, sizeof(*watch));
	enum err err;

	CHECK(watch != NULL);
	watch->gateway = gateway;
	group_init(&watch->group, loop_self());
	err = group_spawn(&watch->group, "stream-watch", watch_main, watch);
	if (err != OK)
		free(watch);
	else
		*ret_watch = watch;
	return err;
}

AWAITS void stream_watch_stop(struct stream_watch *watch)
{
	struct fiber_shield shield;

	if (watch == NULL)
		return;
	shield = fiber_shield_begin(5000);
	group_cancel(&watch->group);
	if (group_join(&watch->group) != OK)
		log_warn("stream.slow_watch", LOG_CSTR("advice", "the database is slow to answer"));
	fiber_shield_end(shield);
	free(watch);
}
