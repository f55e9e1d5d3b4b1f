/* A map over a list by age, under one lock that is held for a look-up only: copies are made outside it, from counted
 * blobs. A life that has ended is noticed when the value is asked for or comes to be the oldest. */
#include "state/values.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

#define VALUES_MAGIC 0x76616c75u /* "valu" */

struct entry {
	struct list by_age;
	struct str key; /* behind the struct */
	struct blob *value;
	int64_t ends_ms;
};

struct values {
	uint32_t magic;
	size_t bytes_max;
	pthread_mutex_t lock; /* guards the rest */
	struct map by_key;
	struct list by_age; /* the oldest first */
	size_t bytes;
};

struct values *values_new(size_t bytes_max)
{
	struct values *values = calloc(1, sizeof(*values));

	CHECK(values != NULL);
	values->magic = VALUES_MAGIC;
	values->bytes_max = bytes_max;
	list_init(&values->by_age);
	CHECK(pthread_mutex_init(&values->lock, NULL) == 0);
	return values;
}

static size_t entry_bytes(const struct entry *entry)
{
	return sizeof(*entry) + entry->key.n + sizeof(struct blob) + entry->value->str.n;
}

static void entry_drop(struct values *values, struct entry *entry)
{
	values->bytes -= entry_bytes(entry);
	(void)map_remove(&values->by_key, entry->key);
	list_remove(&entry->by_age);
	blob_unref(entry->value);
	free(entry);
}

static void make_room(struct values *values, size_t bytes)
{
	while (!list_empty(&values->by_age) && values->bytes + bytes > values->bytes_max)
		entry_drop(values, LIST_OBJ(values->by_age.next, struct entry, by_age));
}

void values_free(struct values *values)
{
	if (values == NULL)
		return;
	CHECK_OBJ(values, VALUES_MAGIC);
	make_room(values, values->bytes_max + 1);
	map_free(&values->by_key);
	(void)pthread_mutex_destroy(&values->lock);
	values->magic = 0;
	free(values);
}

static void lock(struct values *values)
{
	CHECK_OBJ(values, VALUES_MAGIC);
	CHECK(pthread_mutex_lock(&values->lock) == 0);
}

static void unlock(struct values *values)
{
	CHECK(pthread_mutex_unlock(&values->lock) == 0);
}

/* The live entry, or NULL. */
static struct entry *find(struct values *values, struct str key)
{
	struct entry *entry = map_get(&values->by_key, key);

	if (entry == NULL || entry->ends_ms > clock_ms())
		return entry;
	entry_drop(values, entry);
	return NULL;
}

static struct entry *entry_new(struct str key, struct str value, int64_t life_ms)
{
	struct entry *entry = malloc(sizeof(*entry) + key.n);

	CHECK(entry != NULL);
	*entry = (struct entry){
		.key = {(char *)(entry + 1), key.n},
		.value = blob_new(value),
		.ends_ms = clock_ms() + life_ms,
	};
	list_init(&entry->by_age);
	memcpy(entry + 1, key.p, key.n);
	return entry;
}

/* In place of the one that was there. */
static void enter(struct values *values, struct entry *entry)
{
	struct entry *before = map_get(&values->by_key, entry->key);

	if (before != NULL)
		entry_drop(values, before);
	make_room(values, entry_bytes(entry));
	values->bytes += entry_bytes(entry);
	(void)map_put(&values->by_key, entry->key, entry);
	list_add_tail(&values->by_age, &entry->by_age);
}

enum err values_put(struct values *values, struct str key, struct str value, int64_t life_ms)
{
	struct entry *entry;

	if (sizeof(*entry) + key.n + sizeof(struct blob) + value.n > values->bytes_max)
		return ERR_LIMIT;
	entry = entry_new(key, value, life_ms);
	lock(values);
	enter(values, entry);
	unlock(values);
	return OK;
}

static enum err take_copy(struct values *values, struct arena *arena, struct str key, bool drop, struct str *ret_value)
{
	AUTO(blob) *value = NULL;
	struct entry *entry;
	char *copy;

	lock(values);
	entry = find(values, key);
	if (entry != NULL)
		value = blob_ref(entry->value);
	if (entry != NULL && drop)
		entry_drop(values, entry);
	unlock(values);
	if (value == NULL) {
		*ret_value = STR_NONE;
		return OK;
	}
	copy = arena_try_alloc(arena, value->str.n + 1);
	if (copy == NULL)
		return ERR_LIMIT;
	memcpy(copy, value->str.p, value->str.n);
	*ret_value = (struct str){copy, value->str.n};
	return OK;
}

enum err values_get(struct values *values, struct arena *arena, struct str key, struct str *ret_value)
{
	return take_copy(values, arena, key, false, ret_value);
}

enum err values_claim(struct values *values, struct arena *arena, struct str key, struct str *ret_value)
{
	return take_copy(values, arena, key, true, ret_value);
}

void values_drop(struct values *values, struct str key)
{
	struct entry *entry;

	lock(values);
	entry = find(values, key);
	if (entry != NULL)
		entry_drop(values, entry);
	unlock(values);
}

bool values_lease(struct values *values, struct str key, uint64_t holder, int64_t life_ms)
{
	struct entry *fresh = entry_new(key, (struct str){(const char *)&holder, sizeof(holder)}, life_ms), *before;
	bool held;

	lock(values);
	before = find(values, key);
	held = before == NULL || str_eq(before->value->str, fresh->value->str);
	if (held)
		enter(values, fresh);
	unlock(values);
	if (!held) {
		blob_unref(fresh->value);
		free(fresh);
	}
	return held;
}

void values_lease_end(struct values *values, struct str key, uint64_t holder)
{
	struct entry *entry;

	lock(values);
	entry = find(values, key);
	if (entry != NULL && str_eq(entry->value->str, (struct str){(const char *)&holder, sizeof(holder)}))
		entry_drop(values, entry);
	unlock(values);
}
