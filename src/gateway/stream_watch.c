/* One fiber compares the generation, as requests do; when it has moved, or a credential has ended, each loop
 * asks for every credential that has a stream there, once. A client whose stream was ended comes back, and is then told
 * why by an ordinary 401.
 *
 * While a credential is looked up streams come and go: only marks are kept across the wait. */
#include "gateway/stream_watch.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "access/access.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/streams.h"

struct stream_watch {
	struct gateway *gateway;
	struct group group;
	atomic_int_fast64_t next_end_ms; /* no credential with a stream expires before this */
};

void stream_watch_note(struct stream_watch *watch, int64_t expires_ms)
{
	int64_t next_ms = atomic_load(&watch->next_end_ms);

	while (expires_ms != 0 && expires_ms < next_ms &&
	       !atomic_compare_exchange_weak(&watch->next_end_ms, &next_ms, expires_ms))
		;
}

static struct str mark_bytes(const struct caller_mark *mark)
{
	return (struct str){(const char *)mark, sizeof(*mark)};
}

/* The credentials with a stream on this loop, each once. In a heap block, since nobody can say how many. */
static struct caller_mark *marks_here(const struct gateway_loop *here, size_t *ret_count)
{
	struct caller_mark *marks = calloc(here->stream_count + 1, sizeof(*marks));
	struct map seen = {0};
	size_t count = 0;

	CHECK(marks != NULL);
	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		const struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (map_get(&seen, mark_bytes(&open->mark)) != NULL)
			continue;
		marks[count] = open->mark;
		map_put(&seen, mark_bytes(&marks[count]), &marks[count]);
		count++;
	}
	map_free(&seen);
	*ret_count = count;
	return marks;
}

static void end_streams_of(struct gateway_loop *here, const struct caller_mark *mark)
{
	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (memcmp(&open->mark, mark, sizeof(*mark)) == 0)
			http_stream_end(open->stream);
	}
	log_info("stream.credential_ended", LOG_STR("credential", str_of(mark->grant_id)),
		 LOG_STR("user", str_of(mark->user_id)));
}

AWAITS static enum err check_here(void *arg)
{
	struct stream_watch *watch = arg;
	struct gateway_loop *here = gateway_here(watch->gateway);
	struct caller_mark *marks;
	size_t count;

	streams_check_policies(here);
	if (here->stream_count == 0 || !here->config->auth_required)
		return OK;
	marks = marks_here(here, &count);
	/* A database that does not answer ends nobody's stream: the next round asks again. */
	for (size_t i = 0; i < count && fiber_status() == OK; i++) {
		if (identity_check(watch->gateway->identity, &marks[i]) == ERR_KEY_INVALID)
			end_streams_of(here, &marks[i]);
		else
			stream_watch_note(watch, marks[i].expires_ms);
	}
	free(marks);
	return OK;
}

AWAITS_ENTRY static void watch_main(void *arg)
{
	struct stream_watch *watch = arg;
	int64_t seen = 0, now, known = identity_generation(watch->gateway->identity);

	while (identity_await(watch->gateway->identity, known) == OK) {
		known = identity_generation(watch->gateway->identity);
		now = access_generation(watch->gateway->access);
		if (now == seen && clock_wall_ms() < atomic_load(&watch->next_end_ms))
			continue;
		seen = now;
		atomic_store(&watch->next_end_ms, INT64_MAX);
		for (unsigned i = 0; i < loop_count(); i++)
			if (loop_call(loop_at(i), "stream-watch", check_here, watch) != OK)
				break;
	}
}

AWAITS enum err stream_watch_start(struct gateway *gateway, struct stream_watch **ret_watch)
{
	struct stream_watch *watch = calloc(1, sizeof(*watch));
	enum err err;

	CHECK(watch != NULL);
	watch->gateway = gateway;
	atomic_init(&watch->next_end_ms, INT64_MAX);
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
