/* Many callers, loops and replicas, and one account: whoever comes when, the service is asked once. */
#include "scene.h"

#include <sys/wait.h>

#define REPLICAS 3
#define LOOPS 3
#define CALLERS 100

static struct {
	struct scene scene;
	struct replica_of_connect replica[REPLICAS];
	int64_t refused_ms; /* callers have been refused with this token; 0: they want one */
	const char *want;
	int left;
} fleet;

struct caller {
	struct connect *connect;
	enum connect_verdict verdict;
};

/* On any loop. */
AWAITS static enum err call(void *arg)
{
	struct caller *caller = arg;
	const struct connect_refusal refusal = {.status = 401, .changed_ms = fleet.refused_ms};
	struct fresh fresh;

	if (fleet.refused_ms != 0)
		return connect_refused(caller->connect, &fleet.scene.at, &refusal, &caller->verdict);
	TRY(connect_fresh(caller->connect, &fleet.scene.at, &fresh));
	ck_bytes(secret_text_str(fresh.token), str_of(fleet.want));
	fresh_end(&fresh);
	return OK;
}

AWAITS_ENTRY static void caller_main(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	struct caller caller = {.connect = fleet.replica[n % REPLICAS].connect};

	ck_ok(loop_call(loop_at(n / REPLICAS % LOOPS), "caller", call, &caller));
	if (fleet.refused_ms != 0)
		ck_assert_int_eq(caller.verdict, CONNECT_AGAIN);
	fleet.left--;
}

AWAITS static void all_call(const char *want)
{
	fleet.want = want;
	fleet.left = CALLERS;
	for (uintptr_t i = 0; i < CALLERS; i++)
		ck_ok(fiber_spawn(loop_at(0), "caller", caller_main, (void *)i, 0, NULL));
	while (fleet.left > 0)
		ck_ok(fiber_sleep(1));
}

AWAITS static void fleet_start(struct db *db)
{
	scene_start(&fleet.scene, db);
	for (int i = 0; i < REPLICAS; i++)
		connect_start(&fleet.replica[i], db, fleet.scene.audit);
}

AWAITS static void fleet_end(void)
{
	for (int i = 0; i < REPLICAS; i++)
		connect_stop(&fleet.replica[i]);
	scene_end(&fleet.scene);
}

static AWAITS void once_body(struct db *db)
{
	fleet_start(db);
	scene_account(&fleet.scene, -1000);
	atomic_store(&service.slow, true);
	all_call("at-2"); /* it has ended: all wait */
	ck_assert_int_eq(service.asked, 1);
	fleet.refused_ms = changed_of(&fleet.scene);
	all_call(NULL); /* it is revoked: all are refused */
	ck_assert_int_eq(service.asked, 2);
	fleet.refused_ms = 0;
	ck_ok(test_write(db, "UPDATE credential SET changed_ms = changed_ms - 100000000"));
	atomic_store(&service.life_s, 60);
	scene_account(&fleet.scene, 60000);
	atomic_store(&service.number, 1);
	scene_age(&fleet.scene);
	all_call("at-1"); /* it is due: nobody waits */
	while (atomic_load(&service.refreshed) < 3 ||
	       test_int(db, "SELECT count(*) FROM credential WHERE lease_ms = 0") == 0)
		ck_ok(fiber_sleep(5));
	all_call("at-2");
	ck_assert_int_eq(service.asked, 3);
	ck_assert_int_eq(service.at_once_max, 1);
	fleet_end();
}

START_TEST(a_fleet_asks_once)
{
	test_with_store(LOOPS, once_body);
}
END_TEST

static AWAITS void reauth_body(struct db *db)
{
	struct fresh fresh;

	fleet_start(db);
	scene_account(&fleet.scene, -1000);
	atomic_store(&service.ended, true);
	for (int i = 0; i < REPLICAS * 4; i++)
		ck_err(connect_fresh(fleet.replica[i % REPLICAS].connect, &fleet.scene.at, &fresh),
		       ERR_CREDENTIAL_REAUTH);
	ck_assert_int_eq(service.asked, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit WHERE event = 'credential.reauth_required'"), 1);
	fleet_end();
}

START_TEST(a_fleet_says_once_that_it_ended)
{
	test_with_store(LOOPS, reauth_body);
}
END_TEST

/* ---- while data keys are replaced ------------------------------------------------ */

static AWAITS void rotation_body(struct db *db)
{
	char want[16];

	fleet_start(db);
	scene_account(&fleet.scene, -1000);
	atomic_store(&service.slow, true);
	for (int round = 1; round <= 3; round++) {
		struct vault_rotation rotation = {.made_before_ms = INT64_MAX};

		(void)snprintf(want, sizeof(want), "at-%d", round + 1);
		fleet.want = want;
		fleet.left = CALLERS;
		for (uintptr_t i = 0; i < CALLERS; i++)
			ck_ok(fiber_spawn(loop_at(0), "caller", caller_main, (void *)i, 0, NULL));
		while (atomic_load(&service.refreshed) < round)
			ck_ok(fiber_sleep(1));
		ck_ok(vault_rotate(fleet.replica[round % REPLICAS].replica.vault, &rotation)); /* as the answer comes */
		while (fleet.left > 0)
			ck_ok(fiber_sleep(1));
		fleet.refused_ms = changed_of(&fleet.scene);
		ck_ok(test_write(db, "UPDATE credential SET failures = 0"));
		if (round == 3)
			break;
		ck_assert_int_eq(service.asked, round);
		fleet.refused_ms = 0;
		ck_ok(test_write(db, "DELETE FROM credential"));
		{
			struct grant grant = test_grant("at-0", "rt-0");
			char refresh[16];

			(void)snprintf(refresh, sizeof(refresh), "rt-%d", round + 1);
			grant.refresh_token = str_of(refresh);
			grant.token_url = str_of(service.token_url);
			grant.expires_ms = 1;
			ck_ok(grant_keep(fleet.scene.it.connect, &fleet.scene.at, &grant, GRANT_ACTIVE));
		}
	}
	ck_assert_int_eq(service.asked, 3);
	ck_assert_int_eq(service.at_once_max, 1);
	fleet.refused_ms = 0;
	fleet_end();
}

START_TEST(data_keys_may_be_replaced_meanwhile)
{
	test_with_store(LOOPS, rotation_body);
}
END_TEST

/* ---- changes by others while a service answers ----------------------------------- */

static bool back;
static enum err got;

AWAITS_ENTRY static void waiter_main(void *arg)
{
	struct fresh fresh;

	got = connect_fresh(fleet.replica[0].connect, &fleet.scene.at, &fresh);
	if (got == OK) {
		ck_bytes(secret_text_str(fresh.token), str_of(arg));
		fresh_end(&fresh);
	}
	back = true;
}

AWAITS static void wait_until_asked(const char *want)
{
	back = false;
	ck_ok(fiber_spawn(loop_at(0), "waiter", waiter_main, (void *)(uintptr_t)want, 0, NULL));
	while (atomic_load(&service.asked) == 0)
		ck_ok(fiber_sleep(1));
}

AWAITS static void wait_until_back(void)
{
	while (!back)
		ck_ok(fiber_sleep(1));
}

static AWAITS void reconnected_body(struct db *db)
{
	struct grant grant = test_grant("of-another-person", "rt-9");

	fleet_start(db);
	scene_account(&fleet.scene, -1000);
	atomic_store(&service.slow, true);
	wait_until_asked("of-another-person");
	ck_ok(grant_keep(fleet.replica[1].connect, &fleet.scene.at, &grant, GRANT_ACTIVE));
	wait_until_back();
	ck_ok(got);
	ck_assert_int_eq(service.revoked, 0);
	fleet_end();
}

START_TEST(who_connects_again_wins)
{
	test_with_store(1, reconnected_body);
}
END_TEST

static AWAITS void removed_body(struct db *db)
{
	AUTO_BUF problem = {0};

	fleet_start(db);
	scene_account(&fleet.scene, -1000);
	atomic_store(&service.slow, true);
	wait_until_asked(NULL);
	ck_ok(grant_end(fleet.replica[1].connect, &fleet.scene.at, &problem));
	ck_assert_uint_eq(problem.n, 0);
	wait_until_back();
	ck_err(got, ERR_CREDENTIAL_MISSING);
	ck_assert_int_eq(service.revoked, 2); /* what was kept, and what came after */
	ck_assert_int_eq(
		test_int(db, "SELECT count(*) FROM audit WHERE event = 'credential.revoked' AND outcome = 'ok'"), 1);
	fleet_end();
}

START_TEST(what_comes_too_late_is_ended)
{
	test_with_store(1, removed_body);
}
END_TEST

/* ---- a replica that dies --------------------------------------------------------- */

static char tenant_id[ID_LEN + 1];

static AWAITS void account_body(struct db *db)
{
	struct scene *scene = &fleet.scene;

	fleet_start(db);
	scene_account(scene, -1000);
	memcpy(tenant_id, scene->at.tenant_id.p, ID_LEN);
	for (int i = 0; i < REPLICAS; i++)
		connect_stop(&fleet.replica[i]);
	connect_stop(&scene->it);
	audit_stop(scene->audit);
	arena_free(scene->arena);
}

static AWAITS void dying_body(struct db *db)
{
	struct replica_of_connect it;
	struct fresh fresh;

	connect_start(&it, db, NULL);
	(void)connect_fresh(it.connect, &fleet.scene.at, &fresh);
	_exit(1); /* it should be dead */
}

static void dying_main(void *arg)
{
	test_with_store(1, dying_body);
}

AWAITS_ENTRY static void hasty_main(void *arg)
{
	struct fresh fresh;

	ck_err(connect_fresh(((struct replica_of_connect *)arg)->connect, &fleet.scene.at, &fresh), ERR_TIMEOUT);
	back = true;
}

static AWAITS void survivor_body(struct db *db)
{
	struct replica_of_connect it;
	struct audit *audit;
	struct fresh fresh;
	enum err err;

	ck_ok(audit_start(db, secret_random(), AUDIT_GROUP, &audit));
	connect_start(&it, db, audit);
	atomic_store(&service.fault, FAULT_NONE);
	ck_assert_int_eq(service.asked, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential WHERE lease_by <> ''"), 1);
	back = false;
	ck_ok(fiber_spawn(loop_at(0), "hasty", hasty_main, &it, clock_ms() + 200, NULL));
	while (!back)
		ck_ok(fiber_sleep(5));
	ck_assert_int_eq(service.asked, 1); /* the dead one may be at it yet, for all we know */
	ck_ok(test_write(db, "UPDATE credential SET lease_ms = 1"));
	err = connect_fresh(it.connect, &fleet.scene.at, &fresh);
	if (atomic_load(&service.forgives) || !atomic_load(&service.rotates)) {
		ck_ok(err);
		fresh_end(&fresh);
	} else {
		ck_err(err, ERR_CREDENTIAL_REAUTH); /* the only one that knew the pair is dead */
	}
	ck_assert_int_eq(service.asked, 2);
	connect_stop(&it);
	audit_stop(audit);
}

static void kill_one(bool rotates, bool forgives)
{
	pid_t pid;
	int status;

	test_with_store(1, account_body);
	fleet.scene.at.tenant_id = (struct str){tenant_id, ID_LEN};
	atomic_store(&service.rotates, rotates);
	atomic_store(&service.forgives, forgives);
	atomic_store(&service.fault, FAULT_KILL);
	pid = test_fork(dying_main, NULL, -1);
	atomic_store(&service.victim, pid);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	test_with_store(1, survivor_body);
	service_stop(&service);
}

START_TEST(a_lost_answer_is_asked_for_again)
{
	kill_one(false, false);
}
END_TEST

START_TEST(a_forgiving_service_gives_the_pair_again)
{
	kill_one(true, true);
}
END_TEST

START_TEST(a_strict_service_wants_the_person)
{
	kill_one(true, false);
}
END_TEST

DATABASE_MAIN("fleet", a_fleet_asks_once, a_fleet_says_once_that_it_ended, data_keys_may_be_replaced_meanwhile,
	      who_connects_again_wins, what_comes_too_late_is_ended, a_lost_answer_is_asked_for_again,
	      a_forgiving_service_gives_the_pair_again, a_strict_service_wants_the_person)
