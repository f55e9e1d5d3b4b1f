/* Which key wraps tenants' data keys.
 *
 *     the provider wraps (Vault's transit)  >  credential-kek  >  a key derived from server-key
 *
 * Each of them may be set up later: data keys under a former one still open, and are wrapped anew by the next rotation
 * or by the daily job. Another replica or a command may know a new KEK before we do, so a name that we do not know
 * makes us ask again before anything is given up. */
#include "gateway/kek.h"

#include <stdlib.h>

#include "base/check.h"
#include "vault/kek.h"

#define KEK_MAGIC 0x6b656b31u
#define CURRENT STR("credential-kek")
#define PREVIOUS STR("credential-kek-previous")
#define BY_PROVIDER "provider" /* the name of a wrapping that the provider made */

struct kek {
	uint32_t magic;
	struct secrets *secrets;
	struct keks *keks;
	bool found; /* there is a credential-kek */
};

AWAITS static enum err ask(struct kek *kek, struct str name, struct buf *problem, struct secret **ret_key)
{
	AUTO_BUF words = {0};
	enum err err = secrets_get_key(kek->secrets, name, false, &words, ret_key);

	if (err == ERR_NOT_FOUND)
		return OK;
	buf_put(problem, buf_str(&words));
	return err;
}

AWAITS static enum err refresh(struct kek *kek, struct buf *problem)
{
	struct secret *current = NULL, *previous = NULL;
	enum err err;

	TRY(ask(kek, CURRENT, problem, &current));
	err = ask(kek, PREVIOUS, problem, &previous);
	if (err != OK) {
		secret_free(current);
		return err;
	}
	kek->found = current != NULL;
	keks_set(kek->keks, current, previous);
	return OK;
}

AWAITS static enum err wrap(void *arg, struct str plain, struct str bound, struct buf *out,
			    char ret_name[VAULT_KEK_NAME_MAX + 1])
{
	struct vault_kek own = keks_source(((struct kek *)arg)->keks);
	struct secrets *secrets = ((struct kek *)arg)->secrets;
	AUTO_BUF problem = {0};

	if (!secrets_can_wrap(secrets))
		return own.wrap(own.arg, plain, bound, out, ret_name);
	memcpy(ret_name, BY_PROVIDER, sizeof(BY_PROVIDER));
	return secrets_wrap(secrets, plain, bound, &problem, out);
}

AWAITS static enum err unwrap_there(struct kek *kek, struct str wrapped, struct str bound,
				    uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	AUTO(secret_text) *plain = NULL;
	AUTO_BUF problem = {0};

	if (!secrets_can_wrap(kek->secrets))
		return ERR_CRYPTO;
	TRY(secrets_unwrap(kek->secrets, wrapped, bound, &problem, &plain));
	if (secret_text_str(plain).n != CRYPTO_KEY_BYTES)
		return ERR_CRYPTO;
	memcpy(ret_key, secret_text_str(plain).p, CRYPTO_KEY_BYTES);
	return OK;
}

AWAITS static enum err unwrap(void *arg, struct str name, struct str wrapped, struct str bound,
			      uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	struct kek *kek = arg;
	struct vault_kek own = keks_source(kek->keks);
	AUTO_BUF problem = {0};

	if (str_eq(name, STR(BY_PROVIDER)))
		return unwrap_there(kek, wrapped, bound, ret_key);
	if (!keks_know(kek->keks, name))
		TRY(refresh(kek, &problem));
	return own.unwrap(own.arg, name, wrapped, bound, ret_key);
}

static void name_now(void *arg, char ret_name[VAULT_KEK_NAME_MAX + 1])
{
	struct kek *kek = arg;
	struct vault_kek own = keks_source(kek->keks);

	if (secrets_can_wrap(kek->secrets))
		memcpy(ret_name, BY_PROVIDER, sizeof(BY_PROVIDER));
	else
		own.name(own.arg, ret_name);
}

AWAITS static enum err on_changed(void *arg, struct str name, const struct secret_text *value)
{
	AUTO_BUF problem = {0};

	return refresh(arg, &problem);
}

AWAITS enum err kek_open(struct secrets *secrets, struct secret *own, struct buf *problem, struct kek **ret_kek)
{
	struct kek *kek = calloc(1, sizeof(*kek));
	enum err err;

	CHECK(kek != NULL);
	kek->magic = KEK_MAGIC;
	kek->secrets = secrets;
	kek->keks = keks_new(own);
	err = refresh(kek, problem);
	if (err == OK)
		*ret_kek = kek;
	else
		kek_close(kek);
	return err;
}

void kek_close(struct kek *kek)
{
	if (kek == NULL)
		return;
	CHECK_OBJ(kek, KEK_MAGIC);
	secrets_unwatch(kek->secrets, on_changed, kek);
	keks_free(kek->keks);
	kek->magic = 0;
	free(kek);
}

enum err kek_follow(struct kek *kek)
{
	CHECK_OBJ(kek, KEK_MAGIC);
	/* One that is not there would be missed, aloud, at every look. */
	return kek->found ? secrets_watch(kek->secrets, CURRENT, NULL, on_changed, kek) : OK;
}

struct vault_kek kek_source(struct kek *kek)
{
	CHECK_OBJ(kek, KEK_MAGIC);
	return (struct vault_kek){.wrap = wrap, .unwrap = unwrap, .name = name_now, .arg = kek};
}
