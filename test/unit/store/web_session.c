/* Sessions in the browser as rows: found until they expire, swept in batches, bounded for each user. */
#include "../store_database.h"

#include "store/user.h"
#include "store/web_session.h"

static struct web_session make(const struct user *user, int seed, int64_t created_ms, int64_t expires_ms)
{
	struct web_session session = {
		.tenant_id = user->tenant_id,
		.user_id = user->id,
		.created_ms = created_ms,
		.seen_ms = created_ms,
		.expires_ms = expires_ms,
	};

	memcpy(session.mac, &seed, sizeof(seed));
	return session;
}

AWAITS static struct user make_user(struct db *db, struct arena *arena)
{
	struct tenant acme = test_tenant(db, arena, "acme");
	struct user ada = {.id = STR("01A"),
			   .tenant_id = acme.id,
			   .kind = STR("person"),
			   .email = STR("ada@example.com"),
			   .role = STR("member"),
			   .created_ms = 1};

	ck_ok(user_insert(db, &ada));
	return ada;
}

static AWAITS void life_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct user ada = make_user(db, arena), nobody = {.id = STR("01Z"), .tenant_id = ada.tenant_id};
	struct web_session session = make(&ada, 1, 100, 200), found;

	ck_ok(web_session_insert(db, &session));
	ck_err(web_session_insert(db, &session), ERR_EXISTS);
	ck_ok(web_session_find(db, arena, session.mac, 199, &found));
	ck_str(found.user_id, "01A");
	ck_bytes(found.tenant_id, ada.tenant_id);
	ck_assert_int_eq(found.created_ms, 100);
	ck_err(web_session_find(db, arena, session.mac, 200, &found), ERR_NOT_FOUND);
	session.seen_ms = 150;
	session.expires_ms = 250;
	ck_ok(web_session_touch(db, &session));
	session.seen_ms = 140; /* older news */
	session.expires_ms = 240;
	ck_ok(web_session_touch(db, &session));
	ck_ok(web_session_find(db, arena, session.mac, 249, &found));
	ck_assert_int_eq(found.seen_ms, 150);
	ck_ok(web_session_remove(db, session.mac));
	ck_ok(web_session_remove(db, session.mac));
	ck_err(web_session_find(db, arena, session.mac, 100, &found), ERR_NOT_FOUND);
	session = make(&nobody, 2, 100, 200);
	ck_err(web_session_insert(db, &session), ERR_NOT_FOUND);
}

START_TEST(sessions_live_until_they_expire)
{
	test_with_store(1, life_body);
}
END_TEST

static AWAITS void bound_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct user ada = make_user(db, arena);
	struct web_session session, found;

	for (int i = 0; i < WEB_SESSIONS_PER_USER_MAX + 3; i++) {
		session = make(&ada, i, 100 + i, 1000 + i);
		ck_ok(web_session_insert(db, &session));
	}
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM web_session"), WEB_SESSIONS_PER_USER_MAX);
	ck_ok(web_session_find(db, arena, session.mac, 101, &found)); /* the newest stayed */
	session = make(&ada, 0, 0, 0);
	ck_err(web_session_find(db, arena, session.mac, 101, &found), ERR_NOT_FOUND);
	session = make(&ada, 999, 5000, 6000);
	ck_ok(web_session_insert(db, &session)); /* all others have expired by now */
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM web_session"), 1);
}

START_TEST(sessions_are_bounded)
{
	test_with_store(1, bound_body);
}
END_TEST

DATABASE_MAIN("web_session", sessions_live_until_they_expire, sessions_are_bounded)
