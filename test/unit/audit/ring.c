/* The ring: bounds in rows and bytes, wrapping, starting over, going back after a failure, and
 * two threads at its ends. */
#include "../unit.h"

#include <pthread.h>

#include "audit/ring.h"
#include "base/limits.h"

static char text[CHAIN_STRING_BYTES_MAX];

/* A row that can be told from others: number `n`, with eight strings of n-dependent lengths. */
static struct chain_body body_of(int64_t n, size_t length_max)
{
	struct chain_body body = {.at_ms = n, .bytes_in = -n};

	for (size_t i = 0; i < CHAIN_STRINGS; i++)
		body.strings[i] = (struct str){text, (size_t)(n * 31 + (int64_t)i * 7) % (length_max + 1)};
	return body;
}

/* The next row is `n`, whole. Compares by hand: Check notes each assertion in a file. */
static bool is_next(struct ring *ring, int64_t n, size_t length_max)
{
	struct chain_body want = body_of(n, length_max), got;
	uint8_t encoded[CHAIN_BODY_BYTES_MAX];
	struct ring_row row;

	if (!ring_drain(ring, &row))
		return false;
	chain_decode(row.head + CHAIN_HEAD_BYTES, &got);
	memset(row.head, 0xee, CHAIN_HEAD_BYTES); /* as chain_link writes there */
	if (got.at_ms != n || got.bytes_in != -n || chain_encode(&want, encoded) != row.body_bytes ||
	    memcmp(encoded, row.head + CHAIN_HEAD_BYTES, row.body_bytes) != 0)
		ck_abort_msg("row %lld is %lld", (long long)n, (long long)got.at_ms);
	return true;
}

static bool put(struct ring *ring, int64_t n, size_t length_max)
{
	struct chain_body body = body_of(n, length_max);

	return ring_put(ring, &body);
}

static void fill_text(void)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
}

START_TEST(rows_are_bounded)
{
	struct ring *ring = ring_new(NULL);
	int64_t n = 0;

	fill_text();
	while (put(ring, n, 8))
		n++;
	ck_assert_int_eq(n, AUDIT_RING_ROWS);
	ck_assert_uint_eq(ring_waiting(ring), AUDIT_RING_ROWS);
	ck_assert(is_next(ring, 0, 8));
	ck_assert(!put(ring, n, 8)); /* drained is not committed */
	ring_commit(ring);
	ck_assert(put(ring, n, 8));
	ck_assert(!put(ring, n + 1, 8));
	for (int64_t i = 1; i <= n; i++)
		ck_assert(is_next(ring, i, 8));
	ck_assert(!is_next(ring, 0, 8));
	ring_commit(ring);
	ck_assert_uint_eq(ring_waiting(ring), 0);
	ring_free(ring);
}
END_TEST

START_TEST(bytes_are_bounded)
{
	struct ring *ring = ring_new(NULL);
	int64_t put_count = 0, taken = 0;

	fill_text();
	for (int round = 0; round < 50; round++) { /* full each time, at other places */
		while (put(ring, put_count, CHAIN_STRING_BYTES_MAX))
			put_count++;
		ck_assert_int_ge(put_count - taken, 900);
		ck_assert_int_lt(put_count - taken, AUDIT_RING_ROWS);
		for (int i = 0; i < 100 + 37 * round % 700; i++)
			ck_assert(is_next(ring, taken++, CHAIN_STRING_BYTES_MAX));
		ring_commit(ring);
	}
	while (taken < put_count)
		ck_assert(is_next(ring, taken++, CHAIN_STRING_BYTES_MAX));
	ring_commit(ring);
	ring_free(ring);
}
END_TEST

START_TEST(failure_goes_back)
{
	struct ring *ring = ring_new(NULL);
	int64_t put_count = 0, taken = 0;

	fill_text();
	for (int round = 0; round < 3000; round++) {
		for (int i = 0; i < round % 7; i++)
			ck_assert(put(ring, put_count++, 200));
		for (int again = 0; again < 2; again++) {
			int64_t at = taken;

			while (at < put_count && at < taken + 5)
				ck_assert(is_next(ring, at++, 200));
			if (again == 0)
				ring_rewind(ring);
			else
				taken = at;
		}
		ring_commit(ring);
		ck_assert_uint_eq(ring_waiting(ring), (uint64_t)(put_count - taken));
	}
	ring_free(ring);
}
END_TEST

START_TEST(empty_ring_keeps_to_its_first_pages)
{
	struct ring *ring = ring_new(NULL);

	for (int64_t n = 0; n < 20000; n++) {
		ck_assert(put(ring, n, 100));
		ck_assert(is_next(ring, n, 100));
		ring_commit(ring);
		ck_assert_uint_lt(ring->write_at, 80 * 1024);
	}
	ring_free(ring);
}
END_TEST

#define MANY 300000

static void *producer(void *arg)
{
	struct ring *ring = arg;

	for (int64_t n = 0; n < MANY; n++) {
		while (!put(ring, n, (size_t)(n / 1000 % 120)))
			(void)sched_yield();
	}
	return NULL;
}

START_TEST(two_threads)
{
	struct ring *ring = ring_new(NULL);
	pthread_t thread;
	int64_t taken = 0;

	fill_text();
	ck_assert_int_eq(pthread_create(&thread, NULL, producer, ring), 0);
	while (taken < MANY) {
		int64_t before = taken;

		while (taken < before + 300 && is_next(ring, taken, (size_t)(taken / 1000 % 120)))
			taken++;
		if (taken % 5 == 0 && taken > before) {
			ring_rewind(ring);
			taken = before;
			while (taken < before + 100 && is_next(ring, taken, (size_t)(taken / 1000 % 120)))
				taken++;
		}
		ring_commit(ring);
		if (taken == before)
			(void)sched_yield();
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(ring_committed(ring), MANY);
	ring_free(ring);
}
END_TEST

UNIT_MAIN("ring", rows_are_bounded, bytes_are_bounded, failure_goes_back, empty_ring_keeps_to_its_first_pages,
	  two_threads)
