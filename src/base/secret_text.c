/* Where secret texts live: slots of a few sizes on locked pages, left out of core files, wiped when freed.
 *
 * Slots are cut from slabs, since a page for each password would soon use up what a process may lock
 * (RLIMIT_MEMLOCK). Slabs are taken as needed and kept; a text larger than the largest slot has a mapping of its
 * own. A refused mlock is tolerated, as in secret.c. */
#include "base/secret_text.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/random.h"

#define SECRET_TEXT_MAGIC 0x73637478u
#define SLAB_BYTES 16384 /* a whole number of pages wherever we run, and of the largest slots */

struct secret_text {
	uint32_t magic;
	atomic_uint refs;
	size_t n;
	size_t slot_bytes;	       /* of the slot or mapping, this head included */
	struct secret_text *free_next; /* while idle */
	char bytes[];
};

/* API keys and passwords; OAuth tokens; tokens of providers that put claims into them. */
static const size_t slot_sizes[] = {256, 1024, 4096};

static_assert(SLAB_BYTES % 4096 == 0, "slots must not straddle slabs");

/* Process-wide by nature: locked pages are few. The lock is held for a few instructions. */
static struct {
	pthread_mutex_t lock;
	struct secret_text *idle[ARRAY_LEN(slot_sizes)];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *locked_pages(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED);
	(void)mlock(pages, bytes);
	(void)madvise(pages, bytes, MADV_DONTDUMP);
	return pages;
}

/* The class whose slots hold `bytes`, or ARRAY_LEN(slot_sizes). */
static size_t class_of(size_t bytes)
{
	size_t i = 0;

	while (i < ARRAY_LEN(slot_sizes) && slot_sizes[i] < bytes)
		i++;
	return i;
}

static void pool_grow(size_t class)
{
	char *slab = locked_pages(SLAB_BYTES);

	for (size_t at = 0; at < SLAB_BYTES; at += slot_sizes[class]) {
		struct secret_text *slot = (struct secret_text *)(slab + at);

		slot->free_next = pool.idle[class];
		pool.idle[class] = slot;
	}
}

static struct secret_text *pool_take(size_t class)
{
	struct secret_text *slot;

	CHECK(pthread_mutex_lock(&pool.lock) == 0);
	if (pool.idle[class] == NULL)
		pool_grow(class);
	slot = pool.idle[class];
	pool.idle[class] = slot->free_next;
	CHECK(pthread_mutex_unlock(&pool.lock) == 0);
	return slot;
}

static void pool_give(struct secret_text *slot, size_t class)
{
	CHECK(pthread_mutex_lock(&pool.lock) == 0);
	slot->free_next = pool.idle[class];
	pool.idle[class] = slot;
	CHECK(pthread_mutex_unlock(&pool.lock) == 0);
}

struct secret_text *secret_text_room(size_t n, char **ret_p)
{
	size_t slot_bytes = sizeof(struct secret_text) + n, class;
	struct secret_text *text;

	CHECK(n <= SECRET_TEXT_BYTES_MAX);
	class = class_of(slot_bytes);
	if (class < ARRAY_LEN(slot_sizes)) {
		slot_bytes = slot_sizes[class];
		text = pool_take(class);
	} else {
		text = locked_pages(slot_bytes);
	}
	text->magic = SECRET_TEXT_MAGIC;
	atomic_init(&text->refs, 1);
	text->n = n;
	text->slot_bytes = slot_bytes;
	text->free_next = NULL;
	*ret_p = text->bytes;
	return text;
}

struct secret_text *secret_text_new(struct str plain)
{
	char *p;
	struct secret_text *text = secret_text_room(plain.n, &p);

	if (plain.n > 0)
		memcpy(p, plain.p, plain.n);
	return text;
}

struct str secret_text_str(const struct secret_text *text)
{
	CHECK_OBJ(text, SECRET_TEXT_MAGIC);
	return (struct str){text->bytes, text->n};
}

struct secret_text *secret_text_ref(struct secret_text *text)
{
	CHECK_OBJ(text, SECRET_TEXT_MAGIC);
	CHECK(atomic_fetch_add_explicit(&text->refs, 1, memory_order_relaxed) < UINT32_MAX / 2);
	return text;
}

void secret_text_unref(struct secret_text *text)
{
	size_t slot_bytes, class;

	if (text == NULL)
		return;
	CHECK_OBJ(text, SECRET_TEXT_MAGIC);
	if (atomic_fetch_sub_explicit(&text->refs, 1, memory_order_acq_rel) > 1)
		return;
	slot_bytes = text->slot_bytes;
	class = class_of(slot_bytes);
	crypto_wipe(text, slot_bytes);
	if (class < ARRAY_LEN(slot_sizes))
		pool_give(text, class);
	else
		CHECK(munmap(text, slot_bytes) == 0);
}

/* 0..15, or -1. */
static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err key_from_hex(struct str hex, uint8_t out[CRYPTO_KEY_BYTES])
{
	for (size_t i = 0; i < CRYPTO_KEY_BYTES; i++) {
		int high = nibble(hex.p[2 * i]), low = nibble(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return ERR_CONFIG;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return OK;
}

static enum err key_from_base64(struct str text, uint8_t out[CRYPTO_KEY_BYTES])
{
	char padded[44];
	size_t n;

	if (str_ends(text, STR("=")))
		text.n--;
	if (text.n != sizeof(padded) - 1)
		return ERR_CONFIG;
	if (base64url_get(text, out, CRYPTO_KEY_BYTES, &n) == OK)
		return OK;
	memcpy(padded, text.p, text.n);
	padded[text.n] = '=';
	n = 0;
	if (base64_get((struct str){padded, sizeof(padded)}, out, CRYPTO_KEY_BYTES, &n) != OK)
		n = 0;
	crypto_wipe(padded, sizeof(padded));
	return n == CRYPTO_KEY_BYTES ? OK : ERR_CONFIG;
}

enum err secret_from_text(struct str text, struct secret **ret_secret)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];
	enum err err = OK;

	if (text.n == CRYPTO_KEY_BYTES) {
		memcpy(bytes, text.p, sizeof(bytes));
	} else {
		while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
			text.n--;
		err = text.n == 2 * CRYPTO_KEY_BYTES ? key_from_hex(text, bytes) : key_from_base64(text, bytes);
	}
	if (err == OK)
		*ret_secret = secret_new(bytes);
	crypto_wipe(bytes, sizeof(bytes));
	return err;
}
