/* Equality of JSON values as const, enum and uniqueItems mean it, and finding equal items. Numbers
 * are equal by value, objects whatever the order of their members. Small arrays are compared pair
 * by pair; larger ones are hashed first, so that only likely pairs are compared. */
#include "schema/schema_run.h"

#define UNIQUE_PAIRS_MAX 16 /* items up to which comparing all pairs is cheaper than hashing */
#define EQUAL_DEPTH_MAX 256 /* more than json_read lets a document nest */

static enum err equal_at(struct run *run, yyjson_val *a, yyjson_val *b, unsigned depth, bool *ret_equal);

static LEAF bool numbers_equal(yyjson_val *a, yyjson_val *b)
{
	char scratch_a[NUMBER_SCRATCH_BYTES], scratch_b[NUMBER_SCRATCH_BYTES];
	struct decimal x, y;
	struct str p, q;

	if (!number_lexeme(a, scratch_a, &p) || !number_lexeme(b, scratch_b, &q))
		return false;
	if (str_eq(p, q))
		return true;
	x = decimal_of(p);
	y = decimal_of(q);
	return decimal_cmp(&x, &y) == 0;
}

static LEAF enum err arrays_equal(struct run *run, yyjson_val *a, yyjson_val *b, unsigned depth, bool *ret_equal)
{
	yyjson_val *q = unsafe_yyjson_get_first(b), *p;
	size_t i, max;

	yyjson_arr_foreach(a, i, max, p)
	{
		TRY(equal_at(run, p, q, depth, ret_equal));
		if (!*ret_equal)
			return OK;
		q = unsafe_yyjson_get_next(q);
	}
	return OK;
}

static LEAF enum err objects_equal(struct run *run, yyjson_val *a, yyjson_val *b, unsigned depth, bool *ret_equal)
{
	yyjson_obj_iter iter = yyjson_obj_iter_with(b);
	size_t i, max;
	yyjson_val *key, *p;

	yyjson_obj_foreach(a, i, max, key, p)
	{
		size_t before = iter.idx;
		/* goes on from the last hit: members in the same order are found at once */
		yyjson_val *q = yyjson_obj_iter_getn(&iter, unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key));
		size_t walked = q != NULL && iter.idx > before ? iter.idx - before : max;

		TRY(run_steps(run, walked / 8));
		*ret_equal = q != NULL;
		if (q == NULL)
			return OK;
		TRY(equal_at(run, p, q, depth, ret_equal));
		if (!*ret_equal)
			return OK;
	}
	return OK;
}

static enum err equal_at(struct run *run, yyjson_val *a, yyjson_val *b, unsigned depth, bool *ret_equal)
{
	bool numbers = types_accept(TYPE_NUMBER, a) && types_accept(TYPE_NUMBER, b);

	TRY(run_steps(run, 1));
	if (depth > EQUAL_DEPTH_MAX)
		return ERR_LIMIT;
	*ret_equal = numbers || yyjson_get_type(a) == yyjson_get_type(b);
	if (!*ret_equal)
		return OK;
	switch (yyjson_get_type(a)) {
	case YYJSON_TYPE_STR:
		*ret_equal = str_eq(json_str(a), json_str(b));
		break;
	case YYJSON_TYPE_BOOL:
		*ret_equal = yyjson_get_bool(a) == yyjson_get_bool(b);
		break;
	case YYJSON_TYPE_ARR:
	case YYJSON_TYPE_OBJ:
		*ret_equal = unsafe_yyjson_get_len(a) == unsafe_yyjson_get_len(b);
		if (!*ret_equal)
			return OK;
		return yyjson_is_arr(a) ? arrays_equal(run, a, b, depth + 1, ret_equal)
					: objects_equal(run, a, b, depth + 1, ret_equal);
	default:
		*ret_equal = !numbers || numbers_equal(a, b);
	}
	return OK;
}

enum err values_equal(struct run *run, yyjson_val *a, yyjson_val *b, bool *ret_equal)
{
	return equal_at(run, a, b, 0, ret_equal);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b) * UINT64_C(0x9E3779B97F4A7C15);

	return (x ^ x >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
}

static enum err hash_at(struct run *run, yyjson_val *v, unsigned depth, uint64_t *ret_hash)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	uint64_t hash = yyjson_get_tag(v), inner;
	struct str lexeme;
	size_t i, max;
	yyjson_val *key, *item;

	TRY(run_steps(run, 1));
	if (depth > EQUAL_DEPTH_MAX)
		return ERR_LIMIT;
	if (number_lexeme(v, scratch, &lexeme)) {
		hash = number_hash(lexeme);
	} else if (yyjson_is_str(v)) {
		hash = str_hash(json_str(v));
	} else if (yyjson_is_arr(v)) {
		yyjson_arr_foreach(v, i, max, item)
		{
			TRY(hash_at(run, item, depth + 1, &inner));
			hash = mix(hash, inner);
		}
	} else if (yyjson_is_obj(v)) {
		/* a sum, so that the order of members does not matter */
		yyjson_obj_foreach(v, i, max, key, item)
		{
			TRY(hash_at(run, item, depth + 1, &inner));
			hash += mix(str_hash(json_str(key)), inner);
		}
	}
	*ret_hash = hash;
	return OK;
}

static enum err unique_by_pairs(struct run *run, yyjson_val *array, size_t *ret_first, size_t *ret_second)
{
	size_t i, k, max_i, max_k;
	yyjson_val *a, *b;

	yyjson_arr_foreach(array, i, max_i, a)
	{
		yyjson_arr_foreach(array, k, max_k, b)
		{
			bool equal;

			if (k >= i)
				break;
			TRY(values_equal(run, a, b, &equal));
			if (equal) {
				*ret_first = k;
				*ret_second = i;
				return OK;
			}
		}
	}
	return OK;
}

struct hashed_item {
	yyjson_val *item; /* NULL: free */
	uint64_t hash;
	size_t index;
};

/* Put an item into the table; *ret_equal is the one it equals, NULL for none. */
static enum err table_put(struct run *run, struct hashed_item *table, size_t mask, struct hashed_item row,
			  const struct hashed_item **ret_equal)
{
	size_t at = row.hash & mask;

	for (; table[at].item != NULL; at = (at + 1) & mask) {
		bool equal = false;

		TRY(run_steps(run, 1));
		if (table[at].hash == row.hash)
			TRY(values_equal(run, table[at].item, row.item, &equal));
		if (equal) {
			*ret_equal = &table[at];
			return OK;
		}
	}
	table[at] = row;
	*ret_equal = NULL;
	return OK;
}

static enum err unique_by_hash(struct run *run, yyjson_val *array, size_t *ret_first, size_t *ret_second)
{
	size_t count = yyjson_arr_size(array), cap = 1, i, max;
	const struct hashed_item *equal;
	struct hashed_item *table;
	yyjson_val *item;

	TRY(run_steps(run, count));
	while (cap < count * 2)
		cap *= 2;
	table = arena_try_alloc(run->arena, cap * sizeof(*table));
	if (table == NULL)
		return ERR_LIMIT;
	memset(table, 0, cap * sizeof(*table));
	yyjson_arr_foreach(array, i, max, item)
	{
		struct hashed_item row = {.item = item, .index = i};

		TRY(hash_at(run, item, 0, &row.hash));
		TRY(table_put(run, table, cap - 1, row, &equal));
		if (equal != NULL) {
			*ret_first = equal->index;
			*ret_second = i;
			return OK;
		}
	}
	return OK;
}

enum err items_unique(struct run *run, yyjson_val *array, size_t *ret_first, size_t *ret_second)
{
	*ret_first = *ret_second = 0;
	if (yyjson_arr_size(array) <= UNIQUE_PAIRS_MAX)
		return unique_by_pairs(run, array, ret_first, ret_second);
	return unique_by_hash(run, array, ret_first, ret_second);
}
