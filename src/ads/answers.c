/* Finished answers, so that asking the same again costs a look-up and a copy. One table for all loops under a lock that
 * is held for a look-up; whoever found an answer has a reference to it and reads it without the lock. Whether an answer
 * still holds is for tool.c: here is only what is where, and how much.
 *
 *     find ──▶ moved to the front of `used`      keep ──▶ the last of `used` goes while there is too much */
#include <pthread.h>
#include <stdlib.h>

#include "ads/tool.h"
#include "base/check.h"
#include "base/list.h"
#include "base/map.h"

#define ANSWERS_MAGIC 0x616e7377u /* "answ" */

struct kept_answer {
	struct answer answer; /* first: who has it knows no more */
	struct list link;
	atomic_uint references;
	size_t bytes;
	struct arena *arena;
};

struct answers {
	uint32_t magic;
	pthread_mutex_t lock;
	struct map by_key;
	struct list used; /* latest first */
	size_t bytes;
};

struct answers *answers_new(void)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	CHECK(answers != NULL);
	answers->magic = ANSWERS_MAGIC;
	pthread_mutex_init(&answers->lock, NULL);
	list_init(&answers->used);
	return answers;
}

void answer_unref(struct answer *answer)
{
	struct kept_answer *kept = (struct kept_answer *)(void *)answer;

	if (answer != NULL && atomic_fetch_sub(&kept->references, 1) == 1)
		arena_free(kept->arena);
}

/* The lock is held. */
static void forget(struct answers *answers, struct kept_answer *kept)
{
	(void)map_remove(&answers->by_key, kept->answer.key);
	list_remove(&kept->link);
	answers->bytes -= kept->bytes;
	answer_unref(&kept->answer);
}

void answers_free(struct answers *answers)
{
	struct list *link;

	if (answers == NULL)
		return;
	CHECK_OBJ(answers, ANSWERS_MAGIC);
	while ((link = list_pop(&answers->used)) != NULL)
		answer_unref(&LIST_OBJ(link, struct kept_answer, link)->answer);
	map_free(&answers->by_key);
	pthread_mutex_destroy(&answers->lock);
	answers->magic = 0;
	free(answers);
}

struct answer *answers_find(struct answers *answers, struct str key)
{
	struct kept_answer *kept;

	pthread_mutex_lock(&answers->lock);
	kept = map_get(&answers->by_key, key);
	if (kept != NULL) {
		atomic_fetch_add(&kept->references, 1);
		list_remove(&kept->link);
		list_add_head(&answers->used, &kept->link);
	}
	pthread_mutex_unlock(&answers->lock);
	return kept == NULL ? NULL : &kept->answer;
}

static struct str copy(struct kept_answer *kept, struct str text)
{
	return arena_str(kept->arena, text.p == NULL ? STR("") : text);
}

static struct kept_answer *copy_of(const struct answer *answer, size_t bytes)
{
	struct arena *arena = arena_new(2 * bytes + 64 * 1024);
	struct kept_answer *kept = ARENA_NEW(arena, struct kept_answer);

	kept->arena = arena;
	kept->bytes = bytes;
	atomic_init(&kept->references, 1);
	kept->answer = (struct answer){
		.key = copy(kept, answer->key),
		.head = copy(kept, answer->head),
		.tail = copy(kept, answer->tail),
		.svg = copy(kept, answer->svg),
		.place = {copy(kept, answer->place.tenant_id), copy(kept, answer->place.upstream),
			  copy(kept, answer->place.account), copy(kept, answer->place.holder)},
		.platform = answer->platform,
		.source_count = answer->source_count,
		.fetched_ms = answer->fetched_ms,
		.fresh_until_ms = answer->fresh_until_ms,
		.epoch = answer->epoch,
	};
	for (size_t i = 0; i < answer->source_count; i++) {
		const struct metric_key *key = &answer->sources[i].key;

		kept->answer.sources[i] = (struct answer_source){
			.key = {copy(kept, key->tenant_id), copy(kept, key->platform), copy(kept, key->upstream),
				copy(kept, key->account), copy(kept, key->holder), copy(kept, key->ad_account),
				copy(kept, key->report), copy(kept, key->range)},
			.fetched_ms = answer->sources[i].fetched_ms,
		};
	}
	atomic_init(&kept->answer.looked_ms, atomic_load(&answer->looked_ms));
	return kept;
}

void answers_keep(struct answers *answers, const struct answer *answer)
{
	size_t bytes = sizeof(struct kept_answer) + answer->key.n + answer->head.n + answer->tail.n + answer->svg.n;
	struct kept_answer *kept, *old;

	if (bytes > ANSWER_BYTES_MAX)
		return;
	kept = copy_of(answer, bytes);
	pthread_mutex_lock(&answers->lock);
	old = map_get(&answers->by_key, answer->key);
	if (old != NULL)
		forget(answers, old);
	while (answers->by_key.used >= ANSWERS_MAX || answers->bytes + bytes > ANSWERS_BYTES_MAX)
		forget(answers, LIST_OBJ(answers->used.prev, struct kept_answer, link));
	map_put(&answers->by_key, kept->answer.key, kept);
	list_add_head(&answers->used, &kept->link);
	answers->bytes += bytes;
	pthread_mutex_unlock(&answers->lock);
}

void answers_drop(struct answers *answers, struct answer *answer)
{
	pthread_mutex_lock(&answers->lock);
	if (map_get(&answers->by_key, answer->key) == answer) /* else another has taken its place */
		forget(answers, (struct kept_answer *)(void *)answer);
	pthread_mutex_unlock(&answers->lock);
}

uint64_t answers_bytes(struct answers *answers)
{
	uint64_t bytes;

	pthread_mutex_lock(&answers->lock);
	bytes = answers->bytes;
	pthread_mutex_unlock(&answers->lock);
	return bytes;
}
