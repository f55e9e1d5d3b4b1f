/* Epochs: a random text for each upstream, part of the name of each of its results. Whoever hears that results of an
 * upstream have changed puts a new text there, and nobody finds the old ones again; they go when their time is over.
 * That needs no list of what is kept, and a result that was asked for before the change and arrives after it is put
 * under a name that nobody asks for.
 *
 * Upstreams tell of changes in callbacks, which cannot wait: what is to end stands in a table until the writer, a fiber
 * of loop 0, has told the shared state. Then comes the hint, for what other replicas keep in their own memory. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "gateway/fleet_results_private.h"

#define EPOCH_LIFE_MS (2LL * RESULT_CACHE_TTL_MS_MAX) /* longer than any result of the epoch before */
#define EPOCH_RANDOM_BYTES 16
#define AGAIN_MS 500 /* after the shared state could not be told */
#define NAME_BYTES_MAX 64

static const struct str hint_prefix = STR("results ");

struct ending {
	struct str name; /* behind the struct */
	bool again;	 /* since the writer began with it */
};

static struct str epoch_key(struct str upstream, char out[8 + NAME_BYTES_MAX])
{
	CHECK(upstream.n <= NAME_BYTES_MAX);
	memcpy(out, "epoch:", 6);
	memcpy(out + 6, upstream.p, upstream.n);
	return (struct str){out, 6 + upstream.n};
}

AWAITS enum err fleet_epoch_read(struct fleet_claim *claim)
{
	struct fleet_results *results = claim->results;
	AUTO(arena) *arena = arena_new(4096);
	char key[8 + NAME_BYTES_MAX];
	struct str text;
	bool ending;

	pthread_mutex_lock(&results->lock);
	ending = map_get(&results->ending, claim->key->upstream) != NULL;
	pthread_mutex_unlock(&results->lock);
	if (ending)
		return ERR_BUSY;
	TRY(state_get(results->state, arena, epoch_key(claim->key->upstream, key), &text));
	if (text.n > sizeof(claim->epoch))
		return ERR_BUSY;
	if (text.n > 0)
		memcpy(claim->epoch, text.p, text.n);
	claim->epoch_n = text.n;
	return OK;
}

/* ---- ending ---------------------------------------------------------------------- */

static void wake(struct task *task)
{
	struct fleet_results *results = CONTAINER_OF(task, struct fleet_results, task);
	struct wait *sleeper = results->sleeper;

	pthread_mutex_lock(&results->lock);
	results->posted = false;
	pthread_mutex_unlock(&results->lock);
	results->woken = true;
	results->sleeper = NULL;
	if (sleeper != NULL)
		wait_done(sleeper, OK);
}

static struct ending *ending_new(struct str name)
{
	struct ending *ending = malloc(sizeof(*ending) + name.n);

	CHECK(ending != NULL);
	*ending = (struct ending){.name = {(char *)(ending + 1), name.n}};
	memcpy(ending + 1, name.p, name.n);
	return ending;
}

void fleet_results_forget(struct fleet_results *results, struct str upstream)
{
	struct ending *ending;
	bool post = false;

	if (results == NULL || upstream.n > NAME_BYTES_MAX)
		return;
	pthread_mutex_lock(&results->lock);
	ending = map_get(&results->ending, upstream);
	if (ending != NULL) {
		ending->again = true;
	} else {
		ending = ending_new(upstream);
		(void)map_put(&results->ending, ending->name, ending);
		post = !results->posted;
		results->posted = true;
	}
	pthread_mutex_unlock(&results->lock);
	if (post)
		loop_post(loop_at(0), &results->task);
}

bool fleet_results_hint(struct str hint, struct str *ret_upstream)
{
	if (!str_starts(hint, hint_prefix))
		return false;
	*ret_upstream = str_skip(hint, hint_prefix.n);
	return true;
}

AWAITS static enum err end_epoch(struct fleet_results *results, struct str upstream)
{
	uint8_t epoch[EPOCH_RANDOM_BYTES];
	char key[8 + NAME_BYTES_MAX];
	AUTO_BUF hint = {0};

	random_bytes(epoch, sizeof(epoch));
	TRY(state_put(results->state, epoch_key(upstream, key), (struct str){(const char *)epoch, sizeof(epoch)},
		      EPOCH_LIFE_MS));
	buf_put(&hint, hint_prefix);
	buf_put(&hint, upstream);
	if (state_hint(results->state, buf_str(&hint)) != OK)
		log_debug("results.unheard", LOG_STR("upstream", upstream));
	return OK;
}

/* The first one; it stays in the table until it is told, and only the writer takes it out. */
static struct ending *first(struct fleet_results *results)
{
	struct ending *ending;
	size_t cursor = 0;

	pthread_mutex_lock(&results->lock);
	ending = map_next(&results->ending, &cursor);
	if (ending != NULL)
		ending->again = false;
	pthread_mutex_unlock(&results->lock);
	return ending;
}

static void leave(struct fleet_results *results, struct ending *ending)
{
	pthread_mutex_lock(&results->lock);
	if (ending->again)
		ending = NULL;
	else
		(void)map_remove(&results->ending, ending->name);
	pthread_mutex_unlock(&results->lock);
	free(ending);
}

static bool forget_sleeper(void *arg)
{
	((struct fleet_results *)arg)->sleeper = NULL;
	return true;
}

/* Until there is something to end, or after a failure for a while. */
AWAITS static enum err rest(struct fleet_results *results, bool failed)
{
	struct wait wait = WAIT_INIT;

	if (failed)
		return fiber_sleep(AGAIN_MS);
	if (results->woken)
		return fiber_status();
	results->sleeper = &wait;
	return wait_for(&wait, forget_sleeper, results);
}

AWAITS_ENTRY static void writer_main(void *arg)
{
	struct fleet_results *results = arg;
	struct ending *ending = NULL;
	enum err err = OK;

	do {
		results->woken = false;
		err = OK;
		while (err == OK && (ending = first(results)) != NULL) {
			err = end_epoch(results, ending->name);
			if (err == OK)
				leave(results, ending);
		}
	} while (rest(results, err != OK) == OK);
}

AWAITS enum err fleet_epochs_start(struct fleet_results *results)
{
	results->task.run = wake;
	group_init(&results->writer, loop_self());
	return group_spawn(&results->writer, "results", writer_main, results);
}

static bool is_posted(struct fleet_results *results)
{
	bool posted;

	pthread_mutex_lock(&results->lock);
	posted = results->posted;
	pthread_mutex_unlock(&results->lock);
	return posted;
}

AWAITS void fleet_epochs_stop(struct fleet_results *results)
{
	struct fiber_shield shield = fiber_shield_begin(5000);
	struct ending *ending;
	size_t cursor = 0;

	group_cancel(&results->writer);
	if (group_join(&results->writer) != OK)
		log_warn("results.slow_stop", LOG_BOOL("joined", false));
	while (is_posted(results))
		CHECK(fiber_yield() == OK); /* a task cannot be called back */
	fiber_shield_end(shield);
	while ((ending = map_next(&results->ending, &cursor)) != NULL) {
		(void)map_remove(&results->ending, ending->name);
		free(ending);
	}
	map_free(&results->ending);
}
