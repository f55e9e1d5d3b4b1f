/* The fault matrix: each request to a service fails in each way, of services of each kind. Afterwards the old or the
 * new token can be used, or the person is asked where the service leaves no other way; and it was never asked twice at
 * once.
 *
 *     strict     a refresh token is good once, and a second use ends the account
 *     forgiving  the one before the last is taken too
 *     lasting    it is always the same */
#include "scene.h"

enum kind { STRICT, FORGIVING, LASTING, KINDS };
static const char *const kind_names[KINDS] = {"strict", "forgiving", "lasting"};

/* What callers get. */
enum end {
	TOKEN,
	LATER,	 /* an error that passes */
	REFUSED, /* CREDENTIAL_REFUSED */
	PERSON,	 /* CREDENTIAL_REAUTH */
};

static const struct {
	const char *name;
	enum fault fault;
	enum end meanwhile;    /* with a token that has ended */
	enum end after[KINDS]; /* when the fault and the pause are over */
	bool dynamic;	       /* we are a client that has registered itself */
} ways[] = {
	{"none", FAULT_NONE, TOKEN, {TOKEN, TOKEN, TOKEN}},
	{"closed before", FAULT_CLOSE, LATER, {TOKEN, TOKEN, TOKEN}},
	{"cut after", FAULT_CUT, LATER, {PERSON, TOKEN, TOKEN}},
	{"half an answer", FAULT_HALF, LATER, {PERSON, TOKEN, TOKEN}},
	{"garbage", FAULT_GARBAGE, LATER, {PERSON, TOKEN, TOKEN}},
	{"a page", FAULT_HTML, LATER, {TOKEN, TOKEN, TOKEN}},
	{"429", FAULT_LATER, LATER, {TOKEN, TOKEN, TOKEN}},
	{"500", FAULT_BROKEN, LATER, {TOKEN, TOKEN, TOKEN}},
	{"late", FAULT_LATE, TOKEN, {TOKEN, TOKEN, TOKEN}},
	{"invalid_grant", FAULT_GRANT, PERSON, {PERSON, PERSON, PERSON}},
	{"invalid_client", FAULT_CLIENT, REFUSED, {TOKEN, TOKEN, TOKEN}},
	{"invalid_client, registered", FAULT_CLIENT, PERSON, {PERSON, PERSON, PERSON}, true},
};

static void service_be(enum kind kind, enum fault fault)
{
	atomic_store(&service.number, 1);
	atomic_store(&service.ended, false);
	atomic_store(&service.asked, 0);
	atomic_store(&service.at_once_max, 0);
	atomic_store(&service.rotates, kind != LASTING);
	atomic_store(&service.forgives, kind == FORGIVING);
	atomic_store(&service.fault, fault);
}

AWAITS static enum end ask(struct scene *scene, bool *ret_old)
{
	struct fresh fresh;
	enum err err = connect_fresh(scene->it.connect, &scene->at, &fresh);

	if (err == ERR_CREDENTIAL_REFUSED)
		return REFUSED;
	if (err == ERR_CREDENTIAL_REAUTH)
		return PERSON;
	if (err != OK) {
		ck_assert_msg(err_row(err)->http_status >= 500, "%s", err_name(err));
		return LATER;
	}
	*ret_old = str_eq(secret_text_str(fresh.token), STR("at-1"));
	fresh_end(&fresh);
	return TOKEN;
}

#define SAY(i, kind) ways[i].name, kind_names[kind]

AWAITS static void pause_is_over(struct scene *scene)
{
	ck_ok(test_write(scene->db, "UPDATE credential SET lease_ms = 1 WHERE lease_by = ''"));
}

/* The token has ended: callers wait for the answer. */
AWAITS static void ended(struct scene *scene, size_t i, enum kind kind)
{
	bool old;

	scene_account(scene, -1000);
	for (int n = 0; n < 5; n++) {
		enum end end = ask(scene, &old);

		ck_assert_msg(end == ways[i].meanwhile, "%s, %s, call %d: %d", SAY(i, kind), n, end);
		ck_assert_msg(end != TOKEN || !old, "%s, %s", SAY(i, kind));
	}
	ck_assert_msg(service.asked == 1, "%s, %s: asked %d times", SAY(i, kind), service.asked);
	atomic_store(&service.fault, FAULT_NONE);
	pause_is_over(scene);
	for (int n = 0; n < 3; n++) {
		enum end end = ask(scene, &old);

		ck_assert_msg(end == ways[i].after[kind], "%s, %s, afterwards: %d", SAY(i, kind), end);
		ck_assert_msg(end != TOKEN || !old, "%s, %s", SAY(i, kind));
	}
}

AWAITS static void wait_for_renewal(struct scene *scene, int asked)
{
	while (service.asked < asked || test_int(scene->db, "SELECT count(*) FROM credential WHERE lease_by = ''") == 0)
		ck_ok(fiber_sleep(2));
}

/* It is due: callers have the old one while it lasts, whatever comes of it. */
AWAITS static void due(struct scene *scene, size_t i, enum kind kind)
{
	bool old = false;
	enum end end;

	scene_account(scene, 60000);
	scene_age(scene);
	ck_assert_msg(ask(scene, &old) == TOKEN && old, "%s, %s", SAY(i, kind));
	wait_for_renewal(scene, 1);
	for (int n = 0; n < 5; n++) {
		end = ask(scene, &old);
		ck_assert_msg(end == (ways[i].meanwhile == PERSON ? PERSON : TOKEN), "%s, %s, due: %d", SAY(i, kind),
			      end);
		ck_assert_msg(end != TOKEN || old == (ways[i].meanwhile != TOKEN), "%s, %s", SAY(i, kind));
	}
	ck_assert_msg(service.asked == 1, "%s, %s: asked %d times", SAY(i, kind), service.asked);
	atomic_store(&service.fault, FAULT_NONE);
	pause_is_over(scene);
	end = ask(scene, &old);
	if (end == TOKEN && old)
		wait_for_renewal(scene, 2);
	end = ask(scene, &old);
	ck_assert_msg(end == ways[i].after[kind], "%s, %s, due, afterwards: %d", SAY(i, kind), end);
	ck_assert_msg(end != TOKEN || !old, "%s, %s", SAY(i, kind));
}

/* A server has refused it before its end: as ended, though what we have seems good. */
AWAITS static void refused(struct scene *scene, size_t i, enum kind kind)
{
	struct connect_refusal refusal = {.status = 401};
	enum connect_verdict verdict = CONNECT_GIVE_UP;
	enum err err;

	scene_account(scene, 3600000);
	refusal.changed_ms = changed_of(scene);
	for (int n = 0; n < 3; n++) {
		err = connect_refused(scene->it.connect, &scene->at, &refusal, &verdict);
		ck_assert_msg((err == OK) == (ways[i].meanwhile == TOKEN || ways[i].meanwhile == PERSON), "%s, %s: %s",
			      SAY(i, kind), err_name(err));
		ck_assert_msg(err != OK || verdict == (ways[i].meanwhile == TOKEN ? CONNECT_AGAIN : CONNECT_CONSENT),
			      "%s, %s: %d", SAY(i, kind), verdict);
	}
	ck_assert_msg(service.asked == 1, "%s, %s: asked %d times", SAY(i, kind), service.asked);
	atomic_store(&service.fault, FAULT_NONE);
	pause_is_over(scene);
	ck_ok(connect_refused(scene->it.connect, &scene->at, &refusal, &verdict));
	ck_assert_msg(verdict == (ways[i].after[kind] == PERSON ? CONNECT_CONSENT : CONNECT_AGAIN), "%s, %s: %d",
		      SAY(i, kind), verdict);
}

static AWAITS void refresh_body(struct db *db)
{
	struct scene scene;

	scene_start(&scene, db);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		for (enum kind kind = 0; kind < KINDS; kind++) {
			scene.settings.client_id = ways[i].dynamic ? STR("") : STR("us");
			service_be(kind, ways[i].fault);
			ended(&scene, i, kind);
			ck_assert_int_eq(service.at_once_max, 1);
			service_be(kind, ways[i].fault);
			due(&scene, i, kind);
			ck_assert_int_eq(service.at_once_max, 1);
			service_be(kind, ways[i].fault);
			refused(&scene, i, kind);
			ck_assert_int_eq(service.at_once_max, 1);
		}
	}
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential"), 1);
	scene_end(&scene);
}

START_TEST(a_refresh_fails_in_each_way)
{
	test_with_store(1, refresh_body);
}
END_TEST

/* The longest way to fail; the caller has left long before. */
static AWAITS void silent_body(struct db *db)
{
	struct scene scene;
	bool old;

	if (test_engine == DB_POSTGRES)
		return; /* 10 s are enough */
	scene_start(&scene, db);
	service_be(FORGIVING, FAULT_SILENT);
	scene_account(&scene, -1000);
	ck_assert_int_eq(ask(&scene, &old), LATER);
	ck_assert_int_eq(ask(&scene, &old), LATER);
	ck_assert_int_eq(service.asked, 1);
	atomic_store(&service.fault, FAULT_NONE);
	pause_is_over(&scene);
	ck_assert_int_eq(ask(&scene, &old), TOKEN);
	scene_end(&scene);
}

START_TEST(a_service_keeps_silent)
{
	test_with_store(1, silent_body);
}
END_TEST

/* A pause grows, and a fleet keeps to it. */
static AWAITS void pauses_body(struct db *db)
{
	struct scene scene;
	int64_t before = 0;
	bool old;

	scene_start(&scene, db);
	service_be(STRICT, FAULT_BROKEN);
	scene_account(&scene, -1000);
	for (int n = 1; n <= 12; n++) {
		int64_t pause_ms;

		ck_assert_int_eq(ask(&scene, &old), LATER);
		ck_assert_int_eq(service.asked, n);
		pause_ms = test_int(db, "SELECT lease_ms FROM credential") - clock_wall_ms();
		ck_assert_msg(pause_ms > before / 4 && pause_ms <= 300000, "%lld after %lld", (long long)pause_ms,
			      (long long)before);
		before = pause_ms;
		pause_is_over(&scene);
	}
	ck_assert_int_gt(before, 140000);
	atomic_store(&service.fault, FAULT_NONE);
	ck_assert_int_eq(ask(&scene, &old), TOKEN);
	ck_assert_int_eq(test_int(db, "SELECT failures + lease_ms FROM credential"), 0);
	scene_end(&scene);
}

START_TEST(pauses_grow)
{
	test_with_store(1, pauses_body);
}
END_TEST

/* ---- ending ---------------------------------------------------------------------- */

static AWAITS void revoke_body(struct db *db)
{
	static const struct {
		enum fault fault;
		bool ended;
	} endings[] = {{FAULT_NONE, true}, {FAULT_CLOSE, false}, {FAULT_BROKEN, false}, {FAULT_CLIENT, false}};
	struct scene scene;

	scene_start(&scene, db);
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		AUTO_BUF problem = {0};

		service_be(STRICT, endings[i].fault);
		atomic_store(&service.revoked, 0);
		scene_account(&scene, 3600000);
		ck_ok(grant_end(scene.it.connect, &scene.at, &problem));
		ck_assert_int_eq(service.revoked, endings[i].ended);
		ck_assert(endings[i].ended == (problem.n == 0));
		ck_no_token(&scene, ERR_CREDENTIAL_MISSING);
		ck_err(grant_end(scene.it.connect, &scene.at, &problem), ERR_CREDENTIAL_MISSING);
	}
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit WHERE event = 'credential.revoked'"),
			 ARRAY_LEN(endings));
	ck_assert_int_eq(
		test_int(db, "SELECT count(*) FROM audit WHERE event = 'credential.revoked' AND outcome = 'ok'"), 1);
	scene_end(&scene);
}

START_TEST(an_ending_fails_in_each_way)
{
	test_with_store(1, revoke_body);
}
END_TEST

/* ---- what is counted ------------------------------------------------------------- */

static void note(void *arg, struct str upstream, const char *outcome, uint64_t n)
{
	buf_put_fmt(arg, "%.*s %s %llu\n", STR_ARG(upstream), outcome, (unsigned long long)n);
}

static AWAITS void counts_body(struct db *db)
{
	AUTO_BUF seen = {0};
	struct scene scene;
	bool old;

	scene_start(&scene, db);
	scene_account(&scene, -1000);
	ck_assert_int_eq(ask(&scene, &old), TOKEN);
	service_be(STRICT, FAULT_BROKEN);
	scene_account(&scene, -1000);
	ck_assert_int_eq(ask(&scene, &old), LATER);
	ck_assert_int_eq(ask(&scene, &old), LATER);
	service_be(STRICT, FAULT_GRANT);
	scene_account(&scene, -1000);
	ck_assert_int_eq(ask(&scene, &old), PERSON);
	connect_each_count(scene.it.connect, note, &seen);
	ck_str(buf_str(&seen), "mail ok 1\nmail later 1\nmail refused 1\n");
	scene_end(&scene);
}

START_TEST(renewals_are_counted)
{
	test_with_store(1, counts_body);
}
END_TEST

DATABASE_MAIN("faults", a_refresh_fails_in_each_way, a_service_keeps_silent, pauses_grow, an_ending_fails_in_each_way,
	      renewals_are_counted)
