/* Where keys live: slots on pages of their own, locked against swap, left out of core files,
 * wiped when freed. The HMAC state made from a key lies beside it on the same page.
 *
 * Pages are taken as needed and kept. A refused mlock (RLIMIT_MEMLOCK) is tolerated: the key
 * then may be swapped, which an operator can rule out by raising the limit. */
#include "base/secret.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"

/* Process-wide by nature: locked pages are few. Secrets are made rarely, so one lock does. */
static struct {
	pthread_mutex_t lock;
	struct secret *idle;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One more page of free slots. */
static void pool_grow(void)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct secret *slots = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(slots != MAP_FAILED);
	(void)mlock(slots, page_bytes);
	(void)madvise(slots, page_bytes, MADV_DONTDUMP);
	for (size_t i = 0; i < page_bytes / sizeof(*slots); i++) {
		slots[i].free_next = pool.idle;
		pool.idle = &slots[i];
	}
}

static struct secret *pool_take(void)
{
	struct secret *secret;

	CHECK(pthread_mutex_lock(&pool.lock) == 0);
	if (pool.idle == NULL)
		pool_grow();
	secret = pool.idle;
	pool.idle = secret->free_next;
	CHECK(pthread_mutex_unlock(&pool.lock) == 0);
	return secret;
}

struct secret *secret_new(uint8_t bytes[CRYPTO_KEY_BYTES])
{
	struct secret *secret = pool_take();

	*secret = (struct secret){.magic = SECRET_MAGIC};
	memcpy(secret->bytes, bytes, CRYPTO_KEY_BYTES);
	crypto_wipe(bytes, CRYPTO_KEY_BYTES);
	mac_key_init(&secret->mac, (struct str){(const char *)secret->bytes, CRYPTO_KEY_BYTES});
	return secret;
}

struct secret *secret_random(void)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	random_bytes(bytes, sizeof(bytes));
	return secret_new(bytes);
}

struct secret *secret_derive(const struct secret *master, struct str purpose)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	CHECK_OBJ(master, SECRET_MAGIC);
	hkdf_sha256((struct str){(const char *)master->bytes, CRYPTO_KEY_BYTES}, STR_NONE, purpose, bytes);
	return secret_new(bytes);
}

const uint8_t *secret_bytes(const struct secret *secret)
{
	CHECK_OBJ(secret, SECRET_MAGIC);
	return secret->bytes;
}

void secret_free(struct secret *secret)
{
	if (secret == NULL)
		return;
	CHECK_OBJ(secret, SECRET_MAGIC);
	crypto_wipe(secret, sizeof(*secret));
	CHECK(pthread_mutex_lock(&pool.lock) == 0);
	secret->free_next = pool.idle;
	pool.idle = secret;
	CHECK(pthread_mutex_unlock(&pool.lock) == 0);
}
