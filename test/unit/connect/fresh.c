/* Fresh tokens: when one is renewed, who waits, what a refusal leads to. */
#include "scene.h"

#include "connect/freshness.h"

START_TEST(a_token_is_judged_by_its_life)
{
	static const struct {
		int64_t changed_ms, expires_ms, ahead_ms, lease_ms, now_ms;
		enum freshness freshness;
		int64_t again_ms;
	} cases[] = {
		{0, 0, 0, 0, 900000, FRESH_GOOD, 0}, /* never ends */
		{0, 600000, 0, 0, 539999, FRESH_GOOD, 540000},
		{0, 600000, 0, 0, 540000, FRESH_DUE, 542000},
		{0, 600000, 0, 580000, 540000, FRESH_DUE, 580000}, /* left alone until then */
		{0, 600000, 0, 599000, 540000, FRESH_DUE, 595000},
		{0, 600000, 0, 0, 594999, FRESH_DUE, 595000},
		{0, 600000, 0, 0, 595000, FRESH_ENDED, 0},
		{0, 86400000, 0, 0, 86099999, FRESH_GOOD, 86100000}, /* five minutes before at most */
		{0, 86400000, 7200000, 0, 79200000, FRESH_DUE, 79202000},
		{0, 3600000, 7200000, 0, 1799999, FRESH_GOOD, 1800000}, /* half of it at most */
		{0, 1000, 0, 0, 949, FRESH_DUE, 950},
		{0, 1000, 0, 0, 950, FRESH_ENDED, 0},
		{5000, 1000, 0, 0, 999, FRESH_GOOD, 1000}, /* clocks that differ */
		{5000, 1000, 0, 0, 5000, FRESH_ENDED, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct grant grant = {.access_token = STR("at"), .expires_ms = cases[i].expires_ms};
		const struct credential_row row = {
			.state = STR("active"), .changed_ms = cases[i].changed_ms, .lease_ms = cases[i].lease_ms};
		int64_t again_ms = -1;
		enum freshness freshness = freshness_of(&grant, &row, cases[i].ahead_ms, cases[i].now_ms, &again_ms);

		ck_assert_msg(freshness == cases[i].freshness && again_ms == cases[i].again_ms,
			      "case %zu: %d, again %lld", i, (int)freshness, (long long)again_ms);
	}
}
END_TEST

/* ---- with a service -------------------------------------------------------------- */

static AWAITS void waiting_body(struct db *db)
{
	struct scene scene;
	struct fresh fresh;

	scene_start(&scene, db);
	ck_no_token(&scene, ERR_CREDENTIAL_MISSING);
	scene_account(&scene, 3600000);
	ck_token(&scene, "at-1");
	ck_assert_int_eq(service.asked, 0);

	scene_account(&scene, -1000); /* ended: waited for */
	ck_ok(connect_fresh(scene.it.connect, &scene.at, &fresh));
	ck_str(secret_text_str(fresh.token), "at-2");
	ck_assert(fresh.type == TOKEN_BEARER && fresh.dpop == NULL && strlen(fresh.id) == ID_LEN);
	ck_assert(fresh.expires_ms > clock_wall_ms() + 3500000 && fresh.again_ms == fresh.expires_ms - 300000);
	fresh_end(&fresh);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential WHERE lease_ms = 0 AND lease_by = ''"), 1);

	scene_end(&scene);
}

START_TEST(an_ended_token_is_waited_for)
{
	test_with_store(1, waiting_body);
}
END_TEST

static AWAITS void ahead_body(struct db *db)
{
	struct scene scene;
	int64_t before, after;

	scene_start(&scene, db);
	scene_account(&scene, 60000);
	scene_age(&scene); /* in the last tenth of its life */
	ck_ok(store_generation(db, &before));
	atomic_store(&service.slow, true);
	for (int i = 0; i < 10; i++)
		ck_token(&scene, "at-1"); /* nobody waits */
	while (test_int(db, "SELECT count(*) FROM credential WHERE lease_by = ''") == 0 || service.refreshed == 0)
		ck_ok(fiber_sleep(5));
	ck_token(&scene, "at-2");
	ck_assert_int_eq(service.refreshed, 1);
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before); /* what caches have is good yet */
	scene_end(&scene);
}

START_TEST(a_due_token_is_given_and_renewed)
{
	test_with_store(1, ahead_body);
}
END_TEST

static AWAITS void ended_body(struct db *db)
{
	struct scene scene;

	scene_start(&scene, db);
	scene_account(&scene, -1000);
	atomic_store(&service.ended, true);
	for (int i = 0; i < 3; i++)
		ck_no_token(&scene, ERR_CREDENTIAL_REAUTH);
	ck_assert_int_eq(service.asked, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit WHERE event = 'credential.reauth_required'"
				      " AND principal = 'u1' AND upstream = 'mail' AND outcome = 'invalid_grant'"),
			 1);
	atomic_store(&service.ended, false);
	scene_account(&scene, 3600000); /* connected again */
	ck_token(&scene, "at-1");
	scene_end(&scene);
}

START_TEST(a_sign_in_ends_once)
{
	test_with_store(1, ended_body);
}
END_TEST

static AWAITS void lone_body(struct db *db)
{
	struct grant grant = test_grant("at-1", "");
	struct scene scene;

	scene_start(&scene, db);
	grant.expires_ms = clock_wall_ms() - 1;
	ck_ok(grant_keep(scene.it.connect, &scene.at, &grant, GRANT_ACTIVE));
	ck_no_token(&scene, ERR_CREDENTIAL_REAUTH); /* there is nothing to renew it with */
	ck_no_token(&scene, ERR_CREDENTIAL_REAUTH);
	ck_assert_int_eq(service.asked, 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit WHERE outcome = 'expired'"), 1);
	scene_end(&scene);
}

START_TEST(a_token_without_another_ends)
{
	test_with_store(1, lone_body);
}
END_TEST

/* ---- flows without a person ------------------------------------------------------ */

static AWAITS void machine_body(struct db *db)
{
	struct scene scene;

	scene_start(&scene, db);
	scene.settings.flow = AUTH_FLOW_CLIENT;
	scene.settings.token_url = str_of(service.token_url);
	scene.at.user_id = STR("");
	atomic_store(&service.fault, FAULT_CLIENT);
	ck_no_token(&scene, ERR_CREDENTIAL_REFUSED);
	ck_no_token(&scene, ERR_CREDENTIAL_REFUSED); /* without asking */
	ck_assert_int_eq(service.asked, 1);
	atomic_store(&service.fault, FAULT_NONE);
	ck_ok(test_write(db, "UPDATE credential SET lease_ms = 1")); /* the pause is over */
	ck_token(&scene, "at-2");
	ck_token(&scene, "at-2");
	ck_assert_int_eq(service.asked, 2);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential WHERE state = 'active' AND failures = 0"), 1);
	scene_end(&scene);
}

START_TEST(a_machine_asks_for_itself)
{
	test_with_store(1, machine_body);
}
END_TEST

/* ---- refusals -------------------------------------------------------------------- */

AWAITS static enum connect_verdict refuse(struct scene *scene, int status, const char *challenge, int64_t changed_ms)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct challenges challenges = {0};
	struct connect_refusal refusal = {.status = status, .challenges = &challenges, .changed_ms = changed_ms};
	enum connect_verdict verdict;

	challenges_read(arena, str_of(challenge), &challenges);
	ck_ok(connect_refused(scene->it.connect, &scene->at, &refusal, &verdict));
	return verdict;
}

static AWAITS void refused_body(struct db *db)
{
	struct scene scene;
	int64_t first;

	scene_start(&scene, db);
	ck_assert_int_eq(refuse(&scene, 401, "Bearer", 5), CONNECT_CONSENT);
	scene_account(&scene, 3600000);
	first = changed_of(&scene);
	ck_assert_int_eq(refuse(&scene, 403, "Bearer error=\"invalid_token\"", first), CONNECT_GIVE_UP);
	ck_assert_int_eq(refuse(&scene, 401, "Bearer", first), CONNECT_AGAIN);
	ck_token(&scene, "at-2");
	ck_assert_int_eq(refuse(&scene, 401, "Bearer", first), CONNECT_AGAIN); /* of the one before */
	ck_assert_int_eq(service.asked, 1);
	for (int i = 0; i < 5; i++) /* a server that takes none */
		ck_assert_int_eq(refuse(&scene, 401, "Bearer", changed_of(&scene)), CONNECT_GIVE_UP);
	ck_assert_int_eq(service.asked, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential WHERE state = 'refused'"), 1);
	ck_ok(test_write(db, "UPDATE credential SET changed_ms = changed_ms - 2001"));
	ck_assert_int_eq(refuse(&scene, 401, "Bearer", changed_of(&scene)), CONNECT_AGAIN);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential WHERE state = 'active'"), 1);
	ck_ok(test_write(db, "UPDATE credential SET changed_ms = changed_ms - 2001")); /* 4 s now */
	ck_assert_int_eq(refuse(&scene, 401, "Bearer", changed_of(&scene)), CONNECT_GIVE_UP);
	ck_assert_int_eq(service.asked, 2);
	atomic_store(&service.ended, true);
	ck_ok(test_write(db, "UPDATE credential SET changed_ms = changed_ms - 600001"));
	ck_assert_int_eq(refuse(&scene, 401, "Bearer", changed_of(&scene)), CONNECT_CONSENT);
	ck_assert_int_eq(refuse(&scene, 401, "Bearer", changed_of(&scene)), CONNECT_CONSENT);
	ck_assert_int_eq(service.asked, 3);
	ck_no_token(&scene, ERR_CREDENTIAL_REAUTH);
	scene_end(&scene);
}

START_TEST(refusals_lead_to_one_renewal)
{
	test_with_store(1, refused_body);
}
END_TEST

static AWAITS void scopes_body(struct db *db)
{
	const char *more = "Bearer error=\"insufficient_scope\", scope=\"read write\"";
	AUTO(arena) *arena = arena_new(1 << 20);
	struct credential_row row;
	struct grant grant;
	struct scene scene;

	scene_start(&scene, db);
	scene_account(&scene, 3600000); /* has "read" */
	ck_assert_int_eq(refuse(&scene, 403, "Bearer error=\"insufficient_scope\", scope=\"read\"", changed_of(&scene)),
			 CONNECT_GIVE_UP);
	ck_assert_int_eq(refuse(&scene, 403, "Bearer error=\"insufficient_scope\"", changed_of(&scene)),
			 CONNECT_GIVE_UP);
	ck_assert_int_eq(refuse(&scene, 403, more, changed_of(&scene)), CONNECT_CONSENT);
	ck_ok(grant_find(scene.it.connect, arena, &scene.at, &grant, &row));
	ck_str(grant.wanted_scope, "read write");
	ck_assert_int_eq(refuse(&scene, 403, more, row.changed_ms), CONNECT_CONSENT);
	ck_assert_int_eq(changed_of(&scene), row.changed_ms); /* noted once */
	ck_assert_int_eq(service.asked, 0);

	scene.settings.flow = AUTH_FLOW_CLIENT;
	scene.settings.token_url = str_of(service.token_url);
	ck_assert_int_eq(refuse(&scene, 403, more, row.changed_ms), CONNECT_AGAIN);
	ck_ok(grant_find(scene.it.connect, arena, &scene.at, &grant, &row));
	ck_str(grant.scope, "read write");
	ck_assert_uint_eq(grant.wanted_scope.n, 0);
	ck_assert_int_eq(refuse(&scene, 403, more, row.changed_ms), CONNECT_GIVE_UP);
	scene_end(&scene);
}

START_TEST(more_scopes_are_agreed_to)
{
	test_with_store(1, scopes_body);
}
END_TEST

DATABASE_MAIN("fresh", a_token_is_judged_by_its_life, an_ended_token_is_waited_for, a_due_token_is_given_and_renewed,
	      a_sign_in_ends_once, a_token_without_another_ends, a_machine_asks_for_itself,
	      refusals_lead_to_one_renewal, more_scopes_are_agreed_to)
