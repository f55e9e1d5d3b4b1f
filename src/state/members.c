/* A few rows under a lock: without a shared backend the only member of a set is this process itself, so nothing here
 * is made to be fast.
 *
 * A row whose life has ended is free; nobody sweeps. */
#include "state/members.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

#define MEMBERS_MAGIC 0x6d656d62u /* "memb" */

struct row {
	struct buf set, words;
	uint64_t id;
	int64_t ends_ms; /* 0: a free row */
};

struct members {
	uint32_t magic;
	pthread_mutex_t lock; /* guards the rows */
	struct row rows[STATE_MEMBERS_MAX];
};

struct members *members_new(void)
{
	struct members *members = calloc(1, sizeof(*members));

	CHECK(members != NULL);
	members->magic = MEMBERS_MAGIC;
	CHECK(pthread_mutex_init(&members->lock, NULL) == 0);
	return members;
}

static void row_clear(struct row *row)
{
	buf_free(&row->set);
	buf_free(&row->words);
	row->ends_ms = 0;
}

void members_free(struct members *members)
{
	if (members == NULL)
		return;
	CHECK_OBJ(members, MEMBERS_MAGIC);
	for (size_t i = 0; i < STATE_MEMBERS_MAX; i++)
		row_clear(&members->rows[i]);
	(void)pthread_mutex_destroy(&members->lock);
	members->magic = 0;
	free(members);
}

/* That of the member, else (if `or_free`) one that is free by now, else NULL. */
static struct row *find(struct members *members, struct str set, uint64_t id, bool or_free)
{
	struct row *unused = NULL;

	for (size_t i = 0; i < STATE_MEMBERS_MAX; i++) {
		struct row *row = &members->rows[i];

		if (row->ends_ms <= clock_ms())
			unused = row;
		else if (row->id == id && str_eq(buf_str(&row->set), set))
			return row;
	}
	return or_free ? unused : NULL;
}

enum err members_join(struct members *members, struct str set, const struct state_member *member, int64_t life_ms)
{
	struct row *row;

	CHECK_OBJ(members, MEMBERS_MAGIC);
	CHECK(pthread_mutex_lock(&members->lock) == 0);
	row = find(members, set, member->id, true);
	if (row != NULL) {
		row_clear(row);
		buf_put(&row->set, set);
		buf_put(&row->words, member->words);
		row->id = member->id;
		row->ends_ms = clock_ms() + life_ms;
	}
	CHECK(pthread_mutex_unlock(&members->lock) == 0);
	return row == NULL ? ERR_LIMIT : OK;
}

void members_leave(struct members *members, struct str set, uint64_t id)
{
	struct row *row;

	CHECK_OBJ(members, MEMBERS_MAGIC);
	CHECK(pthread_mutex_lock(&members->lock) == 0);
	row = find(members, set, id, false);
	if (row != NULL)
		row_clear(row);
	CHECK(pthread_mutex_unlock(&members->lock) == 0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct state_member *)a)->id, y = ((const struct state_member *)b)->id;

	return x < y ? -1 : x > y;
}

void members_sort(struct state_member *members, size_t count)
{
	if (count > 1)
		qsort(members, count, sizeof(members[0]), compare);
}

size_t members_list(struct members *members, struct arena *arena, struct str set, struct state_member **ret_members)
{
	struct state_member *list;
	int64_t now_ms = clock_ms();
	size_t count = 0, living = 0;

	CHECK_OBJ(members, MEMBERS_MAGIC);
	CHECK(pthread_mutex_lock(&members->lock) == 0);
	for (size_t i = 0; i < STATE_MEMBERS_MAX; i++)
		living += members->rows[i].ends_ms > now_ms;
	list = arena_alloc(arena, (living + 1) * sizeof(*list));
	for (size_t i = 0; i < STATE_MEMBERS_MAX; i++) {
		const struct row *row = &members->rows[i];

		if (row->ends_ms > now_ms && str_eq(buf_str(&row->set), set))
			list[count++] = (struct state_member){row->id, arena_str(arena, buf_str(&row->words))};
	}
	CHECK(pthread_mutex_unlock(&members->lock) == 0);
	members_sort(list, count);
	*ret_members = list;
	return count;
}
