/* Random bytes and ids. Each thread draws half a kilobyte from the kernel at a time and wipes
 * what it hands out, so that a later leak of the pool says nothing about bytes already used.
 *
 * A forked child would repeat its parent's bytes: its pool is emptied at the fork. */
#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/crypto.h"

#define RANDOM_POOL_BYTES 512 /* some fifty ids a system call */

/* Per thread: sharing one would need a lock on every request. */
static _Thread_local struct {
	uint8_t bytes[RANDOM_POOL_BYTES];
	size_t left; /* unused bytes, at the front */
} pool;

static void pool_empty(void)
{
	crypto_wipe(pool.bytes, sizeof(pool.bytes));
	pool.left = 0;
}

__attribute__((constructor)) static void pool_watch_forks(void)
{
	CHECK(pthread_atfork(NULL, NULL, pool_empty) == 0);
}

static void kernel_bytes(uint8_t *out, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(out, n, 0);

		CHECK(got > 0 || errno == EINTR);
		if (got > 0) {
			out += got;
			n -= (size_t)got;
		}
	}
}

void random_bytes(void *out, size_t n)
{
	if (n > RANDOM_POOL_BYTES / 4) {
		kernel_bytes(out, n);
		return;
	}
	if (pool.left < n) {
		kernel_bytes(pool.bytes, sizeof(pool.bytes));
		pool.left = sizeof(pool.bytes);
	}
	pool.left -= n;
	memcpy(out, pool.bytes + pool.left, n);
	crypto_wipe(pool.bytes + pool.left, n);
}

void random_text_put(struct buf *out, size_t n)
{
	uint8_t bytes[RANDOM_TEXT_BYTES_MAX];

	CHECK(n <= sizeof(bytes));
	random_bytes(bytes, n);
	base64url_put(out, bytes, n);
	crypto_wipe(bytes, n);
}

/* Crockford's alphabet: no I, L, O, U, in ascending ASCII order, so ids sort as their bits. */
static char *put_base32(char *out, uint64_t bits, int chars)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	for (int i = chars - 1; i >= 0; i--) {
		out[i] = alphabet[bits & 31];
		bits >>= 5;
	}
	return out + chars;
}

/* 10 characters hold the 48 bits of time, twice 8 take 40 random bits each. */
void random_id_at(int64_t wall_ms, char out[ID_LEN + 1])
{
	uint64_t random[2];
	char *p;

	random_bytes(random, sizeof(random));
	p = put_base32(out, (uint64_t)wall_ms & 0xFFFFFFFFFFFF, 10);
	p = put_base32(p, random[0], 8);
	p = put_base32(p, random[1], 8);
	*p = '\0';
}

void random_id(char out[ID_LEN + 1])
{
	random_id_at(clock_wall_ms(), out);
}
