/* Addresses in the trail: sealed for people and tenants, opened by who has the server's key, and gone with the person's
 * key, while the chain goes on verifying. */
#include "trail.h"

#include "audit/seals.h"
#include "base/random.h"
#include "store/audit_row.h"
#include "store/person_key.h"
#include "store/user.h"

static const struct str ada = {"01AAAAAAAAAAAAAAAAAAAAAAAA", ID_LEN};
static const struct str key_id = {"01KKKKKKKKKKKKKKKKKKKKKKKK", ID_LEN};

AWAITS static void make_user(struct db *db, struct str tenant_id)
{
	struct user user = {.id = ada,
			    .tenant_id = tenant_id,
			    .kind = STR("person"),
			    .email = STR("ada@example.com"),
			    .name = STR("Ada"),
			    .role = STR("member"),
			    .created_ms = 1};

	ck_ok(user_insert(db, &user));
}

AWAITS static struct str sealed_for(struct db *db, const struct secret *key, struct str principal, struct str tenant_id,
				    const char *address, char out[SEALED_BYTES_MAX])
{
	struct seals *seals = seals_new(db, key);
	struct str text;

	ck_ok(seals_close(seals, principal, tenant_id, str_of(address), out, &text));
	seals_free(seals);
	return text;
}

AWAITS static struct str opened(struct db *db, const struct secret *key, struct arena *arena, struct str principal,
				struct str tenant_id, struct str text)
{
	struct seals *seals = seals_new(db, key);
	struct str address;

	ck_ok(seals_open(seals, arena, principal, tenant_id, text, &address));
	seals_free(seals);
	return address;
}

static AWAITS void seal_body(struct db *db)
{
	static const char longest[] = "2001:0db8:1111:2222:3333:4444:192.168.100.100";
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random(), *other = secret_random();
	struct tenant acme = test_tenant(db, arena, "acme"), rival = test_tenant(db, arena, "rival");
	char one[SEALED_BYTES_MAX], two[SEALED_BYTES_MAX];
	struct str text, again;

	make_user(db, acme.id);
	text = sealed_for(db, key, ada, acme.id, longest, one);
	ck_assert(text.p[0] == SEAL_MARK);
	ck_assert(memmem(text.p, text.n, "2001", 4) == NULL);
	again = sealed_for(db, key, ada, acme.id, longest, two);
	ck_assert(!str_eq(text, again)); /* who reads rows does not see that they are of one address */
	ck_str(opened(db, key, arena, ada, acme.id, text), longest);
	ck_str(opened(db, key, arena, ada, acme.id, STR("192.0.2.1")), "192.0.2.1");
	ck_str(opened(db, key, arena, ada, acme.id, STR("~damaged")), "");
	ck_str(opened(db, key, arena, key_id, rival.id, text), ""); /* of nobody else */

	/* A key of nobody's: the tenant's. */
	text = sealed_for(db, key, key_id, acme.id, "192.0.2.7", one);
	ck_str(opened(db, key, arena, key_id, acme.id, text), "192.0.2.7");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM person_key"), 2);

	/* Neither: strangers and operators. */
	ck_str(sealed_for(db, key, STR("operator"), STR(""), "192.0.2.8", one), "192.0.2.8");
	ck_str(sealed_for(db, key, STR(""), STR(""), "192.0.2.8", one), "192.0.2.8");
	ck_str(sealed_for(db, key, STR("anonymous"), STR("nowhere"), "192.0.2.8", one), "192.0.2.8");

	/* A copy of the database is worth nothing without the server's key. */
	{
		struct seals *seals = seals_new(db, other);
		struct str address;

		ck_ok(seals_open(seals, arena, key_id, acme.id, text, &address));
		ck_assert_uint_eq(address.n, 0);
		seals_free(seals);
	}
}

START_TEST(addresses_are_sealed)
{
	test_with_store(1, seal_body);
}
END_TEST

static AWAITS void chain_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random(), *chain = trail_key();
	struct tenant acme = test_tenant(db, arena, "acme");
	struct audit *audit = trail_start(db, AUDIT_STRICT);
	struct audit_record record = trail_record(1);
	struct audit_row *rows;
	AUTO_BUF problem = {0};
	int64_t sound;
	size_t count;

	make_user(db, acme.id);
	audit_seal_addresses(audit, key);
	record.principal = ada;
	record.tenant_id = acme.id;
	record.ip = STR("198.51.100.23");
	ck_ok(audit_append(audit, &record));
	record.principal = STR("");
	ck_ok(audit_append(audit, &record));
	ck_ok(test_write(db, "UPDATE person_key SET key = x'' WHERE subject = '01AAAAAAAAAAAAAAAAAAAAAAAA'"));
	audit_stop(audit);

	ck_ok(audit_row_page(db, arena, 0, 10, &rows, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert(rows[0].ip.n > 0 && rows[0].ip.p[0] == SEAL_MARK);
	ck_str(rows[1].ip, "198.51.100.23"); /* of a stranger */
	ck_str(opened(db, key, arena, ada, acme.id, rows[0].ip), "");
	ck_ok(audit_verify(db, chain, &problem, &sound));
	ck_assert_int_eq(sound, 2);

	/* Somebody who was erased gets no key again. */
	{
		char out[SEALED_BYTES_MAX];

		ck_str(sealed_for(db, key, ada, acme.id, "198.51.100.23", out), "");
		ck_ok(person_key_put(db, ada, STR("x")));
		ck_str(sealed_for(db, key, ada, acme.id, "198.51.100.23", out), "");
	}
}

START_TEST(a_destroyed_key_leaves_a_sound_chain)
{
	test_with_store(1, chain_body);
}
END_TEST

UNIT_MAIN("seals", addresses_are_sealed, a_destroyed_key_leaves_a_sound_chain)
