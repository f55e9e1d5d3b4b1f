/* A vault over the case's database, and rows for it to seal. */
#ifndef GATEHOUSE_TEST_VAULT_FIXTURE_H
#define GATEHOUSE_TEST_VAULT_FIXTURE_H

#include "../store_database.h"

#include "store/credential.h"
#include "store/data_key.h"
#include "store/sealed.h"
#include "vault/kek.h"

/* A replica: what it believes the generation to be moves only when the test says so. */
struct replica {
	struct keks *keks;
	struct vault *vault;
	int64_t generation;
};

static inline int64_t replica_generation(void *arg)
{
	return ((struct replica *)arg)->generation;
}

/* A key of 32 equal bytes, so that processes can have the same one. */
static inline struct secret *test_kek(uint8_t byte)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	memset(bytes, byte, sizeof(bytes));
	return secret_new(bytes);
}

static inline void replica_start(struct replica *replica, struct db *db, uint8_t kek)
{
	replica->keks = keks_new(test_kek(kek));
	replica->generation = 1;
	replica->vault = vault_new(&(struct vault_spec){
		.db = db, .kek = keks_source(replica->keks), .generation = replica_generation, .arg = replica});
}

static inline void replica_stop(struct replica *replica)
{
	vault_free(replica->vault);
	keks_free(replica->keks);
}

AWAITS static inline void replica_follow(struct replica *replica, struct db *db)
{
	ck_ok(store_generation(db, &replica->generation));
}

static inline struct vault_place test_place(struct str tenant_id, struct str row)
{
	return (struct vault_place){tenant_id, sealed_kind_name(SEALED_CREDENTIAL), row};
}

/* Keep a credential; `secret` is sealed. */
AWAITS static inline enum err test_keep(struct db *db, struct vault *vault, struct str tenant_id, const char *id,
					const char *upstream, struct str secret)
{
	const struct vault_place place = test_place(tenant_id, str_of(id));
	AUTO_BUF sealed = {0};

	TRY(vault_seal(vault, &place, secret, &sealed));
	return credential_insert(db, &(struct credential_row){.id = str_of(id),
							      .tenant_id = tenant_id,
							      .upstream = str_of(upstream),
							      .kind = STR("static"),
							      .state = STR("active"),
							      .sealed = buf_str(&sealed),
							      .created_ms = 1000});
}

/* Read a credential as a call does: once more if it was sealed anew in between. */
AWAITS static inline enum err test_read(struct db *db, struct vault *vault, struct str tenant_id, const char *id,
					struct secret_text **ret_plain)
{
	const struct vault_place place = test_place(tenant_id, str_of(id));
	enum err err = ERR_NOT_FOUND;

	for (int i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		AUTO(arena) *arena = arena_new(1 << 20);
		struct credential_row credential;

		TRY(credential_get(db, arena, tenant_id, str_of(id), &credential));
		err = vault_open(vault, &place, credential.sealed, ret_plain);
	}
	return err;
}

#define ck_reads(db, vault, tenant_id, id, want)                                                                       \
	do {                                                                                                           \
		AUTO(secret_text) *ck_plain_ = NULL;                                                                   \
		ck_ok(test_read(db, vault, tenant_id, id, &ck_plain_));                                                \
		ck_bytes(secret_text_str(ck_plain_), str_of(want));                                                    \
	} while (0)

#define ck_reads_not(db, vault, tenant_id, id, want)                                                                   \
	do {                                                                                                           \
		struct secret_text *ck_plain_ = NULL;                                                                  \
		ck_err(test_read(db, vault, tenant_id, id, &ck_plain_), want);                                         \
		ck_assert_ptr_null(ck_plain_);                                                                         \
	} while (0)

#endif
