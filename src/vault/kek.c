/* Wrapping with keys of our own. A key's name is a digest of it: what a name says of a key is no more than what any
 * value sealed with it says. The lock is held while a data key is wrapped, which takes a microsecond and is rare. */
#include "vault/kek.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

#define KEKS_MAGIC 0x6b656b73u
#define NAME_BYTES 8

struct keks {
	uint32_t magic;
	pthread_mutex_t lock;
	struct secret *own, *current, *previous; /* the last two may be NULL */
};

static const struct secret *present(const struct keks *keks)
{
	return keks->current != NULL ? keks->current : keks->own;
}

static void name_of(const struct secret *key, char ret_name[VAULT_KEK_NAME_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t mac[CRYPTO_MAC_BYTES];
	const struct str text = STR("gatehouse kek name 1");

	crypto_mac(key, &text, 1, mac);
	for (size_t i = 0; i < NAME_BYTES; i++) {
		ret_name[2 * i] = digits[mac[i] >> 4];
		ret_name[2 * i + 1] = digits[mac[i] & 15];
	}
	ret_name[2 * NAME_BYTES] = '\0';
}

static bool is_named(const struct secret *key, struct str name)
{
	char own[VAULT_KEK_NAME_MAX + 1];

	if (key == NULL)
		return false;
	name_of(key, own);
	return str_eq(str_of(own), name);
}

static enum err keks_wrap(void *arg, struct str plain, struct str bound, struct buf *out,
			  char ret_name[VAULT_KEK_NAME_MAX + 1])
{
	struct keks *keks = arg;

	CHECK_OBJ(keks, KEKS_MAGIC);
	CHECK(pthread_mutex_lock(&keks->lock) == 0);
	crypto_seal(present(keks), plain, bound, out);
	name_of(present(keks), ret_name);
	CHECK(pthread_mutex_unlock(&keks->lock) == 0);
	return OK;
}

static const struct secret *find(const struct keks *keks, struct str name)
{
	const struct secret *const keys[] = {keks->current, keks->previous, keks->own};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (is_named(keys[i], name))
			return keys[i];
	return NULL;
}

static enum err keks_unwrap(void *arg, struct str name, struct str wrapped, struct str bound,
			    uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	struct keks *keks = arg;
	const struct secret *key;
	enum err err = ERR_CRYPTO;
	size_t n;

	CHECK_OBJ(keks, KEKS_MAGIC);
	if (wrapped.n != CRYPTO_KEY_BYTES + CRYPTO_SEAL_OVERHEAD)
		return ERR_CRYPTO;
	CHECK(pthread_mutex_lock(&keks->lock) == 0);
	key = find(keks, name);
	if (key != NULL)
		err = crypto_open(key, wrapped, bound, ret_key, &n);
	CHECK(pthread_mutex_unlock(&keks->lock) == 0);
	if (key == NULL)
		log_error("vault.kek_missing", LOG_STR("kek", name),
			  LOG_CSTR("advice",
				   "a data key was wrapped by another credential-kek than those that are here: "
				   "restore it"));
	return err;
}

bool keks_know(struct keks *keks, struct str name)
{
	bool known;

	CHECK_OBJ(keks, KEKS_MAGIC);
	CHECK(pthread_mutex_lock(&keks->lock) == 0);
	known = find(keks, name) != NULL;
	CHECK(pthread_mutex_unlock(&keks->lock) == 0);
	return known;
}

static void keks_name(void *arg, char ret_name[VAULT_KEK_NAME_MAX + 1])
{
	struct keks *keks = arg;

	CHECK_OBJ(keks, KEKS_MAGIC);
	CHECK(pthread_mutex_lock(&keks->lock) == 0);
	name_of(present(keks), ret_name);
	CHECK(pthread_mutex_unlock(&keks->lock) == 0);
}

struct keks *keks_new(struct secret *own)
{
	struct keks *keks = calloc(1, sizeof(*keks));

	CHECK(keks != NULL && own != NULL);
	keks->magic = KEKS_MAGIC;
	CHECK(pthread_mutex_init(&keks->lock, NULL) == 0);
	keks->own = own;
	return keks;
}

void keks_free(struct keks *keks)
{
	if (keks == NULL)
		return;
	CHECK_OBJ(keks, KEKS_MAGIC);
	secret_free(keks->own);
	secret_free(keks->current);
	secret_free(keks->previous);
	pthread_mutex_destroy(&keks->lock);
	keks->magic = 0;
	free(keks);
}

void keks_set(struct keks *keks, struct secret *current, struct secret *previous)
{
	struct secret *gone[2];

	CHECK_OBJ(keks, KEKS_MAGIC);
	CHECK(pthread_mutex_lock(&keks->lock) == 0);
	gone[0] = keks->current;
	gone[1] = keks->previous;
	keks->current = current;
	keks->previous = previous;
	CHECK(pthread_mutex_unlock(&keks->lock) == 0);
	secret_free(gone[0]);
	secret_free(gone[1]);
}

struct vault_kek keks_source(struct keks *keks)
{
	CHECK_OBJ(keks, KEKS_MAGIC);
	return (struct vault_kek){.wrap = keks_wrap, .unwrap = keks_unwrap, .name = keks_name, .arg = keks};
}
