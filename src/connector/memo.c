/* What steps captured for an account, to be used by its next calls. The key is a digest of all that the step's request
 * depended on, the secret included, so a renewed token finds nothing old. Entries may hold tokens: wiped when they go.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "connector/runner.h"

struct memo {
	struct list link; /* oldest first */
	int64_t until_ms; /* on clock_ms() */
	uint8_t key[MEMO_KEY_BYTES];
	uint64_t account; /* its hash: one too many is forgotten at worst */
	size_t n;
	char text[];
};

struct memos {
	pthread_mutex_t lock;
	struct map map;
	struct list all;
};

struct memos *memos_new(void)
{
	struct memos *memos = calloc(1, sizeof(*memos));

	CHECK(memos != NULL);
	pthread_mutex_init(&memos->lock, NULL);
	list_init(&memos->all);
	return memos;
}

static struct str key_str(const uint8_t key[MEMO_KEY_BYTES])
{
	return (struct str){(const char *)key, MEMO_KEY_BYTES};
}

static void memo_drop(struct memos *memos, struct memo *memo)
{
	map_remove(&memos->map, key_str(memo->key));
	list_remove(&memo->link);
	crypto_wipe(memo->text, memo->n);
	free(memo);
}

void memos_free(struct memos *memos)
{
	if (memos == NULL)
		return;
	while (!list_empty(&memos->all))
		memo_drop(memos, LIST_OBJ(memos->all.next, struct memo, link));
	map_free(&memos->map);
	pthread_mutex_destroy(&memos->lock);
	free(memos);
}

bool memos_get(struct memos *memos, const uint8_t key[MEMO_KEY_BYTES], struct buf *out)
{
	struct memo *memo;
	bool found = false;

	pthread_mutex_lock(&memos->lock);
	memo = map_get(&memos->map, key_str(key));
	if (memo != NULL && memo->until_ms <= clock_ms()) {
		memo_drop(memos, memo);
	} else if (memo != NULL) {
		buf_put(out, (struct str){memo->text, memo->n});
		found = true;
	}
	pthread_mutex_unlock(&memos->lock);
	return found;
}

void memos_put(struct memos *memos, const uint8_t key[MEMO_KEY_BYTES], struct str account, struct str text, int64_t ms)
{
	struct memo *memo, *old;

	if (text.n > MEMO_BYTES_MAX)
		return;
	memo = calloc(1, sizeof(*memo) + text.n);
	CHECK(memo != NULL);
	memo->until_ms = clock_ms() + ms;
	memo->account = str_hash(account);
	memo->n = text.n;
	memcpy(memo->key, key, MEMO_KEY_BYTES);
	memcpy(memo->text, text.p, text.n);
	pthread_mutex_lock(&memos->lock);
	old = map_get(&memos->map, key_str(key));
	if (old == NULL && memos->map.used >= MEMOS_MAX)
		old = LIST_OBJ(memos->all.next, struct memo, link);
	if (old != NULL)
		memo_drop(memos, old);
	list_add_tail(&memos->all, &memo->link);
	map_put(&memos->map, key_str(memo->key), memo);
	pthread_mutex_unlock(&memos->lock);
}

void memos_forget(struct memos *memos, struct str account)
{
	uint64_t hash = str_hash(account);

	pthread_mutex_lock(&memos->lock);
	for (struct list *link = memos->all.next, *next; link != &memos->all; link = next) {
		struct memo *memo = LIST_OBJ(link, struct memo, link);

		next = link->next;
		if (memo->account == hash)
			memo_drop(memos, memo);
	}
	pthread_mutex_unlock(&memos->lock);
}
