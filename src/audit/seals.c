/* Sealing addresses. Whose key: the principal's if it is a user, else the tenant's. A row does not say which, so that
 * it need not be read: who opens it tries the one and then the other, and a seal of a key that is gone opens with
 * neither.
 *
 *     principal --> slot (by hash) --> opened key --> AES-256-GCM, base64url
 *                     |  none, or older than a minute
 *                     +--> person_key_get, made on first need, opened with the server's key
 *
 * A slot is one loop's; whatever fiber comes back from the database last fills it. */
#include "audit/seals.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "store/person_key.h"

#define SEALS_MAGIC 0x5345414cu /* "SEAL" */
#define KEY_ARENA_BYTES 8192
#define SEALED_KEY_BYTES (CRYPTO_KEY_BYTES + CRYPTO_SEAL_OVERHEAD)

enum slot_state { SLOT_EMPTY, SLOT_KEY, SLOT_NOBODY, SLOT_ERASED };

struct slot {
	char principal[ID_LEN + 1], tenant_id[ID_LEN + 1];
	enum slot_state state;
	struct secret *key; /* SLOT_KEY */
	int64_t until_ms;   /* on clock_ms() */
};

struct seals {
	uint32_t magic;
	struct db *db;
	const struct secret *key;
	struct slot slots[SEALS_KEPT_MAX];
};

struct seals *seals_new(struct db *db, const struct secret *key)
{
	struct seals *seals = calloc(1, sizeof(*seals));

	CHECK(seals != NULL);
	seals->magic = SEALS_MAGIC;
	seals->db = db;
	seals->key = key;
	return seals;
}

void seals_free(struct seals *seals)
{
	if (seals == NULL)
		return;
	CHECK_OBJ(seals, SEALS_MAGIC);
	for (size_t i = 0; i < SEALS_KEPT_MAX; i++)
		secret_free(seals->slots[i].key);
	seals->magic = 0;
	free(seals);
}

/* Bound to its subject: a row's key put into another's opens nothing. */
static struct str bound_of(struct arena *arena, struct str subject)
{
	return arena_fmt(arena, "person-key %.*s", STR_ARG(subject));
}

/*   ret_key    NULL: it was destroyed
 *   Errors     ERR_NOT_FOUND: none yet; ERR_CRYPTO: not sealed by us */
AWAITS static enum err read_key(struct seals *seals, struct arena *arena, struct str subject, struct secret **ret_key)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];
	struct str sealed;
	size_t n;

	TRY(person_key_get(seals->db, arena, subject, &sealed));
	*ret_key = NULL;
	if (sealed.n == 0)
		return OK;
	if (sealed.n != SEALED_KEY_BYTES)
		return ERR_CRYPTO;
	TRY(crypto_open(seals->key, sealed, bound_of(arena, subject), bytes, &n));
	*ret_key = secret_new(bytes);
	return OK;
}

AWAITS static enum err find_or_make(struct seals *seals, struct arena *arena, struct str subject,
				    struct secret **ret_key)
{
	AUTO_BUF sealed = {0};
	uint8_t bytes[CRYPTO_KEY_BYTES];
	enum err err = read_key(seals, arena, subject, ret_key);

	if (err != ERR_NOT_FOUND)
		return err;
	random_bytes(bytes, sizeof(bytes));
	crypto_seal(seals->key, (struct str){(const char *)bytes, sizeof(bytes)}, bound_of(arena, subject), &sealed);
	crypto_wipe(bytes, sizeof(bytes));
	TRY(person_key_put(seals->db, subject, buf_str(&sealed)));
	return read_key(seals, arena, subject, ret_key);
}

static struct slot *slot_of(struct seals *seals, struct str principal)
{
	return &seals->slots[str_hash(principal) % SEALS_KEPT_MAX];
}

static bool slot_is(const struct slot *slot, struct str principal, struct str tenant_id)
{
	return slot->state != SLOT_EMPTY && str_eq(str_of(slot->principal), principal) &&
	       str_eq(str_of(slot->tenant_id), tenant_id) && slot->until_ms > clock_ms();
}

/* Takes over the key. */
static void slot_fill(struct slot *slot, struct str principal, struct str tenant_id, enum slot_state state,
		      struct secret *key)
{
	secret_free(slot->key);
	*slot = (struct slot){.state = state, .key = key, .until_ms = clock_ms() + SEALS_KEPT_MS};
	memcpy(slot->principal, principal.p, principal.n);
	memcpy(slot->tenant_id, tenant_id.p, tenant_id.n);
}

/* The principal's slot, filled; valid until something waits. */
AWAITS static enum err look_up(struct seals *seals, struct str principal, struct str tenant_id, struct slot **ret_slot)
{
	AUTO(arena) *arena = arena_new(KEY_ARENA_BYTES);
	struct secret *key = NULL;
	enum err err;

	*ret_slot = slot_of(seals, principal);
	if (slot_is(*ret_slot, principal, tenant_id))
		return OK;
	err = find_or_make(seals, arena, principal, &key);
	if (err == ERR_NOT_FOUND)
		err = find_or_make(seals, arena, tenant_id, &key);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	slot_fill(*ret_slot, principal, tenant_id,
		  err == ERR_NOT_FOUND ? SLOT_NOBODY
		  : key == NULL	       ? SLOT_ERASED
				       : SLOT_KEY,
		  key);
	return OK;
}

static const struct str seal_bound = {"address", 7};

AWAITS enum err seals_close(struct seals *seals, struct str principal, struct str tenant_id, struct str address,
			    char out[SEALED_BYTES_MAX], struct str *ret_text)
{
	AUTO_BUF sealed = {0}, text = {0};
	struct slot *slot;

	CHECK_OBJ(seals, SEALS_MAGIC);
	*ret_text = address;
	if (address.n == 0 || address.p[0] == SEAL_MARK || principal.n == 0 || tenant_id.n == 0)
		return OK;
	if (address.n > SEALABLE_BYTES_MAX || principal.n > ID_LEN || tenant_id.n > ID_LEN)
		return ERR_LIMIT;
	TRY(look_up(seals, principal, tenant_id, &slot));
	if (slot->state == SLOT_NOBODY)
		return OK;
	*ret_text = STR("");
	if (slot->state == SLOT_ERASED)
		return OK;
	crypto_seal(slot->key, address, seal_bound, &sealed);
	buf_put_byte(&text, SEAL_MARK);
	base64url_put(&text, sealed.p, sealed.n);
	CHECK(text.n < SEALED_BYTES_MAX);
	memcpy(out, text.p, text.n);
	*ret_text = (struct str){out, text.n};
	return OK;
}

/* With one subject's key, which then is at hand under (subject, no tenant).
 *   Errors     ERR_CRYPTO: it is not the one, or there is none */
AWAITS static enum err open_with(struct seals *seals, struct arena *arena, struct str subject, struct str sealed,
				 struct str *ret_address)
{
	struct slot *slot = slot_of(seals, subject);
	char *address = arena_alloc(arena, SEALED_BYTES_MAX);
	size_t n;

	if (subject.n == 0 || subject.n > ID_LEN)
		return ERR_CRYPTO;
	if (!slot_is(slot, subject, STR(""))) {
		struct secret *key = NULL;
		enum err err = read_key(seals, arena, subject, &key);

		if (err != OK && err != ERR_NOT_FOUND)
			return err;
		slot_fill(slot, subject, STR(""), key == NULL ? SLOT_ERASED : SLOT_KEY, key);
	}
	if (slot->state != SLOT_KEY)
		return ERR_CRYPTO;
	TRY(crypto_open(slot->key, sealed, seal_bound, address, &n));
	*ret_address = (struct str){address, n};
	return OK;
}

AWAITS enum err seals_open(struct seals *seals, struct arena *arena, struct str principal, struct str tenant_id,
			   struct str text, struct str *ret_address)
{
	uint8_t bytes[SEALED_BYTES_MAX];
	struct str sealed = {(const char *)bytes, 0};
	enum err err;

	CHECK_OBJ(seals, SEALS_MAGIC);
	*ret_address = text;
	if (text.n == 0 || text.p[0] != SEAL_MARK)
		return OK;
	*ret_address = STR("");
	if (base64url_get(str_skip(text, 1), bytes, sizeof(bytes), &sealed.n) != OK)
		return OK;
	err = open_with(seals, arena, principal, sealed, ret_address);
	if (err == ERR_CRYPTO)
		err = open_with(seals, arena, tenant_id, sealed, ret_address);
	return err == ERR_CRYPTO ? OK : err;
}

AWAITS enum err seals_open_rows(struct db *db, const struct secret *key, struct arena *arena, struct audit_row *rows,
				size_t count)
{
	struct seals *seals = key == NULL ? NULL : seals_new(db, key);
	enum err err = OK;

	for (size_t i = 0; i < count && seals != NULL && err == OK; i++)
		err = seals_open(seals, arena, rows[i].principal, rows[i].tenant_id, rows[i].ip, &rows[i].ip);
	seals_free(seals);
	return err;
}
